"""A company whose segments are about to be changed: things that happen in it, the change itself,
and what its rows said before and after."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.catalog import CourseState
from models.coordinators import CourseRoleKind
from models.holds import PinOrigin
from models.people import MemberState
from models.segments import AttachmentMode
from operations import attachments, coordinators, courses, overrides, pins, segments, workspaces
from operations.coordinators import OnConflict
from operations.holds import deciding
from operations.pins import Because
from operations.preview.basis import Basis
from operations.preview.change import ON_A_COURSE, SegmentChange, SegmentChangeKind
from operations.preview.previewing import SegmentPreview, preview
from operations.refusals import Refused
from sync_engine.plan import Pair
from tests.mailing import Outbox
from tests.world import MONDAY, World, settle

K = SegmentChangeKind
ACTIVE, PENDING = ("Ada", "Bo", "Cy"), ("Pea", "Pip")
PEOPLE = (*ACTIVE, *PENDING)
COURSES = ("Safety", "Welding", "Old")
RULES = (
    'department eq "Sales"',
    'not (department eq "Sales")',
    'city present or department in ["Ops","Legal"]',
    "hireDate gt now-P9D",
    "everyone",
    'userName sw "p"',
    'userName sw "bo"',
    'memberOf has "Sales"',
    'not (memberOf has "City") or reportsDirectlyTo has "cy@"',
    'reportsTo has "ada@"',
    'reportsTo has "bo@" or department eq "Ops" and memberOf has "Named"',
)
SEGMENTS = ("Sales", "City", "Named", "Outer", "Beyond", "Line")
VALUES: dict[str, Sequence[str | None]] = {
    "department": ("Sales", "Ops", None),
    "city": ("Oslo", None),
    "hireDate": ("2026-03-01", "2026-01-01", None),
    "manager": ("ada@", "bo@", "cy@", None),
}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Rows:
    """Who is what, in pairs (course, person); `through` which segment, in threes."""

    coordinators: frozenset[tuple[int, int]]
    ending: frozenset[tuple[int, int]]
    through: frozenset[tuple[int, int, int]]
    suppressed: frozenset[tuple[int, int]]
    invited: frozenset[int]
    people_in: dict[int, int]


@dataclass
class Company:
    world: World
    engine: Engine
    outbox: Outbox = field(init=False)
    joined: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.world)

    @classmethod
    async def new(cls, sessions: async_sessionmaker[AsyncSession], engine: Engine) -> "Company":
        world = await World.new(sessions, f"look-{next(_numbers)}")
        await fill(world)
        company = cls(world, engine)
        await world.segment("Outer", 'memberOf has "Sales" and not (memberOf has "Named")')
        await world.segment("Beyond", 'not (memberOf has "Outer")')
        await world.segment("Line", company.said('reportsTo has "ada@"'))
        for name, manager in (("Bo", "ada@"), ("Cy", "bo@"), ("Pea", "ada@")):
            await company.change(name, "manager", manager)
        await company.rest()
        return company

    async def rest(self) -> None:
        """Let the engine, and whoever invites, work until nothing is left."""
        settle(self.engine)
        await self.outbox.look()

    def said(self, words: str) -> str:
        """With user names as they are in this company."""
        return re.sub(r"@(?=\"|$)", f"@{self.world.slug}.example", words)

    async def take(self, step: Sequence[Any]) -> None:
        """One thing that happens; refused, it does not."""
        verb, *said = step
        try:
            await getattr(self, verb)(*said)
        except Refused:
            return

    async def change(self, name: str, attribute: str, value: str | None) -> None:
        await self.world.change(name, **{attribute: value and self.said(value)})

    async def account(self, name: str, what: str) -> None:
        """Nobody who once had an account goes back to having none."""
        if what == "join" or name in ACTIVE:
            self.joined.add(name)
        back = MemberState.ACTIVE if name in self.joined else MemberState.PENDING
        await self.world.set_state(name, MemberState.DEACTIVATED if what == "leave" else back)

    async def role(self, what: str, course: str, name: str) -> None:
        world = self.world
        about: dict[str, Any] = {"by": world.system, "course_id": world.courses[course]}
        async with world.edge.transaction() as db:
            if what == "end":
                kind = CourseRoleKind.INSTRUCTOR
                ids = [world.members[name]]
                await coordinators.remove(db, **about, role=kind, member_ids=ids)
                return
            given: dict[str, Any] = {what: [world.members[name]]}
            await coordinators.assign(db, **about, **given, on_conflict=OnConflict.SWITCH)

    async def say(self, what: str, course: str, name: str) -> None:
        world = self.world
        put = overrides.exclude if what == "exclude" else overrides.keep
        async with world.edge.transaction() as db:
            await put(
                db,
                by=world.system,
                course_id=world.courses[course],
                member_id=world.members[name],
                reason="As agreed",
                expires_at=None,
                at=MONDAY,
            )

    async def attach(self, course: str, segment: str, mode: AttachmentMode) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.attach(db, **self._about(course, segment), mode=mode)

    async def follow(self, course: str, segment: str, mode: AttachmentMode) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.change_mode(db, **self._about(course, segment), mode=mode)

    async def detach(self, course: str, segment: str) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.detach(db, **self._about(course, segment))

    async def life(self, what: str, segment: str) -> None:
        do = segments.pause if what == "pause" else segments.resume
        async with self.world.edge.transaction() as db:
            await do(db, by=self.world.system, segment_id=self.world.segments[segment])

    async def grace(self, days: int) -> None:
        async with self.world.edge.transaction() as db:
            await workspaces.edit_settings(db, by=self.world.system, grace_days=days)

    async def hold(self, people: int, percent: int) -> None:
        """How many may go unasked."""
        async with self.world.edge.transaction() as db:
            await workspaces.edit_settings(
                db, by=self.world.system, hold_people=people, hold_percent=percent
            )

    async def held(self) -> dict[Pair, int]:
        """The removals that wait, and their holds."""
        async with self.world.edge.read() as db:
            rows = await db.execute(
                text(
                    "SELECT member_id, segment_id, hold_id FROM held_removal"
                    " WHERE workspace_id = :w AND NOT is_approved"
                ),
                {"w": self.world.workspace_id},
            )
            return {(row.member_id, row.segment_id): row.hold_id for row in rows}

    async def approve(self, waiting: Mapping[Pair, int]) -> None:
        """Each of these, once; then the engine rests."""
        for (member, segment), hold in waiting.items():
            async with self.world.edge.transaction() as db:
                await deciding.approve(
                    db,
                    by=self.world.system,
                    hold_id=hold,
                    reason="As agreed",
                    member_ids=[member],
                    segment_ids=[segment],
                )
        await self.rest()

    async def limit(self, course: str, limit: int) -> None:
        async with self.world.edge.transaction() as db:
            await courses.set_segment_limit(
                db,
                by=self.world.system,
                course_id=self.world.courses[course],
                limit=limit,
                force=True,
            )

    def meant(
        self,
        kind: K,
        segment: str,
        course: str | None = None,
        rule: str | None = None,
        mode: AttachmentMode = AttachmentMode.SYNC,
    ) -> SegmentChange:
        """A change, by names, with what belongs to such a one."""
        on_course = kind in ON_A_COURSE
        return SegmentChange(
            kind,
            self.world.segments[segment],
            self.world.courses[course] if on_course and course else None,
            self.said(rule) if kind is K.EDIT_RULE and rule else None,
            mode if kind is K.CHANGE_MODE else None,
        )

    async def look(self, change: SegmentChange) -> SegmentPreview:
        async with self.world.edge.read() as db:
            return await preview(db, by=self.world.system, change=change)

    async def apply(self, change: SegmentChange, based_on: Basis | None = None) -> None:
        """Do what a preview of it was asked about."""
        by = self.world.system
        segment_id, course_id = change.segment_id or 0, change.course_id or 0
        about: dict[str, Any] = {"by": by, "segment_id": segment_id, "based_on": based_on}
        async with self.world.edge.transaction() as db:
            match change.kind:
                case K.EDIT_RULE:
                    await segments.edit(db, **about, rule=change.rule)
                case K.PAUSE:
                    await segments.pause(db, **about)
                case K.RESUME:
                    await segments.resume(db, **about)
                case K.ATTACH:
                    await attachments.attach(db, **about, course_id=course_id)
                case K.DETACH:
                    await attachments.detach(db, **about, course_id=course_id)
                case K.CHANGE_MODE:
                    assert change.mode is not None
                    await attachments.change_mode(
                        db, **about, course_id=course_id, mode=change.mode
                    )
                case K.DELETE:
                    await segments.remove(db, **about, at=MONDAY, detach=True)

    async def rows(self) -> Rows:
        async with self.world.edge.read() as db:

            async def pairs(statement: str) -> frozenset[Any]:
                found = await db.execute(text(statement), {"w": self.world.workspace_id})
                return frozenset(tuple(row) for row in found)

            return Rows(
                await pairs(
                    "SELECT course_id, member_id FROM course_coordinator WHERE workspace_id = :w"
                ),
                await pairs(
                    "SELECT course_id, member_id FROM course_coordinator"
                    " JOIN coordinator_override USING (workspace_id, course_id, member_id)"
                    " WHERE workspace_id = :w AND kind = 'ENDING'"
                ),
                await pairs(
                    "SELECT course_id, member_id, segment_id FROM coordinator_source"
                    " WHERE workspace_id = :w AND segment_id IS NOT NULL"
                ),
                await pairs(
                    "SELECT course_id, member_id FROM coordinator_source"
                    " JOIN course_role USING (workspace_id, course_id, member_id)"
                    " WHERE workspace_id = :w AND role = 'INSTRUCTOR'"
                ),
                frozenset(
                    id
                    for (id,) in await pairs(
                        "SELECT member_id FROM invitation WHERE workspace_id = :w"
                    )
                ),
                dict(
                    await pairs(
                        "SELECT s.id, count(m.member_id) FROM segment s LEFT JOIN membership m"
                        " ON m.segment_id = s.id AND m.until IS NULL WHERE s.workspace_id = :w"
                        " GROUP BY s.id"
                    )
                ),
            )

    async def pin(self, name: str, segment: str, is_in: bool) -> None:
        pair = (self.world.members[name], self.world.segments[segment])
        because = Because(PinOrigin.UNDO, "As it was.")
        async with self.world.edge.transaction() as db:
            await pins.lock(db, by=self.world.system, pairs=[pair])
            await pins.write(
                db, by=self.world.system, pins={pair: is_in}, because=because, at=MONDAY
            )

    def _about(self, course: str, segment: str) -> dict[str, Any]:
        world = self.world
        return {
            "by": world.system,
            "course_id": world.courses[course],
            "segment_id": world.segments[segment],
        }


async def fill(world: World) -> None:
    """Five people, three segments, three courses."""
    for name in PEOPLE:
        state = MemberState.PENDING if name in PENDING else MemberState.ACTIVE
        emails = [f"{name.lower()}@acme.example"]
        await world.member(name, state=state, department="Sales", emails=emails)
    await world.segment("Sales", RULES[0])
    await world.segment("City", RULES[2])
    await world.segment("Named", people_named=["Ada", "Pip"])
    await world.course("Safety", segments_attached=["Sales"])
    await world.course("Welding", instructors=["Bo"])
    await world.course("Old", state=CourseState.ARCHIVED, coordinators_by_hand=["Cy"])
