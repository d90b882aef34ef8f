"""Why someone is, or is not, coordinator of a course: every source, clause, value and cause."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.coordinators import CoordinatorOverride, CourseRole, CourseRoleKind, OverrideKind
from models.journal import JournalEntry
from models.people import Member, MemberState
from models.segments import CourseSegment, Membership, Segment, SegmentKind, SegmentState
from models.workspaces import EngineState
from operations import freshness, people, visible
from operations.freshness import Freshness
from operations.refusals import not_found
from operations.rights import require
from sync_engine.rules import (
    Catalog,
    Explanation,
    Facts,
    InvalidRule,
    deciding,
    explain,
    from_document,
)


class Standing(StrEnum):
    """How a person stands to the coordinator role of a course. The first that holds, counts."""

    INSTRUCTOR = "INSTRUCTOR"
    ACCOUNT_NOT_ACTIVE = "ACCOUNT_NOT_ACTIVE"
    DIRECT = "DIRECT"
    DERIVED = "DERIVED"
    KEPT = "KEPT"
    EXCLUDED = "EXCLUDED"
    NO_SOURCE = "NO_SOURCE"


@dataclass(frozen=True, slots=True)
class Cause:
    """The journal entry of the change that led here: what happened, when, and who caused it."""

    seq: int
    at: dt.datetime
    verb: str
    by_name: str
    origin: str
    before: dict[str, object] | None
    after: dict[str, object] | None


OF_A_SEGMENT: Final = frozenset({"name", "kind", "state", "rule", "place", "memberIds"})
"""What a cause tells of a change of a segment."""


@dataclass(frozen=True, slots=True)
class SegmentReason:
    """What one attached segment says about the person.

    `is_member` is what the engine has stored, `explanation` walks the present rule over the
    present facts. They differ only while work waits, or where the segment is frozen.
    """

    segment_id: int
    name: str
    kind: SegmentKind
    state: SegmentState
    is_member: bool
    since: dt.datetime | None
    explanation: Explanation | None
    sentences: tuple[str, ...]
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class WhyCoordinator:
    """The whole answer, for the present."""

    course_id: int
    member_id: int
    standing: Standing
    is_coordinator: bool
    summary: str
    role: CourseRole | None
    role_cause: Cause | None
    override: CoordinatorOverride | None
    segments: tuple[SegmentReason, ...]
    freshness: Freshness


async def membership(
    db: AsyncSession, *, by: Caller, course_id: int, member_id: int
) -> WhyCoordinator:
    """Explain the present (S10). About oneself it is open to whoever sees the course."""
    course = await db.scalar(visible.courses(by).where(Course.id == course_id))
    if course is None:
        raise not_found("course")
    await require(
        db,
        by,
        Permission.EXPLAIN_MEMBERSHIP,
        course_id=course_id,
        is_self=by.member_id == member_id,
    )
    member = await db.scalar(
        select(Member).where(
            Member.workspace_id == by.workspace_id,
            Member.id == member_id,
            Member.deleted_at.is_(None),
        )
    )
    if member is None:
        raise not_found("member")
    role = await db.get(CourseRole, (course_id, member_id))
    override = await db.get(CoordinatorOverride, (course_id, member_id))
    reasons = await _segments(db, member, course_id)
    standing = _standing(member, role, override, reasons)
    wanted = {role.cause} if role and role.cause else set()
    causes = await _causes(db, by.workspace_id, wanted, member_id, ())
    return WhyCoordinator(
        course_id=course_id,
        member_id=member_id,
        standing=standing,
        is_coordinator=standing in (Standing.DIRECT, Standing.DERIVED, Standing.KEPT),
        summary=_summary(member, course, standing, override, reasons),
        role=role,
        role_cause=causes.get(role.cause) if role and role.cause else None,
        override=override,
        segments=reasons,
        freshness=(await freshness.of_courses(db, by.workspace_id, [course_id]))[course_id],
    )


async def _segments(db: AsyncSession, member: Member, course_id: int) -> tuple[SegmentReason, ...]:
    workspace_id, member_id = member.workspace_id, member.id
    rows: Sequence[Any] = (
        await db.execute(
            select(CourseSegment, Segment, Membership)
            .join(Segment, Segment.id == CourseSegment.segment_id)
            .outerjoin(
                Membership,
                (Membership.segment_id == Segment.id)
                & (Membership.member_id == member_id)
                & Membership.until.is_(None),
            )
            .where(CourseSegment.course_id == course_id)
            .order_by(CourseSegment.place)
        )
    ).all()
    catalog = await people.catalog_of(db, workspace_id)
    facts = (await people.facts_of(db, workspace_id, [member_id], catalog)).get(member_id, {})
    today = await db.scalar(
        select(EngineState.today).where(EngineState.workspace_id == workspace_id)
    )
    wanted = {attachment.cause for attachment, _, _ in rows if attachment.cause}
    wanted |= {current.cause for _, _, current in rows if current is not None and current.cause}
    attached = [segment.id for _, segment, _ in rows]
    causes = await _causes(db, workspace_id, wanted, member_id, attached)
    reasons = []
    for attachment, segment, current in rows:
        explanation = _explained(segment, catalog, facts, today, member)
        reasons.append(
            SegmentReason(
                segment_id=segment.id,
                name=segment.name,
                kind=segment.kind,
                state=segment.state,
                is_member=current is not None,
                since=_since(attachment, current),
                explanation=explanation,
                sentences=_sentences(segment, current is not None, explanation),
                cause=_about(_latest(causes, attachment, current), explanation, member_id),
            )
        )
    return tuple(reasons)


def _explained(
    segment: Segment, catalog: Catalog, facts: Facts, today: dt.date | None, member: Member
) -> Explanation | None:
    """The rule over the facts; None where there is no rule, or where it cannot be understood."""
    if segment.rule is None or today is None:
        return None
    try:
        rule = from_document(segment.rule, catalog, draft=True)
    except InvalidRule:
        return None
    return explain(rule, facts, today, attributes=member.attributes)


def _about(cause: Cause | None, explanation: Explanation | None, member_id: int) -> Cause | None:
    """The cause, as far as it is about this person: of a change of a person what the rule looks
    at; of a change of a segment what explaining shows of segments anyway, and nobody else in it.
    """
    if cause is None or not cause.verb.startswith(("member.", "segment.")):
        return cause
    looked_at = _attributes(explanation) if explanation else frozenset()
    shown = looked_at if cause.verb.startswith("member.") else OF_A_SEGMENT
    before, after = _only(shown, cause.before), _only(shown, cause.after)
    return replace(cause, before=_alone(before, member_id), after=_alone(after, member_id))


def _alone(said: dict[str, object] | None, member_id: int) -> dict[str, object] | None:
    """Who else was named in the same step is not for this person to know."""
    if said is None or not isinstance(named := said.get("memberIds"), list):
        return said
    return said | {"memberIds": [id for id in named if id == member_id]}


def _attributes(explanation: Explanation) -> frozenset[str]:
    own = {explanation.attribute} if explanation.attribute else set()
    return frozenset(own).union(*(_attributes(each) for each in explanation.children))


def _only(names: Collection[str], said: Mapping[str, Any] | None) -> dict[str, object] | None:
    """Those attributes of what an entry says: member.added has them one level down."""
    if said is None:
        return None
    attributes = said.get("attributes", said)
    kept = {name: attributes[name] for name in names if name in attributes}
    return kept | ({"state": said["state"]} if "state" in said else {})


def _since(attachment: CourseSegment, current: Membership | None) -> dt.datetime | None:
    return None if current is None else max(attachment.attached_at, current.since)


def _sentences(
    segment: Segment, is_member: bool, explanation: Explanation | None
) -> tuple[str, ...]:
    frozen = segment.state in (SegmentState.PAUSED, SegmentState.BROKEN)
    said = [f"“{segment.name}” is {segment.state.value} and keeps what it gave."] if frozen else []
    if explanation is None and segment.kind is SegmentKind.RULE:
        said.append("belongs to it" if is_member else "does not belong to it")
    elif explanation is None:
        said.append("is named in it" if is_member else "is not named in it")
    else:
        said.extend(leaf.sentence or leaf.text for leaf in deciding(explanation))
    return tuple(said)


def _latest(
    causes: dict[uuid.UUID, Cause], attachment: CourseSegment, current: Membership | None
) -> Cause | None:
    """What made the person coordinator through this segment: the later of joining and attaching."""
    if current is None:
        return None
    newest = attachment.cause if attachment.attached_at > current.since else current.cause
    return causes.get(newest) if newest else None


async def _causes(
    db: AsyncSession,
    workspace_id: int,
    wanted: Collection[uuid.UUID],
    member_id: int,
    segment_ids: Collection[int],
) -> dict[uuid.UUID, Cause]:
    """For each cause the entry that concerns the person, else the one about a segment, else one
    about neither: a directory group, the clock."""
    if not wanted:
        return {}
    rows = await db.scalars(
        select(JournalEntry)
        .where(
            JournalEntry.workspace_id == workspace_id,
            JournalEntry.cause.in_(wanted),
            (JournalEntry.member_id == member_id)
            | JournalEntry.segment_id.in_(segment_ids)
            | _is_about_nobody(),
        )
        .order_by(
            JournalEntry.member_id.is_not(None),
            JournalEntry.segment_id.is_not(None),
            JournalEntry.seq.desc(),
        )
    )
    return {
        row.cause: Cause(row.seq, row.at, row.verb, row.by_name, row.origin, row.before, row.after)
        for row in rows
        if row.cause is not None
    }


def _is_about_nobody() -> ColumnElement[bool]:
    """Neither about a person, a segment or a course, nor what the engine made of a change."""
    routed = (
        JournalEntry.member_id,
        JournalEntry.segment_id,
        JournalEntry.course_id,
        JournalEntry.change_set_id,
    )
    return and_(*(column.is_(None) for column in routed))


def _standing(
    member: Member,
    role: CourseRole | None,
    override: CoordinatorOverride | None,
    reasons: Collection[SegmentReason],
) -> Standing:
    follows = any(reason.is_member for reason in reasons)
    kind = override.kind if override else None
    tests = (
        (Standing.INSTRUCTOR, role is not None and role.role is CourseRoleKind.INSTRUCTOR),
        (Standing.ACCOUNT_NOT_ACTIVE, member.state is not MemberState.ACTIVE),
        (Standing.DIRECT, role is not None),
        (Standing.EXCLUDED, follows and kind is OverrideKind.EXCLUDE),
        (Standing.DERIVED, follows),
        (Standing.KEPT, kind is OverrideKind.KEEP),
    )
    return next((standing for standing, holds in tests if holds), Standing.NO_SOURCE)


def _summary(
    member: Member,
    course: Course,
    standing: Standing,
    override: CoordinatorOverride | None,
    reasons: Collection[SegmentReason],
) -> str:
    who, what = member.display_name, f"“{course.title}”"
    through = ", ".join(f"“{r.name}”" for r in reasons if r.is_member)
    match standing:
        case Standing.INSTRUCTOR:
            beside = f", which beats the coordinator role through {through}" if through else ""
            return f"{who} is an instructor of {what}{beside}."
        case Standing.ACCOUNT_NOT_ACTIVE:
            return f"{who} is no coordinator of {what}: the account is {member.state.value}."
        case Standing.DIRECT:
            also = f", and also follows {through}" if through else ""
            return f"{who} was made coordinator of {what} by hand{also}."
        case Standing.EXCLUDED:
            why = f": {override.reason}" if override else ""
            return f"{who} follows {through} but is excluded from {what}{why}"
        case Standing.DERIVED:
            return f"{who} is coordinator of {what} through {through}."
        case Standing.KEPT:
            why = f": {override.reason}" if override else ""
            return f"{who} is kept as coordinator of {what} beside its segments{why}"
        case Standing.NO_SOURCE:
            return f"{who} is no coordinator of {what}: not by hand, and no segment matches."
