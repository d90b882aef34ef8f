"""A company in which everything that makes, ends or decides about a coordinator can be done, one
step a transaction; and what its rows said after each step, written down by the test itself."""

import contextlib
import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin
from models.coordinators import CourseRoleKind
from models.identity import Connection, ConnectionKind
from models.people import MemberState
from models.segments import AttachmentMode
from operations import (
    attachments,
    attributes,
    coordinators,
    directory,
    overrides,
    people,
    segments,
    workspaces,
)
from operations.coordinators import OnConflict
from operations.refusals import Refused
from operations.schema_edits import Change
from sync_engine import ticks
from sync_engine.drain import drain
from sync_engine.markers import Lane
from sync_engine.rebuild import expand, rebuild
from sync_engine.rules import (
    Attribute,
    AttributeType,
    Catalog,
    Explanation,
    Facts,
    InvalidRule,
    Owner,
    explain,
    from_document,
    from_json,
)
from sync_engine.state import Rules
from tests.world import MONDAY, World, settle

PEOPLE = ("Ada", "Bo")
COURSES = ("Safety", "Welding")
RULES = {
    "Sales": ('department eq "Sales"', 'department in ["Ops", "Legal"]', "department pr"),
    "New": ("hireDate gt now-P9D", 'hireDate le now and not department eq "Ops"'),
    "Crew": ('groups has "Crew"', 'not groups has "Band"'),
    "Site": ('site eq "7"', 'site eq "8" or department eq "Sales"'),
}
SEGMENTS = (*RULES, "Named")
VALUES = {
    "department": ("Sales", "Ops", "Legal", None),
    "hireDate": ("2026-03-01", "2026-02-20", "2026-03-09", None),
    "site": ("7", "8", None),
}
SITE = Attribute("site", AttributeType.STRING, Owner.ADMINISTRATOR)
GROUPS = ("Crew", "Band")

Step = tuple[Any, ...]
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the rows said after a step. `before` and `head` are the journal's numbers around it."""

    step: Step
    before: int
    head: int
    at: dt.datetime
    coordinators: frozenset[tuple[int, int]]
    sources: dict[tuple[int, int, str, int | None], Any]
    attached: dict[int, tuple[int, ...]]
    members_in: frozenset[tuple[int, int]]
    segments: dict[int, Any]
    people: dict[int, Any]
    facts: dict[int, Facts]
    groups: dict[int, list[str]]
    roles: dict[tuple[int, int], str]
    overrides: dict[tuple[int, int], Any]
    catalog: Catalog
    today: dt.date
    followed: dict[tuple[int, int], tuple[str, dt.datetime]]
    given: frozenset[tuple[int, int, int]] = frozenset()

    def explained(self, member_id: int, segment_id: int) -> Explanation | None:
        """The rule that held, over the facts that held."""
        document = self.segments[segment_id].rule
        if document is None:
            return None
        try:
            rule = from_document(document, self.catalog, draft=True)
        except InvalidRule:
            return None
        spelled = dict(self.people[member_id].attributes)
        if self.groups[member_id]:
            spelled["groups"] = sorted(self.groups[member_id])
        return explain(rule, self.facts[member_id], self.today, attributes=spelled)


