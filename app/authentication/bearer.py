"""From a bearer token to someone who may act: for the GraphQL doors and for SCIM.

Whatever is wrong with a token, who presented it hears one and the same sentence; the reason is
written to the log. Only a person who is known and deactivated is told so.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from access.caller import Caller, Origin
from app.authentication.clock import utc_now
from app.authentication.verifier import Issuer, NotAccepted, Subject, Verifier
from app.graphql.contracts import Forbidden, RequestInfo, Unauthenticated
from models.identity import TokenKind
from models.people import MemberState
from operations import sign_in, tokens
from operations.edge import Edge
from operations.sign_in import Arrival
from operations.tokens import ResolvedToken, Unusable

NOT_SIGNED_IN: Final = "The token is missing or not valid."
DEACTIVATED: Final = "This account is deactivated. A workspace manager can reactivate it."
OWN_PREFIX: Final = "lmsc_"

ENDING_VERBS: Final = frozenset({"member.deactivated", "member.deleted", "token.revoked"})
"""Journal entries after which a stream of the entry's member must ask `still_valid`."""

_LANGUAGE: Final = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})\s*(?:[,;]|$)")

log = structlog.get_logger("app.authentication")


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Someone who was let in, and until when. `expires_at` None is a token without an end.

    `access_epoch` is the member's at that moment (0 for a connection); `token_id` is set for
    tokens of our own, `issuer` for JWTs. `locale` is a language tag. `is_remembered` is true
    where more than one operation rests on this one look at the token: on a socket.
    """

    caller: Caller
    expires_at: datetime | None
    access_epoch: int
    token_id: str | None = None
    issuer: str | None = None
    locale: str = "en"
    is_remembered: bool = False


class Bearer:
    """Recognizes people, programs and connections by their tokens."""

    def __init__(
        self,
        edge: Edge,
        issuers: Iterable[Issuer] = (),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._edge = edge
        self._clock = clock
        self._verifier = Verifier(issuers, lambda: clock().timestamp())

    async def authenticate(
        self, credentials: str | None, /, *, request_info: RequestInfo
    ) -> Authenticated:
        """Who acts through the GraphQL doors. Raises Unauthenticated or Forbidden."""
        if credentials is None:
            raise Unauthenticated(NOT_SIGNED_IN)
        try:
            if credentials.startswith(OWN_PREFIX):
                found = await self._by_own_token(credentials, _PEOPLE, Origin.GRAPHQL)
            else:
                found = await self._by_jwt(credentials)
        except (NotAccepted, _EndedAccount) as refusal:
            raise _answer(refusal, request_info.door, request_info.client) from None
        return replace(
            found,
            locale=_locale(request_info.headers),
            is_remembered=request_info.door == "websocket",
        )

    async def authenticate_connection(
        self, credentials: str | None, *, client: str | None = None
    ) -> Authenticated:
        """Which connection speaks SCIM. Raises Unauthenticated."""
        if credentials is None:
            raise Unauthenticated(NOT_SIGNED_IN)
        try:
            return await self._by_own_token(credentials, _CONNECTIONS, Origin.SCIM)
        except NotAccepted as refusal:
            raise _answer(refusal, "scim", client) from None

    async def still_valid(self, authenticated: Authenticated) -> bool:
        """Whether someone who was let in still is: at most two statements.

        False once the token has expired or is revoked, or the member was deactivated or deleted
        since, even if reactivated again: then the token has to be presented anew.
        """
        at = self._clock()
        caller = authenticated.caller
        if authenticated.expires_at is not None and authenticated.expires_at <= at:
            return False
        async with self._edge.sessions() as db:
            if authenticated.token_id is not None and not await tokens.is_live(
                db, authenticated.token_id, at=at
            ):
                return False
            return caller.member_id is None or await sign_in.has_access(
                db,
                workspace_id=caller.workspace_id,
                member_id=caller.member_id,
                access_epoch=authenticated.access_epoch,
            )

    async def _by_own_token(
        self, presented: str, kinds: frozenset[TokenKind], origin: Origin
    ) -> Authenticated:
        at = self._clock()
        async with self._edge.sessions() as db:
            token = await tokens.resolve(db, presented, at=at)
        if isinstance(token, Unusable):
            raise _refusal(token)
        if token.kind not in kinds:
            raise NotAccepted(f"the {token.kind} token {token.id} does not open this door")
        epoch = token.access_epoch
        caller = _caller(token, origin)
        if token.is_pending and token.member_id is not None:
            epoch = await self._arrive(caller, token.member_id)
        if token.use_is_unnoted:
            async with self._edge.transaction() as db:
                await tokens.note_use(db, token_id=token.id, at=at)
        return Authenticated(caller, token.expires_at, epoch, token_id=token.id)

    async def _by_jwt(self, presented: str) -> Authenticated:
        verified = await self._verifier.verify(presented)
        subject = verified.subject
        arrival = await self._find(subject)
        caller = Caller(
            subject.workspace_id, arrival.display_name, Origin.GRAPHQL, member_id=subject.member_id
        )
        epoch = arrival.access_epoch
        if sign_in.is_due(
            arrival.last_sign_in_at, arrival.state, arrival.time_zone, at=self._clock()
        ):
            epoch = await self._arrive(caller, subject.member_id)
        return Authenticated(caller, verified.expires_at, epoch, issuer=verified.issuer)

    async def _find(self, subject: Subject) -> Arrival:
        async with self._edge.sessions() as db:
            arrival = await sign_in.find(
                db, workspace_id=subject.workspace_id, member_id=subject.member_id
            )
        if arrival is None:
            raise NotAccepted("sub names no member")
        if arrival.state is MemberState.DEACTIVATED:
            raise _EndedAccount("the member is deactivated")
        return arrival

    async def _arrive(self, caller: Caller, member_id: int) -> int:
        """Remember the arrival; the member's epoch after it."""
        async with self._edge.transaction() as db:
            member = await sign_in.note(db, by=caller, member_id=member_id, at=self._clock())
            if member is None:
                raise _EndedAccount("the member was deactivated just now")
            return member.access_epoch


class _EndedAccount(Exception):
    """Known, and not let in."""


_PEOPLE: Final = frozenset({TokenKind.PAT, TokenKind.SERVICE})
_CONNECTIONS: Final = frozenset({TokenKind.SCIM})


def _caller(token: ResolvedToken, origin: Origin) -> Caller:
    named = (
        f"{token.name} (for {token.holder})" if token.kind is TokenKind.SERVICE else token.holder
    )
    return Caller(
        token.workspace_id,
        named,
        origin,
        member_id=token.member_id,
        connection_id=token.connection_id,
        limited_to=token.scopes,
    )


def _refusal(why: Unusable) -> Exception:
    if why is Unusable.MEMBER_DEACTIVATED:
        return _EndedAccount(why.value)
    return NotAccepted(why.value)


def _answer(refusal: Exception, door: str, client: str | None) -> Exception:
    log.info("authentication.refused", reason=str(refusal), door=door, client=client)
    if isinstance(refusal, _EndedAccount):
        return Forbidden(DEACTIVATED)
    return Unauthenticated(NOT_SIGNED_IN)


def _locale(headers: Mapping[str, str]) -> str:
    found = _LANGUAGE.match(headers.get("accept-language", ""))
    return found.group(1) if found else "en"
