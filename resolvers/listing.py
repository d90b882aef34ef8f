"""A page of a list as the schema shows it, and the page info around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry
from sqlalchemy import Select

from operations import visible
from resolvers import positions
from resolvers.context import Context
from resolvers.pages import read_page

Info = strawberry.Info[Context, None]


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
    """The rows of one page. `everything` is the statement it was cut from, for counting;
    `owner_id` is the thing the list belongs to, where it belongs to one."""

    rows: Sequence[Any]
    cursors: Sequence[str]
    page_info: PageInfo
    everything: Select[Any] | None = None
    owner_id: int | None = None
    edges: list[Edge] = field(init=False)

    def __post_init__(self) -> None:
        edges = [Edge(cursor, row) for cursor, row in zip(self.cursors, self.rows, strict=True)]
        object.__setattr__(self, "edges", edges)


def page_info(cursors: Sequence[str], *, has_next: bool, has_previous: bool) -> PageInfo:
    """The page info of a page with these cursors."""
    return PageInfo(
        has_next, has_previous, cursors[0] if cursors else None, cursors[-1] if cursors else None
    )


async def listed(
    context: Context,
    statement: Select[Any],
    *,
    order: Sequence[Any],
    first: int | None,
    after: str | None,
    kind: str,
) -> Listing:
    """One page of the entities a statement selects."""
    async with context.read() as db:
        page = await read_page(
            db, statement, order=order, first=first, after=after, seal=context.seal, kind=kind
        )
    info = page_info(page.cursors, has_next=page.has_next, has_previous=page.has_previous)
    return Listing([row[0] for row in page.rows], page.cursors, info, everything=statement)


async def total_count(root: strawberry.Parent[Any], info: Info) -> int:
    """How many rows the whole list has, for this caller (G4)."""
    listing: Listing = root
    if listing.everything is None:
        return len(listing.rows)
    async with info.context.read() as db:
        counted = await db.scalar(visible.count(listing.everything))
    return counted or 0


async def position(root: strawberry.Parent[Any], info: Info) -> str:
    """The journal position the list was read at."""
    return await positions.here(info.context)
