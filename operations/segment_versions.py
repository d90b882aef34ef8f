"""Versions of the rule of a segment: compared, and taken back (S6)."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import record
from models.segments import Segment, SegmentVersion
from operations import people, segments
from operations.refusals import Code, Refused, not_found
from operations.relations import mentioned_in, names_of, together
from operations.rights import require
from operations.segment_rules import remembered
from operations.segment_words import said
from sync_engine.rules import Difference, difference, sentences


@dataclass(frozen=True, slots=True)
class Compared:
    """What makes the rule of one version that of another."""

    segment: Segment
    before: SegmentVersion
    after: SegmentVersion
    difference: Difference

    @property
    def sentences(self) -> list[str]:
        return sentences(self.difference)


async def roll_back(db: AsyncSession, *, by: Caller, segment_id: int, to_version: int) -> Segment:
    """Let the segment follow the rule of an earlier version again: as a further version, applied
    as a difference, so nobody loses and regains anything in between.

    The rule is read against the catalog of today: where an attribute has gone it is INVALID_RULE.
    """
    segment = await segments.lock(
        db, by=by, segment_id=segment_id, permission=Permission.CREATE_EDIT_SEGMENT
    )
    before = said(segment)
    version = await _version(db, segment, to_version)
    await segments.set_rule(db, by, segment, version.rule, restores=version.version)
    after = said(segment)
    if before != after:
        different = [key for key in after if before[key] != after[key]]
        record(
            db,
            by=by,
            verb="segment.restored",
            segment_id=segment.id,
            before={key: before[key] for key in different},
            after={key: after[key] for key in different},
            detail={"restores": version.version},
        )
    return segment


async def compare(
    db: AsyncSession, *, by: Caller, segment_id: int, before: int, after: int | None = None
) -> Compared:
    """What differs from the rule of version `before` to that of `after`, or to the present one."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    segment = await db.scalar(
        select(Segment).where(
            Segment.workspace_id == by.workspace_id,
            Segment.id == segment_id,
            Segment.deleted_at.is_(None),
        )
    )
    if segment is None:
        raise not_found("segment")
    one = await _version(db, segment, before)
    other = await _version(db, segment, segment.version if after is None else after)
    catalog = await people.catalog_of(db, by.workspace_id)
    said = together(map(mentioned_in, (one.rule, other.rule)))
    related = await names_of(db, by.workspace_id, said, is_strict=False)
    rules = remembered(one.rule, catalog, related), remembered(other.rule, catalog, related)
    return Compared(segment, one, other, difference(*rules))


async def _version(db: AsyncSession, segment: Segment, number: int) -> SegmentVersion:
    found: SegmentVersion | None = await db.scalar(
        select(SegmentVersion).where(
            SegmentVersion.segment_id == segment.id, SegmentVersion.version == number
        )
    )
    if found is None:
        raise Refused(
            Code.NOT_FOUND,
            f"“{segment.name}” has no version {number}; its versions are 1 to {segment.version}."
            if segment.rule is not None
            else f"“{segment.name}” names people; it has no versions.",
        )
    return found
