"""Every submission of a quiz, one row each, with what was answered: sheet 1 of its workbook (X4).

Nobody reads here what a query would not show them, but for one thing: whoever may export the
insights of a quiz is told the scores of the people whom they may list (M10). What they answered,
and how each answer was marked, is for those who may view answers.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope, scope_of
from models.catalog import Course, Module
from models.content import ModuleRevision
from models.grading import SubmissionState
from models.jobs import JobKind
from operations.content.given import questions_of
from operations.content.questions import Choice, Question, QuestionKind
from operations.content.revisions import content_of
from operations.insights.asking import of_quiz
from operations.insights.cells import Narrow, Policy
from operations.insights.sources import LONGEST_SLICE
from operations.jobs import rights as jobs
from operations.learning import groups
from operations.refusals import not_found
from operations.rights import Rights, require

AT_ONCE: Final = 256
"""So many rows are fetched from the server at a time, and no more are held."""

Needs = tuple[tuple[Permission, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the people is shown to somebody."""

    people: bool
    email: bool
    department: bool
    answers: bool

    @property
    def needs(self) -> Needs:
        """What one must hold to read all that is shown: one permission of each."""
        shown = (self.people, self.email, self.department, self.answers)
        return tuple(needs for needs, is_shown in zip(_NEEDS, shown, strict=True) if is_shown)


_NEEDS: Final[Needs] = (
    (Permission.LIST_LEARNERS,),
    (Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER),
    (Permission.LIST_ALL_MEMBERS,),
    (Permission.VIEW_ANSWERS,),
)
"""As the schema has them: of a learner, of `Member.email`, of `Member.attributes`, of `Answer`."""


@dataclass(frozen=True, slots=True)
class Quiz:
    """What the rows are about: `questions` are those of all published revisions, as last worded,
    those of the newest one first."""

    course_id: int
    course: str
    module_id: int
    module: str
    group: str | None
    questions: tuple[Question, ...]
    shown: Shown


class Answered(NamedTuple):
    """An answer in words: a text, a number or a truth, as the question wants it."""

    given: str | float | bool | None
    is_correct: bool | None
    points: float | None


class AttemptRow(NamedTuple):
    """One submission. `counts`: whether figures of that policy include it. Who it is by, and
    `answers` by question, are empty where they are not shown."""

    member_id: int | None
    name: str | None
    email: str | None
    department: str | None
    attempt: int
    submission: int
    state: SubmissionState
    started_at: dt.datetime
    submitted_at: dt.datetime | None
    score: float | None
    most: float
    is_passed: bool | None
    counts: bool
    answers: Mapping[int, Answered]


async def about_quiz(
    db: AsyncSession, *, by: Caller, course_id: int, module_id: int, to: Narrow
) -> Quiz:
    """What the rows will be about, and what of them is shown.

    Raises Denied, COURSE_NOT_ACTIVE, and NOT_FOUND for what one may not see, is no quiz of the
    course or no group there.
    """
    await jobs.ask(db, by=by, kind=JobKind.QUIZ_INSIGHTS, course_id=course_id)
    if to.department is not None:
        # Whose rows are left would say who is in that department.
        await require(db, by, Permission.LIST_ALL_MEMBERS)
    titles = of_quiz(Course.title, Module.title, by=by, course_id=course_id, module_id=module_id)
    found = (await db.execute(titles)).one_or_none()
    if found is None:
        raise not_found("quiz")
    revisions = await db.scalars(
        select(ModuleRevision)
        .where(
            ModuleRevision.workspace_id == by.workspace_id, ModuleRevision.module_id == module_id
        )
        .order_by(ModuleRevision.number.desc())
    )
    questions = _last_worded(questions_of(content_of(each)) for each in revisions)
    group = None
    if to.group_id is not None:
        group = (await groups.of_course(db, by=by, course_id=course_id, group_id=to.group_id)).name
    shown = await _shown(db, by, course_id)
    return Quiz(course_id, found[0], module_id, found[1], group, questions, shown)


async def count_rows(db: AsyncSession, *, by: Caller, quiz: Quiz, to: Narrow) -> int:
    """How many rows there will be."""
    narrowed, told = _narrowed(by, quiz, to)
    statement = text(_taken(narrowed, to) + _HOW_MANY)
    return int(await db.scalar(statement, told) or 0)


async def attempt_rows(
    db: AsyncSession, *, by: Caller, quiz: Quiz, to: Narrow
) -> AsyncIterator[AttemptRow]:
    """The submissions of people whom `to` leaves, in the order of names; what was done before a
    reset, and what was abandoned, is left out, as from the figures. One statement, read by a cursor
    on the server."""
    narrowed, told = _narrowed(by, quiz, to)
    answers = _ANSWERS if quiz.shown.answers else "NULL"
    statement = text(_taken(narrowed, to) + _ROWS.format(answers=answers))
    printers = {each.id: _printer(each) for each in quiz.questions}
    rows = await db.stream(statement, told, execution_options={"yield_per": AT_ONCE})
    try:
        async for row in rows:
            yield _row(row, quiz.shown, printers)
    finally:
        await rows.close()


def _last_worded(revisions: Iterable[Iterable[Question]]) -> tuple[Question, ...]:
    """Each question once, as the newest revision that has it words it, but with all the choices it
    ever had: ids are never used again."""
    questions: dict[int, Question] = {}
    choices: dict[int, dict[int, Choice]] = defaultdict(dict)
    for revision in revisions:
        for question in revision:
            questions.setdefault(question.id, question)
            for choice in question.choices:
                choices[question.id].setdefault(choice.id, choice)
    return tuple(
        replace(each, choices=tuple(choices[id].values())) for id, each in questions.items()
    )


