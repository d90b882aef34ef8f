"""Who instructs and who coordinates a course by hand."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.coordinators import CourseRole, CourseRoleKind
from models.journal import cause_of, record
from models.people import Member, MemberState
from models.views import coordinator_source
from operations import courses, grace, invitees, people
from operations.learning import abandoning
from operations.refusals import Code, Refused
from operations.rights import require

ROLE_PERMISSION = {
    CourseRoleKind.INSTRUCTOR: Permission.ASSIGN_INSTRUCTOR,
    CourseRoleKind.COORDINATOR: Permission.ASSIGN_DIRECT_COORDINATOR,
}


class OnConflict(StrEnum):
    """What to do with people who hold the other role: leave them, or give them the new one."""

    KEEP_EXISTING = "KEEP_EXISTING"
    SWITCH = "SWITCH"


class Held(StrEnum):
    """A role someone holds on a course already. DERIVED: through a segment or kept in."""

    INSTRUCTOR = "INSTRUCTOR"
    COORDINATOR = "COORDINATOR"
    DERIVED_COORDINATOR = "DERIVED_COORDINATOR"


@dataclass(frozen=True, slots=True)
class RoleConflict:
    """One person who would be instructor and coordinator of one course."""

    member_id: int
    display_name: str
    held: Held
    wanted: CourseRoleKind


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a call did: members newly given the role, holding it already, left as they were."""

    assigned: tuple[int, ...]
    already: tuple[int, ...]
    kept: tuple[int, ...]


class _Assignable(NamedTuple):
    """Who may be given a role."""

    name: str
    state: MemberState


async def assign(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    instructors: Collection[int] = (),
    coordinators: Collection[int] = (),
    on_conflict: OnConflict | None = None,
) -> Assigned:
    """Give roles on a course by hand (M22-M25, M35).

    A person who holds the other role is a conflict: without `on_conflict` nothing is stored and
    ROLE_CONFLICT names everybody concerned.
    """
    await courses.lock(db, by=by, course_id=course_id)
    wanted = _wanted(instructors, coordinators)
    await _require_roles(db, by, course_id, set(wanted.values()), on_conflict)
    people_named = await _assignable(db, by.workspace_id, set(wanted))
    held = await _held(db, course_id, set(wanted))
    conflicts = [
        RoleConflict(member_id, people_named[member_id].name, held[member_id], role)
        for member_id, role in sorted(wanted.items())
        if member_id in held and _conflicts(held[member_id], role)
    ]
    if conflicts and on_conflict is None:
        raise _conflict(conflicts)
    left = {c.member_id for c in conflicts} if on_conflict is OnConflict.KEEP_EXISTING else set()
    already = {m for m, role in wanted.items() if held.get(m) == Held(role.value)}
    given = {m: role for m, role in wanted.items() if m not in left | already}
    for role in CourseRoleKind:
        await _give(db, by, course_id, role, [m for m, r in sorted(given.items()) if r is role])
    for member_id, role in sorted(given.items()):
        record(
            db,
            by=by,
            verb=f"{role.value.lower()}.assigned",
            course_id=course_id,
            member_id=member_id,
            before={"held": held[member_id]} if member_id in held else None,
            after={"role": role},
        )
    if CourseRoleKind.COORDINATOR in given.values():
        grace.given(db, by=by, course_id=course_id)
    switched = [each.member_id for each in conflicts if each.member_id in given]
    await abandoning.where_roles_ended(db, by=by, course_id=course_id, member_ids=switched)
    await invitees.consider(
        db,
        workspace_id=by.workspace_id,
        member_ids=[id for id in sorted(given) if people_named[id].state is MemberState.PENDING],
    )
    return Assigned(tuple(sorted(given)), tuple(sorted(already)), tuple(sorted(left)))


async def remove(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    role: CourseRoleKind,
    member_ids: Collection[int],
) -> tuple[int, ...]:
    """Take a role given by hand back; returns whom it was taken from.

    A coordinator who is only derived cannot be removed by hand: DERIVED_MEMBERSHIP (M37).
    Someone who has no such role is left out of the answer. Ending an instructor role brings
    a suppressed coordinator role back in the same transaction (M35).
    """
    people.at_most(member_ids)
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, ROLE_PERMISSION[role], course_id=course_id)
    held = await _held(db, course_id, set(member_ids))
    derived = sorted(m for m, role_held in held.items() if role_held is Held.DERIVED_COORDINATOR)
    if role is CourseRoleKind.COORDINATOR and derived:
        raise Refused(
            Code.DERIVED_MEMBERSHIP,
            f"{len(derived)} of these are coordinators through a segment, or kept in beside one;"
            " use excludeCoordinator, or liftOverride for those kept.",
            {"memberIds": derived, "instead": ["excludeCoordinator", "liftOverride"]},
        )
    rows = await db.scalars(
        delete(CourseRole)
        .where(
            CourseRole.course_id == course_id,
            CourseRole.role == role,
            CourseRole.member_id.in_(member_ids),
        )
        .returning(CourseRole.member_id)
    )
    removed = tuple(sorted(rows))
    for member_id in removed:
        record(
            db,
            by=by,
            verb=f"{role.value.lower()}.removed",
            course_id=course_id,
            member_id=member_id,
            before={"role": role},
        )
    await abandoning.where_roles_ended(db, by=by, course_id=course_id, member_ids=removed)
    return removed


