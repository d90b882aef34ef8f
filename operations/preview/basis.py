"""The name of a preview, and whether it still stands where the change is made.

A preview stands until something happens that could change what it says. That is decided by the
journal, under its lock, as the last thing of the change: whatever matters is told in the
transaction that does it, so what has no number by then comes after the change.

What could change it: the segment (its rule, its state, whom it names, where it is attached) and
those that build on it, which move with it; on the courses concerned roles by hand, words beside the
rules, segments, their modes, limit and state; who is in these segments, or in those a rule asks
about; whether there is grace, and how many may go unasked; of people in the segment (where an
attachment ends or begins anew, also of those who were, whom its mode may keep), or of everybody
where a rule is asked, accounts, addresses and invitations; and where a rule is asked values of the
attributes it names, their schema, directory groups and the day, as far as it asks for them. Nothing
else does; so how many removals would wait, which also hangs on who leaves any other segment within
the last hour, is what it was when it was looked at.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.segments import CourseSegment, Segment, SegmentState
from operations import grace, people
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.outer import Outer, outer_segments
from operations.preview.people import GROUPS
from operations.refusals import Code, Refused
from sync_engine.rules import (
    MEMBER_OF,
    OF_PEOPLE,
    InvalidRule,
    Rule,
    attributes_used,
    from_document,
    offsets,
    related_ids,
)

SHOWN: Final = 10
ADDRESS: Final = "emails"
"""The attribute by which somebody can be invited."""

ABOVE: Final = frozenset({"manager", "userName"})
"""The attributes by which somebody is above somebody."""

ANEW: Final = frozenset({SegmentChangeKind.EDIT_RULE, SegmentChangeKind.RESUME})
"""Changes after which everybody is looked at anew."""

ENDS_OR_BEGINS: Final = frozenset(
    {SegmentChangeKind.DETACH, SegmentChangeKind.DELETE, SegmentChangeKind.CHANGE_MODE}
)
"""Changes of what an attachment has given, maybe to people who have left."""

HOLD: Final = text("""
SELECT epoch FROM workspace_stream WHERE workspace_id = :workspace_id FOR NO KEY UPDATE
""")

SINCE: Final = text("""
WITH followed AS (
    SELECT CAST(:segment_id AS integer) AS id
    UNION SELECT unnest(CAST(:inner AS integer[]) || CAST(:moving AS integer[]))
    UNION SELECT segment_id FROM course_segment
           WHERE workspace_id = :workspace_id AND course_id = ANY(:courses)
)
SELECT e.seq, e.verb, e.at, count(*) OVER () AS count
  FROM journal_entry e
 WHERE e.workspace_id = :workspace_id AND e.seq > :seq AND (
       e.segment_id = ANY(:moving) AND (
           e.verb IN ('segment.paused', 'segment.resumed', 'segment.broken', 'segment.restored',
                      'segment.deleted', 'segment.people_named', 'segment.people_unnamed',
                      'segment.attached', 'segment.detached', 'segment.mode_changed',
                      'membership.pinned', 'membership.unpinned', 'pin.expired')
           OR e.verb = 'segment.edited'
              AND jsonb_exists_any(e.after, ARRAY['rule', 'state', 'version']))
    OR e.course_id = ANY(:courses) AND (
           split_part(e.verb, '.', 1) IN ('instructor', 'coordinator', 'override')
           OR e.verb IN ('segment.attached', 'segment.detached', 'segment.mode_changed')
           OR e.verb = 'course.edited'
              AND jsonb_exists_any(e.after, ARRAY['state', 'segmentLimit']))
    OR e.verb = 'workspace.edited'
       AND jsonb_exists_any(e.after, ARRAY['segmentLimit', 'grace_days'])
    OR :asks AND (
           split_part(e.verb, '.', 1) = 'hold'
              AND (e.segment_id IS NULL OR e.segment_id = ANY(:moving))
           OR e.verb = 'workspace.edited'
              AND jsonb_exists_any(e.after, ARRAY['hold_people', 'hold_percent', 'hold_minutes']))
    OR e.verb = 'membership.changed' AND jsonb_exists_any(
           e.detail -> 'segments', ARRAY(SELECT id::text FROM followed))
    OR (e.verb IN ('member.added', 'member.activated', 'member.reactivated', 'member.deactivated',
                   'member.deleted', 'invitation.sent')
        OR e.verb = 'member.changed' AND jsonb_exists(e.after, :address))
       AND (:asks OR EXISTS (SELECT FROM membership m
                              WHERE m.segment_id = :segment_id AND m.member_id = e.member_id
                                AND (m.until IS NULL OR :keeps)))
    OR e.verb = 'member.changed' AND jsonb_exists_any(e.after, CAST(:attributes AS text[]))
    OR split_part(e.verb, '.', 1) = 'group' AND e.course_id IS NULL AND :asks_groups
    OR split_part(e.verb, '.', 1) = 'attribute' AND :asks
    OR e.verb = 'clock.ticked' AND :asks_clock)
 ORDER BY e.seq LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Basis:
    """Which change was looked at (`SegmentChange.digest`), and the place in the journal, in the
    workspace's `epoch`, up to which everything is in the preview."""

    digest: str
    workspace_id: int
    epoch: uuid.UUID
    seq: int


