"""The door for people who are invited: `/invitation/{code}`, the link in the mail.

GET   changes nothing, because programs open links in mail before people do; it shows who is
      invited, and a button
POST  makes the account, once. `Authorization: Bearer` with a token of a configured issuer binds
      who the token speaks of to the account; without it the account is made all the same, for the
      link has proved the address

200  the invitation, or that the account is there
403  the token is valid, and must not be used, or not for this workspace
404  the link opens nothing: unknown, used, replaced or expired, nobody learns which
409  the token speaks of somebody who is another member already; the link stays good

and the refusals of `app.doors`. With `Accept: application/json` answers are JSON.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.authentication.bearer import Bearer
from app.authentication.configuration import IssuerSetting
from app.authentication.issuer import LocalIssuer
from app.authentication.verifier import Verified
from app.doors import Refusal, about, answering, token_of
from app.graphql import Forbidden
from app.graphql.reception import client_of
from app.pages import Pages, Told
from operations import invitations
from operations.edge import Edge
from operations.invitations import Opened
from operations.refusals import not_found
from operations.sign_in_identities import Identity
from resolvers.ids import encode

PREFIX: Final = "/invitation/"
TOKEN_LIVES: Final = dt.timedelta(hours=1)
DEAD: Final = "This link opens nothing, or no longer: it works once, and for thirty days."

_PAGES: Final = Pages("app.activation")


class InvitationDoor:
    """Shows invitations, and lets them be accepted."""

    def __init__(
        self,
        edge: Edge,
        bearer: Bearer,
        *,
        local: LocalIssuer | None,
        issuers: Sequence[IssuerSetting],
        now: Callable[[], dt.datetime],
    ) -> None:
        self._edge = edge
        self._bearer = bearer
        self._local = local
        self._issuers = issuers
        self._now = now

    async def answer(self, request: Request) -> Response:
        """Answer one request; raises what it refuses."""
        does = self._accept if request.method == "POST" else self._look
        return _PAGES.say(request, await does(request, request.path_params["code"]))

    async def _look(self, _: Request, code: str) -> Told:
        async with self._edge.read() as db:
            opened = await invitations.look(db, code=code, at=self._now())
        if opened is None:
            raise not_found("invitation")
        data = {**_data(opened), "expiresAt": opened.expires_at.isoformat()}
        return Told(200, "invited", {"opened": opened}, data)

    async def _accept(self, request: Request, code: str) -> Told:
        verified = await self._verified(request)
        identity = Identity(verified.issuer, verified.subject) if verified else None
        at = self._now()
        async with self._edge.transaction() as db:
            opened = await invitations.accept(
                db, code=code, at=at, identity=identity, client=client_of(request.scope)
            )
            if verified is not None and not _speaks_for(verified, opened.slug):
                raise Forbidden(f"{verified.issuer} does not sign people in to {opened.workspace}.")
        data = _data(opened)
        token = None
        if self._local is not None:
            token = self._local.mint(
                workspace_id=opened.workspace_id,
                member_id=opened.member_id,
                ttl=TOKEN_LIVES,
                at=at,
            )
            data |= {"token": token, "tokenExpiresAt": (at + TOKEN_LIVES).isoformat()}
        known = {
            "opened": opened,
            "token": token,
            "is_signed_in": identity is not None,
            "places": self._places(opened.slug),
        }
        return Told(200, "accepted", known, data)

    async def _verified(self, request: Request) -> Verified | None:
        token = token_of(request)
        if token is None:
            return None
        return await self._bearer.identify(token, request_info=about(request))

    def _places(self, slug: str) -> list[str]:
        """Where people of this workspace sign in, by name."""
        hosts = {
            urlsplit(each.issuer).hostname or each.issuer
            for each in self._issuers
            if slug in (each.workspaces or (slug,))
        }
        return sorted(hosts)


def _speaks_for(verified: Verified, slug: str) -> bool:
    """Whether this token may say who somebody is in this workspace."""
    return verified.people is not None and slug in verified.people.slugs(verified.claims)


def _data(opened: Opened) -> dict[str, Any]:
    member = {"id": encode("Member", opened.member_id), "displayName": opened.display_name}
    return {"member": member, "workspace": {"slug": opened.slug, "name": opened.workspace}}


def _refuse(request: Request, refusal: Refusal) -> Response:
    message = DEAD if refusal.status == 404 else refusal.message
    told = Told(
        refusal.status, "refused", {"message": message}, {"error": message}, refusal.headers
    )
    return _PAGES.say(request, told)


def routes(
    *,
    edge: Edge,
    bearer: Bearer,
    local: LocalIssuer | None,
    issuers: Sequence[IssuerSetting],
    now: Callable[[], dt.datetime],
) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = InvitationDoor(edge, bearer, local=local, issuers=issuers, now=now)
    return [Route(PREFIX + "{code}", answering(door.answer, say=_refuse), methods=["GET", "POST"])]
