"""Whatever is given, taken, joined, left, ended and begun in whatever order: what is stored, and
what it allows, is what a naive account of the same story says (C3, C5, C7, C11)."""

import datetime as dt
import itertools
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.grants import Grant, TeamMember
from models.people import MemberState
from operations import grants, members, pending, sign_in, team
from operations.refusals import Code, Refused
from operations.rights import Rights
from operations.team import DepartmentPermission
from tests.operations.giving import ids, on
from tests.sampling import examples
from tests.world import MONDAY, World

PENDING, ACTIVE, DEACTIVATED = MemberState
PEOPLE = {"Mona": ACTIVE, "Ann": ACTIVE, "Pia": PENDING, "Pio": PENDING}
COURSES = {"A1": "A", "B1": "B"}
MANAGER = Principal.WORKSPACE_MANAGER
ON_COURSE = (Principal.COURSE_EDIT, Principal.COURSE_TEACH)
IMPLIED = {DepartmentPermission.CREATE, DepartmentPermission.ENROLL}
PRINCIPAL = {
    DepartmentPermission.MANAGE: Principal.DEPARTMENT_MANAGER,
    DepartmentPermission.CREATE: Principal.DEPT_CREATE,
    DepartmentPermission.ENROLL: Principal.DEPT_ENROLL,
    DepartmentPermission.TEACH: Principal.DEPT_TEACH,
}
MONTH = dt.timedelta(days=30)

Step: TypeAlias = tuple[Any, ...]
Held: TypeAlias = tuple[str, Principal, str]
"""Who, what, and on what: "" is the workspace."""

some = st.lists(st.sampled_from(list(PEOPLE)), min_size=1, max_size=3)
wanted = st.lists(st.sampled_from(DepartmentPermission), unique=True, max_size=2)
steps = st.one_of(
    st.tuples(st.sampled_from(["give", "take"]), some, st.just(MANAGER), st.just("")),
    st.tuples(
        st.sampled_from(["give", "give", "take"]),
        some,
        st.sampled_from(ON_COURSE),
        st.sampled_from(list(COURSES)),
    ),
    st.tuples(
        st.just("manage"),
        some,
        st.sampled_from(["A", "B", "AB"]),
        wanted,
        wanted,
        st.booleans(),
        st.booleans(),
    ),
    st.tuples(st.sampled_from(["join", "leave"]), some, st.sampled_from("AB")),
    st.tuples(st.sampled_from(["signs in", "ends", "returns"]), some),
    st.tuples(st.just("waits"), st.sampled_from([1, 20, 30])),
)


@dataclass
class Story:
    """The naive account: everything said out loud, nothing asked of the database."""

    state: dict[str, MemberState] = field(default_factory=lambda: dict(PEOPLE))
    had_account: set[str] = field(default_factory=lambda: {"Mona", "Ann"})
    held: dict[Held, dt.datetime | None] = field(
        default_factory=lambda: {("Mona", MANAGER, ""): None}
    )
    on_team: set[tuple[str, str]] = field(default_factory=set)
    now: dt.datetime = MONDAY

    def expect(self, step: Step) -> Code | None:
        """Do it, or say why not."""
        verb, *said = step
        refused: Code | None = getattr(self, verb.replace(" ", "_"))(*said)
        return refused

    def managers(self) -> set[str]:
        return {
            who
            for (who, principal, _) in self.held
            if principal is MANAGER and self.state[who] is ACTIVE
        }

    def may_create(self, who: str, department: str) -> bool:
        keys = {Principal.DEPARTMENT_MANAGER: department, Principal.DEPT_CREATE: department}
        held = any((who, each, place) in self.held for each, place in {**keys, MANAGER: ""}.items())
        return held and self.state[who] is ACTIVE

    def give(self, who: Collection[str], what: Principal, place: str) -> Code | None:
        if any(self.state[each] is DEACTIVATED for each in who):
            return Code.MEMBER_DEACTIVATED
        if place in COURSES and any((COURSES[place], each) not in self.on_team for each in who):
            return Code.NOT_ON_DEPARTMENT_TEAM
        for each in who:
            waits = self.state[each] is PENDING
            self.held.setdefault((each, what, place), self.now + MONTH if waits else None)
        return None

    def take(self, who: Collection[str], what: Principal, place: str) -> Code | None:
        if what is MANAGER and self.managers() <= set(who):
            return Code.CONFLICT
        for each in who:
            self.held.pop((each, what, place), None)
        return None

    def manage(
        self,
        who: Collection[str],
        places: str,
        give: Collection[DepartmentPermission],
        take: Collection[DepartmentPermission],
        *how: bool,
    ) -> Code | None:
        if set(give) & set(take) or not (give or take):
            return Code.BAD_USER_INPUT
        if give and any(self.state[each] is DEACTIVATED for each in who):
            return Code.MEMBER_DEACTIVATED
        is_bare, is_along = how
        giving, taking = set(give), set(take)
        if DepartmentPermission.MANAGE in take and is_along:
            taking |= IMPLIED - giving
        if DepartmentPermission.MANAGE in give and not is_bare:
            giving |= IMPLIED - taking
        for place in places:
            for each in taking:
                self.take(who, PRINCIPAL[each], place)
            for each in giving:
                self.join(who, place)
                self.give(who, PRINCIPAL[each], place)
        return None

    def join(self, who: Collection[str], place: str) -> Code | None:
        if any(self.state[each] is DEACTIVATED for each in who):
            return Code.MEMBER_DEACTIVATED
        self.on_team |= {(place, each) for each in who}
        return None

    def leave(self, who: Collection[str], place: str) -> None:
        self.on_team -= {(place, each) for each in who}
        for held in list(self.held):
            if held[0] in who and place in {held[2], COURSES.get(held[2])}:
                del self.held[held]

    def signs_in(self, who: Collection[str]) -> None:
        for each in who:
            if self.state[each] is PENDING:
                self.state[each] = ACTIVE
                self.had_account.add(each)
                self.held |= {held: None for held in self.held if held[0] == each}

    def ends(self, who: Collection[str]) -> Code | None:
        if self.managers() <= set(who):
            return Code.CONFLICT
        for each in who:
            self.state[each] = DEACTIVATED
        return None

    def returns(self, who: Collection[str]) -> None:
        for each in who:
            if self.state[each] is DEACTIVATED:
                self.state[each] = ACTIVE if each in self.had_account else PENDING

    def waits(self, days: int) -> None:
        self.now += dt.timedelta(days=days)
        for held, until in list(self.held.items()):
            if until is not None and until <= self.now:
                del self.held[held]


