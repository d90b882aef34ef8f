"""What is known about people, written in one way whoever tells us."""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, any_, delete, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from access.caller import Caller
from models.journal import cause_of, record
from models.people import AttributeDefinition, Member, MemberMoment, MemberState
from operations import invitees, pending
from operations.addresses import address_in
from operations.refusals import Code, Refused, not_found
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

PEOPLE_A_CALL: Final = 500
LARGEST_ID: Final = 2**63 - 1

WITH_GROUPS: Final = text("""
SELECT m.id, m.facts, array(
         SELECT DISTINCT g.folded_name
           FROM directory_group_member gm JOIN directory_group g ON g.id = gm.group_id
          WHERE gm.member_id = m.id) AS groups
  FROM member m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY(:ids)
""")


REWRITE: Final = text("""
UPDATE member m
   SET user_name = said.user_name, display_name = said.display_name, email = said.email,
       attributes = CAST(said.attributes AS jsonb), facts = CAST(said.facts AS jsonb),
       revision = m.revision + 1
  FROM unnest(CAST(:ids AS bigint[]), CAST(:user_names AS text[]), CAST(:display_names AS text[]),
              CAST(:emails AS text[]), CAST(:attributes AS text[]), CAST(:facts AS text[]))
       AS said(id, user_name, display_name, email, attributes, facts)
 WHERE m.workspace_id = :workspace_id AND m.id = said.id
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


def at_most(people: Sized) -> None:
    """Raises Refused where one call names more people than it may."""
    if len(people) > PEOPLE_A_CALL:
        raise Refused(
            Code.LIMIT_REACHED,
            f"One call can name {PEOPLE_A_CALL} people; this one names {len(people)}.",
            {"limit": PEOPLE_A_CALL, "count": len(people)},
        )


def each_once(member_ids: Collection[int]) -> list[int]:
    """The people a call names, in its order; raises Refused where it names nobody, or too many."""
    if not member_ids:
        raise Refused(Code.BAD_USER_INPUT, "Nobody is named; name at least one person.")
    at_most(member_ids)
    return list(dict.fromkeys(member_ids))


def storable(member_ids: Collection[int]) -> list[int]:
    """Without the ids no row can have."""
    return sorted(id for id in set(member_ids) if 0 < id <= LARGEST_ID)


async def known(db: AsyncSession, workspace_id: int, member_ids: Collection[int]) -> set[int]:
    """Those of these ids that are people of the workspace."""
    rows = await db.scalars(
        select(Member.id).where(
            Member.workspace_id == workspace_id,
            Member.id == any_(literal(storable(member_ids), ARRAY(BigInteger))),
            Member.deleted_at.is_(None),
        )
    )
    return set(rows)


def refuse_unknown(wanted: Collection[int], found: Collection[int]) -> None:
    """Raises NOT_FOUND naming everybody who was wanted and not found."""
    unknown = sorted(set(wanted) - set(found))
    if unknown:
        raise Refused(
            Code.NOT_FOUND, f"{len(unknown)} of these members do not exist.", {"memberIds": unknown}
        )


def refuse_deactivated(states: Mapping[int, MemberState]) -> None:
    """Raises MEMBER_DEACTIVATED naming everybody who is."""
    gone = sorted(id for id, state in states.items() if state is MemberState.DEACTIVATED)
    if gone:
        raise Refused(
            Code.MEMBER_DEACTIVATED,
            f"{len(gone)} of these members are deactivated; reactivate them first.",
            {"memberIds": gone},
        )


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
    """`write_attributes_of_many` of one person."""
    said = {member: changes}
    written = await write_attributes_of_many(db, by=by, changes=said, catalog=catalog, lane=lane)
    return written.get(member, {})


async def write_attributes_of_many(
    db: AsyncSession,
    *,
    by: Caller,
    changes: Mapping[Member, Mapping[str, object | None]],
    catalog: Catalog,
    lane: Lane = Lane.INTERACTIVE,
) -> dict[Member, Changed]:
    """Set these attributes of locked members (None clears) and tell the engine, in as many
    statements as for one.

    Values are kept as received; `facts` and dates follow. Of whom nothing really changed, nothing
    is written and nobody is told.
    """
    differing = {member: _changed(member.attributes, said) for member, said in changes.items()}
    written = {member: changed for member, changed in differing.items() if changed}
    if not written:
        return {}
    rows = [_rewritten(member, changed, catalog) for member, changed in written.items()]
    await db.execute(REWRITE, _by_column(rows) | {"workspace_id": by.workspace_id})
    reached = [
        row.member
        for row in rows
        if row.member.state is MemberState.PENDING and row.email and row.member.email is None
    ]
    for row in rows:
        row.take()
    await _move_dates(db, [row for row in rows if row.dates != row.dates_before])
    ids = [member.id for member in written]
    await mark_members(db, by.workspace_id, ids, lane=lane, cause=cause_of(db))
    for member, changed in written.items():
        record(
            db,
            by=by,
            verb="member.changed",
            member_id=member.id,
            before={name: before for name, (before, _) in changed.items()},
            after={name: after for name, (_, after) in changed.items()},
        )
    # What was given before there was an address could invite nobody.
    await invitees.consider(
        db, workspace_id=by.workspace_id, member_ids=[each.id for each in reached]
    )
    return written


async def set_state(
    db: AsyncSession, *, by: Caller, member: Member, state: MemberState, at: dt.datetime
) -> bool:
    """`set_states` of one person; false when that is the state already."""
    return bool(await set_states(db, by=by, members=[member], state=state, at=at))


async def set_states(
    db: AsyncSession, *, by: Caller, members: Sequence[Member], state: MemberState, at: dt.datetime
) -> list[Member]:
    """Activate or deactivate locked members; those whose state it was not already.

    Deactivation ends access at once (C19): `access_epoch` grows, so no token or stream of the
    person is taken at its word again; derived roles end, roles by hand stay stored. Whichever
    door makes somebody ACTIVE, what was given before takes effect here, or has lapsed (C5).
    """
    changed = [each for each in members if each.state is not state]
    if not changed:
        return []
    await mark_members(db, by.workspace_id, [member.id for member in changed], cause=cause_of(db))
    for member in changed:
        record(
            db,
            by=by,
            verb=_state_verb(member.state, state),
            member_id=member.id,
            before={"state": member.state},
            after={"state": state},
            detail={"at": at.isoformat()},
        )
        member.state = state
        member.access_epoch += 1
        member.revision += 1
    await _follow(db, by, [each for each in changed if each.activated_at is None], state, at)
    return changed


async def _follow(
    db: AsyncSession,
    by: Caller,
    newcomers: Sequence[Member],
    state: MemberState,
    at: dt.datetime,
) -> None:
    """What a new state means to people who have had no account so far."""
    ids = [each.id for each in newcomers]
    if state is MemberState.ACTIVE and newcomers:
        for member in newcomers:
            member.activated_at = at
        await pending.take_effect(db, by=by, member_ids=ids, at=at)
        await invitees.close(db, workspace_id=by.workspace_id, member_ids=ids, at=at)
    if state is MemberState.PENDING and newcomers:
        await db.flush()
        await invitees.consider(db, workspace_id=by.workspace_id, member_ids=ids)


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


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """What is stored of a person from now on, the columns people are found by in step with the
    attributes."""

    member: Member
    user_name: str
    display_name: str
    email: str | None
    attributes: dict[str, Any]
    facts: dict[str, object]
    dates_before: Mapping[str, dt.date]
    dates: Mapping[str, dt.date]

    def take(self) -> None:
        """The row was written: so is what was read of it."""
        for name in ("user_name", "display_name", "email", "attributes", "facts"):
            set_committed_value(self.member, name, getattr(self, name))
        set_committed_value(self.member, "revision", self.member.revision + 1)


def _rewritten(member: Member, changed: Changed, catalog: Catalog) -> _Rewritten:
    kept = {name: value for name, value in member.attributes.items() if name not in changed}
    attributes = kept | {name: after for name, (_, after) in changed.items() if after is not None}
    user_name, called, email = member.user_name, member.display_name, member.email
    if "userName" in changed and attributes.get("userName"):
        user_name = str(attributes["userName"])
    if changed.keys() & {"displayName", "givenName", "familyName", "userName"}:
        called = name_of(display_name(attributes, user_name), "display name")
    if "emails" in changed:
        email = email_of(attributes)
    facts, _ = fold(attributes, catalog)
    return _Rewritten(
        member,
        user_name=user_name,
        display_name=called,
        email=email,
        attributes=attributes,
        facts=to_json(facts),
        dates_before=moments(from_json(member.facts, catalog)),
        dates=moments(facts),
    )


def _by_column(rows: Sequence[_Rewritten]) -> dict[str, list[Any]]:
    return {
        "ids": [each.member.id for each in rows],
        "user_names": [each.user_name for each in rows],
        "display_names": [each.display_name for each in rows],
        "emails": [each.email for each in rows],
        "attributes": [json.dumps(each.attributes) for each in rows],
        "facts": [json.dumps(each.facts) for each in rows],
    }


def display_name(attributes: Mapping[str, Any], user_name: str) -> str:
    """What a person is called: the display name, else given and family name, else the user name."""
    full = " ".join(str(attributes[n]) for n in ("givenName", "familyName") if attributes.get(n))
    return str(attributes.get("displayName") or full or user_name)


async def _move_dates(db: AsyncSession, rows: Sequence[_Rewritten]) -> None:
    if rows:
        ids = [each.member.id for each in rows]
        await db.execute(delete(MemberMoment).where(MemberMoment.member_id.in_(ids)))
        await insert_dates(db, {each.member: each.dates for each in rows})


async def insert_dates(db: AsyncSession, dates: Mapping[Member, Mapping[str, dt.date]]) -> None:
    """The dates of people who have none stored, for the ticks to find."""
    rows = [
        {
            "member_id": member.id,
            "workspace_id": member.workspace_id,
            "attribute": name,
            "on_date": on_date,
        }
        for member, of_member in dates.items()
        for name, on_date in sorted(of_member.items())
    ]
    if rows:
        await db.execute(insert(MemberMoment), rows)


def email_of(attributes: Mapping[str, Any]) -> str | None:
    """The address mail goes to: the first of a person's e-mails that can be one."""
    emails = attributes.get("emails")
    if not isinstance(emails, list):
        return None
    return next((each for each in map(address_in, emails) if each is not None), None)
