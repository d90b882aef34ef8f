"""The person who asks, and what that person may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLSchema

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.workspaces import Workspace
from operations import grants
from resolvers import permissions
from resolvers.context import Context
from resolvers.ids import encode_place
from resolvers.permissions import Ability, CatalogEntry
from resolvers.rows import workspaces_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A right the viewer was given, and on what."""

    principal: Principal
    scope: Scope
    on: str


async def viewer(info: Info) -> Caller:
    return info.context.signed_in


async def viewer_workspace(root: Parent, info: Info) -> Workspace | None:
    return await info.context.load(workspaces_by_id, root.workspace_id)


@dataclass(frozen=True, slots=True)
class ViewerWorkspace:
    """A workspace the viewer's token is good for."""

    slug: str
    name: str
    is_current: bool


async def viewer_workspaces(root: Parent, info: Info) -> list[ViewerWorkspace]:
    here = await info.context.load(workspaces_by_id, root.workspace_id)
    if here is None:
        return []
    others = [each for each in info.context.choices if each.slug != here.slug]
    found = [ViewerWorkspace(here.slug, here.name, is_current=True)]
    found += [ViewerWorkspace(each.slug, each.name, is_current=False) for each in others]
    return sorted(found, key=lambda each: each.slug)


async def viewer_roles(root: Parent, info: Info) -> list[HeldRole]:
    if root.member_id is None:
        return []
    async with info.context.read() as db:
        held = await grants.held_by(db, root.workspace_id, root.member_id)
    roles = []
    for grant in held:
        scope, id = grant.place
        roles.append(HeldRole(Principal(grant.principal), scope, encode_place(scope, id)))
    return sorted(roles, key=lambda role: (role.scope.depth, role.on, role.principal))


async def can(
    root: Parent,
    info: Info,
    *,
    operations: list[Permission],
    on: list[strawberry.ID] | None = None,
) -> Sequence[Ability]:
    return await permissions.can(info.context, root, operations, list(on or ()))


async def permission_catalog(info: Info) -> list[CatalogEntry]:
    schema: GraphQLSchema = info._raw_info.schema
    return permissions.catalog(schema)
