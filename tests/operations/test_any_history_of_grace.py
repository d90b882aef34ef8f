"""Whatever happens, whose role is ending are those who lost the last reason for it within the days
of grace, and nobody else (M40).

The model knows neither rows nor locks: it compares, before and after every step, who has a reason.
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

from models.coordinators import CourseRoleKind
from models.people import MemberState
from models.segments import AttachmentMode
from operations import attachments, coordinators, explain, overrides, segments, workspaces
from operations.coordinators import OnConflict
from operations.explain import Standing
from operations.refusals import Refused
from sync_engine.ticks import expire_overrides
from tests.world import MONDAY, World, settle

pytestmark = [pytest.mark.spec("M40"), pytest.mark.timeout(120)]

PEOPLE = ("Ada", "Bo")
COURSES = ("Safety", "Welding")
SEGMENTS = ("Team", "Crew")
DAYS = 5
_numbers = itertools.count(1)

person, course = st.sampled_from(PEOPLE), st.sampled_from(COURSES)
segment, mode = st.sampled_from(SEGMENTS), st.sampled_from(AttachmentMode)
role = st.sampled_from(CourseRoleKind)
steps = st.one_of(
    st.tuples(st.just("name"), segment, person),
    st.tuples(st.just("name"), segment, person),
    st.tuples(st.just("follow"), course, segment, mode),
    st.tuples(st.just("hang"), course, segment, st.one_of(st.just(AttachmentMode.SYNC), mode)),
    st.tuples(st.just("say"), course, person, st.sampled_from(["KEEP", "EXCLUDE", "lift"])),
    st.tuples(st.just("role"), course, person, role),
    st.tuples(st.just("account"), person),
    st.tuples(st.just("wait"), st.integers(1, DAYS)),
    st.tuples(st.just("grant"), st.sampled_from([0, 2, DAYS])),
)
SYNC, FROZEN = AttachmentMode.SYNC, AttachmentMode.FROZEN
EVERYTHING_ONCE: list[Any] = [
    *[("name", each, name) for each in SEGMENTS for name in PEOPLE],
    ("hang", "Safety", "Crew", SYNC),
    ("name", "Team", "Ada"),
    ("name", "Crew", "Ada"),
    ("wait", 2),
    ("grant", 2),
    ("hang", "Safety", "Team", SYNC),
    ("hang", "Safety", "Crew", SYNC),
    ("wait", 2),
    ("say", "Safety", "Ada", "KEEP"),
    ("say", "Safety", "Ada", "lift"),
    ("hang", "Welding", "Crew", FROZEN),
    ("name", "Crew", "Bo"),
    ("name", "Crew", "Ada"),
    ("follow", "Welding", "Crew", SYNC),
    ("role", "Welding", "Bo", CourseRoleKind.INSTRUCTOR),
    ("role", "Welding", "Bo", CourseRoleKind.INSTRUCTOR),
    ("role", "Welding", "Bo", CourseRoleKind.COORDINATOR),
    ("role", "Welding", "Bo", CourseRoleKind.COORDINATOR),
    ("account", "Ada"),
    ("account", "Ada"),
    ("name", "Crew", "Ada"),
    ("say", "Welding", "Ada", "EXCLUDE"),
    ("say", "Welding", "Ada", "lift"),
    ("grant", 0),
    ("name", "Crew", "Ada"),
    ("name", "Crew", "Ada"),
]

Place = tuple[str, str]


@dataclass
class Model:
    """Who is in which segment after each step, what is said by hand, and whose role ends when."""

    world: World
    engine: Engine
    days: int = DAYS
    was_in: list[dict[str, frozenset[str]]] = field(default_factory=list)
    named: dict[str, set[str]] = field(default_factory=lambda: {each: set() for each in SEGMENTS})
    away: set[str] = field(default_factory=set)
    followed: dict[Place, tuple[AttachmentMode, int]] = field(default_factory=dict)
    said: dict[Place, str] = field(default_factory=dict)
    roles: dict[Place, CourseRoleKind] = field(default_factory=dict)
    ending: dict[Place, int] = field(default_factory=dict)

    def is_in(self) -> dict[str, frozenset[str]]:
        return {each: frozenset(self.named[each] - self.away) for each in SEGMENTS}

    def given(self, title: str, segment: str) -> frozenset[str]:
        """Whom a course gets from a segment."""
        if (title, segment) not in self.followed:
            return frozenset()
        how, begun = self.followed[title, segment]
        since = [each[segment] for each in self.was_in[begun:]]
        return {
            AttachmentMode.SYNC: since[-1],
            AttachmentMode.ADD_ONLY: frozenset().union(*since),
            AttachmentMode.REMOVE_ONLY: frozenset.intersection(*since),
            AttachmentMode.FROZEN: since[0],
        }[how]

    def reasons(self) -> set[Place]:
        """Who has any reason to be coordinator, but for grace."""
        found = set()
        for title, name in itertools.product(COURSES, PEOPLE):
            follows = any(name in self.given(title, each) for each in SEGMENTS)
            said = self.said.get((title, name))
            is_direct = self.roles.get((title, name)) is CourseRoleKind.COORDINATOR
            if is_direct or said == "KEEP" or (follows and said != "EXCLUDE"):
                found.add((title, name))
        return found

    def coordinators(self) -> set[Place]:
        may = {(title, name) for title in COURSES for name in PEOPLE if name not in self.away}
        instructors = {at for at, each in self.roles.items() if each is CourseRoleKind.INSTRUCTOR}
        return ((self.reasons() | self.ending.keys()) & may) - instructors

    async def take(self, step: Any) -> None:
        verb, *about = step
        before, by_hand = self.reasons(), verb in ("say", "role")
        with contextlib.suppress(Refused):
            await getattr(self, verb)(*about)
        settle(self.engine)
        self.was_in.append(self.is_in())
        now = self.reasons()
        for at in now & self.ending.keys():
            del self.ending[at]
        if self.days and not by_hand:
            for at in before - now:
                if at[1] not in self.away and at not in self.roles:
                    self.ending[at] = self.days

    async def name(self, segment: str, name: str) -> None:
        is_in = name in self.named[segment]
        do = segments.unname_people if is_in else segments.name_people
        about = {"segment_id": self.world.segments[segment]}
        async with self.world.edge.transaction() as db:
            ids = [self.world.members[name]]
            await do(db, by=self.world.system, **about, member_ids=ids)
        self.named[segment] ^= {name}

    async def follow(self, title: str, segment: str, how: AttachmentMode) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.change_mode(db, **self._about(title, segment), mode=how)
        if self.followed[title, segment][0] is not how:
            self.followed[title, segment] = (how, len(self.was_in) - 1)

    async def hang(self, title: str, segment: str, how: AttachmentMode) -> None:
        """Attached, or detached where it is."""
        is_on = (title, segment) in self.followed
        async with self.world.edge.transaction() as db:
            if is_on:
                await attachments.detach(db, **self._about(title, segment))
            else:
                await attachments.attach(db, **self._about(title, segment), mode=how)
        if is_on:
            del self.followed[title, segment]
        else:
            self.followed[title, segment] = (how, len(self.was_in) - 1)

    async def say(self, title: str, name: str, kind: str) -> None:
        about: dict[str, Any] = {
            "by": self.world.system,
            "course_id": self.world.courses[title],
            "member_id": self.world.members[name],
        }
        more: dict[str, Any] = {"reason": "As agreed", "expires_at": None, "at": MONDAY}
        async with self.world.edge.transaction() as db:
            if kind == "lift":
                await overrides.lift(db, **about)
            elif kind == "KEEP":
                await overrides.keep(db, **about, **more)
            else:
                await overrides.exclude(db, **about, **more)
        self.ending.pop((title, name), None)
        self.said.pop((title, name), None)
        if kind != "lift":
            self.said[title, name] = kind

    async def role(self, title: str, name: str, kind: CourseRoleKind) -> None:
        """Given by hand, or taken back by whoever has it."""
        about: dict[str, Any] = {"by": self.world.system, "course_id": self.world.courses[title]}
        has, ids = self.roles.get((title, name)), [self.world.members[name]]
        async with self.world.edge.transaction() as db:
            if has is kind:
                await coordinators.remove(db, **about, role=kind, member_ids=ids)
            else:
                wanted: dict[str, Any] = {f"{kind.value.lower()}s": ids}
                await coordinators.assign(db, **about, **wanted, on_conflict=OnConflict.SWITCH)
        if has is kind:
            del self.roles[title, name]
        else:
            self.roles[title, name] = kind

    async def account(self, name: str) -> None:
        is_back = name in self.away
        await self.world.set_state(name, MemberState.ACTIVE if is_back else MemberState.DEACTIVATED)
        self.away ^= {name}

    async def wait(self, days: int) -> None:
        """Time passes: all ends are so many days nearer."""
        async with self.world.edge.transaction() as db:
            nearer = "UPDATE coordinator_override SET expires_at = expires_at - :d * interval '1d'"
            await db.execute(text(nearer + " WHERE workspace_id = :id"), self._here | {"d": days})
        expire_overrides(self.engine, now=dt.datetime.now(dt.UTC))
        self.ending = {at: left - days for at, left in self.ending.items() if left > days}

    async def grant(self, days: int) -> None:
        async with self.world.edge.transaction() as db:
            await workspaces.edit_settings(db, by=self.world.system, grace_days=days)
        self.days = days

    @property
    def _here(self) -> dict[str, Any]:
        return {"id": self.world.workspace_id}

    def _about(self, title: str, segment: str) -> dict[str, Any]:
        return {
            "by": self.world.system,
            "course_id": self.world.courses[title],
            "segment_id": self.world.segments[segment],
        }

    async def rows(self) -> dict[Place, int]:
        """Whose role is ending, and in how many days."""
        titles = {id: title for title, id in self.world.courses.items()}
        names = {id: name for name, id in self.world.members.items()}
        said = (
            "SELECT course_id, member_id, round(extract(epoch FROM expires_at - now()) / 86400)"
            " FROM coordinator_override WHERE workspace_id = :id AND kind = 'ENDING'"
        )
        async with self.world.edge.read() as db:
            found = await db.execute(text(said), self._here)
            return {(titles[course], names[id]): int(days) for course, id, days in found}

    async def clock(self) -> dt.datetime:
        async with self.world.edge.read() as db:
            moment: dt.datetime = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
            return moment


# Shrinking a history of this size would take longer than reading it.
@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(steps, min_size=6, max_size=14))
@example(history=EVERYTHING_ONCE)
async def test_those_whose_role_is_ending_have_just_lost_the_last_reason_for_it(
    sessions: async_sessionmaker[AsyncSession], sync_database: Engine, history: list[Any]
) -> None:
    world = await World.new(sessions, f"grace-{next(_numbers)}")
    for name in PEOPLE:
        await world.member(name)
    for each in SEGMENTS:
        await world.segment(each, people_named=[])
    await world.course("Safety", segments_attached=["Team"])
    await world.course("Welding")
    model = Model(world, sync_database)
    model.was_in.append(model.is_in())
    model.followed["Safety", "Team"] = (AttachmentMode.SYNC, 0)
    await model.grant(DAYS)
    told: list[tuple[dt.datetime, set[Place]]] = []

    for step in history:
        await model.take(step)
        assert await model.rows() == model.ending, step
        for title in COURSES:
            listed = {name for at, name in model.coordinators() if at == title}
            assert await world.coordinators_of(title) == listed, step
        ended = model.ending.keys() & model.coordinators()
        if not told or told[-1][1] != ended:
            told.append((await model.clock(), ended))

    for at, ended in told:
        for title, name in itertools.product(COURSES, PEOPLE):
            standing = await _standing(world, title, name, at)
            assert (standing is Standing.ENDING) is ((title, name) in ended), (at, title, name)


async def _standing(world: World, title: str, name: str, at: dt.datetime) -> Standing:
    about = {"course_id": world.courses[title], "member_id": world.members[name]}
    async with world.edge.read() as db:
        why = await explain.membership(db, by=world.system, **about, at=at)
    return why.standing
