"""Which form of answer a client wants first, and which form of question it sends."""

from enum import Enum

from app.graphql.errors import Code, refused


class Media(Enum):
    """The forms an answer can have."""

    RESPONSE = "application/graphql-response+json"
    JSON = "application/json"
    EVENTS = "text/event-stream"
    PAGE = "text/html"


ANY = {"*/*": Media.JSON, "application/*": Media.JSON}
BY_NAME = {media.value: media for media in Media}


def accepted(accept: str | None, *, page: bool) -> list[Media]:
    """The forms a client accepts, best first: by quality, then in the order given.

    Mentioning text/event-stream last is not asking for a stream: urql lists it behind JSON in
    every request. Raises RequestRefused (406) when none of ours is accepted.
    """
    if accept is None or not accept.strip():
        return [Media.JSON]
    ranked = []
    for part in accept.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        media = BY_NAME.get(name) or ANY.get(name)
        quality = _quality(parameters)
        if media is not None and quality > 0 and (page or media is not Media.PAGE):
            ranked.append((quality, media))
    if not ranked:
        raise refused(
            Code.BAD_REQUEST,
            "Accept application/graphql-response+json, application/json or text/event-stream.",
            status=406,
        )
    ranked.sort(key=lambda each: -each[0])
    return [media for _, media in ranked]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def check_content(content_type: str | None, content_encoding: str | None) -> None:
    """Only plain UTF-8 application/json: 415 for anything else, however close it sounds.

    That browsers cannot send this type across origins without asking first is worth more than
    being lenient.
    """
    if content_encoding is not None and content_encoding.strip().lower() != "identity":
        raise refused(Code.BAD_REQUEST, "Send the body without Content-Encoding.", status=415)
    name, *parameters = ((content_type or "").strip().lower()).split(";")
    charsets = {parameter.strip().replace('"', "") for parameter in parameters if parameter.strip()}
    if name.strip() != "application/json" or not charsets <= {"charset=utf-8"}:
        raise refused(
            Code.BAD_REQUEST,
            "Send the body as Content-Type: application/json (charset utf-8, if any).",
            status=415,
        )
