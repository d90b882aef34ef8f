"""Dashboards: one stream each over a real socket, cut and resumed as a browser does it."""

import http.client
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.stories.running import Company

COORDINATORS = """
subscription ($course: ID!, $after: Cursor) {
  coordinatorsChanged(courseId: $course, after: $after) {
    kind cursor memberId courseId isCoordinator reason
  }
}
"""
MINE = """
subscription ($after: Cursor) {
  coursesIManageChanged(after: $after) { kind cursor courseId isCoordinator reason }
}
"""

Event = dict[str, Any]


def event_of(answer: dict[str, Any]) -> Event:
    assert "errors" not in answer, answer
    [event] = answer["data"].values()
    found: Event = event
    return found


@dataclass
class OverSocket:
    """graphql-transport-ws, one operation per socket."""

    socket: ClientConnection

    async def said(self) -> dict[str, Any]:
        """The next message of the protocol. Raises ConnectionClosed."""
        message: dict[str, Any] = json.loads(await self.socket.recv())
        return message

    async def next(self) -> Event | None:
        """The next event; None after the last one."""
        message = await self.said()
        if message["type"] == "complete":
            return None
        assert message["type"] == "next", message
        return event_of(message["payload"])


@asynccontextmanager
async def over_socket(
    company: Company,
    token: str,
    document: str,
    *,
    init: dict[str, Any] | None = None,
    **variables: Any,
) -> AsyncIterator[OverSocket]:
    """One stream over a socket that is cut at the end: no time is given to take leave, and what
    is under way is lost. `init` is what else connection_init says."""
    async with connect(
        company.system.web_socket,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        close_timeout=0.05,
        max_size=None,
    ) as socket:
        dashboard = OverSocket(socket)
        payload: dict[str, Any] = {"authorization": f"Bearer {token}", **(init or {})}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert (await dashboard.said())["type"] == "connection_ack"
        payload = {"query": document, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        yield dashboard


class OverEvents:
    """graphql-sse, distinct connections mode; `last_id` is what a browser remembers."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id: str | None = None

    async def next(self) -> Event | None:
        """The next event; None after the last one."""
        kind, data = "", ""
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                self.last_id = value
            elif name == "data":
                data = value
            elif not line and kind == "complete":
                return None
            elif not line and kind == "next":
                return event_of(json.loads(data))
        raise EOFError("The stream was cut.")


@asynccontextmanager
async def over_events(
    company: Company,
    token: str,
    document: str,
    *,
    last_event_id: str | None = None,
    **variables: Any,
) -> AsyncIterator[OverEvents]:
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    if last_event_id is not None:
        headers["last-event-id"] = last_event_id
    body = {"query": document, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=30) as http,
        http.stream("POST", company.system.graphql, json=body, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield OverEvents(response)


class Sleeper:
    """A dashboard over SSE that reads nothing until it wakes, through a small window."""

    def __init__(self, company: Company, token: str, document: str, **variables: Any) -> None:
        address = httpx.URL(company.system.graphql)
        self._connection = http.client.HTTPConnection(address.host, address.port or 80, timeout=15)
        self._connection.sock = socket.socket()
        self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        self._connection.sock.settimeout(15)
        self._connection.sock.connect((address.host, address.port))
        body = json.dumps({"query": document, "variables": variables})
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "text/event-stream",
            "content-type": "application/json",
        }
        self._connection.request("POST", address.path, body, headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    def read(self, count: int) -> list[Event]:
        """So many events, or those that came before the stream was cut."""
        events: list[Event] = []
        try:
            while len(events) < count and (line := self._response.readline()):
                if line.startswith(b"data: {"):
                    events.append(event_of(json.loads(line[6:])))
        except (OSError, http.client.HTTPException):
            pass
        return events

    def close(self) -> None:
        self._connection.close()
