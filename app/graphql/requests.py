"""Strict JSON, and the one shape a GraphQL request may have, whatever door it came through."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from app.graphql.errors import Code, RequestRefused, refused
from app.graphql.limits import Limits, too_complex

PARAMETERS = ("query", "operationName", "variables", "extensions")


class NotJson(ValueError):
    """The text is not the strict JSON spoken here; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A well-shaped request: `query` is None only where a persisted document is named."""

    query: str | None
    operation_name: str | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    extensions: Mapping[str, object] = field(default_factory=dict)


def strict_json(data: bytes | str) -> object:
    """Parse UTF-8 JSON without the liberties of parsers.

    A byte order mark is accepted. Refused: other encodings, NaN and Infinity, numbers beyond a
    double, integers beyond 4,300 digits, a key given twice, nesting beyond the interpreter.
    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        return json.loads(
            text,
            object_pairs_hook=_without_doubles,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise NotJson("The JSON is nested too deeply.") from None
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    except NotJson:
        raise
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except ValueError:
        raise NotJson("The JSON holds a number of more than 4,300 digits.") from None


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("The JSON gives a key twice in one object.")
    return found


def _refuse_constant(name: str) -> object:
    raise NotJson(f"{name} is not JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise NotJson("The JSON holds a number too large for a double.")
    return number


def read_body(data: bytes, limits: Limits) -> GraphQLRequest:
    """Read a POST body: one JSON object of our shape, else RequestRefused with status 400."""
    try:
        body = strict_json(data)
    except NotJson as error:
        raise _bad(str(error)) from None
    if not isinstance(body, dict):
        raise _bad("The body must be one JSON object; batches are not answered.")
    return read_shape(body, limits)


def read_query_string(query_string: bytes, limits: Limits) -> GraphQLRequest:
    """Read the parameters of a GET request."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise _bad("The query string is not percent-encoded UTF-8.") from None
    given = [(name, value) for name, value in pairs if name in PARAMETERS]
    parameters: dict[str, object] = dict(given)
    if len(parameters) != len(given):
        raise _bad("The query string gives a parameter twice.")
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _json_parameter(name, str(parameters[name]))
    return read_shape(parameters, limits)


def _json_parameter(name: str, text: str) -> object:
    try:
        return strict_json(text) if text else None
    except NotJson as error:
        raise _bad(f"The parameter {name}: {error}") from None


def read_shape(body: Mapping[str, object], limits: Limits) -> GraphQLRequest:
    """Check types and sizes of a request's parts. `null` is the same as absent."""
    query = _text_or_none(body, "query")
    name = _text_or_none(body, "operationName")
    if name is not None and len(name) > limits.operation_name:
        raise _bad(
            f"operationName has {len(name)} characters; at most {limits.operation_name} are read."
        )
    variables = _object(body, "variables")
    extensions = _object(body, "extensions")
    _check_values(variables, limits)
    _check_values(extensions, limits)
    if query is None and "persistedQuery" not in extensions:
        raise _bad("The request has no query.")
    return GraphQLRequest(query, name, variables, extensions)


def _text_or_none(body: Mapping[str, object], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _bad(f"{name} must be a string.")
    _check_text(value, name)
    return value


def _object(body: Mapping[str, object], name: str) -> dict[str, object]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad(f"{name} must be an object.")
    return value


def _check_values(values: dict[str, object], limits: Limits) -> None:
    """Walk everything inside, without recursion, counting nodes and levels."""
    nodes = 0
    waiting: list[tuple[object, int]] = [(values, 0)]
    while waiting:
        value, depth = waiting.pop()
        nodes += 1
        if depth > limits.variable_depth:
            raise too_complex("variable_depth", limit=limits.variable_depth, actual=depth)
        if isinstance(value, dict):
            for key in value:
                _check_text(key, "a key")
            waiting += [(each, depth + 1) for each in value.values()]
        elif isinstance(value, list):
            waiting += [(each, depth + 1) for each in value]
        elif isinstance(value, str):
            _check_text(value, "a string")
        if nodes + len(waiting) > limits.variable_nodes:
            actual = nodes + len(waiting)
            raise too_complex("variable_nodes", limit=limits.variable_nodes, actual=actual)


def _check_text(text: str, what: str) -> None:
    """PostgreSQL stores no NUL, and half a surrogate pair is not a character anywhere."""
    if "\0" in text:
        raise refused(
            Code.BAD_USER_INPUT, f"{what} contains the character NUL (U+0000).", status=400
        )
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refused(
            Code.BAD_USER_INPUT, f"{what} contains half a surrogate pair.", status=400
        ) from None


def _bad(message: str) -> RequestRefused:
    return refused(Code.BAD_REQUEST, message, status=400)
