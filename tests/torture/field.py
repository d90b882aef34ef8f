"""Two workspaces whose people share blocks, and everything a writer may do to them, at random."""

import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Engine

from sync_engine.duties import is_away
from sync_engine.markers import Lane
from sync_engine.state import Connection, Rules
from tests.ground import (
    Ground,
    connect,
    insert_member,
    lock_members,
    mark_members,
    name_people,
    record,
    update_attributes,
    update_segment,
)
from tests.protocols import Protocol
from tests.torture.drawing import GROUPS, attributes, rule

BLOCKS = 4
PEOPLE = 120
SEGMENTS = 12
TIER = 4
COURSES = 6
SETTINGS = ((4, 10, 0), (6, 20, 1))
"""Of each workspace: how many people, and how many in a hundred, may go unasked; days of grace."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One workspace of the field, and the ids of what is in it."""

    ground: Ground
    people: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    statics: list[int] = field(default_factory=list)
    courses: list[int] = field(default_factory=list)
    groups: list[Any] = field(default_factory=list)

    @property
    def workspace_id(self) -> int:
        return self.ground.workspace_id

    def inner(self, place: int) -> list[int]:
        """What the segment at this place may build on: those of the tiers below."""
        below = place // TIER * TIER
        return [*self.segments[:below], *self.statics] if below else []