async def refuse_outdated(
    db: AsyncSession,
    *,
    by: Caller,
    basis: Basis | None,
    change: SegmentChange,
    segment: Segment,
    course_ids: Collection[int] | None = None,
) -> None:
    """PREVIEW_OUTDATED where the preview of this change does not stand any more. It concerns the
    courses given, or those the segment is on. Nothing may be changed after this in the same
    transaction: the journal is the last lock."""
    if basis is None:
        return
    if basis.digest != change.digest or basis.workspace_id != by.workspace_id:
        raise Refused(
            Code.BAD_USER_INPUT,
            "`basedOn` is the preview of another change; look at this one.",
            {"argument": "basedOn"},
        )
    await grace.settle(db)
    await db.flush()
    if course_ids is None:
        course_ids = await _courses_of(db, segment, [segment.id])
    asks = change.kind in ANEW and segment.state is SegmentState.ACTIVE
    rule = await _rule_of(db, segment) if asks else None
    outer: list[Outer] = []
    if change.kind in ANEW:
        catalog = await people.catalog_of(db, segment.workspace_id)
        outer = await outer_segments(db, segment.workspace_id, segment.id, catalog)
        course_ids = {*course_ids, *await _courses_of(db, segment, [each.id for each in outer])}
    rules = [*([] if rule is None else [rule]), *(each.rule for each in outer)]
    used = set[str]().union(*map(attributes_used, rules))
    epoch = await db.scalar(HOLD, {"workspace_id": by.workspace_id})
    found = await db.execute(
        SINCE,
        {
            "workspace_id": by.workspace_id,
            "seq": basis.seq if epoch == basis.epoch else -1,
            "segment_id": change.segment_id,
            "moving": [change.segment_id, *(each.id for each in outer)],
            "courses": sorted(course_ids),
            "address": ADDRESS,
            "attributes": sorted(used | (ABOVE if used & OF_PEOPLE else set())),
            "asks": asks,
            "keeps": change.kind in ENDS_OR_BEGINS,
            "asks_groups": GROUPS in used,
            "inner": sorted(set[int]().union(*(related_ids(each, MEMBER_OF) for each in rules))),
            "asks_clock": any(
                offsets(each) for each in (rule, *(one.rule for one in outer)) if each
            ),
            "most": SHOWN,
        },
    )
    rows = found.all()
    if rows or epoch != basis.epoch:
        raise Refused(
            Code.PREVIEW_OUTDATED,
            f"{rows[0].count if rows else 'All'} change(s) since the preview could matter to it;"
            " look at it again.",
            {
                "count": rows[0].count if rows else None,
                "changes": [
                    {"seq": str(row.seq), "verb": row.verb, "at": row.at.isoformat()}
                    for row in rows
                ],
            },
        )


async def _courses_of(
    db: AsyncSession, segment: Segment, segment_ids: Collection[int]
) -> list[int]:
    rows = await db.scalars(
        select(CourseSegment.course_id).where(
            CourseSegment.workspace_id == segment.workspace_id,
            CourseSegment.segment_id.in_(segment_ids),
        )
    )
    return list(rows)


async def _rule_of(db: AsyncSession, segment: Segment) -> Rule | None:
    """The rule people are asked by; None where it names them, or cannot be asked."""
    if segment.rule is None:
        return None
    try:
        return from_document(segment.rule, await people.catalog_of(db, segment.workspace_id))
    except InvalidRule:
        return None
