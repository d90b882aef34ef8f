"""The page anybody checks a certificate on: `/verify`, and `/verify/<code>` behind the QR code.

GET /verify            a form; it works without JavaScript
GET /verify?code=…     303 to the page of that code, in the form codes are written in
GET /verify/<code>     name, course, day and state, and nothing else (H4)

200  the form, or what the certificate says
303  the code was typed into the form
404  no certificate has this code, or it can be none: nobody learns which
429  too many codes from this address were wrong

With `Accept: application/json` answers are JSON.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.authentication.failures import Failures
from app.doors import Refusal, answering
from app.graphql.reception import client_of
from app.pages import HEADERS, Pages, Told
from models.certificates import CertificateState
from operations.certificates import reading
from operations.certificates.codes import LONGEST_TYPED, code_in
from operations.certificates.reading import Verified
from operations.edge import Edge

FORM: Final = "/verify"
PREFIX: Final = "/verify/"
UNKNOWN: Final = "No certificate has this code. Look whether every letter and digit is right."
TOO_MANY: Final = "Too many codes from your address were wrong. Try again in a while."

SAYS: Final[Mapping[CertificateState, tuple[str, str]]] = {
    CertificateState.ISSUED: ("Valid", "This certificate is valid."),
    CertificateState.SUPERSEDED: (
        "Superseded",
        "A newer certificate of the same person and course has taken the place of this one.",
    ),
    CertificateState.REVOKED: ("Revoked", "This certificate was revoked. It is not valid."),
    CertificateState.EXPIRED: ("Expired", "This certificate was valid, and has expired."),
}

_PAGES: Final = Pages("app.certificates")


def address_of(public_url: str, code: str) -> str:
    """Where a certificate is checked."""
    return f"{public_url.rstrip('/')}{PREFIX}{code}"


class VerifyingDoor:
    """Tells strangers what a certificate is worth. `guesses` counts their wrong codes."""

    def __init__(
        self, edge: Edge, *, now: Callable[[], dt.datetime], guesses: Failures | None = None
    ) -> None:
        self._edge = edge
        self._now = now
        self._guesses = guesses or Failures()

    async def form(self, request: Request) -> Response:
        """The empty form, or on to the page of the code that was typed into it."""
        typed = request.query_params.get("code", "").strip()
        if not typed:
            return _PAGES.say(request, Told(200, "form", {"typed": "", "problem": None}, {}))
        code = code_in(typed)
        if code is None:
            return self._wrong(request, typed)
        return RedirectResponse(PREFIX + quote(code), 303, HEADERS)

    async def look(self, request: Request) -> Response:
        """What the certificate of this code says."""
        typed = request.path_params["code"]
        if seconds := self._guesses.seconds_to_wait(client_of(request.scope)):
            headers = {"retry-after": str(seconds)}
            return _refuse(request, Refusal(429, TOO_MANY, headers))
        async with self._edge.read() as db:
            found = await reading.verify(db, code=typed, at=self._now())
        if found is None:
            return self._wrong(request, typed)
        word, sentence = SAYS[found.state]
        known = {"found": found, "word": word, "sentence": sentence, "code": code_in(typed)}
        return _PAGES.say(request, Told(200, "found", known, _data(found)))

    def _wrong(self, request: Request, typed: str) -> Response:
        self._guesses.count(client_of(request.scope))
        return _refuse(request, Refusal(404, UNKNOWN), typed)


def _data(found: Verified) -> dict[str, Any]:
    return {
        "learnerName": found.learner_name,
        "courseTitle": found.course_title,
        "issuedOn": found.issued_on.isoformat(),
        "state": found.state.value,
    }


def _refuse(request: Request, refusal: Refusal, typed: str = "") -> Response:
    known = {"typed": typed[:LONGEST_TYPED], "problem": refusal.message}
    data = {"error": refusal.message}
    return _PAGES.say(request, Told(refusal.status, "form", known, data, refusal.headers))


def routes(*, edge: Edge, now: Callable[[], dt.datetime], guesses: Failures) -> Sequence[Route]:
    """The page's routes, to be mounted at the root."""
    door = VerifyingDoor(edge, now=now, guesses=guesses)
    return [
        Route(FORM, answering(door.form, say=_refuse), methods=["GET"]),
        Route(PREFIX + "{code}", answering(door.look, say=_refuse), methods=["GET"]),
    ]
