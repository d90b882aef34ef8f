"""Pages as Relay wants them, plus the place in the journal they were read at."""

from typing import Generic, TypeVar

from resolvers import listing
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type, resolved_by
from schema.scalars import Cursor

Node = TypeVar("Node")


@guarded_type(requires=SIGNED_IN, description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@guarded_type(requires=SIGNED_IN, description="A row of a page and its page cursor.")
class Edge(Generic[Node]):
    cursor: str
    node: Node


@guarded_type(requires=SIGNED_IN, description="A page of a list, in a stable order.")
class Connection(Generic[Node]):
    nodes: list[Node] = column("rows", requires=INHERITED, description="The rows of the page.")
    edges: list[Edge[Node]]
    page_info: PageInfo
    total_count: int = resolved_by(
        listing.total_count,
        requires=SIGNED_IN,
        description="How many rows the whole list has, as far as one may see it.",
    )
    position: Cursor = resolved_by(
        listing.position,
        requires=SIGNED_IN,
        description="The place in the journal this was read at: subscribe `after:` it.",
    )
