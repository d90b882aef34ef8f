"""Two workspaces whose people share blocks."""

import datetime as dt
import random
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Engine

from sync_engine.duties import is_away
from sync_engine.state import Connection
from tests.ground import Ground, connect
from tests.protocols import Protocol
from tests.torture.drawing import GROUPS, attributes, rule

BLOCKS = 4
PEOPLE = 120
SEGMENTS = 12
TIER = 4
COURSES = 6
CROWD = 4
SETTINGS = ((4, 10, 0), (6, 20, 1))
"""Of each workspace: how many people, and how many in a hundred, may go unasked; days of grace."""
ANALYZE = (
    "ANALYZE member, membership, course, course_segment, course_role, coordinator_override,"
    " directory_group_member"
)


@dataclass(slots=True)
class Plot:
    """One workspace of the field, and the ids of what is in it. `crowd` and `today` are of the
    round: a few people who are changed again and again, and about when it is."""

    ground: Ground
    today: dt.date
    people: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    statics: list[int] = field(default_factory=list)
    courses: list[int] = field(default_factory=list)
    groups: list[Any] = field(default_factory=list)
    crowd: list[int] = field(default_factory=list)

    @property
    def workspace_id(self) -> int:
        return self.ground.workspace_id

    def inner(self, place: int) -> list[int]:
        """What the segment at this place may build on: those of the tiers below."""
        below = place // TIER * TIER
        return [*self.segments[:below], *self.statics] if below else []


class Field:
    """The plots. Fields are exhausted: a new one is sown from time to time, beside what is left of
    the last, so that a round does not cost more the later it is."""

    def __init__(self, engine: Engine, protocol: Protocol, dice: random.Random) -> None:
        self.engine = engine
        self.protocol = protocol
        self.plots: list[Plot] = []
        self.sow(dice)

    def sow(self, dice: random.Random) -> None:
        """Two new workspaces in the place of the last."""
        self.close()
        # Ahead of the world's clock, so that only the test's own moves it.
        today = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2)
        self.plots = [Plot(Ground.new(self.engine, today=today), today=today) for _ in SETTINGS]
        for plot, settings in zip(self.plots, SETTINGS, strict=True):
            plot.ground.db.execute(
                "UPDATE workspace SET hold_people = %s, hold_percent = %s, grace_days = %s"
                " WHERE id = %s",
                (*settings, plot.workspace_id),
            )
            plot.ground.db.commit()
        for _ in range(BLOCKS):
            self._jump()
            for number in range(PEOPLE // BLOCKS):
                plot = self.plots[number % 2]
                plot.people.append(plot.ground.member(**attributes(dice, today)))
        for plot in self.plots:
            ground = plot.ground
            plot.statics.extend(
                ground.segment(people=dice.sample(plot.people, 5)) for _ in range(2)
            )
            for place in range(SEGMENTS):
                drawn = rule(dice, plot.inner(place), plot.people)
                plot.segments.append(ground.segment(drawn))
            plot.courses.extend(ground.course() for _ in range(COURSES))
            plot.groups.extend(ground.group(name, folded=name) for name in GROUPS)

    def _jump(self) -> None:
        """Let the next people have ids at the end of a block, and soon in the next one."""
        self.plots[0].ground.rows(
            "SELECT setval(s, ((nextval(s) >> 12) + 1) * 4096 + 4096 - 10)"
            " FROM pg_get_serial_sequence('member', 'id') AS s"
        )

    def begin_round(self, dice: random.Random) -> None:
        """Look at the clocks, and choose the few."""
        for plot in self.plots:
            plot.crowd = dice.sample(plot.people, CROWD)
            plot.today = plot.ground.one(
                "SELECT today FROM engine_state WHERE workspace_id = %s", plot.workspace_id
            )

    def survey(self) -> None:
        """Tell PostgreSQL what has grown: its own survey comes too late for such a young database,
        and until then the views take a hundred times as long."""
        db = self.plots[0].ground.db
        db.execute(ANALYZE)
        db.commit()

    def connect(self) -> Connection:
        """A new connection, once the database is there again."""
        while True:
            try:
                return connect(self.engine)
            except psycopg.OperationalError:
                time.sleep(0.05)

    def come_back(self) -> None:
        """The database was away: look through new connections."""
        for plot in self.plots:
            plot.ground.db.close()
            plot.ground.db = self.connect()

    def close(self) -> None:
        for plot in self.plots:
            plot.ground.close()


def is_outage(problem: BaseException) -> bool:
    """Whether the database was away: not a deadlock, nor anything else that it refused."""
    return isinstance(problem, OSError) or is_away(problem)
