"""The attribute schema: read, and edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from operations import attributes
from operations.attributes import Edited
from operations.schema_edits import KEPT, Change
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.references import Reference
from sync_engine.rules import Attribute, AttributeType, Owner

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass
class AttributeToDefine:
    """An attribute as it is to be."""

    name: str
    type: AttributeType
    owner: Owner


@dataclass
class AttributeToChange:
    """What of an attribute is to be otherwise; what is left out stays."""

    name: str
    type: AttributeType | None = None
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class ShownAttribute:
    """One attribute of the schema."""

    name: str
    type: AttributeType
    owner: Owner
    is_fixed: bool
    is_usable_in_rules: bool


@dataclass(frozen=True, slots=True)
class AffectedSegment:
    """A segment whose rule uses what goes or changes."""

    segment_id: int
    breaks: bool
    reason: str


async def attribute_schema(info: Info) -> list[ShownAttribute]:
    """The whole of it for whoever writes rules or edits it; for others what they write."""
    context = info.context
    here = Reference(Scope.WORKSPACE, context.signed_in.workspace_id)
    await context.prepare([here])
    may = (Permission.EDIT_ATTRIBUTE_SCHEMA, Permission.CREATE_EDIT_SEGMENT)
    is_whole = any(context.rights.decide(each, here.scope, here.id).allowed for each in may)
    async with context.read() as db:
        found = await attributes.visible(
            db, workspace_id=context.signed_in.workspace_id, is_whole=is_whole
        )
    return [_shown(each.name, each.type, each.owner) for each in found]


async def edit_attribute_schema(
    info: Info,
    *,
    define: list[AttributeToDefine] | None = None,
    change: list[AttributeToChange] | None = None,
    remove: list[str] | None = None,
    dry_run: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        edited = await attributes.edit(
            db,
            by=caller,
            define=[Attribute(each.name, each.type, each.owner) for each in define or ()],
            change=[Change(each.name, each.type, each.owner) for each in change or ()],
            remove=remove or (),
            dry_run=dry_run,
        )
        return {"results": _stored(edited), "people_count": edited.people}

    return await answer(info, operation)


def attributes_after(root: Parent) -> list[ShownAttribute]:
    return [
        _shown(each["name"], AttributeType(each["type"]), Owner(each["owner"]))
        for each in root.results
        if "name" in each
    ]


def affected(root: Parent) -> list[AffectedSegment]:
    return [AffectedSegment(**each) for each in root.results if "segment_id" in each]


def _stored(edited: Edited) -> Sequence[Mapping[str, Any]]:
    """JSON-safe: a repeat with the same idempotency key is told the same."""
    schema = [
        {"name": each.name, "type": each.type.value, "owner": each.owner.value}
        for each in edited.catalog.values()
    ]
    segments = [
        {"segment_id": each.segment_id, "breaks": each.breaks, "reason": each.reason}
        for each in edited.affected
    ]
    return [*schema, *segments]


def _shown(name: str, type: AttributeType, owner: Owner) -> ShownAttribute:
    return ShownAttribute(name, type, owner, name in KEPT, owner is not Owner.MEMBER)
