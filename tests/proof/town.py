"""Where the proof happens: a workspace with one person for each principal, its twin scopes, and a
second workspace with the same names.

Everybody's own scope is department Sales, course Selling, module Pitch. Department Legal, course
Law and module Clause are the twins beside it. `Made` things belong to Sales and were made by the
holder of CREATE; `Archive` is Selling over again, archived, `Flux` is for changing its state, and
`Again` and `Once` have been completed by everybody who takes them.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text

from access.permissions import Principal
from models.catalog import Course, CourseState
from models.identity import ConnectionKind, TokenKind
from models.people import MemberState
from operations import billing, connections, overrides, team, tokens
from operations.connections import Seals
from resolvers.ids import encode
from tests.proof import (
    town_attempts,
    town_certificates,
    town_change_sets,
    town_content,
    town_grading,
    town_health,
    town_holds,
    town_insights,
    town_jobs,
    town_learners,
    town_learning,
    town_live_sessions,
)
from tests.proof.table import HELD_ON, PEOPLE
from tests.proof.town_attempts import AGAIN, ONCE
from tests.world import MONDAY, World

OWN, TWIN, ABROAD = "own", "twin", "abroad"
SPARE: Final = 20
"""People who hold nothing, for probes to give roles to."""

MATES: Final = 5
"""People on the teams of both departments who hold nothing there."""

TILDA: Final = "Tilda"
"""The one person who holds two rights."""

NAMES: Final = {
    OWN: {"department": "Sales", "course": "Selling", "module": "Pitch", "segment": "Sellers"},
    TWIN: {"department": "Legal", "course": "Law", "module": "Clause", "segment": "Lawyers"},
}
MOVERS: Final = (
    "workspace_manager",
    "department_manager",
    "dept_create",
    "course_edit",
    "instructor",
)
"""Who may take modules out of a course: a module for each."""

OWN_COURSES: Final = ("Selling", "Archive", "Flux", AGAIN, ONCE)
ROLES: Final = ("instructor", "coordinator_direct", "coordinator_derived", "learner")

PROMISED: Final = """
UPDATE access_grant SET pending_until = now() + interval '9 days' WHERE pending_until IS NOT NULL
"""
"""What was promised on a day of the world, as if it had been today."""

BILLED: Final = """
INSERT INTO invoice (workspace_id, number, month, active_members, price_minor, total_minor,
                     currency, bill_to, issued_on)
SELECT :w, 1, '2026-02-01', 3, price_minor, 3 * price_minor, currency, 'Acme', '2026-03-01'
  FROM billing_account WHERE workspace_id = :w;
INSERT INTO mail (workspace_id, key, kind, recipients, member_ids, parameters, state)
SELECT :w, 'invoice:' || id, 'INVOICE', '{money@acme.example}', '{}', '{}', 'SENT'
  FROM invoice WHERE workspace_id = :w
