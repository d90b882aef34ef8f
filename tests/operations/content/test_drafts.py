"""Drafts: written by one editor at a time, kept unfinished, published whole, brought back."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from operations.content.questions import (
    AssignmentContent,
    LessonContent,
    QuestionKind,
    QuizContent,
)
from operations.content.writing import WrittenChoice, WrittenQuestion, WrittenQuiz
from operations.refusals import Code, Denied, Refused
from tests.content import EVERY_KIND, as_written
from tests.operations.content.writing import (
    MAY_LOOK,
    MAY_NEITHER,
    MAY_WRITE,
    draft_of,
    edit,
    paths,
    publish,
    refused,
    rename,
    revert,
    revision,
    says,
)
from tests.world import World

YES = WrittenQuestion(QuestionKind.TRUE_FALSE, "Is it?", is_true=True)


@pytest.mark.spec("C22", "C14", "M20")
@pytest.mark.parametrize("name", MAY_WRITE)
async def test_whoever_may_write_a_module_edits_publishes_reverts_and_renames_it(
    school: World, name: str
) -> None:
    await edit(school, name, "Ropes", "One")
    first = await publish(school, name, "Ropes", note="At last.")
    await edit(school, name, "Ropes", "Two")
    await revert(school, name, "Ropes")
    await rename(school, name, "Ropes", "Cords")

    assert (first.number, first.title, first.note) == (1, "Ropes", "At last.")
    assert await says(school, "Ropes") == LessonContent("One")
    assert (await revision(school, "Ropes", 1)).title == "Ropes"
    assert (await school.verbs())[-5:] == [
        "module.edited",
        "module.published",
        "module.edited",
        "module.reverted",
        "module.renamed",
    ]


@pytest.mark.spec("M13", "C12")
@pytest.mark.parametrize("name", [*MAY_NEITHER, *MAY_LOOK])
async def test_nobody_else_changes_content(school: World, name: str) -> None:
    await edit(school, "Ina", "Ropes", "One")
    await publish(school, "Ina", "Ropes")
    await edit(school, "Ina", "Ropes", "Two")
    before = await school.verbs()

    said = [
        await refused(edit(school, name, "Ropes", "Mine", 2)),
        await refused(publish(school, name, "Ropes")),
        await refused(revert(school, name, "Ropes")),
        await refused(rename(school, name, "Ropes", "Mine")),
    ]

    assert [type(each) for each in said] == [Denied] * 4
    assert await says(school, "Ropes") == LessonContent("Two")
    assert await school.verbs() == before


@pytest.mark.spec("C8", "C14")
@pytest.mark.parametrize("name", ["Cleo", "Edda"])
async def test_a_right_on_one_module_is_a_right_on_that_module_alone(
    school: World, name: str
) -> None:
    """Cleo made Ropes, Edda holds Module Edit on it; Exam lies beside it in the same course."""
    said = await refused(edit(school, name, "Exam", WrittenQuiz([YES]), 0))

    assert isinstance(said, Refused | Denied)
    assert await says(school, "Exam") == QuizContent()


@pytest.mark.spec("C2")
async def test_a_module_of_elsewhere_is_not_there(school: World) -> None:
    said = [
        await refused(edit(school, "Ina", "Statutes", "Mine", 0)),
        await refused(publish(school, "Ina", "Statutes")),
        await refused(revert(school, "Ina", "Statutes")),
    ]

    assert [each.code for each in said if isinstance(each, Refused)] == [Code.NOT_FOUND] * 3


async def test_two_editors_notice_each_other(school: World) -> None:
    await edit(school, "Ina", "Ropes", "Hers", 0)

    late = await refused(edit(school, "Edda", "Ropes", "Mine", 0))

    assert isinstance(late, Refused)
    assert late.code is Code.CONFLICT
    assert late.details["version"] == 1
    assert await says(school, "Ropes") == LessonContent("Hers")


async def test_of_two_who_write_at_once_one_is_told(school: World) -> None:
    said = await asyncio.gather(
        edit(school, "Ina", "Ropes", "Hers", 0),
        edit(school, "Edda", "Ropes", "Mine", 0),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in said) == ["ModuleDraft", "Refused"]
    assert (await draft_of(school, "Ropes")).version == 1


async def test_publishing_and_reverting_what_one_has_not_read_is_refused(school: World) -> None:
    await edit(school, "Ina", "Ropes", "One")
    await publish(school, "Ina", "Ropes", version=1)
    await edit(school, "Edda", "Ropes", "Two")

    said = [
        await refused(publish(school, "Ina", "Ropes", version=1)),
        await refused(revert(school, "Ina", "Ropes", version=1)),
    ]

    assert [each.code for each in said if isinstance(each, Refused)] == [Code.CONFLICT] * 2
    assert await says(school, "Ropes") == LessonContent("Two")


async def test_of_two_who_publish_at_once_one_is_told_that_there_is_nothing_new(
    school: World,
) -> None:
    await edit(school, "Ina", "Ropes", "One")

    said = await asyncio.gather(
        publish(school, "Ina", "Ropes"), publish(school, "Edda", "Ropes"), return_exceptions=True
    )

    [late] = [each for each in said if isinstance(each, Refused)]
    assert late.code is Code.NOTHING_TO_PUBLISH
    assert (await revision(school, "Ropes", 1)).number == 1


async def test_writing_what_is_there_already_changes_nothing(school: World) -> None:
    await edit(school, "Ina", "Exam", as_written(EVERY_KIND))
    before = await school.verbs()
    same = await says(school, "Exam")
    assert isinstance(same, QuizContent)

    draft = await edit(school, "Ina", "Exam", _again(same))

    assert draft.version == 1
    assert await school.verbs() == before


@pytest.mark.spec("C22")
async def test_there_is_nothing_to_revert_to_before_the_first_revision(school: World) -> None:
    await edit(school, "Ina", "Ropes", "One")

    said = await refused(revert(school, "Ina", "Ropes"))

    assert isinstance(said, Refused)
    assert said.code is Code.NOTHING_TO_REVERT
    assert await says(school, "Ropes") == LessonContent("One")


@pytest.mark.spec("C22")
async def test_what_is_published_already_is_not_published_again(school: World) -> None:
    await edit(school, "Ina", "Ropes", "One")
    await publish(school, "Ina", "Ropes")

    said = await refused(publish(school, "Ina", "Ropes"))
    await rename(school, "Ina", "Ropes", "Cords")
    renamed = await publish(school, "Ina", "Ropes")

    assert isinstance(said, Refused)
    assert said.code is Code.NOTHING_TO_PUBLISH
    assert (renamed.number, renamed.title) == (2, "Cords")


@pytest.mark.spec("C22")
async def test_a_draft_may_be_unfinished_and_is_published_only_whole(school: World) -> None:
    unfinished = WrittenQuiz(
        [
            WrittenQuestion(QuestionKind.SINGLE_CHOICE, "", choices=[WrittenChoice("Only")]),
            WrittenQuestion(QuestionKind.NUMBER, "How many?"),
        ]
    )
    await edit(school, "Ina", "Exam", unfinished)

    said = await refused(publish(school, "Ina", "Exam"))

    assert isinstance(said, Refused)
    assert said.code is Code.INVALID_CONTENT
    assert paths(said) == [
        ("EMPTY", "questions.0.text"),
        ("TOO_FEW", "questions.0.choices"),
        ("NO_RIGHT_ANSWER", "questions.0.choices"),
        ("NO_RIGHT_ANSWER", "questions.1.acceptedNumber"),
    ]


async def test_an_empty_draft_is_not_published(school: World) -> None:
    said = [await refused(publish(school, "Ina", each)) for each in ("Ropes", "Exam", "Essay")]

    assert [paths(each)[0] for each in said] == [
        ("EMPTY", "markdown"),
        ("TOO_FEW", "questions"),
        ("EMPTY", "instructions"),
    ]


async def test_content_is_of_the_kind_of_its_module(school: World) -> None:
    said = await refused(edit(school, "Ina", "Exam", AssignmentContent("Write."), 0))

    assert isinstance(said, Refused)
    assert said.code is Code.BAD_USER_INPUT
    assert said.message == (
        "This module is of kind QUIZ, and what was written is of kind ASSIGNMENT."
    )


@pytest.mark.parametrize("statement", ["UPDATE module_revision SET note = 'x'", "DELETE FROM "])
async def test_the_database_keeps_revisions_as_they_are(school: World, statement: str) -> None:
    await edit(school, "Ina", "Ropes", "One")
    await publish(school, "Ina", "Ropes")

    with pytest.raises(DBAPIError, match="What was published stays as it was"):
        async with school.edge.transaction() as db:
            await db.execute(text(statement.replace("FROM ", "FROM module_revision")))


async def test_numbers_of_questions_are_given_once(school: World) -> None:
    await edit(school, "Ina", "Exam", WrittenQuiz([YES, YES]))
    await publish(school, "Ina", "Exam")
    await edit(school, "Ina", "Exam", WrittenQuiz([YES]))
    await revert(school, "Ina", "Exam")
    await edit(school, "Ina", "Exam", WrittenQuiz([_known(1), YES]))

    after = await says(school, "Exam")

    assert isinstance(after, QuizContent)
    assert [each.id for each in after.questions] == [1, 4]


async def test_a_question_that_was_published_can_be_brought_back_by_its_number(
    school: World,
) -> None:
    await edit(school, "Ina", "Exam", WrittenQuiz([YES, YES]))
    await publish(school, "Ina", "Exam")
    await edit(school, "Ina", "Exam", WrittenQuiz([_known(2)]))

    await edit(school, "Ina", "Exam", WrittenQuiz([_known(2), _known(1)]))

    after = await says(school, "Exam")
    assert isinstance(after, QuizContent)
    assert [each.id for each in after.questions] == [2, 1]


async def test_numbers_that_were_not_given_and_parts_of_other_kinds_are_refused_all_at_once(
    school: World,
) -> None:
    choices = [WrittenChoice("A", True), WrittenChoice("B")]
    single = WrittenQuestion(QuestionKind.SINGLE_CHOICE, "Which?", choices=choices)
    await edit(school, "Ina", "Exam", WrittenQuiz([single, YES]))

    said = await refused(
        edit(
            school,
            "Ina",
            "Exam",
            WrittenQuiz(
                [
                    WrittenQuestion(
                        QuestionKind.SINGLE_CHOICE,
                        "Which?",
                        choices=[WrittenChoice("A", id=2), WrittenChoice("B", id=99)],
                        is_true=True,
                        id=1,
                    ),
                    WrittenQuestion(QuestionKind.ESSAY, "Why?", choices=choices, id=4),
                    _known(77),
                    _known(4),
                ]
            ),
        )
    )

    assert paths(said) == [
        ("MISPLACED", "questions.0.isTrue"),
        ("UNKNOWN_ID", "questions.0.choices.1.number"),
        ("MISPLACED", "questions.1.choices"),
        ("KIND_CHANGED", "questions.1.kind"),
        ("UNKNOWN_ID", "questions.2.number"),
        ("DUPLICATE", "questions.3.number"),
    ]
    assert (await draft_of(school, "Exam")).version == 1


def _known(number: int) -> WrittenQuestion:
    return WrittenQuestion(QuestionKind.TRUE_FALSE, "Is it?", is_true=True, id=number)


def _again(quiz: QuizContent) -> WrittenQuiz:
    """What is there already, as an editor's form sends it back."""
    fresh = as_written(quiz)
    questions = [
        WrittenQuestion(
            kind=each.kind,
            text=each.text,
            points=each.points,
            choices=[
                WrittenChoice(choice.text, choice.is_correct, known.id)
                for choice, known in zip(each.choices, question.choices, strict=True)
            ],
            is_true=each.is_true,
            accepted_texts=each.accepted_texts,
            is_case_sensitive=each.is_case_sensitive,
            accepted_number=each.accepted_number,
            tolerance=each.tolerance,
            id=question.id,
        )
        for each, question in zip(fresh.questions, quiz.questions, strict=True)
    ]
    return WrittenQuiz(questions, fresh.pass_percent, fresh.submission_cap)
