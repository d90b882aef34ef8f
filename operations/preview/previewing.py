"""The whole answer: read in one moment, evaluated off the event loop, exact."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Text, cast, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.people import Member
from models.segments import CourseSegment, Segment, SegmentKind, SegmentState
from operations import people, visible
from operations.preview.above import asked_of, with_above
from operations.preview.basis import Basis
from operations.preview.change import ON_A_COURSE, SegmentChange, SegmentChangeKind
from operations.preview.consequences import Counting, OnCourse, concerned
from operations.preview.courses import (
    BESIDE,
    BY_MODE,
    COURSES,
    STAYING,
    Beside,
    Course,
    courses_of,
    decided_by_mode,
)
from operations.preview.outer import NOBODY_WAITS, Outside, Waiting, moved_outside
from operations.preview.people import (
    GROUPS,
    Moved,
    Wanted,
    following,
    moved,
    named,
    people_by,
)
from operations.preview.waiting import waiting_of
from operations.refusals import Code, Denied, Refused, not_found
from operations.relations import refuse_built_on, related_to
from operations.rights import Rights, require
from operations.segment_rules import read
from sync_engine.plan import Pair
from sync_engine.rules import (
    MEMBER_OF,
    RELATIONS,
    Catalog,
    InvalidRule,
    Related,
    Rule,
    attributes_used,
    compile,
    from_document,
    related_ids,
    to_document,
)
from sync_engine.snapshot import array

UNSAVED: Final = 0
"""The number of a segment that is not there yet."""

IMPOSSIBLE: Final = {
    SegmentChangeKind.RESUME: (SegmentState.BROKEN,),
    SegmentChangeKind.PAUSE: (SegmentState.BROKEN, SegmentState.DRAFT),
}
"""States in which a change is refused."""

NOW: Final = text("""
SELECT s.epoch, s.head, e.today,
       NOT (EXISTS (SELECT FROM dirty_member d WHERE d.workspace_id = s.workspace_id)
            OR EXISTS (SELECT FROM dirty_segment d WHERE d.workspace_id = s.workspace_id)
            OR EXISTS (SELECT FROM tick_window t WHERE t.workspace_id = s.workspace_id)
            OR EXISTS (SELECT FROM dirty_reports d WHERE d.workspace_id = s.workspace_id
                          AND EXISTS (SELECT FROM segment a WHERE a.workspace_id = s.workspace_id
                                         AND a.asks_above AND a.deleted_at IS NULL)))
           AS is_settled
  FROM workspace_stream s JOIN engine_state e ON e.workspace_id = s.workspace_id
 WHERE s.workspace_id = :workspace_id
