"""Pages of lists: forward, by key, stable while rows come and go (G8).

The order is a list of columns that ends in a unique one; the cursor of a row is the sealed list
of its values there. A page costs one statement.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from operations.refusals import Code, Refused
from resolvers.seal import Seal

DEFAULT_SIZE: Final = 20
LARGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, the cursor of each, and whether more follow."""

    rows: Sequence[Row[Any]]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


def size_of(first: int | None) -> int:
    """How many rows a page shall have; raises Refused(BAD_USER_INPUT) outside 0..100."""
    size = DEFAULT_SIZE if first is None else first
    if not 0 <= size <= LARGEST:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A page has 0 to {LARGEST} rows; first: {size} is outside.",
            {"limit": LARGEST, "actual": size},
        )
    return size


async def read_page(
    db: AsyncSession,
    statement: Select[Any],
    *,
    order: Sequence[Any],
    first: int | None,
    after: str | None,
    seal: Seal,
    kind: str,
) -> Page:
    """One page of `statement` in ascending `order`; `kind` names the list its cursors belong to.

    The order's values are appended to each row as its last columns.
    """
    size = size_of(first)
    keyed = statement.add_columns(*order).order_by(*order).limit(size + 1)
    if after is not None:
        values = seal.open(kind, after)
        keyed = keyed.where(tuple_(*order) > tuple_(*values))
    rows = (await db.execute(keyed)).all()
    shown = rows[:size]
    width = len(order)
    cursors = [seal.close(kind, [_plain(value) for value in row[-width:]]) for row in shown]
    return Page(shown, cursors, has_next=len(rows) > size, has_previous=after is not None)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value
