"""The door for pictures of insights, with a bearer token.

GET /insights/{course}/{picture}.svg          states, trend, departments or overdue of a course
GET /insights/{course}/{quiz}/{picture}.svg   scores, questions or reliability of a quiz in it

200  the picture, of this moment
304  it is what `If-None-Match` says the caller has
403  the caller may not see the figures; 409 not while the course is not ACTIVE
404  there is no such course, quiz or picture, or none the caller may see

and the refusals of `app.doors`. They are drawn from the figures that GraphQL gives, by the same
right, with the same hidden. Nothing may keep them: who asks again is judged again. The ETag is of
what is drawn, because time alone changes figures, too: what is overdue.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from access.caller import Caller
from app.authentication.bearer import Bearer
from app.doors import answering, has_it, signed_in
from app.parameters import read
from operations.edge import Edge
from operations.insights.cells import EVERYBODY
from operations.insights.courses import course_insights
from operations.insights.pictures import of_courses, of_quizzes
from operations.insights.pictures.drawing import STYLE, Picture, PictureKind
from operations.insights.quizzes import quiz_insights
from operations.refusals import not_found
from resolvers.ids import storable_in

PREFIX: Final = "/insights"
MEDIA_TYPE: Final = "image/svg+xml"
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
ALONE: Final = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'; sandbox"
)
"""The one style sheet of ours, and nothing else: no script, no font, no other picture."""


class PictureDoor:
    """Draws pictures for whoever may see the figures now."""

    def __init__(self, edge: Edge, bearer: Bearer, *, now: Callable[[], dt.datetime]) -> None:
        self._edge = edge
        self._bearer = bearer
        self._now = now

    async def of_course(self, request: Request) -> Response:
        """One of a course."""
        by = await self._asking(request)
        kind = _kind(request, of_courses.DRAWN)
        course_id = _number(request, "Course")
        async with self._edge.read() as db:
            insights = await course_insights(
                db, by=by, course_id=course_id, to=EVERYBODY, at=self._now()
            )
        [picture] = of_courses.course_pictures(insights, [kind])
        return _shown(request, picture)

    async def of_quiz(self, request: Request) -> Response:
        """One of a quiz."""
        by = await self._asking(request)
        kind = _kind(request, of_quizzes.DRAWN)
        course_id, module_id = _number(request, "Course"), _number(request, "Module")
        async with self._edge.read() as db:
            insights = await quiz_insights(
                db,
                by=by,
                course_id=course_id,
                module_id=module_id,
                to=EVERYBODY,
                at=self._now(),
            )
        [picture] = of_quizzes.quiz_pictures(insights, [kind])
        return _shown(request, picture)

    async def _asking(self, request: Request) -> Caller:
        known = await signed_in(request, self._bearer)
        read(request.query_params, {})
        return known.caller


def _kind(request: Request, known: Collection[PictureKind]) -> PictureKind:
    name = request.path_params["picture"]
    for kind in known:
        if kind.lower() == name:
            return kind
    raise not_found("picture")


def _number(request: Request, type_name: str) -> int:
    number = storable_in(request.path_params[type_name.lower()], type_name)
    if number is None:
        raise not_found(type_name.lower())
    return number


def _shown(request: Request, picture: Picture) -> Response:
    body = picture.svg.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {
        "etag": etag,
        "cache-control": "no-store",
        "content-security-policy": ALONE,
        "content-disposition": "inline",
    }
    if has_it(request, etag):
        return Response(None, 304, headers)
    return Response(body, media_type=MEDIA_TYPE, headers=headers)


def routes(*, edge: Edge, bearer: Bearer, now: Callable[[], dt.datetime]) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = PictureDoor(edge, bearer, now=now)
    return [
        Route(PREFIX + "/{course}/{picture}.svg", answering(door.of_course), methods=["GET"]),
        Route(
            PREFIX + "/{course}/{module}/{picture}.svg", answering(door.of_quiz), methods=["GET"]
        ),
    ]
