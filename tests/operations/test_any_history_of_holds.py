"""Whatever happens in whatever order: people are where the rules say, but for pins and what waits;
and never do more go unasked than may (S11)."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sync_engine.changes import GUARD
from sync_engine.holds import END
from sync_engine.snapshot import array
from sync_engine.verify import verify
from tests.ground import Ground, mark_members
from tests.sync_engine.test_holding import later

pytestmark = pytest.mark.spec("S11")

PEOPLE, SEGMENTS, LIMIT = 9, 3, 2
DEPARTMENTS = ("A", "B", "C", "-")

people = st.integers(0, PEOPLE - 1)
segments = st.integers(0, SEGMENTS - 1)
departments = st.sampled_from(DEPARTMENTS)
STEPS = st.one_of(
    st.tuples(
        st.just("change"), st.lists(people, min_size=1, max_size=6, unique=True), departments
    ),
    st.tuples(st.just("feed"), st.lists(people, min_size=3, max_size=6, unique=True), departments),
    st.tuples(st.just("edit"), segments, st.lists(departments, min_size=1, max_size=3)),
    st.tuples(st.just("approve"), st.lists(people, max_size=6, unique=True)),
    st.tuples(st.just("discard"), st.lists(people, max_size=6, unique=True)),
    st.tuples(st.just("deactivate"), people),
    st.tuples(st.just("later"), st.just(61)),
)


class Story:
    """One workspace through a history."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        ground.db.execute(
            "UPDATE workspace SET hold_people = %s, hold_percent = 0 WHERE id = %s",
            (LIMIT, ground.workspace_id),
        )
        ground.db.commit()
        self.segments = [ground.segment(rule([each])) for each in DEPARTMENTS[:SEGMENTS]]
        ground.course(*self.segments[:2])
        ground.course(self.segments[2])
        self.people = [ground.member(department=DEPARTMENTS[n % 3]) for n in range(PEOPLE)]
        ground.settle()

    def change(self, whom: list[int], department: str) -> None:
        for each in whom:
            self.ground.change(self.people[each], department=department)

    def feed(self, whom: list[int], department: str) -> None:
        """The same one by one, each worked on before the next comes."""
        for each in whom:
            self.ground.change(self.people[each], department=department)
            self.ground.settle()

    def edit(self, segment: int, of: list[str]) -> None:
        self.ground.edit(self.segments[segment], rule=rule(of))

    def deactivate(self, whom: int) -> None:
        self.ground.set_state(self.people[whom], "DEACTIVATED")

    def later(self, minutes: int) -> None:
        later(self.ground, minutes)

    def approve(self, whom: list[int]) -> None:
        self._decide(
            whom,
            "UPDATE held_removal SET is_approved = true WHERE member_id = ANY(%s)"
            " RETURNING hold_id",
            "approved",
        )

    def discard(self, whom: list[int]) -> None:
        ids = [self.people[each] for each in whom]
        self.ground.db.execute(
            "INSERT INTO membership_pin (segment_id, member_id, workspace_id, is_in, origin,"
            " reason) SELECT segment_id, member_id, workspace_id, true, 'HOLD', 'stays'"
            " FROM held_removal WHERE member_id = ANY(%s) AND NOT is_approved"
            " ON CONFLICT DO NOTHING",
            (ids,),
        )
        self._decide(
            whom,
            "DELETE FROM held_removal WHERE member_id = ANY(%s) RETURNING hold_id",
            "discarded",
        )

    def _decide(self, whom: list[int], statement: str, word: str) -> None:
        """As the operation does: markers, the guard, rows, and the end of the hold."""
        db, ids = self.ground.db, [self.people[each] for each in whom]
        mark_members(db, self.ground.workspace_id, ids)
        db.execute(GUARD, {"workspace_id": self.ground.workspace_id})
        holds = [id for (id,) in db.execute(statement, (ids,))]
        db.execute(f"UPDATE hold SET {word} = {word} + 1 WHERE id = ANY(%s)", (holds,))
        db.execute(END, {"holds": array(holds)})
        db.commit()

    def check(self) -> None:
        ground = self.ground
        ground.settle()
        wanted = ground.expected()
        pins = self._here("SELECT member_id, segment_id, is_in FROM membership_pin")
        alive = {
            id for id, state in self._here("SELECT id, state FROM member") if state != "DEACTIVATED"
        }
        pinned = {(member, segment) for member, segment, _ in pins if member in alive}
        held = set(self._here("SELECT member_id, segment_id FROM held_removal"))
        assert ground.stored() == wanted | pinned | held
        assert held.isdisjoint(wanted | pinned)
        assert verify(ground.engine, ground.workspace_id).is_clean
        waiting = set(self._here("SELECT hold_id FROM held_removal"))
        states = self._here("SELECT id, state FROM hold")
        assert waiting == {(id,) for id, state in states if state == "OPEN"}
        assert max(self.gone_unasked().values(), default=0) <= LIMIT

    def _here(self, statement: str) -> list[tuple[Any, ...]]:
        return self.ground.rows(f"{statement} WHERE workspace_id = %s", self.ground.workspace_id)

    def gone_unasked(self) -> dict[int, int]:
        """How many people each segment has lost by rules alone within the hour, and not back."""
        found: dict[int, int] = defaultdict(int)
        for segment, count in self.ground.rows(
            "SELECT m.segment_id, count(DISTINCT m.member_id) FROM membership m"
            " WHERE m.segment_id = ANY(%s) AND m.closed_by_rule"
            "   AND m.until > now() - interval '60 minutes'"
            "   AND NOT EXISTS (SELECT FROM membership n WHERE n.segment_id = m.segment_id"
            "                      AND n.member_id = m.member_id AND n.until IS NULL)"
            " GROUP BY m.segment_id",
            self.segments,
        ):
            found[segment] += count
        return found


def rule(of: list[str]) -> dict[str, Any]:
    return {"attr": "department", "op": "in", "value": sorted(set(of))}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(STEPS, min_size=3, max_size=8))
def test_after_any_history_people_are_where_rules_pins_and_holds_say(
    sync_database: Engine, history: list[tuple[Any, ...]]
) -> None:
    ground = Ground.new(sync_database)
    try:
        story = Story(ground)
        for verb, *arguments in history:
            getattr(story, verb)(*arguments)
            story.check()
    finally:
        ground.close()
