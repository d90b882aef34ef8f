"""What rules saw of a person at a place in the journal: attributes, directory groups, the day.

Attributes are those of now, with every change since taken back, the newest first. Where values
were forgotten with their attribute, or an entry has been redacted, that way is closed, and the last
entry before the place says it; where that is not there either, the attribute is `unknown`.
"""

import datetime as dt
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.provided import BY_GROUPS
from operations.why.answers import Cause
from operations.why.entries import ADDED, CHANGED, DELETED, Entry
from sync_engine.rules import Catalog, Facts, fold
from sync_engine.rules.values import folded

TODAY: Final = text("""
SELECT coalesce((SELECT CAST(before ->> 'today' AS date) FROM journal_entry
                  WHERE workspace_id = :workspace_id AND verb = 'clock.ticked' AND seq > :seq
                  ORDER BY seq LIMIT 1), e.today),
       t.seq, t.at, t.verb, t.by_name, t.origin, t.before, t.after
  FROM engine_state e
  LEFT JOIN LATERAL (
       SELECT * FROM journal_entry
        WHERE workspace_id = :workspace_id AND verb = 'clock.ticked' AND seq <= :seq
        ORDER BY seq DESC LIMIT 1) AS t ON true
 WHERE e.workspace_id = :workspace_id
""")

GROUP_MOVES: Final = text("""
SELECT seq, at, by_name, origin, detail ->> 'group' AS group_id,
       detail @> CAST(:added AS jsonb) AS joined
  FROM journal_entry
 WHERE workspace_id = :workspace_id AND verb = 'group.changed'
   AND (detail @> CAST(:added AS jsonb) OR detail @> CAST(:removed AS jsonb))
 ORDER BY seq
""")

GROUPS: Final = text("""
SELECT CAST(g.id AS text), g.display_name, gm.member_id IS NOT NULL AS is_in
  FROM directory_group g
  LEFT JOIN directory_group_member gm ON gm.group_id = g.id AND gm.member_id = :member_id
 WHERE g.workspace_id = :workspace_id
   AND (gm.member_id IS NOT NULL OR g.id = ANY (CAST(:group_ids AS uuid[])))
""")

GROUP_NAMES: Final = text("""
SELECT seq, verb, detail ->> 'group' AS group_id, before ->> 'displayName' AS name
  FROM journal_entry
 WHERE workspace_id = :workspace_id AND verb IN ('group.renamed', 'group.deleted')
   AND detail ->> 'group' = ANY (CAST(:group_ids AS text[]))
 ORDER BY seq
""")

REDACTED_MOVES: Final = text("""
SELECT EXISTS (
  SELECT FROM journal_entry said
   CROSS JOIN LATERAL jsonb_array_elements(said.detail -> 'entries') AS named(seq)
    JOIN journal_entry j ON j.workspace_id = said.workspace_id AND j.seq = named.seq::bigint
   WHERE said.workspace_id = :workspace_id AND said.verb = 'entries.redacted'
     AND j.verb = 'group.changed' AND j.redacted_at IS NOT NULL)
""")
"""Whether an entry that would have said who moved between groups says nothing any more."""


