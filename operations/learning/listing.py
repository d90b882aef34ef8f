"""The list of the people on a course: narrowed, ordered, paged and counted by the database (M34).

A page is cut first, of the narrow rows of progress; who the people are, their open attempts, their
certificates, and what the actions on them hang on, are read for the rows of the page alone, in the
same statement.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from access.caller import Caller
from models.catalog import Course, CourseKind, CourseState
from models.certificates import Certificate
from models.coordinators import CourseRole, CourseRoleKind
from models.enrolments import Enrolment, EnrolmentSource
from models.groups import LearnerGroup
from models.live_sessions import LiveSession, LiveSessionState
from models.people import Member, MemberState
from models.progress import Attempt, DueDateOf, Progress, ProgressState
from models.workspaces import Workspace
from operations.learning import visible
from operations.learning.attempts import OPEN
from operations.learning.listing_actions import ActionFacts
from operations.learning.listing_narrowing import (
    LearnerKind,
    Narrowing,
    is_in,
    is_overdue,
    is_there,
    kind_of,
    narrowed,
)
from operations.learning.listing_orders import Order

Where = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Learner:
    """One person on one course, as it was read. `attempts` counts all there ever were; `due_of`
    says whose date `due_at` is. `certificate` is the newest, whatever became of it."""

    course_id: int
    member: Member
    kind: LearnerKind
    state: ProgressState
    percent: Decimal | None
    attempts: int
    completed_at: dt.datetime | None
    last_activity_at: dt.datetime | None
    since: dt.datetime
    due_at: dt.datetime | None
    due_of: DueDateOf | None
    is_overdue: bool
    open_attempt: Attempt | None
    certificate: Certificate | None
    facts: ActionFacts

    @property
    def member_id(self) -> int:
        return self.member.id

    @property
    def is_learner(self) -> bool:
        return self.kind is LearnerKind.LEARNER

    @property
    def member_state(self) -> MemberState:
        return self.member.state

    def is_in_group_of(self, maker_id: int | None) -> bool:
        """Whether the person learns in a group that somebody has made."""
        return self.facts.group_of(maker_id) is not None


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows of a list: so many, after the one with this key and person."""

    size: int
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A row of a list, and where it stands there: the key it is ordered by, as text, and the
    number of the person."""

    learner: Learner
    place: tuple[str, int]


Tally = Mapping[tuple[ProgressState, bool], int]
"""How many people stand where, by state and whether they are overdue."""


class Owner(NamedTuple):
    """What a list hangs on: a course, or a group of it."""

    course_id: int
    group_id: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """Whom lists show. `is_whole`: the caller may list everybody there; else only those are there
    whom they may. `of_groups`: all of these lists are those of groups."""

    is_whole: bool
    of_groups: bool
    to: Narrowing


async def pages(
    db: AsyncSession,
    *,
    by: Caller,
    owners: Sequence[Owner],
    shown: Shown,
    order: Order,
    cut: Cut,
) -> Mapping[Owner, list[Found]]:
    """The same page of all these lists, in one statement."""
    found: dict[Owner, list[Found]] = {owner: [] for owner in owners}
    for row in await db.execute(_page(by, owners, shown, order, cut)):
        learner = _learner(row)
        place = Found(learner, (row.key, learner.member.id))
        found[Owner(row.course_id, row.of_group)].append(place)
    return found


async def people(
    db: AsyncSession, *, by: Caller, keys: Collection[tuple[int, int]]
) -> Mapping[tuple[int, int], Learner]:
    """Those of these people, each on one course, whom the caller may list there, in one statement;
    whatever they are there, or were."""
    named = tuple_(Progress.course_id, Progress.member_id).in_(keys)
    page = (
        visible.learners(by)
        .join(Member, Member.id == Progress.member_id)
        .where(named, Member.deleted_at.is_(None))
        .subquery("page")
    )
    beside = page.join(Course.__table__, Course.id == page.c.course_id)
    rows = await db.execute(_read(by, page, beside))
    found = (_learner(row) for row in rows)
    return {(each.course_id, each.member_id): each for each in found}


async def counts(
    db: AsyncSession, *, by: Caller, owners: Sequence[Owner], shown: Shown
) -> Mapping[Owner, Tally]:
    """How many people of these lists stand where, in one statement."""
    found: dict[Owner, dict[tuple[ProgressState, bool], int]] = {owner: {} for owner in owners}
    owner, overdue = _these(owners), is_overdue(Progress).label("overdue")
    rows = await db.execute(
        select(owner.c.course_id, owner.c.group_id, Progress.state, overdue, func.count())
        .select_from(owner)
        .join(Course, Course.id == owner.c.course_id)
        .join(Progress, Progress.course_id == Course.id)
        .where(
            Course.workspace_id == by.workspace_id,
            is_there(by.workspace_id),
            *_narrow(by, owner, shown),
        )
        .group_by(owner.c.course_id, owner.c.group_id, Progress.state, overdue)
    )
    for course_id, group_id, state, is_late, count in rows:
        found[Owner(course_id, group_id)][state, is_late] = count
    return found


def _these(owners: Sequence[Owner]) -> Any:
    """As rows. What SQLAlchemy has compiled of these it knows again, unlike VALUES; one row is a
    constant to the planner."""
    if len(owners) == 1:
        course_id, group_id = owners[0]
        row = literal(course_id, Integer), literal(group_id, BigInteger)
        return select(row[0].label("course_id"), row[1].label("group_id")).subquery("owner")
    courses, groups = zip(*owners, strict=True)
    of_courses, of_groups = literal(courses, ARRAY(Integer)), literal(groups, ARRAY(BigInteger))
    columns = column("course_id", Integer), column("group_id", BigInteger)
    return func.unnest(of_courses, of_groups).table_valued(*columns).render_derived("owner")


def _narrow(by: Caller, owner: Any, shown: Shown) -> list[Where]:
    return [
        Progress.workspace_id == by.workspace_id,
        *([] if shown.is_whole else [visible.is_seen(by)]),
        *([is_in(owner.c.group_id)] if shown.of_groups else []),
        *narrowed(by.workspace_id, shown.to),
    ]


def _page(by: Caller, owners: Sequence[Owner], shown: Shown, order: Order, cut: Cut) -> Select[Any]:
    owner = _these(owners)
    rows = (
        select(Progress, order.key.label("key"))
        .where(Progress.course_id == Course.id, *_narrow(by, owner, shown))
        .order_by(*order.directed(order.key, Progress.member_id))
        .limit(cut.size)
    )
    if order.is_of_people:
        rows = rows.join(Member, Member.id == Progress.member_id).where(
            Member.workspace_id == by.workspace_id, Member.deleted_at.is_(None)
        )
    else:
        rows = rows.where(is_there(by.workspace_id))
    if cut.after is not None:
        rows = rows.where(order.is_after(cut.after))
    page = rows.correlate(Course, owner).lateral("page")
    beside = owner.join(Course.__table__, Course.id == owner.c.course_id).join(page, true())
    place = (cast(page.c.key, Text).label("key"), owner.c.group_id.label("of_group"))
    order_by = order.directed(page.c.key, page.c.member_id)
    return (
        _read(by, page, beside).add_columns(*place).order_by(Course.id, owner.c.group_id, *order_by)
    )


def _read(by: Caller, page: Any, beside: Any) -> Select[Any]:
    """Everything about the people of a page of Progress, which stands beside its Course."""
    of, person, certificate = aliased(Progress, page), aliased(Member), _newest(page)
    reasons = _reasons(page)
    columns = [*_of_progress(of), *_of_course(of), *reasons.c]
    return (
        select(person, Attempt, certificate, *columns)
        .select_from(beside)
        .join(Workspace, Workspace.id == Course.workspace_id)
        .join(person, person.id == of.member_id)
        .join(reasons, true())
        .outerjoin(
            Attempt,
            (Attempt.course_id == of.course_id)
            & (Attempt.member_id == of.member_id)
            & Attempt.state.in_(OPEN),
        )
        .outerjoin(certificate, true())
        .where(Course.workspace_id == by.workspace_id)
    )


def _of_progress(of: Any) -> list[Any]:
    due_of = case(
        (of.override_due_at.is_not(None), DueDateOf.LEARNER.value),
        (of.own_due_at.is_not(None), DueDateOf.GROUP.value),
        (Course.due_at.is_not(None), DueDateOf.COURSE.value),
    )
    return [
        of.course_id,
        kind_of(of).label("kind"),
        of.state,
        of.percent,
        of.attempts,
        (of.attempts > of.attempts_before).label("has_counting_attempt"),
        of.completed_at,
        of.last_activity_at,
        of.since,
        func.coalesce(of.own_due_at, Course.due_at).label("due_at"),
        due_of.label("due_of"),
        is_overdue(of).label("is_overdue"),
    ]


def _of_course(of: Any) -> list[Any]:
    """What actions hang on besides the person: the same for all rows of a course, but for who
    instructs it."""
    days = func.make_interval(0, 0, 0, Workspace.late_placement_days)
    takes_people = exists().where(
        LiveSession.workspace_id == Course.workspace_id,
        LiveSession.course_id == Course.id,
        LiveSession.state == LiveSessionState.SCHEDULED,
        LiveSession.ends_at >= func.now() - days,
    )
    instructs = exists().where(
        CourseRole.course_id == of.course_id,
        CourseRole.member_id == of.member_id,
        CourseRole.role == CourseRoleKind.INSTRUCTOR,
    )
    return [
        Workspace.allows_self_action,
        (Course.state == CourseState.DRAFT).label("is_draft"),
        (Course.kind == CourseKind.INSTRUCTOR_LED).label("is_instructor_led"),
        takes_people.correlate(Course, Workspace).label("takes_people"),
        instructs.correlate(of).label("instructs"),
    ]


def _newest(page: Any) -> Any:
    newest = (
        select(Certificate)
        .where(Certificate.course_id == page.c.course_id, Certificate.member_id == page.c.member_id)
        .order_by(Certificate.id.desc())
        .limit(1)
        .lateral("newest")
    )
    return aliased(Certificate, newest)


def _reasons(page: Any) -> Any:
    """By what the person learns in the course."""
    by_hand = Enrolment.group_id.is_(None)
    is_direct = Enrolment.source == EnrolmentSource.DIRECT
    groups = func.jsonb_build_array(Enrolment.group_id, LearnerGroup.created_by_id)
    in_order = aggregate_order_by(groups, Enrolment.group_id)
    return (
        select(
            func.coalesce(func.bool_or(is_direct), False).label("is_direct"),
            func.coalesce(func.bool_or(by_hand), False).label("is_by_hand"),
            func.jsonb_agg(in_order).filter(~by_hand).label("groups"),
        )
        .select_from(Enrolment)
        .outerjoin(LearnerGroup, LearnerGroup.id == Enrolment.group_id)
        .where(
            Enrolment.course_id == page.c.course_id,
            Enrolment.member_id == page.c.member_id,
            Enrolment.ended_at.is_(None),
        )
        .lateral("reasons")
    )


def _learner(row: Any) -> Learner:
    return Learner(
        course_id=row.course_id,
        member=row[0],
        kind=LearnerKind(row.kind),
        state=row.state,
        percent=row.percent,
        attempts=row.attempts,
        completed_at=row.completed_at,
        last_activity_at=row.last_activity_at,
        since=row.since,
        due_at=row.due_at,
        due_of=None if row.due_of is None else DueDateOf(row.due_of),
        is_overdue=row.is_overdue,
        open_attempt=row[1],
        certificate=row[2],
        facts=ActionFacts(
            allows_self_action=row.allows_self_action,
            is_draft=row.is_draft,
            is_instructor_led=row.is_instructor_led,
            takes_people=row.takes_people,
            instructs=row.instructs,
            is_direct=row.is_direct,
            is_by_hand=row.is_by_hand,
            groups=tuple((id, by_id) for id, by_id in row.groups or ()),
            has_counting_attempt=row.has_counting_attempt,
        ),
    )
