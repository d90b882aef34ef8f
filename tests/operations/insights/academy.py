"""A course in which everything happens that insights are about, step by step, by name."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text

from models.catalog import CourseKind, RetakePolicy
from models.progress import AttemptOrigin
from operations.certificates import issuing
from operations.content.questions import AssignmentContent
from operations.insights import cells, folding
from operations.insights.cells import Narrow, Unit
from operations.learning import attempts, enrolments, resetting, taking
from operations.live_sessions import registering, scheduling
from operations.refusals import Refused
from tests.content import EVERY_KIND
from tests.operations.insights import naive
from tests.operations.learning.attempting import configure
from tests.taking import Answers, grade, save, start, submit, teach
from tests.world import MONDAY, World

COURSE: Final = "Work"
LEARNERS: Final = ("Ada", "Bo", "Cy", "Di")
STAFF: Final = "Cora"
TEACHER: Final = "Ina"
GROUPS: Final = ("East", "West")
SOMEDAY: Final = MONDAY + dt.timedelta(days=60)
BLOCK: Final = 1024


@dataclass
class Academy:
    """Ada, Bo, Cy and Di in blocks of their own; Cora, who coordinates them and may take it, too.
    An hour passes with every step."""

    world: World
    now: dt.datetime = MONDAY
    live_sessions: list[int] = field(default_factory=list)
    handed_in: list[int] = field(default_factory=list)

    @classmethod
    async def open(cls, world: World) -> "Academy":
        for name in (TEACHER, STAFF, *LEARNERS):
            await world.member(name, department="Sales")
            await _further(world)
        await world.course(
            COURSE,
            kind=CourseKind.INSTRUCTOR_LED,
            instructors=[TEACHER],
            coordinators_by_hand=[STAFF],
        )
        await configure(world, COURSE, retake_policy=RetakePolicy.UNLIMITED)
        await teach(world, COURSE, Quiz=EVERY_KIND, Essay=AssignmentContent("Write."))
        await world.group("East", course=COURSE, due_at=SOMEDAY)
        await world.group("West", course=COURSE)
        academy = cls(world)
        async with world.edge.transaction() as db:
            made = await scheduling.create(
                db,
                by=world.system,
                course_id=academy.course_id,
                said={
                    "title": "Meeting",
                    "starts_at": SOMEDAY,
                    "ends_at": SOMEDAY + dt.timedelta(hours=1),
                    "time_zone": "UTC",
                    "capacity": 2,
                },
                staff_ids=[],
                at=MONDAY,
            )
        academy.live_sessions.append(made.id)
        return academy

    @property
    def course_id(self) -> int:
        return self.world.courses[COURSE]

    @property
    def course(self) -> Unit:
        return Unit(self.world.workspace_id, self.course_id)

    @property
    def units(self) -> list[Unit]:
        modules = (self.world.modules[each] for each in ("Quiz", "Essay"))
        return [self.course, *(self.course._replace(module_id=each) for each in modules)]

    def passing(self) -> dt.datetime:
        self.now += dt.timedelta(hours=1, seconds=7)
        return self.now

    def people(self, name: str) -> dict[str, Any]:
        return {"course_id": self.course_id, "member_ids": [self.world.members[name]]}

    async def do(self, what: Callable[..., Awaitable[Any]], **said: Any) -> None:
        """One operation; what is refused has not happened."""
        try:
            async with self.world.edge.transaction() as db:
                await what(db, **{"by": self.world.system, "at": self.passing(), **said})
        except Refused:
            pass

    async def enrol(self, name: str, group: str | None = None) -> None:
        whose = self.world.groups[group] if group else None
        await self.do(enrolments.assign, group_id=whose, **self.people(name))

    async def unassign(self, name: str, group: str | None = None) -> None:
        whose = self.world.groups[group] if group else None
        await self.do(enrolments.unassign, group_id=whose, **self.people(name))

    async def begin(self, name: str, module: str = "Quiz") -> None:
        await self.do(
            taking.open_module,
            by=self.world.caller(name),
            course_id=self.course_id,
            module_id=self.world.modules[module],
        )

    async def hand_in(self, name: str, answers: Answers, module: str = "Quiz") -> None:
        """Begin, where that is needed, answer one by one, and hand in."""
        await self.begin(name, module)
        try:
            begun = await start(self.world, name, COURSE, module, self.passing())
            for question, given in answers.items():
                moment = self.now + dt.timedelta(seconds=11 * question)
                await save(self.world, name, begun.id, {question: given}, moment)
            await submit(self.world, name, begun.id, self.passing())
        except Refused:
            return
        self.handed_in.append(begun.id)

    async def hand_in_all(self, name: str) -> None:
        await self.do(taking.submit, by=self.world.caller(name), course_id=self.course_id)

    async def grade(self, back: int, question: int, points: int) -> None:
        """The submission that many before the last, again and again."""
        if back < len(self.handed_in):
            try:
                id = self.handed_in[-1 - back]
                await grade(self.world, TEACHER, id, {question: points}, at=self.passing())
            except Refused:
                pass

    async def complete(self, name: str) -> None:
        await self.do(attempts.complete, origin=AttemptOrigin.MANUAL, **self.people(name))

    async def reset(self, name: str) -> None:
        await self.do(resetting.reset, reason="Again.", **self.people(name))

    async def start_over(self, name: str, answers: Answers) -> None:
        """Something is completed, folded, and then reset."""
        await self.hand_in(name, answers)
        await self.complete(name)
        await self.settle()
        await self.reset(name)

    async def certify(self, name: str) -> None:
        whose = {"course_id": self.course_id, "member_id": self.world.members[name]}
        await self.do(issuing.generate, **whose)

    async def revoke(self, name: str) -> None:
        await self.do(issuing.revoke, reason="Wrong.", **self.people(name))

    async def register(self, name: str) -> None:
        live_session = {"live_session_id": self.live_sessions[0]}
        await self.do(registering.register, by=self.world.caller(name), **live_session)

    async def give_back(self, name: str) -> None:
        live_session = {"live_session_id": self.live_sessions[0]}
        await self.do(registering.cancel_own, by=self.world.caller(name), **live_session)

    async def move_to(self, zone: str) -> None:
        async with self.world.edge.transaction() as db:
            await db.execute(
                text("UPDATE workspace SET time_zone = :zone WHERE id = :id"),
                {"zone": zone, "id": self.world.workspace_id},
            )

    async def fold(self, limit: int = 8) -> int:
        async with self.world.edge.transaction() as db:
            return await folding.fold(db, at=_now(), limit=limit)

    async def crash(self) -> None:
        """A worker that is killed when it has folded, and not committed."""
        try:
            async with self.world.edge.transaction() as db:
                await folding.fold(db, at=_now(), limit=8)
                raise Killed
        except Killed:
            pass

    async def settle(self) -> None:
        while await self.fold():
            pass

    async def read(self, unit: Unit, to: Narrow = cells.EVERYBODY) -> dict[Any, tuple[Any, ...]]:
        async with self.world.edge.read() as db:
            return by_key(await cells.read(db, unit, to=to))

    async def naively(self, unit: Unit, to: Narrow = cells.EVERYBODY) -> dict[Any, tuple[Any, ...]]:
        async with self.world.edge.read() as db:
            return await naive.count(db, unit, to)

    async def drift(self) -> list[folding.Difference]:
        async with self.world.edge.read() as db:
            return [each for unit in self.units for each in await folding.verify(db, unit)]

    async def markers(self) -> set[tuple[int, int, int]]:
        """Course, module and block of every marker there is."""
        async with self.world.edge.read() as db:
            rows = await db.execute(text("SELECT course_id, module_id, block FROM insight_marker"))
            return {(row[0], row[1], row[2]) for row in rows}

    def block(self, name: str) -> int:
        return self.world.members[name] // BLOCK


class Killed(Exception):
    """A worker is no more."""


def by_key(found: list[cells.Cell]) -> dict[Any, tuple[Any, ...]]:
    assert len({each[:4] for each in found}) == len(found), "Each key is there once."
    return {(each.facet.value, *each[1:4]): tuple(each[4:]) for each in found}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)


async def _further(world: World) -> None:
    """Whoever comes next is in another block."""
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "SELECT setval(pg_get_serial_sequence('member', 'id'), max(id) + :block)"
                " FROM member"
            ),
            {"block": BLOCK},
        )
