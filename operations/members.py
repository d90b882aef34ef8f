"""People of a workspace, as administrators and they themselves change them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import DirectoryPerson
from models.journal import cause_of, record
from models.people import Member, MemberState
from operations import grants, people
from operations.constraints import refused_by
from operations.provided import BY_GROUPS, fitting
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import name_of
from sync_engine.markers import Lane, mark_members
from sync_engine.rules import Catalog, Owner, fold, moments, to_json


async def add(
    db: AsyncSession,
    *,
    by: Caller,
    user_name: str,
    attributes: Mapping[str, Any],
    state: MemberState,
    catalog: Catalog,
    lane: Lane = Lane.INTERACTIVE,
) -> Member:
    """Add a person. `attributes` are raw values by canonical name; nobody is invited by this."""
    await require(db, by, Permission.ADD_MEMBER)
    _owners(attributes, catalog)
    _not_by_hand(attributes)
    return await insert_member(
        db,
        by=by,
        user_name=user_name,
        attributes={name: fitting(name, value) for name, value in attributes.items()},
        state=state,
        catalog=catalog,
        lane=lane,
    )


async def insert_member(
    db: AsyncSession,
    *,
    by: Caller,
    user_name: str,
    attributes: Mapping[str, Any],
    state: MemberState,
    catalog: Catalog,
    lane: Lane = Lane.INTERACTIVE,
) -> Member:
    """The person's row, dates and marker, for doors that have asked for the right themselves."""
    user_name = name_of(user_name, "user name")
    kept = {name: value for name, value in attributes.items() if value not in (None, "", [])}
    kept["userName"] = user_name
    facts, _ = fold(kept, catalog)
    member = Member(
        workspace_id=by.workspace_id,
        user_name=user_name,
        display_name=name_of(people.display_name(kept, user_name), "display name"),
        email=people.email_of(kept),
        state=state,
        attributes=kept,
        facts=to_json(facts),
    )
    taken = Refused(Code.NAME_TAKEN, f"There is a member “{user_name}” already.")
    async with refused_by(db, uq_member_user_name=taken):
        db.add(member)
    await people.insert_dates(db, member, moments(facts))
    await mark_members(db, by.workspace_id, [member.id], lane=lane, cause=cause_of(db))
    record(
        db,
        by=by,
        verb="member.added",
        member_id=member.id,
        after={"userName": user_name, "state": state, "attributes": kept},
    )
    return member


async def change_attributes(
    db: AsyncSession,
    *,
    by: Caller,
    member_id: int,
    changes: Mapping[str, object | None],
) -> Member:
    """Set attributes by hand; None clears one.

    What the member owns, only the member writes; the rest needs EDIT_ATTRIBUTE_SCHEMA, and what
    an identity provider owns is written by hand only for people no provider manages. Whoever may
    not write to others does not learn whether they exist.
    """
    is_self = by.member_id == member_id
    if not is_self or not _reaches(by, Permission.EDIT_ATTRIBUTE_SCHEMA):
        await require(db, by, Permission.EDIT_ATTRIBUTE_SCHEMA)
    member = await people.lock_one(db, by.workspace_id, member_id)
    catalog = await people.catalog_of(db, by.workspace_id)
    owners = _owners(changes, catalog)
    if Owner.MEMBER in owners and not is_self:
        raise _wrong_owner("Only the member writes", owners[Owner.MEMBER])
    if is_self and owners.keys() - {Owner.MEMBER}:
        await require(db, by, Permission.EDIT_ATTRIBUTE_SCHEMA)
    if Owner.IDENTITY_PROVIDER in owners and await _is_managed(db, member_id):
        raise _wrong_owner(
            "An identity provider manages this person and writes", owners[Owner.IDENTITY_PROVIDER]
        )
    _not_by_hand(changes)
    changes = {name: fitting(name, value) for name, value in changes.items()}
    if "userName" in changes:
        changes = {**changes, "userName": name_of(str(changes["userName"] or ""), "user name")}
    taken = Refused(Code.NAME_TAKEN, f"There is a member “{changes.get('userName')}” already.")
    async with refused_by(db, uq_member_user_name=taken):
        await people.write_attributes(db, by=by, member=member, changes=changes, catalog=catalog)
    return member


async def deactivate(db: AsyncSession, *, by: Caller, member_id: int, at: dt.datetime) -> Member:
    """End someone's access at once (C19); not that of the last workspace manager (C3)."""
    await require(db, by, Permission.DEACTIVATE_MEMBER)
    await grants.keep_a_manager(db, by.workspace_id, member_id)
    member = await people.lock_one(db, by.workspace_id, member_id)
    await people.set_state(db, by=by, member=member, state=MemberState.DEACTIVATED, at=at)
    return member


async def reactivate(db: AsyncSession, *, by: Caller, member_id: int, at: dt.datetime) -> Member:
    """Give access back; roles by hand return, derived ones follow the rules.

    Somebody PENDING has had no access yet, and stays so until the first sign-in (C5).
    """
    await require(db, by, Permission.DEACTIVATE_MEMBER)
    member = await people.lock_one(db, by.workspace_id, member_id)
    if member.state is MemberState.DEACTIVATED:
        await people.set_state(db, by=by, member=member, state=MemberState.ACTIVE, at=at)
    return member


def _reaches(by: Caller, permission: Permission) -> bool:
    """Whether the token used is not limited to other permissions."""
    return by.limited_to is None or permission in by.limited_to


def _owners(changes: Mapping[str, object], catalog: Catalog) -> dict[Owner, list[str]]:
    unknown = sorted(set(changes) - set(catalog))
    if unknown:
        raise Refused(
            Code.UNKNOWN_ATTRIBUTE,
            f"The attribute schema of this workspace has no {', '.join(unknown)[:200]}.",
            {"attributes": unknown[:50], "known": sorted(catalog)},
        )
    owners: dict[Owner, list[str]] = {}
    for name in sorted(changes):
        owners.setdefault(catalog[name].owner, []).append(name)
    return owners


async def _is_managed(db: AsyncSession, member_id: int) -> bool:
    found = await db.scalar(
        select(DirectoryPerson.id)
        .where(DirectoryPerson.member_id == member_id, DirectoryPerson.deleted_at.is_(None))
        .limit(1)
    )
    return found is not None


def _not_by_hand(attributes: Mapping[str, object]) -> None:
    if BY_GROUPS in attributes:
        raise Refused(
            Code.WRONG_OWNER, "Groups follow the directory's groups; change those instead."
        )


def _wrong_owner(sentence: str, names: list[str]) -> Refused:
    return Refused(Code.WRONG_OWNER, f"{sentence} {', '.join(names)}.", {"attributes": names})
