"""Enrolling people by name, and what came of it, by name."""

import datetime as dt

from sqlalchemy import text

from access.caller import Caller
from operations.learning import enrolments, facilitators, groups, self_enrolment
from operations.learning.enrolment_rows import Reason
from operations.learning.enrolments import Unassignment
from tests.world import MONDAY, World

DAY = dt.timedelta(days=1)

PROGRESS = text("""
SELECT m.display_name, p.is_learner, p.own_due_at
  FROM progress p JOIN member m ON m.id = p.member_id
 WHERE p.course_id = :course_id ORDER BY m.display_name
""")

ROWS = text("""
SELECT m.display_name, e.source, g.name, e.ended_at IS NULL
  FROM enrolment e JOIN member m ON m.id = e.member_id LEFT JOIN learner_group g
    ON g.id = e.group_id WHERE e.course_id = :course_id ORDER BY e.id
""")


async def assign(
    world: World,
    course: str,
    *names: str,
    group: str | None = None,
    by: Caller | None = None,
    dry_run: bool = False,
) -> dict[str, str]:
    """What became of each."""
    async with world.edge.transaction() as db:
        done = await enrolments.assign(
            db,
            by=by or world.system,
            course_id=world.courses[course],
            member_ids=[world.members[each] for each in names],
            group_id=world.groups[group] if group else None,
            at=MONDAY,
            dry_run=dry_run,
        )
    return {name_of(world, each.member_id): each.outcome.value for each in done}


async def unassign(
    world: World,
    course: str,
    *names: str,
    group: str | None = None,
    by: Caller | None = None,
) -> dict[str, tuple[str, list[str]]]:
    """What became of each, and why they still learn there."""
    async with world.edge.transaction() as db:
        done = await enrolments.unassign(
            db,
            by=by or world.system,
            course_id=world.courses[course],
            member_ids=[world.members[each] for each in names],
            group_id=world.groups[group] if group else None,
            at=MONDAY,
        )
    return {name_of(world, each.member_id): _said(world, each) for each in done}


async def join(world: World, name: str, course: str, group: str | None = None) -> bool:
    async with world.edge.transaction() as db:
        return await self_enrolment.enrol(
            db,
            by=world.caller(name),
            course_id=world.courses[course],
            group_id=world.groups[group] if group else None,
            at=MONDAY,
        )


async def leave(
    world: World, name: str, course: str, group: str | None = None
) -> tuple[str, list[str]]:
    async with world.edge.transaction() as db:
        done = await self_enrolment.leave(
            db,
            by=world.caller(name),
            course_id=world.courses[course],
            group_id=world.groups[group] if group else None,
            at=MONDAY,
        )
    return _said(world, done)


async def remove_group(world: World, group: str, *, by: Caller | None = None) -> None:
    async with world.edge.transaction() as db:
        await groups.remove(db, by=by or world.system, group_id=world.groups[group], at=MONDAY)


async def change_group(
    world: World,
    group: str,
    *,
    by: Caller | None = None,
    is_existing: bool = True,
    **changes: object,
) -> None:
    async with world.edge.transaction() as db:
        await groups.modify(
            db,
            by=by or world.system,
            group_id=world.groups[group],
            changes=changes,
            is_existing=is_existing,
            at=MONDAY,
            allow_past=True,
        )


async def facilitate(
    world: World, group: str, *names: str, by: Caller | None = None
) -> tuple[str, ...]:
    async with world.edge.transaction() as db:
        done = await facilitators.enroll(
            db,
            by=by or world.system,
            group_id=world.groups[group],
            member_ids=[world.members[each] for each in names],
            at=MONDAY,
        )
    return tuple(name_of(world, each) for each in done)


async def learners(world: World, course: str) -> set[str]:
    """Whoever is a learner by `progress`."""
    return {name for name, learns, _ in await progress(world, course) if learns}


async def due(world: World, course: str) -> dict[str, dt.datetime | None]:
    """When each learner is due, but for the course's date."""
    return {name: date for name, learns, date in await progress(world, course) if learns}


async def progress(world: World, course: str) -> list[tuple[str, bool, dt.datetime | None]]:
    async with world.edge.read() as db:
        rows = await db.execute(PROGRESS, {"course_id": world.courses[course]})
        return [(row[0], row[1], row[2]) for row in rows]


async def rows(world: World, course: str) -> list[tuple[str, str, str | None, bool]]:
    """Every enrolment there ever was: who, by what, in which group, and whether it is live."""
    async with world.edge.read() as db:
        found = await db.execute(ROWS, {"course_id": world.courses[course]})
        return [(row[0], row[1], row[2], row[3]) for row in found]


def name_of(world: World, member_id: int) -> str:
    return next((n for n, id in world.members.items() if id == member_id), str(member_id))


def _said(world: World, done: Unassignment) -> tuple[str, list[str]]:
    return done.outcome.value, [_reason(world, each) for each in done.remaining]


def _reason(world: World, reason: Reason) -> str:
    group = next((n for n, id in world.groups.items() if id == reason.group_id), "")
    return f"{reason.source} {group}".strip()
