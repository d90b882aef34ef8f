"""What a row says can be done about somebody is what happens when it is tried (M34).

In a course where anybody may be anything, every action on every row is tried by everybody, and
taken back.
"""

import datetime as dt
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Decision, Permission, Principal, Scope
from models.catalog import CourseKind
from models.progress import AttemptOrigin
from operations.certificates import issuing
from operations.learning import completing, due_dates, enrolments, listing, progress, resetting
from operations.learning.completing import Completion
from operations.learning.due_dates import DueDateOutcome
from operations.learning.enrolments import AssignmentOutcome
from operations.learning.listing import Learner
from operations.learning.listing_actions import Action, ActionObstacle, actions
from operations.learning.resetting import Reset
from operations.live_sessions import roster
from operations.live_sessions.roster import RosterOutcome
from operations.refusals import Denied, Refused
from operations.rights import Rights, require
from tests.resolvers.learning.people import attempt, certify, group, stand
from tests.sampling import some
from tests.world import MONDAY, World

NOW: Final = dt.datetime.now(dt.UTC)
ASKERS: Final = ("Mona", "Ines", "Cora", "Tess", "Enno", "Edda", "Rolf", "Lea")
PEOPLE: Final = ("Lea", "Luc", "Lux", "Lis", "Lot", "Loo", "Fay", "Cora", "Ines")
DENIED: Final = ActionObstacle.PERMISSION_DENIED

SESSION: Final = """
INSERT INTO live_session (workspace_id, course_id, title, starts_at, ends_at, time_zone, state)
VALUES (:w, :c, 'Talk', now() + :days * interval '1 day',
        now() + :days * interval '1 day' + interval '1 hour', 'UTC', 'SCHEDULED')
"""


@dataclass
class Course:
    """One course, on which everybody stands differently."""

    world: World
    title: str

    @property
    def id(self) -> int:
        return self.world.courses[self.title]

    async def rows(self, db: AsyncSession) -> list[Learner]:
        keys = [(self.id, self.world.members[name]) for name in PEOPLE]
        found = await listing.people(db, by=self.world.system, keys=keys)
        return [found[key] for key in keys if key in found]

    async def actions(self, db: AsyncSession, by: Caller, row: Learner) -> list[Action]:
        rights = Rights(by)
        await rights.prepare(db, courses=[self.id])
        is_own = row.is_in_group_of(by.member_id)

        def decide(permission: Permission, *, is_own_group: bool = is_own) -> Decision:
            facts = {"is_self": row.member_id == by.member_id, "is_own_group": is_own_group}
            return rights.decide(permission, Scope.COURSE, self.id, **facts)

        return actions(row, decide, asker_id=by.member_id, at=NOW)


Sessions = async_sessionmaker[AsyncSession]
Try = Callable[[AsyncSession, Caller, Learner, Action], Awaitable[bool]]
"""Does it; says whether anything was done."""


def _named(by: Caller, row: Learner) -> dict[str, Any]:
    return {"by": by, "course_id": row.course_id, "member_ids": [row.member_id]}


async def _unassign(db: AsyncSession, by: Caller, row: Learner, action: Action) -> bool:
    named = _named(by, row)
    [done] = await enrolments.unassign(db, **named, group_id=action.group_id, at=NOW)
    return bool(done.ended)


