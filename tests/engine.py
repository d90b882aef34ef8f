"""The sync engine, run in this process until nothing is left to do."""

from sqlalchemy import Engine, text

from sync_engine.counts import recount
from sync_engine.drain import drain
from sync_engine.markers import Lane
from sync_engine.rebuild import expand, rebuild
from sync_engine.reports import follow_reports
from sync_engine.state import Rules
from sync_engine.ticks import expand_ticks

_WAITING = text(
    "SELECT EXISTS (SELECT FROM dirty_member) OR EXISTS (SELECT FROM dirty_segment)"
    " OR EXISTS (SELECT FROM tick_window) OR EXISTS (SELECT FROM dirty_reports)"
)


def run_until_idle(engine: Engine) -> None:
    """Do all that waits in the database, of every workspace."""
    rules = Rules()
    while _is_waiting(engine):
        expand_ticks(engine, rules)
        follow_reports(engine)
        expand(engine)
        rebuild(engine, rules)
        drain(engine, rules, lanes=tuple(Lane))
    recount(engine, rules)


def _is_waiting(engine: Engine) -> bool:
    with engine.begin() as connection:
        return bool(connection.scalar(_WAITING))