@dataclass
class Company:
    """Two people, two courses, five segments and two directory groups."""

    world: World
    engine: Engine
    okta: Caller
    groups: dict[str, Any] = field(default_factory=dict)
    now: dt.datetime = MONDAY
    told: list[Snapshot] = field(default_factory=list)
    begun: dict[tuple[int, int], int] = field(default_factory=dict)
    """After which step a course began to follow a segment as it does."""

    rules: Rules = field(default_factory=Rules)

    @classmethod
    async def new(cls, sessions: async_sessionmaker[AsyncSession], engine: Engine) -> "Company":
        world = await World.new(sessions, f"why-{next(_numbers)}")
        async with world.edge.transaction() as db:
            made = Connection(
                workspace_id=world.workspace_id, name="Okta", kind=ConnectionKind.SCIM, dropped={}
            )
            db.add(made)
            await db.flush()
            okta = Caller(world.workspace_id, "Okta", Origin.SCIM, connection_id=made.id)
        company = cls(world, engine, okta)
        await company._tell(("begin",))
        async with world.edge.transaction() as db:
            await attributes.edit(db, by=world.system, define=[SITE])
            for name in GROUPS:
                made_group = await directory.create_group(db, by=okta, display_name=name, at=MONDAY)
                company.groups[name] = made_group.id
        for name in PEOPLE:
            await world.member(name, department="Sales", site="7")
        for name, rules in RULES.items():
            await world.segment(name, rules[0])
        await world.segment("Named", people_named=["Ada"])
        await world.course("Safety", segments_attached=["Sales", "Crew"])
        await world.course("Welding", segments_attached=["Named"])
        await company._tell(("made",))
        return company

    async def take(self, step: Step) -> None:
        """One thing happens, if it may; what the rows then say is kept."""
        verb, *said = step
        with contextlib.suppress(Refused):
            await getattr(self, verb)(*said)
        await self._tell(step)

    async def change(self, name: str, attribute: str, value: str | None) -> None:
        async with self.world.edge.transaction() as db:
            catalog = await people.catalog_of(db, self.world.workspace_id)
            [member] = await people.lock(db, self.world.workspace_id, [self.world.members[name]])
            if attribute in catalog:
                await people.write_attributes(
                    db, by=self.okta, member=member, changes={attribute: value}, catalog=catalog
                )

    async def schema(self, what: str) -> None:
        said: Any = {
            "define": {"define": [SITE]},
            "number": {"change": [Change("site", type=AttributeType.NUMBER)]},
            "text": {"change": [Change("site", type=AttributeType.STRING)]},
            "remove": {"remove": ["site"]},
        }[what]
        async with self.world.edge.transaction() as db:
            await attributes.edit(db, by=self.world.system, **said)

    async def group(self, what: str, group: str, name: str) -> None:
        async with self.world.edge.transaction() as db:
            locked = await directory.lock_group(db, self.okta, self.groups[group])
            if locked is None:
                made = await directory.create_group(db, by=self.okta, display_name=group, at=MONDAY)
                self.groups[group] = made.id
            elif what == "delete":
                await directory.delete_group(db, by=self.okta, group=locked, at=MONDAY)
            elif what == "rename":
                other = f"{group} of {name}" if locked.display_name == group else group
                await directory.edit_group(
                    db,
                    by=self.okta,
                    group=locked,
                    display_name=other,
                    external_id=None,
                    at=MONDAY,
                )
            else:
                whom: Any = {what: [self.world.members[name]]}
                await directory.move_members(db, by=self.okta, group=locked, at=MONDAY, **whom)

    async def edit(self, segment: str, which: int) -> None:
        rules = RULES.get(segment, RULES["Sales"])
        async with self.world.edge.transaction() as db:
            await segments.edit(
                db,
                by=self.world.system,
                segment_id=self.world.segments[segment],
                name=f"{segment} {which}",
                rule=rules[which % len(rules)],
            )

    async def life(self, what: str, segment: str) -> None:
        do = {"pause": segments.pause, "resume": segments.resume}[what]
        async with self.world.edge.transaction() as db:
            await do(db, by=self.world.system, segment_id=self.world.segments[segment])

    async def delete(self, segment: str) -> None:
        async with self.world.edge.transaction() as db:
            await segments.remove(
                db,
                by=self.world.system,
                segment_id=self.world.segments[segment],
                at=MONDAY,
                detach=True,
            )

    async def name(self, what: str, name: str) -> None:
        do = {"in": segments.name_people, "out": segments.unname_people}[what]
        async with self.world.edge.transaction() as db:
            await do(
                db,
                by=self.world.system,
                segment_id=self.world.segments["Named"],
                member_ids=[self.world.members[name]],
            )

    async def attach(self, what: str, course: str, segment: str) -> None:
        about: dict[str, Any] = {
            "by": self.world.system,
            "course_id": self.world.courses[course],
            "segment_id": self.world.segments[segment],
        }
        async with self.world.edge.transaction() as db:
            if what == "off":
                await attachments.detach(db, **about)
            else:
                mode = None if what == "on" else AttachmentMode(what)
                await attachments.attach(db, **about, mode=mode)

    async def follow(self, mode: AttachmentMode, course: str, segment: str) -> None:
        async with self.world.edge.transaction() as db:
            await attachments.change_mode(
                db,
                by=self.world.system,
                course_id=self.world.courses[course],
                segment_id=self.world.segments[segment],
                mode=mode,
            )

    async def role(self, what: str, course: str, name: str) -> None:
        about: dict[str, Any] = {
            "by": self.world.system,
            "course_id": self.world.courses[course],
        }
        whom: Any = [self.world.members[name]]
        async with self.world.edge.transaction() as db:
            if what in ("instructors", "coordinators"):
                about |= {what: whom}
                await coordinators.assign(db, **about, on_conflict=OnConflict.SWITCH)
            else:
                kind = CourseRoleKind(what)
                await coordinators.remove(db, **about, role=kind, member_ids=whom)

    async def say(self, what: str, course: str, name: str, days: int | None) -> None:
        about: dict[str, Any] = {
            "by": self.world.system,
            "course_id": self.world.courses[course],
            "member_id": self.world.members[name],
        }
        async with self.world.edge.transaction() as db:
            if what == "lift":
                await overrides.lift(db, **about)
                return
            do = {"exclude": overrides.exclude, "keep": overrides.keep}[what]
            until = None if days is None else self.now + dt.timedelta(days=days)
            reason = f"Said as number {len(self.told)}"
            await do(db, **about, reason=reason, expires_at=until, at=self.now)

    async def account(self, name: str, state: MemberState) -> None:
        await self.world.set_state(name, state)

    async def days(self, days: int) -> None:
        self.now += dt.timedelta(days=days)
        ticks.tick(self.engine, now=self.now)
        ticks.expire_overrides(self.engine, now=self.now)

    async def grace(self, days: int) -> None:
        """Whoever loses the last reason from now on stays for so long; for 0, grace is over."""
        if not days:
            ticks.expire_overrides(self.engine, now=dt.datetime.now(dt.UTC) + dt.timedelta(99))
        async with self.world.edge.transaction() as db:
            await workspaces.edit_settings(db, by=self.world.system, grace_days=days)

    async def works(self, how: str) -> None:
        match how:
            case "all":
                settle(self.engine)
            case "people":
                drain(self.engine, self.rules, lanes=tuple(Lane), batch=1, seconds=0)
            case "expand":
                ticks.expand_ticks(self.engine, self.rules)
                expand(self.engine)
            case "segments":
                rebuild(self.engine, self.rules, seconds=0)

    async def _tell(self, step: Step) -> None:
        before = self.told[-1].head if self.told else 0
        then = await snapshot(self.world, step, before)
        self.told.append(replace(then, given=self._given(then)))

    def _given(self, then: Snapshot) -> frozenset[tuple[int, int, int]]:
        """Which course is given whom by which segment: by who was in it after which step."""
        was_in = [*(each.members_in for each in self.told), then.members_in]
        for pair, following in then.followed.items():
            if self.told and self.told[-1].followed.get(pair) != following:
                self.begun[pair] = len(self.told)
        found = set()
        for (course_id, segment_id), (mode, _) in then.followed.items():
            since = was_in[self.begun.get((course_id, segment_id), 0) :]
            counted = {
                "SYNC": since[-1],
                "ADD_ONLY": frozenset().union(*since),
                "REMOVE_ONLY": frozenset.intersection(*since),
                "FROZEN": since[0],
            }[mode]
            found |= {(course_id, id, segment_id) for id, each in counted if each == segment_id}
        return frozenset(found)


