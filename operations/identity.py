"""What an identity provider says of people, applied once and in the provider's own order.

Both doors, SCIM and webhooks, speak through `apply_user_change`. The rules of order stand in
`ordering`: a statement that comes late changes only what nothing newer has spoken of.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import DirectoryPerson
from operations import lives, people
from operations.lives import ACTIVE, Saying, active_said
from operations.ordering import OrderKey, key_after, known, stored, untimely
from operations.provided import Accepted, accept, sort_out
from operations.refusals import Code, Refused
from operations.rights import require
from operations.statements import (
    IdentityChange,
    Kind,
    Mode,
    Outcome,
    Status,
    Subject,
    parked,
    quarantined,
    superseded,
)
from operations.wording import name_of
from sync_engine.markers import Lane
from sync_engine.rules import Catalog


async def apply_user_change(
    db: AsyncSession,
    *,
    by: Caller,
    change: IdentityChange,
    at: dt.datetime,
    lane: Lane = Lane.INTERACTIVE,
    catalog: Catalog | None = None,
) -> Outcome:
    """Apply one statement about a person (USER_CHANGED, USER_DELETED).

    Raises Refused: NAME_TAKEN when another live person has the user name or external id (then
    `details.waits_for` says what would free it), BAD_USER_INPUT for values nothing can hold.
    """
    await require(db, by, Permission.INGEST_IDP_EVENT)
    if reason := untimely(change.occurred_at, is_full=change.mode is Mode.FULL, at=at):
        return quarantined(reason)
    person = await find(db, by, change.subject)
    saying = Saying(
        db=db,
        by=by,
        change=change,
        key=change.key or key_after(at, _keys(person)),
        at=at,
        lane=lane,
        catalog=catalog or await people.catalog_of(db, by.workspace_id),
    )
    if change.kind is Kind.USER_DELETED:
        return await _delete(saying, person)
    if person is not None and saying.key.moment <= known(person.tombstone_key).moment:
        return superseded(str(change.subject))
    if change.mode is Mode.PARTIAL and (person is None or person.deleted_at is not None):
        sort_out(change.attributes, saying.catalog)
        return parked(change.subject.token, f"There is no user {change.subject} yet.")
    return await _change(saying, person or _unknown(saying))


async def find(db: AsyncSession, by: Caller, subject: Subject) -> DirectoryPerson | None:
    """The person as this connection knows them, locked; the live one, else the latest tombstone.

    A user name finds only somebody who has no other external id.
    """
    rows = await db.scalars(
        select(DirectoryPerson)
        .where(DirectoryPerson.connection_id == by.connection_id, or_(*_named(subject)))
        .order_by(DirectoryPerson.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found = [row for row in rows if _is_meant(row, subject)]
    return max(found, key=lambda row: _nearness(row, subject), default=None)


def _named(subject: Subject) -> list[ColumnElement[bool]]:
    if subject.scim_id is not None:
        return [DirectoryPerson.id == subject.scim_id]
    criteria: list[ColumnElement[bool]] = []
    if subject.external_id is not None:
        criteria.append(DirectoryPerson.external_id == subject.external_id)
    if subject.user_name is not None:
        criteria.append(func.lower(DirectoryPerson.user_name) == subject.user_name.lower())
    return criteria


def _is_meant(row: DirectoryPerson, subject: Subject) -> bool:
    if subject.scim_id is not None:
        return row.id == subject.scim_id
    if subject.external_id is None:
        return True
    return row.external_id in (None, subject.external_id)


def _nearness(row: DirectoryPerson, subject: Subject) -> tuple[bool, bool, dt.datetime]:
    has_the_id = row.external_id is not None and row.external_id == subject.external_id
    return has_the_id, row.deleted_at is None, row.updated_at


def _keys(person: DirectoryPerson | None) -> list[OrderKey]:
    if person is None:
        return []
    entries = [*person.attribute_clock.values(), person.live_key, person.tombstone_key]
    return [known(entry) for entry in entries]


def _unknown(saying: Saying) -> DirectoryPerson:
    """The row of somebody never heard of: not there yet, and not stored yet."""
    subject = saying.change.subject
    return DirectoryPerson(
        id=subject.scim_id or uuid.uuid4(),
        workspace_id=saying.by.workspace_id,
        connection_id=saying.by.connection_id,
        external_id=subject.external_id,
        user_name=subject.user_name or "",
        resource={},
        attribute_clock={},
        version=0,
        created_at=saying.at,
        updated_at=saying.at,
        deleted_at=saying.at,
    )


async def _change(saying: Saying, person: DirectoryPerson) -> Outcome:
    names = (person.external_id, person.user_name)
    begins, was_active = person.deleted_at is not None, active_said(person) is not False
    accepted = accept(person, saying.change, saying.key, saying.catalog)
    decides_active = _accept_active(person, saying)
    if not begins and not accepted.values and not decides_active:
        return superseded(str(saying.change.subject))
    if saying.change.mode is Mode.FULL:
        person.live_key = stored(max(known(person.live_key), saying.key))
    wanted = _names(person, saying, accepted)
    is_known = not begins and wanted == names
    async with nullcontext() if is_known else lives.names_are_free(saying.db, *wanted):
        person.external_id, person.user_name = wanted
        attributes = _remember(person, saying, accepted)
        if begins:
            await lives.begin(saying, person, attributes)
            changed = True
        else:
            changed = await lives.go_on(saying, person, accepted.values, was_active=was_active)
    return Outcome(
        Status.APPLIED if changed else Status.UNCHANGED,
        freed=_freed(person, names, begins=begins),
        dropped=accepted.dropped,
        ties=accepted.ties,
        directory_id=person.id,
        member_id=person.member_id,
    )


def _accept_active(person: DirectoryPerson, saying: Saying) -> bool:
    """Whether the statement decides `active`: it is newer, or as new and takes access away."""
    wanted = saying.change.active
    if wanted is None:
        return False
    entry = person.attribute_clock.get(ACTIVE)
    last = known(entry)
    if entry is not None and saying.key.moment == last.moment:
        if wanted or not entry["said"]:
            return False
    elif saying.key.moment < last.moment:
        return False
    said = stored(saying.key, said=wanted)
    person.attribute_clock = {**person.attribute_clock, ACTIVE: said}
    return True


def _names(person: DirectoryPerson, saying: Saying, accepted: Accepted) -> tuple[str | None, str]:
    """(external id, user name) after the statement. A user name, once known, stays until another
    is said."""
    subject = saying.change.subject
    external_id, user_name = person.external_id, person.user_name
    if subject.scim_id is not None or external_id is None:
        external_id = subject.external_id
    wanted = accepted.values.pop("userName", None)
    if wanted is not None:
        user_name = name_of(str(wanted), "user name")
        accepted.values["userName"] = user_name
    elif not user_name:
        raise Refused(Code.BAD_USER_INPUT, f"The user {subject} has no userName, and needs one.")
    return external_id, user_name


def _remember(person: DirectoryPerson, saying: Saying, accepted: Accepted) -> dict[str, object]:
    """Keep what was said, in the provider's form or by attribute; returns all that is known."""
    so_far: Mapping[str, Any] = person.resource.get("attributes", {})
    both = {**so_far, **accepted.values}
    attributes = {name: value for name, value in both.items() if value is not None}
    if saying.change.document is not None:
        person.resource = dict(saying.change.document)
    else:
        person.resource = {"attributes": attributes}
    person.version += 1
    person.updated_at = saying.at
    return attributes


