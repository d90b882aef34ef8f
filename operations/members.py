"""People of a workspace, as administrators and they themselves change them."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
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
from operations.schema_edits import refuse_unknown
from operations.wording import name_of
from sync_engine.markers import Lane, mark_members
from sync_engine.rules import Catalog, Owner, fold, from_json, moments, to_json


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody to be stored: raw values by canonical name.

    `called` is what the person is called, where that is not something known about the person:
    no attribute, and so nothing a rule can see.
    """

    user_name: str
    attributes: Mapping[str, Any]
    called: str | None = None


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
    """One person, for doors that have asked for the right themselves."""
    entry = Entry(user_name, attributes)
    made = await insert_members(db, by=by, entries=[entry], state=state, catalog=catalog, lane=lane)
    if not made:
        raise Refused(Code.NAME_TAKEN, f"There is a member “{user_name[:200]}” already.")
    return made[0]


async def insert_members(
    db: AsyncSession,
    *,
    by: Caller,
    entries: Sequence[Entry],
    state: MemberState,
    catalog: Catalog,
    lane: Lane = Lane.INTERACTIVE,
) -> list[Member]:
    """The rows, dates and markers of new people, who are told of in their own order.

    Left out is whoever has a user name that is taken, by then or at the same moment. Raises
    Refused for names that cannot be shown.
    """
    if not entries:
        return []
    rows = [_row(by.workspace_id, each, state, catalog) for each in entries]
    in_order = sorted(rows, key=lambda row: str(row["user_name"]).lower())
    statement = insert(Member).on_conflict_do_nothing().execution_options(render_nulls=True)
    if state is MemberState.ACTIVE:
        statement = statement.values(activated_at=func.now())
    made = await db.scalars(statement.returning(Member), in_order)
    by_name = {member.user_name: member for member in made}
    members = [by_name[row["user_name"]] for row in rows if row["user_name"] in by_name]
    await people.insert_dates(
        db, {member: moments(from_json(member.facts, catalog)) for member in members}
    )
    ids = [member.id for member in members]
    await mark_members(db, by.workspace_id, ids, lane=lane, cause=cause_of(db))
    for member in members:
        record(
            db,
            by=by,
            verb="member.added",
            member_id=member.id,
            after={
                "userName": member.user_name,
                "displayName": member.display_name,
                "state": state,
                "attributes": member.attributes,
            },
        )
    return members


def _row(
    workspace_id: int, entry: Entry, state: MemberState, catalog: Catalog
) -> dict[str, object]:
    user_name = name_of(entry.user_name, "user name")
    kept = {name: value for name, value in entry.attributes.items() if value not in (None, "", [])}
    kept["userName"] = user_name
    facts, _ = fold(kept, catalog)
    called = entry.called or people.display_name(kept, user_name)
    return {
        "workspace_id": workspace_id,
        "user_name": user_name,
        "display_name": name_of(called, "display name"),
        "email": people.email_of(kept),
        "state": state,
        "attributes": kept,
        "facts": to_json(facts),
    }


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
    owners = owners_of(changes, catalog)
    if is_self and owners.keys() - {Owner.MEMBER}:
        await require(db, by, Permission.EDIT_ATTRIBUTE_SCHEMA)
    managed = await managed_among(db, [member_id]) if Owner.IDENTITY_PROVIDER in owners else ()
    refuse_owners(owners, is_self=is_self, is_managed=member_id in managed)
    refuse_groups(changes)
    changes = {name: fitting(name, value) for name, value in changes.items()}
    if "userName" in changes:
        changes = {**changes, "userName": name_of(str(changes["userName"] or ""), "user name")}
    taken = Refused(Code.NAME_TAKEN, f"There is a member “{changes.get('userName')}” already.")
    async with refused_by(db, uq_member_user_name=taken):
        await people.write_attributes(db, by=by, member=member, changes=changes, catalog=catalog)
    return member


async def deactivate(
    db: AsyncSession, *, by: Caller, member_ids: Collection[int], at: dt.datetime
) -> list[Member]:
    """End people's access at once (C19); whose access that was. All of them, or nobody.

    Not that of the last workspace managers (C3). Oneself is no exception: who is not the last can
    be asked back by another one.
    """
    await require(db, by, Permission.DEACTIVATE_MEMBER)
    people.at_most(member_ids)
    await grants.keep_a_manager(db, by.workspace_id, member_ids)
    found = await _lock_all(db, by, member_ids)
    return await people.set_states(db, by=by, members=found, state=MemberState.DEACTIVATED, at=at)


async def reactivate(
    db: AsyncSession, *, by: Caller, member_ids: Collection[int], at: dt.datetime
) -> list[Member]:
    """Give access back: roles by hand return, derived ones follow the rules; who changed.

    Whoever never had an account is PENDING again, and stays so until the first sign-in (C5).
    """
    await require(db, by, Permission.DEACTIVATE_MEMBER)
    people.at_most(member_ids)
    found = await _lock_all(db, by, member_ids)
    back = [each for each in found if each.state is MemberState.DEACTIVATED]
    waiting = [each for each in back if each.activated_at is None]
    active = [each for each in back if each.activated_at is not None]
    return [
        *await people.set_states(db, by=by, members=active, state=MemberState.ACTIVE, at=at),
        *await people.set_states(db, by=by, members=waiting, state=MemberState.PENDING, at=at),
    ]


async def _lock_all(db: AsyncSession, by: Caller, member_ids: Collection[int]) -> list[Member]:
    found = await people.lock(db, by.workspace_id, member_ids)
    people.refuse_unknown(member_ids, [each.id for each in found])
    return found


def _reaches(by: Caller, permission: Permission) -> bool:
    """Whether the token used is not limited to other permissions."""
    return by.limited_to is None or permission in by.limited_to


def owners_of(changes: Mapping[str, object], catalog: Catalog) -> dict[Owner, list[str]]:
    """Whose these attributes are; raises Refused naming those that there are not."""
    refuse_unknown(changes, catalog)
    owners: dict[Owner, list[str]] = {}
    for name in sorted(changes):
        owners.setdefault(catalog[name].owner, []).append(name)
    return owners


def refuse_owners(owners: Mapping[Owner, list[str]], *, is_self: bool, is_managed: bool) -> None:
    """Raises WRONG_OWNER where one of these attributes of a person is not written by hand by
    others, or not at all while a provider manages the person."""
    if Owner.MEMBER in owners and not is_self:
        raise _wrong_owner("Only the member writes", owners[Owner.MEMBER])
    if Owner.IDENTITY_PROVIDER in owners and is_managed:
        raise _wrong_owner(
            "An identity provider manages this person and writes", owners[Owner.IDENTITY_PROVIDER]
        )


async def managed_among(db: AsyncSession, member_ids: Collection[int]) -> set[int]:
    """Those of these people of whom an identity provider says what they are."""
    found = await db.scalars(
        select(DirectoryPerson.member_id).where(
            DirectoryPerson.member_id.in_(member_ids), DirectoryPerson.deleted_at.is_(None)
        )
    )
    return {each for each in found if each is not None}


def refuse_groups(attributes: Mapping[str, object]) -> None:
    """Raises Refused where groups are written by hand."""
    if BY_GROUPS in attributes:
        raise Refused(
            Code.WRONG_OWNER, "Groups follow the directory's groups; change those instead."
        )


def _wrong_owner(sentence: str, names: list[str]) -> Refused:
    return Refused(Code.WRONG_OWNER, f"{sentence} {', '.join(names)}.", {"attributes": names})
