"""Who learns in a course: people become learners, and stop being ones, for a reason each (C21).

What is ended stays as a row, and attempts, scores and certificates hang on the person and the
course, so they are there again for whoever comes back (M2).
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Condition, Decision, Permission
from models.enrolments import EnrolmentSource
from models.groups import LearnerGroup
from models.people import MemberState
from operations import courses, invitees, people
from operations.learning import enrolment_rows, groups
from operations.learning.enrolment_rows import Reason
from operations.rights import require

NAMED: Final = text("""
SELECT m.id, m.state,
       EXISTS (SELECT FROM enrolment e
                WHERE e.course_id = :course_id AND e.member_id = m.id AND e.source = :source
                  AND e.group_id IS NOT DISTINCT FROM CAST(:group_id AS bigint)
                  AND e.ended_at IS NULL) AS is_assigned,
       EXISTS (SELECT FROM course_role r
                WHERE r.course_id = :course_id AND r.member_id = m.id
                  AND r.role = 'INSTRUCTOR') AS instructs
  FROM member m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY (CAST(:members AS bigint[]))
   AND m.deleted_at IS NULL
 ORDER BY m.id
""")

HELD: Final = text(f"{NAMED.text} FOR SHARE OF m")
"""The same, the people held, so that nobody is deactivated before they are learners."""


class AssignmentOutcome(StrEnum):
    """What became, or would become, of one person who was to be a learner.

    ALREADY_ASSIGNED: for this very reason (by hand, or through this group). CONFLICT: instructs
    the course; what an instructor takes counts as staff's, so they would never be done as learner.
    """

    ASSIGNED = "ASSIGNED"
    ALREADY_ASSIGNED = "ALREADY_ASSIGNED"
    NOT_FOUND = "NOT_FOUND"
    DEACTIVATED = "DEACTIVATED"
    CONFLICT = "CONFLICT"


class UnassignmentOutcome(StrEnum):
    """What became of one person who was to be no learner any more.

    STILL_ENROLLED: there are other reasons, which the caller may know of.
    """

    UNASSIGNED = "UNASSIGNED"
    STILL_ENROLLED = "STILL_ENROLLED"
    NOT_ENROLLED = "NOT_ENROLLED"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What became of one id."""

    member_id: int
    outcome: AssignmentOutcome


@dataclass(frozen=True, slots=True)
class Unassignment:
    """What became of one id: the reasons that ended, and those that remain."""

    member_id: int
    outcome: UnassignmentOutcome
    ended: tuple[Reason, ...] = ()
    remaining: tuple[Reason, ...] = ()


async def assign(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    group_id: int | None = None,
    at: dt.datetime,
    dry_run: bool = False,
) -> tuple[Assignment, ...]:
    """Make people learners of a course, by hand or through a group; one answer per id (M1).

    A dry run answers the same and writes nothing. People without an account are invited.
    """
    wanted = people.each_once(member_ids)
    await courses.lock(db, by=by, course_id=course_id)
    await require_on(db, by, Permission.ASSIGN_LEARNER, course_id, group_id)
    reason = _by_assignment(group_id)
    rows = (await db.execute(HELD, _asked(by, course_id, wanted, reason))).all()
    outcomes = {each.id: _outcome(each) for each in rows}
    new = sorted(id for id, each in outcomes.items() if each is AssignmentOutcome.ASSIGNED)
    if new and not dry_run:
        await enrolment_rows.begin(
            db, by=by, course_id=course_id, member_ids=new, reason=reason, at=at
        )
        enrolment_rows.record_begun(db, by=by, course_id=course_id, member_ids=new, reason=reason)
        pending = {each.id for each in rows if each.state == MemberState.PENDING}
        await invitees.consider(
            db, workspace_id=by.workspace_id, member_ids=sorted(pending & set(new))
        )
    return _assignments(wanted, outcomes)