def _freed(
    person: DirectoryPerson, before: tuple[str | None, str], *, begins: bool
) -> tuple[str, ...]:
    """What deliveries may have been waiting for: somebody is there, or a name is free again."""
    external_id, user_name = before
    freed = []
    if begins or external_id != person.external_id:
        freed.append(f"user:{person.external_id}")
    if begins or user_name.lower() != person.user_name.lower():
        freed.append(f"userName:{person.user_name.lower()}")
    if not begins and user_name.lower() != person.user_name.lower():
        freed.append(f"freeUserName:{user_name.lower()}")
    return tuple(freed)


async def _delete(saying: Saying, person: DirectoryPerson | None) -> Outcome:
    """Record that the person ended; end the life it ended, unless a newer one has begun."""
    if person is None:
        person = _unknown(saying)
        person.tombstone_key = stored(saying.key)
        saying.db.add(person)
        await saying.db.flush()
        return Outcome(Status.APPLIED, directory_id=person.id)
    if saying.key.moment <= known(person.tombstone_key).moment:
        return superseded(str(saying.change.subject))
    was_active = active_said(person) is not False
    person.tombstone_key = stored(saying.key)
    person.updated_at = saying.at
    if person.deleted_at is not None:
        return Outcome(Status.UNCHANGED, directory_id=person.id)
    if known(person.live_key).moment > saying.key.moment:
        await lives.forget_the_past(saying, person, was_active=was_active)
        return superseded(str(saying.change.subject))
    await lives.end(saying, person)
    freed = [f"freeUserName:{person.user_name.lower()}"]
    if person.external_id is not None:
        freed.append(f"freeExternalId:{person.external_id}")
    return Outcome(
        Status.APPLIED, freed=tuple(freed), directory_id=person.id, member_id=person.member_id
    )
