"""Everything a writer may do to a field, at random. Every step is a transaction, or two."""

import datetime as dt
import random
import time
from collections.abc import Callable
from typing import Any

import psycopg

from sync_engine.markers import Lane
from sync_engine.state import Rules
from tests.ground import (
    hired,
    insert_member,
    lock_members,
    mark_members,
    name_people,
    record,
    update_attributes,
    update_segment,
)
from tests.torture.drawing import DAYS, attributes, rule
from tests.torture.field import Field, Plot, is_outage


class Hand:
    """A writer with a connection and dice of its own."""

    def __init__(self, field: Field, seed: int) -> None:
        self.steps = 0
        self._field = field
        self._dice = random.Random(seed)
        self._db = field.connect()
        self._rules = Rules()
        self._hired: list[int] = []

    def close(self) -> None:
        self._db.close()

    def work(self, steps: int, acts: "tuple[Act, ...]", pause: "Pause") -> None:
        """So many of these acts, each followed by a pause before it commits."""
        for _ in range(steps):
            self._step(self._dice.choice(acts), pause)
            self.steps += 1

    def _step(self, act: "Act", pause: "Pause") -> None:
        """What the database lost in the middle of it, was not done."""
        plot = self._dice.choice(self._field.plots)
        if act in ON_COURSES:
            plot = self._field.plots[0]
        try:
            verb = act(self, plot)
            self._dawdle(pause)
            self._end(plot, verb)
        except psycopg.Error as problem:
            if not is_outage(problem):
                raise
            self._hired.clear()
            self._db = self._field.connect()
        while self._hired:
            plot.people[self._dice.randrange(len(plot.people))] = self._hired.pop()

    def _end(self, plot: Plot, verb: str) -> None:
        record(self._db, plot.workspace_id, verb)
        self._db.commit()

    def _dawdle(self, pause: "Pause") -> None:
        often, longest = pause
        if self._dice.random() < often:
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

    def change(self, plot: Plot) -> str:
        return self._change_these(plot, [self._dice.choice(plot.people)])

    def change_many(self, plot: Plot) -> str:
        return self._change_these(plot, self._dice.sample(plot.people, 15))

    def change_twice(self, plot: Plot) -> str:
        """At once again: the marker of the first time is hardly there, or just being claimed."""
        member_id = self._dice.choice(plot.people)
        self._end(plot, self._change_alone(plot, member_id))
        return self._change_alone(plot, member_id)

    def change_the_same(self, plot: Plot) -> str:
        """One of the few whom everybody changes."""
        return self._change_alone(plot, self._dice.choice(plot.crowd))

    def change_date(self, plot: Plot) -> str:
        """So that the day after today is somebody's day."""
        tomorrow = self._today(plot) + dt.timedelta(days=1)
        date = tomorrow - dt.timedelta(days=self._dice.choice(DAYS))
        person = self._dice.choice(plot.people)
        return self._change_alone(plot, person, hireDate=date.isoformat())

    def _change_alone(self, plot: Plot, member_id: int, **also: str) -> str:
        """Whoever stays under the same manager is not looked at again for that reason, which would
        hide what has been missed. The marker may come before the change: both are of one commit."""
        lock_members(self._db, [member_id])
        is_marked_first = self._dice.random() < 0.5
        if is_marked_first:
            self._mark(plot, [member_id])
        [(manager,)] = self._db.execute(
            "SELECT attributes ->> 'manager' FROM member WHERE id = %s", (member_id,)
        )
        same = {} if manager is None else {"manager": manager}
        said = attributes(self._dice, plot.today) | same | also
        update_attributes(self._db, plot.workspace_id, member_id, said)
        if not is_marked_first:
            self._mark(plot, [member_id])
        return "member.changed"

    def _change_these(self, plot: Plot, member_ids: list[int]) -> str:
        lock_members(self._db, member_ids)
        for member_id in sorted(member_ids):
            said = attributes(self._dice, plot.today) | self._under_somebody(plot)
            update_attributes(self._db, plot.workspace_id, member_id, said)
        self._mark(plot, member_ids)
        return "member.changed"

    def _today(self, plot: Plot) -> dt.date:
        [(today,)] = self._db.execute(
            "SELECT today FROM engine_state WHERE workspace_id = %s", (plot.workspace_id,)
        )
        return dt.date.fromordinal(today.toordinal())

    def _under_somebody(self, plot: Plot) -> dict[str, str]:
        """What is said of a person's manager, if anything: of the living and of the deleted."""
        if self._dice.random() < 0.4:
            return {}
        [(name,)] = self._db.execute(
            "SELECT user_name FROM member WHERE id = %s", (self._dice.choice(plot.people),)
        )
        return {"manager": name}

    def rename(self, plot: Plot) -> str:
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

    def set_state(self, plot: Plot) -> str:
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

    def hire(self, plot: Plot) -> str:
        return self._hire(plot, 0.2, self._under_somebody(plot))

    def hire_elsewhere(self, plot: Plot) -> str:
        """Often somebody whose block holds nobody yet; under nobody, for the reason above."""
        return self._hire(plot, 0.5, {})

    def _hire(self, plot: Plot, how_often_elsewhere: float, under: dict[str, str]) -> str:
        if self._dice.random() < how_often_elsewhere:
            self._db.execute(
                "SELECT setval(s, nextval(s) + 4096) FROM pg_get_serial_sequence('member', 'id') s"
            )
        said = attributes(self._dice, plot.today) | under
        member_id = insert_member(self._db, plot.workspace_id, said)
        self._mark(plot, [member_id])
        self._hired.append(member_id)
        return "member.added"

    def regroup(self, plot: Plot) -> str:
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

    def name(self, plot: Plot) -> str:
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

    def edit_rule(self, plot: Plot) -> str:
        place = self._dice.randrange(len(plot.segments))
        drawn = rule(self._dice, plot.inner(place), plot.people)
        self._update(plot, plot.segments[place], rule=drawn)
        return "segment.edited"

    def edit_to_a_date(self, plot: Plot) -> str:
        segment_id = self._dice.choice(plot.segments)
        self._update(plot, segment_id, rule=hired(self._dice.choice(DAYS)))
        return "segment.edited"

    def pause_or_resume(self, plot: Plot) -> str:
        segment_id = self._dice.choice((*plot.segments, *plot.statics))
        state = self._dice.choice(("ACTIVE", "ACTIVE", "PAUSED"))
        self._update(plot, segment_id, state=state)
        return "segment.paused" if state == "PAUSED" else "segment.resumed"

    def _update(self, plot: Plot, segment_id: int, **columns: Any) -> None:
        update_segment(self._db, plot.workspace_id, segment_id, mark=False, **columns)
        self._field.protocol.mark_segment(self._db, plot.workspace_id, segment_id)

    def tick(self, plot: Plot) -> str:
        [(old,)] = self._db.execute(
            "SELECT today FROM engine_state WHERE workspace_id = %s FOR UPDATE",
            (plot.workspace_id,),
        )
        new = old + dt.timedelta(days=self._dice.choice((1, 1, 1, 2, 10)))
        self._field.protocol.move_clock(self._db, self._rules, plot.workspace_id, old, new)
        return "clock.ticked"

    # --- courses ---------------------------------------------------------------------------------

    def _lock_course(self, plot: Plot) -> int:
        course_id = self._dice.choice(plot.courses)
        self._db.execute("SELECT FROM course WHERE id = %s FOR NO KEY UPDATE", (course_id,))
        return course_id

    def attach_or_detach(self, plot: Plot) -> str:
        course_id = self._lock_course(plot)
        segment_id = self._dice.choice((*plot.segments, *plot.statics))
        gone = self._db.execute(
            "DELETE FROM course_segment WHERE course_id = %s AND segment_id = %s",
            (course_id, segment_id),
        )
        if gone.rowcount:
            return "segment.detached"
        # As the operation does: a segment that is being deleted must not be attached meanwhile.
        self._db.execute(
            "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
            " SELECT %(course)s, s.id, %(workspace)s, p.place FROM (SELECT p AS place"
            "   FROM generate_series(1, 10) p WHERE p NOT IN ("
            "        SELECT place FROM course_segment WHERE course_id = %(course)s)"
            "   ORDER BY p LIMIT 1) AS p CROSS JOIN (SELECT id FROM segment"
            "  WHERE id = %(segment)s AND deleted_at IS NULL FOR KEY SHARE) AS s",
            {"course": course_id, "segment": segment_id, "workspace": plot.workspace_id},
        )
        return "segment.attached"

    def teach_or_not(self, plot: Plot) -> str:
        return self._give_role(plot, "INSTRUCTOR")

    def coordinate_or_not(self, plot: Plot) -> str:
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

    def override_or_not(self, plot: Plot) -> str:
        course_id = self._lock_course(plot)
        member_id = self._dice.choice(plot.people)
        lasts = dt.timedelta(seconds=self._dice.random() / 8)
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


Act = Callable[[Hand, Plot], str]
Pause = tuple[float, float]
"""How often, of one, and for how many seconds at most."""

ON_COURSES: tuple[Act, ...] = (
    Hand.attach_or_detach,
    Hand.teach_or_not,
    Hand.coordinate_or_not,
    Hand.override_or_not,
)
"""What is written here as operations did before there was any grace: not where there is."""
