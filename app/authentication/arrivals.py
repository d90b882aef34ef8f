"""From what a token says to the person or program who acts, in exactly one workspace."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from access.caller import Caller, Origin
from app.authentication.authenticated import Authenticated
from app.authentication.verifier import NotAccepted, Subject, Verified
from models.identity import TokenKind
from models.people import MemberState
from operations import sign_in, sign_in_identities, tokens
from operations.edge import Edge
from operations.refusals import Refused
from operations.sign_in_identities import Choice, Ended, Identity, Nobody, WorkspaceNeeded
from operations.tokens import ResolvedToken, Unusable

PEOPLE: Final = frozenset({TokenKind.PAT, TokenKind.SERVICE})
CONNECTIONS: Final = frozenset({TokenKind.SCIM})


class Arrivals:
    """Finds who arrives, and remembers that they came.

    Everything here raises NotAccepted and Ended; WorkspaceNeeded where `workspace`, the short
    name that was asked for, is not one the token is good for, or one of several has to be named.
    """

    def __init__(self, edge: Edge, clock: Callable[[], datetime]) -> None:
        self._edge = edge
        self._clock = clock

    async def by_own_token(
        self,
        presented: str,
        kinds: frozenset[TokenKind],
        origin: Origin,
        workspace: str | None = None,
    ) -> Authenticated:
        """Whoever a token of our own belongs to."""
        at = self._clock()
        async with self._edge.sessions() as db:
            token = await tokens.resolve(db, presented, at=at)
        if isinstance(token, Unusable):
            raise _refusal(token)
        if token.kind not in kinds:
            raise NotAccepted(f"the {token.kind} token {token.id} does not open this door")
        _check(token.workspace, workspace)
        epoch = token.access_epoch
        caller = _caller(token, origin)
        if token.is_pending and token.member_id is not None:
            epoch = await self._note(caller, token.member_id)
        if token.use_is_unnoted:
            async with self._edge.transaction() as db:
                await tokens.note_use(db, token_id=token.id, at=at)
        here = (token.workspace,)
        return Authenticated(caller, token.expires_at, epoch, token_id=token.id, workspaces=here)

    async def by_member(
        self, verified: Verified, subject: Subject, workspace: str | None
    ) -> Authenticated:
        """The member whose number the local issuer says."""
        async with self._edge.sessions() as db:
            arrival = await sign_in.find(
                db, workspace_id=subject.workspace_id, member_id=subject.member_id
            )
        if arrival is None:
            raise NotAccepted("sub names no member")
        if arrival.state is MemberState.DEACTIVATED:
            raise Ended("the member is deactivated")
        here = Choice(arrival.workspace_slug, arrival.workspace_name)
        _check(here, workspace)
        caller = _person(subject.workspace_id, subject.member_id, arrival.display_name)
        epoch = arrival.access_epoch
        if sign_in.is_due(
            arrival.last_sign_in_at, arrival.state, arrival.time_zone, at=self._clock()
        ):
            epoch = await self._note(caller, subject.member_id)
        return _let_in(caller, verified, epoch, (here,))

    async def by_identity(self, verified: Verified, workspace: str | None) -> Authenticated:
        """The member that somebody vouched for by an issuer elsewhere is, or is matched to now.

        Raises NotInvited too.
        """
        people = verified.people
        if people is None:
            raise NotAccepted("the issuer says nothing of whom it speaks for")
        identity = Identity(verified.issuer, verified.subject)
        search = people.search(verified.claims)
        slugs = people.slugs(verified.claims)
        async with self._edge.sessions() as db:
            places = await sign_in_identities.places_of(
                db, identity=identity, search=search, slugs=slugs
            )
        try:
            place, choices = sign_in_identities.chosen(places, search=search, workspace=workspace)
        except Nobody as nobody:
            unsaid = f"; the token has no usable {people.claim}" if search is None else ""
            raise NotAccepted(
                f"{verified.subject!r} of {verified.issuer} is nobody in "
                f"{', '.join(slugs) or 'any workspace'}: {nobody}{unsaid}"
            ) from None
        caller = _person(place.workspace_id, place.member_id, place.display_name)
        epoch = place.access_epoch
        if not place.is_bound or sign_in.is_due(
            place.last_sign_in_at, place.state, place.time_zone, at=self._clock()
        ):
            epoch = await self._note(caller, place.member_id, None if place.is_bound else identity)
        return _let_in(caller, verified, epoch, choices)

    async def _note(self, caller: Caller, member_id: int, identity: Identity | None = None) -> int:
        """Remember the arrival, and the first time whose it was; the member's epoch after it."""
        at = self._clock()
        try:
            async with self._edge.transaction() as db:
                if identity is not None:
                    await sign_in_identities.bind(
                        db, by=caller, member_id=member_id, identity=identity, at=at
                    )
                member = await sign_in.note(db, by=caller, member_id=member_id, at=at)
                if member is None:
                    raise Ended("the member was deactivated just now")
                return member.access_epoch
        except Refused as refusal:
            raise NotAccepted(refusal.message) from None


def _check(here: Choice, workspace: str | None) -> None:
    if workspace not in (None, here.slug):
        raise WorkspaceNeeded([here])


def _let_in(
    caller: Caller, verified: Verified, epoch: int, choices: tuple[Choice, ...]
) -> Authenticated:
    return Authenticated(
        caller, verified.expires_at, epoch, issuer=verified.issuer, workspaces=choices
    )


def _person(workspace_id: int, member_id: int, name: str) -> Caller:
    return Caller(workspace_id, name, Origin.GRAPHQL, member_id=member_id)


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
    return Ended(why.value) if why is Unusable.MEMBER_DEACTIVATED else NotAccepted(why.value)
