"""Connections to identity providers."""

import datetime as dt

import strawberry

from access.permissions import Permission
from models import identity
from models.identity import ConnectionKind, DeliveryStatus
from operations import connections as operated
from resolvers import connection_changes
from resolvers import connections as answered
from resolvers.answers import Answer
from schema.payloads import Payload
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type, resolved_by
from schema.scalars import JSON

MANAGE = Permission.GRANT_WORKSPACE_MANAGER
REPLAY = Permission.REPLAY_IDP_EVENT


@guarded_type(requires=SIGNED_IN, description="How a connection is doing.", rows=operated.Health)
class ConnectionHealth:
    last_seen_at: dt.datetime | None
    error_count: int
    dropped_count: int
    waiting: int
    parked: int
    quarantined: int
    oldest_waiting_at: dt.datetime | None
    dropped: JSON = column(
        "dropped",
        requires=INHERITED,
        description="How often each attribute came that this workspace does not keep.",
    )


@guarded_type(
    requires=MANAGE,
    description="An identity provider, connected through one door.",
    rows=identity.Connection,
)
class IdentityConnection:
    name: str
    kind: ConnectionKind
    is_enabled: bool
    created_at: dt.datetime
    id: strawberry.ID = resolved_by(
        answered.connection_id, requires=SIGNED_IN, description="Its id, for mutations."
    )
    path: str = resolved_by(
        answered.path, requires=SIGNED_IN, description="Where the provider sends to."
    )
    health: ConnectionHealth | None = resolved_by(
        answered.connection_health, requires=MANAGE, description="How it is doing."
    )


@guarded_type(
    requires=REPLAY,
    description="What a provider delivered, and what became of it.",
    rows=identity.InboxDelivery,
)
class Delivery:
    delivery_id: str
    received_at: dt.datetime
    status: DeliveryStatus
    reason: str | None
    attempts: int
    settled_at: dt.datetime | None
    id: strawberry.ID = resolved_by(
        answered.delivery_id, requires=SIGNED_IN, description="Its id, for mutations."
    )
    connection_id: strawberry.ID = resolved_by(
        answered.delivered_by, requires=SIGNED_IN, description="The connection it came through."
    )
    body: str = resolved_by(
        answered.body, requires=SIGNED_IN, description="The first 10,000 bytes, as text."
    )


@guarded_type(requires=SIGNED_IN, description="A connection was changed.", rows=Answer)
class ConnectionPayload(Payload):
    secret: str | None = column(
        "secret",
        requires=SIGNED_IN,
        description="A new secret or token. Shown this once, also under an idempotency key.",
    )
    connection: IdentityConnection | None = resolved_by(
        connection_changes.touched_connection,
        requires=SIGNED_IN,
        description="The connection, after.",
    )


@guarded_type(requires=SIGNED_IN, description="A delivery was replayed or discarded.", rows=Answer)
class DeliveryPayload(Payload):
    delivery: Delivery | None = resolved_by(
        connection_changes.touched_delivery,
        requires=SIGNED_IN,
        description="The delivery, after.",
    )
