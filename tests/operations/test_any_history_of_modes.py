"""Whoever is in a segment when, an attachment gives the role to exactly whom its mode says (S8).

The model knows nothing of intervals: it keeps a list of who was in the segment after every step,
and the step at which each mode began.
"""

import contextlib
import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.people import MemberState
from models.segments import AttachmentMode
from operations import attachments, explain, overrides, people, segments
from operations.explain import Standing
from operations.refusals import Refused
from tests.sampling import examples
from tests.world import MONDAY, World, settle

pytestmark = [pytest.mark.spec("S8"), pytest.mark.timeout(120)]

PEOPLE = ("Ada", "Bo", "Cy")
COURSES = ("Safety", "Welding")
_numbers = itertools.count(1)

person, course = st.sampled_from(PEOPLE), st.sampled_from(COURSES)
mode = st.sampled_from(AttachmentMode)
steps = st.one_of(
    st.tuples(st.just("name"), person),
    st.tuples(st.just("name"), person),
    st.tuples(st.just("follow"), course, mode),
    st.tuples(st.just("detach"), course),
    st.tuples(st.just("attach"), course, st.one_of(st.none(), mode)),
    st.tuples(st.just("exclude"), course, person),
    st.tuples(st.just("leave"), person),
)

LEFT_AND_CAME_BACK: list[Any] = [
    *[("name", name) for name in PEOPLE],
    ("follow", "Safety", AttachmentMode.REMOVE_ONLY),
    ("attach", "Welding", AttachmentMode.ADD_ONLY),
    ("name", "Ada"),
    ("name", "Ada"),
    ("name", "Ada"),
    ("name", "Ada"),
    ("follow", "Welding", AttachmentMode.FROZEN),
    ("name", "Ada"),
    ("leave", "Bo"),
    ("exclude", "Welding", "Ada"),
    ("follow", "Safety", AttachmentMode.SYNC),
]


@dataclass
class Model:
    """Who was in the segment after each step, and how and from which step on it is followed."""

    world: World
    engine: Engine
    was_in: list[frozenset[str]] = field(default_factory=lambda: [frozenset()])
    named: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    excluded: set[tuple[str, str]] = field(default_factory=set)
    followed: dict[str, tuple[AttachmentMode, int]] = field(default_factory=dict)

    def given(self, title: str) -> set[str]:
        """Whom the course gets from the segment."""
        if title not in self.followed:
            return set()
        how, begun = self.followed[title]
        since = self.was_in[begun:]
        found = {
            AttachmentMode.SYNC: since[-1],
            AttachmentMode.ADD_ONLY: frozenset().union(*since),
            AttachmentMode.REMOVE_ONLY: frozenset.intersection(*since),
            AttachmentMode.FROZEN: since[0],
        }[how]
        return set(found) - self.gone

    async def take(self, step: Any) -> None:
        verb, *said = step
        with contextlib.suppress(Refused):
            await getattr(self, verb)(*said)
        settle(self.engine)
        self.was_in.append(frozenset(self.named - self.gone))

    async def name(self, name: str) -> None:
        is_in = name in self.named
        do = segments.unname_people if is_in else segments.name_people
        async with self.world.edge.transaction() as db:
            await do(
                db,
                by=self.world.system,
                segment_id=self.world.segments["Team"],
                member_ids=[self.world.members[name]],
            )
        (self.named.remove if is_in else self.named.add)(name)

    async def follow(self, title: str, how: AttachmentMode) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.change_mode(db, **self._about(title), mode=how)
        if self.followed[title][0] is not how:
            self.followed[title] = (how, len(self.was_in) - 1)

    async def attach(self, title: str, how: AttachmentMode | None) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.attach(db, **self._about(title), mode=how)
        if title not in self.followed:
            self.followed[title] = (how or AttachmentMode.SYNC, len(self.was_in) - 1)

    async def detach(self, title: str) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.detach(db, **self._about(title))
        self.followed.pop(title, None)

    async def exclude(self, title: str, name: str) -> None:
        about = {"course_id": self.world.courses[title], "member_id": self.world.members[name]}
        async with self.world.edge.transaction() as db:
            if not await overrides.lift(db, by=self.world.system, **about):
                await overrides.exclude(
                    db,
                    by=self.world.system,
                    **about,
                    reason="So it was agreed.",
                    expires_at=None,
                    at=MONDAY,
                )
        self.excluded ^= {(title, name)}

    async def leave(self, name: str) -> None:
        """The person is deleted, and nobody's any more."""
        if name not in self.gone:
            await self.world.set_state(name, MemberState.DEACTIVATED)
            async with self.world.edge.transaction() as db:
                [member] = await people.lock(
                    db, self.world.workspace_id, [self.world.members[name]]
                )
                member.deleted_at = MONDAY
        self.gone.add(name)

    def _about(self, title: str) -> dict[str, Any]:
        return {
            "by": self.world.system,
            "course_id": self.world.courses[title],
            "segment_id": self.world.segments["Team"],
        }


async def sources(world: World, title: str) -> list[str]:
    async with world.edge.read() as db:
        rows = await db.scalars(
            text("SELECT member_id FROM coordinator_source WHERE course_id = :id ORDER BY 1"),
            {"id": world.courses[title]},
        )
        names = {id: name for name, id in world.members.items()}
        return sorted(names[id] for id in rows)


@settings(
    max_examples=examples(15),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(steps, min_size=4, max_size=16))
@example(history=LEFT_AND_CAME_BACK)
async def test_a_course_is_given_exactly_whom_the_mode_says_now_and_in_the_past(
    sessions: async_sessionmaker[AsyncSession], sync_database: Engine, history: list[Any]
) -> None:
    world = await World.new(sessions, f"modes-{next(_numbers)}")
    for name in PEOPLE:
        await world.member(name)
    await world.segment("Team", people_named=[])
    await world.course("Safety", segments_attached=["Team"])
    await world.course("Welding")
    model = Model(world, sync_database, followed={"Safety": (AttachmentMode.SYNC, 0)})
    told: list[tuple[dt.datetime, dict[str, set[str]]]] = []

    for step in history:
        await model.take(step)
        given = {title: model.given(title) for title in COURSES}
        for title in COURSES:
            counted = {name for name in given[title] if (title, name) not in model.excluded}
            assert await sources(world, title) == sorted(counted), "one source a person"
            assert await world.coordinators_of(title) == counted
        told.append((await now(world), given))

    await assert_told_of_the_past(world, model, told)


async def now(world: World) -> dt.datetime:
    async with world.edge.read() as db:
        moment: dt.datetime = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
        return moment


async def assert_told_of_the_past(
    world: World, model: Model, told: list[tuple[dt.datetime, dict[str, set[str]]]]
) -> None:
    for at, gave in told:
        for title, name in itertools.product(COURSES, sorted(set(PEOPLE) - model.gone)):
            async with world.edge.read() as db:
                why = await explain.membership(
                    db,
                    by=world.system,
                    course_id=world.courses[title],
                    member_id=world.members[name],
                    at=at,
                )
            gives = any(each.gives for each in why.segments)
            assert gives is (name in gave[title]), (title, name, at)
            assert why.standing in (
                (Standing.DERIVED, Standing.EXCLUDED) if gives else (Standing.NO_SOURCE,)
            )
