"""Content as the schema shows it. Every part knows its module, of which the right to see the key is
asked; whoever takes it is shown parts that have none."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

import strawberry

from access.caller import Caller
from access.permissions import Scope
from operations.content.markdown import html_of
from operations.content.questions import (
    AcceptedNumber,
    AcceptedTexts,
    AssignmentContent,
    Choice,
    Content,
    CorrectChoices,
    KeyShown,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    Truth,
    for_taker,
)
from resolvers.ids import encode
from resolvers.references import Reference, refer

Parent = strawberry.Parent[Any]

FILES: Final = "/attachments"
"""Where the door for files is."""


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One choice; it is not said whether it is right where there is no key."""

    module_id: int
    id: int
    text: str
    is_correct: bool | None


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question."""

    module_id: int
    question: Question

    @property
    def id(self) -> int:
        return self.question.id

    @property
    def kind(self) -> QuestionKind:
        return self.question.kind

    @property
    def text(self) -> str:
        return self.question.text

    @property
    def points(self) -> Decimal:
        return self.question.points

    @property
    def choices(self) -> list[ChoiceView]:
        key = self.question.key
        correct = key.ids if isinstance(key, CorrectChoices) else None
        return [self._choice(each, correct) for each in self.question.choices]

    def _choice(self, choice: Choice, correct: frozenset[int] | None) -> ChoiceView:
        is_correct = None if correct is None else choice.id in correct
        return ChoiceView(self.module_id, choice.id, choice.text, is_correct)

    @property
    def is_true(self) -> bool | None:
        key = self.question.key
        return key.is_true if isinstance(key, Truth) else None

    @property
    def accepted_texts(self) -> list[str] | None:
        key = self.question.key
        return list(key.texts) if isinstance(key, AcceptedTexts) else None

    @property
    def is_case_sensitive(self) -> bool | None:
        key = self.question.key
        return key.is_case_sensitive if isinstance(key, AcceptedTexts) else None

    @property
    def accepted_number(self) -> Decimal | None:
        key = self.question.key
        return key.number if isinstance(key, AcceptedNumber) else None

    @property
    def tolerance(self) -> Decimal | None:
        key = self.question.key
        return key.tolerance if isinstance(key, AcceptedNumber) else None


@dataclass(frozen=True, slots=True)
class LessonView:
    """Something to read."""

    module_id: int
    markdown: str


@dataclass(frozen=True, slots=True)
class QuizView:
    """Questions, and what is asked of the answers."""

    module_id: int
    questions: list[QuestionView]
    points: Decimal
    pass_percent: int
    submission_cap: int | None
    shows_key: KeyShown


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """Something to do and hand in."""

    module_id: int
    instructions: str
    points: Decimal
    pass_percent: int


View: TypeAlias = LessonView | QuizView | AssignmentView


def shown(module_id: int, content: Content) -> View:
    """The content of a module, with the key."""
    match content:
        case LessonContent():
            return LessonView(module_id, content.markdown)
        case QuizContent():
            return QuizView(
                module_id,
                [QuestionView(module_id, each) for each in content.questions],
                content.points,
                content.pass_percent,
                content.submission_cap,
                content.shows_key,
            )
        case AssignmentContent():
            return AssignmentView(
                module_id, content.instructions, content.points, content.pass_percent
            )


def shown_to_taker(module_id: int, content: Content) -> View:
    """The content of a module as whoever takes it sees it."""
    return shown(module_id, for_taker(content))


async def lesson_html(root: Parent) -> str:
    return await _html(root.markdown)


async def instructions_html(root: Parent) -> str:
    return await _html(root.instructions)


async def question_html(root: Parent) -> str:
    return await _html(root.text)


def address_of(number: int) -> str:
    """Where a file is to be had."""
    return f"{FILES}/{encode('Attachment', number)}"


async def _html(markdown: str) -> str:
    """Beside the loop, because a long text takes a while."""
    return await asyncio.to_thread(html_of, markdown, address_of)


def of_module(row: Any, _: Caller) -> Reference:
    """What hangs on a module is about it."""
    return Reference(Scope.MODULE, row.module_id)


for _kind in (ChoiceView, QuestionView, LessonView, QuizView, AssignmentView):
    refer(_kind, of_module)
