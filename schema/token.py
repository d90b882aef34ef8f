"""Tokens of our own: for people and for programs. Connections have theirs beside them."""

import datetime as dt

import strawberry

from access.permissions import Permission
from models import identity
from models.identity import TokenKind
from resolvers import done
from resolvers import tokens as answered
from schema.member import Member
from schema.paging import Connection
from schema.requires import SIGNED_IN, any_of, column, guarded_type, resolved_by

OWN_OR_MANAGER = any_of(Permission.GRANT_WORKSPACE_MANAGER).or_self()


@guarded_type(
    requires=OWN_OR_MANAGER,
    description="A token that opens the API. Its secret was shown once, and nobody knows it here.",
    rows=identity.Token,
)
class Token:
    kind: TokenKind
    name: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None
    id: strawberry.ID = column(
        "id", requires=SIGNED_IN, description="The 12 characters in the middle of the token."
    )
    scopes: list[Permission] = resolved_by(
        answered.token_scopes,
        requires=SIGNED_IN,
        description="What it is limited to; empty: all that its member may do.",
    )
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="Whom it acts as."
    )
    connection_id: strawberry.ID | None = resolved_by(
        answered.token_connection,
        requires=SIGNED_IN,
        description="The connection it acts as, where it is one's.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about tokens.")
class TokenQuery:
    tokens: Connection[Token] | None = resolved_by(
        answered.tokens,
        requires=any_of(Permission.GRANT_WORKSPACE_MANAGER).by_operation(),
        description="All tokens of the workspace, by name; live ones, unless ended are wanted too.",
    )
