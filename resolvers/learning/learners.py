"""The people on a course, listed: pages and counts of many lists in one statement each, and what
can be done about everybody on them."""

import datetime as dt
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, system
from access.permissions import Decision, Permission, Scope
from models.catalog import Course
from models.enrolments import Enrolment
from models.groups import LearnerGroup
from models.progress import ProgressState
from operations.learning import groups, listing, listing_actions
from operations.learning.listing import Cut, Found, Learner, Owner, Shown, Tally
from operations.learning.listing_actions import Action
from operations.learning.listing_narrowing import Narrowing
from operations.learning.listing_orders import LearnerOrder, Order
from operations.refusals import Denied, not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import encode, number_of
from resolvers.learning.enrolments import live_of
from resolvers.learning.groups import visible_groups_by_id
from resolvers.learning.learner_search import LearnerFilter, narrowing_of
from resolvers.listing import Listing, kind_of, listing_of
from resolvers.pages import Asked, Page, asked
from resolvers.references import Reference, refer
from resolvers.rows import visible_courses_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]
K = TypeVar("K", bound=Hashable)

LISTS: Final = Permission.LIST_LEARNERS


def _about(row: Learner, caller: Caller) -> Reference:
    facts = {
        "is_self": row.member_id == caller.member_id,
        "is_own_group": row.is_in_group_of(caller.member_id),
    }
    return Reference(Scope.COURSE, row.course_id, frozenset(each for each in facts if facts[each]))


refer(Learner, _about)


class Whose(NamedTuple):
    """One list as one caller sees it. `is_whole`: everybody on it is shown."""

    owner: Owner
    is_whole: bool
    to: Narrowing

    @property
    def shown(self) -> Shown:
        return Shown(self.is_whole, self.owner.group_id is not None, self.to)


class OnePage(NamedTuple):
    """One page of one list."""

    whose: Whose
    order: Order
    wanted: Asked


@dataclass(frozen=True, slots=True)
class LearnerListing(Listing):
    """A page of learners, and the list it was cut from."""

    whose: Whose


@dataclass(frozen=True, slots=True)
class LearnerCounts:
    """How many people of a list stand where, in whatever states it is narrowed to."""

    total: int
    not_started: int
    in_progress: int
    submitted: int
    completed: int
    failed: int
    overdue: int


async def list_learners(
    info: Info,
    *,
    course_id: strawberry.ID,
    group_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    filter: LearnerFilter | None = None,
    order_by: LearnerOrder = LearnerOrder.NAME,
    descending: bool = False,
    at_least: Cursor | None = None,
) -> LearnerListing:
    await positions.at_least(info.context, at_least)
    owner = await owner_of(info.context, course_id, group_id)
    order = Order(order_by, descending)
    return await _listed(info.context, owner, (first, after), (search, filter), order)


async def of_course(
    root: Parent,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    filter: LearnerFilter | None = None,
    order_by: LearnerOrder = LearnerOrder.NAME,
    descending: bool = False,
) -> LearnerListing:
    order = Order(order_by, descending)
    return await _listed(info.context, Owner(root.id), (first, after), (search, filter), order)


async def of_group(
    root: Parent,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    filter: LearnerFilter | None = None,
    order_by: LearnerOrder = LearnerOrder.NAME,
    descending: bool = False,
) -> LearnerListing:
    owner, order = Owner(root.course_id, root.id), Order(order_by, descending)
    return await _listed(info.context, owner, (first, after), (search, filter), order)


async def learner(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID,
    at_least: Cursor | None = None,
) -> Learner:
    """One person on a course, whatever they are there, or were."""
    context = info.context
    await positions.at_least(context, at_least)
    number = number_of(course_id, "Course")
    await _refuse_hidden(context, number)
    found = await context.load(learners_by_key, (number, number_of(member_id, "Member")))
    if found is None:
        raise not_found("learner")
    return found


async def counts(root: Parent, info: Info) -> LearnerCounts:
    listed: LearnerListing = root
    whose = listed.whose._replace(to=listed.whose.to.without_states)
    return _counted(await info.context.load(tallies, whose))


async def course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(visible_courses_by_id, root.course_id)


async def enrolments(root: Parent, info: Info) -> list[Enrolment]:
    """Why the person learns here; for who knows of them by groups of their own, those groups."""
    context = info.context
    reasons = await context.load(live_of, (root.course_id, root.member_id))
    rights, is_self = context.rights, root.member_id == context.signed_in.member_id
    if rights.decide(LISTS, Scope.COURSE, root.course_id, is_self=is_self).allowed:
        return reasons
    return [each for each in reasons if await _is_in_own(context, each)]


def action_group_id(root: Parent) -> strawberry.ID | None:
    return None if root.group_id is None else strawberry.ID(encode("LearnerGroup", root.group_id))


def allowed_actions(root: Parent, info: Info) -> list[Action]:
    """Decided by what was read with the row (M34); what rights say, once for all rows to which the
    caller stands alike."""
    row: Learner = root
    context, asker_id = info.context, info.context.signed_in.member_id
    verdicts = context.standing_to(row).verdicts
    is_self, is_own = row.member_id == asker_id, row.is_in_group_of(asker_id)

    def decide(permission: Permission, *, is_own_group: bool = is_own) -> Decision:
        key = allowed_actions, permission, is_own_group
        known: Decision | None = verdicts.get(key)
        if known is None:
            facts = {"is_self": is_self, "is_own_group": is_own_group}
            known = context.rights.decide(permission, Scope.COURSE, row.course_id, **facts)
            verdicts[key] = known
        return known

    return listing_actions.actions(row, decide, asker_id=asker_id, at=dt.datetime.now(dt.UTC))


