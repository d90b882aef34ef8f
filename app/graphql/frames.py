"""The messages of graphql-transport-ws, checked before anything believes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import orjson

from app.graphql.answers import Answer
from app.graphql.errors import FormattedError
from app.graphql.limits import Limits
from app.graphql.requests import NotJson, strict_json

PROTOCOL = "graphql-transport-ws"


class CloseCode(IntEnum):
    """Why a socket was closed. Clients come back by themselves after 4413, 1012 and 1013."""

    TOO_BIG = 1009
    INTERNAL = 1011
    TRY_AGAIN = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    NOT_OUR_PROTOCOL = 4406
    NO_INIT = 4408
    DUPLICATE = 4409
    SLOW_CONSUMER = 4413
    TOO_MANY = 4429


class Closing(Exception):
    """The socket must be closed with this code and reason (at most 123 bytes)."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Frame:
    """One well-shaped message of a client; `id` is empty where the type has none."""

    type: str
    id: str
    payload: object


def read_frame(message: Mapping[str, object], limits: Limits) -> Frame:
    """Check one ASGI `websocket.receive`; Closing says what is wrong with it."""
    text = message.get("text")
    if not isinstance(text, str):
        raise Closing(CloseCode.BAD_REQUEST, "Messages are text, not binary.")
    if len(text) > limits.frame_bytes or len(text.encode()) > limits.frame_bytes:
        raise Closing(CloseCode.TOO_BIG, f"Messages have at most {limits.frame_bytes} bytes.")
    try:
        body = strict_json(text)
    except NotJson as error:
        raise Closing(CloseCode.BAD_REQUEST, str(error)) from None
    if not isinstance(body, dict):
        raise Closing(CloseCode.BAD_REQUEST, "Messages are JSON objects.")
    return _shaped(body, limits)


def _shaped(body: Mapping[str, object], limits: Limits) -> Frame:
    kind, payload = body.get("type"), body.get("payload")
    if not isinstance(kind, str):
        raise Closing(CloseCode.BAD_REQUEST, "Messages have a type.")
    if kind in {"connection_init", "ping", "pong"}:
        if payload is not None and not isinstance(payload, dict):
            raise Closing(CloseCode.BAD_REQUEST, f"The payload of {kind} is an object.")
        return Frame(kind, "", payload)
    if kind in {"subscribe", "complete"}:
        return Frame(kind, _id(body.get("id"), limits), payload)
    raise Closing(CloseCode.BAD_REQUEST, "The type of the message is not one a client sends.")


def _id(given: object, limits: Limits) -> str:
    if isinstance(given, str) and 0 < len(given) <= limits.operation_id:
        try:
            given.encode()
        except UnicodeEncodeError:
            raise Closing(CloseCode.BAD_REQUEST, "The id is not Unicode text.") from None
        return given
    raise Closing(
        CloseCode.BAD_REQUEST, f"The id is a string of 1 to {limits.operation_id} characters."
    )


def message(kind: str, payload: object = None) -> str:
    """A message without id. What a client sent with its ping is echoed, whatever it was."""
    return json.dumps({"type": kind} if payload is None else {"type": kind, "payload": payload})


def next_message(id: str, answer: Answer) -> str:
    """An answer, its bytes spliced in as they are."""
    head = orjson.dumps({"id": id, "type": "next"})[:-1]
    return (head + b',"payload":' + answer.payload + b"}").decode()


def error_message(id: str, errors: list[FormattedError]) -> str:
    """Nothing was executed; this ends the operation."""
    return orjson.dumps({"id": id, "type": "error", "payload": errors}).decode()


def complete_message(id: str) -> str:
    """There are no more answers."""
    return orjson.dumps({"id": id, "type": "complete"}).decode()
