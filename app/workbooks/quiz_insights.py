"""The workbook of how a quiz is doing (X4): who handed in what, how the questions did, and what all
that is about. Its sheets are of one moment."""

import datetime as dt
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from app.workbooks.columns import Column, Is, Kind, Look
from app.workbooks.quiz_figures import figure_sheets
from app.workbooks.sheets import Sheet
from models.grading import SubmissionState
from models.workspaces import Workspace
from operations.content.questions import Question, QuestionKind
from operations.insights import attempt_rows
from operations.insights.attempt_rows import Answered, AttemptRow, Needs, Quiz, Shown
from operations.insights.cells import Narrow, Policy
from operations.insights.quizzes import QuizInsights, quiz_insights
from resolvers.ids import encode
from sync_engine.ticks import zone_named

Reads: TypeAlias = Callable[[], AbstractAsyncContextManager[AsyncSession]]
"""Opens the same view of the database each time, for one reader at a time."""

STATES: Final = {
    SubmissionState.IN_PROGRESS: "In progress",
    SubmissionState.SUBMITTED: "Waits for a grade",
    SubmissionState.GRADED: "Graded",
}
POLICIES: Final = {
    Policy.ALL: "All that were handed in",
    Policy.FIRST: "The first that each person handed in",
    Policy.LAST: "The last that each person handed in",
    Policy.BEST: "The best that each person handed in",
}
GIVEN: Final = {QuestionKind.NUMBER: Kind.NUMBER, QuestionKind.TRUE_FALSE: Kind.YES_NO}
LONGEST_TITLE: Final = 200

_ATTEMPT: Final = (
    Column("Attempt", Kind.INTEGER, 9),
    Column("Submission", Kind.INTEGER, 12),
    Column("State", width=18),
    Column("Started", Kind.MOMENT),
    Column("Submitted", Kind.MOMENT),
    Column("Duration", Kind.DURATION),
    Column("Score", Kind.NUMBER, 8),
    Column("Maximum", Kind.NUMBER, 10),
    Column("Percent", Kind.PERCENT, 12, Look.BAR),
    Column("Passed", Kind.YES_NO, 9, Look.VERDICT),
    Column("In the figures", Kind.YES_NO, 10),
)


@dataclass(frozen=True, slots=True)
class QuizWorkbook:
    """What is to be written. `needs` is what one must hold to read all of it, beyond the right to
    export; `total` is how many rows the first sheet has."""

    title: str
    sheets: tuple[Sheet, ...]
    zone: dt.tzinfo
    total: int
    needs: Needs


async def quiz_workbook(
    reads: Reads, *, by: Caller, course_id: int, module_id: int, to: Narrow, at: dt.datetime
) -> QuizWorkbook:
    """The workbook as far as `by` may see it; the rows of its first sheet are read when they are
    written. Raises what `about_quiz` and `quiz_insights` do."""
    async with reads() as db:
        quiz = await attempt_rows.about_quiz(
            db, by=by, course_id=course_id, module_id=module_id, to=to
        )
        insights = await quiz_insights(
            db, by=by, course_id=course_id, module_id=module_id, to=to, at=at
        )
        total = await attempt_rows.count_rows(db, by=by, quiz=quiz, to=to)
        time_zone = await db.scalar(
            select(Workspace.time_zone).where(Workspace.id == by.workspace_id)
        )
    questions, *further = figure_sheets(insights, shows_key=quiz.shown.answers)
    sheets = (
        _attempts(reads, by, quiz, to),
        questions,
        _parameters(by, quiz, insights, total),
        *further,
    )
    zone = zone_named(time_zone or "UTC")
    return QuizWorkbook(f"{quiz.course} – {quiz.module}", sheets, zone, total, quiz.shown.needs)


def _attempts(reads: Reads, by: Caller, quiz: Quiz, to: Narrow) -> Sheet:
    people = _people(quiz.shown)
    columns = [*(column for column, _ in people), *_ATTEMPT]
    asked = quiz.questions if quiz.shown.answers else ()
    for number, question in enumerate(asked, 1):
        columns += _of_question(number, question)

    async def rows() -> AsyncGenerator[list[Any], None]:
        async with reads() as db:
            async for row in attempt_rows.attempt_rows(db, by=by, quiz=quiz, to=to):
                yield [*(said(row) for _, said in people), *_said(row), *_answers(row, asked)]

    return Sheet("Attempts", columns, rows(), frozen_columns=len(people))


