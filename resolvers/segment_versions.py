"""Versions of the rules of segments: listed, compared, taken back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.segments import Segment, SegmentVersion
from operations import segment_versions
from operations.relations import mentioned_in
from operations.segment_rules import remembered
from operations.segment_versions import Compared
from resolvers import positions
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.nested import Nested, unsearched
from resolvers.references import Reference, refer
from resolvers.seal import Cursor
from resolvers.segments import catalogs, names_in_rules
from sync_engine.rules import UNCHECKED, Difference, DifferenceKind, InvalidRule, Part
from sync_engine.rules import format as written

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

refer(SegmentVersion, lambda _, caller: Reference(Scope.WORKSPACE, caller.workspace_id))
refer(Compared, lambda _, caller: Reference(Scope.WORKSPACE, caller.workspace_id))


@dataclass(frozen=True, slots=True)
class RuleDifference:
    """One node of the tree of differences, in document order. `depth` is 0 for the whole rule."""

    depth: int
    kind: DifferenceKind
    part: Part
    before: str | None
    after: str | None
    path_before: str | None
    path_after: str | None


def _versions(context: Context, owner: Any, _: None) -> Select[Any]:
    return (
        select(SegmentVersion)
        .join(Segment, Segment.id == SegmentVersion.segment_id)
        .where(
            SegmentVersion.segment_id == owner,
            Segment.workspace_id == context.signed_in.workspace_id,
        )
    )


VERSIONS: Final = Nested("segment.versions", SegmentVersion, (-SegmentVersion.version,), _versions)


versions = unsearched(VERSIONS)


async def version_text(root: Parent, info: Info) -> str | None:
    catalog = await info.context.load(catalogs, info.context.signed_in.workspace_id)
    said, related = mentioned_in(root.rule), UNCHECKED
    if said:
        related = await info.context.load(names_in_rules, said)
    try:
        return written(remembered(root.rule, catalog, related))
    except InvalidRule:
        return None


async def compare_segment_versions(
    info: Info,
    *,
    segment_id: strawberry.ID,
    before: int,
    after: int | None = None,
    at_least: Cursor | None = None,
) -> Compared:
    await positions.at_least(info.context, at_least)
    number = number_of(segment_id, "Segment")
    async with info.context.read() as db:
        return await segment_versions.compare(
            db, by=info.context.signed_in, segment_id=number, before=before, after=after
        )


def parts(root: Parent) -> list[RuleDifference]:
    return list(_flat(root.difference, 0))


def _flat(found: Difference, depth: int) -> Iterator[RuleDifference]:
    yield RuleDifference(
        depth,
        found.kind,
        found.part,
        found.text_before,
        found.text_after,
        found.path_before,
        found.path_after,
    )
    for each in found.children:
        yield from _flat(each, depth + 1)


async def roll_back_segment(
    info: Info,
    *,
    segment_id: strawberry.ID,
    to_version: int,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(segment_id, "Segment")
        await segment_versions.roll_back(db, by=caller, segment_id=number, to_version=to_version)
        return {"segment_id": number}

    return await answer(info, operation)
