"""Who a subject of an identity provider is here: found by a match once, then bound, and from then
on found by that alone.

A later change of name or address at the provider moves nobody to another account, and an account
that belongs to one subject of an issuer is never given to another one of the same issuer.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    false,
    func,
    select,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from access.caller import Caller
from models.identity import Connection, DirectoryPerson
from models.invitations import SignInIdentity
from models.journal import record
from models.people import Member, MemberState
from models.workspaces import Workspace
from operations import people
from operations.refusals import Code, Refused

LIVES: Final = Member.deleted_at.is_(None)


class MatchedBy(StrEnum):
    """What of a member has to equal what the token says, at the first sign-in."""

    EXTERNAL_ID = "externalId"
    USER_NAME = "userName"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody an issuer vouches for."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Search:
    """How to find the member of an identity that is bound to nobody yet. `connection` is the only
    directory whose ids count, None where those of all do."""

    by: MatchedBy
    value: str
    connection: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace in which an identity is, or could become, a member. `is_claimed`: that member
    belongs to another subject of the same issuer."""

    workspace_id: int
    slug: str
    workspace_name: str
    time_zone: str
    member_id: int
    display_name: str
    state: MemberState
    access_epoch: int
    last_sign_in_at: dt.datetime | None
    is_bound: bool
    is_claimed: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A workspace that somebody can act in."""

    slug: str
    name: str


class Nobody(Exception):
    """The identity is no member. The message is for the operator's log."""


class NotInvited(Exception):
    """The identity is someone added whose account does not exist yet, known by address alone."""


class Ended(Exception):
    """The identity is a member whose account is deactivated."""


