"""Who looks after a learner group: people who may teach its course anyway (H6).

The row gives no right. Whoever may no longer teach keeps it, and it means nothing then.
"""

import datetime as dt
from collections.abc import Collection
from itertools import groupby
from typing import Final

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope, holders_of
from models.groups import GroupFacilitator, LearnerGroup
from models.journal import record
from operations import holders, people
from operations.learning import groups
from operations.refusals import Code, Refused, not_found
from operations.rights import require

TEACHING: Final = Permission.GRADE_ANSWERS
"""Whoever may grade on a course teaches it: Teach, and every role that holds more."""

ENROLL: Final = text("""
INSERT INTO group_facilitator (group_id, member_id, workspace_id, since, added_by_id)
SELECT :group_id, m.id, :workspace_id, :at, CAST(:by_id AS bigint)
  FROM unnest(CAST(:members AS bigint[])) AS m(id)
 ORDER BY m.id
ON CONFLICT (group_id, member_id) DO NOTHING
RETURNING member_id
""")


async def enroll(
    db: AsyncSession,
    *,
    by: Caller,
    group_id: int,
    member_ids: Collection[int],
    at: dt.datetime,
) -> tuple[int, ...]:
    """Name people who look after a group; returns those who did not before.

    Raises NOT_A_TEACHER naming everybody who may not teach the course: that has to be given first.
    """
    wanted = people.each_once(member_ids)
    group = await groups.lock(db, by=by, group_id=group_id)
    await require(db, by, Permission.ENROLL_FACILITATOR, course_id=group.course_id)
    await _refuse_unknown(db, by, wanted)
    teachers = await teachers_of(db, workspace_id=by.workspace_id, course_id=group.course_id)
    others = sorted(set(wanted) - teachers)
    if others:
        raise Refused(
            Code.NOT_A_TEACHER,
            f"{len(others)} of these people may not teach this course;"
            " give them Teach on it or on its department first.",
            {"memberIds": others},
        )
    told = {
        "workspace_id": by.workspace_id,
        "group_id": group_id,
        "members": wanted,
        "by_id": by.member_id,
        "at": at,
    }
    enrolled = tuple(sorted(await db.scalars(ENROLL, told)))
    _record(db, by, group, "facilitator.enrolled", enrolled)
    return enrolled


async def remove(
    db: AsyncSession, *, by: Caller, group_id: int, member_ids: Collection[int]
) -> tuple[int, ...]:
    """These people look after a group no longer; returns those who did."""
    wanted = people.each_once(member_ids)
    group = await groups.lock(db, by=by, group_id=group_id)
    await require(db, by, Permission.ENROLL_FACILITATOR, course_id=group.course_id)
    rows = await db.scalars(
        delete(GroupFacilitator)
        .where(
            GroupFacilitator.group_id == group_id,
            GroupFacilitator.member_id.in_(people.storable(wanted)),
        )
        .returning(GroupFacilitator.member_id)
    )
    removed = tuple(sorted(rows))
    _record(db, by, group, "facilitator.removed", removed)
    return removed


async def teachers_of(db: AsyncSession, *, workspace_id: int, course_id: int) -> set[int]:
    """Everybody who may teach a course now."""
    thing = await holders.thing(db, workspace_id, Scope.COURSE, course_id)
    if thing is None:
        raise not_found("course")
    principals = {who for who, _ in holders_of(TEACHING)}
    roles = await holders.roles_towards(db, workspace_id, thing, principals)
    return {
        member_id
        for member_id, theirs in groupby(roles, lambda each: each.member_id)
        if holders.standing_of(thing, member_id, list(theirs)).decide(TEACHING).allowed
    }


async def _refuse_unknown(db: AsyncSession, by: Caller, wanted: Collection[int]) -> None:
    people.refuse_unknown(wanted, await people.known(db, by.workspace_id, wanted))


def _record(
    db: AsyncSession, by: Caller, group: LearnerGroup, verb: str, member_ids: Collection[int]
) -> None:
    for member_id in member_ids:
        record(
            db,
            by=by,
            verb=verb,
            course_id=group.course_id,
            member_id=member_id,
            detail={"groupId": group.id},
        )
