"""Tokens the product issues itself: for people, for programs, and for SCIM connections.

A person's and a program's token act as a member of the workspace, with that member's rights, cut
down to `scopes` (names of permissions) when there are any. A connection's token acts as the
identity provider. `operations.token_text` says what a token looks like.
"""

import datetime as dt
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import Connection, ConnectionKind, Token, TokenKind
from models.journal import record
from models.people import Member, MemberState
from models.workspaces import Workspace
from operations import token_text
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.sign_in_identities import Choice

NAME_LIMIT: Final = 100
LIVE_TOKENS_PER_MEMBER: Final = 50
LIVE_TOKENS_PER_CONNECTION: Final = 2
"""Two, so that a new one can be in use before the old one is revoked."""

USE_IS_NOTED_EVERY: Final = dt.timedelta(minutes=1)

_NOTHING: Final = bytes(32)


class Unusable(StrEnum):
    """Why a presented token opens nothing. For the log; the presenter hears one and the same."""

    MALFORMED = "it does not have the form of a token"
    CHECKSUM = "its checksum does not hold: it was cut off or mistyped"
    UNKNOWN = "there is no token with this id and kind"
    MISMATCH = "its secret is not the stored one"
    REVOKED = "it is revoked"
    EXPIRED = "it has expired"
    MEMBER_DEACTIVATED = "its member is deactivated"
    MEMBER_DELETED = "its member is deleted"
    CONNECTION_DISABLED = "its connection is disabled"


@dataclass(frozen=True, slots=True)
class ResolvedToken:
    """What a live token opens. Exactly one of `member_id` and `connection_id` is set."""

    id: str
    kind: TokenKind
    name: str
    workspace_id: int
    member_id: int | None
    connection_id: int | None
    holder: str
    access_epoch: int
    is_pending: bool
    scopes: frozenset[Permission] | None
    expires_at: dt.datetime | None
    use_is_unnoted: bool
    workspace: Choice


async def create(
    db: AsyncSession,
    *,
    by: Caller,
    kind: TokenKind,
    name: str,
    member_id: int | None = None,
    connection_id: int | None = None,
    scopes: Sequence[str] = (),
    expires_at: dt.datetime | None = None,
    at: dt.datetime,
) -> tuple[Token, str]:
    """A new token and its text, which is shown this once and never again.

    People make tokens for themselves; whoever may make workspace managers makes them for others,
    for programs and for connections. A token limited to scopes makes none.
    """
    _refuse_limited(by)
    if not (kind is TokenKind.PAT and by.member_id is not None and by.member_id == member_id):
        await require(db, by, Permission.GRANT_WORKSPACE_MANAGER)
    holder = await _lock_holder(db, by.workspace_id, member_id, connection_id)
    _check_holder(kind, holder)
    _check(kind, name, scopes, expires_at, at)
    await _leave_room(db, holder, at)

    id, digest, shown = token_text.new(kind)
    token = Token(
        id=id,
        workspace_id=by.workspace_id,
        kind=kind,
        name=name,
        member_id=member_id,
        connection_id=connection_id,
        secret_sha256=digest,
        scopes=sorted(set(scopes)),
        created_by_id=by.member_id,
        expires_at=expires_at,
    )
    db.add(token)
    await db.flush()
    record(db, by=by, verb="token.created", member_id=member_id, after=_told(token))
    return token, shown


async def revoke(db: AsyncSession, *, by: Caller, token_id: str, at: dt.datetime) -> Token:
    """End a token at once; ending one that has ended changes nothing."""
    _refuse_limited(by)
    found = await db.execute(
        select(Token)
        .where(Token.id == token_id, Token.workspace_id == by.workspace_id)
        .with_for_update()
    )
    token = found.scalar_one_or_none()
    if token is None:
        raise not_found("token")
    if by.member_id is None or token.member_id != by.member_id:
        await require(db, by, Permission.GRANT_WORKSPACE_MANAGER)
    if token.revoked_at is not None:
        return token

    token.revoked_at = at
    record(
        db,
        by=by,
        verb="token.revoked",
        member_id=token.member_id,
        before=_told(token),
        detail={"token_id": token.id},
    )
    return token


