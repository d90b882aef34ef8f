"""What an identity provider says of groups out of order, applied in the provider's own order (I4).

A person is in a group as the newest of these says: the last single addition or removal, the last
whole list of members. What is not newer than a person's end does not reach the person's next
life. The end of a group is final: providers never use a group's id again.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import DirectoryGroup, DirectoryPerson
from operations import directory
from operations.lives import IN_GROUP, MEMBERS
from operations.ordering import OrderKey, key_at, known, stored, untimely
from operations.refusals import Code, Refused
from operations.rights import require
from operations.statements import (
    IdentityChange,
    Kind,
    MembersChange,
    Mode,
    Outcome,
    Status,
    Subject,
    parked,
    quarantined,
    superseded,
)
from sync_engine.markers import Lane

NAME: Final = "displayName"
ENDED: Final = "ended"


@dataclass(slots=True)
class _Saying:
    """One statement about one group while it is applied."""

    db: AsyncSession
    by: Caller
    change: IdentityChange
    key: OrderKey
    at: dt.datetime
    lane: Lane
    people: dict[str, DirectoryPerson]
    missing: list[Subject] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)


async def apply_group_change(
    db: AsyncSession,
    *,
    by: Caller,
    change: IdentityChange,
    at: dt.datetime,
    lane: Lane = Lane.INTERACTIVE,
) -> Outcome:
    """Apply one statement about a group (GROUP_CHANGED, GROUP_DELETED), found by its external id.

    People not known yet leave the statement parked: what it says of the others is applied.
    Raises Refused: NAME_TAKEN, BAD_USER_INPUT.
    """
    await require(db, by, Permission.INGEST_IDP_EVENT)
    if reason := untimely(change.occurred_at, is_full=change.mode is Mode.FULL, at=at):
        return quarantined(reason)
    subjects = _subjects(change.members)
    saying = _Saying(
        db=db,
        by=by,
        change=change,
        key=change.key or key_at(None, at, ""),
        at=at,
        lane=lane,
        people=await _find_people(db, by, subjects),
    )
    group = await _find(db, by, change.subject.external_id)
    if group is not None and group.deleted_at is not None:
        return superseded(f"the group {change.subject}")
    if change.kind is Kind.GROUP_DELETED:
        return await _end(saying, group)
    return await _change(saying, group)


async def _change(saying: _Saying, group: DirectoryGroup | None) -> Outcome:
    change = saying.change
    name = change.attributes.get(NAME)
    if group is None and not isinstance(name, str):
        return parked(_token(change), f"There is no group {change.subject} yet.")
    is_changed = group is None
    if group is None:
        group = await directory.create_group(
            saying.db,
            by=saying.by,
            display_name=str(name),
            external_id=change.subject.external_id,
            at=saying.at,
        )
        saying.freed.append(_token(change))
        group.clock = {NAME: stored(saying.key)}
    elif isinstance(name, str):
        is_changed = await _rename(saying, group, name)
    if change.members is not None and await _move(saying, group, change.members):
        is_changed = True
    return _outcome(saying, group, is_changed=is_changed)


def _outcome(saying: _Saying, group: DirectoryGroup, *, is_changed: bool) -> Outcome:
    freed = tuple(saying.freed)
    if saying.missing:
        return Outcome(
            Status.PARKED,
            f"{len(saying.missing)} of its people are not there yet, the first of them "
            f"{saying.missing[0]}; the others have been moved.",
            waits_for=saying.missing[0].token,
            freed=freed,
            directory_id=group.id,
        )
    status = Status.APPLIED if is_changed else Status.UNCHANGED
    return Outcome(status, freed=freed, directory_id=group.id)


async def _rename(saying: _Saying, group: DirectoryGroup, name: str) -> bool:
    if saying.key <= known(group.clock.get(NAME)):
        return False
    group.clock = {**group.clock, NAME: stored(saying.key)}
    before = group.display_name
    is_changed = await directory.edit_group(
        saying.db,
        by=saying.by,
        group=group,
        display_name=name,
        external_id=group.external_id,
        at=saying.at,
    )
    if is_changed:
        saying.freed.append(f"freeGroupName:{before.lower()}")
    return is_changed


async def _end(saying: _Saying, group: DirectoryGroup | None) -> Outcome:
    end = {ENDED: stored(saying.key)}
    if group is None:
        tombstone = DirectoryGroup(
            workspace_id=saying.by.workspace_id,
            connection_id=saying.by.connection_id,
            external_id=saying.change.subject.external_id,
            display_name="",
            folded_name="",
            clock=end,
            deleted_at=saying.at,
        )
        saying.db.add(tombstone)
        await saying.db.flush()
        return Outcome(Status.APPLIED, directory_id=tombstone.id)
    group.clock = {**group.clock, **end}
    await directory.delete_group(saying.db, by=saying.by, group=group, at=saying.at)
    return Outcome(
        Status.APPLIED,
        freed=(f"freeGroupName:{group.display_name.lower()}",),
        directory_id=group.id,
    )


# --- members --------------------------------------------------------------------------------------


async def _move(saying: _Saying, group: DirectoryGroup, members: MembersChange) -> bool:
    if members.replace is not None:
        return await _replace(saying, group, members.replace)
    added = _newer(saying, group, members.add)
    removed = _newer(saying, group, members.remove)
    for person in added + removed:
        entry = {f"{IN_GROUP}{group.id}": stored(saying.key)}
        person.attribute_clock = {**person.attribute_clock, **entry}
    moved = await directory.move_members(
        saying.db,
        by=saying.by,
        group=group,
        add=_ids(added),
        remove=_ids(removed),
        at=saying.at,
        lane=saying.lane,
    )
    return bool(moved)


async def _replace(saying: _Saying, group: DirectoryGroup, listed: Iterable[Subject]) -> bool:
    if saying.key < known(group.clock.get(MEMBERS)):
        return False
    wanted = _ids(_newer(saying, group, listed))
    now = await directory.members_of(saying.db, group.id)
    leaving = _ids(
        person
        for person in await _of_members(saying, now - wanted)
        if saying.key >= _single(person, group.id)
    )
    group.clock = {**group.clock, MEMBERS: stored(saying.key)}
    moved = await directory.move_members(
        saying.db,
        by=saying.by,
        group=group,
        add=wanted - now,
        remove=leaving,
        at=saying.at,
        lane=saying.lane,
    )
    return bool(moved)


def _newer(
    saying: _Saying, group: DirectoryGroup, subjects: Iterable[Subject]
) -> list[DirectoryPerson]:
    """Those of whom nothing newer is known; who is not there yet is noted as missing."""
    whole_list = known(group.clock.get(MEMBERS))
    newer = []
    for subject in subjects:
        person = saying.people.get(subject.token)
        if person is not None and saying.key.moment <= known(person.tombstone_key).moment:
            continue
        if person is None or person.deleted_at is not None:
            saying.missing.append(subject)
        elif saying.key >= max(_single(person, group.id), whole_list):
            newer.append(person)
    return newer


def _single(person: DirectoryPerson, group_id: uuid.UUID) -> OrderKey:
    return known(person.attribute_clock.get(f"{IN_GROUP}{group_id}"))


def _ids(people: Iterable[DirectoryPerson]) -> set[int]:
    return {person.member_id for person in people if person.member_id is not None}


def _subjects(members: MembersChange | None) -> list[Subject]:
    if members is None:
        return []
    return [*members.add, *members.remove, *(members.replace or ())]


def _token(change: IdentityChange) -> str:
    return f"group:{change.subject.external_id}"


async def _find(db: AsyncSession, by: Caller, external_id: str | None) -> DirectoryGroup | None:
    if external_id is None:
        raise Refused(Code.BAD_USER_INPUT, "A group is told by its externalId, and there is none.")
    rows = await db.scalars(
        select(DirectoryGroup)
        .where(
            DirectoryGroup.connection_id == by.connection_id,
            DirectoryGroup.external_id == external_id,
        )
        .order_by(DirectoryGroup.deleted_at.is_not(None))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return next(iter(rows), None)


async def _find_people(
    db: AsyncSession, by: Caller, subjects: Collection[Subject]
) -> dict[str, DirectoryPerson]:
    """The people named, locked in the order of their ids, by the token each was named with."""
    if not subjects:
        return {}
    external_ids = [each.external_id for each in subjects if each.external_id is not None]
    user_names = [(each.user_name or "").lower() for each in subjects if each.external_id is None]
    rows = await db.scalars(
        select(DirectoryPerson)
        .where(
            DirectoryPerson.connection_id == by.connection_id,
            or_(
                DirectoryPerson.external_id.in_(external_ids),
                func.lower(DirectoryPerson.user_name).in_(user_names),
            ),
        )
        .order_by(DirectoryPerson.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found: dict[str, DirectoryPerson] = {}
    for row in sorted(rows, key=lambda row: (row.deleted_at is None, row.updated_at)):
        found[f"user:{row.external_id}"] = row
        found[f"userName:{row.user_name.lower()}"] = row
    return found


async def _of_members(saying: _Saying, member_ids: Collection[int]) -> list[Any]:
    rows = await saying.db.scalars(
        select(DirectoryPerson).where(
            DirectoryPerson.connection_id == saying.by.connection_id,
            DirectoryPerson.member_id.in_(member_ids),
            DirectoryPerson.deleted_at.is_(None),
        )
    )
    return list(rows)
