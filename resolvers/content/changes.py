"""Mutations of content: drafts written, published and reverted, files taken away."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.content import attachments, drafts, publishing
from operations.content.questions import (
    AssignmentContent,
    KeyShown,
    LessonContent,
    QuestionKind,
)
from operations.content.writing import Written, WrittenChoice, WrittenQuestion, WrittenQuiz
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of

Info = strawberry.Info[Context, None]


@dataclass
class LessonToWrite:
    """A lesson, whole."""

    markdown: str


@dataclass
class ChoiceToWrite:
    """A choice; without a number it is a new one."""

    text: str
    is_correct: bool = False
    number: int | None = None


@dataclass
class QuestionToWrite:
    """A question; without a number it is a new one."""

    kind: QuestionKind
    text: str
    points: Decimal = Decimal(1)
    choices: list[ChoiceToWrite] | None = None
    is_true: bool | None = None
    accepted_texts: list[str] | None = None
    is_case_sensitive: bool | None = None
    accepted_number: Decimal | None = None
    tolerance: Decimal | None = None
    number: int | None = None


@dataclass
class QuizToWrite:
    """A quiz, whole."""

    questions: list[QuestionToWrite]
    pass_percent: int = 50
    submission_cap: int | None = None
    shows_key: KeyShown = KeyShown.NEVER


@dataclass
class AssignmentToWrite:
    """An assignment, whole."""

    instructions: str
    points: Decimal = Decimal(100)
    pass_percent: int = 50


@dataclass
class ContentToWrite:
    """Exactly one of them is said, the one of the module's kind."""

    lesson: LessonToWrite | None = strawberry.UNSET
    quiz: QuizToWrite | None = strawberry.UNSET
    assignment: AssignmentToWrite | None = strawberry.UNSET


async def edit_module_content(
    info: Info,
    *,
    module_id: strawberry.ID,
    version: int,
    content: ContentToWrite,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(module_id, "Module")
        await drafts.edit(
            db,
            by=caller,
            module_id=number,
            version=version,
            written=_written(content),
            at=dt.datetime.now(dt.UTC),
        )
        return {"module_id": number}

    return await answer(info, operation)


async def publish_module(
    info: Info,
    *,
    module_id: strawberry.ID,
    version: int | None = None,
    note: str = "",
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(module_id, "Module")
        await publishing.publish(
            db,
            by=caller,
            module_id=number,
            note=note,
            version=version,
            at=dt.datetime.now(dt.UTC),
        )
        return {"module_id": number}

    return await answer(info, operation)


async def revert_module(
    info: Info,
    *,
    module_id: strawberry.ID,
    version: int | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(module_id, "Module")
        await drafts.revert(
            db, by=caller, module_id=number, version=version, at=dt.datetime.now(dt.UTC)
        )
        return {"module_id": number}

    return await answer(info, operation)


async def rename_module(
    info: Info,
    *,
    module_id: strawberry.ID,
    title: str,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(module_id, "Module")
        await drafts.rename(db, by=caller, module_id=number, title=title)
        return {"module_id": number}

    return await answer(info, operation)


async def remove_attachment(
    info: Info,
    *,
    attachment_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(attachment_id, "Attachment")
        removed = await attachments.remove(
            db, by=caller, attachment_id=number, at=dt.datetime.now(dt.UTC)
        )
        return {"module_id": removed.module_id}

    return await answer(info, operation)


def _written(content: ContentToWrite) -> Written:
    if content.lesson:
        return LessonContent(content.lesson.markdown)
    if content.assignment:
        said = content.assignment
        return AssignmentContent(said.instructions, said.points, said.pass_percent)
    if content.quiz:
        quiz = content.quiz
        questions = [_question(each) for each in quiz.questions]
        return WrittenQuiz(questions, quiz.pass_percent, quiz.submission_cap, quiz.shows_key)
    raise Refused(Code.BAD_USER_INPUT, "Say one of lesson, quiz and assignment.")


def _question(said: QuestionToWrite) -> WrittenQuestion:
    return WrittenQuestion(
        kind=said.kind,
        text=said.text,
        points=said.points,
        choices=[
            WrittenChoice(each.text, each.is_correct, each.number) for each in said.choices or ()
        ],
        is_true=said.is_true,
        accepted_texts=said.accepted_texts or (),
        is_case_sensitive=said.is_case_sensitive,
        accepted_number=said.accepted_number,
        tolerance=said.tolerance,
        id=said.number,
    )
