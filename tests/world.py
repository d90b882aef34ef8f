"""A small company to test in, made by the product's own operations.

`World` names what it makes, so a test reads like a story: `await world.member("Ada",
department="Sales")`, `await world.course("Safety", segments=[sales])`, `await world.settle()`.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin, system
from access.permissions import Principal
from models.catalog import Course, CourseKind, CourseModule, CourseState, Module, ModuleKind
from models.people import MemberState
from operations import (
    attachments,
    coordinators,
    courses,
    departments,
    grants,
    members,
    people,
    segments,
    team,
    workspaces,
)
from operations.edge import Edge, Ring, silent
from operations.learning import enrolments, groups

MONDAY = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


@dataclass
class World:
    """One workspace and what has been put into it, by name."""

    edge: Edge
    workspace_id: int
    slug: str
    members: dict[str, int] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    courses: dict[str, int] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    furnished_by: Callable[..., Any] | None = None
    """The fixture of which this is a copy (tests/furnishing.py)."""

    furnished: Any = None
    """What else that fixture gives."""

    @classmethod
    async def new(
        cls,
        sessions: async_sessionmaker[AsyncSession],
        slug: str = "acme",
        *,
        ring: Ring = silent,
        time_zone: str = "Europe/Stockholm",
        at: dt.datetime = MONDAY,
    ) -> "World":
        edge = Edge(sessions, ring)
        async with edge.transaction() as db:
            workspace = await workspaces.create(
                db, origin=Origin.CLI, slug=slug, name=slug.title(), time_zone=time_zone, at=at
            )
            return cls(edge, workspace.id, slug)

    async def let_many_go(self) -> None:
        """Removals of many people do not wait here: something else is looked at."""
        async with self.edge.transaction() as db:
            await workspaces.edit_settings(db, by=self.system, hold_people=1_000_000)

    @property
    def system(self) -> Caller:
        """The product itself, which may do everything."""
        return system(self.workspace_id, Origin.CLI)

    def caller(self, name: str) -> Caller:
        """A person, acting through the API."""
        return Caller(self.workspace_id, name, Origin.GRAPHQL, member_id=self.members[name])

    async def member(
        self, name: str, *, state: MemberState = MemberState.ACTIVE, **attributes: Any
    ) -> int:
        """A person called `name`, whose user name is `name@<workspace>.example`."""
        async with self.edge.transaction() as db:
            catalog = await people.catalog_of(db, self.workspace_id)
            member = await members.insert_member(
                db,
                by=self.system,
                user_name=f"{name.lower()}@{self.slug}.example",
                attributes={"displayName": name, **attributes},
                state=state,
                catalog=catalog,
            )
        self.members[name] = member.id
        return member.id

    async def change(self, name: str, **attributes: Any) -> None:
        """What an identity provider would have changed about a person."""
        async with self.edge.transaction() as db:
            catalog = await people.catalog_of(db, self.workspace_id)
            [member] = await people.lock(db, self.workspace_id, [self.members[name]])
            await people.write_attributes(
                db, by=self.system, member=member, changes=attributes, catalog=catalog
            )

    async def set_state(self, name: str, state: MemberState) -> None:
        async with self.edge.transaction() as db:
            [member] = await people.lock(db, self.workspace_id, [self.members[name]])
            await people.set_state(db, by=self.system, member=member, state=state, at=MONDAY)

    async def department(self, name: str = "Training") -> int:
        if name not in self.departments:
            async with self.edge.transaction() as db:
                made = await departments.create(db, by=self.system, name=name)
            self.departments[name] = made.id
        return self.departments[name]

    async def course(
        self,
        title: str,
        *,
        department: str = "Training",
        kind: CourseKind = CourseKind.SELF_PACED,
        state: CourseState = CourseState.ACTIVE,
        instructors: Sequence[str] = (),
        coordinators_by_hand: Sequence[str] = (),
        segments_attached: Sequence[str] = (),
    ) -> int:
        department_id = await self.department(department)
        async with self.edge.transaction() as db:
            course = await courses.create(
                db,
                by=self.system,
                department_id=department_id,
                title=title,
                kind=kind,
                state=state,
            )
            await coordinators.assign(
                db,
                by=self.system,
                course_id=course.id,
                instructors=[self.members[name] for name in instructors],
                coordinators=[self.members[name] for name in coordinators_by_hand],
            )
            for name in segments_attached:
                await attachments.attach(
                    db, by=self.system, course_id=course.id, segment_id=self.segments[name]
                )
        self.courses[title] = course.id
        return course.id

    async def module(
        self,
        title: str,
        *,
        department: str = "Training",
        courses: Sequence[str] = (),
        kind: ModuleKind = ModuleKind.LESSON,
        by: str | None = None,
    ) -> int:
        """A module, on the last place of each of these courses; made by the person `by`."""
        department_id = await self.department(department)
        async with self.edge.transaction() as db:
            module = Module(
                workspace_id=self.workspace_id,
                department_id=department_id,
                title=title,
                kind=kind,
                created_by_id=self.members[by] if by else None,
            )
            db.add(module)
            await db.flush()
            for course in courses:
                db.add(
                    CourseModule(
                        workspace_id=self.workspace_id,
                        course_id=self.courses[course],
                        module_id=module.id,
                        place=len(self.modules) + 1,
                    )
                )
        self.modules[title] = module.id
        return module.id

    async def group(
        self,
        name: str,
        *,
        course: str,
        due_at: dt.datetime | None = None,
        allows_self_enrolment: bool = False,
        by: str | None = None,
    ) -> int:
        """A learner group; made by the person `by`, or else by the product."""
        async with self.edge.transaction() as db:
            group = await groups.create(
                db,
                by=self.caller(by) if by else self.system,
                course_id=self.courses[course],
                name=name,
                due_at=due_at,
                allows_self_enrolment=allows_self_enrolment,
                at=MONDAY,
                allow_past=True,
            )
        self.groups[name] = group.id
        return group.id

    async def enrol(self, course: str, *names: str, group: str | None = None) -> None:
        """Make people learners, by hand or through a group."""
        async with self.edge.transaction() as db:
            await enrolments.assign(
                db,
                by=self.system,
                course_id=self.courses[course],
                member_ids=[self.members[name] for name in names],
                group_id=self.groups[group] if group else None,
                at=MONDAY,
            )

    async def segment(
        self,
        name: str,
        rule: str | None = None,
        *,
        people_named: Sequence[str] = (),
        is_draft: bool = False,
        is_usable_by_departments: bool = False,
    ) -> int:
        """A segment that follows `rule` (text), or names people."""
        async with self.edge.transaction() as db:
            segment = await segments.create(
                db,
                by=self.system,
                name=name,
                rule=rule,
                member_ids=[self.members[each] for each in people_named],
                is_draft=is_draft,
                is_usable_by_departments=is_usable_by_departments,
            )
        self.segments[name] = segment.id
        return segment.id

    async def attach(self, course: str, segment: str) -> None:
        async with self.edge.transaction() as db:
            await attachments.attach(
                db,
                by=self.system,
                course_id=self.courses[course],
                segment_id=self.segments[segment],
            )

    async def grant(
        self,
        name: str,
        principal: Principal,
        *,
        department: str | None = None,
        course: str | None = None,
        module: str | None = None,
    ) -> None:
        """A right; whoever gets one on a course is put on the team it takes."""
        department_id = await self.department(department) if department else None
        async with self.edge.transaction() as db:
            if course:
                whose = await db.get_one(Course, self.courses[course])
                await team.add(
                    db,
                    by=self.system,
                    department_id=whose.department_id,
                    member_ids=[self.members[name]],
                )
            await grants.give(
                db,
                by=self.system,
                member_ids=[self.members[name]],
                principals=[principal],
                department_id=department_id,
                course_id=self.courses[course] if course else None,
                module_id=self.modules[module] if module else None,
                at=MONDAY,
            )

    async def take(self, name: str, principal: Principal, *, department: str | None = None) -> None:
        """A right that `grant` gave, of the workspace or of a department."""
        async with self.edge.transaction() as db:
            await grants.take(
                db,
                by=self.system,
                member_ids=[self.members[name]],
                principals=[principal],
                department_id=self.departments[department] if department else None,
            )

    async def coordinators_of(self, course: str) -> set[str]:
        """The names of the effective coordinators, as the database sees them."""
        async with self.edge.read() as db:
            rows = await db.scalars(
                text("SELECT member_id FROM course_coordinator WHERE course_id = :id"),
                {"id": self.courses[course]},
            )
            ids = set(rows)
        return {name for name, id in self.members.items() if id in ids}

    async def verbs(self) -> list[str]:
        """What the journal says happened, in order."""
        async with self.edge.read() as db:
            rows = await db.scalars(
                text("SELECT verb FROM journal_entry WHERE workspace_id = :id ORDER BY seq"),
                {"id": self.workspace_id},
            )
            return list(rows)


def settle(engine: Engine) -> None:
    """Let the sync engine work until nothing is left to do."""
    from tests.engine import run_until_idle

    run_until_idle(engine)
