"""A Strawberry schema as something to mount: routes for HTTP, SSE and graphql-transport-ws."""

import asyncio
from collections.abc import Sequence

import strawberry
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app.graphql.contracts import (
    Authenticate,
    Lapse,
    OpenContext,
    Present,
    never_lapses,
    shows_nothing,
)
from app.graphql.documents import Documents
from app.graphql.errors import Masking
from app.graphql.execution import Execution
from app.graphql.explorer import Explorer
from app.graphql.http import HttpDoor
from app.graphql.limits import Limits
from app.graphql.pricing import Weight
from app.graphql.reception import Reception
from app.graphql.settings import TransportSettings
from app.graphql.strangers import OpenToAll, Strangers
from app.graphql.trusted import DocumentStore
from app.graphql.websocket import SocketDoor


class GraphQL:
    """The GraphQL endpoint.

    `authenticate` turns a bearer token into a person, `context` opens what resolvers see for one
    operation, `present` says which exceptions are meant for the caller, `weight` prices fields,
    `store` knows trusted documents, `lapse` waits for the end of a person's access that nothing
    else would tell, `open_to_all` is what may be asked without a token.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        authenticate: Authenticate,
        context: OpenContext,
        present: Present = shows_nothing,
        limits: Limits | None = None,
        settings: TransportSettings | None = None,
        weight: Weight | None = None,
        store: DocumentStore | None = None,
        lapse: Lapse = never_lapses,
        open_to_all: OpenToAll | None = None,
    ) -> None:
        limits = limits or Limits()
        settings = settings or TransportSettings()
        masking = Masking(present)
        self._stopping = asyncio.Event()
        reception = Reception(
            authenticate=authenticate,
            documents=Documents(
                schema._schema,
                limits=limits,
                introspection=settings.introspection,
                weight=weight,
            ),
            store=store,
            execution=Execution(
                schema,
                context=context,
                masking=masking,
                deadline=limits.deadline,
                hide_suggestions=not settings.introspection,
            ),
            masking=masking,
            limits=limits,
            settings=settings,
            lapse=lapse,
            strangers=_strangers(schema, limits, open_to_all, weight),
        )
        self.http = HttpDoor(reception, Explorer(), self._stopping)
        self.socket = SocketDoor(reception)

    def routes(self, path: str = "/graphql") -> Sequence[BaseRoute]:
        """Routes for a Starlette application; both doors share the path."""
        return [Route(path, endpoint=self.http), WebSocketRoute(path, endpoint=self.socket)]

    def stop(self) -> None:
        """End SSE streams so that a graceful shutdown need not wait; their clients come back."""
        self._stopping.set()


def _strangers(
    schema: strawberry.Schema,
    limits: Limits,
    open_to_all: OpenToAll | None,
    weight: Weight | None,
) -> Strangers | None:
    if open_to_all is None:
        return None
    return Strangers(schema._schema, limits=limits, open_to_all=open_to_all, weight=weight)
