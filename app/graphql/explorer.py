"""The page a browser gets: our own explorer, without foreign resources, or GraphiQL."""

import secrets
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import parse_qs

from strawberry.http.ides import get_graphql_ide_html


@dataclass(frozen=True, slots=True)
class Page:
    """HTML and the headers that fence it in."""

    body: bytes
    headers: dict[str, str]


class Explorer:
    """`?ide=graphiql` asks for GraphiQL, whose scripts come from a public network of copies."""

    def __init__(self) -> None:
        source = files("app.graphql").joinpath("explorer.html")
        self._template = source.read_text(encoding="utf-8")
        self._graphiql = get_graphql_ide_html("graphiql").encode()

    def page(self, query_string: bytes) -> Page:
        asked = parse_qs(query_string.decode("latin-1")).get("ide", ["explorer"])
        guarded = {
            "x-frame-options": "DENY",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        if asked == ["graphiql"]:
            return Page(self._graphiql, guarded)
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        body = self._template.replace("{{nonce}}", nonce).encode()
        return Page(body, {**guarded, "content-security-policy": policy})
