"""The attribute schema of a workspace: what is known about people, and whose it is (S4, S5).

A segment whose rule uses an attribute that goes, changes its type, or comes into members' own
hands is BROKEN in the same transaction: frozen, never emptied. Facts, definitions and the epoch of
those segments change together, so the engine reads either all of it or none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import record
from models.people import AttributeDefinition, MemberMoment
from models.segments import Segment, SegmentState
from operations import people
from operations.refusals import Code, Refused
from operations.rights import require
from operations.schema_edits import Change, Plan, planned, told, verb_of
from sync_engine.markers import raise_epoch
from sync_engine.rules import Attribute, Catalog, Owner, fold, moments, to_json

READ_ANEW_AT_MOST: Final = 5_000
USING: Final = text("""
SELECT s.id, s.name, s.state, array_agg(DISTINCT used.name #>> '{}') AS names
  FROM segment s, jsonb_path_query(s.rule, '$.**.attr') AS used(name)
 WHERE s.workspace_id = :workspace_id AND s.deleted_at IS NULL AND s.kind = 'RULE'
   AND used.name #>> '{}' = ANY(CAST(:names AS text[]))
 GROUP BY s.id, s.name, s.state ORDER BY s.id
""")

WITH_VALUES: Final = text("""
SELECT count(*) FROM member WHERE workspace_id = :workspace_id
   AND jsonb_exists_any(attributes, CAST(:names AS text[]))
""")

VALUES: Final = text("""
SELECT id, attributes FROM member
 WHERE workspace_id = :workspace_id AND jsonb_exists_any(attributes, CAST(:names AS text[]))
 ORDER BY id FOR NO KEY UPDATE
""")

FORGET: Final = text("""
WITH locked AS (
    SELECT id FROM member
     WHERE workspace_id = :workspace_id
       AND (jsonb_exists_any(attributes, CAST(:names AS text[]))
            OR jsonb_exists_any(facts, CAST(:names AS text[])))
     ORDER BY id FOR NO KEY UPDATE)
UPDATE member m
   SET attributes = m.attributes - CAST(:names AS text[]),
       facts = m.facts - CAST(:names AS text[]), revision = m.revision + 1
  FROM locked WHERE m.id = locked.id
""")

READ_ANEW: Final = text("""
UPDATE member m
   SET facts = (m.facts - CAST(:names AS text[])) || CAST(said.facts AS jsonb)
  FROM unnest(CAST(:ids AS bigint[]), CAST(:facts AS text[])) AS said(id, facts)
 WHERE m.id = said.id
""")


@dataclass(frozen=True, slots=True)
class Affected:
    """A segment whose rule uses what goes or changes; `breaks` if it is ACTIVE."""

    segment_id: int
    breaks: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Edited:
    """The schema afterwards, the segments concerned, and how many people's values are."""

    catalog: Catalog
    affected: tuple[Affected, ...]
    people: int


async def visible(db: AsyncSession, *, workspace_id: int, is_whole: bool) -> list[Attribute]:
    """The schema, or of it what members write themselves, by name."""
    catalog = await people.catalog_of(db, workspace_id)
    return [each for each in catalog.values() if is_whole or each.owner is Owner.MEMBER]


async def edit(
    db: AsyncSession,
    *,
    by: Caller,
    define: Sequence[Attribute] = (),
    change: Sequence[Change] = (),
    remove: Collection[str] = (),
    dry_run: bool = False,
) -> Edited:
    """Add, change and remove attributes, all of it or nothing.

    `dry_run` says which segments would break and how many people are concerned, and writes
    nothing. Removing forgets the values. A new type is read into at most 5,000 people's values
    at once; beyond, it is refused.
    """
    await require(db, by, Permission.EDIT_ATTRIBUTE_SCHEMA)
    rows = await _lock(db, by.workspace_id)
    catalog = await people.catalog_of(db, by.workspace_id)
    plan = planned(catalog, define, change, remove)
    after = {**catalog, **plan.after}
    edited = Edited(
        {name: each for name, each in sorted(after.items()) if each is not None},
        await _affected(db, by.workspace_id, plan.reasons),
        await _count(db, by.workspace_id, plan.forgotten + plan.read_anew),
    )
    _refuse_too_many(await _count(db, by.workspace_id, plan.read_anew), plan.read_anew)
    if not dry_run:
        await _apply(db, by, plan, rows, edited)
    return edited


async def _lock(db: AsyncSession, workspace_id: int) -> dict[str, AttributeDefinition]:
    """All definitions, locked: two edits of one schema wait for each other."""
    rows = await db.scalars(
        select(AttributeDefinition)
        .where(AttributeDefinition.workspace_id == workspace_id)
        .order_by(AttributeDefinition.name)
        .with_for_update()
    )
    return {row.name: row for row in rows}


def _refuse_too_many(count: int, names: Sequence[str]) -> None:
    if count > READ_ANEW_AT_MOST:
        raise Refused(
            Code.LIMIT_REACHED,
            f"{count} people have a value of {', '.join(names)}; of at most {READ_ANEW_AT_MOST} it "
            "can be read as another type. Remove the attribute, define it anew, and let the "
            "provider send the values again.",
            {"limit": READ_ANEW_AT_MOST, "count": count},
        )


async def _count(db: AsyncSession, workspace_id: int, names: Sequence[str]) -> int:
    if not names:
        return 0
    about = {"workspace_id": workspace_id, "names": list(names)}
    return await db.scalar(WITH_VALUES, about) or 0


async def _affected(
    db: AsyncSession, workspace_id: int, reasons: Mapping[str, str]
) -> tuple[Affected, ...]:
    if not reasons:
        return ()
    about = {"workspace_id": workspace_id, "names": list(reasons)}
    return tuple(
        Affected(
            row.id,
            row.state == SegmentState.ACTIVE,
            " ".join(reasons[name] for name in sorted(row.names)),
        )
        for row in await db.execute(USING, about)
    )


async def _apply(
    db: AsyncSession,
    by: Caller,
    plan: Plan,
    rows: Mapping[str, AttributeDefinition],
    edited: Edited,
) -> None:
    if not plan.after:
        return
    await _break(db, by, [each for each in edited.affected if each.breaks])
    if plan.forgotten:
        await _forget(db, by.workspace_id, plan.forgotten)
    if plan.read_anew:
        await _read_anew(db, by.workspace_id, plan)
    for name, before, after in plan:
        await _write(db, by, rows.get(name), after)
        record(
            db,
            by=by,
            verb=verb_of(before, after),
            before=told(before),
            after=told(after),
            detail={"name": name, "people": edited.people},
        )
    await db.flush()


async def _break(db: AsyncSession, by: Caller, affected: Sequence[Affected]) -> None:
    """Freeze these segments; every process reads the schema anew with the epoch they get.

    Their rows are locked in the order of their ids, and only then the engine's, as editors of
    segments do.
    """
    reasons = {each.segment_id: each.reason for each in affected}
    segments = await db.scalars(
        select(Segment)
        .where(
            Segment.workspace_id == by.workspace_id,
            Segment.id.in_(reasons),
            Segment.state == SegmentState.ACTIVE,
        )
        .order_by(Segment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    broken = list(segments)
    epoch = await raise_epoch(db, by.workspace_id)
    for segment in broken:
        segment.state, segment.broken_reason = SegmentState.BROKEN, reasons[segment.id]
        segment.epoch = epoch
        record(
            db,
            by=by,
            verb="segment.broken",
            segment_id=segment.id,
            before={"state": SegmentState.ACTIVE},
            after={"state": SegmentState.BROKEN},
            reason=segment.broken_reason,
        )
    await db.flush()


async def _forget(db: AsyncSession, workspace_id: int, names: Sequence[str]) -> None:
    await db.execute(FORGET, {"workspace_id": workspace_id, "names": list(names)})
    await _delete_dates(db, workspace_id, names)


async def _read_anew(db: AsyncSession, workspace_id: int, plan: Plan) -> None:
    """Facts, and the dates among them, as the new types read the values people have."""
    names = plan.read_anew
    read_as = {name: after for name, _, after in plan if name in names and after is not None}
    rows = (await db.execute(VALUES, {"workspace_id": workspace_id, "names": names})).all()
    folded = {
        id: fold({name: each for name, each in known.items() if name in read_as}, read_as)[0]
        for id, known in rows
    }
    await _delete_dates(db, workspace_id, names)
    if not folded:
        return
    facts = [orjson.dumps(to_json(each)).decode() for each in folded.values()]
    await db.execute(READ_ANEW, {"names": names, "ids": list(folded), "facts": facts})
    db.add_all(
        MemberMoment(member_id=id, workspace_id=workspace_id, attribute=name, on_date=on_date)
        for id, each in folded.items()
        for name, on_date in moments(each).items()
    )


async def _delete_dates(db: AsyncSession, workspace_id: int, names: Sequence[str]) -> None:
    await db.execute(
        delete(MemberMoment).where(
            MemberMoment.workspace_id == workspace_id, MemberMoment.attribute.in_(names)
        )
    )


async def _write(
    db: AsyncSession, by: Caller, row: AttributeDefinition | None, after: Attribute | None
) -> None:
    if after is None:
        await db.delete(row)
    elif row is None:
        db.add(
            AttributeDefinition(
                workspace_id=by.workspace_id, name=after.name, type=after.type, owner=after.owner
            )
        )
    else:
        row.type, row.owner = after.type, after.owner
