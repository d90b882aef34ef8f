"""What a change of a segment would do, and the name by which it is asked to be done just so."""

import uuid
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from access.permissions import Scope
from models.catalog import Course
from models.people import Member
from models.segments import AttachmentMode
from operations.preview.basis import Basis
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.consequences import OnCourse
from operations.preview.previewing import SegmentPreview, preview
from operations.refusals import Code, Refused
from resolvers import positions
from resolvers.context import Context
from resolvers.coordinators import Source, sources_of
from resolvers.ids import number_of
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import members_by_id, visible_courses_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

SEALED: Final = "preview"
MOST_SHOWN: Final = 100
"""Courses, and people of each kind, that an answer names; the counts are of all."""


@dataclass(frozen=True, slots=True)
class CourseChange:
    """One course concerned."""

    course_id: int
    title: str
    gain_count: int
    loss_count: int
    kept_count: int
    conflict_count: int
    invitation_count: int
    is_emptied: bool
    grace_days: int
    used: int
    most: int
    is_refused: bool


@dataclass(frozen=True, slots=True)
class CoordinatorChange:
    """One person on one course."""

    course_id: int
    member_id: int


@dataclass(frozen=True, slots=True)
class KeptCoordinator:
    """One person on one course who would lose it, did nothing else give it."""

    course_id: int
    member_id: int
    segment_id: int | None


refer(
    KeptCoordinator,
    lambda row, caller: Reference(
        Scope.COURSE, row.course_id, IS_SELF if row.member_id == caller.member_id else NOTHING
    ),
)


@dataclass(frozen=True, slots=True)
class WithoutValue:
    """How many people have no value of an attribute."""

    attribute: str
    people: int


async def preview_segment_change(
    info: Info,
    *,
    change: SegmentChangeKind,
    segment_id: strawberry.ID | None = None,
    course_id: strawberry.ID | None = None,
    rule_text: str | None = None,
    rule: strawberry.scalars.JSON | None = None,
    mode: AttachmentMode | None = None,
    at_least: Cursor | None = None,
) -> SegmentPreview:
    await positions.at_least(info.context, at_least)
    if rule_text is not None and rule is not None:
        raise Refused(Code.BAD_USER_INPUT, "Give the rule as ruleText or as rule, not both.")
    said: Any = rule if rule_text is None else rule_text
    asked = SegmentChange(
        change,
        None if segment_id is None else number_of(segment_id, "Segment"),
        None if course_id is None else number_of(course_id, "Course"),
        said,
        mode,
    )
    async with info.context.read() as db:
        return await preview(db, by=info.context.signed_in, change=asked)


def basis_in(info: Info, sealed: str | None) -> Basis | None:
    """What `basedOn` names; raises Refused(BAD_USER_INPUT) for what is not ours."""
    if sealed is None:
        return None
    try:
        digest, workspace_id, epoch, seq = info.context.seal.open(SEALED, sealed)
    except Refused:
        raise Refused(
            Code.BAD_USER_INPUT,
            "`basedOn` was not issued here; take that of `previewSegmentChange`.",
            {"argument": "basedOn"},
        ) from None
    return Basis(digest, workspace_id, uuid.UUID(epoch), seq)


def based_on(root: Parent, info: Info) -> str:
    basis: Basis = root.basis
    values = [basis.digest, basis.workspace_id, basis.epoch.hex, basis.seq]
    return info.context.seal.close(SEALED, values)


def without_value(root: Parent) -> list[WithoutValue]:
    return [WithoutValue(name, count) for name, count in root.without_value.items()]


def course_count(root: Parent) -> int:
    return len(root.courses)


def emptied_count(root: Parent) -> int:
    return sum(each.is_emptied for each in root.courses)


def invitation_count(root: Parent) -> int:
    return len(root.invitations)


def courses(root: Parent) -> list[CourseChange]:
    """Those first where most happens, and before these those that lose everybody."""
    found = sorted(root.courses, key=lambda each: (not each.is_emptied, -each.size))
    return [
        CourseChange(
            each.course_id,
            each.title,
            gain_count=len(each.gains),
            loss_count=len(each.losses),
            kept_count=len(each.kept),
            conflict_count=len(each.conflicts),
            invitation_count=len(each.invitations),
            is_emptied=each.is_emptied,
            grace_days=each.grace_days,
            used=each.used,
            most=each.most,
            is_refused=each.is_refused,
        )
        for each in found[:MOST_SHOWN]
    ]


def gains(root: Parent) -> list[CoordinatorChange]:
    return _people((each, each.gains) for each in root.courses)


def losses(root: Parent) -> list[CoordinatorChange]:
    return _people((each, each.losses) for each in root.courses)


def kept(root: Parent) -> list[KeptCoordinator]:
    segment_id = root.change.segment_id
    found = _people((each, each.kept) for each in root.courses)
    return [KeptCoordinator(each.course_id, each.member_id, segment_id) for each in found]


async def other_sources(root: Parent, info: Info) -> list[Source]:
    found = await info.context.load(sources_of, (root.course_id, root.member_id))
    return [each for each in found if each.segment_id is None or each.segment_id != root.segment_id]


def conflicts(root: Parent) -> list[CoordinatorChange]:
    return _people((each, each.conflicts) for each in root.courses)


async def invitations(root: Parent, info: Info) -> list[Member]:
    ids = sorted(root.invitations)[:MOST_SHOWN]
    async with info.context.read() as db:
        found = await members_by_id(db, info.context, ids)
    return [each for each in found if each is not None]


async def course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(visible_courses_by_id, root.course_id)


def _people(found: Iterable[tuple[OnCourse, AbstractSet[int]]]) -> list[CoordinatorChange]:
    """By course, then by number."""

    def each() -> Iterator[CoordinatorChange]:
        for on_course, ids in found:
            for id in sorted(ids):
                yield CoordinatorChange(on_course.course_id, id)

    return [one for one, _ in zip(each(), range(MOST_SHOWN), strict=False)]
