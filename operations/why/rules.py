"""Segments, the versions of their rules, and the attribute schema, at a place in the journal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.segments import Segment, SegmentKind, SegmentState, SegmentVersion
from operations import people
from sync_engine.rules import (
    UNCHECKED,
    Attribute,
    AttributeType,
    Catalog,
    InvalidRule,
    Owner,
    Related,
    Rule,
    attributes_used,
    from_document,
)

EDITS_SINCE: Final = text("""
SELECT segment_id, before FROM journal_entry
 WHERE workspace_id = :workspace_id AND segment_id = ANY (CAST(:segment_ids AS integer[]))
   AND seq > :seq AND course_id IS NULL AND before IS NOT NULL
   AND verb NOT IN ('segment.people_unnamed', 'segment.deleted')
 ORDER BY seq DESC
""")

SCHEMA_EDITS: Final = text("""
SELECT seq, before, after, detail ->> 'name' AS name FROM journal_entry
 WHERE workspace_id = :workspace_id
   AND verb IN ('attribute.defined', 'attribute.changed', 'attribute.removed')
 ORDER BY seq
""")


@dataclass(frozen=True, slots=True)
class SegmentThen:
    """A segment as it was. `rule` is the document of the version that held; None: it has none."""

    id: int
    name: str
    kind: SegmentKind
    state: SegmentState
    version: int
    rule: Any


@dataclass(frozen=True, slots=True)
class Schema:
    """The attribute schema as it was, and where everybody's values of an attribute were
    forgotten, then or since; and what those are called whom rules name."""

    catalog: Catalog
    forgotten: Mapping[str, Sequence[int]]
    related: Related = UNCHECKED

    def read(self, document: Any) -> Rule | None:
        """A stored rule; None where it cannot be understood."""
        if document is None:
            return None
        try:
            return from_document(document, self.catalog, draft=True, related=self.related)
        except InvalidRule:
            return None


async def segments_at(
    db: AsyncSession, workspace_id: int, segment_ids: Collection[int], seq: int
) -> dict[int, SegmentThen]:
    """These segments, with every edit since taken back, the newest first."""
    rows = await db.scalars(
        select(Segment).where(Segment.workspace_id == workspace_id, Segment.id.in_(segment_ids))
    )
    segments = list(rows)
    said: dict[int, dict[str, Any]] = {each.id: _said(each) for each in segments}
    about = {"workspace_id": workspace_id, "segment_ids": sorted(said), "seq": seq}
    for segment_id, before in await db.execute(EDITS_SINCE, about):
        said[segment_id].update(before)
    versions = await _documents(
        db, {each.id: said[each.id]["version"] for each in segments if each.rule is not None}
    )
    return {
        each.id: SegmentThen(
            each.id,
            str(said[each.id]["name"]),
            each.kind,
            SegmentState(said[each.id]["state"]),
            int(said[each.id]["version"]),
            versions.get(each.id, said[each.id]["rule"]),
        )
        for each in segments
    }


def _said(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "state": segment.state,
        "version": segment.version,
        "rule": segment.rule,
    }


async def _documents(db: AsyncSession, versions: Mapping[int, int]) -> dict[int, Any]:
    if not versions:
        return {}
    rows = await db.execute(
        select(SegmentVersion.segment_id, SegmentVersion.rule).where(
            tuple_(SegmentVersion.segment_id, SegmentVersion.version).in_(versions.items())
        )
    )
    return {row.segment_id: row.rule for row in rows}


async def schema_at(db: AsyncSession, workspace_id: int, seq: int) -> Schema:
    """The attribute schema, with every edit since taken back, the newest first."""
    catalog = {**await people.catalog_of(db, workspace_id)}
    edits = list(await db.execute(SCHEMA_EDITS, {"workspace_id": workspace_id}))
    forgotten: dict[str, list[int]] = {}
    for edit in edits:
        if _forgets(edit.before, edit.after):
            forgotten.setdefault(edit.name, []).append(edit.seq)
    for edit in reversed(edits):
        if edit.seq <= seq:
            break
        before = _definition(edit.before)
        if before is None:
            catalog.pop(edit.name, None)
        else:
            catalog[edit.name] = before
    return Schema(catalog, forgotten)


def _definition(said: Mapping[str, Any] | None) -> Attribute | None:
    if said is None:
        return None
    return Attribute(said["name"], AttributeType(said["type"]), Owner(said["owner"]))


def _forgets(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """The rule of `operations.schema_edits.Plan.forgotten`."""
    if before is None:
        return False
    return after is None or before["owner"] == Owner.MEMBER != after["owner"]


def looked_at(rules: Collection[Rule | None]) -> frozenset[str]:
    """The attributes that these rules use."""
    used = (attributes_used(rule) for rule in rules if rule is not None)
    return frozenset[str]().union(*used)