@dataclass(frozen=True, slots=True)
class Known:
    """What rules saw. `attributes` are spelled as received; `changes` say what set each."""

    today: dt.date | None
    ticked: Cause | None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    changes: Mapping[str, Cause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Values:
    """Raw values by attribute; None is absent. What is `unknown` has no value here."""

    values: Mapping[str, Any]
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Move:
    """A step of a person into a directory group, or out of it."""

    seq: int
    at: dt.datetime
    by_name: str
    origin: str
    group_id: str
    joined: bool


async def the_day(db: AsyncSession, workspace_id: int, seq: int) -> Known:
    """The workspace's date at a place, and the tick that brought it; nothing of the person yet."""
    found = (await db.execute(TODAY, {"workspace_id": workspace_id, "seq": seq})).one_or_none()
    if found is None:
        return Known(None, None)
    return Known(found[0], None if found[1] is None else Cause(*found[1:]))


def attributes_at(
    present: Mapping[str, Any],
    entries: Sequence[Entry],
    forgotten: Mapping[str, Collection[int]],
    seq: int,
    names: Collection[str],
) -> Values:
    """The values of these attributes at a place.

    `entries` are those about the person, oldest first; `forgotten` the places at which everybody's
    values of an attribute were.
    """
    found = {name: _undone(name, present, entries, forgotten, seq) for name in names}
    return Values(
        {name: value for name, (is_known, value) in found.items() if is_known},
        frozenset(name for name, (is_known, _) in found.items() if not is_known),
    )


def _undone(
    name: str,
    present: Mapping[str, Any],
    entries: Sequence[Entry],
    forgotten: Mapping[str, Collection[int]],
    seq: int,
) -> tuple[bool, Any]:
    steps: dict[int, Entry | None] = dict.fromkeys(forgotten.get(name, ()))
    steps |= {each.seq: each for each in entries if _may_say(each, name)}
    is_known, value = True, present.get(name)
    for place in sorted((each for each in steps if each > seq), reverse=True):
        entry = steps[place]
        is_known = entry is not None and not entry.is_redacted
        value = (entry.before or {}).get(name) if entry is not None else None
    return (True, value) if is_known else _last_said(name, entries, forgotten, seq)


def _last_said(
    name: str, entries: Sequence[Entry], forgotten: Mapping[str, Collection[int]], seq: int
) -> tuple[bool, Any]:
    """What the last entry up to a place says: the way there from the other side."""
    told = [each for each in entries if each.seq <= seq and _may_say(each, name)]
    if not told or told[-1].is_redacted:
        return False, None
    if any(told[-1].seq < place <= seq for place in forgotten.get(name, ())):
        return True, None
    return True, _after(told[-1]).get(name)


def _may_say(entry: Entry, name: str) -> bool:
    """Whether an entry set the attribute, or might have."""
    if entry.verb not in (ADDED, CHANGED):
        return False
    return entry.verb == ADDED or entry.is_redacted or name in _after(entry)


def _after(entry: Entry) -> Mapping[str, Any]:
    said = entry.after or {}
    attributes: Mapping[str, Any] = said.get("attributes", {}) if entry.verb == ADDED else said
    return attributes


def changes_of(entries: Sequence[Entry], names: Collection[str], seq: int) -> dict[str, Cause]:
    """What last set each attribute up to a place, told of that attribute alone."""
    found: dict[str, Cause] = {}
    for entry in entries:
        if entry.seq > seq or entry.is_redacted or entry.verb not in (ADDED, CHANGED):
            continue
        for name in _after(entry).keys() & set(names):
            before = {name: (entry.before or {}).get(name)} if entry.verb == CHANGED else None
            after = {name: _after(entry).get(name)}
            found[name] = replace(entry.as_cause(), before=before, after=after)
    return found


def seen(
    day: Known,
    values: Values,
    catalog: Catalog,
    changes: Mapping[str, Cause],
) -> Known:
    """The day and the values, as rules saw them through the attribute schema of that time."""
    attributes = {name: each for name, each in values.values.items() if each is not None}
    facts, _ = fold(attributes, catalog)
    return replace(day, attributes=attributes, facts=facts, unknown=values.unknown, changes=changes)


async def with_groups(
    db: AsyncSession,
    known: Known,
    member: Member,
    seq: int,
    lives: Sequence[Entry],
) -> Known:
    """Add the directory groups the person was in, by the names they had."""
    workspace_id, member_id = member.workspace_id, member.id
    about: dict[str, Any] = {
        "workspace_id": workspace_id,
        "added": json.dumps({"added": [member_id]}),
        "removed": json.dumps({"removed": [member_id]}),
    }
    if await db.scalar(REDACTED_MOVES, {"workspace_id": workspace_id}):
        return replace(known, unknown=known.unknown | {BY_GROUPS})
    moves = [Move(*row) for row in await db.execute(GROUP_MOVES, about)]
    mentioned = sorted({uuid.UUID(each.group_id) for each in moves})
    about = {"workspace_id": workspace_id, "member_id": member_id, "group_ids": mentioned}
    groups = {row[0]: row for row in await db.execute(GROUPS, about)}
    named = {"workspace_id": workspace_id, "group_ids": sorted(groups)}
    names = list(await db.execute(GROUP_NAMES, named))
    gone = [(each.seq, None) for each in lives if each.verb == DELETED]
    inside = []
    for id, display_name, is_in in groups.values():
        ends = [*gone, *((row.seq, id) for row in names if _ends(row, id))]
        if _was_in([each for each in moves if each.group_id == id], ends, seq, is_in=is_in):
            inside.append(_name_at(display_name, [row for row in names if row.group_id == id], seq))
    changes = dict(known.changes)
    if (last := next((each for each in reversed(moves) if each.seq <= seq), None)) is not None:
        changes[BY_GROUPS] = Cause(
            last.seq, last.at, "group.changed", last.by_name, last.origin, None, None
        )
    if not inside:
        return replace(known, changes=changes)
    return replace(
        known,
        attributes={**known.attributes, BY_GROUPS: sorted(inside)},
        facts={**known.facts, BY_GROUPS: frozenset(map(folded, inside))},
        changes=changes,
    )


def _ends(row: Any, group_id: str) -> bool:
    return bool(row.verb == "group.deleted" and row.group_id == group_id)


def _was_in(
    moves: Sequence[Move], ends: Sequence[tuple[int, str | None]], seq: int, *, is_in: bool
) -> bool:
    """Whether the person was in a group at a place; `ends` are where everybody, or the person,
    was taken out of it without a word about one by one."""
    steps = sorted([*((each.seq, each.joined) for each in moves), *((at, False) for at, _ in ends)])
    until = [joined for at, joined in steps if at <= seq]
    if until:
        return until[-1]
    since = [joined for at, joined in steps if at > seq]
    return not since[0] if since and moves else is_in


def _name_at(now: str, renamed: Sequence[Any], seq: int) -> str:
    later = [row.name for row in renamed if row.verb == "group.renamed" and row.seq > seq]
    return str(later[0]) if later else now
