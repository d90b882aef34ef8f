"""Whatever happened: undoing restores exactly, or names exactly what contradicts (S12)."""

import contextlib
import datetime as dt
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.people import MemberState
from operations import pins, segments
from operations.refusals import Code, Refused
from sync_engine import ticks
from sync_engine.drain import drain
from sync_engine.markers import Lane
from sync_engine.rebuild import expand, rebuild
from sync_engine.state import Rules
from sync_engine.verify import verify
from tests.operations.undoing import (
    contradicted,
    moved_by,
    named,
    now_in,
    pinned,
    read,
    take_back,
)
from tests.world import MONDAY, World, settle

pytestmark = [pytest.mark.spec("S12"), pytest.mark.timeout(180)]

PEOPLE = ("Ada", "Bo", "Cy")
RULES = {
    "Sales": ('department eq "Sales"', 'department in ["Ops", "Legal"]', "department pr"),
    "Ops": ('department eq "Ops"', 'not department eq "Sales"'),
}
SEGMENTS = (*RULES, "Named")
DAY = dt.timedelta(days=1)

_numbers = itertools.count(1)

person, segment = st.sampled_from(PEOPLE), st.sampled_from(SEGMENTS)
single = st.one_of(
    st.tuples(st.just("change"), person, st.sampled_from(("Sales", "Ops", "Legal", None))),
    st.tuples(st.just("change"), person, st.sampled_from(("Sales", "Ops"))),
    st.tuples(st.just("edit"), st.sampled_from(list(RULES)), st.integers(0, 2)),
    st.tuples(st.just("life"), st.sampled_from(["pause", "resume"]), segment),
    st.tuples(st.just("name"), st.sampled_from(["in", "out"]), person),
    st.tuples(st.just("account"), person, st.sampled_from(["ACTIVE", "DEACTIVATED"])),
    st.tuples(st.just("delete"), segment),
    st.tuples(st.just("unpin"), segment, person),
    st.tuples(st.just("days"), st.integers(1, 4)),
    st.tuples(st.just("works"), st.sampled_from(["all", "people", "segments"])),
    st.tuples(st.just("works"), st.just("all")),
    st.tuples(st.just("undo"), st.integers(0, 30), st.sampled_from([None, 2])),
    st.tuples(st.just("undo"), st.integers(0, 2), st.none()),
)
moving = st.one_of(
    st.tuples(st.just("change"), person, st.sampled_from(("Sales", "Ops"))),
    st.tuples(st.just("edit"), st.sampled_from(list(RULES)), st.integers(0, 2)),
)
undoing = st.tuples(st.just("undo"), st.integers(0, 3), st.sampled_from([None, 2]))
WORK = st.just(("works", "all"))
histories = st.lists(
    st.one_of(
        single.map(lambda step: [step]),
        st.tuples(moving, WORK, undoing).map(list),
        st.tuples(moving, WORK, single, WORK, undoing).map(list),
    ),
    min_size=4,
    max_size=9,
).map(lambda some: [step for each in some for step in each])

STORY: list[Any] = [
    ("works", "all"),
    ("undo", 0, None),
    ("change", "Ada", "Ops"),
    ("works", "all"),
    ("undo", 0, 2),
    ("life", "pause", "Sales"),
    ("days", 3),
    ("works", "all"),
    ("change", "Bo", "Legal"),
    ("account", "Cy", "DEACTIVATED"),
    ("works", "all"),
    ("undo", 0, None),
    ("account", "Cy", "ACTIVE"),
    ("works", "people"),
    ("undo", 0, None),
    ("edit", "Sales", 2),
    ("life", "resume", "Sales"),
    ("undo", 1, None),
    ("works", "segments"),
    ("unpin", "Sales", "Ada"),
    ("works", "all"),
    ("undo", 0, None),
    ("undo", 0, None),
    ("delete", "Ops"),
    ("undo", 1, None),
    ("works", "all"),
    ("undo", 0, None),
    ("works", "all"),
    ("undo", 0, None),
]
"""Frozen segments, accounts that end, expiry, undone undoings, and segments that are gone."""