async def selected(
    db: AsyncSession, *, by: Caller, everybodys: bool = False, ended: bool = True
) -> Select[Token]:
    """One's own tokens, or all of the workspace; with `ended` also those that open nothing."""
    chosen = select(Token).where(Token.workspace_id == by.workspace_id)
    if everybodys:
        await require(db, by, Permission.GRANT_WORKSPACE_MANAGER)
    else:
        chosen = chosen.where(Token.member_id == by.member_id)
    return chosen if ended else chosen.where(_live(func.now()))


async def list_tokens(db: AsyncSession, *, by: Caller, everybodys: bool = False) -> Sequence[Token]:
    """One's own tokens, or all of the workspace; newest first, ended ones included."""
    chosen = await selected(db, by=by, everybodys=everybodys)
    return (await db.scalars(chosen.order_by(Token.created_at.desc(), Token.id))).all()


async def resolve(db: AsyncSession, presented: str, *, at: dt.datetime) -> ResolvedToken | Unusable:
    """What a presented token opens, or why it opens nothing. One statement, none if malformed."""
    parts = token_text.read(presented)
    if parts is None:
        return Unusable.MALFORMED
    if not parts.checksum_holds:
        return Unusable.CHECKSUM
    found = await db.execute(
        select(
            Token,
            Member,
            Connection.name,
            Connection.is_enabled,
            Workspace.slug,
            Workspace.name.label("workspace_name"),
        )
        .join(Workspace, Workspace.id == Token.workspace_id)
        .outerjoin(Member, Member.id == Token.member_id)
        .outerjoin(Connection, Connection.id == Token.connection_id)
        .where(Token.id == parts.id, Token.kind == parts.kind)
        .execution_options(populate_existing=True)
    )
    row = found.one_or_none()
    stored = row.Token.secret_sha256 if row else _NOTHING
    if not hmac.compare_digest(stored, parts.digest) or row is None:
        return Unusable.MISMATCH if row else Unusable.UNKNOWN
    ended = _ended(row.Token, row.Member, row.is_enabled, at)
    return ended or _resolved(row, at)


async def is_live(db: AsyncSession, token_id: str, *, at: dt.datetime) -> bool:
    """Whether a token that was resolved before is neither revoked nor expired, and the connection
    it may belong to still enabled."""
    found = await db.execute(
        select(Token.id)
        .outerjoin(Connection, Connection.id == Token.connection_id)
        .where(Token.id == token_id, _live(at), Connection.is_enabled.is_not(False))
    )
    return found.first() is not None


async def note_use(db: AsyncSession, *, token_id: str, at: dt.datetime) -> None:
    """Remember that a token was used, to the minute."""
    await db.execute(
        update(Token)
        .where(
            Token.id == token_id,
            or_(Token.last_used_at.is_(None), Token.last_used_at <= at - USE_IS_NOTED_EVERY),
        )
        .values(last_used_at=at)
    )


async def _lock_holder(
    db: AsyncSession, workspace_id: int, member_id: int | None, connection_id: int | None
) -> Member | Connection:
    """Whom the token will act as, locked so that it cannot end in the meantime."""
    if (member_id is None) == (connection_id is None):
        raise Refused(
            Code.BAD_USER_INPUT, "A token acts as a member or as a connection: name exactly one."
        )
    holder: Member | Connection | None
    if member_id is not None:
        holder = await db.get(Member, member_id, with_for_update={"key_share": True})
    else:
        holder = await db.get(Connection, connection_id, with_for_update={"key_share": True})
    if holder is None or holder.workspace_id != workspace_id:
        raise not_found("connection" if member_id is None else "member")
    return holder


def _check_holder(kind: TokenKind, holder: Member | Connection) -> None:
    if isinstance(holder, Connection):
        if kind is not TokenKind.SCIM or holder.kind is not ConnectionKind.SCIM:
            raise Refused(
                Code.BAD_USER_INPUT,
                f"A {kind} token cannot act as the {holder.kind} connection {holder.name}; "
                "only a SCIM token acts as a connection, and only as a SCIM one.",
            )
        return
    if kind is TokenKind.SCIM:
        raise Refused(Code.BAD_USER_INPUT, "A SCIM token acts as a connection, not as a member.")
    if holder.deleted_at is not None:
        raise not_found("member")
    if holder.state is MemberState.DEACTIVATED:
        raise Refused(
            Code.CONFLICT, f"{holder.display_name} is deactivated; a token would open nothing."
        )


