"""What anybody may ask without a token that is good: one public field at a time, in a short
document, and not often from one address.

Everything else ends as it would without this: the token is missing or not valid. So a document is
looked at only when the name of a public field stands in it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from graphql import FieldNode, GraphQLSchema, OperationType, SelectionNode

from app.graphql.documents import Documents
from app.graphql.errors import Code, RequestRefused, refused
from app.graphql.execution import Operation
from app.graphql.limits import Limits
from app.graphql.pricing import Weight
from app.graphql.requests import GraphQLRequest

TYPENAME: Final = "__typename"
POINTS_A_TURN: Final = 10
"""Whoever asks for something dear has had as many turns as it costs tens of points."""


class Turns(Protocol):
    """How often an address was there, and how long it has to wait therefore."""

    def count(self, address: str | None) -> None: ...

    def seconds_to_wait(self, address: str | None) -> int: ...


@dataclass(frozen=True, slots=True)
class OpenToAll:
    """The root fields of queries that ask for no token, and whose turn it is to ask for them."""

    fields: Collection[str]
    turns: Turns


class Strangers:
    """Chooses what somebody without a good token may run."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        limits: Limits,
        open_to_all: OpenToAll,
        weight: Weight | None = None,
    ) -> None:
        self.limits = replace(
            limits,
            body_bytes=4_096,
            body_seconds=min(limits.body_seconds, 2.0),
            source_length=2_000,
            tokens=200,
            root_fields=2,
            fields=40,
            fragments=4,
            cached_documents=100,
        )
        self._open = frozenset(open_to_all.fields)
        self._turns = open_to_all.turns
        self._documents = Documents(schema, limits=self.limits, introspection=False, weight=weight)

    def operation(
        self, request: GraphQLRequest, text: str, address: str | None
    ) -> Operation | None:
        """The operation, if a stranger may ask for it; None: a token is needed. RequestRefused
        where it is wrong in itself, or it is not this address's turn yet."""
        if not any(each in text for each in self._open):
            return None
        if seconds := self._turns.seconds_to_wait(address):
            raise _not_yet(seconds)
        self._turns.count(address)
        prepared = self._documents.prepare(text)
        chosen = self._documents.choose(prepared, request.operation_name, request.variables)
        if chosen.type is not OperationType.QUERY:
            return None
        if not self._is_open(chosen.node.selection_set.selections):
            return None
        for _ in range(chosen.cost // POINTS_A_TURN):
            self._turns.count(address)
        return Operation(chosen, request.variables, request.extensions)

    def _is_open(self, selections: Sequence[SelectionNode]) -> bool:
        names = [each.name.value for each in selections if isinstance(each, FieldNode)]
        asked = [each for each in names if each != TYPENAME]
        return len(names) == len(selections) and len(asked) == 1 and asked[0] in self._open


def _not_yet(seconds: int) -> RequestRefused:
    return refused(
        Code.RATE_LIMITED,
        "Too many requests without a token came from this address. Try again later.",
        status=429,
        headers={"retry-after": str(seconds)},
        retryAfterSeconds=seconds,
    )
