"""What there is, as a file speaks of it; read in as many statements however much it is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.base import Json
from models.catalog import Course
from models.people import Member
from models.segments import (
    AttachmentMode,
    CourseSegment,
    Segment,
    SegmentKind,
    SegmentPerson,
    SegmentState,
)
from models.workspaces import Workspace
from operations import people, visible
from operations.relations import mentioned_in, names_of, together
from operations.segment_rules import remembered
from sync_engine.rules import Catalog, InvalidRule, Mentioned, Related
from sync_engine.rules import format as written


@dataclass(frozen=True, slots=True)
class PresentSegment:
    """A segment as it is. `courses`: titles by id, `modes` by the same; `people`: user names by
    id."""

    id: int
    name: str
    description: str
    kind: SegmentKind
    state: SegmentState
    version: int
    is_usable_by_departments: bool
    rule: Json | None
    rule_text: str | None
    people: dict[int, str] = field(default_factory=dict)
    courses: dict[int, str] = field(default_factory=dict)
    modes: dict[int, AttachmentMode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Present:
    """A workspace as far as the caller may see it. Segments by name; `members` by user name, both
    in lower case, and of the members only those asked for.

    `limits`: how many segments each course may carry.
    """

    workspace: str
    catalog: Catalog
    segments: Mapping[str, PresentSegment]
    courses: Mapping[int, str]
    limits: Mapping[int, int]
    members: Mapping[str, tuple[int, str]]
    people: Mapping[int, str] = field(default_factory=dict)
    """User names of those whom rules name, or might."""

    @property
    def related(self) -> Related:
        """Whom the rules there are name."""
        names = {each.id: each.name for each in self.segments.values()}
        return Related(names, self.people, is_strict=False)


async def read_present(
    db: AsyncSession, *, by: Caller, user_names: Collection[str] = (), rules: Collection[str] = ()
) -> Present:
    """Everything a file can speak of, who these user names (in lower case) are, and whom these
    rules name."""
    workspace = await db.get_one(Workspace, by.workspace_id)
    catalog = await people.catalog_of(db, by.workspace_id)
    rows = list(
        await db.scalars(visible.segments(by).order_by(func.lower(Segment.name), Segment.id))
    )
    documents: list[str | Json] = [row.rule for row in rows if row.rule is not None]
    said = together(mentioned_in(each) for each in [*documents, *rules])
    only_people = Mentioned(people=said.people, people_names=said.people_names)
    named = await names_of(db, by.workspace_id, only_people, is_strict=False)
    related = replace(named, segments={row.id: row.name for row in rows})
    found = {row.id: _segment(row, catalog, related) for row in rows}
    courses = {row.id: row for row in await db.scalars(visible.courses(by))}
    for segment_id, course_id, mode in await _attachments(db, by):
        if segment_id in found and course_id in courses:
            found[segment_id].courses[course_id] = courses[course_id].title
            found[segment_id].modes[course_id] = mode
    for segment_id, member_id, user_name in await _named(db, by):
        if segment_id in found:
            found[segment_id].people[member_id] = user_name
    return Present(
        workspace.name,
        catalog,
        {each.name.lower(): each for each in found.values()},
        {id: course.title for id, course in courses.items()},
        {
            id: workspace.segment_limit if course.segment_limit is None else course.segment_limit
            for id, course in courses.items()
        },
        await _members(db, by, user_names),
        named.people,
    )


def _segment(row: Segment, catalog: Catalog, related: Related) -> PresentSegment:
    return PresentSegment(
        row.id,
        row.name,
        row.description,
        row.kind,
        row.state,
        row.version,
        row.is_usable_by_departments,
        row.rule,
        None if row.rule is None else _text(row.rule, catalog, related),
    )


def _text(rule: Json, catalog: Catalog, related: Related) -> str:
    try:
        return written(remembered(rule, catalog, related))
    except InvalidRule:
        return ""


async def _attachments(db: AsyncSession, by: Caller) -> list[tuple[int, int, AttachmentMode]]:
    rows = await db.execute(
        select(CourseSegment.segment_id, CourseSegment.course_id, CourseSegment.mode)
        .join(Course, Course.id == CourseSegment.course_id)
        .where(CourseSegment.workspace_id == by.workspace_id)
        .order_by(CourseSegment.segment_id, func.lower(Course.title), Course.id)
    )
    return [(segment_id, course_id, mode) for segment_id, course_id, mode in rows]


async def _named(db: AsyncSession, by: Caller) -> list[tuple[int, int, str]]:
    rows = await db.execute(
        select(SegmentPerson.segment_id, Member.id, Member.user_name)
        .join(Member, Member.id == SegmentPerson.member_id)
        .where(SegmentPerson.workspace_id == by.workspace_id, Member.deleted_at.is_(None))
        .order_by(SegmentPerson.segment_id, func.lower(Member.user_name), Member.id)
    )
    return [(segment_id, member_id, name) for segment_id, member_id, name in rows]


async def _members(
    db: AsyncSession, by: Caller, user_names: Collection[str]
) -> dict[str, tuple[int, str]]:
    if not user_names:
        return {}
    rows = await db.execute(
        select(Member.id, Member.user_name).where(
            Member.workspace_id == by.workspace_id,
            Member.deleted_at.is_(None),
            func.lower(Member.user_name).in_(sorted(user_names)),
        )
    )
    return {name.lower(): (id, name) for id, name in rows}
