"""One answer, encoded: the same bytes whichever door it leaves through."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from app.graphql.errors import Code, FormattedError, RequestRefused, codes_of


@dataclass(frozen=True, slots=True)
class Answer:
    """`payload` is the JSON of {data?, errors?, extensions?}.

    `refused`: nothing was executed, so there is no data and a socket says `error`, not `next`.
    `status` forces the HTTP status; `cursor` is the place in the event stream, if the data has one.
    """

    payload: bytes
    errors: tuple[FormattedError, ...] = ()
    refused: bool = False
    status: int | None = None
    headers: Mapping[str, str] | None = None
    cursor: str | None = None

    @property
    def codes(self) -> list[str]:
        return codes_of(self.errors)


def answer_of_refusal(refusal: RequestRefused) -> Answer:
    """The errors alone: `data` is dropped, because nothing was executed."""
    return Answer(
        orjson.dumps({"errors": refusal.errors}),
        tuple(refusal.errors),
        refused=True,
        status=refusal.status,
        headers=refusal.headers,
    )


def answer_of_data(
    data: Mapping[str, object] | None,
    errors: list[FormattedError],
    extensions: Mapping[str, object] | None,
) -> Answer:
    """What an execution gave. Raises TypeError for data that is not JSON.

    A whole answer that failed only for want of a dependency is a 503, so that proxies and
    clients try again.
    """
    body: dict[str, object] = {"data": data}
    if errors:
        body["errors"] = errors
    if extensions:
        body["extensions"] = extensions
    unavailable = data is None and codes_of(errors) == [Code.UNAVAILABLE.value]
    return Answer(
        orjson.dumps(body),
        tuple(errors),
        status=503 if unavailable else None,
        headers={"retry-after": "1"} if unavailable else None,
        cursor=cursor_of(data),
    )


def cursor_of(data: Mapping[str, object] | None) -> str | None:
    """The field `cursor` of a root field's object, where a client asked for it by that name."""
    for value in (data or {}).values():
        if isinstance(value, Mapping):
            cursor = value.get("cursor")
            if isinstance(cursor, str) and cursor.isascii() and cursor.isprintable():
                return cursor
    return None
