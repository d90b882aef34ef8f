"""Work that would hold up the event loop, done in a thread."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def aside(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What it returns. Whoever is canceled meanwhile still waits for it to end, so that nothing is
    taken away under the thread."""
    work = asyncio.ensure_future(asyncio.to_thread(do, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
