"""Rules of segments: read against the catalog of today, and kept as versions."""

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.base import Json
from models.journal import cause_of
from models.segments import Segment, SegmentVersion, VersionOrigin
from operations import people
from operations.refusals import Code, Refused
from operations.relations import related_to
from sync_engine.rules import (
    RELATIONS,
    UNCHECKED,
    Attribute,
    AttributeType,
    Catalog,
    InvalidRule,
    Owner,
    Related,
    Rule,
    catalog_of,
    from_document,
    parse,
)


async def rule_of(
    db: AsyncSession, *, workspace_id: int, rule: str | Json, segment_id: int | None = None
) -> Rule:
    """A rule, of a segment or of a new one, from its text or its document; raises Refused with
    every problem located."""
    catalog = await people.catalog_of(db, workspace_id)
    related = await related_to(db, workspace_id, rule, segment_id=segment_id)
    return read(rule, catalog, related)


def read(rule: str | Json, catalog: Catalog, related: Related = UNCHECKED) -> Rule:
    """The same against a catalog that is known, and whom it may name."""
    try:
        if isinstance(rule, str):
            return parse(rule, catalog, related=related)
        return from_document(rule, catalog, related=related)
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


def remembered(document: Json, catalog: Catalog, related: Related = UNCHECKED) -> Rule:
    """A rule that was valid once: read against the catalog of today, or else against attributes of
    the types that its own clauses speak of. For showing and comparing, never for evaluating."""
    try:
        return from_document(document, catalog, draft=True, related=related)
    except InvalidRule:
        spoken_of = catalog_of(_spoken_of(document))
        return from_document(document, spoken_of, draft=True, related=related)


def _spoken_of(document: object) -> list[Attribute]:
    """An attribute for each name, of the first type under which all its clauses can be read."""
    clauses: dict[str, list[Json]] = {}
    for each in _clauses(document):
        clauses.setdefault(str(each["attr"]).lower(), []).append(each)
    return [_attribute(its) for its in clauses.values()]


def _clauses(node: object) -> Iterator[Json]:
    if isinstance(node, list):
        for each in node:
            yield from _clauses(each)
    elif isinstance(node, dict):
        if "attr" in node:
            if node["attr"] not in RELATIONS:
                yield node
        else:
            yield from _clauses([*node.values()])


def _attribute(clauses: Sequence[Json]) -> Attribute:
    name = str(clauses[0]["attr"])
    found = (Attribute(name, type, Owner.ADMINISTRATOR) for type in AttributeType)
    any_type = Attribute(name, AttributeType.STRING, Owner.ADMINISTRATOR)
    return next((each for each in found if _reads(each, clauses)), any_type)


def _reads(attribute: Attribute, clauses: Sequence[Json]) -> bool:
    try:
        for each in clauses:
            from_document(each, {attribute.name: attribute})
    except InvalidRule:
        return False
    return True
