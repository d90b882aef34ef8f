"""The door for calendars.

GET /live-sessions/{id}.ics   one live session, with a bearer token, for whoever may see it
GET /calendar/{secret}.ics    the calendar of the person who made this address by
                              `renewCalendarFeed`; no token: the address is the key

200  the calendar; where one is joined stands there for those who have a seat or teach, and in the
     file of one live session for those who look after it, too
304  the calendar is what `If-None-Match` says the caller has
404  there is no such live session, or none the caller may see; the address was never one, has
     ended, or its person is deactivated: nobody learns which

and the refusals of `app.doors`. What leaves a calendar leaves no time behind, so there is an ETag
and no Last-Modified.
"""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.authentication.bearer import Bearer
from app.calendar.writing import Writer
from app.doors import answering, download, has_it, signed_in
from operations.edge import Edge
from operations.live_sessions import calendars
from operations.refusals import not_found
from resolvers.ids import storable_in

PREFIX: Final = "/calendar/"
MEDIA_TYPE: Final = "text/calendar"


class CalendarDoor:
    """Gives calendars out."""

    def __init__(
        self, edge: Edge, bearer: Bearer, writer: Writer, *, now: Callable[[], dt.datetime]
    ) -> None:
        self._edge = edge
        self._bearer = bearer
        self._writer = writer
        self._now = now

    async def file(self, request: Request) -> Response:
        """One live session."""
        by = (await signed_in(request, self._bearer)).caller
        number = storable_in(request.path_params["live_session_id"], "LiveSession")
        if number is None:
            raise not_found("live session")
        async with self._edge.read() as db:
            entry = await calendars.of_live_session(db, by=by, live_session_id=number)
        body = self._writer.file(entry)
        headers = download(f"live-session-{number}.ics")
        return Response(body, media_type=MEDIA_TYPE, headers=headers)

    async def feed(self, request: Request) -> Response:
        """Somebody's calendar."""
        async with self._edge.read() as db:
            calendar = await calendars.behind(
                db, secret=request.path_params["secret"], at=self._now()
            )
        body = await asyncio.to_thread(self._writer.feed, calendar)
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        headers = {"etag": etag, "cache-control": "private, no-cache"}
        if has_it(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=MEDIA_TYPE, headers=headers)


def routes(
    *, edge: Edge, bearer: Bearer, public_url: str, sender: str, now: Callable[[], dt.datetime]
) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = CalendarDoor(edge, bearer, Writer(public_url, sender), now=now)
    return [
        Route("/live-sessions/{live_session_id}.ics", answering(door.file), methods=["GET"]),
        Route(PREFIX + "{secret}.ics", answering(door.feed), methods=["GET"]),
    ]
