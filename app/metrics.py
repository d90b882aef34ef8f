"""The door for programs that watch the engine: `GET /metrics`, in the text format of Prometheus.

200  gauges of every workspace, as `coordinator health --metrics` prints them
401  the token is not the one in COORDINATOR_METRICS_TOKEN
404  no such token is set, so there is no such door
429  too many tokens from this address were wrong
503  the database does not answer

It names every workspace, so no token of a person or a program of one workspace opens it. What is
given was looked at within the last seconds, however many ask.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.authentication.bearer import NOT_SIGNED_IN, too_many
from app.authentication.failures import Failures
from app.doors import about, answering, token_of
from app.graphql import Unauthenticated
from operations import health
from operations.edge import Edge
from operations.metrics import MEDIA_TYPE, as_metrics

GOOD_FOR: Final = 5.0
"""Seconds during which nobody looks again."""


class MetricsDoor:
    """Gives the gauges to whoever knows the token."""

    def __init__(self, edge: Edge, token: SecretStr) -> None:
        self._edge = edge
        self._digest = _digest(token.get_secret_value())
        self._failures = Failures()
        self._one_at_a_time = asyncio.Lock()
        self._seen: tuple[float, str] | None = None

    async def answer(self, request: Request) -> Response:
        """The gauges, as of the last few seconds."""
        self._let_in(request)
        return Response(await self._gauges(), media_type=MEDIA_TYPE)

    def _let_in(self, request: Request) -> None:
        """Raises Unauthenticated, or RequestRefused where too many tokens were wrong. The right one
        is let in whatever others at that address do."""
        presented = token_of(request)
        if presented is not None and hmac.compare_digest(_digest(presented), self._digest):
            return
        client = about(request).client
        seconds = self._failures.seconds_to_wait(client)
        self._failures.count(client)
        if seconds:
            raise too_many(seconds)
        raise Unauthenticated(NOT_SIGNED_IN)

    async def _gauges(self) -> str:
        async with self._one_at_a_time:
            if self._seen is None or time.monotonic() - self._seen[0] > GOOD_FOR:
                async with self._edge.read() as db:
                    lines = as_metrics(await health.of_all(db))
                self._seen = time.monotonic(), "".join(f"{line}\n" for line in lines)
            return self._seen[1]


def _digest(token: str) -> bytes:
    """Of one length, whatever is presented: comparing says nothing of the token's own."""
    return hashlib.sha256(token.encode()).digest()


def routes(*, edge: Edge, token: SecretStr | None) -> Sequence[Route]:
    """The door's route, to be mounted at the root; without a token there is none."""
    if token is None:
        return []
    return [Route("/metrics", answering(MetricsDoor(edge, token).answer), methods=["GET"])]
