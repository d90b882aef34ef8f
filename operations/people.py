"""What is known about people, written in one way whoever tells us."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.journal import cause_of, record
from models.people import AttributeDefinition, Member, MemberMoment, MemberState
from operations.refusals import not_found
from operations.wording import name_of
from sync_engine.markers import Lane, mark_members
from sync_engine.rules import (
    Attribute,
    AttributeType,
    Catalog,
    Facts,
    Owner,
    fold,
    from_json,
    moments,
    to_json,
)

Changed = dict[str, tuple[object, object]]
"""What really changed: attribute → (before, after); None is absent."""

WITH_GROUPS: Final = text("""
SELECT m.id, m.facts, array(
         SELECT DISTINCT g.folded_name
           FROM directory_group_member gm JOIN directory_group g ON g.id = gm.group_id
          WHERE gm.member_id = m.id) AS groups
  FROM member m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY(:ids)
""")


async def catalog_of(db: AsyncSession, workspace_id: int) -> Catalog:
    """The workspace's attribute schema, by canonical name."""
    rows = await db.scalars(
        select(AttributeDefinition)
        .where(AttributeDefinition.workspace_id == workspace_id)
        .order_by(AttributeDefinition.name)
    )
    return {
        row.name: Attribute(row.name, AttributeType(row.type), Owner(row.owner)) for row in rows
    }


async def lock(db: AsyncSession, workspace_id: int, member_ids: Collection[int]) -> list[Member]:
    """These people's rows, locked in the order of their ids; unknown ids are left out."""
    rows = await db.scalars(
        select(Member)
        .where(
            Member.workspace_id == workspace_id,
            Member.id.in_(member_ids),
            Member.deleted_at.is_(None),
        )
        .order_by(Member.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def lock_one(db: AsyncSession, workspace_id: int, member_id: int) -> Member:
    """This person's row, locked; raises NOT_FOUND."""
    found = await lock(db, workspace_id, [member_id])
    if not found:
        raise not_found("member")
    return found[0]


async def facts_of(
    db: AsyncSession, workspace_id: int, member_ids: Sequence[int], catalog: Catalog
) -> dict[int, Facts]:
    """What rules see of these people: their facts and the names of their groups."""
    rows = await db.execute(WITH_GROUPS, {"workspace_id": workspace_id, "ids": list(member_ids)})
    found: dict[int, Facts] = {}
    for member_id, stored, groups in rows:
        facts = {**from_json(stored, catalog)}
        if groups:
            facts["groups"] = frozenset(groups)
        found[member_id] = facts
    return found


async def write_attributes(
    db: AsyncSession,
    *,
    by: Caller,
    member: Member,
    changes: Mapping[str, object | None],
    catalog: Catalog,
    lane: Lane = Lane.INTERACTIVE,
) -> Changed:
    """Set these attributes of a locked member (None clears) and tell the engine.

    Values are kept as received; `facts` and dates follow. When nothing really changed, nothing
    is written and nobody is told.
    """
    changed = _changed(member.attributes, changes)
    if not changed:
        return {}
    kept = {name: value for name, value in member.attributes.items() if name not in changed}
    member.attributes = kept | {
        name: after for name, (_, after) in changed.items() if after is not None
    }
    member.revision += 1
    _name(member, changed)
    await _fold(db, member, catalog)
    await mark_members(db, member.workspace_id, [member.id], lane=lane, cause=cause_of(db))
    record(
        db,
        by=by,
        verb="member.changed",
        member_id=member.id,
        before={name: before for name, (before, _) in changed.items()},
        after={name: after for name, (_, after) in changed.items()},
    )
    return changed


async def set_state(
    db: AsyncSession, *, by: Caller, member: Member, state: MemberState, at: dt.datetime
) -> bool:
    """Activate or deactivate a locked member; false when that is the state already.

    Deactivation ends access at once (C19): `access_epoch` grows, so no token or stream of the
    person is taken at its word again; derived roles end, roles by hand stay stored.
    """
    if member.state is state:
        return False
    before, member.state = member.state, state
    member.access_epoch += 1
    member.revision += 1
    await mark_members(db, member.workspace_id, [member.id], cause=cause_of(db))
    record(
        db,
        by=by,
        verb=_state_verb(before, state),
        member_id=member.id,
        before={"state": before},
        after={"state": state},
        detail={"at": at.isoformat()},
    )
    return True


def _state_verb(before: MemberState, after: MemberState) -> str:
    if after is MemberState.DEACTIVATED:
        return "member.deactivated"
    return "member.reactivated" if before is MemberState.DEACTIVATED else "member.activated"


def _changed(now: Mapping[str, Any], changes: Mapping[str, object | None]) -> Changed:
    blank: tuple[object, ...] = ("", [], None)
    wanted = {name: None if value in blank else value for name, value in changes.items()}
    return {
        name: (now.get(name), value) for name, value in wanted.items() if now.get(name) != value
    }


def _name(member: Member, changed: Changed) -> None:
    """Keep the columns people are found by in step with the attributes."""
    attributes = member.attributes
    if "userName" in changed and attributes.get("userName"):
        member.user_name = str(attributes["userName"])
    if changed.keys() & {"displayName", "givenName", "familyName", "userName"}:
        called = display_name(attributes, member.user_name)
        member.display_name = name_of(called, "display name")
    if "emails" in changed:
        member.email = email_of(attributes)


def display_name(attributes: Mapping[str, Any], user_name: str) -> str:
    """What a person is called: the display name, else given and family name, else the user name."""
    full = " ".join(str(attributes[n]) for n in ("givenName", "familyName") if attributes.get(n))
    return str(attributes.get("displayName") or full or user_name)


async def _fold(db: AsyncSession, member: Member, catalog: Catalog) -> None:
    facts, _ = fold(member.attributes, catalog)
    dates_before = moments(from_json(member.facts, catalog))
    member.facts = to_json(facts)
    dates = moments(facts)
    if dates == dates_before:
        return
    await db.flush()
    await db.execute(delete(MemberMoment).where(MemberMoment.member_id == member.id))
    await insert_dates(db, member, dates)


async def insert_dates(db: AsyncSession, member: Member, dates: Mapping[str, dt.date]) -> None:
    """The dates of a person who has none stored, for the ticks to find."""
    rows = [
        {
            "member_id": member.id,
            "workspace_id": member.workspace_id,
            "attribute": name,
            "on_date": on_date,
        }
        for name, on_date in sorted(dates.items())
    ]
    if rows:
        await db.execute(insert(MemberMoment), rows)


def email_of(attributes: Mapping[str, Any]) -> str | None:
    """The address mail goes to: the first of a person's e-mails."""
    emails = attributes.get("emails")
    return str(emails[0]) if isinstance(emails, list) and emails else None
