"""Adding people to a workspace, and what that does to how many may be active (C16, C18).

INVITE decides nothing but who is there. Whoever holds it, and not EDIT_ATTRIBUTE_SCHEMA, says an
address and what somebody is called. The address is all that rules get to see of it: it is the
user name too, and the name is kept beside the attributes. It counts for nothing until the account
exists, which takes the mail sent there or an identity provider's word; so nobody is put under a
rule by choosing an address that is not theirs.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.people import MemberState
from operations import activity, members, people
from operations.addresses import address_of
from operations.provided import fitting
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights, require
from operations.wording import name_of
from sync_engine.markers import Lane
from sync_engine.rules import Catalog, Owner

MOST_PREVIEWED: Final = 1_000_000
FEW: Final = 20
"""Up to so many people are interactive work for the engine; more are bulk (S15)."""

WITH_FIELDS_OF_THEIR_OWN: Final = (
    "userName",
    "displayName",
    "givenName",
    "familyName",
    "emails",
)

KNOWN: Final = text("""
SELECT said.n - 1 AS place, m.id, TRUE AS is_named
  FROM unnest(CAST(:user_names AS text[])) WITH ORDINALITY AS said(name, n)
  JOIN member m ON m.workspace_id = :workspace_id AND m.deleted_at IS NULL
                AND lower(m.user_name) = lower(said.name)
UNION ALL
SELECT said.n - 1, m.id, FALSE
  FROM unnest(CAST(:addresses AS text[])) WITH ORDINALITY AS said(address, n)
  JOIN member m ON m.workspace_id = :workspace_id AND m.deleted_at IS NULL
                AND lower(m.email) = lower(said.address)
 ORDER BY place, id