async def pages(db: AsyncSession, context: Context, keys: Sequence[OnePage]) -> list[list[Found]]:
    """One statement for all lists of which the same page is wanted."""
    found: dict[OnePage, list[Found]] = {}
    for alike, these in _alike(keys, lambda key: (key.whose.shown, key.order, key.wanted)):
        shown, order, wanted = alike
        read = await listing.pages(
            db,
            by=context.signed_in,
            owners=[each.whose.owner for each in these],
            shown=shown,
            order=order,
            cut=Cut(wanted.size + 1, wanted.after),
        )
        found |= {each: read[each.whose.owner] for each in these}
    return [found[key] for key in keys]


async def tallies(db: AsyncSession, context: Context, keys: Sequence[Whose]) -> list[Tally]:
    """One statement for all lists that are narrowed alike."""
    found: dict[Whose, Tally] = {}
    for shown, these in _alike(keys, lambda key: key.shown):
        owners = [each.owner for each in these]
        read = await listing.counts(db, by=context.signed_in, owners=owners, shown=shown)
        found |= {each: read[each.owner] for each in these}
    return [found[key] for key in keys]


async def learners_by_key(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[Learner | None]:
    """For each (course, person) that person there, as far as the caller may list them."""
    found = await listing.people(db, by=context.signed_in, keys=keys)
    return [found.get(key) for key in keys]


async def learners_told(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[Learner | None]:
    """The same of everybody, for events, of which each listener is asked the right apart."""
    found = await listing.people(db, by=system(context.signed_in.workspace_id), keys=keys)
    return [found.get(key) for key in keys]


def _alike(keys: Sequence[K], look: Callable[[K], Hashable]) -> Iterator[tuple[Any, list[K]]]:
    """The keys in which the same is seen, together."""
    found: dict[Hashable, list[K]] = {}
    for key in keys:
        found.setdefault(look(key), []).append(key)
    yield from found.items()


async def owner_of(
    context: Context, course_id: strawberry.ID, group_id: strawberry.ID | None
) -> Owner:
    """What a list hangs on, as it is named; raises NOT_FOUND for what one may not see."""
    number = number_of(course_id, "Course")
    await _refuse_hidden(context, number)
    return Owner(number, await _group_in(context, number, group_id))


async def whose_list(
    context: Context, owner: Owner, search: str | None, by: LearnerFilter | None
) -> Whose:
    """The list as the caller sees it; raises Denied where that is nobody, or narrowed by what the
    caller may not read."""
    to = await narrowing_of(context, search, by)
    await context.prepare([Reference(Scope.COURSE, owner.course_id)])
    return Whose(owner, _is_whole(context, owner.course_id), to)


async def _listed(
    context: Context,
    owner: Owner,
    page: tuple[int | None, str | None],
    narrow: tuple[str | None, LearnerFilter | None],
    order: Order,
) -> LearnerListing:
    whose = await whose_list(context, owner, *narrow)
    kind = kind_of(context, f"learners.{order.name}")
    wanted = asked(context.seal, kind, *page)
    rows = await context.load(pages, OnePage(whose, order, wanted))
    shown = rows[: wanted.size]
    cursors = [context.seal.close(kind, each.place) for each in shown]
    cut = Page((), cursors, len(rows) > wanted.size, wanted.after is not None)
    plain = listing_of(cut, [each.learner for each in shown], partial(_total, whose))
    return LearnerListing(plain.rows, plain.cursors, plain.page_info, plain.count, whose=whose)


async def _total(whose: Whose, context: Context) -> int:
    """Of the same tally as all counts: one statement gives both."""
    to = whose.to
    tally = await context.load(tallies, whose._replace(to=to.without_states))
    return sum(count for place, count in tally.items() if to.holds(*place))


def _is_whole(context: Context, course_id: int) -> bool:
    """Whether the caller may list everybody on the course; raises Denied where it is nobody."""
    rights = context.rights
    decision = rights.decide(LISTS, Scope.COURSE, course_id)
    if decision.allowed:
        return True
    some = rights.decide(LISTS, Scope.COURSE, course_id, is_self=True, is_own_group=True)
    if some.allowed:
        return False
    held = rights.held(Scope.COURSE, course_id)
    raise Denied(LISTS, Scope.COURSE, held, decision.reason)


async def _refuse_hidden(context: Context, course_id: int) -> None:
    await context.prepare([Reference(Scope.COURSE, course_id)])
    seen = Permission.VIEW_COURSE_INFO
    if not context.rights.decide(seen, Scope.COURSE, course_id).allowed:
        raise not_found("course")


async def _group_in(context: Context, course_id: int, group_id: strawberry.ID | None) -> int | None:
    if group_id is None:
        return None
    number = number_of(group_id, "LearnerGroup")
    group = await context.load(visible_groups_by_id, number)
    if group is None or group.course_id != course_id:
        raise not_found("group")
    return number


async def _is_in_own(context: Context, reason: Enrolment) -> bool:
    if reason.group_id is None:
        return False
    group: LearnerGroup | None = await context.load(visible_groups_by_id, reason.group_id)
    return group is not None and groups.is_own(group, context.signed_in)


def _counted(tally: Tally) -> LearnerCounts:
    by_state = dict.fromkeys(ProgressState, 0)
    for (state, _), count in tally.items():
        by_state[state] += count
    return LearnerCounts(
        total=sum(by_state.values()),
        overdue=sum(count for (_, is_overdue), count in tally.items() if is_overdue),
        **{state.value.lower(): count for state, count in by_state.items()},
    )
