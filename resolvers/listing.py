"""A page of a list as the schema shows it, and the page info around it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry
from sqlalchemy import Select

from operations import visible
from resolvers import positions
from resolvers.context import Context
from resolvers.pages import Page, asked, read_page

Info = strawberry.Info[Context, None]

Count = Callable[[Context], Awaitable[int]]
"""Counts a whole list, for the caller of a context; asked only where a count is wanted."""


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What Relay asks about a page. Pages go forward only."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    """A row and its page cursor."""

    cursor: str
    node: Any

    @property
    def rows(self) -> tuple[Any]:
        return (self.node,)


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of one page, and how to count the whole list it was cut from."""

    rows: Sequence[Any]
    cursors: Sequence[str]
    page_info: PageInfo
    count: Count
    edges: list[Edge] = field(init=False)

    def __post_init__(self) -> None:
        edges = [Edge(cursor, row) for cursor, row in zip(self.cursors, self.rows, strict=True)]
        object.__setattr__(self, "edges", edges)


def listing_of(page: Page, rows: Sequence[Any], count: Count) -> Listing:
    """A page, showing these objects for its rows."""
    cursors = page.cursors
    info = PageInfo(
        page.has_next,
        page.has_previous,
        cursors[0] if cursors else None,
        cursors[-1] if cursors else None,
    )
    return Listing(rows, cursors, info, count)


def shown_as(listing: Listing, rows: Sequence[Any]) -> Listing:
    """The same page, showing these objects for its rows."""
    return Listing(rows, listing.cursors, listing.page_info, listing.count)


def kind_of(context: Context, name: str) -> str:
    """What the cursors of a list are sealed for: this list, in the caller's workspace."""
    return f"{name}@{context.signed_in.workspace_id}"


async def listed(
    context: Context,
    statement: Select[Any],
    *,
    order: Sequence[Any],
    first: int | None,
    after: str | None,
    name: str,
) -> Listing:
    """One page of the entities a statement selects; `name` is the list's own."""
    kind = kind_of(context, name)
    wanted = asked(context.seal, kind, first, after)
    async with context.read() as db:
        page = await read_page(
            db, statement, order=order, wanted=wanted, seal=context.seal, kind=kind
        )

    async def count(context: Context) -> int:
        async with context.read() as db:
            return await db.scalar(visible.count(statement)) or 0

    return listing_of(page, [row[0] for row in page.rows], count)


async def total_count(root: strawberry.Parent[Any], info: Info) -> int:
    """How many rows the whole list has, for this caller (G4)."""
    listing: Listing = root
    return await listing.count(info.context)


async def position(root: strawberry.Parent[Any], info: Info) -> str:
    """The journal position the list was read at."""
    return await positions.here(info.context)
