"""Finding: pages straight from the database where it can answer, matching in memory otherwise."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, Union

from scim2_models import Resource, ResourceType, ScimFilter, SearchRequest, TooManyException
from scim2_server.storage import SearchPage
from scim2_server.utils import parametrize
from sqlalchemy import ColumnElement, Select, func, select

from app.scim.filters import groups_where, mentions_members, people_where
from app.scim.rows import Rows
from models.identity import DirectoryGroup, DirectoryPerson

CANDIDATES: Final = 2_000
"""How many rows at most are looked at one by one; more is answered `tooMany`."""

_AT_ONCE: Final = 50
_LAST_INDEX: Final = 2**31

_Row: TypeAlias = DirectoryPerson | DirectoryGroup

_SORTED_BY: Final = {
    "User": {
        "username": func.lower(DirectoryPerson.user_name).collate("C"),
        "meta.created": DirectoryPerson.created_at,
        "meta.lastmodified": DirectoryPerson.updated_at,
    },
    "Group": {
        "displayname": func.lower(DirectoryGroup.display_name).collate("C"),
        "meta.created": DirectoryGroup.created_at,
        "meta.lastmodified": DirectoryGroup.updated_at,
    },
}


@dataclass(frozen=True, slots=True)
class Search:
    """One search in one connection's directory."""

    rows: Rows
    request: SearchRequest[Any]

    async def page(self, resource_types: Sequence[ResourceType]) -> SearchPage:
        """The page asked for, in a stable order."""
        if len(resource_types) == 1 and self.request.filter is None:
            name = str(resource_types[0].name)
            order = self._order(name)
            if order is not None:
                return await self._page_of(name, order)
        return await self._matched(resource_types)

    def _order(self, name: str) -> list[Any] | None:
        """How the database sorts it; None when only the values in the documents tell."""
        table = _table(name)
        if self.request.sort_by is None:
            return [table.created_at, table.id]
        column = _SORTED_BY[name].get(str(self.request.sort_by).lower())
        if column is None:
            return None
        if self.request.sort_order == SearchRequest.SortOrder.descending:
            return [column.desc(), table.id.desc()]
        return [column, table.id]

    async def _page_of(self, name: str, order: list[Any]) -> SearchPage:
        table = _table(name)
        total = await self._count(name, None)
        start, count = self._window()
        if not count:
            return SearchPage(total, [])
        query = self._all(name, None).order_by(*order).offset(start).limit(count)
        found = list(await self.rows.db.scalars(query))
        return SearchPage(total, await self._resources(table, found, self._wants_members()))

    async def _matched(self, resource_types: Sequence[ResourceType]) -> SearchPage:
        found: list[Resource[Any]] = []
        for resource_type in resource_types:
            found += await self._matching(str(resource_type.name))
        found = self.request.sort(found)
        start, count = self._window()
        return SearchPage(len(found), found[start : start + count])

    async def _matching(self, name: str) -> list[Resource[Any]]:
        filter = self.request.filter
        node = filter.ast if filter is not None else None
        where = people_where(node) if name == "User" else groups_where(node)
        total = await self._count(name, where)
        if total > CANDIDATES:
            raise TooManyException(
                detail=f"{total} resources would have to be looked at one by one, and "
                f"{CANDIDATES} are the limit; filter by id, userName, externalId or displayName."
            )
        table = _table(name)
        query = self._all(name, where).order_by(table.created_at, table.id)
        rows = list(await self.rows.db.scalars(query))
        with_members = self._wants_members() or mentions_members(node)
        found: list[Resource[Any]] = []
        for first in range(0, len(rows), _AT_ONCE):
            chunk = rows[first : first + _AT_ONCE]
            resources = await self._resources(table, chunk, with_members)
            found += [each for each in resources if _matches(filter, each)]
            await asyncio.sleep(0)
        return found

    async def _resources(
        self, table: type[_Row], rows: Sequence[Any], with_members: bool
    ) -> list[Resource[Any]]:
        if table is DirectoryPerson:
            return await self.rows.users(rows)
        return await self.rows.groups(rows, with_members=with_members)

    async def _count(self, name: str, where: ColumnElement[bool] | None) -> int:
        table = _table(name)
        query = select(func.count()).select_from(table)
        return await self.rows.db.scalar(self._living(query, table, where)) or 0

    def _all(self, name: str, where: ColumnElement[bool] | None) -> Select[Any]:
        table = _table(name)
        return self._living(select(table), table, where)

    def _living(
        self, query: Select[Any], table: type[_Row], where: ColumnElement[bool] | None
    ) -> Select[Any]:
        query = query.where(
            table.connection_id == self.rows.connection_id, table.deleted_at.is_(None)
        )
        return query if where is None else query.where(where)

    def _window(self) -> tuple[int, int]:
        start = min(self.request.start_index_0 or 0, _LAST_INDEX)
        return start, self.request.count or 0

    def _wants_members(self) -> bool:
        return wants(self.request, "members")


def wants(parameters: Any, name: str) -> bool:
    """Whether the answer will show the attribute."""
    if parameters is None:
        return True
    excluded = {str(path).lower() for path in parameters.excluded_attributes or ()}
    asked = [str(path).lower() for path in parameters.attributes or ()]
    if name in excluded or any(each.endswith(f":{name}") for each in excluded):
        return False
    return not asked or any(name in each for each in asked)


def _table(name: str) -> type[Any]:
    return DirectoryPerson if name == "User" else DirectoryGroup


def _matches(filter: ScimFilter[Any] | None, resource: Resource[Any]) -> bool:
    """Whether it matches; a filter the request left unbound is bound to the resource's type."""
    if filter is None:
        return True
    if not filter.models:
        filter = parametrize(ScimFilter, Union[type(resource)])(str(filter))  # noqa: UP007
    return filter.match(resource)