async def _assign(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    [done] = await enrolments.assign(db, **_named(by, row), at=NOW)
    return done.outcome is AssignmentOutcome.ASSIGNED


async def _complete(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    named = _named(by, row)
    done = await completing.complete(db, **named, origin=AttemptOrigin.MANUAL, at=NOW)
    return done[row.member_id] is Completion.COMPLETED


async def _reset(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    done = await resetting.reset(db, **_named(by, row), at=NOW)
    return done[row.member_id] is Reset.RESET


async def _redate(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    due_at = NOW + dt.timedelta(days=99)
    [done] = await due_dates.update(db, **_named(by, row), due_at=due_at, at=NOW)
    return done.outcome is DueDateOutcome.CHANGED


async def _generate(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    named = {"course_id": row.course_id, "member_id": row.member_id}
    await issuing.generate(db, by=by, **named, at=NOW)
    return True


async def _remove(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    named = {"course_id": row.course_id, "member_id": row.member_id}
    await issuing.remove_of(db, by=by, **named, reason="No.", at=NOW)
    return True


async def _place(db: AsyncSession, by: Caller, row: Learner, _: Action) -> bool:
    """Into any live session of the course: one that takes people is enough. Where there is none,
    the right alone is asked."""
    await require(db, by, Permission.MANAGE_SESSION_ROSTER, course_id=row.course_id)
    ids = await db.scalars(
        text("SELECT id FROM live_session WHERE course_id = :c"), {"c": row.course_id}
    )
    for id in ids.all():
        try:
            done = await roster.place(
                db, by=by, live_session_id=id, member_ids=[row.member_id], at=NOW
            )
        except Refused:
            continue
        if done[row.member_id] is RosterOutcome.BOOKED:
            return True
    return False


TRIES: Final[dict[Permission, Try]] = {
    Permission.UNASSIGN_LEARNER: _unassign,
    Permission.ASSIGN_LEARNER: _assign,
    Permission.MARK_COMPLETE: _complete,
    Permission.RESET_PROGRESS: _reset,
    Permission.UPDATE_DUE_DATE: _redate,
    Permission.GENERATE_CERTIFICATE: _generate,
    Permission.REMOVE_CERTIFICATE: _remove,
    Permission.MANAGE_SESSION_ROSTER: _place,
}
"""How each is done. Reading and grading answers have no outcome of their own."""


async def tried(sessions: Sessions, by: Caller, row: Learner, action: Action) -> bool | Denied:
    """Whether it was done; taken back in any case."""
    async with sessions() as db:
        try:
            return await TRIES[action.operation](db, by, row, action)
        except Denied as denied:
            return denied
        except Refused:
            return False
        finally:
            await db.rollback()


async def furnish(world: World, chance: random.Random, kind: CourseKind) -> Course:
    for name in dict.fromkeys((*ASKERS, *PEOPLE)):
        await world.member(name)
    await world.course(
        "Safety",
        department="Sales",
        kind=kind,
        instructors=["Ines"],
        coordinators_by_hand=["Cora"],
    )
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.grant("Rolf", Principal.DEPT_ENROLL, department="Sales")
    await world.grant("Edda", Principal.COURSE_EDIT, course="Safety")
    for name in PEOPLE:
        await stands_at_random(world, chance, name)
    await world.enrol("Safety", "Lea")
    learners = chance.sample(PEOPLE[1:7], 3)
    await group(world, "Safety", "Enno's", *learners[:2], by=world.caller("Enno"))
    await group(world, "Safety", "Cora's", *learners[1:], by=world.caller("Cora"))
    async with world.edge.transaction() as db:
        for days in chance.sample((-200, -30, 9), chance.choice([0, 1, 2])):
            told = {"w": world.workspace_id, "c": world.courses["Safety"], "days": days}
            if kind is CourseKind.INSTRUCTOR_LED:
                await db.execute(text(SESSION), told)
    return Course(world, "Safety")


async def took_as_staff(world: World, name: str) -> None:
    async with world.edge.transaction() as db:
        ids = [world.members[name]]
        named: dict[str, Any] = {"course_id": world.courses["Safety"], "member_ids": ids}
        await progress.lock(db, workspace_id=world.workspace_id, **named)


async def stands_at_random(world: World, chance: random.Random, name: str) -> None:
    """Learns, learned or is about to; with attempts, certificates, or none."""
    if name == "Ines":
        await took_as_staff(world, name)
    else:
        await world.enrol("Safety", name)
    for _ in range(chance.choice([0, 1, 1])):
        await attempt(world, "Safety", name, chance.choice(["IN_PROGRESS", "FAILED", "COMPLETED"]))
        if chance.random() < 0.5:
            state = chance.choice(["ISSUED", "ISSUED", "REVOKED"])
            over = chance.choice([None, NOW - dt.timedelta(days=1)])
            await certify(world, "Safety", name, state, over if state == "ISSUED" else None)
        if chance.random() < 0.2:
            await stand(world, "Safety", name, attempts_before=1, state="NOT_STARTED")
    if chance.random() < 0.3:
        async with world.edge.transaction() as db:
            await enrolments.unassign(
                db,
                by=world.system,
                course_id=world.courses["Safety"],
                member_ids=[world.members[name]],
                at=MONDAY,
            )


DRAFT = 4
"""The seed of which the course is not published yet."""


@pytest.mark.spec("M34", "M38", "C13")
@pytest.mark.parametrize("seed", some(range(5), "worlds of actions", share=0.2))
async def test_what_a_row_says_of_an_action_is_what_trying_it_does(
    world: World, sessions: Sessions, seed: int
) -> None:
    chance = random.Random(seed)
    kind = [CourseKind.SELF_PACED, CourseKind.INSTRUCTOR_LED][seed % 2]
    course = await furnish(world, chance, kind)
    async with world.edge.transaction() as db:
        told = {"allows": seed >= 2}
        await db.execute(text("UPDATE workspace SET allows_self_action = :allows"), told)
        if is_draft := seed == DRAFT:
            await db.execute(text("UPDATE course SET state = 'DRAFT'"))
    seen: set[tuple[Permission, ActionObstacle | None]] = set()
    for asker in ASKERS:
        by = world.caller(asker)
        async with world.edge.read() as db:
            offered = [
                (row, action)
                for row in await course.rows(db)
                for action in await course.actions(db, by, row)
                if action.operation in TRIES
            ]
        for row, action in offered:
            done = await tried(sessions, by, row, action)
            said = f"{asker}: {action.operation} of {row.member.display_name}: {action}"
            assert action.obstacle is DENIED or not isinstance(done, Denied), said
            assert (done is True) is action.is_allowed, said
            seen.add((action.operation, action.obstacle))

    assert {operation for operation, obstacle in seen if obstacle is None} >= {
        Permission.UNASSIGN_LEARNER,
        Permission.RESET_PROGRESS if is_draft else Permission.MARK_COMPLETE,
        Permission.UPDATE_DUE_DATE,
    }
    assert len(seen) > 20
