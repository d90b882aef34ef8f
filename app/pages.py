"""Small pages for people who are not signed in: HTML for browsers, the same as JSON for programs.

Templates extend `page.html.jinja`, which looks alike everywhere. The pages run no script, load
nothing, tell no other site where somebody came from, and are kept by nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.mail.addresses import one_line

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "vary": "accept",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: for a browser a page, filled with what is known; for a program an object."""

    status: int
    page: str
    known: Mapping[str, Any]
    data: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """The pages of one door: the templates of its package."""

    def __init__(self, package: str) -> None:
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("app")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["one_line"] = one_line

    def say(self, request: Request, told: Told) -> Response:
        """The answer in the form that was asked for."""
        headers = {**HEADERS, **told.headers}
        if _wants_json(request.headers.get("accept", "")):
            return JSONResponse(told.data, told.status, headers)
        page = self._templates.get_template(f"{told.page}.html.jinja").render(told.known)
        return HTMLResponse(page, told.status, headers)


def _wants_json(accept: str) -> bool:
    """Browsers say text/html first; whoever says JSON and not HTML is a program."""
    return "application/json" in accept and "text/html" not in accept