""")

COUNTED: Final = text("""
SELECT count(*) AS members,
       count(*) FILTER (WHERE m.state <> 'DEACTIVATED')
         + (SELECT count(*) FROM sign_in_month s
             WHERE s.workspace_id = :workspace_id AND s.month = :month
               AND NOT EXISTS (SELECT FROM member p
                                WHERE p.id = s.member_id AND p.workspace_id = s.workspace_id
                                  AND p.deleted_at IS NULL AND p.state <> 'DEACTIVATED'))
         AS possibly_active
  FROM member m
 WHERE m.workspace_id = :workspace_id AND m.deleted_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to be added, as a caller says it. The user name is the address if none is said."""

    email: str | None = None
    user_name: str | None = None
    display_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


class Outcome(StrEnum):
    """What became of one person of a call."""

    ADDED = "ADDED"
    ALREADY_MEMBER = "ALREADY_MEMBER"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the person at `index`. ADDED has no member when nothing was to be written.

    `refusal.details["field"]` names the field it is about, where it is one.
    """

    index: int
    outcome: Outcome
    member_id: int | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """How many people there are and may be, before anything is stored (C16).

    `possibly_active_after` is how many could be active members of the present month at most:
    everybody who may sign in by then, and whoever signed in this month and may no longer.
    """

    members_now: int
    members_after: int
    active_this_month: int
    possibly_active_now: int
    possibly_active_after: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who can be stored as said, unless they are there already."""

    index: int
    address: str | None
    entry: members.Entry


async def add(
    db: AsyncSession, *, by: Caller, newcomers: Sequence[Newcomer], dry_run: bool = False
) -> list[Result]:
    """Add people, PENDING and uninvited: what became of each, in their order.

    What is wrong with one of them does not keep the others out. `dry_run` gives the same answer
    and writes nothing. Raises Denied where something is said of a person that may decide roles.
    """
    await require(db, by, Permission.ADD_MEMBER)
    people.at_most(newcomers)
    catalog = await people.catalog_of(db, by.workspace_id)
    results, candidates = await _sort_out(db, by, newcomers, catalog)
    if not dry_run:
        made = await members.insert_members(
            db,
            by=by,
            entries=[each.entry for each in candidates],
            state=MemberState.PENDING,
            catalog=catalog,
            lane=Lane.INTERACTIVE if len(candidates) <= FEW else Lane.BULK,
        )
        ids = {member.user_name: member.id for member in made}
        results |= {each.index: _stored(each, ids) for each in candidates}
    else:
        results |= {each.index: Result(each.index, Outcome.ADDED) for each in candidates}
    return [results[index] for index in range(len(newcomers))]


async def preview(
    db: AsyncSession,
    *,
    by: Caller,
    count: int | None = None,
    newcomers: Sequence[Newcomer] | None = None,
    at: dt.datetime,
) -> Preview:
    """What adding `count` people, or these, would do to the number of members; writes nothing."""
    await require(db, by, Permission.ADD_MEMBER)
    if (count is None) == (newcomers is None):
        raise Refused(Code.BAD_USER_INPUT, "Say either how many people, or which.")
    if newcomers is not None:
        results = await add(db, by=by, newcomers=newcomers, dry_run=True)
        count = sum(each.outcome is Outcome.ADDED for each in results)
    if count is None or not 0 <= count <= MOST_PREVIEWED:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"0 to {MOST_PREVIEWED} people can be thought of as added; {count} is outside.",
            {"limit": MOST_PREVIEWED, "actual": count},
        )
    month = await activity.present_month(db, workspace_id=by.workspace_id, at=at)
    now = (await db.execute(COUNTED, {"workspace_id": by.workspace_id, "month": month})).one()
    return Preview(
        members_now=now.members,
        members_after=now.members + count,
        active_this_month=await activity.active_members(
            db, workspace_id=by.workspace_id, month=month
        ),
        possibly_active_now=now.possibly_active,
        possibly_active_after=now.possibly_active + count,
    )


async def _sort_out(
    db: AsyncSession, by: Caller, newcomers: Sequence[Newcomer], catalog: Catalog
) -> tuple[dict[int, Result], list[Candidate]]:
    """(what is decided already, by index; who can be added)."""
    is_trusted = await _may_describe(db, by)
    results: dict[int, Result] = {}
    candidates: list[Candidate] = []
    for index, newcomer in enumerate(newcomers):
        if not is_trusted:
            refuse_description(newcomer)
        try:
            candidates.append(candidate_of(index, newcomer, catalog, is_trusted=is_trusted))
        except Refused as refused:
            results[index] = Result(index, Outcome.REFUSED, refusal=refused)
    results |= {each.index: each for each in _said_twice(candidates)}
    candidates = [each for each in candidates if each.index not in results]
    results |= await _known(db, by.workspace_id, candidates)
    return results, [each for each in candidates if each.index not in results]


async def _may_describe(db: AsyncSession, by: Caller) -> bool:
    rights = Rights(by)
    await rights.prepare(db)
    return rights.decide(Permission.EDIT_ATTRIBUTE_SCHEMA, Scope.WORKSPACE, by.workspace_id).allowed


def refuse_description(newcomer: Newcomer) -> None:
    """Rules decide by attributes and by user names: whoever may only invite chooses neither.
    Raises Denied."""
    user_name = (newcomer.user_name or "").strip()
    is_address = user_name.lower() in ("", (newcomer.email or "").strip().lower())
    if newcomer.attributes or not is_address:
        raise Denied(
            Permission.EDIT_ATTRIBUTE_SCHEMA,
            Scope.WORKSPACE,
            reason="Attributes, and a user name that is not the address, can decide roles: they "
            "need EDIT_ATTRIBUTE_SCHEMA. Leave them out to add the person.",
        )


def candidate_of(
    index: int, newcomer: Newcomer, catalog: Catalog, *, is_trusted: bool
) -> Candidate:
    """Raises Refused; its `details["field"]` names what it is about."""
    with _about("email"):
        address = address_of(newcomer.email) if newcomer.email else None
    said = (newcomer.user_name or "").strip() if is_trusted else ""
    if not (said or address):
        raise Refused(
            Code.BAD_USER_INPUT, "Somebody needs an address or a user name.", {"field": "email"}
        )
    with _about("userName" if said else "email"):
        user_name = name_of(said or address or "", "user name")
    names = dict(_names(newcomer))
    called = people.display_name(names, user_name)
    with _about("displayName"):
        name_of(called, "display name")
    described = {"emails": [address]} if address else {}
    if not is_trusted:
        return Candidate(index, address, members.Entry(user_name, described, called))
    with _about("attributes"):
        given = _attributes(newcomer.attributes, catalog)
    entry = members.Entry(user_name, given | names | described)
    return Candidate(index, address, entry)


def _names(newcomer: Newcomer) -> Iterator[tuple[str, str]]:
    given = {
        "displayName": newcomer.display_name,
        "givenName": newcomer.given_name,
        "familyName": newcomer.family_name,
    }
    for name, value in given.items():
        if value is not None and value.strip():
            with _about(name):
                yield name, name_of(value, name)


def _attributes(given: Mapping[str, object], catalog: Catalog) -> dict[str, Any]:
    twice = sorted(given.keys() & set(WITH_FIELDS_OF_THEIR_OWN))
    if twice:
        raise Refused(
            Code.BAD_USER_INPUT, f"{', '.join(twice)} have fields of their own; say them there."
        )
    owners = members.owners_of(given, catalog)
    if Owner.MEMBER in owners:
        raise Refused(
            Code.WRONG_OWNER,
            f"Only the member writes {', '.join(owners[Owner.MEMBER])}.",
            {"attributes": owners[Owner.MEMBER]},
        )
    members.refuse_groups(given)
    return {name: fitting(name, value) for name, value in given.items()}


class _about:  # noqa: N801 - reads as a statement: with _about("email")
    """A refusal in this block is about this field."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, problem: BaseException | None, _trace: object) -> None:
        if isinstance(problem, Refused):
            problem.details.setdefault("field", self._name)


