"""After any sequence of unassigning, resetting, completing, losing roles, removing content from the
course, archiving and deactivating, every attempt, score and certificate that ever was can still be
read by who may read it."""

import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.catalog import CourseState, ModuleKind, RetakePolicy
from models.coordinators import CourseRoleKind
from models.people import MemberState
from models.progress import Attempt, AttemptModule, ModuleState
from operations import modules
from operations.certificates import reading
from operations.learning import attempts_seen
from operations.refusals import Denied, Refused
from tests.operations.learning import attempting
from tests.sampling import examples
from tests.world import World

pytestmark = pytest.mark.spec("M2", "M5", "M7", "M39")

UNLIMITED = RetakePolicy.UNLIMITED
steps = st.tuples(
    st.sampled_from(
        [
            *("takes", "takes", "begins", "is unassigned", "is assigned", "is reset"),
            *("loses the certificate", "is completed", "loses the role", "is deactivated"),
            *("returns", "finds less in the course", "finds it archived", "finds it active"),
        ]
    ),
    st.sampled_from(["Lea", "Cora"]),
)


class Life:
    """What happens to people on a course; what is refused does not happen."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def takes(self, name: str) -> None:
        await attempting.start(self.world, name)
        await attempting.read(self.world, name, "Read")
        await attempting.work(self.world, name, "Quiz", ModuleState.COMPLETED, 9)

    async def begins(self, name: str) -> None:
        await attempting.start(self.world, name)

    async def is_assigned(self, name: str) -> None:
        await self.world.enrol("Safety", name)

    async def is_unassigned(self, name: str) -> None:
        await attempting.unenrol(self.world, name)

    async def is_reset(self, name: str) -> None:
        await attempting.reset(self.world, "Mona", name)

    async def loses_the_certificate(self, name: str) -> None:
        await attempting.reset(self.world, "Mona", name, remove_certificate=True)

    async def is_completed(self, name: str) -> None:
        await attempting.mark_complete(self.world, "Mona", name)

    async def loses_the_role(self, name: str) -> None:
        await attempting.dismiss(self.world, name, CourseRoleKind.COORDINATOR)

    async def is_deactivated(self, name: str) -> None:
        await self.world.set_state(name, MemberState.DEACTIVATED)

    async def returns(self, name: str) -> None:
        await self.world.set_state(name, MemberState.ACTIVE)

    async def finds_less_in_the_course(self, _: str) -> None:
        async with self.world.edge.transaction() as db:
            await modules.add_remove(
                db,
                by=self.world.system,
                course_id=self.world.courses["Safety"],
                remove=[self.world.modules["Quiz"]],
            )

    async def finds_it_archived(self, _: str) -> None:
        await attempting.configure(self.world, state=CourseState.ARCHIVED)

    async def finds_it_active(self, _: str) -> None:
        await attempting.configure(self.world, state=CourseState.ACTIVE)


async def readable(world: World, by: str) -> dict[tuple[str, int], Any]:
    """Everything of others that somebody may read, and what of it must never change."""
    caller = world.caller(by)
    async with world.edge.read() as db:
        attempts = (await db.scalars(attempts_seen.seen_by(caller))).all()
        certificates = (await db.scalars(reading.seen_by(caller))).all()
        scores = await db.execute(
            select(AttemptModule.attempt_id, AttemptModule.score).where(
                AttemptModule.attempt_id.in_([each.id for each in attempts]),
                AttemptModule.score.is_not(None),
            )
        )
        return {
            **{("attempt", each.id): _lasting(each) for each in attempts},
            **{("score", id): score for id, score in scores},
            **{
                ("certificate", each.id): (each.serial, each.code, each.printed)
                for each in certificates
            },
        }


def _lasting(attempt: Attempt) -> tuple[Any, ...]:
    return attempt.member_id, attempt.number, attempt.role, attempt.origin, attempt.created_at


_numbers = itertools.count(1)


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, min_size=4, max_size=14))
async def test_what_ever_was_can_still_be_read(
    sessions: async_sessionmaker[AsyncSession], history: list[tuple[str, str]]
) -> None:
    world = await World.new(sessions, f"kept-{next(_numbers)}")
    for name in ("Mona", "Ines", "Lea", "Cora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await attempting.consist_of(world, "Safety", Read=ModuleKind.LESSON, Quiz=ModuleKind.QUIZ)
    await attempting.configure(world, certifies_completion=True, retake_policy=UNLIMITED)
    await world.enrol("Safety", "Lea", "Cora")
    life, was = Life(world), dict[tuple[str, int], Any]()

    for verb, name in history:
        # Of what takes several steps, those before a refused one have happened.
        with suppress(Denied, Refused):
            await getattr(life, verb.replace(" ", "_"))(name)
        now = await readable(world, "Mona")
        assert now.items() >= was.items(), (verb, name)
        was = now

    assert await readable(world, "Ines") == was
    for name in ("Lea", "Cora"):
        await world.set_state(name, MemberState.ACTIVE)
        own = await readable(world, name)
        assert own.keys() >= {
            key
            for key, said in was.items()
            if key[0] == "attempt" and said[0] == world.members[name]
        }