def _people(shown: Shown) -> list[tuple[Column, Callable[[AttemptRow], Any]]]:
    """The columns that say who it was, as far as that is shown."""
    columns: list[tuple[bool, Column, Callable[[AttemptRow], Any]]] = [
        (shown.people, Column("Learner id", width=18), _id),
        (shown.people, Column("Name", width=26), lambda row: row.name),
        (shown.email, Column("E-mail", width=30), lambda row: row.email),
        (shown.department, Column("Department", width=18), lambda row: row.department or None),
    ]
    return [(column, said) for is_shown, column, said in columns if is_shown]


def _id(row: AttemptRow) -> str | None:
    return None if row.member_id is None else encode("Member", row.member_id)


def _said(row: AttemptRow) -> Iterator[Any]:
    yield row.attempt
    yield row.submission
    yield STATES[row.state]
    yield row.started_at
    yield row.submitted_at
    yield None if row.submitted_at is None else row.submitted_at - row.started_at
    yield row.score
    yield row.most
    yield None if row.score is None or not row.most else 100 * row.score / row.most
    yield row.is_passed
    yield row.counts


def _of_question(number: int, question: Question) -> list[Column]:
    text = " ".join(question.text.split())
    asked = text if len(text) <= LONGEST_TITLE else f"{text[:LONGEST_TITLE]}…"
    given = GIVEN.get(question.kind, Kind.TEXT)
    return [
        Column(f"{number}. {asked}", given, 28 if given is Kind.TEXT else 16),
        Column(f"{number}. Correct", Kind.YES_NO, 10, Look.VERDICT),
        Column(f"{number}. Points", Kind.NUMBER, 9),
    ]


def _answers(row: AttemptRow, asked: tuple[Question, ...]) -> Iterator[Any]:
    for question in asked:
        yield from row.answers.get(question.id, _NOT_ASKED)


_NOT_ASKED: Final = Answered(None, None, None)


def _parameters(by: Caller, quiz: Quiz, insights: QuizInsights, total: int) -> Sheet:
    to = insights.to
    values = [
        ("Course", Is(Kind.TEXT, quiz.course)),
        ("Course id", Is(Kind.TEXT, encode("Course", quiz.course_id))),
        ("Quiz", Is(Kind.TEXT, quiz.module)),
        ("Quiz id", Is(Kind.TEXT, encode("Module", quiz.module_id))),
        ("Group", Is(Kind.TEXT, quiz.group or "All")),
        ("Department", Is(Kind.TEXT, "All" if to.department is None else to.department)),
        ("Handed in from", Is(Kind.MOMENT, to.since)),
        ("Handed in before", Is(Kind.MOMENT, to.until)),
        ("Attempts of staff", Is(Kind.TEXT, "Included" if to.includes_staff else "Left out")),
        ("In the figures", Is(Kind.TEXT, POLICIES[to.policy])),
        ("Rows in “Attempts”", Is(Kind.INTEGER, total)),
        ("Generated at", Is(Kind.MOMENT, insights.at)),
        ("Generated by", Is(Kind.TEXT, by.name)),
        ("Watermark", Is(Kind.INTEGER, insights.seq)),
        ("Epoch of the watermark", Is(Kind.TEXT, str(insights.epoch))),
        ("Left out", Is(Kind.TEXT, "Attempts before a reset, and those that were abandoned")),
        ("Columns left out", Is(Kind.TEXT, _left_out(quiz.shown))),
    ]
    columns = [Column("Parameter", width=26), Column("Value", Kind.ANY, 60, wraps=True)]
    return Sheet("Parameters", columns, values, has_filter=False)


def _left_out(shown: Shown) -> str:
    names = {
        "who it was": shown.people,
        "e-mail": shown.email,
        "department": shown.department,
        "single answers": shown.answers,
    }
    missing = [name for name, is_shown in names.items() if not is_shown]
    return f"{', '.join(missing)}: not yours to see" if missing else "None"
