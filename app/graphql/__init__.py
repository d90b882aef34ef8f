"""GraphQL over HTTP, server-sent events and WebSocket, for any Strawberry schema."""

from app.graphql.contracts import (
    Authenticate,
    Authenticated,
    Forbidden,
    OpenContext,
    Present,
    RequestInfo,
    Unauthenticated,
)
from app.graphql.endpoint import GraphQL
from app.graphql.errors import Code, RequestRefused
from app.graphql.limits import Limits
from app.graphql.settings import TransportSettings, uvicorn_options
from app.graphql.strangers import OpenToAll
from app.graphql.trusted import DocumentStore, Manifest, Remembered

__all__ = [
    "Authenticate",
    "Authenticated",
    "Code",
    "DocumentStore",
    "Forbidden",
    "GraphQL",
    "Limits",
    "Manifest",
    "OpenContext",
    "OpenToAll",
    "Present",
    "Remembered",
    "RequestInfo",
    "RequestRefused",
    "TransportSettings",
    "Unauthenticated",
    "uvicorn_options",
]
