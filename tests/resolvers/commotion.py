"""A company in which everything that can make or end a coordinator happens, at random."""

import datetime as dt
import random
from collections.abc import Callable

from models.catalog import CourseState
from models.coordinators import CourseRoleKind
from models.people import MemberState
from models.segments import AttachmentMode
from operations import attachments, coordinators, courses, overrides, people, segments
from operations.coordinators import OnConflict
from operations.refusals import Refused
from tests.world import MONDAY, World

LATER = MONDAY + dt.timedelta(days=30)
PEOPLE = ("Ada", "Bo", "Cy", "Di")
COURSES = ("Safety", "Welding")
SEGMENTS = ("Sales", "Leads", "Named")


async def company(world: World, settle: Callable[[], None]) -> None:
    """Two courses, three segments, four people, and Mo, who manages all and takes no part."""
    for name in PEOPLE:
        await world.member(name, department="Ops", title="Clerk")
    await world.member("Mo")
    await world.segment("Sales", 'department eq "Sales"')
    await world.segment("Leads", 'title eq "Lead"')
    await world.segment("Named", people_named=["Ada"])
    await world.course("Safety", segments_attached=["Sales"])
    await world.course("Welding", segments_attached=["Leads", "Named"])
    settle()


class Commotion:
    """Takes random steps; each is one transaction of an operation, or a run of the engine."""

    def __init__(
        self,
        world: World,
        settle: Callable[[], None],
        rng: random.Random,
        *,
        stays: frozenset[str] = frozenset(),
    ) -> None:
        self._world = world
        self._settle = settle
        self._rng = rng
        self._stays = stays

    async def step(self) -> None:
        """One thing happens, if it may: what an operation refuses has not happened."""
        rng = self._rng
        steps = (
            *(self._change, self._change, self._settle_all, self._settle_all),
            *(self._assign, self._remove, self._override, self._lift),
            *(self._attach, self._detach, self._edit, self._account, self._name),
            *(self._follow, self._follow),
        )
        try:
            await rng.choice(steps)(rng.choice(COURSES), rng.choice(PEOPLE))
        except Refused:
            return

    async def _settle_all(self, *_: str) -> None:
        self._settle()

    async def _change(self, _: str, name: str) -> None:
        rng = self._rng
        await self._world.change(
            name, department=rng.choice(["Sales", "Ops"]), title=rng.choice(["Lead", "Clerk"])
        )

    async def _assign(self, course: str, name: str) -> None:
        world = self._world
        role = self._rng.choice(["instructors", "coordinators"])
        async with world.edge.transaction() as db:
            await coordinators.assign(
                db,
                by=world.system,
                course_id=world.courses[course],
                **{role: [world.members[name]]},
                on_conflict=OnConflict.SWITCH,
            )

    async def _remove(self, course: str, name: str) -> None:
        world = self._world
        async with world.edge.transaction() as db:
            await coordinators.remove(
                db,
                by=world.system,
                course_id=world.courses[course],
                role=self._rng.choice(list(CourseRoleKind)),
                member_ids=[world.members[name]],
            )

    async def _override(self, course: str, name: str) -> None:
        world = self._world
        say = self._rng.choice([overrides.exclude, overrides.keep])
        async with world.edge.transaction() as db:
            await say(
                db,
                by=world.system,
                course_id=world.courses[course],
                member_id=world.members[name],
                reason="So it was agreed.",
                expires_at=LATER,
                at=MONDAY,
            )

    async def _lift(self, course: str, name: str) -> None:
        world = self._world
        async with world.edge.transaction() as db:
            await overrides.lift(
                db,
                by=world.system,
                course_id=world.courses[course],
                member_id=world.members[name],
            )

    async def _attach(self, course: str, _: str) -> None:
        await self._world.attach(course, self._rng.choice(SEGMENTS))

    async def _follow(self, course: str, _: str) -> None:
        world = self._world
        async with world.edge.transaction() as db:
            await attachments.change_mode(
                db,
                by=world.system,
                course_id=world.courses[course],
                segment_id=world.segments[self._rng.choice(SEGMENTS)],
                mode=self._rng.choice(list(AttachmentMode)),
            )

    async def _detach(self, course: str, _: str) -> None:
        world = self._world
        async with world.edge.transaction() as db:
            await attachments.detach(
                db,
                by=world.system,
                course_id=world.courses[course],
                segment_id=world.segments[self._rng.choice(SEGMENTS)],
            )

    async def _edit(self, course: str, _: str) -> None:
        rng, world = self._rng, self._world
        changes = {
            "description": f"Number {rng.randrange(10**9)}",
            "state": rng.choice([CourseState.ACTIVE, CourseState.ARCHIVED]),
        }
        async with world.edge.transaction() as db:
            await courses.edit(
                db, by=world.system, course_id=world.courses[course], changes=changes
            )

    async def _account(self, _: str, name: str) -> None:
        if name not in self._stays:
            await self._world.set_state(name, self._rng.choice(list(MemberState)))

    async def _name(self, _: str, name: str) -> None:
        world = self._world
        do = self._rng.choice([segments.name_people, segments.unname_people])
        async with world.edge.transaction() as db:
            await people.lock(db, world.workspace_id, [world.members[name]])
            await do(
                db,
                by=world.system,
                segment_id=world.segments["Named"],
                member_ids=[world.members[name]],
            )
