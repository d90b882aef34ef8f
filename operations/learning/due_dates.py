"""Until when people have to be done: their own date, else the latest of their groups', else the
course's (M8). Every change is kept.

`progress.own_due_at` is the first two of these, kept by `enrolment_rows.settle`; the course's date
is looked at when it is asked for, so that changing it touches nobody's row.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, func, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.journal import cause_of, record
from models.progress import DueDateChange, DueDateOf, Progress
from operations import courses, people
from operations.learning import self_action
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import reason_of

EFFECTIVE: Final[ColumnElement[dt.datetime | None]] = func.coalesce(
    Progress.own_due_at, Course.due_at
)
"""When somebody is due, of rows of Progress joined with their Course."""

LEARNERS: Final = text("""
SELECT p.member_id, p.is_learner, p.override_due_at
  FROM progress p JOIN member m ON m.id = p.member_id AND m.deleted_at IS NULL
 WHERE p.workspace_id = :workspace_id AND p.course_id = :course_id
   AND p.member_id = ANY (CAST(:members AS bigint[]))
 ORDER BY p.member_id FOR NO KEY UPDATE OF p
""")

OVERRIDE: Final = text("""
UPDATE progress p
   SET override_due_at = CAST(:due_at AS timestamptz),
       own_due_at = coalesce(CAST(:due_at AS timestamptz), (
           SELECT max(g.due_at) FROM enrolment e JOIN learner_group g ON g.id = e.group_id
            WHERE e.course_id = p.course_id AND e.member_id = p.member_id
              AND e.ended_at IS NULL))
 WHERE p.course_id = :course_id AND p.member_id = ANY (CAST(:members AS bigint[]))
""")

KEEP: Final = text("""
INSERT INTO due_date_change
       (workspace_id, course_id, of, member_id, before, after, reason, changed_at,
        changed_by_id, cause)
SELECT :workspace_id, :course_id, 'LEARNER', c.member_id, c.before, CAST(:due_at AS timestamptz),
       CAST(:reason AS text), :at, CAST(:by_id AS bigint), :cause
  FROM unnest(CAST(:members AS bigint[]), CAST(:before AS timestamptz[])) AS c(member_id, before)
 ORDER BY c.member_id
""")


@dataclass(frozen=True, slots=True)
class Move:
    """From which date to which, and why; no date where something else holds."""

    before: dt.datetime | None
    after: dt.datetime | None
    reason: str | None = None


class DueDateOutcome(StrEnum):
    """What became of one person whose due date was to be changed."""

    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"
    NOT_ENROLLED = "NOT_ENROLLED"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Redated:
    """What became of one id."""

    member_id: int
    outcome: DueDateOutcome


async def update(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    due_at: dt.datetime | None,
    reason: str | None = None,
    at: dt.datetime,
    allow_past: bool = False,
) -> tuple[Redated, ...]:
    """Give learners of a course a due date of their own, or (None) let them fall back to that of
    their groups or the course; one answer per id (M8)."""
    wanted = people.each_once(member_ids)
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.UPDATE_DUE_DATE, course_id=course_id)
    await self_action.refuse(db, by=by, member_ids=wanted)
    refuse_past(due_at, at=at, allow_past=allow_past)
    why = None if reason is None else reason_of(reason)
    asked = {"workspace_id": by.workspace_id, "course_id": course_id} | {
        "members": people.storable(wanted)
    }
    rows = (await db.execute(LEARNERS, asked)).all()
    before = {
        row.member_id: row.override_due_at
        for row in rows
        if row.is_learner and row.override_due_at != due_at
    }
    if before:
        told = asked | {
            "members": list(before),
            "before": list(before.values()),
            "due_at": due_at,
            "reason": why,
            "by_id": by.member_id,
            "cause": cause_of(db),
            "at": at,
        }
        await db.execute(OVERRIDE, told)
        await db.execute(KEEP, told)
        for member_id, date in before.items():
            _record(db, by, course_id, Move(date, due_at, why), member_id=member_id)
    known = await people.known(db, by.workspace_id, wanted)
    learners = {row.member_id for row in rows if row.is_learner}
    return tuple(Redated(id, _outcome(id, known, learners, before)) for id in wanted)


async def note_course(
    db: AsyncSession,
    *,
    by: Caller,
    course: Course,
    before: dt.datetime | None,
    at: dt.datetime,
    reason: str | None = None,
) -> None:
    """The due date of a course has changed: keep that it did."""
    move = Move(before, course.due_at, reason)
    await note(db, by=by, of=DueDateOf.COURSE, course_id=course.id, move=move, at=at)


async def note(
    db: AsyncSession,
    *,
    by: Caller,
    of: DueDateOf,
    course_id: int,
    group_id: int | None = None,
    move: Move,
    at: dt.datetime,
) -> None:
    """Keep that the due date of a course or a group has changed."""
    why = None if move.reason is None else reason_of(move.reason)
    db.add(
        DueDateChange(
            workspace_id=by.workspace_id,
            course_id=course_id,
            of=of,
            group_id=group_id,
            before=move.before,
            after=move.after,
            reason=why,
            changed_at=at,
            changed_by_id=by.member_id,
            cause=cause_of(db),
        )
    )
    detail = None if group_id is None else {"groupId": group_id}
    _record(db, by, course_id, move, detail=detail)


def refuse_past(due_at: dt.datetime | None, *, at: dt.datetime, allow_past: bool) -> None:
    """Raises DUE_DATE_IN_PAST for a date that is over, unless that is meant."""
    if due_at is not None and due_at.tzinfo is None:
        raise Refused(
            Code.BAD_USER_INPUT,
            "A due date needs a time zone, as in 2026-12-24T17:00:00+01:00.",
            {"argument": "dueAt"},
        )
    if due_at is not None and due_at < at and not allow_past:
        raise Refused(
            Code.DUE_DATE_IN_PAST,
            f"{due_at.isoformat()} is over; say allowPast if that is meant.",
            {"argument": "dueAt", "dueAt": due_at.isoformat(), "now": at.isoformat()},
        )


def _record(
    db: AsyncSession,
    by: Caller,
    course_id: int,
    move: Move,
    *,
    member_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    record(
        db,
        by=by,
        verb="due_date.changed",
        course_id=course_id,
        member_id=member_id,
        before={"dueAt": _said(move.before)},
        after={"dueAt": _said(move.after)},
        detail=detail,
        reason=move.reason,
    )


def _said(date: dt.datetime | None) -> str | None:
    return None if date is None else date.isoformat()


def _outcome(
    id: int, known: Collection[int], learners: Collection[int], changed: Collection[int]
) -> DueDateOutcome:
    if id not in known:
        return DueDateOutcome.NOT_FOUND
    if id not in learners:
        return DueDateOutcome.NOT_ENROLLED
    return DueDateOutcome.CHANGED if id in changed else DueDateOutcome.UNCHANGED
