"""How the engine fares (S13): what waits in each lane and for how long, with whom it fails, and
what its verification found. For whoever runs the product, and for programs that watch it."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Row, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import cause_of, record
from models.markers import ParkedMember
from models.people import Member
from operations.rights import require
from sync_engine.markers import Lane, mark_members
from sync_engine.parking import PUT_BACK

LANES: Final = ("interactive", "bulk", "segments", "dates", "reports")
"""Markers of people by lane, blocks of changed segments, days that have begun, and people whose
manager is looked at again."""

MARKERS: Final = text("""
WITH markers AS (
    SELECT workspace_id, lane, count(*) AS waiting, min(since) AS since
      FROM dirty_member GROUP BY 1, 2
    UNION ALL
    SELECT workspace_id, 2, count(*), min(since) FROM dirty_segment GROUP BY 1
    UNION ALL
    SELECT t.workspace_id, 3, count(DISTINCT t.id), min(j.at)
      FROM tick_window t
      LEFT JOIN journal_entry j ON j.workspace_id = t.workspace_id AND j.cause = t.cause
     GROUP BY 1
    UNION ALL
    SELECT workspace_id, 4, count(*), min(since) FROM dirty_reports GROUP BY 1
)
SELECT w.id, w.slug, array_agg(coalesce(m.waiting, 0) ORDER BY l.lane) AS waiting,
       array_agg(coalesce(extract(epoch FROM now() - m.since), 0)::float ORDER BY l.lane) AS ages,
       (SELECT count(*) FROM parked_member p WHERE p.workspace_id = w.id) AS parked,
       (SELECT count(*) FROM parked_member p
         WHERE p.workspace_id = w.id AND p.retry_at IS NULL) AS given_up,
       (SELECT count(*) FROM hold h WHERE h.workspace_id = w.id AND h.state = 'OPEN') AS open_holds,
       (SELECT count(*) FROM hold h JOIN held_removal r ON r.hold_id = h.id AND NOT r.is_approved
         WHERE h.workspace_id = w.id AND h.state = 'OPEN') AS held_removals
  FROM workspace w CROSS JOIN generate_series(0, 4) AS l(lane)
  LEFT JOIN markers m ON m.workspace_id = w.id AND m.lane = l.lane
 GROUP BY w.id ORDER BY w.id
""")

VERIFIED: Final = text("""
SELECT DISTINCT ON (workspace_id) workspace_id, ended_at, pairs_checked, missing, extra, pending
  FROM verification WHERE ended_at IS NOT NULL ORDER BY workspace_id, id DESC
""")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in a lane, and since how many seconds the oldest does."""

    name: str
    waiting: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Verified:
    """What the last verification found; `drift` must be 0."""

    at: dt.datetime
    pairs: int
    missing: int
    extra: int
    pending: int

    @property
    def drift(self) -> int:
        return self.missing + self.extra


@dataclass(frozen=True, slots=True)
class Health:
    """One workspace. Of the `parked` people, the engine has given up on `given_up` of them. In
    `open_holds` so many removals wait for somebody's word (S11)."""

    workspace_id: int
    slug: str
    lanes: tuple[Waiting, ...]
    parked: int
    given_up: int
    verified: Verified | None
    open_holds: int = 0
    held_removals: int = 0

    @property
    def needs_somebody(self) -> bool:
        return self.given_up > 0 or (self.verified is not None and self.verified.drift > 0)


@dataclass(frozen=True, slots=True)
class Parked:
    """A person with whom the engine fails; tried again by itself at `retry_at`, if at all."""

    member_id: int
    name: str
    failures: int
    error: str
    since: dt.datetime
    parked_at: dt.datetime
    retry_at: dt.datetime | None


async def of_all(db: AsyncSession) -> list[Health]:
    """Every workspace, in two statements."""
    verified = {
        row.workspace_id: Verified(
            row.ended_at, row.pairs_checked, row.missing, row.extra, row.pending
        )
        for row in await db.execute(VERIFIED)
    }
    return [_health(row, verified.get(row.id)) for row in await db.execute(MARKERS)]


