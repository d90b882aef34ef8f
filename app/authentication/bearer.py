"""From a bearer token to someone who may act: for every door that takes one.

Whatever is wrong with a token, who presented it hears one and the same sentence; the reason is
written to the log. Only a person who is known and deactivated, or invited and without an account,
is told so.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from access.caller import Origin
from app.authentication.arrivals import CONNECTIONS, PEOPLE, Arrivals
from app.authentication.authenticated import Authenticated
from app.authentication.clock import utc_now
from app.authentication.failures import Failures
from app.authentication.issuers import Issuers
from app.authentication.outside import IssuerSilent
from app.authentication.verifier import NotAccepted, Verified
from app.graphql.contracts import Forbidden, RequestInfo, Unauthenticated
from app.graphql.errors import Code, RequestRefused, refused
from operations import sign_in, tokens
from operations.edge import Edge
from operations.sign_in_identities import Choice, Ended, NotInvited, WorkspaceNeeded

NOT_SIGNED_IN: Final = "The token is missing or not valid."
DEACTIVATED: Final = "This account is deactivated. A workspace manager can reactivate it."
NO_ACCOUNT_YET: Final = "There is no account yet. The link in the invitation makes it."
SILENT: Final = "The identity provider does not answer, so nobody can say who this is. Try again."
TOO_MANY: Final = "Too many tokens from this address were not valid. Try again later."
OWN_PREFIX: Final = "lmsc_"
WORKSPACE_HEADER: Final = "x-coordinator-workspace"
WORKSPACE_PARAMETER: Final = "workspace"

LOOKED_AT_EVERY: Final = 10.0
"""Seconds between looks at an opaque token while a stream rests on it."""

_RETRY_SECONDS: Final = 5
_LANGUAGE: Final = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})\s*(?:[,;]|$)")

log = structlog.get_logger("app.authentication")


class Bearer:
    """Recognizes people, programs and connections by their tokens."""

    def __init__(
        self,
        edge: Edge,
        issuers: Issuers,
        clock: Callable[[], datetime] = utc_now,
        failures: Failures | None = None,
    ) -> None:
        self._edge = edge
        self._issuers = issuers
        self._clock = clock
        self._failures = failures or Failures()
        self._arrivals = Arrivals(edge, clock)

    async def authenticate(
        self, credentials: str | None, /, *, request_info: RequestInfo
    ) -> Authenticated:
        """Which person or program asks. Raises Unauthenticated, Forbidden, and
        RequestRefused where nobody can say, too many were wrong, or a workspace must be named."""
        if credentials is None:
            raise Unauthenticated(NOT_SIGNED_IN)
        try:
            found = await self._found(credentials, request_info)
        except _SAYING_NO as refusal:
            raise self._answer(refusal, request_info) from None
        return replace(
            found,
            caller=replace(found.caller, client=request_info.client),
            locale=_locale(request_info.headers),
            is_remembered=request_info.door == "websocket",
        )

    async def identify(self, credentials: str | None, /, *, request_info: RequestInfo) -> Verified:
        """Whom a configured issuer vouches for, member or not: for accepting an invitation.

        Raises like `authenticate`. Tokens of our own and of the local issuer vouch for nobody.
        """
        if credentials is None:
            raise Unauthenticated(NOT_SIGNED_IN)
        try:
            if credentials.startswith(OWN_PREFIX):
                raise NotAccepted("a token of our own vouches for nobody")
            verified = await self._verified(credentials, request_info)
            if verified.people is None:
                raise NotAccepted("the local issuer vouches for members only")
        except _SAYING_NO as refusal:
            raise self._answer(refusal, request_info) from None
        return verified

    async def authenticate_connection(
        self, credentials: str | None, *, client: str | None = None
    ) -> Authenticated:
        """Which connection speaks SCIM. Raises Unauthenticated."""
        if credentials is None:
            raise Unauthenticated(NOT_SIGNED_IN)
        try:
            found = await self._arrivals.by_own_token(credentials, CONNECTIONS, Origin.SCIM)
        except NotAccepted as refusal:
            _log_refusal(refusal, "scim", client)
            raise Unauthenticated(NOT_SIGNED_IN) from None
        return replace(found, caller=replace(found.caller, client=client))

    async def still_valid(self, authenticated: Authenticated) -> bool:
        """Whether someone who was let in still is: at most two statements.

        False once the token has expired or is revoked, or the member was deactivated or deleted
        since, even if reactivated again: then the token has to be presented anew. So it must when
        its issuer has to be asked, and does not answer.
        """
        at = self._clock()
        caller = authenticated.caller
        if authenticated.expires_at is not None and authenticated.expires_at <= at:
            return False
        if authenticated.opaque is not None and not await self._is_active(authenticated.opaque):
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

    def lapse(self, authenticated: Authenticated) -> Awaitable[None] | None:
        """What ends when a token does whose end nobody tells us of; None where we are told."""
        return None if authenticated.opaque is None else self._lapse(authenticated)

    async def _lapse(self, authenticated: Authenticated) -> None:
        is_valid = True
        while is_valid:
            await asyncio.sleep(LOOKED_AT_EVERY)
            is_valid = await self.still_valid(authenticated)

    async def _is_active(self, opaque: str) -> bool:
        try:
            await self._issuers.introspect(opaque)
        except (NotAccepted, IssuerSilent):
            return False
        return True

    async def _found(self, presented: str, about: RequestInfo) -> Authenticated:
        workspace = _workspace(about)
        if presented.startswith(OWN_PREFIX):
            return await self._arrivals.by_own_token(presented, PEOPLE, Origin.GRAPHQL, workspace)
        verified = await self._verified(presented, about)
        if verified.member is not None:
            return await self._arrivals.by_member(verified, verified.member, workspace)
        found = await self._arrivals.by_identity(verified, workspace)
        return replace(found, opaque=presented if self._issuers.is_opaque(presented) else None)

    async def _verified(self, presented: str, about: RequestInfo) -> Verified:
        if not self._issuers.is_opaque(presented):
            return await self._issuers.verify(presented)
        if self._failures.seconds_to_wait(about.client) and self._issuers.must_be_asked(presented):
            raise NotAccepted("too many failures from this address: its issuer was not asked")
        return await self._issuers.introspect(presented)

    def _answer(self, refusal: Exception, about: RequestInfo) -> Exception:
        """What the one who presented the token is told. What failed is counted by address; a good
        token is let in whatever others at that address do."""
        match refusal:
            case WorkspaceNeeded():
                return _choose(refusal.choices, _workspace(about))
            case IssuerSilent():
                return refused(
                    Code.UNAVAILABLE,
                    SILENT,
                    status=503,
                    headers={"retry-after": str(_RETRY_SECONDS)},
                )
        seconds = self._failures.seconds_to_wait(about.client)
        if seconds == 0:
            _log_refusal(refusal, about.door, about.client)
        if isinstance(refusal, Ended):
            return Forbidden(DEACTIVATED)
        if isinstance(refusal, NotInvited):
            return Forbidden(NO_ACCOUNT_YET)
        self._failures.count(about.client)
        return too_many(seconds) if seconds else Unauthenticated(NOT_SIGNED_IN)


_SAYING_NO: Final = (NotAccepted, Ended, NotInvited, WorkspaceNeeded, IssuerSilent)


def _choose(choices: tuple[Choice, ...], said: str | None) -> RequestRefused:
    """Short names only of workspaces the token is good for; a foreign one does not exist."""
    names = ", ".join(choice.slug for choice in choices)
    message = (
        f"Say in which workspace, by the header {WORKSPACE_HEADER} (on a socket `"
        f"{WORKSPACE_PARAMETER}` in connection_init): {names}."
        if said is None
        else f"The token is not good in that workspace, but in: {names}."
    )
    workspaces = [{"slug": choice.slug, "name": choice.name} for choice in choices]
    return refused(Code.WORKSPACE_REQUIRED, message, status=400, workspaces=workspaces)


def too_many(seconds: int) -> RequestRefused:
    """Of an address that has shown too many wrong tokens."""
    return refused(
        Code.RATE_LIMITED,
        TOO_MANY,
        status=429,
        headers={"retry-after": str(seconds)},
        retryAfterSeconds=seconds,
    )


def _log_refusal(refusal: Exception, door: str, client: str | None) -> None:
    log.info("authentication.refused", reason=str(refusal), door=door, client=client)


def _workspace(about: RequestInfo) -> str | None:
    """The workspace that was asked for; sockets of browsers cannot send headers."""
    said = about.connection_params.get(WORKSPACE_PARAMETER, about.headers.get(WORKSPACE_HEADER))
    return said if isinstance(said, str) and said else None


def _locale(headers: Mapping[str, str]) -> str:
    found = _LANGUAGE.match(headers.get("accept-language", ""))
    return found.group(1) if found else "en"
