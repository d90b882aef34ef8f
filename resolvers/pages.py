"""Pages of lists: forward, by key, stable while rows come and go (G8).

The order is a list of columns that ends in a unique one; the cursor of a row is the sealed list
of its values there. A page costs one statement, and so do the pages of many lists of one kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Label,
    Select,
    cast,
    column,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from operations.refusals import Code, Refused
from resolvers.seal import Seal

DEFAULT_SIZE: Final = 20
LARGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page: how many rows, and the sort values of the row it comes after."""

    size: int
    after: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, the cursor of each, and whether more follow."""

    rows: Sequence[tuple[Any, ...]]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


def asked(seal: Seal, kind: str, first: int | None, after: str | None) -> Asked:
    """What the page arguments ask for; `kind` names the list its cursors belong to.

    Raises Refused(BAD_USER_INPUT) for a size outside 0..100 and a cursor of another list.
    """
    return Asked(_size_of(first), None if after is None else tuple(seal.open(kind, after)))


async def read_page(
    db: AsyncSession,
    statement: Select[Any],
    *,
    order: Sequence[Any],
    wanted: Asked,
    seal: Seal,
    kind: str,
) -> Page:
    """One page of `statement` in ascending `order`.

    The order's values are appended to each row as its last columns.
    """
    rows = (await db.execute(_keyed(statement, order, wanted))).all()
    return page_of(rows, wanted, len(order), seal, kind)


async def read_pages(
    db: AsyncSession,
    owners: Sequence[int],
    rows_of: Callable[[Any], Select[Any]],
    entity: Any,
    *,
    order: Sequence[Any],
    wanted: Asked,
    seal: Seal,
    kind: str,
) -> Mapping[int, Page]:
    """The same page of the lists of many owners, in one statement.

    `rows_of(owner)` selects one owner's `entity`, and may name further columns; the rows are
    (entity, further columns…, sort values…).
    """
    owner = these(owners)
    statement = rows_of(owner.c.id)
    further = [each["name"] for each in statement.column_descriptions[1:]]
    keys = [each.label(f"key_{n}") for n, each in enumerate(order)]
    page = _keyed(statement, keys, wanted).lateral("page")
    columns = [page.c[name] for name in (*further, *(key.name for key in keys))]
    found: dict[int, list[tuple[Any, ...]]] = {id: [] for id in owners}
    rows = await db.execute(
        select(owner.c.id, aliased(entity, page), *columns)
        .select_from(owner)
        .join(page, true())
        .order_by(owner.c.id, *(page.c[key.name] for key in keys))
    )
    for row in rows:
        found[row[0]].append(tuple(row[1:]))
    return {id: page_of(each, wanted, len(keys), seal, kind) for id, each in found.items()}


def these(ids: Sequence[int]) -> Any:
    """The ids as a table with the column `id`. SQLAlchemy compiles a statement with it once for
    any number of them, which it cannot with VALUES."""
    given = func.unnest(literal(ids, ARRAY(BigInteger)))
    return given.table_valued(column("id", BigInteger)).render_derived("owner")


def _keyed(statement: Select[Any], order: Sequence[Any], wanted: Asked) -> Select[Any]:
    keyed = statement.add_columns(*order).order_by(*order).limit(wanted.size + 1)
    if wanted.after is None:
        return keyed
    columns = [each.element if isinstance(each, Label) else each for each in order]
    return keyed.where(tuple_(*columns) > tuple_(*wanted.after))


def micros(moment: Any) -> ColumnElement[int]:
    """A time as a number, exactly, to order by it backwards; forwards, order by the column."""
    return cast(func.extract("epoch", moment) * 1_000_000, BigInteger)


def page_of(rows: Sequence[Any], wanted: Asked, width: int, seal: Seal, kind: str) -> Page:
    """The page of which these rows, and one more if more follow, were read; the last `width`
    values of a row are its sort values."""
    shown = rows[: wanted.size]
    cursors = [seal.close(kind, row[-width:]) for row in shown]
    return Page(shown, cursors, len(rows) > wanted.size, wanted.after is not None)


def _size_of(first: int | None) -> int:
    size = DEFAULT_SIZE if first is None else first
    if not 0 <= size <= LARGEST:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A page has 0 to {LARGEST} rows; first: {size} is outside.",
            {"limit": LARGEST, "actual": size},
        )
    return size
