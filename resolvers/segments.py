"""Segments, the type-ahead that finds them, and who is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.people import Member
from models.segments import CourseSegment, Membership, Segment, SegmentState
from operations import freshness, people, relations, visible
from operations.freshness import Freshness
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.segment_rules import rule_of
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested, unsearched
from resolvers.references import refer, reference_to
from resolvers.refusing import RuleProblem, problems_in
from resolvers.seal import Cursor, Position
from resolvers.search import begins, contains
from sync_engine.rules import (
    UNCHECKED,
    InvalidRule,
    Mentioned,
    Related,
    from_document,
    to_document,
)
from sync_engine.rules import format as written

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_NAME = (func.lower(Segment.name), Segment.id)
MOST_HITS: Final = 20


@dataclass(frozen=True, slots=True)
class SegmentHit:
    """A segment found by type-ahead."""

    segment: Segment
    is_attached: bool

    @property
    def rows(self) -> tuple[Segment]:
        return (self.segment,)


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """A rule as it was understood, or every problem it has."""

    problems: Sequence[RuleProblem]
    text: str | None
    document: dict[str, Any] | None


def _people_in(context: Context, owner: Any, _: str | None) -> Select[Any]:
    """The people in a segment, of those the caller may see."""
    return (
        visible.members(context.signed_in)
        .join(Membership, (Membership.member_id == Member.id) & Membership.until.is_(None))
        .where(Membership.segment_id == owner)
    )


MEMBERS: Final = Nested(
    "segment.members", Member, (func.lower(Member.display_name), Member.id), _people_in
)

refer(SegmentHit, lambda row, caller: reference_to(row.segment, caller))


async def segment(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> Segment:
    await positions.at_least(info.context, at_least)
    number = number_of(id, "Segment")
    async with info.context.read() as db:
        found: Segment | None = await db.scalar(
            visible.segments(info.context.signed_in).where(Segment.id == number)
        )
    if found is None:
        raise not_found("segment")
    return found


async def segments(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    state: list[SegmentState] | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    statement = visible.segments(info.context.signed_in)
    if search:
        statement = statement.where(contains(Segment.name, search))
    if state is not None:
        statement = statement.where(Segment.state.in_(state))
    return await listed(
        info.context, statement, order=BY_NAME, first=first, after=after, name="segments"
    )


async def search_segments_typeahead(
    info: Info, *, text: str, course_id: strawberry.ID | None = None
) -> list[SegmentHit]:
    piece = text.strip()
    if not piece:
        raise Refused(Code.BAD_USER_INPUT, "Type at least one character of the segment's name.")
    statement = (
        visible.segments(info.context.signed_in)
        .where(contains(Segment.name, piece))
        .order_by(begins(Segment.name, piece).desc(), *BY_NAME)
        .limit(MOST_HITS)
    )
    async with info.context.read() as db:
        rows = list(await db.scalars(statement))
        attached = await _attached_to(db, info.context.signed_in, course_id)
    return [SegmentHit(row, row.id in attached) for row in rows]


async def _attached_to(
    db: AsyncSession, caller: Caller, course_id: strawberry.ID | None
) -> set[int]:
    """The segments on a course, if the caller may see it."""
    if course_id is None:
        return set()
    seen = visible.courses(caller).where(Course.id == number_of(course_id, "Course"))
    of_course = CourseSegment.course_id.in_(seen.with_only_columns(Course.id))
    return set(await db.scalars(select(CourseSegment.segment_id).where(of_course)))


async def check_rule(
    info: Info,
    *,
    text: str | None = None,
    document: strawberry.scalars.JSON | None = None,
) -> RuleCheck:
    rule = _one_of(text, document)
    caller = info.context.signed_in
    async with info.context.read() as db:
        await require(db, caller, Permission.CREATE_EDIT_SEGMENT)
        try:
            understood = await rule_of(db, workspace_id=caller.workspace_id, rule=rule)
        except Refused as refused:
            if refused.code is not Code.INVALID_RULE:
                raise
            return RuleCheck(problems_in(refused.details), None, None)
    return RuleCheck([], written(understood), to_document(understood))


def _one_of(text: str | None, document: Any) -> Any:
    if (text is None) == (document is None):
        raise Refused(Code.BAD_USER_INPUT, "Give the rule as text or as document: exactly one.")
    return text if text is not None else document


async def rule_text(root: Parent, info: Info) -> str | None:
    if root.rule is None:
        return None
    catalog = await info.context.load(catalogs, root.workspace_id)
    said, related = relations.mentioned_in(root.rule), UNCHECKED
    if said:
        related = await info.context.load(names_in_rules, said)
    try:
        return written(from_document(root.rule, catalog, draft=True, related=related))
    except InvalidRule:
        return None


async def segments_below(root: Parent, info: Info) -> list[Segment]:
    return await info.context.load(segments_built_on, root.id)


async def segments_above(root: Parent, info: Info) -> list[Segment]:
    return await info.context.load(segments_building_on, root.id)


async def segment_freshness(root: Parent, info: Info) -> Freshness:
    return await info.context.load(freshness_of_segments, root.id)


async def segment_courses(root: Parent, info: Info) -> list[Course]:
    return await info.context.load(courses_following, root.id)


segment_members = unsearched(MEMBERS)


def as_of_event(root: Parent, info: Info) -> str:
    found: Freshness = root
    place = Position(found.epoch, info.context.signed_in.workspace_id, found.seq)
    return info.context.seal.position(place)


async def catalogs(db: AsyncSession, _: Context, workspace_ids: Sequence[int]) -> list[Any]:
    return [await people.catalog_of(db, id) for id in workspace_ids]


async def names_in_rules(
    db: AsyncSession, context: Context, keys: Sequence[Mentioned]
) -> list[Related]:
    """Of all rules together: whom they name, they name by id."""
    workspace_id, said = context.signed_in.workspace_id, relations.together(keys)
    return [await relations.names_of(db, workspace_id, said, is_strict=False)] * len(keys)


async def segments_built_on(
    db: AsyncSession, context: Context, segment_ids: Sequence[int]
) -> list[list[Segment]]:
    below = await relations.below(db, context.signed_in.workspace_id, segment_ids)
    return await _seen(db, context, [below[id] for id in segment_ids])


async def segments_building_on(
    db: AsyncSession, context: Context, segment_ids: Sequence[int]
) -> list[list[Segment]]:
    above = await relations.above(db, context.signed_in.workspace_id, segment_ids)
    return await _seen(db, context, [above[id] for id in segment_ids])


async def _seen(
    db: AsyncSession, context: Context, groups: Sequence[Sequence[int]]
) -> list[list[Segment]]:
    """The segments of each group, as far as the caller may see them."""
    ids = {id for group in groups for id in group}
    if not ids:
        return [[] for _ in groups]
    statement = visible.segments(context.signed_in).where(Segment.id.in_(ids)).order_by(*BY_NAME)
    rows = list(await db.scalars(statement))
    return [[row for row in rows if row.id in group] for group in groups]


async def freshness_of_segments(
    db: AsyncSession, context: Context, segment_ids: Sequence[int]
) -> list[Freshness]:
    found = await freshness.of_segments(db, context.signed_in.workspace_id, segment_ids)
    return [found[id] for id in segment_ids]


async def courses_following(
    db: AsyncSession, context: Context, segment_ids: Sequence[int]
) -> list[list[Course]]:
    """The courses a segment is attached to, of those the caller may see."""
    statement = visible.courses(context.signed_in)
    rows = await db.execute(
        statement.join(CourseSegment, CourseSegment.course_id == Course.id)
        .add_columns(CourseSegment.segment_id)
        .where(CourseSegment.segment_id.in_(segment_ids))
        .order_by(func.lower(Course.title), Course.id)
    )
    found: dict[int, list[Course]] = {id: [] for id in segment_ids}
    for course, segment_id in rows:
        found[segment_id].append(course)
    return [found[id] for id in segment_ids]
