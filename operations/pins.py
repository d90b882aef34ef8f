"""Decisions that a person is in a segment, or is not, whatever its rule says.

Who writes them holds the lock of the people's block: no run of the engine has read what was there
before and writes afterwards. The order of locks: segments, people, markers, blocks, rows.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.holds import MembershipPin, PinOrigin
from models.journal import cause_of, record
from models.people import Member
from models.segments import Segment
from operations import people, visible
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import reason_of
from sync_engine.drain import BATCH
from sync_engine.markers import BLOCK_BITS, Lane, mark_members
from sync_engine.plan import Pair

LOCK_BLOCKS: Final = text(f"""
SELECT pg_advisory_xact_lock(:workspace_id, block)
  FROM (SELECT DISTINCT (id >> {BLOCK_BITS})::integer AS block
          FROM unnest(CAST(:ids AS bigint[])) AS id ORDER BY block) AS b
""")  # noqa: S608 - made of a constant of ours

PAIRS: Final = """
unnest(CAST(:segments AS integer[]), CAST(:members AS bigint[]), CAST(:ins AS boolean[]))
       AS p(segment_id, member_id, is_in)
"""

WRITE: Final = text(f"""
INSERT INTO membership_pin (segment_id, member_id, workspace_id, is_in, origin, change_set_id,
                            hold_id, reason, expires_at, created_at, created_by_id, cause)
SELECT p.segment_id, p.member_id, :workspace_id, p.is_in, :origin, :change_set_id,
       :hold_id, :reason, :expires_at, :at, :created_by_id, :cause
  FROM {PAIRS} ORDER BY p.segment_id, p.member_id
ON CONFLICT (segment_id, member_id) DO UPDATE
   SET is_in = excluded.is_in, origin = excluded.origin, change_set_id = excluded.change_set_id,
       hold_id = excluded.hold_id, reason = excluded.reason, expires_at = excluded.expires_at,
       created_at = excluded.created_at, created_by_id = excluded.created_by_id,
       cause = excluded.cause
""")  # noqa: S608 - made of a constant of ours

REMOVE: Final = text("""
DELETE FROM membership_pin
 WHERE workspace_id = :workspace_id AND segment_id = :segment_id
   AND member_id = ANY (CAST(:members AS bigint[]))
