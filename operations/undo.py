"""Taking back what one run of the engine did: everybody it moved is pinned where they were (S12).

All of it, or nothing: where later intervals contradict, it is refused with the pairs.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.holds import PinOrigin
from models.journal import record
from models.people import MemberState
from models.segments import ChangeSet
from operations import pins
from operations.pins import Because, Locked
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import reason_of
from sync_engine.plan import Pair

NAMED: Final = 50
"""How many contradicting pairs a refusal names; it counts them all."""

MOVED: Final = text("""
SELECT CAST(who AS bigint) AS member_id, CAST(s.key AS integer) AS segment_id, k.joined
  FROM journal_entry j
 CROSS JOIN LATERAL jsonb_each(j.detail -> 'segments') AS s(key, value)
 CROSS JOIN LATERAL (VALUES (true, s.value -> 'added'), (false, s.value -> 'removed'))
                 AS k(joined, ids)
 CROSS JOIN LATERAL jsonb_array_elements_text(k.ids) AS who
 WHERE j.workspace_id = :workspace_id AND j.change_set_id = :id
""")

LAST: Final = text("""
SELECT p.member_id, p.segment_id, m.opened_by_id, m.closed_by_id, m.until
  FROM unnest(CAST(:members AS bigint[]), CAST(:segments AS integer[]))
           AS p(member_id, segment_id)
 CROSS JOIN LATERAL (
       SELECT * FROM membership m
        WHERE m.member_id = p.member_id AND m.segment_id = p.segment_id
        ORDER BY m.since DESC LIMIT 1) AS m
""")
"""The last interval of each pair."""


class Contradiction(StrEnum):
    """Why a pair cannot be put back. MOVED_SINCE: the person has left or joined the segment again.
    DEACTIVATED, PERSON_GONE, SEGMENT_GONE: nobody can be put where that is."""

    MOVED_SINCE = "MOVED_SINCE"
    DEACTIVATED = "DEACTIVATED"
    PERSON_GONE = "PERSON_GONE"
    SEGMENT_GONE = "SEGMENT_GONE"


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back: pairs that are pinned out of a segment, and into one."""

    change_set: ChangeSet
    pinned_out: int
    pinned_in: int


async def undo(
    db: AsyncSession,
    *,
    by: Caller,
    change_set_id: int,
    reason: str,
    expires_at: dt.datetime | None = None,
    at: dt.datetime,
) -> Undone:
    """Pin whom the change set added out, and whom it removed in, until `expires_at` if that is
    said. Once the engine has caught up, the memberships of all of them are as before it."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    reason = reason_of(reason)
    pins.refuse_past(expires_at, at)
    change_set = await _locked(db, by, change_set_id)
    about = {"workspace_id": by.workspace_id, "id": change_set.id}
    rows: Iterable[Any] = await db.execute(MOVED, about)
    joined = {(row.member_id, row.segment_id): row.joined for row in rows}
    if not joined:
        raise Refused(Code.NOTHING_TO_REVERT, "This change set moved nobody.")
    locked = await pins.lock(db, by=by, pairs=joined)
    contradictions = await _contradictions(db, change_set.id, joined, locked)
    if contradictions:
        raise _contradicted(contradictions)
    because = Because(PinOrigin.UNDO, reason, expires_at, change_set_id=change_set.id)
    wanted = {pair: not has_joined for pair, has_joined in joined.items()}
    await pins.write(db, by=by, pins=wanted, because=because, at=at)
    change_set.undone_at = at
    put_in = sum(wanted.values())
    undone = Undone(change_set, len(wanted) - put_in, put_in)
    record(
        db,
        by=by,
        verb="change_set.undone",
        after={
            "changeSetId": change_set.id,
            "pinnedOut": undone.pinned_out,
            "pinnedIn": undone.pinned_in,
            "expiresAt": None if expires_at is None else expires_at.isoformat(),
        },
        reason=reason,
    )
    return undone


async def _locked(db: AsyncSession, by: Caller, id: int) -> ChangeSet:
    """The change set, its row locked; raises NOT_FOUND, ALREADY_UNDONE."""
    change_set: ChangeSet | None = await db.scalar(
        select(ChangeSet)
        .where(ChangeSet.workspace_id == by.workspace_id, ChangeSet.id == id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if change_set is None:
        raise not_found("change set")
    if change_set.undone_at is not None:
        raise Refused(
            Code.ALREADY_UNDONE,
            f"This change set was undone at {change_set.undone_at.isoformat()}; remove its pins, or"
            " undo what followed from it.",
            {"undoneAt": change_set.undone_at.isoformat()},
        )
    return change_set


async def _contradictions(
    db: AsyncSession, change_set_id: int, joined: Mapping[Pair, bool], locked: Locked
) -> dict[Pair, Contradiction]:
    """The pairs that are not as the change set left them, or cannot be put back; by segment and
    person."""
    pairs = sorted(joined, key=lambda pair: (pair[1], pair[0]))
    about = {"members": [pair[0] for pair in pairs], "segments": [pair[1] for pair in pairs]}
    last: Mapping[Pair, Any] = {
        (row.member_id, row.segment_id): row for row in await db.execute(LAST, about)
    }

    found = (
        (pair, _contradiction(pair, locked, is_left=_is_left(change_set_id, last.get(pair))))
        for pair in pairs
    )
    return {pair: why for pair, why in found if why is not None}


def _is_left(change_set_id: int, last: Any) -> bool:
    """Whether a pair's last interval is the one that the change set opened, and that goes on; or
    the one it closed."""
    if last is None:
        return False
    if last.closed_by_id == change_set_id:
        return True
    return bool(last.opened_by_id == change_set_id and last.until is None)


def _contradiction(pair: Pair, locked: Locked, *, is_left: bool) -> Contradiction | None:
    member_id, segment_id = pair
    if segment_id not in locked.segments:
        return Contradiction.SEGMENT_GONE
    if member_id not in locked.members:
        return Contradiction.PERSON_GONE
    if not is_left:
        return Contradiction.MOVED_SINCE
    is_out = locked.members[member_id].state is MemberState.DEACTIVATED
    return Contradiction.DEACTIVATED if is_out else None


def _contradicted(found: Mapping[Pair, Contradiction]) -> Refused:
    count = len(found)
    named = list(found.items())[:NAMED]
    return Refused(
        Code.UNDO_CONTRADICTED,
        f"{count:,} of its memberships {'has' if count == 1 else 'have'} changed since, or cannot"
        " be put back; nothing was undone. Exclude or keep single people instead.",
        {
            "count": count,
            "pairs": [
                {"memberId": member_id, "segmentId": segment_id, "why": why}
                for (member_id, segment_id), why in named
            ],
        },
    )
