"""How the engine fares (S13): what waits in each lane and for how long, with whom it fails, and
what its verification found. For whoever runs the product, and for programs that watch it."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import cause_of, record
from models.markers import ParkedMember
from models.people import Member
from operations import people, visible
from operations.rights import require
from sync_engine.markers import Lane, mark_members
from sync_engine.parking import PUT_BACK


class EngineLane(StrEnum):
    """Markers of people by urgency, blocks of changed segments, days that have begun, and people
    whose manager is looked at again."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
    SEGMENTS = "segments"
    DATES = "dates"
    REPORTS = "reports"


LANES: Final = tuple(EngineLane)

COUNT_CEILING: Final = 10_000
"""Somebody who looks is told of so many at most in a lane; programs are told exactly."""

FOUND: Final = text("""
SELECT w.id, w.slug, lanes.waiting, lanes.ages, parked.people AS parked, parked.given_up,
       held.holds AS open_holds, held.removals AS held_removals,
       v.ended_at, v.pairs_checked, v.missing, v.extra, v.needless, v.pending
  FROM workspace w
 CROSS JOIN LATERAL (
    SELECT array_agg(coalesce(least(m.waiting, :most), 0) ORDER BY m.lane) AS waiting,
           array_agg(coalesce(greatest(extract(epoch FROM clock_timestamp() - m.since), 0), 0)
                     ::float ORDER BY m.lane) AS ages
      FROM (SELECT l.lane, count(d.since) AS waiting, min(d.since) AS since
              FROM generate_series(0, 1) AS l(lane)
              LEFT JOIN LATERAL (SELECT since FROM dirty_member
                                  WHERE lane = l.lane AND workspace_id = w.id
                                  ORDER BY lane, workspace_id, since
                                  LIMIT CAST(:most AS integer)) AS d ON true
             GROUP BY l.lane
             UNION ALL
            SELECT 2, count(*), min(since)
              FROM ((SELECT since FROM dirty_segment WHERE workspace_id = w.id AND block < 0
                      ORDER BY since LIMIT CAST(:most AS integer))
                     UNION ALL
                    (SELECT since FROM dirty_segment WHERE workspace_id = w.id AND block >= 0
                      ORDER BY since LIMIT CAST(:most AS integer))) AS d
             UNION ALL
            SELECT 3, count(DISTINCT t.id), min(j.at)
              FROM tick_window t
              LEFT JOIN journal_entry j ON j.workspace_id = t.workspace_id AND j.cause = t.cause
             WHERE t.workspace_id = w.id
             UNION ALL
            SELECT 4, count(*), min(since)
              FROM (SELECT since FROM dirty_reports WHERE workspace_id = w.id
                     ORDER BY since LIMIT CAST(:most AS integer)) AS d) AS m) AS lanes
 CROSS JOIN LATERAL (
    SELECT count(*) AS people, count(*) FILTER (WHERE retry_at IS NULL) AS given_up
      FROM parked_member WHERE workspace_id = w.id) AS parked
 CROSS JOIN LATERAL (
    SELECT count(DISTINCT h.id) AS holds, count(r.hold_id) AS removals
      FROM hold h LEFT JOIN held_removal r ON r.hold_id = h.id AND NOT r.is_approved
     WHERE h.workspace_id = w.id AND h.state = 'OPEN') AS held
  LEFT JOIN LATERAL (
    SELECT * FROM verification WHERE workspace_id = w.id AND ended_at IS NOT NULL
     ORDER BY id DESC LIMIT 1) AS v ON true
 WHERE CAST(:only AS integer) IS NULL OR w.id = :only
 ORDER BY w.id
""")
"""Each part is looked up by the workspace, so what is asked of one reads nothing of the others. The
order of the first names the index in which a lane is not looked for among the other's markers."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in a lane, and since how many seconds the oldest does."""

    name: EngineLane
    waiting: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Verified:
    """What the last verification found; `drift` must be 0."""

    at: dt.datetime
    pairs: int
    missing: int
    extra: int
    needless: int
    pending: int

    @property
    def drift(self) -> int:
        return self.missing + self.extra + self.needless


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
    """Every workspace, in one statement; for whoever runs the product."""
    return [_health(row) for row in await db.execute(FOUND, {"only": None, "most": None})]


async def of_workspace(db: AsyncSession, *, by: Caller) -> Health:
    """The caller's workspace, in one statement."""
    await require(db, by, Permission.PAUSE_RESUME_SYNC)
    rows = await db.execute(FOUND, {"only": by.workspace_id, "most": COUNT_CEILING})
    return _health(rows.one())


def _health(row: Row[Any]) -> Health:
    lanes = tuple(map(Waiting, LANES, row.waiting, row.ages))
    found = (row.pairs_checked, row.missing, row.extra, row.needless, row.pending)
    return Health(
        workspace_id=row.id,
        slug=row.slug,
        lanes=lanes,
        parked=row.parked,
        given_up=row.given_up,
        verified=None if row.ended_at is None else Verified(row.ended_at, *found),
        open_holds=row.open_holds,
        held_removals=row.held_removals,
    )


def parked_people(by: Caller, *, is_given_up: bool | None = None) -> Select[ParkedMember]:
    """Those with whom the engine fails, as far as the caller may see them: all, those it has given
    up on, or those it tries again by itself."""
    rows = visible.of_workspace(by, ParkedMember, Permission.PAUSE_RESUME_SYNC)
    if is_given_up is None:
        return rows
    return rows.where(ParkedMember.retry_at.is_(None) == is_given_up)


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

    Their failures are counted anew; their markers are as old as they were. Who is named and not
    parked is passed over, who is not there at all is NOT_FOUND. Markers come before what is
    parked, as in the engine.
    """
    await require(db, by, Permission.PAUSE_RESUME_SYNC)
    mine: list[ColumnElement[bool]] = [ParkedMember.workspace_id == by.workspace_id]
    if member_ids is not None:
        wanted = people.each_once(member_ids)
        people.refuse_unknown(wanted, await people.known(db, by.workspace_id, wanted))
        mine.append(ParkedMember.member_id.in_(wanted))
    ids = sorted(await db.scalars(select(ParkedMember.member_id).where(*mine)))
    if not ids:
        return []
    await mark_members(db, by.workspace_id, ids, lane=Lane.BULK, cause=cause_of(db))
    connection = await db.connection()
    await connection.exec_driver_sql(PUT_BACK, {"ids": ids})
    await db.execute(delete(ParkedMember).where(*mine, ParkedMember.member_id.in_(ids)))
    record(db, by=by, verb="markers.retried", detail={"memberIds": ids})
    return ids