def _said_twice(candidates: Iterable[Candidate]) -> Iterator[Result]:
    """Whoever has the address or the user name of somebody earlier in the call."""
    first: dict[tuple[str, str], int] = {}
    for each in candidates:
        said = {"userName": each.entry.user_name.casefold()}
        if each.address:
            said["email"] = each.address.casefold()
        clash = next(((n, first[n, v]) for n, v in said.items() if (n, v) in first), None)
        if clash is None:
            first |= dict.fromkeys(said.items(), each.index)
            continue
        refused = Refused(
            Code.NAME_TAKEN,
            f"This is person {clash[1]} of the same call again.",
            {"field": "email" if each.address else clash[0], "sameAs": clash[1]},
        )
        yield Result(each.index, Outcome.REFUSED, refusal=refused)


async def _known(
    db: AsyncSession, workspace_id: int, candidates: Sequence[Candidate]
) -> dict[int, Result]:
    """Those who are members already, by their user name or their address."""
    if not candidates:
        return {}
    asked = {
        "workspace_id": workspace_id,
        "user_names": [each.entry.user_name for each in candidates],
        "addresses": [each.address for each in candidates],
    }
    named: dict[int, int] = {}
    reached: dict[int, list[int]] = {}
    for place, member_id, is_named in await db.execute(KNOWN, asked):
        index = candidates[place].index
        if is_named:
            named[index] = member_id
        else:
            reached.setdefault(index, []).append(member_id)
    return {
        index: _same_person(index, named.get(index), reached.get(index, []))
        for index in named.keys() | reached.keys()
    }


def _same_person(index: int, named: int | None, reached: Sequence[int]) -> Result:
    if named is None or not reached or named in reached:
        return Result(index, Outcome.ALREADY_MEMBER, reached[0] if named is None else named)
    refused = Refused(
        Code.CONFLICT,
        "The user name is one member's, the address another's; correct one of them.",
        {"field": "email"},
    )
    return Result(index, Outcome.REFUSED, refusal=refused)


def _stored(candidate: Candidate, ids: Mapping[str, int]) -> Result:
    """What was added; somebody else may have taken the user name at the same moment."""
    member_id = ids.get(candidate.entry.user_name)
    if member_id is not None:
        return Result(candidate.index, Outcome.ADDED, member_id)
    refused = Refused(
        Code.NAME_TAKEN,
        f"“{candidate.entry.user_name}” was added at the same moment; ask again.",
        {"field": "userName"},
    )
    return Result(candidate.index, Outcome.REFUSED, refusal=refused)
