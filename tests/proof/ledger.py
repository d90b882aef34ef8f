"""The database, looked at from outside: whether anything has changed, and who is said to have."""

import asyncio
import time
from collections import Counter
from typing import Final

from sqlalchemy import Engine, text

from models.base import Base
from tests.proof.table import PEOPLE
from tests.proof.town import Town

NOTED: Final = (
    "last_sign_in_at",
    "last_used_at",
    "last_seen_at",
    "counted_at",
    "member_count",
)
"""Columns that say somebody was there, or that somebody counted: reading may change them."""

NOTES: Final = frozenset({"sign_in_month", "insight_cell", "insight_marker", "insight_unit"})
"""Tables of such notes, and of sums that workers keep."""

_WAITING: Final = text(
    "SELECT EXISTS (SELECT FROM dirty_member) OR EXISTS (SELECT FROM dirty_segment)"
    " OR EXISTS (SELECT FROM tick_window) OR EXISTS (SELECT FROM dirty_reports)"
    " OR EXISTS (SELECT FROM inbox_delivery WHERE status = 'RECEIVED')"
    " OR EXISTS (SELECT FROM invitation_due)"
    " OR EXISTS (SELECT FROM invitation_due_segment)"
    " OR EXISTS (SELECT FROM hold WHERE told_at IS NULL)"
    " OR EXISTS (SELECT FROM workspace w WHERE NOT EXISTS"
    " (SELECT FROM engine_state e WHERE e.workspace_id = w.id))"
    " OR EXISTS (SELECT FROM mail WHERE state = 'QUEUED')"
)
SETTLED_WITHIN: Final = 20.0


class Ledger:
    """Looks at one database through connections of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        tables = [name for name in sorted(Base.metadata.tables) if name not in NOTES]
        less = "{" + ",".join(NOTED) + "}"
        self._state = text(
            " UNION ALL ".join(
                f"SELECT '{name}', md5(coalesce(string_agg(r, '' ORDER BY r), ''))"
                f" FROM (SELECT md5((to_jsonb(t) - '{less}'::text[])::text) AS r FROM {name} t) x"
                for name in tables
            )
        )

    async def settle(self) -> None:
        """Wait until nothing waits to be done."""
        until = time.monotonic() + SETTLED_WITHIN
        while self._is_waiting():
            assert time.monotonic() < until, "The workers did not come to rest."
            await asyncio.sleep(0.02)

    def _is_waiting(self) -> bool:
        with self._engine.begin() as db:
            return bool(db.scalar(_WAITING))

    def state(self) -> dict[str, str]:
        """A checksum of the rows of every table."""
        with self._engine.begin() as db:
            return {row[0]: row[1] for row in db.execute(self._state)}

    def heads(self, town: Town) -> int:
        """How far the journal of the town has come."""
        with self._engine.begin() as db:
            return int(
                db.scalar(
                    text("SELECT coalesce(max(seq), 0) FROM journal_entry WHERE workspace_id = :w"),
                    {"w": town.here.world.workspace_id},
                )
                or 0
            )

    def recorded(self, town: Town, after: int) -> Counter[tuple[str, int]]:
        """How often whom the journal says to have done what since."""
        with self._engine.begin() as db:
            rows = db.execute(
                text(
                    "SELECT verb, by_member_id, count(*) FROM journal_entry"
                    " WHERE workspace_id = :w AND seq > :after AND by_member_id IS NOT NULL"
                    " GROUP BY 1, 2"
                ),
                {"w": town.here.world.workspace_id, "after": after},
            )
            return Counter({(verb, person): times for verb, person, times in rows})

    def forget_sending(self) -> None:
        """Let invitations have been sent yesterday, so that they may be sent again."""
        with self._engine.begin() as db:
            db.execute(text("UPDATE invitation SET last_sent_at = last_sent_at - interval '1 day'"))

    def mark(self) -> int:
        """The newest grant."""
        with self._engine.begin() as db:
            return int(db.scalar(text("SELECT coalesce(max(id), 0) FROM access_grant")) or 0)

    def restore(self, town: Town, mark: int) -> None:
        """Take what came to spare people, and what came to others by doing (the maker's grant),
        so that everybody holds again exactly one role; let courses be active again, and nobody
        wait for files."""
        world = town.here.world
        spare = [id for name, id in world.members.items() if name.startswith(("Spare", "Mate"))]
        principals = [world.members[name] for name in PEOPLE]
        with self._engine.begin() as db:
            for table in ("course_role", "coordinator_override", "enrolment"):
                db.execute(text(f"DELETE FROM {table} WHERE member_id = ANY (:m)"), {"m": spare})
            db.execute(
                text("DELETE FROM access_grant WHERE id > :mark AND member_id = ANY (:m)"),
                {"mark": mark, "m": [*spare, *principals]},
            )
            db.execute(
                text(
                    "UPDATE member SET state = 'ACTIVE' WHERE id = ANY (:m) AND state <> 'ACTIVE'"
                ),
                {"m": spare},
            )
            db.execute(text("UPDATE course SET state = 'ACTIVE' WHERE title IN ('Law', 'Made')"))
            db.execute(text("UPDATE job SET state = 'CANCELED' WHERE state = 'QUEUED'"))
