"""The sync engine's actors: what is looked at, and when there is something to see.

Messages to them are empty. Each may run twice, late or not at all; the docstrings say what is
true afterwards.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from sync_engine import nightly, ticks
from sync_engine.bell import DRAIN_BULK, DRAIN_INTERACTIVE, REBUILD_SEGMENTS, Bell, Wake
from sync_engine.broker import LATER, NOW
from sync_engine.counts import Counting, recount_all
from sync_engine.drain import drain
from sync_engine.duties import TURN_SECONDS, Actor, actor
from sync_engine.markers import Lane
from sync_engine.parking import retry_due
from sync_engine.rebuild import expand, rebuild
from sync_engine.reports import follow_reports
from sync_engine.state import Rules

HANDS: Final = 2
"""Of bulk work: one thread evaluates while the other waits for the database."""

MOVE_DATES: Final = Wake("clocks.move_dates", LATER)
MARK_FLIPPING: Final = Wake("clocks.mark_flipping", LATER)
FOLLOW_REPORTS: Final = Wake("markers.follow_reports", LATER)
EXPIRE_OVERRIDES: Final = Wake("overrides.remove_expired", LATER)
EXPIRE_PINS: Final = Wake("pins.remove_expired", LATER)
RETRY_PARKED: Final = Wake("markers.retry_parked", LATER)
BEGIN_VERIFICATION: Final = Wake("verifications.begin_due", LATER)
VERIFY: Final = Wake("verifications.go_on", LATER)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the engine's actors work on in one process. `now` is the wall clock."""

    engine: Engine
    rules: Rules
    bell: Bell
    now: Callable[[], dt.datetime] = field(default=_utc_now)
    counting: Counting = field(default_factory=Counting)

    def committed(self, workspace_id: int, head: int) -> None:
        """Tell the tail readers of an engine transaction."""
        self.bell.tell(heads={workspace_id: head})


@actor(DRAIN_INTERACTIVE, pending="EXISTS (SELECT FROM dirty_member WHERE lane = 0)")
def drain_interactive(runtime: Runtime) -> bool:
    """Everybody with an interactive marker is in exactly the right segments, or more is left."""
    return _drain(runtime, Lane.INTERACTIVE)


@actor(DRAIN_BULK, pending="EXISTS (SELECT FROM dirty_member WHERE lane = 1)")
def drain_bulk(runtime: Runtime) -> bool:
    """The same for markers of imports, ticks and catalog changes."""
    return _drain(runtime, Lane.BULK, hands=HANDS)


@actor(REBUILD_SEGMENTS, pending="EXISTS (SELECT FROM dirty_segment)")
def rebuild_blocks(runtime: Runtime) -> bool:
    """Every changed segment has exactly the right members, or more is left."""
    expanded = expand(runtime.engine, seconds=TURN_SECONDS)
    rebuilt = rebuild(
        runtime.engine,
        runtime.rules,
        seconds=TURN_SECONDS,
        on_commit=runtime.committed,
        hands=HANDS,
    )
    return expanded.more or rebuilt.more


@actor(MOVE_DATES, pending="true", every=15.0)
def move_dates(runtime: Runtime) -> bool:
    """`now` in the rules of every workspace is the date of its time zone."""
    ticks.tick(runtime.engine, now=runtime.now(), on_commit=runtime.committed)
    return False


@actor(MARK_FLIPPING, pending="EXISTS (SELECT FROM tick_window)")
def mark_flipping(runtime: Runtime) -> bool:
    """Those whom a move of the date may concern carry bulk markers."""
    if ticks.expand_ticks(runtime.engine, runtime.rules):
        runtime.bell.tell(lanes=(Lane.BULK,))
    return False


@actor(FOLLOW_REPORTS, pending="EXISTS (SELECT FROM dirty_reports)")
def mark_below(runtime: Runtime) -> bool:
    """Whom the attribute `manager` means is written, and everybody below those who moved carries a
    bulk marker; or more is left."""
    if follow_reports(runtime.engine, seconds=TURN_SECONDS):
        runtime.bell.tell(lanes=(Lane.BULK,))
    return False


@actor(
    EXPIRE_OVERRIDES,
    pending="EXISTS (SELECT FROM coordinator_override WHERE expires_at <= now())",
)
def remove_expired(runtime: Runtime) -> bool:
    """No exclusion, no keep and no grace lasts beyond its end, or more is left."""
    expired = ticks.expire_overrides(runtime.engine, now=runtime.now(), on_commit=runtime.committed)
    return expired >= ticks.EXPIRED_A_PASS


@actor(
    EXPIRE_PINS,
    pending="EXISTS (SELECT FROM membership_pin WHERE expires_at <= now())",
)
def remove_expired_pins(runtime: Runtime) -> bool:
    """No pin lasts beyond its end."""
    if ticks.expire_pins(runtime.engine, now=runtime.now(), on_commit=runtime.committed):
        runtime.bell.tell(lanes=(Lane.BULK,))
    return False


@actor(
    RETRY_PARKED,
    pending="EXISTS (SELECT FROM parked_member WHERE retry_at <= clock_timestamp())",
)
def retry_parked(runtime: Runtime) -> bool:
    """With whom the engine failed carries a marker again, when the time for it has come."""
    if retry_due(runtime.engine):
        runtime.bell.tell(lanes=tuple(Lane))
    return False


@actor(BEGIN_VERIFICATION, pending="true", every=60.0)
def begin_verification(runtime: Runtime) -> bool:
    """Every workspace is verified once a night, or is being verified."""
    nightly.begin_due(runtime.engine, now=runtime.now())
    return False


@actor(VERIFY, pending="EXISTS (SELECT FROM verification WHERE ended_at IS NULL)")
def advance_verification(runtime: Runtime) -> bool:
    """What is being verified is verified, or more is left."""
    return nightly.advance(runtime.engine, seconds=TURN_SECONDS)


@actor(Wake("counts.store_all", LATER), pending="true", every=86_400.0)
def store_all_counts(runtime: Runtime) -> bool:
    """Counts of people that an ended process had not stored are made up for."""
    recount_all(runtime.engine)
    return False


def _store_counts(runtime: Runtime) -> bool:
    """The counts of people in segments that this process changed are stored, or it rests."""
    runtime.counting.recount(runtime.engine, runtime.rules)
    return False


# What was changed is remembered by the process that changed it, so each kind of process counts.
store_counts: Final = tuple(
    Actor(Wake(f"counts.store_{queue}", queue), _store_counts, pending="true", every=1.0)
    for queue in (NOW, LATER)
)


def _drain(runtime: Runtime, lane: Lane, *, hands: int = 1) -> bool:
    return drain(
        runtime.engine,
        runtime.rules,
        lanes=(lane,),
        seconds=TURN_SECONDS,
        on_commit=runtime.committed,
        hands=hands,
    ).more


ACTORS: Final[tuple[Actor[Runtime], ...]] = (
    drain_interactive,
    drain_bulk,
    rebuild_blocks,
    move_dates,
    mark_flipping,
    mark_below,
    remove_expired,
    remove_expired_pins,
    retry_parked,
    begin_verification,
    advance_verification,
    store_all_counts,
    *store_counts,
)
