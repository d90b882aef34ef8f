"""The rows of rights and of teams, written for many people at once, and recorded one by one.

Nothing is asked here: whoever calls has decided, and has locked the people. Everything that puts
somebody on a team, takes somebody off it, or gives a right on a course does so under that lock,
so nobody keeps a right on a course who is no longer on the team (C11).
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, delete, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Principal, Scope
from models.catalog import Course
from models.grants import Grant, TeamMember, held_on
from models.journal import record
from models.people import Member, MemberState
from operations import invitees, people
from operations.pending import WAITS


class Place(NamedTuple):
    """What a right is held on, and whose that is; the workspace is no department's."""

    scope: Scope
    id: int
    department_id: int | None = None


class Right(NamedTuple):
    """One person's one right, and what it is on."""

    member_id: int
    principal: Principal
    scope: Scope
    id: int


class OnTeam(NamedTuple):
    """One person on one department's team."""

    department_id: int
    member_id: int


@dataclass(frozen=True, slots=True)
class Written:
    """Rights that were given, and those that were held already."""

    given: tuple[Right, ...]
    already: tuple[Right, ...]


GIVE: Final = text("""
INSERT INTO access_grant (workspace_id, member_id, principal, department_id, course_id, module_id,
                          granted_by_id, pending_until)
SELECT :workspace_id, m.id, p.principal,
       CASE :scope WHEN 'department' THEN place.id END,
       CASE :scope WHEN 'course' THEN place.id END,
       CASE :scope WHEN 'module' THEN place.id END,
       CAST(:by_id AS bigint),
       CASE WHEN m.is_pending THEN CAST(:until AS timestamptz) END
  FROM unnest(CAST(:members AS bigint[]), CAST(:pending AS boolean[])) AS m(id, is_pending)
 CROSS JOIN unnest(CAST(:principals AS text[])) AS p(principal)
 CROSS JOIN unnest(CAST(:places AS integer[])) AS place(id)
 ORDER BY m.id, p.principal, place.id
ON CONFLICT (member_id, principal, department_id, course_id, module_id) DO UPDATE
   SET pending_until = excluded.pending_until, granted_by_id = excluded.granted_by_id,
       created_at = now()
 WHERE access_grant.pending_until <= CAST(:at AS timestamptz)
RETURNING member_id, principal, coalesce(module_id, course_id, department_id, workspace_id)
""")
"""What has lapsed, and only waits to be swept away, is given anew."""

JOIN: Final = text("""
INSERT INTO team_member (department_id, member_id, workspace_id, added_by_id)
SELECT d.id, m.id, :workspace_id, CAST(:by_id AS bigint)
  FROM unnest(CAST(:departments AS integer[])) AS d(id)
 CROSS JOIN unnest(CAST(:members AS bigint[])) AS m(id)
 ORDER BY d.id, m.id
ON CONFLICT DO NOTHING
RETURNING department_id, member_id
""")


async def insert_grants(
    db: AsyncSession,
    *,
    by: Caller,
    members: Sequence[Member],
    principals: Collection[Principal],
    places: Collection[Place],
    at: dt.datetime | None,
) -> Written:
    """Give all of these rights on all of these places, which are of one scope, to these people.

    `at` is when, for those who have no account yet; None where everybody has one.
    """
    if not (members and principals and places):
        return Written((), ())
    of_place = {place.id: place for place in places}
    [scope] = {place.scope for place in places}
    rows = await db.execute(
        GIVE,
        {
            "workspace_id": by.workspace_id,
            "scope": scope.value,
            "by_id": by.member_id,
            "members": [each.id for each in members],
            "pending": [each.state is MemberState.PENDING for each in members],
            "principals": sorted({each.value for each in principals}),
            "places": sorted(of_place),
            "at": at,
            "until": at and at + WAITS,
        },
    )
    given = {Right(row[0], Principal(row[1]), scope, row[2]) for row in rows}
    wanted = {
        Right(member.id, principal, scope, place)
        for member, principal, place in product(members, set(principals), of_place)
    }
    for right in sorted(given):
        _record(db, by, "grant.given", right, of_place[right.id].department_id)
    waiting = {each.id for each in members if each.state is MemberState.PENDING}
    await invitees.consider(
        db,
        workspace_id=by.workspace_id,
        member_ids=sorted(waiting & {right.member_id for right in given}),
    )
    return Written(tuple(sorted(given)), tuple(sorted(wanted - given)))


async def give_to_maker(
    db: AsyncSession, *, by: Caller, maker: Member, principal: Principal, place: Place
) -> None:
    """The one right somebody has on what they have just made (C8)."""
    await insert_grants(db, by=by, members=[maker], principals=[principal], places=[place], at=None)


async def lock_maker(db: AsyncSession, by: Caller) -> Member | None:
    """Whoever is about to make something, locked; None for the product itself."""
    locked = [] if by.member_id is None else await people.lock(db, by.workspace_id, [by.member_id])
    return locked[0] if locked else None


