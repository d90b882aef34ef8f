"""Why somebody may do a thing, or may not: the operation's answer, ready for the schema."""

from typing import Any

import strawberry

from access.permissions import Permission
from operations import explain_permission as explaining
from operations.explain_permission import WhyPermission
from operations.refusals import Code, Refused, not_found
from resolvers.context import Context
from resolvers.ids import GlobalId, decode, encode_place, number_of
from resolvers.nodes import seen
from resolvers.permissions import refuse_unasked_of
from resolvers.references import reference_to

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def explain_permission(
    info: Info,
    *,
    operation: Permission,
    on: strawberry.ID | None = None,
    member_id: strawberry.ID | None = None,
) -> WhyPermission:
    caller = info.context.signed_in
    whose = caller.member_id if member_id is None else number_of(member_id, "Member")
    if whose is None:
        raise Refused(Code.BAD_USER_INPUT, "Say with memberId whom the question is about.")
    id = GlobalId("Workspace", caller.workspace_id) if on is None else decode(on)
    async with info.context.read() as db:
        row = None if id is None else (await seen(db, caller, [id])).get(id)
        if id is None or row is None:
            raise not_found("thing")
        about = reference_to(row, caller)
        refuse_unasked_of(operation, about.scope)
        return await explaining.explain_permission(
            db,
            by=caller,
            permission=operation,
            scope=about.scope,
            id=about.id,
            member_id=whose,
            about_member_id=id.number if id.type_name == "Member" else None,
            **{fact: True for fact in about.facts if fact != "is_self"},
        )


def explained_on(root: Parent) -> strawberry.ID:
    """The thing rights were looked for on: of a person or a segment, the workspace."""
    return strawberry.ID(encode_place(root.thing.scope, root.thing.id))


def explained_on_name(root: Parent) -> str:
    return str(root.thing.name)


def role_on(root: Parent) -> strawberry.ID:
    return strawberry.ID(encode_place(root.scope, root.on))
