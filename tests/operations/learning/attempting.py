"""Ways to take courses in a test, and to look at what became of it."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from models.catalog import Module, ModuleKind
from models.content import ModuleRevision
from models.progress import (
    Attempt,
    AttemptModule,
    AttemptOrigin,
    AttemptState,
    ModuleState,
    Progress,
)
from operations import coordinators
from operations.content.questions import (
    AssignmentContent,
    Content,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    Truth,
    printed,
)
from operations.learning import (
    attempts,
    attempts_seen,
    course_settings,
    enrolments,
    resetting,
    taking,
)
from operations.learning.completing import Completion
from operations.learning.resetting import Reset
from operations.learning.taking import Opened
from tests.world import MONDAY, World

QUIZ = QuizContent((Question(1, QuestionKind.TRUE_FALSE, "?", Decimal(10), key=Truth(True)),))
CONTENT: dict[ModuleKind, Content] = {
    ModuleKind.LESSON: LessonContent("Read."),
    ModuleKind.QUIZ: QUIZ,
    ModuleKind.ASSIGNMENT: AssignmentContent("Do.", Decimal(50)),
}


async def publish(world: World, module: str, content: Content | None = None) -> int:
    """One more revision of a module; its number."""
    async with world.edge.transaction() as db:
        stored = await db.get_one(Module, world.modules[module], with_for_update=True)
        stored.revision = (stored.revision or 0) + 1
        db.add(
            ModuleRevision(
                module_id=stored.id,
                number=stored.revision,
                workspace_id=world.workspace_id,
                title=stored.title,
                content=printed(content or CONTENT[stored.kind]),
            )
        )
        return stored.revision


async def consist_of(world: World, course: str, **modules: ModuleKind) -> None:
    """Published modules of a course, in order."""
    for title, kind in modules.items():
        await world.module(title, courses=[course], kind=kind)
        await publish(world, title)


async def start(world: World, name: str, course: str = "Safety") -> Attempt:
    async with world.edge.transaction() as db:
        return await taking.start(
            db, by=world.caller(name), course_id=world.courses[course], at=MONDAY
        )


async def open_module(world: World, name: str, module: str, course: str = "Safety") -> Opened:
    async with world.edge.transaction() as db:
        return await taking.open_module(
            db,
            by=world.caller(name),
            course_id=world.courses[course],
            module_id=world.modules[module],
            at=MONDAY,
        )


async def read(world: World, name: str, module: str, course: str = "Safety") -> Attempt:
    """Read a lesson to its end."""
    async with world.edge.transaction() as db:
        return await taking.complete_lesson(
            db,
            by=world.caller(name),
            course_id=world.courses[course],
            module_id=world.modules[module],
            at=MONDAY,
        )


async def submit(world: World, name: str, course: str = "Safety") -> Attempt:
    async with world.edge.transaction() as db:
        return await taking.submit(
            db, by=world.caller(name), course_id=world.courses[course], at=MONDAY
        )


async def work(
    world: World,
    name: str,
    module: str,
    state: ModuleState,
    score: int | None = None,
    *,
    course: str = "Safety",
) -> Attempt:
    """What handing in and grading do to a module of the open attempt."""
    async with world.edge.transaction() as db:
        attempt, row = await attempts.for_taking(
            db,
            by=world.caller(name),
            course_id=world.courses[course],
            module_id=world.modules[module],
            at=MONDAY,
        )
        row.state = state
        row.score = None if score is None else Decimal(score)
        await attempts.settle(db, by=world.caller(name), attempt=attempt, at=MONDAY)
        return attempt


async def grade(
    world: World,
    name: str,
    module: str,
    state: ModuleState,
    score: int,
    *,
    number: int = 1,
    course: str = "Safety",
) -> Attempt:
    """What grading does to a module of any attempt, also when it has ended."""
    async with world.edge.transaction() as db:
        await db.get_one(
            Progress, (world.courses[course], world.members[name]), with_for_update=True
        )
        attempt = await db.scalar(
            select(Attempt).where(
                Attempt.course_id == world.courses[course],
                Attempt.member_id == world.members[name],
                Attempt.number == number,
            )
        )
        assert attempt is not None
        row = await db.get_one(AttemptModule, (attempt.id, world.modules[module]))
        row.state, row.score = state, Decimal(score)
        await attempts.settle(db, by=world.system, attempt=attempt, at=MONDAY)
        return attempt


async def grade_if_handed_in(
    world: World, name: str, module: str, state: ModuleState, score: int, *, number: int
) -> bool:
    """The same, of what was handed in; whether it was."""
    attempt = (await attempts_of(world, name))[number - 1]
    async with world.edge.read() as db:
        row = await db.get(AttemptModule, (attempt.id, world.modules[module]))
    if row is None or row.state in {ModuleState.NOT_STARTED, ModuleState.IN_PROGRESS}:
        return False
    await grade(world, name, module, state, score, number=number)
    return True


async def seen_by(world: World, by: str, whose: str, course: str = "Safety") -> int:
    """How many attempts of somebody one may read."""
    async with world.edge.read() as db:
        rows = await db.scalars(
            attempts_seen.seen_by(world.caller(by)).where(
                Attempt.course_id == world.courses[course],
                Attempt.member_id == world.members[whose],
            )
        )
        return len(rows.all())


async def mark_complete(
    world: World,
    by: str,
    *names: str,
    course: str = "Safety",
    origin: AttemptOrigin = AttemptOrigin.MANUAL,
) -> list[Completion]:
    async with world.edge.transaction() as db:
        done = await attempts.complete(
            db,
            by=world.caller(by),
            course_id=world.courses[course],
            member_ids=[world.members[name] for name in names],
            origin=origin,
            at=MONDAY,
        )
    return list(done.values())


async def reset(
    world: World, by: str, *names: str, course: str = "Safety", **said: Any
) -> list[Reset]:
    async with world.edge.transaction() as db:
        done = await resetting.reset(
            db,
            by=world.caller(by),
            course_id=world.courses[course],
            member_ids=[world.members[name] for name in names],
            at=MONDAY,
            **said,
        )
    return list(done.values())


async def configure(world: World, course: str = "Safety", **changes: Any) -> None:
    async with world.edge.transaction() as db:
        await course_settings.edit(
            db, by=world.system, course_id=world.courses[course], changes=changes, at=MONDAY
        )


async def unenrol(world: World, *names: str, course: str = "Safety") -> None:
    async with world.edge.transaction() as db:
        await enrolments.unassign(
            db,
            by=world.system,
            course_id=world.courses[course],
            member_ids=[world.members[name] for name in names],
            at=MONDAY,
        )


async def dismiss(world: World, name: str, role: Any, course: str = "Safety") -> None:
    """Take a role by hand away."""
    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=world.courses[course],
            role=role,
            member_ids=[world.members[name]],
        )


async def attempts_of(world: World, name: str, course: str = "Safety") -> Sequence[Attempt]:
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Attempt)
            .where(
                Attempt.course_id == world.courses[course],
                Attempt.member_id == world.members[name],
            )
            .order_by(Attempt.number)
        )
        return rows.all()


async def states_of(world: World, name: str, course: str = "Safety") -> list[AttemptState]:
    """The states of somebody's attempts, in order of their numbers."""
    return [each.state for each in await attempts_of(world, name, course)]


async def revisions_of(world: World, attempt: Attempt) -> dict[str, int]:
    """The modules of an attempt, in order, and the revision each is on."""
    titles = {id: title for title, id in world.modules.items()}
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(AttemptModule)
            .where(AttemptModule.attempt_id == attempt.id)
            .order_by(AttemptModule.place)
        )
        return {titles[row.module_id]: row.revision for row in rows}


async def progress_of(world: World, name: str, course: str = "Safety") -> Progress:
    async with world.edge.read() as db:
        return await db.get_one(Progress, (world.courses[course], world.members[name]))


async def due(world: World, name: str, at: dt.datetime | None, course: str = "Safety") -> None:
    """Somebody's own due date."""
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "UPDATE progress SET own_due_at = :at, override_due_at = :at"
                " WHERE course_id = :course AND member_id = :member"
            ),
            {"at": at, "course": world.courses[course], "member": world.members[name]},
        )