async def delete_grants(
    db: AsyncSession,
    *,
    by: Caller,
    member_ids: Collection[int],
    principals: Collection[Principal],
    places: Collection[Place],
) -> tuple[Right, ...]:
    """Take all of these rights on all of these places from these people; what really went."""
    if not (member_ids and principals and places):
        return ()
    where = [
        Grant.principal.in_([each.value for each in principals]),
        _on(places),
    ]
    department_of = {(place.scope, place.id): place.department_id for place in places}
    gone = await _delete(db, by, member_ids, where)
    for right in gone:
        department_id = department_of[right.scope, right.id]
        _record(db, by, "grant.removed", right, department_id)
    return gone


async def insert_on_teams(
    db: AsyncSession,
    *,
    by: Caller,
    member_ids: Collection[int],
    department_ids: Collection[int],
) -> tuple[OnTeam, ...]:
    """Put people on the teams of departments; who was not there before."""
    about = {
        "workspace_id": by.workspace_id,
        "by_id": by.member_id,
        "departments": sorted(department_ids),
        "members": sorted(member_ids),
    }
    joined = sorted(OnTeam(*row) for row in await db.execute(JOIN, about))
    for department_id, member_id in joined:
        record(
            db,
            by=by,
            verb="team_member.added",
            department_id=department_id,
            member_id=member_id,
            after={"departmentId": department_id},
        )
    return tuple(joined)


async def delete_from_team(
    db: AsyncSession, *, by: Caller, member_ids: Collection[int], department_id: int
) -> tuple[tuple[OnTeam, ...], tuple[Right, ...]]:
    """Take people off a team, and with it their rights on the department and on its courses."""
    its_courses = select(Course.id).where(
        Course.workspace_id == by.workspace_id, Course.department_id == department_id
    )
    where = (Grant.department_id == department_id) | Grant.course_id.in_(its_courses)
    gone = await _delete(db, by, member_ids, [where])
    for right in gone:
        _record(db, by, "grant.removed", right, department_id)
    rows = await db.scalars(
        delete(TeamMember)
        .where(
            TeamMember.workspace_id == by.workspace_id,
            TeamMember.department_id == department_id,
            TeamMember.member_id.in_(sorted(member_ids)),
        )
        .returning(TeamMember.member_id)
    )
    left = tuple(OnTeam(department_id, member_id) for member_id in sorted(rows))
    for _, member_id in left:
        record(
            db,
            by=by,
            verb="team_member.removed",
            department_id=department_id,
            member_id=member_id,
            before={"departmentId": department_id},
        )
    return left, gone


async def on_team(
    db: AsyncSession, workspace_id: int, department_id: int, member_ids: Collection[int]
) -> set[int]:
    """Those of these people who are on the team."""
    rows = await db.scalars(
        select(TeamMember.member_id).where(
            TeamMember.workspace_id == workspace_id,
            TeamMember.department_id == department_id,
            TeamMember.member_id.in_(sorted(member_ids)),
        )
    )
    return set(rows)


def _on(places: Collection[Place]) -> ColumnElement[bool]:
    """The grant is on one of these places, which are of one scope."""
    ids = [place.id for place in places]
    match {place.scope for place in places}.pop():
        case Scope.DEPARTMENT:
            return Grant.department_id.in_(ids)
        case Scope.COURSE:
            return Grant.course_id.in_(ids)
        case Scope.MODULE:
            return Grant.module_id.in_(ids)
        case Scope.WORKSPACE:
            return literal_column("num_nonnulls(department_id, course_id, module_id)") == 0


async def _delete(
    db: AsyncSession, by: Caller, member_ids: Collection[int], where: Sequence[ColumnElement[bool]]
) -> tuple[Right, ...]:
    rows = await db.execute(
        delete(Grant)
        .where(
            Grant.workspace_id == by.workspace_id,
            Grant.member_id.in_(sorted(member_ids)),
            *where,
        )
        .returning(
            Grant.member_id,
            Grant.principal,
            Grant.workspace_id,
            Grant.department_id,
            Grant.course_id,
            Grant.module_id,
        )
        .execution_options(synchronize_session=False)
    )
    return tuple(sorted(Right(row[0], Principal(row[1]), *held_on(*row[2:])) for row in rows))


def _record(
    db: AsyncSession, by: Caller, verb: str, right: Right, department_id: int | None
) -> None:
    said: dict[str, Any] = {
        "principal": right.principal,
        "departmentId": right.id if right.scope is Scope.DEPARTMENT else None,
        "moduleId": right.id if right.scope is Scope.MODULE else None,
    }
    is_given = verb == "grant.given"
    record(
        db,
        by=by,
        verb=verb,
        department_id=department_id,
        course_id=right.id if right.scope is Scope.COURSE else None,
        member_id=right.member_id,
        before=None if is_given else said,
        after=said if is_given else None,
    )
