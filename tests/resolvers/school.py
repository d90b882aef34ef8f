"""A small school, what can be done in it, and what its streams said in short."""

import asyncio
import datetime as dt

from access.permissions import Principal
from models.coordinators import CourseRoleKind
from operations import attachments, coordinators, courses, overrides
from operations.coordinators import OnConflict
from tests.resolvers.asking import Ask
from tests.resolvers.following import Event
from tests.world import MONDAY, World

TOMORROW = MONDAY + dt.timedelta(days=1)


async def settled(ask: Ask) -> None:
    await asyncio.to_thread(ask.settle)


async def open_school(world: World) -> None:
    """Mo manages, Ada coordinates Safety by hand, Bo through Sales; Cy and Di are nobody."""
    for name in ("Mo", "Ada", "Cy", "Di"):
        await world.member(name, department="Ops")
    await world.member("Bo", department="Sales")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", coordinators_by_hand=["Ada"], segments_attached=["Sales"])
    await world.course("Welding")


def said(events: list[Event]) -> list[tuple[str, str | None, bool | None]]:
    return [
        (each["kind"], (each.get("member") or {}).get("displayName"), each["isCoordinator"])
        for each in events
    ]


def of_courses(events: list[Event]) -> list[tuple[str, str | None, bool | None]]:
    return [
        (each["kind"], (each["course"] or {}).get("title"), each["isCoordinator"])
        for each in events
    ]


async def assign(world: World, name: str, role: str, course: str = "Safety") -> None:
    async with world.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=world.system,
            course_id=world.courses[course],
            **{role: [world.members[name]]},
            on_conflict=OnConflict.SWITCH,
        )


async def remove(world: World, name: str, role: CourseRoleKind, course: str = "Safety") -> None:
    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=world.courses[course],
            role=role,
            member_ids=[world.members[name]],
        )


async def edit(world: World, course: str = "Safety", **changes: object) -> None:
    async with world.edge.transaction() as db:
        await courses.edit(db, by=world.system, course_id=world.courses[course], changes=changes)


async def detach(world: World, segment: str, course: str = "Safety") -> None:
    async with world.edge.transaction() as db:
        await attachments.detach(
            db,
            by=world.system,
            course_id=world.courses[course],
            segment_id=world.segments[segment],
        )


async def override(world: World, name: str, kind: str, *, expires_at: dt.datetime | None) -> None:
    async with world.edge.transaction() as db:
        await {"exclude": overrides.exclude, "keep": overrides.keep}[kind](
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members[name],
            reason="On leave.",
            expires_at=expires_at,
            at=MONDAY,
        )
