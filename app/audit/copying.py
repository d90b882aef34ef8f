"""Copying the journal out, page by page: memory and locks stay small however long it is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from access.caller import Caller
from app.audit.writing import Format
from operations import audit
from operations.audit import Filters
from operations.edge import Edge

PAGE: Final = 2_000


async def _always() -> bool:
    return True


class AccessEnded(Exception):
    """Whoever is fetching a copy would not be let in any more: the copy breaks off."""


async def begin(edge: Edge, by: Caller, filters: Filters, format: Format) -> int:
    """Record the export; the number up to which it goes. Raises Denied, Refused."""
    async with edge.transaction() as db:
        return await audit.begin_export(db, by=by, filters=filters, format=format.name)


async def copy(
    edge: Edge,
    by: Caller,
    filters: Filters,
    format: Format,
    *,
    up_to: int,
    is_live: Callable[[], Awaitable[bool]] = _always,
) -> AsyncIterator[bytes]:
    """The file, in pieces. Rights are asked anew for every page; raises Denied, AccessEnded."""
    yield format.beginning
    after = 0
    while True:
        if not await is_live():
            raise AccessEnded
        async with edge.read() as db:
            entries = await audit.export_page(
                db, by=by, filters=filters, after_seq=after, up_to=up_to, limit=PAGE
            )
        if not entries:
            return
        yield format.write(entries)
        after = entries[-1].columns["seq"]
