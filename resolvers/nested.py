"""Lists that hang on each of many things: the same page of all of them costs one statement, and
their counts another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import strawberry
from sqlalchemy import Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from resolvers.context import Context
from resolvers.listing import Count, Listing, kind_of, listing_of
from resolvers.pages import Asked, asked, read_pages, these

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

RowsOf = Callable[[Context, Any, Any], Select[Any]]
"""(context, the owner's id as a column, what is searched for) → the rows of one owner's list.

What is searched for is a text, or whatever else narrows the list, as long as it can be a key."""

Show = Callable[[int, tuple[Any, ...]], Any]
"""(the owner's id, one row) → what the schema shows."""

Key = tuple[int, Asked, Any]
"""One page of one owner's list, as narrowed by a search."""


def as_it_is(_: int, row: tuple[Any, ...]) -> Any:
    """The entity itself."""
    return row[0]


@dataclass(frozen=True, eq=False)
class Nested:
    """A kind of list. `rows_of` selects `entity`, and may name further columns."""

    name: str
    entity: Any
    order: Sequence[Any]
    rows_of: RowsOf
    show: Show = as_it_is

    async def pages(self, db: AsyncSession, context: Context, keys: Sequence[Key]) -> list[Listing]:
        """One statement for all owners of whom the same page is wanted."""
        owners: dict[tuple[Asked, Any], list[int]] = {}
        for owner_id, wanted, search in keys:
            owners.setdefault((wanted, search), []).append(owner_id)
        found: dict[Key, Listing] = {}
        for (wanted, search), ids in owners.items():
            pages = await read_pages(
                db,
                ids,
                partial(self._rows, context, search),
                self.entity,
                order=self.order,
                wanted=wanted,
                seal=context.seal,
                kind=kind_of(context, self.name),
            )
            for id, page in pages.items():
                rows = [self.show(id, row) for row in page.rows]
                found[id, wanted, search] = listing_of(page, rows, self._counting(id, search))
        return [found[key] for key in keys]

    async def page(
        self,
        context: Context,
        owner_id: int,
        first: int | None,
        after: str | None,
        search: Any = None,
    ) -> Listing:
        """The page of one owner's list, read together with those of others."""
        wanted = asked(context.seal, kind_of(context, self.name), first, after)
        return await context.load(self.pages, (owner_id, wanted, search or None))

    async def counts(
        self, db: AsyncSession, context: Context, keys: Sequence[tuple[int, Any]]
    ) -> list[int]:
        """How long the whole lists are: one statement for all that are narrowed alike."""
        counted: dict[tuple[int, Any], int] = {}
        for search in dict.fromkeys(search for _, search in keys):
            ids = [id for id, its in keys if its == search]
            owner = these(ids)
            rows = self.rows_of(context, owner.c.id, search).lateral("counted")
            found = await db.execute(
                select(owner.c.id, func.count())
                .select_from(owner)
                .join(rows, true())
                .group_by(owner.c.id)
            )
            counted |= {(row[0], search): row[1] for row in found}
        return [counted.get(key, 0) for key in keys]

    def _rows(self, context: Context, search: Any, owner: Any) -> Select[Any]:
        return self.rows_of(context, owner, search)

    def _counting(self, owner_id: int, search: Any) -> Count:
        return lambda context: context.load(self.counts, (owner_id, search))


def unsearched(nested: Nested) -> Callable[..., Awaitable[Listing]]:
    """Answers a field like `paged`, of a list that is not searched."""

    async def page(
        root: Parent, info: Info, first: int | None = None, after: str | None = None
    ) -> Listing:
        return await nested.page(info.context, root.id, first, after)

    return page


def paged(nested: Nested) -> Callable[..., Awaitable[Listing]]:
    """Answers a field of the owners with the page of the list that is asked for; those of all
    owners are read together."""

    async def page(
        root: Parent,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        search: str | None = None,
    ) -> Listing:
        return await nested.page(info.context, root.id, first, after, search)

    return page
