"""The one log line of a request. No document, no variable, no value of either."""

import time

import structlog

from app.graphql.contracts import RequestInfo
from app.graphql.execution import Operation

log = structlog.get_logger("app.graphql")


def note_request(
    about: RequestInfo,
    *,
    ending: int | str,
    operation: Operation | None,
    codes: list[str],
    started: float,
    method: str | None = None,
) -> None:
    """`ending` is the HTTP status, or how a stream ended; `started` is of `perf_counter`.

    Every value is ours, a GraphQL name, or checked: nothing can break the line.
    """
    chosen = operation.chosen if operation else None
    log.info(
        "graphql.request",
        request_id=about.request_id,
        door=about.door,
        method=method,
        client=about.client,
        ending=ending,
        operation=chosen.type.value if chosen else None,
        name=chosen.name if chosen else None,
        cost=chosen.cost if chosen else None,
        codes=codes,
        ms=round((time.perf_counter() - started) * 1000, 2),
    )


def note_socket(about: RequestInfo, *, close_code: int | None, started: float) -> None:
    """A socket is over; `close_code` is None when the client left by itself."""
    log.info(
        "graphql.socket",
        request_id=about.request_id,
        client=about.client,
        close_code=close_code,
        seconds=round(time.perf_counter() - started, 2),
    )