class WorkspaceNeeded(Exception):
    """The identity is good in other workspaces than was said, or in several and none was said."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__(", ".join(choice.slug for choice in choices))
        self.choices = tuple(choices)


async def places_of(
    db: AsyncSession, *, identity: Identity, search: Search | None, slugs: Collection[str]
) -> list[Place]:
    """Where among these workspaces an identity is, or by the search could become, a member: one
    statement. A binding to a deleted member does not count."""
    found = _bound(identity, slugs)
    rows = await db.execute(
        found if search is None else union(found, _matching(identity, search, slugs))
    )
    return sorted(
        (Place(**row._mapping) for row in rows),
        key=lambda place: (place.slug, place.member_id),
    )


def chosen(
    places: Sequence[Place], *, search: Search | None, workspace: str | None
) -> tuple[Place, tuple[Choice, ...]]:
    """The place to act in, and all there are to choose from.

    Raises Nobody, NotInvited, Ended and WorkspaceNeeded.
    """
    usable, faults = _usable(places, search)
    alive = _open(usable)
    choices = tuple(Choice(place.slug, place.workspace_name) for place in alive)
    meant = [place for place in usable if workspace in (None, place.slug)]
    here = _open(meant)
    if len(here) == 1:
        return here[0], choices
    if alive and (here or not meant):
        raise WorkspaceNeeded(choices)
    if usable:
        raise Ended("the member is deactivated")
    raise faults[0] if faults else Nobody("no member fits")


async def bind(
    db: AsyncSession, *, by: Caller, member_id: int, identity: Identity, at: dt.datetime
) -> None:
    """Let an identity be this member from now on; it is already, when it is.

    Raises Refused: NOT_FOUND for a member who ended, CONFLICT where either belongs to another.
    """
    await people.lock_one(db, by.workspace_id, member_id)
    await _release(db, by.workspace_id, identity)
    others = await db.scalar(
        select(func.count()).where(
            SignInIdentity.member_id == member_id,
            SignInIdentity.issuer == identity.issuer,
            SignInIdentity.subject != identity.subject,
        )
    )
    if others:
        raise Refused(
            Code.CONFLICT,
            "The member signs in as somebody else of the same identity provider; "
            "an administrator can end that with `coordinator issuer unbind`.",
        )
    made = await db.scalar(
        insert(SignInIdentity)
        .values(
            workspace_id=by.workspace_id,
            issuer=identity.issuer,
            subject=identity.subject,
            member_id=member_id,
            bound_at=at,
        )
        .on_conflict_do_nothing()
        .returning(SignInIdentity.id)
    )
    if made is not None:
        record(
            db,
            by=by,
            verb="identity.linked",
            member_id=member_id,
            after={"issuer": identity.issuer, "subject": identity.subject},
        )
        return
    holder = await db.scalar(
        select(SignInIdentity.member_id).where(*_is(by.workspace_id, identity))
    )
    if holder != member_id:
        raise Refused(
            Code.CONFLICT, "This sign-in belongs to another member of the workspace already."
        )


async def unbind(db: AsyncSession, *, by: Caller, member_id: int) -> list[Identity]:
    """Forget who a member signs in as; the next sign-in is matched anew. For administrators of the
    installation: what was bound is returned."""
    member = await people.lock_one(db, by.workspace_id, member_id)
    gone = await db.execute(
        delete(SignInIdentity)
        .where(
            SignInIdentity.workspace_id == by.workspace_id, SignInIdentity.member_id == member_id
        )
        .returning(SignInIdentity.issuer, SignInIdentity.subject)
    )
    identities = [Identity(*row) for row in gone]
    if identities:
        member.access_epoch += 1
        record(
            db,
            by=by,
            verb="identity.removed",
            member_id=member_id,
            before={"identities": [[each.issuer, each.subject] for each in identities]},
        )
    return identities


async def _release(db: AsyncSession, workspace_id: int, identity: Identity) -> None:
    """A person who was deleted and came back is another member; the old binding is void."""
    await db.execute(
        delete(SignInIdentity).where(
            *_is(workspace_id, identity),
            SignInIdentity.member_id.in_(
                select(Member.id).where(
                    Member.workspace_id == workspace_id, Member.deleted_at.is_not(None)
                )
            ),
        )
    )


def _is(workspace_id: int, identity: Identity) -> tuple[ColumnElement[bool], ...]:
    return (
        SignInIdentity.workspace_id == workspace_id,
        SignInIdentity.issuer == identity.issuer,
        SignInIdentity.subject == identity.subject,
    )


def _columns() -> tuple[Any, ...]:
    return (
        Workspace.id.label("workspace_id"),
        Workspace.slug,
        Workspace.name.label("workspace_name"),
        Workspace.time_zone,
        Member.id.label("member_id"),
        Member.display_name,
        Member.state,
        Member.access_epoch,
        Member.last_sign_in_at,
    )


def _bound(identity: Identity, slugs: Collection[str]) -> Select[Any]:
    return (
        select(*_columns(), true().label("is_bound"), false().label("is_claimed"))
        .select_from(SignInIdentity)
        .join(Member, Member.id == SignInIdentity.member_id)
        .join(Workspace, Workspace.id == SignInIdentity.workspace_id)
        .where(
            SignInIdentity.issuer == identity.issuer,
            SignInIdentity.subject == identity.subject,
            Workspace.slug.in_(slugs),
            LIVES,
        )
    )


def _matching(identity: Identity, search: Search, slugs: Collection[str]) -> Select[Any]:
    """Members that fit, in those workspaces where the identity is bound to nobody."""
    bound, holder = aliased(SignInIdentity), aliased(Member)
    is_bound = exists().where(
        bound.issuer == identity.issuer,
        bound.subject == identity.subject,
        bound.workspace_id == Workspace.id,
        holder.id == bound.member_id,
        holder.deleted_at.is_(None),
    )
    claim = aliased(SignInIdentity)
    is_claimed = exists().where(
        claim.member_id == Member.id,
        claim.issuer == identity.issuer,
        claim.subject != identity.subject,
    )
    found = select(*_columns(), false().label("is_bound"), is_claimed.label("is_claimed"))
    return _fitting(found.select_from(Workspace), search).where(
        Workspace.slug.in_(slugs), ~is_bound, LIVES
    )


def _fitting(found: Select[Any], search: Search) -> Select[Any]:
    """Joined so that an index finds them, however large the workspace is."""
    in_workspace = Member.workspace_id == Workspace.id
    match search.by:
        case MatchedBy.USER_NAME:
            named = func.lower(Member.user_name) == func.lower(search.value)
            return found.join(Member, and_(in_workspace, named))
        case MatchedBy.EMAIL:
            reached = func.lower(Member.email) == func.lower(search.value)
            return found.join(Member, and_(in_workspace, reached))
        case MatchedBy.EXTERNAL_ID:
            known = and_(
                DirectoryPerson.connection_id == Connection.id,
                DirectoryPerson.external_id == search.value,
                DirectoryPerson.deleted_at.is_(None),
            )
            directory = Connection.workspace_id == Workspace.id
            if search.connection is not None:
                directory &= func.lower(Connection.name) == func.lower(search.connection)
            return (
                found.join(Connection, directory)
                .join(DirectoryPerson, known)
                .join(Member, and_(Member.id == DirectoryPerson.member_id, in_workspace))
            )


def _usable(places: Sequence[Place], search: Search | None) -> tuple[list[Place], list[Exception]]:
    """One place per workspace, and what stood in the way elsewhere."""
    usable: list[Place] = []
    faults: list[Exception] = []
    for slug in sorted({place.slug for place in places}):
        there = [place for place in places if place.slug == slug]
        fault = _in_the_way(there, search)
        if fault is None:
            usable.append(there[0])
        else:
            faults.append(fault)
    return usable, faults


def _in_the_way(there: Sequence[Place], search: Search | None) -> Exception | None:
    place = there[0]
    if place.is_bound:
        return None
    what = f"its {search.by.value}" if search else "it"
    if len(there) > 1:
        return Nobody(f"{what} fits {len(there)} members of {place.slug}: nobody is chosen")
    if place.is_claimed:
        return Nobody(
            f"{what} fits member {place.member_id} of {place.slug}, who is bound to another "
            "subject of this issuer; `coordinator issuer unbind` forgets that one"
        )
    if place.state is MemberState.PENDING and search and search.by is MatchedBy.EMAIL:
        return NotInvited(f"an address alone makes no account (member {place.member_id})")
    return None


def _open(places: Sequence[Place]) -> list[Place]:
    return [place for place in places if place.state is not MemberState.DEACTIVATED]