async def foresee(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    group_id: int | None = None,
) -> tuple[Assignment, ...]:
    """What `assign` would answer, for whoever has shown that they may ask; locks nothing."""
    reason = _by_assignment(group_id)
    rows = (await db.execute(NAMED, _asked(by, course_id, member_ids, reason))).all()
    return _assignments(list(member_ids), {each.id: _outcome(each) for each in rows})


async def unassign(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    group_id: int | None = None,
    at: dt.datetime,
) -> tuple[Unassignment, ...]:
    """End what makes people learners of a course: what was given by hand and what they took
    themselves, or, with a group, what they are through it; one answer per id (M2)."""
    wanted = people.each_once(member_ids)
    await courses.lock(db, by=by, course_id=course_id)
    decision = await require_on(db, by, Permission.UNASSIGN_LEARNER, course_id, group_id)
    held = await enrolment_rows.hold(db, course_id=course_id, member_ids=people.storable(wanted))
    ended = await enrolment_rows.end(
        db,
        by=by,
        course_id=course_id,
        member_ids=held,
        sources=enrolment_rows.sources_of(group_id),
        group_id=group_id,
        at=at,
    )
    enrolment_rows.record_ended(db, by=by, course_id=course_id, ended=ended)
    maker_id = by.member_id if decision.condition is Condition.OWN_GROUPS else None
    remaining = await enrolment_rows.live(
        db, by=by, course_id=course_id, member_ids=held, maker_id=maker_id
    )
    known = await people.known(db, by.workspace_id, wanted)
    return tuple(
        unassignment(id, ended.get(id, ()), remaining.get(id, ()), is_known=id in known)
        for id in wanted
    )


def unassignment(
    member_id: int, ended: Collection[Reason], remaining: Collection[Reason], *, is_known: bool
) -> Unassignment:
    """The answer about one person."""
    if not is_known:
        return Unassignment(member_id, UnassignmentOutcome.NOT_FOUND)
    if remaining:
        outcome = UnassignmentOutcome.STILL_ENROLLED
    else:
        outcome = UnassignmentOutcome.UNASSIGNED if ended else UnassignmentOutcome.NOT_ENROLLED
    return Unassignment(member_id, outcome, tuple(ended), tuple(remaining))


async def require_on(
    db: AsyncSession,
    by: Caller,
    permission: Permission,
    course_id: int,
    group_id: int | None,
) -> Decision:
    """Ask for a right on a course, or inside one of its groups, which some hold only in those they
    have made. Raises Denied; NOT_FOUND where the course has no such group."""
    group: LearnerGroup | None = None
    if group_id is not None:
        group = await groups.of_course(db, by=by, course_id=course_id, group_id=group_id)
    is_own = group is not None and groups.is_own(group, by)
    return await require(db, by, permission, course_id=course_id, is_own_group=is_own)


def _by_assignment(group_id: int | None) -> Reason:
    source = EnrolmentSource.DIRECT if group_id is None else EnrolmentSource.GROUP
    return Reason(source, group_id)


def _asked(
    by: Caller, course_id: int, member_ids: Collection[int], reason: Reason
) -> dict[str, Any]:
    return {
        "workspace_id": by.workspace_id,
        "course_id": course_id,
        "members": people.storable(member_ids),
        "source": reason.source,
        "group_id": reason.group_id,
    }


def _outcome(row: Any) -> AssignmentOutcome:
    if row.state == MemberState.DEACTIVATED:
        return AssignmentOutcome.DEACTIVATED
    if row.is_assigned:
        return AssignmentOutcome.ALREADY_ASSIGNED
    return AssignmentOutcome.CONFLICT if row.instructs else AssignmentOutcome.ASSIGNED


def _assignments(
    wanted: Collection[int], outcomes: dict[int, AssignmentOutcome]
) -> tuple[Assignment, ...]:
    missing = AssignmentOutcome.NOT_FOUND
    return tuple(Assignment(each, outcomes.get(each, missing)) for each in wanted)
