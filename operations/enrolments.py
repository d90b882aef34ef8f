"""Who learns in a course: people become learners, and stop being ones, for a reason each (C21)."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.enrolments import EnrolmentSource
from models.journal import cause_of, record
from models.people import Member, MemberState
from operations import courses, invitees, people
from operations.rights import require

ENROL: Final = text("""
INSERT INTO enrolment (workspace_id, course_id, member_id, source, enrolled_by_id, cause)
SELECT :workspace_id, :course_id, m.id, :source, CAST(:by_id AS bigint), :cause
  FROM unnest(CAST(:members AS bigint[])) AS m(id)
 ORDER BY m.id
ON CONFLICT (course_id, member_id, source, group_id) WHERE ended_at IS NULL DO NOTHING
RETURNING member_id
""")

LEARNS: Final = text("""
INSERT INTO progress (course_id, member_id, workspace_id, is_learner)
SELECT :course_id, m.id, :workspace_id, true
  FROM unnest(CAST(:members AS bigint[])) AS m(id)
 ORDER BY m.id
ON CONFLICT (course_id, member_id) DO UPDATE SET is_learner = true
""")

LEARNS_STILL: Final = text("""
UPDATE progress p SET is_learner = false
 WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[])) AND is_learner
   AND NOT EXISTS (SELECT FROM enrolment e WHERE e.course_id = p.course_id
                      AND e.member_id = p.member_id AND e.ended_at IS NULL)
""")

END: Final = text("""
UPDATE enrolment SET ended_at = now(), ended_by_id = CAST(:by_id AS bigint)
 WHERE workspace_id = :workspace_id AND course_id = :course_id AND source = :source
   AND member_id = ANY (CAST(:members AS bigint[])) AND ended_at IS NULL
RETURNING member_id
""")


async def enrol(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    source: EnrolmentSource = EnrolmentSource.DIRECT,
) -> tuple[int, ...]:
    """Make people learners of a course; returns those who were not for this reason already.

    People without an account are invited because of it.
    """
    people.at_most(member_ids)
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.ASSIGN_LEARNER, course_id=course_id)
    states = await _enrollable(db, by.workspace_id, member_ids)
    told = {
        "workspace_id": by.workspace_id,
        "course_id": course_id,
        "source": source,
        "by_id": by.member_id,
        "cause": cause_of(db),
        "members": sorted(states),
    }
    await db.execute(LEARNS, told)
    enrolled = tuple(sorted(await db.scalars(ENROL, told)))
    for member_id in enrolled:
        record(
            db,
            by=by,
            verb="learner.assigned",
            course_id=course_id,
            member_id=member_id,
            after={"source": source},
        )
    pending = [each for each in enrolled if states[each] is MemberState.PENDING]
    await invitees.consider(db, workspace_id=by.workspace_id, member_ids=pending)
    return enrolled


async def end(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    source: EnrolmentSource = EnrolmentSource.DIRECT,
) -> tuple[int, ...]:
    """End one reason to learn in a course; returns those who had it.

    Somebody enrolled for another reason too stays a learner until that ends. The rows stay.
    """
    people.at_most(member_ids)
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.UNASSIGN_LEARNER, course_id=course_id)
    told = {
        "workspace_id": by.workspace_id,
        "course_id": course_id,
        "source": source,
        "by_id": by.member_id,
        "members": sorted(set(member_ids)),
    }
    ended = tuple(sorted(await db.scalars(END, told)))
    await db.execute(LEARNS_STILL, told)
    for member_id in ended:
        record(
            db,
            by=by,
            verb="learner.unassigned",
            course_id=course_id,
            member_id=member_id,
            before={"source": source},
        )
    return ended


async def _enrollable(
    db: AsyncSession, workspace_id: int, member_ids: Collection[int]
) -> dict[int, MemberState]:
    """The states of these people, whose rows are held so that nobody vanishes meanwhile."""
    rows = await db.execute(
        select(Member.id, Member.state)
        .where(
            Member.workspace_id == workspace_id,
            Member.id.in_(member_ids),
            Member.deleted_at.is_(None),
        )
        .order_by(Member.id)
        .with_for_update(read=True, key_share=True)
    )
    states = {row.id: row.state for row in rows}
    people.refuse_unknown(member_ids, states)
    people.refuse_deactivated(states)
    return states
