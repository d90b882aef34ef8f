"""Groups of an identity provider. Who is in which decides the attribute `groups`.

A change costs as much as the people it moves, however large the group is (I5). Whoever changes a
group locks its row first, then people in the order of their ids.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Uuid, any_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import DirectoryGroup, DirectoryGroupMember, DirectoryPerson
from models.journal import cause_of, record
from models.people import Member
from operations.constraints import refused_by
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import name_of
from sync_engine.markers import Lane, mark_members
from sync_engine.rules.values import folded


@dataclass(frozen=True, slots=True)
class Moved:
    """Members who really came into a group, and who really left it."""

    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


async def create_group(
    db: AsyncSession,
    *,
    by: Caller,
    display_name: str,
    external_id: str | None = None,
    at: dt.datetime,
) -> DirectoryGroup:
    """A new group without members. Raises Refused NAME_TAKEN."""
    await require(db, by, Permission.INGEST_IDP_EVENT)
    name = name_of(display_name, "group's displayName")
    group = DirectoryGroup(
        id=uuid.uuid4(),
        workspace_id=by.workspace_id,
        connection_id=by.connection_id,
        external_id=external_id,
        display_name=name,
        folded_name=folded(name),
        clock={},
        version=1,
        created_at=at,
        updated_at=at,
    )
    async with _name_is_free(db, name, external_id):
        db.add(group)
    record(db, by=by, verb="group.created", after=_told(group), detail={"group": group.id})
    return group


async def lock_group(db: AsyncSession, by: Caller, group_id: uuid.UUID) -> DirectoryGroup | None:
    """A group of this connection, locked; None when there is none (any more)."""
    found: DirectoryGroup | None = await db.scalar(
        select(DirectoryGroup)
        .where(
            DirectoryGroup.id == group_id,
            DirectoryGroup.connection_id == by.connection_id,
            DirectoryGroup.deleted_at.is_(None),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found


async def edit_group(
    db: AsyncSession,
    *,
    by: Caller,
    group: DirectoryGroup,
    display_name: str,
    external_id: str | None,
    at: dt.datetime,
) -> bool:
    """Rename a locked group; its people are looked at again when that changes what rules see."""
    await require(db, by, Permission.INGEST_IDP_EVENT)
    name = name_of(display_name, "group's displayName")
    if (name, external_id) == (group.display_name, group.external_id):
        return False
    before, folded_before = _told(group), group.folded_name
    async with _name_is_free(db, name, external_id):
        group.display_name, group.folded_name, group.external_id = name, folded(name), external_id
        _touch(group, at)
    if group.folded_name != folded_before:
        await _mark_everybody(db, group)
    record(
        db,
        by=by,
        verb="group.renamed",
        before=before,
        after=_told(group),
        detail={"group": group.id},
    )
    return True


async def move_members(
    db: AsyncSession,
    *,
    by: Caller,
    group: DirectoryGroup,
    add: Collection[int] = (),
    remove: Collection[int] = (),
    at: dt.datetime,
    lane: Lane = Lane.INTERACTIVE,
) -> Moved:
    """Bring members into a locked group and take others out; who is so already costs nothing."""
    await require(db, by, Permission.INGEST_IDP_EVENT)
    locked = await _lock_people(db, by, {*add, *remove})
    added = await _insert(db, group, sorted(locked & set(add)))
    removed = await _remove(db, group, sorted(set(remove) - set(add)))
    moved = Moved(tuple(sorted(added)), tuple(sorted(removed)))
    if moved:
        _touch(group, at)
        await mark_members(
            db, by.workspace_id, moved.added + moved.removed, lane=lane, cause=cause_of(db)
        )
        detail = {"group": group.id, "added": moved.added, "removed": moved.removed}
        record(db, by=by, verb="group.changed", detail=detail)
    return moved


async def replace_members(
    db: AsyncSession,
    *,
    by: Caller,
    group: DirectoryGroup,
    wanted: Collection[int],
    at: dt.datetime,
    lane: Lane = Lane.INTERACTIVE,
) -> Moved:
    """Make these the only members of a locked group; only the difference is written."""
    now = await members_of(db, group.id)
    return await move_members(
        db, by=by, group=group, add=set(wanted) - now, remove=now - set(wanted), at=at, lane=lane
    )


async def delete_group(
    db: AsyncSession, *, by: Caller, group: DirectoryGroup, at: dt.datetime
) -> None:
    """End a locked group: nobody is in it any more, its name is free."""
    await require(db, by, Permission.INGEST_IDP_EVENT)
    await _mark_everybody(db, group)
    await db.execute(delete(DirectoryGroupMember).where(DirectoryGroupMember.group_id == group.id))
    group.deleted_at = at
    _touch(group, at)
    record(db, by=by, verb="group.deleted", before=_told(group), detail={"group": group.id})


async def members_of(db: AsyncSession, group_id: uuid.UUID) -> set[int]:
    """Who is in a group."""
    rows = await db.scalars(
        select(DirectoryGroupMember.member_id).where(DirectoryGroupMember.group_id == group_id)
    )
    return set(rows)


async def members_by_scim_id(
    db: AsyncSession, by: Caller, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, int]:
    """Members of the workspace by the id this connection knows them under."""
    rows = await db.execute(
        select(DirectoryPerson.id, DirectoryPerson.member_id).where(
            DirectoryPerson.connection_id == by.connection_id,
            DirectoryPerson.id == any_(literal(list(ids), ARRAY(Uuid()))),
            DirectoryPerson.deleted_at.is_(None),
            DirectoryPerson.member_id.is_not(None),
        )
    )
    return {id: member_id for id, member_id in rows if member_id is not None}


async def _lock_people(db: AsyncSession, by: Caller, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    rows = await db.scalars(
        select(Member.id)
        .where(
            Member.workspace_id == by.workspace_id,
            Member.id == any_(_these(ids)),
            Member.deleted_at.is_(None),
        )
        .order_by(Member.id)
        .with_for_update(key_share=True)
    )
    return set(rows)


async def _insert(db: AsyncSession, group: DirectoryGroup, ids: Collection[int]) -> list[int]:
    if not ids:
        return []
    rows = await db.scalars(
        insert(DirectoryGroupMember)
        .from_select(
            ["group_id", "member_id", "workspace_id"],
            select(
                literal(group.id),
                func.unnest(_these(ids)),
                literal(group.workspace_id),
            ),
        )
        .on_conflict_do_nothing()
        .returning(DirectoryGroupMember.member_id)
    )
    return list(rows)


async def _remove(db: AsyncSession, group: DirectoryGroup, ids: Collection[int]) -> list[int]:
    if not ids:
        return []
    rows = await db.scalars(
        delete(DirectoryGroupMember)
        .where(
            DirectoryGroupMember.group_id == group.id,
            DirectoryGroupMember.member_id == any_(_these(ids)),
        )
        .returning(DirectoryGroupMember.member_id)
    )
    return list(rows)


async def _mark_everybody(db: AsyncSession, group: DirectoryGroup) -> None:
    in_group = select(DirectoryGroupMember.member_id).where(
        DirectoryGroupMember.group_id == group.id
    )
    ids = await db.scalars(
        select(Member.id)
        .where(Member.id.in_(in_group))
        .order_by(Member.id)
        .with_for_update(key_share=True)
    )
    await mark_members(db, group.workspace_id, list(ids), lane=Lane.BULK, cause=cause_of(db))


def _touch(group: DirectoryGroup, at: dt.datetime) -> None:
    group.version += 1
    group.updated_at = at


def _told(group: DirectoryGroup) -> dict[str, object]:
    return {"displayName": group.display_name, "externalId": group.external_id}


def _name_is_free(
    db: AsyncSession, name: str, external_id: str | None
) -> AbstractAsyncContextManager[None]:
    taken = Refused(
        Code.NAME_TAKEN,
        f"There is another group “{name}” in this connection.",
        {"attribute": "displayName", "waits_for": f"freeGroupName:{name.lower()}"},
    )
    same = Refused(
        Code.NAME_TAKEN,
        f"There is another group with the external id “{external_id}” in this connection.",
        {"attribute": "externalId"},
    )
    return refused_by(db, uq_directory_group_name=taken, uq_directory_group_external_id=same)


def _these(ids: Collection[int]) -> ColumnElement[list[int]]:
    """One array parameter, so that a statement is the same for 1 and for 5,000 people."""
    return literal(list(ids), ARRAY(BigInteger))