""")


@dataclass(frozen=True, slots=True)
class SegmentPreview:
    """What a change would do, once the engine has caught up with it.

    `is_settled`: nothing else was waiting for the engine, so nothing else moves meanwhile.
    `outer`: who comes into segments that build on it, and who leaves them, by segment; what that
    means is in `courses`.
    `waiting`: the removals, of people from the segment and from these, that would not be done
    until that is approved. All else is told as it is once they are.
    `without_value` says of each attribute of the rule how many of the `people` have none.
    """

    change: SegmentChange
    basis: Basis
    is_settled: bool
    before: int
    after: int
    people: int | None
    without_value: Mapping[str, int]
    courses: Sequence[OnCourse]
    invitations: AbstractSet[int]
    outer: Mapping[int, Moved]
    waiting: AbstractSet[Pair]

    @property
    def waiting_count(self) -> int:
        return len(self.waiting)

    @property
    def gain_count(self) -> int:
        return sum(len(each.gains) for each in self.courses)

    @property
    def loss_count(self) -> int:
        return sum(len(each.losses) for each in self.courses)

    @property
    def kept_count(self) -> int:
        return sum(len(each.kept) for each in self.courses)

    @property
    def conflict_count(self) -> int:
        return sum(len(each.conflicts) for each in self.courses)


async def preview(db: AsyncSession, *, by: Caller, change: SegmentChange) -> SegmentPreview:
    """Look at a change; `db` sees one moment of the workspace (`Edge.read`)."""
    change.check()
    await _require(db, by, change)
    segment = await _segment(db, by, change)
    catalog = await people.catalog_of(db, by.workspace_id)
    related = await related_to(db, by.workspace_id, change.rule or {}, segment_id=change.segment_id)
    rule, change = _rule(change, segment, catalog, related)
    about: dict[str, Any] = {
        "workspace_id": by.workspace_id,
        "segment_id": change.segment_id or UNSAVED,
    }
    now = (await db.execute(NOW, about)).one()
    attributes = [] if rule is None else sorted(attributes_used(rule))
    if rule is not None:
        about["inner"] = sorted(related_ids(rule, MEMBER_OF))
        about["above"] = asked_of(rule)
    wanted = _wanted(change.kind, segment, rule, now.today)
    found = await _moved(db, about, attributes, catalog, wanted, looks=_looks(change))

    async def outside(found: Moved, waiting: Waiting = NOBODY_WAITS) -> Outside:
        return await moved_outside(db, about, found, catalog, now.today, waiting=waiting)

    outer = (await outside(found)).moves
    moves = {about["segment_id"]: found, **outer}
    waiting = await waiting_of(db, about, change.kind, moves, outside)
    courses = await _courses(db, about, change, outer)
    together = await _on_courses(db, change, courses, moves, by.workspace_id)
    ends = change.kind is SegmentChangeKind.DELETE
    return SegmentPreview(
        change,
        Basis(change.digest, by.workspace_id, uuid.UUID(str(now.epoch)), now.head),
        is_settled=now.is_settled,
        before=len(found.before),
        after=0 if ends else len(found.after),
        people=found.people if rule is not None else None,
        without_value={
            name: found.without_value[name] for name in attributes if name not in RELATIONS
        },
        courses=together,
        invitations=frozenset[int]().union(*(each.invitations for each in together)),
        outer=outer,
        waiting=waiting,
    )


async def names_in(db: AsyncSession, *, by: Caller, preview: SegmentPreview) -> dict[int, str]:
    """What the people a preview speaks of are called, as far as the caller sees them."""
    ids = set(preview.invitations).union(
        *(each.gains | each.losses | each.kept | each.conflicts for each in preview.courses)
    )
    seen = visible.members(by).with_only_columns(Member.id, Member.display_name)
    is_one = Member.id == func.any(cast(literal(array(ids), Text), ARRAY(BigInteger)))
    rows = await db.execute(seen.where(is_one))
    return {row.id: row.display_name for row in rows}


async def _require(db: AsyncSession, by: Caller, change: SegmentChange) -> None:
    """On a course whoever may preview there; else whoever may in the workspace."""
    asked = Permission.PREVIEW_SEGMENT_CHANGE
    if change.kind not in ON_A_COURSE or change.course_id is None:
        await require(db, by, asked)
        return
    rights, course_id = Rights(by), change.course_id
    await rights.prepare(db, courses=[course_id])
    decision = rights.decide(asked, Scope.COURSE, course_id)
    if decision.allowed:
        return
    if rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, course_id).allowed:
        raise Denied(asked, Scope.COURSE, rights.held(Scope.COURSE, course_id), decision.reason)
    raise not_found("course")


async def _segment(db: AsyncSession, by: Caller, change: SegmentChange) -> Segment | None:
    """The segment as it is; None where it would be made. Whoever sees it because it is on their
    course may look at taking it off."""
    if change.segment_id is None:
        return None
    seen = Segment.id.in_(visible.segments(by).with_only_columns(Segment.id))
    attached = select(CourseSegment.segment_id).where(CourseSegment.course_id == change.course_id)
    everything = change.kind not in ON_A_COURSE
    segment: Segment | None = await db.scalar(
        select(Segment).where(
            Segment.workspace_id == by.workspace_id,
            Segment.id == change.segment_id,
            Segment.deleted_at.is_(None),
            *(() if everything else (or_(seen, Segment.id.in_(attached)),)),
        )
    )
    if segment is None:
        raise not_found("segment")
    if change.kind is SegmentChangeKind.DELETE:
        await refuse_built_on(db, segment)
    return segment


def _rule(
    change: SegmentChange, segment: Segment | None, catalog: Catalog, related: Related
) -> tuple[Rule | None, SegmentChange]:
    """The rule that would be asked, if any would; and the change with its canonical document."""
    if change.rule is not None:
        if segment is not None and segment.kind is not SegmentKind.RULE:
            raise Refused(
                Code.SEGMENT_STATE, f"“{segment.name}” names people; it has no rule to edit."
            )
        rule = read(change.rule, catalog, related)
        return rule, replace(change, rule=to_document(rule))
    if change.kind is SegmentChangeKind.RESUME and segment is not None and segment.rule:
        try:
            return from_document(segment.rule, catalog), change
        except InvalidRule:
            # The engine will find it broken, and the segment keeps whom it has.
            return None, change
    return None, change


def _looks(change: SegmentChange) -> bool:
    """Whether everybody is looked at, not only who is in the segment."""
    return change.rule is not None or change.kind is SegmentChangeKind.RESUME


def _wanted(
    kind: SegmentChangeKind, segment: Segment | None, rule: Rule | None, today: dt.date
) -> Wanted | None:
    """Whom the segment would have; None: whom it has."""
    state = SegmentState.ACTIVE if segment is None else segment.state
    if kind is SegmentChangeKind.RESUME:
        if state is SegmentState.BROKEN:
            raise Refused(Code.SEGMENT_STATE, "A BROKEN segment cannot be resumed; edit its rule.")
        return named if rule is None else following(compile(rule), today)
    if rule is not None and state in (SegmentState.ACTIVE, SegmentState.BROKEN):
        return following(compile(rule), today)
    return None


async def _moved(
    db: AsyncSession,
    about: Mapping[str, Any],
    attributes: Sequence[str],
    catalog: Catalog,
    wanted: Wanted | None,
    *,
    looks: bool,
) -> Moved:
    names = {f"a{n}": name for n, name in enumerate(attributes) if name not in (GROUPS, *RELATIONS)}
    found = await db.execute(people_by(attributes, everybody=looks), {**about, **names})
    asked = about.get("above", {})
    lines = await with_above(db, about["workspace_id"], found.scalar_one(), attributes, asked)
    return await asyncio.to_thread(moved, lines, attributes, catalog, wanted)


async def _courses(
    db: AsyncSession, about: Mapping[str, Any], change: SegmentChange, outer: Mapping[int, Moved]
) -> list[Course]:
    """The course that is said, or those the segment is on, and those of segments that move with
    it."""
    course_id, segment_id = change.course_id, about["segment_id"]
    moving = sorted(outer) if course_id is not None else sorted({segment_id, *outer})
    rows = await db.execute(COURSES, {**about, "course_id": course_id, "moving": moving})
    courses = courses_of(rows)
    if course_id is None:
        return courses
    said = next((each for each in courses if each.id == course_id), None)
    if said is None:
        raise not_found("course")
    if change.kind is SegmentChangeKind.CHANGE_MODE and segment_id not in said.modes:
        raise not_found("attachment")
    return courses


async def _on_courses(
    db: AsyncSession,
    change: SegmentChange,
    courses: Sequence[Course],
    moves: Mapping[int, Moved],
    workspace_id: int,
) -> list[OnCourse]:
    """What happens on each course, in at most three statements."""
    if not courses:
        return []
    segment_id = change.segment_id or UNSAVED
    about = {"workspace_id": workspace_id, "segment_id": segment_id}
    moves = {
        id: found for id, found in moves.items() if id == segment_id or found.added or found.removed
    }
    beside = Beside()
    by_mode = decided_by_mode(courses)
    if by_mode:
        pairs = {
            "courses": [each for each, _ in by_mode],
            "segments": [each for _, each in by_mode],
        }
        beside.take_modes(await db.execute(BY_MODE, {**about, **pairs}))
    others = frozenset[int]().union(*(each.followed(moves.keys()) for each in courses))
    asked = {
        "courses": [each.id for each in courses],
        "others": sorted(others),
        "people": array(concerned(change, moves, beside)),
    }
    beside.take(await db.execute(BESIDE, {**about, **asked}))
    counting = Counting(change, moves, beside)
    on_courses = await asyncio.to_thread(counting.on, courses)
    in_doubt = [each.course_id for each in on_courses if each.may_be_emptied]
    if not in_doubt:
        return on_courses
    found = moves[segment_id]
    outside = {
        "outer": sorted(moves.keys() - {segment_id}),
        "moved": array(found.added | found.removed),
        "courses": in_doubt,
    }
    staying = set(await db.scalars(STAYING, {**about, **outside}))
    emptied = set(in_doubt) - staying
    return [replace(each, is_emptied=each.course_id in emptied) for each in on_courses]