async def _shown(db: AsyncSession, by: Caller, course_id: int) -> Shown:
    rights = Rights(by)
    await rights.prepare(db, courses=[course_id])

    def holds(permission: Permission) -> bool:
        of_course = scope_of(permission) is Scope.COURSE
        scope, id = (Scope.COURSE, course_id) if of_course else (Scope.WORKSPACE, by.workspace_id)
        return rights.decide(permission, scope, id).allowed

    people, email, department, answers = (any(map(holds, needs)) for needs in _NEEDS)
    return Shown(people, people and email, people and department, answers)


def _row(row: Sequence[Any], shown: Shown, printers: Mapping[int, "_Printer"]) -> AttemptRow:
    *known, answers = row
    if not shown.people:
        known[0] = known[1] = None
    if not shown.email:
        known[2] = None
    if not shown.department:
        known[3] = None
    said = {
        id: Answered(None if given is None else printers[id](given), is_correct, points)
        for id, given, is_correct, points in orjson.loads(answers or "[]")
        if id in printers
    }
    known[6] = SubmissionState(known[6])
    return AttemptRow._make((*known, said))


_Printer = Callable[[Mapping[str, Any]], str | float | bool]


def _printer(question: Question) -> _Printer:
    """What puts an answer to this question, as it is stored, into words."""
    match question.kind:
        case QuestionKind.SINGLE_CHOICE | QuestionKind.MULTIPLE_CHOICE:
            texts = {each.id: each.text for each in question.choices}
            return lambda given: "; ".join(texts.get(id, f"choice {id}") for id in given["choices"])
        case QuestionKind.TRUE_FALSE:
            return lambda given: bool(given["isTrue"])
        case QuestionKind.NUMBER:
            return lambda given: float(given["number"])
        case _:
            return lambda given: str(given["text"])


_POLICIES: Final = {
    Policy.ALL: "TRUE",
    Policy.FIRST: "row_number() OVER (whose ORDER BY a.number, s.number) = 1",
    Policy.LAST: "row_number() OVER (whose ORDER BY a.number DESC, s.number DESC) = 1",
    Policy.BEST: "row_number() OVER (whose ORDER BY s.score / nullif(s.max_score, 0) DESC"
    " NULLS LAST, a.number, s.number) = 1",
}
"""The same as in `sources`, from where the figures beside these rows are."""

_DEPARTMENT: Final = "coalesce(m.attributes ->> 'department', '')"
_WHOM: Final = {
    "group_id": """
       AND EXISTS (SELECT FROM enrolment e WHERE e.course_id = :course_id
                      AND e.member_id = s.member_id AND e.group_id = :group_id
                      AND e.ended_at IS NULL)""",
    "department": f" AND left({_DEPARTMENT}, {LONGEST_SLICE}) = :department",
}
_WHEN: Final = {
    "since": " AND t.submitted_at >= :since",
    "until": " AND t.submitted_at < :until",
}
_TAKEN: Final = """
WITH taken AS (
    SELECT s.id, s.member_id, m.display_name, m.email, {department} AS department,
           a.number AS attempt, s.number, s.state, s.started_at, s.submitted_at,
           s.score, s.max_score, s.is_passed, a.role <> 'LEARNER' AS is_staff,
           s.state <> 'IN_PROGRESS' AND {counts} AS counts
      FROM submission s
      JOIN progress p ON p.course_id = s.course_id AND p.member_id = s.member_id
      JOIN attempt a ON a.id = s.attempt_id AND a.number > p.attempts_before
                    AND a.state NOT IN ('RESET', 'ABANDONED')
      JOIN member m ON m.id = s.member_id AND m.workspace_id = s.workspace_id
     WHERE s.workspace_id = :workspace_id AND s.course_id = :course_id
       AND s.module_id = :module_id{whom}
    WINDOW whose AS (PARTITION BY s.member_id, a.role <> 'LEARNER', s.state = 'IN_PROGRESS')
), narrowed AS (SELECT t.* FROM taken t WHERE TRUE{when})
"""
_ANSWERS: Final = """
       (SELECT json_agg(json_build_array(x.question_id, x.given, x.is_correct, x.points))::text
          FROM answer x WHERE x.submission_id = t.id AND t.state <> 'IN_PROGRESS')"""
_HOW_MANY: Final = "SELECT count(*) FROM narrowed"
_ROWS: Final = """
SELECT t.member_id, t.display_name, t.email, t.department, t.attempt, t.number, t.state,
       t.started_at, t.submitted_at, t.score::float8, t.max_score::float8, t.is_passed, t.counts,
       {answers} AS answers
  FROM (SELECT * FROM narrowed ORDER BY lower(display_name), member_id, attempt, number
        OFFSET 0) AS t
"""
"""Ordered before the answers are looked up, which are read as the rows are fetched."""


def _narrowed(by: Caller, quiz: Quiz, to: Narrow) -> tuple[frozenset[str], dict[str, Any]]:
    """The names of what narrows, and all parameters."""
    said = {
        "group_id": to.group_id,
        "department": None if to.department is None else to.department[:LONGEST_SLICE],
        "since": to.since,
        "until": to.until,
    }
    told = {name: value for name, value in said.items() if value is not None}
    place = {"course_id": quiz.course_id, "module_id": quiz.module_id}
    return frozenset(told), told | place | {"workspace_id": by.workspace_id}


def _taken(narrowed: frozenset[str], to: Narrow) -> str:
    when = "".join(_WHEN[name] for name in sorted(narrowed) if name in _WHEN)
    return _TAKEN.format(
        department=_DEPARTMENT,
        counts=_POLICIES[to.policy],
        whom="".join(_WHOM[name] for name in sorted(narrowed) if name in _WHOM),
        when=when if to.includes_staff else f"{when} AND NOT t.is_staff",
    )
