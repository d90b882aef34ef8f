"""Whatever happens, and however the engine's steps fall between, it ends exact."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sync_engine.rebuild import expand, rebuild
from sync_engine.ticks import expand_ticks, tick
from sync_engine.verify import verify
from tests.ground import TODAY, Document, Ground, hired
from tests.sampling import examples

DEPARTMENTS = st.sampled_from(["Sales", "Legal", "Research"])
PEOPLE, SEGMENTS = 5, 4

attributes = st.fixed_dictionaries(
    {},
    optional={
        "department": DEPARTMENTS,
        "level": st.integers(1, 3),
        "hireDate": st.integers(0, 60).map(lambda day: (TODAY - dt.timedelta(day)).isoformat()),
    },
)

clauses: st.SearchStrategy[Document] = st.one_of(
    DEPARTMENTS.map(lambda name: {"attr": "department", "op": "eq", "value": name}),
    DEPARTMENTS.map(lambda name: {"attr": "department", "op": "ne", "value": name}),
    st.integers(1, 3).map(lambda level: {"attr": "level", "op": "ge", "value": level}),
    st.sampled_from([0, 10, 30]).map(hired),
    st.just({"everyone": True}),
)
rules: st.SearchStrategy[Document] = st.one_of(
    clauses,
    clauses.map(lambda rule: {"not": rule}),
    st.tuples(st.sampled_from(["all", "any"]), clauses, clauses).map(
        lambda drawn: {drawn[0]: [drawn[1], drawn[2]]}
    ),
)

person, segment = st.integers(0, PEOPLE - 1), st.integers(0, SEGMENTS - 1)
steps = st.one_of(
    st.tuples(st.just("change"), person, attributes, st.integers(0, 1)),
    st.tuples(st.just("state"), person, st.sampled_from(["ACTIVE", "PENDING", "DEACTIVATED"])),
    st.tuples(st.just("edit"), segment, rules),
    st.tuples(st.just("state of segment"), segment, st.sampled_from(["ACTIVE", "PAUSED"])),
    st.tuples(st.just("delete segment"), segment),
    st.tuples(st.just("name"), person),
    st.tuples(st.just("tick"), st.integers(1, 20)),
    st.tuples(st.sampled_from(["drain", "expand", "rebuild", "expand ticks", "forget rules"])),
)


class History:
    """A ground with five people and four segments, one of them static."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.now = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
        self.people = [ground.member(department="Sales") for _ in range(PEOPLE)]
        self.segments = [ground.segment({"everyone": True}) for _ in range(SEGMENTS)]
        self.static = ground.segment()

    def take(self, step: tuple[Any, ...]) -> None:  # noqa: C901 - one case for each step
        ground = self.ground
        match step:
            case ("change", who, values, lane):
                ground.change(self.people[who], lane=lane, **values)
            case ("state", who, state):
                ground.set_state(self.people[who], state)
            case ("edit", which, rule):
                ground.edit(self.segments[which], rule=rule)
            case ("state of segment", which, state):
                ground.edit(self.segments[which], state=state)
            case ("delete segment", which):
                ground.edit(self.segments[which], deleted_at=self.now)
                self.segments[which] = ground.segment({"everyone": True})
            case ("name", who):
                ground.name(self.static, [self.people[who]])
            case ("tick", days):
                self.now += dt.timedelta(days=days)
                tick(ground.engine, now=self.now)
            case ("drain",):
                ground.drain(batch=1, seconds=0)
            case ("expand",):
                expand(ground.engine, seconds=0)
            case ("rebuild",):
                rebuild(ground.engine, ground.rules, seconds=0)
            case ("expand ticks",):
                expand_ticks(ground.engine, ground.rules)
            case ("forget rules",):
                ground.rules = type(ground.rules)()

    def frozen(self) -> set[int]:
        rows = self.ground.rows("SELECT id FROM segment WHERE state = 'PAUSED'")
        return {id for (id,) in rows}


@pytest.mark.spec("M32")
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, max_size=25))
def test_every_history_ends_exact(sync_database: Engine, drawn: list[tuple[Any, ...]]) -> None:
    history = History(Ground.new(sync_database))
    ground = history.ground
    try:
        for step in drawn:
            history.take(step)
        ground.settle()
        frozen = history.frozen()
        followed = {pair for pair in ground.stored() if pair[1] not in frozen}

        assert followed == ground.expected()
        assert verify(ground.engine, ground.workspace_id).is_clean

        for segment_id in frozen:
            ground.edit(segment_id, state="ACTIVE")
        ground.settle()
        assert ground.stored() == ground.expected()
    finally:
        ground.close()