def _wanted(
    instructors: Collection[int], coordinators: Collection[int]
) -> dict[int, CourseRoleKind]:
    overlap = sorted(set(instructors) & set(coordinators))
    if overlap:
        raise Refused(
            Code.ROLE_CONFLICT,
            f"{len(overlap)} people stand in both lists; nobody is instructor and coordinator"
            " of one course.",
            {"overlap": overlap, "conflicts": [], "choices": []},
        )
    wanted = dict.fromkeys(instructors, CourseRoleKind.INSTRUCTOR)
    wanted |= dict.fromkeys(coordinators, CourseRoleKind.COORDINATOR)
    people.at_most(wanted)
    return wanted


async def _require_roles(
    db: AsyncSession,
    by: Caller,
    course_id: int,
    roles: set[CourseRoleKind],
    on_conflict: OnConflict | None,
) -> None:
    """Switching takes the other role away, so it needs the right to both."""
    touched = set(CourseRoleKind) if on_conflict is OnConflict.SWITCH else roles
    for role in sorted(touched):
        await require(db, by, ROLE_PERMISSION[role], course_id=course_id)


async def _assignable(
    db: AsyncSession, workspace_id: int, member_ids: set[int]
) -> dict[int, _Assignable]:
    """These people; their rows are held (FOR KEY SHARE) so nobody named here vanishes meanwhile."""
    rows = await db.execute(
        select(Member.id, Member.display_name, Member.state)
        .where(
            Member.workspace_id == workspace_id,
            Member.id.in_(member_ids),
            Member.deleted_at.is_(None),
        )
        .order_by(Member.id)
        .with_for_update(read=True, key_share=True)
    )
    found = {id: _Assignable(name, state) for id, name, state in rows}
    people.refuse_unknown(member_ids, found)
    people.refuse_deactivated({id: each.state for id, each in found.items()})
    return found


async def _held(db: AsyncSession, course_id: int, member_ids: set[int]) -> dict[int, Held]:
    """The role each of these people holds; by hand beats derived."""
    derived = await db.scalars(
        select(coordinator_source.c.member_id)
        .where(
            coordinator_source.c.course_id == course_id,
            coordinator_source.c.member_id.in_(member_ids),
        )
        .distinct()
    )
    held = dict.fromkeys(derived, Held.DERIVED_COORDINATOR)
    by_hand = await db.execute(
        select(CourseRole.member_id, CourseRole.role).where(
            CourseRole.course_id == course_id, CourseRole.member_id.in_(member_ids)
        )
    )
    return held | {member_id: Held(role.value) for member_id, role in by_hand}


def _conflicts(held: Held, wanted: CourseRoleKind) -> bool:
    if wanted is CourseRoleKind.INSTRUCTOR:
        return held is not Held.INSTRUCTOR
    return held is Held.INSTRUCTOR


def _conflict(conflicts: Sequence[RoleConflict]) -> Refused:
    return Refused(
        Code.ROLE_CONFLICT,
        f"{len(conflicts)} people already hold the other role on this course;"
        " repeat the call with onConflict to say what should happen.",
        {
            "conflicts": [
                {
                    "memberId": each.member_id,
                    "displayName": each.display_name,
                    "held": each.held,
                    "wanted": each.wanted,
                }
                for each in conflicts
            ],
            "choices": list(OnConflict),
        },
    )


async def _give(
    db: AsyncSession, by: Caller, course_id: int, role: CourseRoleKind, member_ids: Sequence[int]
) -> None:
    if not member_ids:
        return
    cause: uuid.UUID = cause_of(db)
    rows: list[dict[str, Any]] = [
        {
            "course_id": course_id,
            "member_id": member_id,
            "workspace_id": by.workspace_id,
            "role": role,
            "given_by_id": by.member_id,
            "cause": cause,
        }
        for member_id in member_ids
    ]
    statement = insert(CourseRole)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[CourseRole.course_id, CourseRole.member_id],
            set_={
                "role": statement.excluded.role,
                "given_by_id": statement.excluded.given_by_id,
                "cause": statement.excluded.cause,
                "since": func.now(),
            },
        ),
        rows,
    )