class Company:
    """Three people, three segments, and the engine at whatever point it is."""

    def __init__(self, world: World, engine: Engine) -> None:
        self.world, self.engine, self.now, self.rules = world, engine, MONDAY, Rules()

    async def take(self, step: Any) -> None:
        verb, *said = step
        if verb == "undo":
            await self.undo(*said)
            return
        with contextlib.suppress(Refused):
            await getattr(self, verb)(*said)

    async def change(self, name: str, department: str | None) -> None:
        await self.world.change(name, department=department)

    async def edit(self, segment: str, which: int) -> None:
        rules = RULES[segment]
        about: Any = {
            "segment_id": self.world.segments[segment],
            "rule": rules[which % len(rules)],
        }
        async with self.world.edge.transaction() as db:
            await segments.edit(db, by=self.world.system, **about)

    async def life(self, what: str, segment: str) -> None:
        do = {"pause": segments.pause, "resume": segments.resume}[what]
        async with self.world.edge.transaction() as db:
            await do(db, by=self.world.system, segment_id=self.world.segments[segment])

    async def name(self, what: str, name: str) -> None:
        do = {"in": segments.name_people, "out": segments.unname_people}[what]
        about: Any = {
            "segment_id": self.world.segments["Named"],
            "member_ids": [self.world.members[name]],
        }
        async with self.world.edge.transaction() as db:
            await do(db, by=self.world.system, **about)

    async def account(self, name: str, state: str) -> None:
        await self.world.set_state(name, MemberState(state))

    async def delete(self, segment: str) -> None:
        about: Any = {"segment_id": self.world.segments[segment], "at": MONDAY}
        async with self.world.edge.transaction() as db:
            await segments.remove(db, by=self.world.system, **about)
        assert all(pair[1] != about["segment_id"] for pair in pinned(self.engine))

    async def unpin(self, segment: str, name: str) -> None:
        about: Any = {
            "segment_id": self.world.segments[segment],
            "member_ids": [self.world.members[name]],
        }
        async with self.world.edge.transaction() as db:
            await pins.remove(db, by=self.world.system, reason="Enough.", **about)

    async def days(self, days: int) -> None:
        self.now += days * DAY
        ticks.expire_pins(self.engine, now=self.now)

    async def works(self, how: str) -> None:
        match how:
            case "all":
                settle(self.engine)
            case "people":
                drain(self.engine, self.rules, lanes=tuple(Lane), batch=1, seconds=0)
            case "segments":
                expand(self.engine)
                rebuild(self.engine, self.rules, seconds=0)

    async def undo(self, which: int, days: int | None) -> None:
        """Of the change sets of this company one, counted from the newest."""
        found = read(
            self.engine,
            "SELECT id, undone_at FROM change_set WHERE workspace_id = :id ORDER BY id DESC",
            id=self.world.workspace_id,
        )
        if which >= len(found):
            return
        id, undone_at = found[which]
        moved, expected = moved_by(self.engine, id), contradicted(self.engine, id)
        stood, before = now_in(self.engine), pinned(self.engine)
        until = None if days is None else self.now + days * DAY
        try:
            await take_back(self.world, id, expires_at=until, at=self.now)
        except Refused as refused:
            self.assert_refused(refused, expected, was_undone=undone_at is not None)
            assert (now_in(self.engine), pinned(self.engine)) == (stood, before)
            return
        assert (undone_at, expected) == (None, {})
        restored = {pair: not has_joined for pair, has_joined in moved.items()}
        assert pinned(self.engine) == before | restored
        settle(self.engine)
        stands = now_in(self.engine)
        assert {pair: pair in stands for pair in moved} == restored
        assert verify(self.engine, self.world.workspace_id).is_clean

    @staticmethod
    def assert_refused(refused: Refused, expected: Any, *, was_undone: bool) -> None:
        if was_undone:
            assert refused.code is Code.ALREADY_UNDONE
            return
        assert refused.code is Code.UNDO_CONTRADICTED
        assert named(refused.details) == expected
        assert refused.details["count"] == len(expected) > 0


@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories)
@example(history=STORY)
async def test_an_undoing_restores_exactly_or_names_exactly_what_contradicts(
    sessions: async_sessionmaker[AsyncSession], sync_database: Engine, history: list[Any]
) -> None:
    world = await World.new(sessions, f"undo-{next(_numbers)}")
    with sync_database.begin() as db:
        db.execute(text("UPDATE workspace SET hold_people = 1000"))
    for name in PEOPLE:
        await world.member(name, department="Sales")
    for name, rules in RULES.items():
        await world.segment(name, rules[0])
    await world.segment("Named", people_named=["Ada"])
    company = Company(world, sync_database)
    for step in history:
        await company.take(step)
    settle(sync_database)
    assert verify(sync_database, world.workspace_id).is_clean
