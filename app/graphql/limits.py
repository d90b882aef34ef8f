"""Every number that bounds one request, one socket or one document, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.graphql.errors import Code, RequestRefused, refused


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes or counts, times in seconds.

    `variable_depth` leaves room for a segment rule of depth 8 written as nested JSON objects
    and lists. `list_sizes`: how long lists without a page size usually are, by coordinate, where
    that is not `list_size`. Introspection has a depth of its own, so that the standard
    introspection query passes while `ofType` three hundred times does not.
    """

    body_bytes: int = 256 * 1024
    body_seconds: float = 10.0
    header_bytes: int = 32 * 1024
    headers: int = 100
    url_bytes: int = 16 * 1024
    deadline: float = 5.0

    source_length: int = 50_000
    tokens: int = 1_500
    comments: int = 100
    depth: int = 10
    introspection_depth: int = 20
    aliases: int = 30
    fields: int = 500
    root_fields: int = 20
    mutations: int = 5
    directives: int = 10
    directives_per_location: int = 3
    fragments: int = 50

    cost: int = 2_000
    page_size: int = 20
    list_size: int = 10
    list_sizes: Mapping[str, int] = field(default_factory=dict)
    sizing_arguments: tuple[str, ...] = ("first", "last", "ids")

    variable_nodes: int = 5_000
    variable_depth: int = 24
    operation_name: int = 128

    init_seconds: float = 5.0
    frame_bytes: int = 64 * 1024
    operations_per_socket: int = 20
    operation_id: int = 128
    messages_per_second: float = 10.0
    message_burst: int = 50
    queued_messages: int = 256
    queued_bytes: int = 4 * 1024 * 1024
    slow_consumer_seconds: float = 5.0

    cached_documents: int = 1_000
    cached_tokens: int = 100_000


NAMES = {
    "source": "characters",
    "tokens": "tokens",
    "comments": "comments",
    "nesting": "levels of selections",
    "depth": "levels of fields",
    "introspection_depth": "levels of introspection",
    "aliases": "aliases",
    "fields": "fields, fragments spelled out",
    "root_fields": "root fields",
    "mutations": "mutations in one document",
    "directives": "directives",
    "directives_per_location": "directives in one place",
    "fragments": "fragments",
    "cost": "points of cost",
    "variable_nodes": "values in the variables",
    "variable_depth": "levels of nesting in the variables",
}


def too_complex(kind: str, *, limit: int, actual: int) -> RequestRefused:
    """Refuse with QUERY_TOO_COMPLEX; where counting stopped early, `actual` is at least that."""
    return refused(
        Code.QUERY_TOO_COMPLEX,
        f"The request has {actual} {NAMES[kind]}; at most {limit} are answered. "
        "Ask for less, or in several requests.",
        kind=kind,
        limit=limit,
        actual=actual,
    )
