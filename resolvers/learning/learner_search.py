"""What clients narrow lists of learners by, checked: to narrow by something is to read it (C2)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from access.permissions import Permission, Scope
from models.enrolments import EnrolmentSource
from models.people import MemberState
from models.progress import ProgressState
from operations.learning.listing_narrowing import CertificateStanding, LearnerKind, Narrowing
from operations.refusals import Denied
from resolvers.context import Context
from resolvers.moments import exact
from resolvers.references import Reference
from resolvers.search import checked

T = TypeVar("T")

LOOKS_UP: Final = (Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER)
"""What shows addresses, user names and states of accounts."""


@dataclass
class LearnerFilter:
    """What is left out does not narrow, but for `kinds`: without it, only those who learn."""

    state: list[ProgressState] | None = None
    is_overdue: bool | None = None
    kinds: list[LearnerKind] | None = None
    sources: list[EnrolmentSource] | None = None
    certificate: list[CertificateStanding] | None = None
    due_before: dt.datetime | None = None
    due_since: dt.datetime | None = None
    member_state: list[MemberState] | None = None


async def narrowing_of(context: Context, search: str | None, by: LearnerFilter | None) -> Narrowing:
    """The same, for the database. Raises Denied for narrowing by the state of accounts without the
    right to see it; addresses are searched for those who may read them."""
    given = by or LearnerFilter()
    may_look_up = (search or given.member_state is not None) and await _may_look_up(context)
    if given.member_state is not None and not may_look_up:
        raise _denied(context)
    return Narrowing(
        kinds=_each_once(given.kinds) or (LearnerKind.LEARNER,),
        text=_escaped(checked(search).lower()) if search else None,
        in_addresses=bool(may_look_up),
        states=_each_once(given.state),
        is_overdue=given.is_overdue,
        sources=_each_once(given.sources),
        certificates=_each_once(given.certificate),
        due_before=exact(given.due_before, "dueBefore"),
        due_since=exact(given.due_since, "dueSince"),
        member_states=_each_once(given.member_state),
    )


def _each_once(values: Sequence[T] | None) -> tuple[T, ...] | None:
    return None if values is None else tuple(sorted(set(values), key=str))


def _escaped(text: str) -> str:
    for each in "/%_":
        text = text.replace(each, f"/{each}")
    return text


async def _may_look_up(context: Context) -> bool:
    here = _workspace(context)
    await context.prepare([here])
    return any(context.rights.decide(each, *here[:2]).allowed for each in LOOKS_UP)


def _denied(context: Context) -> Denied:
    here, asked = _workspace(context), LOOKS_UP[-1]
    decision = context.rights.decide(asked, here.scope, here.id)
    return Denied(asked, here.scope, context.rights.held(here.scope, here.id), decision.reason)


def _workspace(context: Context) -> Reference:
    return Reference(Scope.WORKSPACE, context.signed_in.workspace_id)