"""
"""What a month of the past has left."""


@dataclass
class City:
    """One workspace of the town."""

    world: World
    connection_id: int = 0
    directory_id: int = 0
    first_delivery: int = 0
    token_id: str = ""
    attachments: dict[str, int] = field(default_factory=dict)
    live_sessions: dict[str, int] = field(default_factory=dict)
    certificates: dict[str, int] = field(default_factory=dict)
    submissions: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    change_sets: dict[str, int] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    deliveries: Iterator[int] = field(default_factory=lambda: iter(()))

    def id(self, noun: str, name: str) -> str:
        """The global id of what the city calls by this name."""
        world = self.world
        named = {
            "Member": world.members,
            "Department": world.departments,
            "Course": world.courses,
            "Segment": world.segments,
            "Module": world.modules,
            "Attachment": self.attachments,
            "LearnerGroup": world.groups,
            "LiveSession": self.live_sessions,
            "Certificate": self.certificates,
            "Submission": self.submissions,
            "Job": self.jobs,
            "ChangeSet": self.change_sets,
            "Hold": self.holds,
            "Workspace": {world.slug: world.workspace_id},
        }
        assert noun in named, f"Furnish the town with a {noun}, and let City.id know it."
        assert name in named[noun], f"Furnish the town with a {noun} called {name}."
        return encode(noun, named[noun][name])


@dataclass
class Town:
    """`here` is where everybody acts; `abroad` is the second workspace, with nobody in finance."""

    here: City
    abroad: City
    _turns: int = 0

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
        return self.person(f"Spare {self.turn() % SPARE:02}", place)

    def delivery(self, place: str = OWN) -> str:
        """A delivery that waits to be looked at, another one each time."""
        return encode("Delivery", next(self.city(place).deliveries))

    @property
    def first_delivery(self) -> str:
        """The delivery that no probe takes."""
        return encode("Delivery", self.here.first_delivery)

    def module_to_move(self, who: str, place: str) -> str:
        """A module of the place's courses, another one for each principal."""
        if place == TWIN:
            return self.id("Module", place, "Legal 0")
        return self.id("Module", place, f"Sales {MOVERS.index(who) if who in MOVERS else 0}")

    def turn(self) -> int:
        self._turns += 1
        return self._turns

    def word(self) -> str:
        """A word that was not said before."""
        return f"word{self.turn()}"


async def open_town(world: World, seals: Seals) -> Town:
    """Fill an empty workspace, and found the second one beside it."""
    sessions = world.edge.sessions
    here = await _fill(world, seals, finance=True)
    there = await World.new(sessions, f"{world.slug}-abroad")
    return Town(here, await _fill(there, seals, finance=False))


async def _fill(world: World, seals: Seals, *, finance: bool) -> City:
    city = City(world)
    await _people(world)
    await _catalog(world)
    for name in PEOPLE:
        if name not in ROLES and (finance or name != "finance_manager"):
            await _grant(world, name)
    await _two_rights(world)
    await _billing(world)
    await _connection(city, seals)
    await _tokens(city)
    await town_content.furnish(city)
    await town_learning.furnish(city)
    await town_grading.build(city)
    await town_attempts.furnish(city)
    await town_grading.furnish(city)
    await town_certificates.furnish(city)
    await town_live_sessions.furnish(city)
    await town_learners.furnish(city)
    await town_insights.furnish(city)
    await town_jobs.furnish(city)
    await town_change_sets.furnish(city)
    await town_holds.furnish(city)
    await town_health.furnish(city)
    return city


async def _people(world: World) -> None:
    for name in PEOPLE:
        derived = name == "coordinator_derived"
        await world.member(
            name,
            department="Sales" if derived else "None",
            emails=[f"{name}@{world.slug}.example"],
        )
    for name in ("Cleo", "Lou", "Kim", "Chief"):
        await world.member(name, department="None")
    for name, department in (("Ivy", "Legal"), ("Dora", "Legal"), ("Iris", "Sales")):
        await world.member(name, department=department)
    for number in range(SPARE):
        await world.member(f"Spare {number:02}", department="None")
    for number in range(MATES):
        await world.member(f"Mate {number}", department="None")
    for number in range(2):
        await world.member(
            f"Newcomer {number}",
            state=MemberState.PENDING,
            emails=[f"newcomer{number}@{world.slug}.example"],
        )
        await world.grant(f"Newcomer {number}", Principal.INVITE)
    async with world.edge.transaction() as db:
        await db.execute(text(PROMISED))
    await world.grant("Chief", Principal.WORKSPACE_MANAGER)


