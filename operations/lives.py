"""How a person of a directory begins, goes on and ends as a member of the workspace."""

import datetime as dt
import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.identity import DirectoryGroup, DirectoryGroupMember, DirectoryPerson
from models.journal import cause_of, record
from models.people import Member, MemberState
from operations import beside, members, people
from operations.constraints import refused_by
from operations.ordering import OrderKey, known
from operations.provided import owned_names
from operations.refusals import Code, Refused
from operations.statements import IdentityChange
from sync_engine.markers import Lane, mark_members
from sync_engine.rules import Catalog

ACTIVE: Final = "!active"
"""The clock entry for `active`: its key and what was said. No attribute can be called so."""

IN_GROUP: Final = "!group:"
"""Prefix of the clock entries for single memberships; the group's id follows."""

MEMBERS: Final = "members"
"""The entry of a group's clock for its whole list of members."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One statement while it is applied: whose, what, at which key, with which schema."""

    db: AsyncSession
    by: Caller
    change: IdentityChange
    key: OrderKey
    at: dt.datetime
    lane: Lane
    catalog: Catalog


def active_said(person: DirectoryPerson) -> bool | None:
    """What the provider last said of `active` in this life of the person; None if nothing."""
    entry = person.attribute_clock.get(ACTIVE)
    if entry is None or known(entry).moment <= known(person.tombstone_key).moment:
        return None
    return bool(entry["said"])


async def begin(saying: Saying, person: DirectoryPerson, attributes: Mapping[str, object]) -> None:
    """A person comes to be, or comes back: as a new member, or adopting one added by hand."""
    db, by = saying.db, saying.by
    state = MemberState.DEACTIVATED if active_said(person) is False else MemberState.ACTIVE
    member = await _unclaimed(saying, person)
    if member is None:
        member = await members.insert_member(
            db,
            by=by,
            user_name=person.user_name,
            attributes=attributes,
            state=state,
            catalog=saying.catalog,
            lane=saying.lane,
        )
    else:
        wanted = {name: attributes.get(name) for name in owned_names(saying.catalog)}
        await _write(saying, member, wanted | {"userName": person.user_name})
        await people.set_state(db, by=by, member=member, state=state, at=saying.at)
    person.member_id = member.id
    person.deleted_at = None
    db.add(person)


async def go_on(
    saying: Saying,
    person: DirectoryPerson,
    changes: Mapping[str, object],
    *,
    was_active: bool,
) -> bool:
    """Write what was decided about a living person; whether anything really changed."""
    locked = await people.lock(saying.db, saying.by.workspace_id, [person.member_id or 0])
    if not locked:
        await begin(
            saying, person, {name: value for name, value in changes.items() if value is not None}
        )
        return True
    [member] = locked
    changed = await _write(saying, member, changes)
    moved = await _follow_active(saying, person, member, was_active=was_active)
    return changed or moved


async def end(saying: Saying, person: DirectoryPerson) -> None:
    """The person is deleted: access and groups end, the user name is free, the rows stay."""
    await _leave_groups(saying, person, up_to=None)
    person.deleted_at = saying.at
    for member in await people.lock(saying.db, saying.by.workspace_id, [person.member_id or 0]):
        await people.set_state(
            saying.db, by=saying.by, member=member, state=MemberState.DEACTIVATED, at=saying.at
        )
        member.deleted_at = saying.at
        # Marked although DEACTIVATED already: a frozen segment keeps those, but no deleted one.
        await mark_members(
            saying.db,
            member.workspace_id,
            [member.id],
            lane=saying.lane,
            cause=cause_of(saying.db),
        )
        await beside.end_of_people(
            saying.db, workspace_id=member.workspace_id, member_ids=[member.id]
        )
        record(
            saying.db,
            by=saying.by,
            verb="member.deleted",
            member_id=member.id,
            before={"userName": member.user_name},
        )


async def forget_the_past(saying: Saying, person: DirectoryPerson, *, was_active: bool) -> None:
    """A life before this one ended later than something heard before: what that life left behind,
    groups and a deactivation, is no longer so."""
    await _leave_groups(saying, person, up_to=saying.key)
    for member in await people.lock(saying.db, saying.by.workspace_id, [person.member_id or 0]):
        await _follow_active(saying, person, member, was_active=was_active)


