"""Where the proof happens: a workspace with one person for each principal, its twin scopes, and a
second workspace with the same names.

Everybody's own scope is department Sales, course Selling, module Pitch. Department Legal, course
Law and module Clause are the twins beside it. `Made` things belong to Sales and were made by the
holder of CREATE; `Archive` is Selling over again, archived, and `Flux` is for changing its state.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.catalog import Course, CourseModule, CourseState, Module, ModuleKind
from models.enrolments import Enrolment, EnrolmentSource
from models.identity import ConnectionKind
from operations import connections
from operations.connections import Seals
from resolvers.ids import encode
from tests.proof.table import HELD_ON, PEOPLE
from tests.world import MONDAY, World

OWN, TWIN, ABROAD = "own", "twin", "abroad"
SPARE: Final = 40
"""People who hold nothing, for probes to give roles to."""

NAMES: Final = {
    OWN: {"department": "Sales", "course": "Selling", "module": "Pitch", "segment": "Sellers"},
    TWIN: {"department": "Legal", "course": "Law", "module": "Clause", "segment": "Lawyers"},
}
OWN_COURSES: Final = ("Selling", "Archive", "Flux")
ROLES: Final = ("instructor", "coordinator_direct", "coordinator_derived", "learner")


@dataclass
class City:
    """One workspace of the town."""

    world: World
    modules: dict[str, int] = field(default_factory=dict)
    connection_id: int = 0
    deliveries: Iterator[int] = field(default_factory=lambda: iter(()))

    def id(self, noun: str, name: str) -> str:
        """The global id of what the city calls by this name."""
        world = self.world
        named = {
            "Member": world.members,
            "Department": world.departments,
            "Course": world.courses,
            "Segment": world.segments,
            "Module": self.modules,
            "Workspace": {world.slug: world.workspace_id},
        }
        return encode(noun, named[noun][name])


@dataclass
class Town:
    """`here` is where everybody acts; `abroad` is the second workspace, with nobody in finance."""

    here: City
    abroad: City
    _turns: Iterator[int] = field(default_factory=lambda: count(1))

    def city(self, place: str) -> City:
        return self.abroad if place == ABROAD else self.here

    def id(self, noun: str, place: str, name: str | None = None) -> str:
        """The id of the department, course, module or segment of a place, or of another of its
        city that is called `name`."""
        names = NAMES[TWIN if place == TWIN else OWN]
        return self.city(place).id(noun, name or names[noun.lower()])

    def person(self, name: str, place: str = OWN) -> str:
        return self.city(place).id("Member", name)

    def spare(self, place: str = OWN) -> str:
        """Somebody who holds nothing, another one each time."""
        return self.person(f"Spare {next(self._turns) % SPARE:02}", place)

    def delivery(self, place: str = OWN) -> str:
        """A delivery that waits to be looked at, another one each time."""
        return encode("Delivery", next(self.city(place).deliveries))

    def word(self) -> str:
        """A word that was not said before."""
        return f"word{next(self._turns)}"


async def open_town(
    sessions: async_sessionmaker[AsyncSession], seals: Seals, slug: str = "acme"
) -> Town:
    here = await _found(sessions, seals, slug, finance=True)
    abroad = await _found(sessions, seals, f"{slug}-abroad", finance=False)
    return Town(here, abroad)


async def _found(
    sessions: async_sessionmaker[AsyncSession], seals: Seals, slug: str, *, finance: bool
) -> City:
    world = await World.new(sessions, slug)
    city = City(world)
    await _people(world)
    await _catalog(city)
    for name in PEOPLE:
        if name not in ROLES and (finance or name != "finance_manager"):
            await _grant(city, name)
    await _connection(city, seals)
    return city


async def _people(world: World) -> None:
    for name in PEOPLE:
        derived = name == "coordinator_derived"
        await world.member(name, department="Sales" if derived else "None")
    for name in ("Ivy", "Cleo", "Lou", "Chief"):
        await world.member(name, department="None")
    await world.member("Dora", department="Legal")
    for number in range(SPARE):
        await world.member(f"Spare {number:02}", department="None")
    await world.grant("Chief", Principal.WORKSPACE_MANAGER)


async def _catalog(city: City) -> None:
    world = city.world
    await world.segment("Sellers", 'department eq "Sales"')
    await world.segment("Lawyers", 'department eq "Legal"')
    for number in range(2):
        await world.segment(
            f"Open {number}", 'department eq "Nobody"', is_usable_by_departments=True
        )
        await world.segment(f"Closed {number}", people_named=["Lou"])
    await world.segment("Idle", 'department eq "Nobody"')
    staff: dict[str, Any] = {
        "instructors": ["instructor"],
        "coordinators_by_hand": ["coordinator_direct"],
        "segments_attached": ["Sellers"],
    }
    await world.course("Selling", department="Sales", **staff)
    await world.course("Archive", department="Sales", state=CourseState.ARCHIVED, **staff)
    await world.course("Flux", department="Sales", **staff)
    await world.course("Made", department="Sales")
    await world.course(
        "Law",
        department="Legal",
        instructors=["Ivy"],
        coordinators_by_hand=["Cleo"],
        segments_attached=["Lawyers"],
    )
    await _modules(city)
    await _learners(world)


async def _modules(city: City) -> None:
    world = city.world
    maker = world.members["dept_create"]
    async with world.edge.transaction() as db:
        made = {
            title: Module(
                workspace_id=world.workspace_id,
                department_id=world.departments[department],
                title=title,
                kind=ModuleKind.LESSON,
                created_by_id=maker if title == "Made" else None,
            )
            for title, department in (("Pitch", "Sales"), ("Made", "Sales"), ("Clause", "Legal"))
        }
        db.add_all(made.values())
        await db.flush()
        city.modules.update({title: each.id for title, each in made.items()})
        for course, module in (("Selling", "Pitch"), ("Archive", "Pitch"), ("Law", "Clause")):
            db.add(
                CourseModule(
                    workspace_id=world.workspace_id,
                    course_id=world.courses[course],
                    module_id=made[module].id,
                    place=1,
                )
            )
        own = await db.get_one(Course, world.courses["Made"])
        own.created_by_id = maker


async def _learners(world: World) -> None:
    async with world.edge.transaction() as db:
        learning = [("learner", course) for course in OWN_COURSES]
        for name, course in (*learning, ("Lou", "Law")):
            db.add(
                Enrolment(
                    workspace_id=world.workspace_id,
                    course_id=world.courses[course],
                    member_id=world.members[name],
                    source=EnrolmentSource.DIRECT,
                )
            )


async def _grant(city: City, name: str) -> None:
    world, principal = city.world, Principal(name)
    match HELD_ON[name]:
        case "workspace":
            await world.grant(name, principal)
        case "department":
            await world.grant(name, principal, department="Sales")
        case "course":
            for course in OWN_COURSES:
                await world.grant(name, principal, course=course)
        case "module":
            await _grant_module(city, name)


async def _grant_module(city: City, name: str) -> None:
    world = city.world
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO access_grant (workspace_id, member_id, principal, module_id)"
                " VALUES (:workspace, :member, :principal, :module)"
            ),
            {
                "workspace": world.workspace_id,
                "member": world.members[name],
                "principal": name,
                "module": city.modules["Pitch"],
            },
        )


async def _connection(city: City, seals: Seals) -> None:
    """A webhook connection with deliveries that wait to be looked at."""
    world = city.world
    async with world.edge.transaction() as db:
        made, _ = await connections.create(
            db,
            by=world.system,
            name="Personnel",
            kind=ConnectionKind.WEBHOOK,
            seals=seals,
            at=MONDAY,
        )
        rows = await db.scalars(
            text(
                "INSERT INTO inbox_delivery"
                " (workspace_id, connection_id, delivery_id, body, status)"
                " SELECT :workspace, :connection, 'delivery ' || n, '', 'QUARANTINED'"
                " FROM generate_series(1, 90) n RETURNING id"
            ),
            {"workspace": world.workspace_id, "connection": made.id},
        )
        city.connection_id = made.id
        city.deliveries = iter(list(rows))


def tomorrow() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
