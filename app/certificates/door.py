"""The door for certificates, with a bearer token.

GET  /certificates/{id}.pdf                  the certificate, for the person and whoever may list
                                             them as a learner
GET  /certificates/preview/{course id}.pdf   what the newest template looks like, for its editors
POST /certificates/preview/{course id}.pdf   the same with a draft: a JSON object of what would be
                                             given to `editCertificateTemplate`

200  the page
404  there is no such thing, or none the caller may see at this moment: nobody learns which
409  the draft cannot be printed, and why

and the refusals of `app.doors`.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.authentication.bearer import Bearer
from app.authentication.failures import Failures
from app.certificates import verifying
from app.certificates.page import page_of
from app.doors import answering, body_of, download, signed_in
from models.certificates import Certificate, CertificateState
from operations.certificates import reading, sampling
from operations.certificates.templates import drafted
from operations.edge import Edge
from operations.refusals import Code, Refused, not_found
from resolvers.certificates.drafts import changes_in
from resolvers.ids import number_of, storable_in

PAGES_AT_ONCE: Final = 2
"""Pages set at the same time in one process; more only wait for each other."""

LARGEST_DRAFT: Final = 64 * 1024


class CertificateDoor:
    """Gives certificates out to whoever may see them now."""

    def __init__(
        self, edge: Edge, bearer: Bearer, *, public_url: str, now: Callable[[], dt.datetime]
    ) -> None:
        self._edge = edge
        self._bearer = bearer
        self._public_url = public_url
        self._now = now
        self._turn = asyncio.Semaphore(PAGES_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        """The PDF, made anew."""
        by = (await signed_in(request, self._bearer)).caller
        number = storable_in(request.path_params["certificate_id"], "Certificate")
        if number is None:
            raise not_found(reading.NOUN)
        async with self._edge.read() as db:
            found = await reading.seen(db, by, number)
        state = reading.state_at(found, self._now())
        return await self._page(_printed(found), found.code, state, found.issued_at)

    async def preview(self, request: Request) -> Response:
        """The page with values nobody has, as a template or a draft would make it."""
        by = (await signed_in(request, self._bearer)).caller
        given = await _draft(request) if request.method == "POST" else {}
        course_id = number_of(request.path_params["course_id"], "Course")
        at = self._now()
        async with self._edge.read() as db:
            course, content = await drafted(
                db, by=by, course_id=course_id, changes=changes_in(given)
            )
            printed = await sampling.sample(db, course=course, content=content, at=at)
        return await self._page(printed, sampling.CODE, CertificateState.ISSUED, at)

    async def _page(
        self, printed: Mapping[str, Any], code: str, state: CertificateState, at: dt.datetime
    ) -> Response:
        async with self._turn:
            page = await asyncio.to_thread(
                page_of,
                printed,
                code=code,
                state=state,
                issued_at=at,
                public_url=self._public_url,
            )
        name = f"certificate-{printed['serial']}.pdf"
        return Response(page, media_type="application/pdf", headers=download(name))


def _printed(found: Certificate) -> Mapping[str, Any]:
    return found.printed


async def _draft(request: Request) -> Mapping[str, Any]:
    try:
        given = json.loads(await body_of(request, LARGEST_DRAFT))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Refused(Code.BAD_USER_INPUT, "The body is one JSON object.")
    return given


def routes(
    *, edge: Edge, bearer: Bearer, public_url: str, now: Callable[[], dt.datetime]
) -> Sequence[Route]:
    """The routes of the door and of the public page, to be mounted at the root."""
    door = CertificateDoor(edge, bearer, public_url=public_url, now=now)
    return [
        Route("/certificates/{certificate_id}.pdf", answering(door.answer), methods=["GET"]),
        Route(
            "/certificates/preview/{course_id}.pdf",
            answering(door.preview),
            methods=["GET", "POST"],
        ),
        *verifying.routes(edge=edge, now=now, guesses=Failures()),
    ]
