"""Contents are stored and read back without loss, and takers see nothing of the key (C22, H2)."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given

from models.catalog import ModuleKind
from operations.content.problems import unfinished, unkeepable
from operations.content.questions import (
    AcceptedNumber,
    AcceptedTexts,
    Choice,
    Content,
    CorrectChoices,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    empty,
    for_taker,
    number_printed,
    parsed,
    printed,
)
from tests.content import EVERY_KIND
from tests.operations.content.anything import contents, quizzes


@given(contents)
def test_what_is_stored_is_read_back_equal_and_stored_again_the_same(content: Content) -> None:
    stored = json.loads(json.dumps(printed(content)))

    assert parsed(stored) == content
    assert printed(parsed(stored)) == stored


@pytest.mark.parametrize("kind", ModuleKind)
def test_nothing_is_written_at_first_and_that_can_be_kept(kind: ModuleKind) -> None:
    content = empty(kind)

    assert content.kind is kind
    assert unkeepable(content) == []
    assert unfinished(content) != []


@pytest.mark.spec("H2")
@given(quizzes())
def test_whoever_takes_a_quiz_is_told_the_questions_and_nothing_of_the_answers(
    quiz: QuizContent,
) -> None:
    shown = for_taker(quiz)

    assert isinstance(shown, QuizContent)
    assert [each.key for each in shown.questions] == [None] * len(quiz.questions)
    assert shown == replace(quiz, questions=shown.questions)
    blind = [replace(each, key=None) for each in quiz.questions]
    assert list(shown.questions) == blind


@pytest.mark.spec("H2")
@given(quizzes(), quizzes())
def test_two_quizzes_that_differ_in_their_keys_alone_are_one_to_whoever_takes_them(
    quiz: QuizContent, other: QuizContent
) -> None:
    """Nothing hangs on the key: not the order, not the number, not the size of anything."""
    keys = {each.id: each.key for each in other.questions}
    swapped = tuple(replace(each, key=keys.get(each.id)) for each in quiz.questions)

    assert printed(for_taker(replace(quiz, questions=swapped))) == printed(for_taker(quiz))


def test_a_lesson_is_shown_to_whoever_takes_it_as_it_is() -> None:
    assert for_taker(LessonContent("# Ropes")) == LessonContent("# Ropes")


@pytest.mark.parametrize(
    ("number", "text"),
    [("1.50", "1.5"), ("100", "100"), ("1E+3", "1000"), ("-0.00", "0"), ("0.000001", "0.000001")],
)
def test_equal_numbers_are_written_alike(number: str, text: str) -> None:
    assert number_printed(Decimal(number)) == text


def _asking(**given: object) -> QuizContent:
    question = Question(1, QuestionKind.ESSAY, "Why?")
    return QuizContent((replace(question, **given),))  # type: ignore[arg-type]


def _choosing(*texts: str, correct: set[int]) -> QuizContent:
    choices = tuple(Choice(number, text) for number, text in enumerate(texts))
    return _asking(
        kind=QuestionKind.SINGLE_CHOICE, choices=choices, key=CorrectChoices(frozenset(correct))
    )


TOO_LARGE = [
    (LessonContent("x" * 100_001), "TOO_LONG", "markdown"),
    (LessonContent("a\u202eb"), "BAD_CHARACTER", "markdown"),
    (LessonContent("a\0b"), "BAD_CHARACTER", "markdown"),
    (LessonContent("a\ud800b"), "BAD_CHARACTER", "markdown"),
    (QuizContent(EVERY_KIND.questions * 40), "TOO_MANY", "questions"),
    (_asking(text="x" * 10_001), "TOO_LONG", "questions.0.text"),
    (_asking(points=Decimal(-1)), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("1.001")), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("1000.01")), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("NaN")), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("sNaN")), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("Infinity")), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("1E+999999")), "OUT_OF_RANGE", "questions.0.points"),
    (_asking(points=Decimal("1E-999999")), "OUT_OF_RANGE", "questions.0.points"),
    (
        _asking(key=AcceptedNumber(Decimal("1E+16"))),
        "OUT_OF_RANGE",
        "questions.0.acceptedNumber",
    ),
    (
        _asking(key=AcceptedNumber(Decimal(1), Decimal(-1))),
        "OUT_OF_RANGE",
        "questions.0.tolerance",
    ),
    (_asking(key=AcceptedTexts(("x" * 501,))), "TOO_LONG", "questions.0.acceptedTexts.0"),
    (_asking(key=AcceptedTexts(("x",) * 51)), "TOO_MANY", "questions.0.acceptedTexts"),
    (_choosing(*"x" * 31, correct=set()), "TOO_MANY", "questions.0.choices"),
    (_choosing("x" * 1001, correct=set()), "TOO_LONG", "questions.0.choices.0.text"),
    (replace(EVERY_KIND, pass_percent=101), "OUT_OF_RANGE", "passPercent"),
    (replace(EVERY_KIND, submission_cap=0), "OUT_OF_RANGE", "submissionCap"),
]


@pytest.mark.parametrize(("content", "kind", "path"), TOO_LARGE)
def test_what_is_beyond_a_limit_is_not_kept_and_it_is_said_which(
    content: Content, kind: str, path: str
) -> None:
    [problem, *_] = unkeepable(content)

    assert (problem.kind, ".".join(map(str, problem.path))) == (kind, path)


def test_a_module_has_a_limit_as_a_whole() -> None:
    each = Question(1, QuestionKind.ESSAY, "ä" * 9_000)

    [problem] = unkeepable(QuizContent((each,) * 100))

    assert (problem.kind, problem.path, problem.limit) == ("TOO_LARGE", (), 1_000_000)
    assert (problem.actual or 0) > 1_800_000


UNFINISHED = [
    (_asking(text="  "), "EMPTY", "questions.0.text"),
    (_asking(points=Decimal(0)), "OUT_OF_RANGE", "questions"),
    (_choosing("A", "B", correct=set()), "NO_RIGHT_ANSWER", "questions.0.choices"),
    (_choosing("A", "B", correct={0, 1}), "SEVERAL_RIGHT_ANSWERS", "questions.0.choices"),
    (_choosing("A", "", correct={0}), "EMPTY", "questions.0.choices.1.text"),
    (_choosing("A", "\uff21 ", correct={0}), "DUPLICATE", "questions.0.choices.1"),
    (_asking(key=AcceptedTexts(())), "NO_RIGHT_ANSWER", "questions.0.acceptedTexts"),
    (_asking(key=AcceptedTexts(("a", "a"))), "DUPLICATE", "questions.0.acceptedTexts.1"),
    (_asking(key=AcceptedNumber(None)), "NO_RIGHT_ANSWER", "questions.0.acceptedNumber"),
]


@pytest.mark.spec("H2")
@pytest.mark.parametrize(("content", "kind", "path"), UNFINISHED)
def test_what_is_unfinished_is_kept_and_it_is_said_what_is_missing(
    content: Content, kind: str, path: str
) -> None:
    assert unkeepable(content) == []
    found = [(each.kind, ".".join(map(str, each.path))) for each in unfinished(content)]
    assert found == [(kind, path)]


@pytest.mark.spec("H2")
def test_a_quiz_with_a_question_of_every_kind_is_whole() -> None:
    assert {each.kind for each in EVERY_KIND.questions} == set(QuestionKind)
    assert unkeepable(EVERY_KIND) == unfinished(EVERY_KIND) == []
    assert EVERY_KIND.points == 10