class Field:
    """The plots, and one random step of a writer at a time. Every step is one transaction."""

    def __init__(self, engine: Engine, protocol: Protocol, dice: random.Random) -> None:
        self.engine = engine
        self.protocol = protocol
        self.plots = [Plot(Ground.new(engine)) for _ in range(2)]
        for plot, settings in zip(self.plots, SETTINGS, strict=True):
            plot.ground.db.execute(
                "UPDATE workspace SET hold_people = %s, hold_percent = %s, grace_days = %s"
                " WHERE id = %s",
                (*settings, plot.workspace_id),
            )
            plot.ground.db.commit()
        self._sow(dice)

    def _sow(self, dice: random.Random) -> None:
        for block in range(BLOCKS):
            self._jump(block * 4096 + 4096 - 10)
            for number in range(PEOPLE // BLOCKS):
                plot = self.plots[number % 2]
                plot.people.append(plot.ground.member(**attributes(dice)))
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

    def _jump(self, to: int) -> None:
        """Let the next person have an id above this one."""
        self.plots[0].ground.rows(
            "SELECT setval(s, greatest(%s, nextval(s)))"
            " FROM pg_get_serial_sequence('member', 'id') AS s",
            to,
        )

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


class Hand:
    """A writer with a connection and dice of its own."""

    def __init__(self, field: Field, seed: int) -> None:
        self.changes = 0
        self.edits = 0
        self._field = field
        self._dice = random.Random(seed)
        self._db = field.connect()
        self._rules = Rules()
        self._hired: list[int] = []

    def close(self) -> None:
        self._db.close()

    def write(self, steps: int) -> None:
        """Change people, one or several at a time."""
        choices: tuple[Callable[[Plot], str], ...] = (
            *(self._change,) * 8,
            self._change_many,
            self._set_state,
            self._rename,
            self._hire,
            self._regroup,
            self._name,
        )
        for _ in range(steps):
            self._step(self._dice.choice(choices), dawdling=0.004)
            self.changes += 1

    def edit(self, steps: int) -> None:
        """Change rules, attachments, roles, overrides and the clock."""
        choices: tuple[Callable[[Plot], str], ...] = (
            *(self._edit_rule,) * 3,
            self._pause_or_resume,
            self._tick,
            *self._on_courses(),
        )
        for _ in range(steps):
            self._step(self._dice.choice(choices), dawdling=0.04)
            self.edits += 1

    def _step(self, act: Callable[[Plot], str], *, dawdling: float) -> None:
        """One transaction; what the database lost in the middle of it, was not done."""
        plot = self._dice.choice(self._field.plots)
        if act in self._on_courses():
            plot = self._field.plots[0]
        try:
            verb = act(plot)
            self._dawdle(dawdling)
            record(self._db, plot.workspace_id, verb)
            self._db.commit()
        except psycopg.Error as problem:
            if not is_outage(problem):
                raise
            self._hired.clear()
            self._db = self._field.connect()
        while self._hired:
            plot.people[self._dice.randrange(len(plot.people))] = self._hired.pop()

    def _on_courses(self) -> tuple[Callable[[Plot], str], ...]:
        """What is written here as operations did before there was any grace: not where there is."""
        return (
            self._attach_or_detach,
            self._teach_or_not,
            self._coordinate_or_not,
            self._override_or_not,
        )

    def _dawdle(self, longest: float) -> None:
        if self._dice.random() < 0.4:
            time.sleep(self._dice.random() * longest)

    def _mark(self, plot: Plot, member_ids: list[int]) -> None:
        mark_members(
            self._db,
            plot.workspace_id,
            member_ids,
            lane=self._dice.choice((Lane.INTERACTIVE, Lane.BULK)),
            statement=self._field.protocol.mark_members,
        )

    # --- people ----------------------------------------------------------------------------------

    def _change(self, plot: Plot) -> str:
        return self._change_these(plot, [self._dice.choice(plot.people)])

    def _change_many(self, plot: Plot) -> str:
        return self._change_these(plot, self._dice.sample(plot.people, 15))

    def _change_these(self, plot: Plot, member_ids: list[int]) -> str:
        lock_members(self._db, member_ids)
        for member_id in sorted(member_ids):
            said = attributes(self._dice) | self._under_somebody(plot)
            update_attributes(self._db, plot.workspace_id, member_id, said)
        self._mark(plot, member_ids)
        return "member.changed"

    def _under_somebody(self, plot: Plot) -> dict[str, str]:
        """What is said of a person's manager, if anything: of the living and of the deleted."""
        if self._dice.random() < 0.4:
            return {}
        [(name,)] = self._db.execute(
            "SELECT user_name FROM member WHERE id = %s", (self._dice.choice(plot.people),)
        )
        return {"manager": name}

    def _rename(self, plot: Plot) -> str:
        """The name somebody had may be another's later."""
        member_id = self._dice.choice(plot.people)
        lock_members(self._db, [member_id])
        self._db.execute(
            "UPDATE member SET user_name = CASE WHEN user_name LIKE %(s)s"
            " THEN left(user_name, -1) ELSE user_name || '+' END WHERE id = %(id)s",
            {"s": "%+", "id": member_id},
        )
        self._mark(plot, [member_id])
        return "member.changed"

    def _set_state(self, plot: Plot) -> str:
        member_id = self._dice.choice(plot.people)
        lock_members(self._db, [member_id])
        state = self._dice.choice(("ACTIVE", "ACTIVE", "PENDING", "DEACTIVATED"))
        is_deleted = state == "DEACTIVATED" and self._dice.random() < 0.3
        self._db.execute(
            "UPDATE member SET state = %s, deleted_at = CASE WHEN %s THEN now() END"
            " WHERE id = %s AND deleted_at IS NULL",
            (state, is_deleted, member_id),
        )
        self._mark(plot, [member_id])
        return "member.deactivated"

    def _hire(self, plot: Plot) -> str:
        if self._dice.random() < 0.3:
            self._db.execute(
                "SELECT setval(s, nextval(s) + 4096) FROM pg_get_serial_sequence('member', 'id') s"
            )
        said = attributes(self._dice) | self._under_somebody(plot)
        member_id = insert_member(self._db, plot.workspace_id, said)
        self._mark(plot, [member_id])
        self._hired.append(member_id)
        return "member.added"

    def _regroup(self, plot: Plot) -> str:
        member_id = self._dice.choice(plot.people)
        lock_members(self._db, [member_id])
        self._db.execute("DELETE FROM directory_group_member WHERE member_id = %s", (member_id,))
        for group in self._dice.sample(plot.groups, self._dice.randrange(3)):
            self._db.execute(
                "INSERT INTO directory_group_member (group_id, member_id, workspace_id)"
                " VALUES (%s, %s, %s)",
                (group, member_id, plot.workspace_id),
            )
        self._mark(plot, [member_id])
        return "member.changed"

    def _name(self, plot: Plot) -> str:
        segment_id = self._dice.choice(plot.statics)
        member_ids = self._dice.sample(plot.people, 3)
        if self._dice.random() < 0.5:
            name_people(self._db, plot.workspace_id, segment_id, member_ids)
            return "segment.people_named"
        self._db.execute("SELECT FROM segment WHERE id = %s FOR UPDATE", (segment_id,))
        self._db.execute(
            "DELETE FROM segment_person WHERE segment_id = %s AND member_id = ANY(%s)",
            (segment_id, member_ids),
        )
        mark_members(self._db, plot.workspace_id, member_ids)
        return "segment.people_unnamed"

    # --- segments and the clock ------------------------------------------------------------------

    def _edit_rule(self, plot: Plot) -> str:
        place = self._dice.randrange(len(plot.segments))
        drawn = rule(self._dice, plot.inner(place), plot.people)
        self._update(plot, plot.segments[place], rule=drawn)
        return "segment.edited"

    def _pause_or_resume(self, plot: Plot) -> str:
        segment_id = self._dice.choice((*plot.segments, *plot.statics))
        state = self._dice.choice(("ACTIVE", "ACTIVE", "PAUSED"))
        self._update(plot, segment_id, state=state)
        return "segment.paused" if state == "PAUSED" else "segment.resumed"

    def _update(self, plot: Plot, segment_id: int, **columns: Any) -> None:
        update_segment(self._db, plot.workspace_id, segment_id, mark=False, **columns)
        self._field.protocol.mark_segment(self._db, plot.workspace_id, segment_id)

    def _tick(self, plot: Plot) -> str:
        [(old,)] = self._db.execute(
            "SELECT today FROM engine_state WHERE workspace_id = %s FOR UPDATE",
            (plot.workspace_id,),
        )
        new = old + dt.timedelta(days=self._dice.choice((1, 1, 2, 10)))
        self._field.protocol.move_clock(self._db, self._rules, plot.workspace_id, old, new)
        return "clock.ticked"

    # --- courses ---------------------------------------------------------------------------------

    def _lock_course(self, plot: Plot) -> int:
        course_id = self._dice.choice(plot.courses)
        self._db.execute("SELECT FROM course WHERE id = %s FOR NO KEY UPDATE", (course_id,))
        return course_id

    def _attach_or_detach(self, plot: Plot) -> str:
        course_id = self._lock_course(plot)
        segment_id = self._dice.choice((*plot.segments, *plot.statics))
        gone = self._db.execute(
            "DELETE FROM course_segment WHERE course_id = %s AND segment_id = %s",
            (course_id, segment_id),
        )
        if gone.rowcount:
            return "segment.detached"
        self._db.execute(
            "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
            " SELECT %(course)s, %(segment)s, %(workspace)s, p FROM generate_series(1, 10) p"
            " WHERE p NOT IN (SELECT place FROM course_segment WHERE course_id = %(course)s)"
            " ORDER BY p LIMIT 1",
            {"course": course_id, "segment": segment_id, "workspace": plot.workspace_id},
        )
        return "segment.attached"

    def _teach_or_not(self, plot: Plot) -> str:
        return self._give_role(plot, "INSTRUCTOR")

    def _coordinate_or_not(self, plot: Plot) -> str:
        return self._give_role(plot, "COORDINATOR")

    def _give_role(self, plot: Plot, role: str) -> str:
        course_id = self._lock_course(plot)
        member_id = self._dice.choice(plot.people)
        gone = self._db.execute(
            "DELETE FROM course_role WHERE course_id = %s AND member_id = %s",
            (course_id, member_id),
        )
        if not gone.rowcount:
            self._db.execute(
                "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
                " VALUES (%s, %s, %s, %s)",
                (course_id, member_id, plot.workspace_id, role),
            )
        return "coordinator.assigned"

    def _override_or_not(self, plot: Plot) -> str:
        course_id = self._lock_course(plot)
        member_id = self._dice.choice(plot.people)
        lasts = dt.timedelta(seconds=self._dice.random() / 4)
        self._db.execute(
            "INSERT INTO coordinator_override"
            " (course_id, member_id, workspace_id, kind, reason, expires_at)"
            " VALUES (%s, %s, %s, %s, 'torture', %s)"
            " ON CONFLICT (course_id, member_id) DO UPDATE SET kind = excluded.kind",
            (
                course_id,
                member_id,
                plot.workspace_id,
                self._dice.choice(("EXCLUDE", "KEEP")),
                dt.datetime.now(dt.UTC) + lasts if self._dice.random() < 0.5 else None,
            ),
        )
        return "coordinator.excluded"
