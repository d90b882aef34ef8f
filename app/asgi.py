"""The web application, put together: which doors there are, and what every answer goes through."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from access.caller import Caller
from app import (
    activation,
    attachments,
    audit,
    calendar,
    certificates,
    imports,
    invoices,
    jobs,
    metrics,
    pictures,
    scim,
    webhooks,
)
from app.authentication.authenticated import Authenticated
from app.authentication.bearer import NOT_SIGNED_IN, WORKSPACE_HEADER, Bearer
from app.authentication.clock import utc_now
from app.authentication.failures import Failures
from app.authentication.issuer import LocalIssuer
from app.doors import Refusal, as_json
from app.embedded import CannotStart
from app.envelope import Envelope
from app.graphql import Authenticated as KnownToTheDoors
from app.graphql import (
    DocumentStore,
    GraphQL,
    Manifest,
    OpenContext,
    OpenToAll,
    Remembered,
    TransportSettings,
    Unauthenticated,
)
from app.installation import Installation
from app.logs import configure_logs
from app.presenting import present
from app.prices import LIMITS, weight
from app.settings import Settings, read_settings
from app.stack import located
from app.start_page import show
from resolvers.catalog import open_to_all
from resolvers.context import Context, opened
from sync_engine.bell import APPLY_INBOX

GRAPHQL_PATH = "/graphql"
STRANGERS_A_MINUTE = 60
"""Requests to GraphQL without a good token that an address may make."""

HEADERS_OF_BROWSERS = (
    "authorization",
    "content-type",
    "last-event-id",
    "x-request-id",
    WORKSPACE_HEADER,
)


def create_app(
    settings: Settings | None = None, *, schema: strawberry.Schema | None = None
) -> Starlette:
    """The ASGI application. Without settings it reads them itself, so that
    `uvicorn --factory app.asgi:create_app` works. Raises CannotStart."""
    here = Installation.of(settings or _read_settings())
    graphql = _graphql(here, schema or _schema())
    app = Starlette(
        routes=_routes(here, graphql),
        middleware=_middleware(here.settings),
        exception_handlers={HTTPException: _refuse},
        lifespan=lambda _: here.running(graphql.stop),
    )
    app.state.installation = here
    return app


def _read_settings() -> Settings:
    settings = located(read_settings())
    configure_logs(as_json=settings.logs_json)
    return settings


def _schema() -> strawberry.Schema:
    from schema.schema import schema  # noqa: PLC0415 - building it takes a while

    return schema


def _graphql(here: Installation, schema: strawberry.Schema) -> GraphQL:
    settings = here.settings
    return GraphQL(
        schema,
        authenticate=here.bearer.authenticate,
        lapse=here.bearer.lapse,
        context=_contexts(here),
        present=present,
        store=_documents(settings.trusted_documents),
        limits=LIMITS,
        weight=weight,
        open_to_all=OpenToAll(open_to_all(schema._schema), Failures(limit=STRANGERS_A_MINUTE)),
        settings=TransportSettings(
            introspection=settings.answers_introspection,
            explorer=settings.shows_graphiql,
            trusted_only=settings.trusted_documents_only,
            register_documents=settings.trusted_documents is None,
            allowed_origins=frozenset(settings.cors_origins),
        ),
    )


def _documents(file: Path | None) -> DocumentStore:
    """The documents of a manifest; without one, those that clients register by their digest."""
    if file is None:
        return Remembered()
    try:
        return Manifest(json.loads(file.read_text()))
    except (OSError, ValueError, AttributeError) as problem:
        raise CannotStart(
            f"{file} is no file of trusted documents ({problem}); it must be a JSON object that"
            " maps the SHA-256 of each document to its text."
        ) from None


def _contexts(here: Installation) -> OpenContext:
    @asynccontextmanager
    async def open_context(
        authenticated: KnownToTheDoors | None,
        *,
        request_id: str,
        client: str | None,
        resume_after: str | None,
    ) -> AsyncIterator[Context]:
        if authenticated is None:
            async with opened(Context(None, here.edge, request_id=request_id)) as context:
                yield context
            return
        known = cast("Authenticated", authenticated)
        if known.is_remembered and not await here.bearer.still_valid(known):
            raise Unauthenticated(NOT_SIGNED_IN)
        context = Context(
            known.caller,
            here.edge,
            seal=here.seal,
            seals=here.keyring,
            bus=here.bus,
            is_live=lambda: here.bearer.still_valid(known),
            choices=known.workspaces,
            request_id=request_id,
            resume_after=resume_after,
        )
        async with opened(context):
            yield context

    return open_context


def _routes(here: Installation, graphql: GraphQL) -> Sequence[BaseRoute]:
    return [
        Route("/", show),
        *graphql.routes(GRAPHQL_PATH),
        *webhooks.routes(
            edge=here.edge,
            seals=here.keyring,
            wake=lambda: here.bell.tell(wakes=[APPLY_INBOX]),
            now=utc_now,
        ),
        *scim.routes(edge=here.edge, authenticate=_provider_by(here.bearer), now=utc_now),
        *invoices.routes(edge=here.edge, bearer=here.bearer),
        *certificates.routes(
            edge=here.edge,
            bearer=here.bearer,
            public_url=here.settings.base_url,
            now=utc_now,
        ),
        *calendar.routes(
            edge=here.edge,
            bearer=here.bearer,
            public_url=here.settings.base_url,
            sender=here.settings.mail_sender,
            now=utc_now,
        ),
        *audit.routes(edge=here.edge, bearer=here.bearer),
        *attachments.routes(edge=here.edge, bearer=here.bearer, storage=here.storage, now=utc_now),
        *imports.routes(edge=here.edge, bearer=here.bearer, storage=here.storage, now=utc_now),
        *pictures.routes(edge=here.edge, bearer=here.bearer, now=utc_now),
        *jobs.routes(edge=here.edge, bearer=here.bearer, storage=here.storage),
        *activation.routes(
            edge=here.edge,
            bearer=here.bearer,
            local=here.local_issuer,
            issuers=here.settings.issuers,
            now=utc_now,
        ),
        Route("/.well-known/jwks.json", _keys_of(here.local_issuer)),
        *metrics.routes(edge=here.edge, token=here.settings.metrics_token),
        *here.health.routes(),
    ]


def _provider_by(bearer: Bearer) -> scim.Authenticate:
    async def provider(credentials: str | None, client: str | None) -> Caller | None:
        try:
            return (await bearer.authenticate_connection(credentials, client=client)).caller
        except Unauthenticated:
            return None

    return provider


def _keys_of(issuer: LocalIssuer | None) -> Callable[[Request], Any]:
    async def keys(_: Request) -> Response:
        published = issuer.jwks() if issuer else {"keys": []}
        return JSONResponse(published, headers={"cache-control": "public, max-age=600"})

    return keys


def _middleware(settings: Settings) -> list[Middleware]:
    envelope = Middleware(
        Envelope,
        is_https=settings.is_production and settings.base_url.startswith("https://"),
        logged_elsewhere=(GRAPHQL_PATH,),
        secret_after=(activation.PREFIX, calendar.PREFIX, certificates.PREFIX),
    )
    if not settings.cors_origins:
        return [envelope]
    return [
        envelope,
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=list(HEADERS_OF_BROWSERS),
            expose_headers=["x-request-id"],
            allow_credentials=False,
        ),
    ]


async def _refuse(request: Request, refusal: Exception) -> Response:
    """A path or method that is not here."""
    if not isinstance(refusal, HTTPException):
        raise refusal
    return as_json(request, Refusal(refusal.status_code, refusal.detail, refusal.headers or {}))