def _check(
    kind: TokenKind,
    name: str,
    scopes: Sequence[str],
    expires_at: dt.datetime | None,
    at: dt.datetime,
) -> None:
    if not name.strip() or len(name) > NAME_LIMIT:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A token needs a name of 1 to {NAME_LIMIT} characters; this one has {len(name)}.",
        )
    unknown = sorted(set(scopes) - set(Permission))
    if unknown:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"Scopes are names of permissions; unknown: {', '.join(unknown)[:200]}.",
            {"unknown": unknown},
        )
    if scopes and kind is TokenKind.SCIM:
        raise Refused(
            Code.BAD_USER_INPUT, "A SCIM token has no scopes: it may do what its connection may."
        )
    if expires_at is not None and expires_at <= at:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"The token would have expired already, at {expires_at.isoformat()}; "
            "name a later time, or none.",
        )


def _refuse_limited(by: Caller) -> None:
    """What a limited token made would outlive it, and what it ended would reach further than it."""
    if by.limited_to is not None:
        raise Refused(
            Code.BAD_USER_INPUT,
            "The token used is limited to scopes, and such a token makes and ends no tokens; sign "
            "in without limits to do that.",
        )


async def _leave_room(db: AsyncSession, holder: Member | Connection, at: dt.datetime) -> None:
    if isinstance(holder, Connection):
        owner, limit, who = Token.connection_id, LIVE_TOKENS_PER_CONNECTION, "The connection"
    else:
        owner, limit, who = Token.member_id, LIVE_TOKENS_PER_MEMBER, holder.display_name
    count = await db.scalar(
        select(func.count()).select_from(Token).where(owner == holder.id, _live(at))
    )
    if count is not None and count >= limit:
        raise Refused(
            Code.LIMIT_REACHED,
            f"{who} has {count} live tokens, and {limit} are the limit; revoke one first.",
            {"limit": limit, "actual": count},
        )


def _live(at: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    return Token.revoked_at.is_(None) & or_(Token.expires_at.is_(None), Token.expires_at > at)


def _ended(
    token: Token, member: Member | None, connection_is_enabled: bool | None, at: dt.datetime
) -> Unusable | None:
    if token.revoked_at is not None:
        return Unusable.REVOKED
    if token.expires_at is not None and token.expires_at <= at:
        return Unusable.EXPIRED
    if token.kind is TokenKind.SCIM:
        return None if connection_is_enabled else Unusable.CONNECTION_DISABLED
    if member is None or member.deleted_at is not None:
        return Unusable.MEMBER_DELETED
    return Unusable.MEMBER_DEACTIVATED if member.state is MemberState.DEACTIVATED else None


def _resolved(row: Any, at: dt.datetime) -> ResolvedToken:
    token: Token = row.Token
    member: Member | None = row.Member
    last = token.last_used_at
    return ResolvedToken(
        id=token.id,
        kind=token.kind,
        name=token.name,
        workspace_id=token.workspace_id,
        member_id=token.member_id,
        connection_id=token.connection_id,
        holder=member.display_name if member else str(row.name),
        access_epoch=member.access_epoch if member else 0,
        is_pending=member is not None and member.state is MemberState.PENDING,
        scopes=frozenset(Permission(scope) for scope in token.scopes) or None,
        expires_at=token.expires_at,
        use_is_unnoted=last is None or last <= at - USE_IS_NOTED_EVERY,
        workspace=Choice(row.slug, row.workspace_name),
    )


def _told(token: Token) -> dict[str, object]:
    """What the journal says of a token: everything but the secret."""
    return {
        "id": token.id,
        "kind": token.kind,
        "name": token.name,
        "connection_id": token.connection_id,
        "scopes": token.scopes,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
