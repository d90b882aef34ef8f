"""The error vocabulary, refusals of whole requests, and what of an exception a caller may see."""

import secrets
import traceback
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import structlog
from graphql import GraphQLError

from app.graphql.contracts import Present

SHOWN_CHARACTERS = 200
SHOWN_FRAMES = 25
APOLOGY = "Something went wrong on our side."

FormattedError = dict[str, object]

log = structlog.get_logger("app.graphql")


class Code(StrEnum):
    """`extensions.code` of errors the transport itself makes; the domain adds its own."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    WORKSPACE_REQUIRED = "WORKSPACE_REQUIRED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    BAD_REQUEST = "BAD_REQUEST"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    CONFLICT = "CONFLICT"
    LIMIT_REACHED = "LIMIT_REACHED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class RequestRefused(Exception):
    """Nothing was executed; the answer is `errors` without `data`.

    `status` is the HTTP status whatever the client accepts; None means the request was well
    formed HTTP and only GraphQL says no (400, or 200 for clients of plain application/json).
    """

    def __init__(
        self,
        errors: Sequence[FormattedError],
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("; ".join(str(error["message"]) for error in errors))
        self.errors = list(errors)
        self.status = status
        self.headers = dict(headers or {})


def refused(
    code: Code,
    message: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **extensions: object,
) -> RequestRefused:
    """One refusal with one error."""
    return RequestRefused(
        [{"message": message, "extensions": {"code": code.value, **extensions}}],
        status=status,
        headers=headers,
    )


def codes_of(errors: Iterable[FormattedError]) -> list[str]:
    """The distinct codes, sorted: what the log says about an answer."""
    codes = set()
    for error in errors:
        extensions = error.get("extensions")
        if isinstance(extensions, Mapping):
            codes.add(str(extensions.get("code")))
    return sorted(codes)


def shorten(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Keep the beginning and the end: the value a message quotes may be megabytes long."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def format_request_error(error: GraphQLError, default: Code) -> FormattedError:
    """An error found before execution; its text is graphql-core's and quotes the request."""
    code = (error.extensions or {}).get("code", default.value)
    formatted: FormattedError = {"message": shorten(error.message)}
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    return formatted | {"extensions": {**(error.extensions or {}), "code": code}}


class Masking:
    """Decides what of a resolver's exception is shown; everything else becomes an incident."""

    def __init__(self, present: Present) -> None:
        self._present = present

    def execution_errors(
        self, errors: Sequence[GraphQLError], *, request_id: str
    ) -> list[FormattedError]:
        """Format the errors of one answer; equal causes share one incident and one log line."""
        incidents: dict[str, str] = {}
        return [self._format(error, request_id, incidents) for error in errors]

    def presented(self, error: Exception) -> FormattedError | None:
        """The error as the application wants it shown, if it does."""
        shown = self._present(error)
        if shown is None:
            return None
        message, extensions = shown
        return {"message": message, "extensions": dict(extensions)}

    def shown_or_incident(self, error: Exception, *, request_id: str) -> FormattedError:
        """An exception from outside the execution: presented, or logged and hidden."""
        return self.presented(error) or _incident(error, request_id, {})

    def _format(
        self, error: GraphQLError, request_id: str, incidents: dict[str, str]
    ) -> FormattedError:
        cause = _cause(error)
        shown = self.presented(cause) or _said_by_graphql(error, cause)
        formatted = shown or _incident(cause, request_id, incidents)
        if error.locations:
            formatted["locations"] = [location.formatted for location in error.locations]
        if error.path is not None:
            formatted["path"] = list(error.path)
        return formatted


def _cause(error: GraphQLError) -> Exception:
    """The innermost exception: graphql-core and Strawberry wrap what a resolver raised."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _said_by_graphql(error: GraphQLError, cause: Exception) -> FormattedError | None:
    """Show coercion messages (they point at the caller's text) and errors that carry a code.

    A GraphQLError without code or nodes comes from serialising *our* data: not for the caller.
    """
    if not isinstance(cause, GraphQLError):
        return None
    extensions = dict(cause.extensions or {})
    if "code" not in extensions:
        if cause.nodes is None and error.path is not None:
            return None
        extensions["code"] = Code.BAD_USER_INPUT.value
    return {"message": shorten(cause.message), "extensions": extensions}


def _incident(cause: Exception, request_id: str, incidents: dict[str, str]) -> FormattedError:
    """Log the traceback in one line, once per cause, and give its number to the caller."""
    frames = traceback.extract_tb(cause.__traceback__)[-SHOWN_FRAMES:]
    where = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    key = f"{type(cause).__qualname__} {where}"
    incident = incidents.get(key)
    if incident is None:
        incident = incidents[key] = secrets.token_hex(8)
        log.error(
            "graphql.incident",
            incident=incident,
            request_id=request_id,
            raised=type(cause).__qualname__,
            message=one_line(shorten(str(cause))),
            traceback=one_line(where),
        )
    return {
        "message": APOLOGY,
        "extensions": {"code": Code.INTERNAL_SERVER_ERROR.value, "incident": incident},
    }


def one_line(text: str) -> str:
    """Make a text safe for one log line: no control character survives."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