@dataclass
class Product:
    """The same, done by the product itself."""

    db: AsyncSession
    world: World
    now: dt.datetime

    async def give(self, who: list[str], what: Principal, place: str) -> None:
        where = on(self.world, course=place)
        await grants.give(
            self.db, by=self.by, member_ids=self.ids(who), principals=[what], at=self.now, **where
        )

    async def take(self, who: list[str], what: Principal, place: str) -> None:
        where = on(self.world, course=place)
        await grants.take(self.db, by=self.by, member_ids=self.ids(who), principals=[what], **where)

    async def manage(
        self,
        who: list[str],
        places: str,
        give: list[DepartmentPermission],
        take: list[DepartmentPermission],
        *how: bool,
    ) -> None:
        is_bare, is_along = how
        await team.manage(
            self.db,
            by=self.by,
            department_ids=[self.world.departments[each] for each in places],
            member_ids=self.ids(who),
            give=give,
            take=take,
            without_implied=IMPLIED if is_bare else (),
            revoke_implied=is_along,
            at=self.now,
        )

    async def join(self, who: list[str], place: str) -> None:
        id = self.world.departments[place]
        await team.add(self.db, by=self.by, department_id=id, member_ids=self.ids(who))

    async def leave(self, who: list[str], place: str) -> None:
        id = self.world.departments[place]
        await team.remove(self.db, by=self.by, department_id=id, member_ids=self.ids(who))

    async def signs_in(self, who: list[str]) -> None:
        for id in self.ids(who):
            await sign_in.note(self.db, by=self.by, member_id=id, at=self.now)

    async def ends(self, who: list[str]) -> None:
        await members.deactivate(self.db, by=self.by, member_ids=self.ids(who), at=self.now)

    async def returns(self, who: list[str]) -> None:
        await members.reactivate(self.db, by=self.by, member_ids=self.ids(who), at=self.now)

    async def waits(self, days: int) -> None:
        await pending.lapse(self.db, at=self.now + dt.timedelta(days=days), limit=100)

    @property
    def by(self) -> Caller:
        return self.world.system

    def ids(self, who: list[str]) -> list[int]:
        return ids(self.world, who)


async def act(world: World, now: dt.datetime, step: Step) -> Code | None:
    """Do it, and tell why not."""
    verb, *said = step
    try:
        async with world.edge.transaction() as db:
            await getattr(Product(db, world, now), verb.replace(" ", "_"))(*said)
    except Refused as refused:
        return refused.code
    return None


async def stored(world: World) -> tuple[dict[Held, dt.datetime | None], set[tuple[str, str]]]:
    """What the database says."""
    people, places, courses = (
        {id: name for name, id in known.items()}
        for known in (world.members, world.departments, world.courses)
    )
    mine = Grant.workspace_id == world.workspace_id
    async with world.edge.read() as db:
        rows = list(await db.scalars(select(Grant).where(mine)))
        teams = list(
            await db.scalars(
                select(TeamMember).where(TeamMember.workspace_id == world.workspace_id)
            )
        )
    held = {
        (
            people[row.member_id],
            Principal(row.principal),
            places.get(row.department_id or 0) or courses.get(row.course_id or 0, ""),
        ): row.pending_until
        for row in rows
    }
    return held, {(places[row.department_id], people[row.member_id]) for row in teams}


async def creators(world: World) -> set[tuple[str, str]]:
    """Who may make courses where, as every operation would decide."""
    found = set()
    for name in PEOPLE:
        rights = Rights(world.caller(name))
        async with world.edge.read() as db:
            await rights.prepare(db, departments=world.departments.values())
        for department, id in world.departments.items():
            if rights.decide(Permission.CREATE_COURSE, Scope.DEPARTMENT, id).allowed:
                found.add((name, department))
    return found


_numbers = itertools.count(1)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, max_size=12))
async def test_any_history_ends_as_a_naive_account_of_it_says(
    sessions: async_sessionmaker[AsyncSession], history: list[Step]
) -> None:
    world, story = await World.new(sessions, f"story-{next(_numbers)}"), Story()
    for name, state in PEOPLE.items():
        await world.member(name, state=state)
    for course, department in COURSES.items():
        await world.course(course, department=department)
    await world.grant("Mona", MANAGER)

    for step in history:
        done = await act(world, story.now, step)
        event(f"{step[0]}: {done or 'done'}")
        assert done == story.expect(step), step

    assert await stored(world) == (story.held, story.on_team)
    assert await creators(world) == {
        (who, place) for who in PEOPLE for place in "AB" if story.may_create(who, place)
    }
    assert story.managers()