RETURNING member_id, is_in
""")


@dataclass(frozen=True, slots=True)
class Because:
    """Why pins are written, and until when they hold."""

    origin: PinOrigin
    reason: str
    expires_at: dt.datetime | None = None
    change_set_id: int | None = None
    hold_id: int | None = None


@dataclass(frozen=True, slots=True)
class Locked:
    """Segments and people that are there, held by this transaction, by id."""

    segments: Mapping[int, Segment]
    members: Mapping[int, Member]


def refuse_past(expires_at: dt.datetime | None, at: dt.datetime) -> None:
    """Raises Refused for an end that has passed."""
    if expires_at is not None and expires_at <= at:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"It would expire at {expires_at.isoformat()}, which has passed; name a later time.",
        )


async def lock(db: AsyncSession, *, by: Caller, pairs: Collection[Pair]) -> Locked:
    """Hold the segments and the people of these pairs, mark the people, and hold their blocks.

    Whoever is not there is left out. Segments are only kept from changing, not held alone.
    """
    wanted = {segment_id for _, segment_id in pairs}
    segments = await db.scalars(
        select(Segment)
        .where(
            Segment.workspace_id == by.workspace_id,
            Segment.id.in_(wanted),
            Segment.deleted_at.is_(None),
        )
        .order_by(Segment.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    alive = {each.id: each for each in segments}
    found = await people.lock(db, by.workspace_id, {member_id for member_id, _ in pairs})
    members = {each.id: each for each in found}
    lane = Lane.INTERACTIVE if len(members) <= BATCH else Lane.BULK
    await mark_members(db, by.workspace_id, members, lane=lane, cause=cause_of(db))
    await db.execute(LOCK_BLOCKS, {"workspace_id": by.workspace_id, "ids": sorted(members)})
    return Locked(alive, members)


async def write(
    db: AsyncSession, *, by: Caller, pins: Mapping[Pair, bool], because: Because, at: dt.datetime
) -> None:
    """Pin these pairs, in or out, in place of what was said of them before. The caller has locked
    them with `lock` and has found everybody there.

    Of a removal of theirs that waits (S11), the engine sees that it is decided.
    """
    if not pins:
        return
    pairs = sorted(pins, key=lambda pair: (pair[1], pair[0]))
    about: dict[str, Any] = {
        "workspace_id": by.workspace_id,
        "segments": [segment_id for _, segment_id in pairs],
        "members": [member_id for member_id, _ in pairs],
        "ins": [pins[pair] for pair in pairs],
    }
    said: dict[str, Any] = {
        "origin": because.origin,
        "change_set_id": because.change_set_id,
        "hold_id": because.hold_id,
        "reason": because.reason,
        "expires_at": because.expires_at,
        "at": at,
        "created_by_id": by.member_id,
        "cause": cause_of(db),
    }
    await db.execute(WRITE, about | said)
    until = None if because.expires_at is None else because.expires_at.isoformat()
    for segment_id, is_in, member_ids in by_segment((*pair, pins[pair]) for pair in pairs):
        record(
            db,
            by=by,
            verb="membership.pinned",
            segment_id=segment_id,
            after={"memberIds": member_ids, "isIn": is_in, "expiresAt": until},
            detail={
                "origin": because.origin,
                "changeSetId": because.change_set_id,
                "holdId": because.hold_id,
            },
            reason=because.reason,
        )


async def remove(
    db: AsyncSession, *, by: Caller, segment_id: int, member_ids: Collection[int], reason: str
) -> list[int]:
    """Let the segment's rule decide about these people again; those of whom something was said.

    People who are not pinned are passed over; who is not there at all, is NOT_FOUND.
    """
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    reason, wanted = reason_of(reason), people.each_once(member_ids)
    pinned = await _pinned(db, by, segment_id, wanted)
    locked = await lock(db, by=by, pairs=[(member_id, segment_id) for member_id in pinned])
    about = {
        "workspace_id": by.workspace_id,
        "segment_id": segment_id,
        "members": sorted(locked.members),
    }
    rows = [(row.member_id, segment_id, row.is_in) for row in await db.execute(REMOVE, about)]
    for _, is_in, gone in by_segment(sorted(rows)):
        record(
            db,
            by=by,
            verb="membership.unpinned",
            segment_id=segment_id,
            before={"memberIds": gone, "isIn": is_in},
            reason=reason,
        )
    return sorted(member_id for member_id, *_ in rows)


async def _pinned(
    db: AsyncSession, by: Caller, segment_id: int, wanted: Collection[int]
) -> list[int]:
    """Those of these people of whom something is said. Raises NOT_FOUND where the segment, or
    somebody, is not there."""
    segment = select(Segment.id).where(
        Segment.workspace_id == by.workspace_id,
        Segment.id == segment_id,
        Segment.deleted_at.is_(None),
    )
    if await db.scalar(segment) is None:
        raise not_found("segment")
    people.refuse_unknown(wanted, await people.known(db, by.workspace_id, wanted))
    pinned = select(MembershipPin.member_id).where(
        MembershipPin.workspace_id == by.workspace_id,
        MembershipPin.segment_id == segment_id,
        MembershipPin.member_id.in_(wanted),
    )
    return sorted(await db.scalars(pinned))


def by_segment(rows: Iterable[tuple[int, int, bool]]) -> list[tuple[int, bool, list[int]]]:
    """(member, segment, whether in) gathered to (segment, whether in, members)."""
    found: dict[tuple[int, bool], list[int]] = {}
    for member_id, segment_id, is_in in rows:
        found.setdefault((segment_id, is_in), []).append(member_id)
    return [(*key, member_ids) for key, member_ids in sorted(found.items())]


def seen_by(by: Caller) -> Select[MembershipPin]:
    """The pins a caller may see: whoever edits segments, all of the workspace."""
    return visible.of_workspace(by, MembershipPin, Permission.CREATE_EDIT_SEGMENT)