async def _catalog(world: World) -> None:
    await world.segment("Sellers", 'department eq "Sales"')
    await world.segment("Lawyers", 'department eq "Legal"')
    for number in range(2):
        await world.segment(
            f"Open {number}", 'department eq "Nobody"', is_usable_by_departments=True
        )
        await world.segment(f"Closed {number}", people_named=["Lou"])
    await world.segment("Idle", 'department eq "Nobody"')
    staff: dict[str, Any] = {
        "instructors": ["instructor", "Iris"],
        "coordinators_by_hand": ["coordinator_direct"],
        "segments_attached": ["Sellers"],
    }
    await world.course("Selling", department="Sales", **staff)
    await world.course("Archive", department="Sales", state=CourseState.ARCHIVED, **staff)
    for title in ("Flux", AGAIN, ONCE):
        await world.course(title, department="Sales", **staff)
    await world.course("Made", department="Sales")
    await world.course(
        "Law",
        department="Legal",
        instructors=["Ivy"],
        coordinators_by_hand=["Cleo"],
        segments_attached=["Lawyers"],
    )
    await _modules(world)
    mates = [world.members[f"Mate {number}"] for number in range(MATES)]
    for department in world.departments.values():
        async with world.edge.transaction() as db:
            await team.add(db, by=world.system, department_id=department, member_ids=mates)
    for course in OWN_COURSES:
        await world.enrol(course, "learner")
    await world.enrol("Law", "Lou")
    async with world.edge.transaction() as db:
        for name in ("Kim", "Dora"):
            await overrides.keep(
                db,
                by=world.system,
                course_id=world.courses["Law"],
                member_id=world.members[name],
                reason="Stands in.",
                expires_at=None,
                at=MONDAY,
            )


async def _modules(world: World) -> None:
    await world.module("Pitch", department="Sales", courses=OWN_COURSES)
    await world.module("Clause", department="Legal", courses=["Law"])
    await world.module("Made", department="Sales", by="dept_create")
    for number in range(len(MOVERS)):
        await world.module(f"Sales {number}", department="Sales", courses=["Selling", "Made"])
    await world.module("Legal 0", department="Legal", courses=["Law"])
    async with world.edge.transaction() as db:
        own = await db.get_one(Course, world.courses["Made"])
        own.created_by_id = world.members["dept_create"]


async def _grant(world: World, name: str) -> None:
    principal = Principal(name)
    match HELD_ON[name]:
        case "workspace":
            await world.grant(name, principal)
        case "department":
            await world.grant(name, principal, department="Sales")
        case "course":
            for course in OWN_COURSES:
                await world.grant(name, principal, course=course)
        case "module":
            await world.grant(name, principal, module="Pitch")


async def _two_rights(world: World) -> None:
    """Tilda may list everybody, and sees all of Sales but who learns there and who is on its team:
    what she may by one right must not show what she may not by the other."""
    await world.member(TILDA, department="None")
    await world.grant(TILDA, Principal.INVITE)
    await world.grant(TILDA, Principal.DEPT_CREATE, department="Sales")


async def _billing(world: World) -> None:
    """A card on file, an invoice, and the mail it went out with."""
    async with world.edge.transaction() as db:
        for statement in BILLED.split(";"):
            await db.execute(text(statement), {"w": world.workspace_id})
    async with world.edge.transaction() as db:
        await billing.update_payment_method(
            db,
            by=world.system,
            provider="stripe",
            reference="pm_first",
            brand="Visa",
            last_four="4242",
            at=MONDAY,
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
        directory, _ = await connections.create(
            db, by=world.system, name="Provider", kind=ConnectionKind.SCIM, at=MONDAY
        )
        city.connection_id, city.directory_id = made.id, directory.id
        city.first_delivery, *others = rows
        city.deliveries = iter(others)


async def _tokens(city: City) -> None:
    """One for everybody, one for a stranger, one for the provider."""
    world = city.world
    async with world.edge.transaction() as db:
        for name in (*PEOPLE, "Cleo"):
            made, _ = await tokens.create(
                db,
                by=world.system,
                kind=TokenKind.PAT,
                name="Script",
                member_id=world.members[name],
                at=MONDAY,
            )
            city.token_id = made.id
        await tokens.create(
            db,
            by=world.system,
            kind=TokenKind.SCIM,
            name="Directory",
            connection_id=city.directory_id,
            at=MONDAY,
        )


def tomorrow() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
