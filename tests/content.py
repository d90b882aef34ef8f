"""Content to test with: a quiz with one question of every kind, and modules published quickly."""

from decimal import Decimal
from typing import Final

from sqlalchemy import select

from models.catalog import Module
from models.content import ModuleRevision
from operations.content.questions import (
    AcceptedNumber,
    AcceptedTexts,
    Choice,
    Content,
    CorrectChoices,
    Question,
    QuestionKind,
    QuizContent,
    Truth,
    printed,
)
from operations.content.writing import WrittenChoice, WrittenQuestion, WrittenQuiz
from tests.world import MONDAY, World

EVERY_KIND: Final = QuizContent(
    questions=(
        Question(
            1,
            QuestionKind.SINGLE_CHOICE,
            "Which one is a fruit?",
            Decimal(1),
            (Choice(11, "Apple"), Choice(12, "Brick"), Choice(13, "Cloud")),
            CorrectChoices(frozenset({11})),
        ),
        Question(
            2,
            QuestionKind.MULTIPLE_CHOICE,
            "Which are even?",
            Decimal(2),
            (Choice(21, "Two"), Choice(22, "Three"), Choice(23, "Four")),
            CorrectChoices(frozenset({21, 23})),
        ),
        Question(3, QuestionKind.TRUE_FALSE, "Water is wet.", Decimal(1), (), Truth(True)),
        Question(
            4,
            QuestionKind.SHORT_TEXT,
            "The capital of Sweden?",
            Decimal(1),
            (),
            AcceptedTexts(("Stockholm", "Sthlm")),
        ),
        Question(
            5,
            QuestionKind.NUMBER,
            "The ratio of a circle?",
            Decimal("1.5"),
            (),
            AcceptedNumber(Decimal("3.14"), Decimal("0.01")),
        ),
        Question(6, QuestionKind.ESSAY, "Tell us about it.", Decimal("3.5")),
    ),
    pass_percent=60,
)
"""10 points, 6 to pass; question 6 waits for a person."""

GRADED_BY_ITSELF: Final = QuizContent(questions=EVERY_KIND.questions[:5], pass_percent=60)
"""6.5 points, and nobody has to look at it."""


async def publish(world: World, module: str, content: Content) -> int:
    """The module says this from now on; the number of the revision. Ids are taken as they are."""
    async with world.edge.transaction() as db:
        row = await db.scalar(
            select(Module).where(Module.id == world.modules[module]).with_for_update()
        )
        assert row is not None
        assert row.kind == content.kind, f"{module} is a {row.kind}"
        row.revision = (row.revision or 0) + 1
        db.add(
            ModuleRevision(
                workspace_id=world.workspace_id,
                module_id=row.id,
                number=row.revision,
                title=row.title,
                content=printed(content),
                published_at=MONDAY,
            )
        )
        return row.revision


def as_written(quiz: QuizContent) -> WrittenQuiz:
    """The quiz as an editor would write it for the first time: everything in it is new."""
    return WrittenQuiz(
        [_as_written(each) for each in quiz.questions], quiz.pass_percent, quiz.submission_cap
    )


def _as_written(question: Question) -> WrittenQuestion:
    key = question.key
    correct = key.ids if isinstance(key, CorrectChoices) else frozenset()
    texts = key if isinstance(key, AcceptedTexts) else None
    number = key if isinstance(key, AcceptedNumber) else None
    return WrittenQuestion(
        kind=question.kind,
        text=question.text,
        points=question.points,
        choices=[WrittenChoice(each.text, each.id in correct) for each in question.choices],
        is_true=key.is_true if isinstance(key, Truth) else None,
        accepted_texts=texts.texts if texts else (),
        is_case_sensitive=texts.is_case_sensitive if texts else None,
        accepted_number=number.number if number else None,
        tolerance=number.tolerance if number else None,
    )
