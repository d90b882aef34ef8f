"""Rows of the directory as scim2-models resources."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from scim2_models import Resource, ScimPolicy
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.scim.published import ENTERPRISE, GROUP, OURS, USER, Published
from models.identity import DirectoryGroup, DirectoryGroupMember, DirectoryPerson

_AS_STORED: Final = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
"""An attribute that left the schema since it was stored is not shown; reading never fails."""

_NOT_IN_DOCUMENT: Final = ("schemas", "id", "meta", "groups")


def document_of(user: Resource[Any]) -> dict[str, Any]:
    """What is stored of a user as the provider said it."""
    dumped = user.model_dump()
    return {name: value for name, value in dumped.items() if name not in _NOT_IN_DOCUMENT}


def version_of(row: DirectoryPerson | DirectoryGroup) -> str:
    """The entity tag of a row."""
    return f'W/"{row.version}"'


def _meta(row: DirectoryPerson | DirectoryGroup, resource_type: str) -> dict[str, Any]:
    return {
        "resourceType": resource_type,
        "created": row.created_at,
        "lastModified": row.updated_at,
        "version": version_of(row),
    }


@dataclass(frozen=True, slots=True)
class Rows:
    """Makes resources of one workspace's rows."""

    db: AsyncSession
    connection_id: int
    published: Published

    async def users(self, rows: Sequence[DirectoryPerson]) -> list[Resource[Any]]:
        """Users with the groups they are in."""
        groups = await self._groups_of({row.member_id for row in rows if row.member_id})
        return [self._user(row, groups.get(row.member_id or 0, [])) for row in rows]

    def _user(self, row: DirectoryPerson, groups: list[dict[str, Any]]) -> Resource[Any]:
        extensions = [urn for urn in (ENTERPRISE, OURS) if urn in row.resource]
        return self._model("User").model_validate(
            {
                **row.resource,
                "schemas": [USER, *extensions],
                "id": str(row.id),
                "meta": _meta(row, "User"),
                "groups": groups,
            },
            scim_policy=_AS_STORED,
        )

    async def groups(
        self, rows: Sequence[DirectoryGroup], *, with_members: bool
    ) -> list[Resource[Any]]:
        """Groups, with their members where these are wanted."""
        members: Mapping[uuid.UUID, list[dict[str, Any]]] = {}
        if with_members:
            members = await self._members_of([row.id for row in rows])
        return [self._group(row, members.get(row.id, [])) for row in rows]

    def _group(self, row: DirectoryGroup, members: list[dict[str, Any]]) -> Resource[Any]:
        return self._model("Group").model_validate(
            {
                "schemas": [GROUP],
                "id": str(row.id),
                "meta": _meta(row, "Group"),
                "externalId": row.external_id,
                "displayName": row.display_name,
                "members": members or None,
            }
        )

    def _model(self, name: str) -> type[Resource[Any]]:
        return cast(type[Resource[Any]], self.published.provider.model_for(name))

    async def _groups_of(self, member_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
        if not member_ids:
            return {}
        rows = await self.db.execute(
            select(DirectoryGroupMember.member_id, DirectoryGroup.id, DirectoryGroup.display_name)
            .join(DirectoryGroup, DirectoryGroup.id == DirectoryGroupMember.group_id)
            .where(
                DirectoryGroupMember.member_id.in_(member_ids),
                DirectoryGroup.connection_id == self.connection_id,
            )
            .order_by(DirectoryGroup.display_name)
        )
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for member_id, id, name in rows:
            found[member_id].append(
                {"value": str(id), "$ref": f"Groups/{id}", "display": name, "type": "direct"}
            )
        return found

    async def _members_of(
        self, group_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, list[dict[str, Any]]]:
        rows = await self.db.execute(
            select(DirectoryGroupMember.group_id, DirectoryPerson.id, DirectoryPerson.user_name)
            .join(DirectoryPerson, DirectoryPerson.member_id == DirectoryGroupMember.member_id)
            .where(
                DirectoryGroupMember.group_id.in_(group_ids),
                DirectoryPerson.connection_id == self.connection_id,
                DirectoryPerson.deleted_at.is_(None),
            )
            .order_by(DirectoryPerson.id)
        )
        found: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
        for group_id, id, name in rows:
            found[group_id].append(
                {"value": str(id), "$ref": f"Users/{id}", "display": name, "type": "User"}
            )
        return found
