"""Rules of segments: read against the catalog of today, and kept as versions."""

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.base import Json
from models.journal import cause_of
from models.segments import Segment, SegmentVersion, VersionOrigin
from operations import people
from operations.refusals import Code, Refused
from sync_engine.rules import Catalog, InvalidRule, Rule, from_document, parse


async def rule_of(db: AsyncSession, *, workspace_id: int, rule: str | Json) -> Rule:
    """A rule from its text or its document; raises Refused with every problem located."""
    return read(rule, await people.catalog_of(db, workspace_id))


def read(rule: str | Json, catalog: Catalog) -> Rule:
    """The same against a catalog that is known."""
    try:
        return parse(rule, catalog) if isinstance(rule, str) else from_document(rule, catalog)
    except InvalidRule as invalid:
        problems = [
            {
                "code": each.code,
                "message": each.message,
                "path": each.path,
                "start": each.start,
                "end": each.end,
            }
            for each in invalid.problems
        ]
        raise Refused(
            Code.INVALID_RULE,
            f"The rule has {len(problems)} problem(s): {problems[0]['message']}",
            {"problems": problems},
        ) from None


def version_of(
    db: AsyncSession,
    by: Caller,
    segment: Segment,
    origin: VersionOrigin,
    restores: int | None = None,
) -> SegmentVersion:
    """The row that keeps the rule a segment has now."""
    return SegmentVersion(
        segment_id=segment.id,
        version=segment.version or 1,
        rule=segment.rule,
        origin=origin,
        restores=restores,
        created_by_id=by.member_id,
        created_by_name=by.name,
        cause=cause_of(db),
    )
