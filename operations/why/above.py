"""Who was above a person at a place in the journal: of the present as it is stored, of the past
from what the journal says of everybody in between.

The journal tells who had which manager, and which user name, and when people came and went; not how
people were known to directories. Whom a reference meant is said only where that is certain.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.why.entries import ADDED, DELETED, Entry, of_person
from operations.why.known import attributes_at
from operations.why.places import Place
from sync_engine.chains import ABOVE_PEOPLE, MOST_STEPS, Chains

MANAGER: Final = "manager"
USER_NAME: Final = "userName"

_NO_COURSE: Final = 0

MEANT: Final = text("""
SELECT m.id, m.user_name, m.attributes, CAST(NULL AS timestamptz) AS known_since,
       CAST(NULL AS timestamptz) AS known_until, false AS by_scim_id
  FROM member m
 WHERE m.workspace_id = :workspace_id AND m.deleted_at IS NULL
   AND lower(m.user_name) = lower(btrim(:said))
UNION ALL
SELECT m.id, m.user_name, m.attributes, NULL, NULL, false FROM member m
 WHERE m.workspace_id = :workspace_id AND m.deleted_at IS NOT NULL
   AND lower(m.user_name) = lower(btrim(:said))
UNION ALL
SELECT m.id, m.user_name, m.attributes, d.created_at, d.deleted_at, true
  FROM directory_person d JOIN member m ON m.id = d.member_id
 WHERE d.workspace_id = :workspace_id AND CAST(d.id AS text) = lower(btrim(:said))
""")
"""Who has ever been meant by a reference, as far as rows still say so."""


async def above_at(
    db: AsyncSession,
    member: Member,
    place: Place,
    *,
    forgotten: Mapping[str, Sequence[int]],
    manager: str | None,
) -> dict[int, str] | None:
    """User names by id, the nearest first; None where it cannot be known. `manager` is what was
    said of the person at the place."""
    if not place.is_past:
        return await _above_now(db, member)
    found: dict[int, str] = {}
    said = manager
    while said and len(found) < MOST_STEPS:
        meant = await _meant(db, member.workspace_id, said, place, forgotten)
        if meant is None:
            return None
        id, name, said_next = meant
        if id == member.id or id in found:
            break
        found[id] = name
        if said_next is _UNKNOWN:
            return None
        said = said_next
    return found


async def _above_now(db: AsyncSession, member: Member) -> dict[int, str]:
    connection = await db.connection()
    about = {"workspace_id": member.workspace_id, "ids": [member.id]}
    rows = await connection.exec_driver_sql(ABOVE_PEOPLE, about)
    managers = {row["id"]: row["manager_id"] for row in rows.mappings()}
    above = Chains(managers).above(member.id)
    named = await db.execute(select(Member.id, Member.user_name).where(Member.id.in_(above)))
    names = {row.id: row.user_name for row in named}
    return {id: names[id] for id in above if id in names}


_UNKNOWN: Final[Any] = object()


async def _meant(
    db: AsyncSession,
    workspace_id: int,
    said: str,
    place: Place,
    forgotten: Mapping[str, Sequence[int]],
) -> tuple[int, str, Any] | None:
    """Whom a reference meant at a place, what they were called, and what was said of their own
    manager."""
    rows = await db.execute(MEANT, {"workspace_id": workspace_id, "said": said})
    for row in sorted(rows, key=lambda row: (not row.by_scim_id, row.id)):
        if row.by_scim_id and not _was_known(row.known_since, row.known_until, place):
            continue
        told = await of_person(db, workspace_id, row.id, _NO_COURSE)
        if not _was_there(told, place.seq):
            continue
        names = {MANAGER, USER_NAME}
        then = attributes_at(row.attributes, told, forgotten, place.seq, names)
        name = str(then.values.get(USER_NAME) or row.user_name)
        if row.by_scim_id or name.lower() == said.strip(" ").lower():
            next_said = _UNKNOWN if MANAGER in then.unknown else then.values.get(MANAGER)
            return row.id, name, next_said
    return None


def _was_known(since: dt.datetime, until: dt.datetime | None, place: Place) -> bool:
    return place.at is not None and since <= place.at and (until is None or place.at < until)


def _was_there(told: Sequence[Entry], seq: int) -> bool:
    births = [each.seq for each in told if each.verb == ADDED]
    ends = [each.seq for each in told if each.verb == DELETED]
    return not (births and births[0] > seq) and not any(each <= seq for each in ends)