async def _write(saying: Saying, member: Member, changes: Mapping[str, object]) -> bool:
    changed = await people.write_attributes(
        saying.db,
        by=saying.by,
        member=member,
        changes=changes,
        catalog=saying.catalog,
        lane=saying.lane,
    )
    return bool(changed)


async def _follow_active(
    saying: Saying, person: DirectoryPerson, member: Member, *, was_active: bool
) -> bool:
    """Deactivate whenever the provider says so; activate only when it changes its mind, so that a
    repeated full statement does not undo what an administrator has ended."""
    is_active = active_said(person) is not False
    if is_active and was_active:
        return False
    state = MemberState.ACTIVE if is_active else MemberState.DEACTIVATED
    return await people.set_state(saying.db, by=saying.by, member=member, state=state, at=saying.at)


async def _unclaimed(saying: Saying, person: DirectoryPerson) -> Member | None:
    """The member of that user name whom no provider manages yet, locked; raises Refused.

    Asked again under the lock: another provider may have claimed the same member meanwhile.
    """
    db, workspace_id = saying.db, saying.by.workspace_id
    same_name = func.lower(Member.user_name) == person.user_name.lower()
    id = await db.scalar(
        select(Member.id).where(
            Member.workspace_id == workspace_id, same_name, Member.deleted_at.is_(None)
        )
    )
    locked = [] if id is None else await people.lock(db, workspace_id, [id])
    if not locked or locked[0].user_name.lower() != person.user_name.lower():
        return None
    if await members.managed_among(db, [locked[0].id]):
        raise _taken(person.user_name)
    return locked[0]


def names_are_free(
    db: AsyncSession, external_id: str | None, user_name: str
) -> AbstractAsyncContextManager[None]:
    """A block in which a person gets these names; it raises Refused when another has one."""
    taken = _taken(user_name)
    same = Refused(
        Code.NAME_TAKEN,
        f"There is another user with the external id “{external_id}” in this connection.",
        {"attribute": "externalId", "waits_for": f"freeExternalId:{external_id}"},
    )
    return refused_by(
        db,
        uq_member_user_name=taken,
        uq_directory_person_user_name=taken,
        uq_directory_person_external_id=same,
    )


def _taken(user_name: str) -> Refused:
    return Refused(
        Code.NAME_TAKEN,
        f"There is another member “{user_name}” in this workspace.",
        {"attribute": "userName", "waits_for": f"freeUserName:{user_name.lower()}"},
    )


async def _leave_groups(saying: Saying, person: DirectoryPerson, up_to: OrderKey | None) -> None:
    """Take the person out of groups: out of all, or out of those joined no later than `up_to`."""
    db = saying.db
    rows = await db.execute(
        select(DirectoryGroup.id, DirectoryGroup.clock)
        .join(DirectoryGroupMember, DirectoryGroupMember.group_id == DirectoryGroup.id)
        .where(DirectoryGroupMember.member_id == person.member_id)
        .order_by(DirectoryGroup.id)
        .with_for_update(of=DirectoryGroup, key_share=True)
    )
    left = [id for id, clock in rows if up_to is None or _joined(person, id, clock) <= up_to.moment]
    if not left:
        return
    await db.execute(
        update(DirectoryGroup)
        .where(DirectoryGroup.id.in_(left))
        .values(version=DirectoryGroup.version + 1, updated_at=saying.at)
    )
    await db.execute(
        delete(DirectoryGroupMember).where(
            DirectoryGroupMember.member_id == person.member_id,
            DirectoryGroupMember.group_id.in_(left),
        )
    )
    await people.lock(db, saying.by.workspace_id, [person.member_id or 0])
    await mark_members(
        db, saying.by.workspace_id, [person.member_id or 0], lane=saying.lane, cause=cause_of(db)
    )
    for id in left:
        detail = {"group": id, "added": [], "removed": [person.member_id]}
        record(db, by=saying.by, verb="group.changed", detail=detail)


def _joined(
    person: DirectoryPerson, group_id: uuid.UUID, clock: Mapping[str, Any]
) -> tuple[int, int]:
    single = known(person.attribute_clock.get(f"{IN_GROUP}{group_id}"))
    return max(single, known(clock.get(MEMBERS))).moment