ATTRIBUTE_ROWS = "SELECT name, type, owner FROM attribute_definition WHERE workspace_id = :id"
PERSON_ROWS = """
SELECT m.id, m.state, m.attributes, m.facts,
       ARRAY(SELECT g.display_name FROM directory_group_member d
               JOIN directory_group g ON g.id = d.group_id WHERE d.member_id = m.id) AS groups,
       ARRAY(SELECT g.folded_name FROM directory_group_member d
               JOIN directory_group g ON g.id = d.group_id WHERE d.member_id = m.id) AS folded
  FROM member m WHERE m.workspace_id = :id
"""


async def snapshot(world: World, step: Step, before: int) -> Snapshot:
    """What the rows say now: nothing here reads the journal but for its head."""
    async with world.edge.read() as db:

        async def rows(statement: str) -> Sequence[Any]:
            return (await db.execute(text(statement), {"id": world.workspace_id})).all()

        [(head, now, today)] = await rows(
            "SELECT s.head, clock_timestamp(), e.today FROM workspace_stream s"
            " JOIN engine_state e USING (workspace_id) WHERE s.workspace_id = :id"
        )
        catalog = {
            name: Attribute(name, AttributeType(type), Owner(owner))
            for name, type, owner in await rows(ATTRIBUTE_ROWS)
        }
        found = {row.id: row for row in await rows(PERSON_ROWS)}
        places = await rows(
            "SELECT course_id, array_agg(segment_id ORDER BY place) FROM course_segment"
            " WHERE workspace_id = :id GROUP BY course_id"
        )
        return Snapshot(
            step=step,
            before=before,
            head=head,
            at=now,
            coordinators=frozenset(
                (row[0], row[1])
                for row in await rows(
                    "SELECT course_id, member_id FROM course_coordinator WHERE workspace_id = :id"
                )
            ),
            sources={
                tuple(row[:4]): row[4]
                for row in await rows(
                    "SELECT course_id, member_id, kind, segment_id, cause FROM coordinator_source"
                    " WHERE workspace_id = :id"
                )
            },
            attached={course: tuple(ids) for course, ids in places},
            members_in=frozenset(
                (row[0], row[1])
                for row in await rows(
                    "SELECT member_id, segment_id FROM membership m JOIN member p"
                    " ON p.id = m.member_id WHERE p.workspace_id = :id AND until IS NULL"
                )
            ),
            segments={
                row.id: row
                for row in await rows(
                    "SELECT id, name, state, version, rule FROM segment WHERE workspace_id = :id"
                )
            },
            people=found,
            facts={id: _facts(row, catalog) for id, row in found.items()},
            groups={id: list(row.groups) for id, row in found.items()},
            roles={
                (row[0], row[1]): row[2]
                for row in await rows(
                    "SELECT course_id, member_id, role FROM course_role WHERE workspace_id = :id"
                )
            },
            overrides={
                (row[0], row[1]): tuple(row[2:])
                for row in await rows(
                    "SELECT course_id, member_id, kind, reason, expires_at"
                    " FROM coordinator_override WHERE workspace_id = :id"
                )
            },
            catalog=catalog,
            today=today,
            followed={
                (row[0], row[1]): (row[2], row[3])
                for row in await rows(
                    "SELECT course_id, segment_id, mode, mode_since FROM course_segment"
                    " WHERE workspace_id = :id"
                )
            },
        )


def _facts(row: Any, catalog: Catalog) -> Facts:
    facts = {**from_json(row.facts, catalog)}
    if row.folded:
        facts["groups"] = frozenset(row.folded)
    return facts