def _health(row: "Row[tuple[object, ...]]", verified: Verified | None) -> Health:
    lanes = tuple(map(Waiting, LANES, row.waiting, row.ages))
    held = (row.open_holds, row.held_removals)
    return Health(row.id, row.slug, lanes, row.parked, row.given_up, verified, *held)


async def parked_in(db: AsyncSession, workspace_id: int, *, limit: int) -> Sequence[Parked]:
    """With whom the engine fails in a workspace, by id."""
    rows = await db.execute(
        select(
            ParkedMember.member_id,
            func.coalesce(Member.display_name, ""),
            ParkedMember.failures,
            ParkedMember.error,
            ParkedMember.since,
            ParkedMember.parked_at,
            ParkedMember.retry_at,
        )
        .outerjoin(Member, Member.id == ParkedMember.member_id)
        .where(ParkedMember.workspace_id == workspace_id)
        .order_by(ParkedMember.member_id)
        .limit(limit)
    )
    return [Parked(*row) for row in rows]


async def retry(
    db: AsyncSession, *, by: Caller, member_ids: Collection[int] | None = None
) -> list[int]:
    """Have the engine look again at those it fails with: these, or all of the workspace; whom.

    Their failures are counted anew; their markers are as old as they were. Markers come before
    what is parked, as in the engine.
    """
    await require(db, by, Permission.PAUSE_RESUME_SYNC)
    mine: list[ColumnElement[bool]] = [ParkedMember.workspace_id == by.workspace_id]
    if member_ids is not None:
        mine.append(ParkedMember.member_id.in_(member_ids))
    ids = sorted(await db.scalars(select(ParkedMember.member_id).where(*mine)))
    if not ids:
        return []
    await mark_members(db, by.workspace_id, ids, lane=Lane.BULK, cause=cause_of(db))
    connection = await db.connection()
    await connection.exec_driver_sql(PUT_BACK, {"ids": ids})
    await db.execute(delete(ParkedMember).where(*mine, ParkedMember.member_id.in_(ids)))
    record(db, by=by, verb="markers.retried", detail={"memberIds": ids})
    return ids


def as_metrics(found: Sequence[Health]) -> Iterator[str]:
    """Lines in the text format of Prometheus."""
    for name, meaning, values in _metrics(found):
        yield f"# HELP {name} {meaning}"
        yield f"# TYPE {name} gauge"
        yield from (f"{name}{{{labels}}} {value:g}" for labels, value in values)


def _metrics(found: Sequence[Health]) -> Iterator[tuple[str, str, list[tuple[str, float]]]]:
    lanes = [(f'workspace="{h.slug}",lane="{lane.name}"', lane) for h in found for lane in h.lanes]
    yield (
        "coordinator_waiting_markers",
        "What the engine has still to look at.",
        [(labels, lane.waiting) for labels, lane in lanes],
    )
    yield (
        "coordinator_oldest_marker_seconds",
        "Since when the oldest of these waits.",
        [(labels, lane.oldest_seconds) for labels, lane in lanes],
    )
    yield (
        "coordinator_parked_people",
        "With whom the engine fails; must be 0.",
        [(f'workspace="{h.slug}"', h.parked) for h in found],
    )
    yield (
        "coordinator_open_holds",
        "Holds whose removals wait for somebody's word.",
        [(f'workspace="{h.slug}"', h.open_holds) for h in found],
    )
    yield (
        "coordinator_held_removals",
        "Removals that wait in these.",
        [(f'workspace="{h.slug}"', h.held_removals) for h in found],
    )
    checked = [(f'workspace="{h.slug}"', h.verified) for h in found if h.verified is not None]
    yield (
        "coordinator_drift_pairs",
        "Memberships that differ from a recomputation; must be 0.",
        [(labels, verified.drift) for labels, verified in checked],
    )
    yield (
        "coordinator_verified_timestamp_seconds",
        "When that was last looked at.",
        [(labels, verified.at.timestamp()) for labels, verified in checked],
    )
