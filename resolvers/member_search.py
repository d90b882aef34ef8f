"""Narrowing and ordering the list of all members (C17)."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import strawberry
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from access.caller import Caller
from access.permissions import GRANTED_ON, Permission, Principal, Scope
from models.catalog import Course
from models.coordinators import CourseRole, CourseRoleKind
from models.enrolments import Enrolment
from models.grants import Grant, TeamMember
from models.identity import DirectoryGroup, DirectoryGroupMember
from models.invitations import Invitation
from models.people import Member, MemberState
from models.views import course_coordinator
from operations import visible
from operations.refusals import Code, Denied, Refused, not_found
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.pages import micros
from resolvers.references import Reference
from resolvers.rows import visible_departments_by_id
from resolvers.search import checked, contains
from sync_engine.rules.values import folded

Where = ColumnElement[bool]


class PartInCourse(StrEnum):
    """What somebody is on a course now, by hand or not."""

    INSTRUCTOR = "INSTRUCTOR"
    COORDINATOR = "COORDINATOR"
    LEARNER = "LEARNER"


class InvitationState(StrEnum):
    """NOT_INVITED: nobody ever asked the person. EXPIRED: the last link is too old."""

    NOT_INVITED = "NOT_INVITED"
    INVITED = "INVITED"
    EXPIRED = "EXPIRED"
    ACCEPTED = "ACCEPTED"


class MemberOrder(StrEnum):
    """Whoever never signed in is last of the latest and first of the earliest."""

    NAME = "NAME"
    LATEST_SIGN_IN = "LATEST_SIGN_IN"
    EARLIEST_SIGN_IN = "EARLIEST_SIGN_IN"
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


ORDERS: Final[Mapping[MemberOrder, tuple[Any, ...]]] = {
    MemberOrder.NAME: (func.lower(Member.display_name), Member.id),
    MemberOrder.LATEST_SIGN_IN: (
        func.coalesce(-micros(Member.last_sign_in_at), 1, type_=BigInteger),
        Member.id,
    ),
    MemberOrder.EARLIEST_SIGN_IN: (
        func.coalesce(micros(Member.last_sign_in_at), -1, type_=BigInteger),
        Member.id,
    ),
    MemberOrder.NEWEST: (-micros(Member.created_at), Member.id),
    MemberOrder.OLDEST: (Member.created_at, Member.id),
}

SEEN_WITH: Final[Mapping[PartInCourse, Permission]] = {
    PartInCourse.INSTRUCTOR: Permission.VIEW_COURSE_INFO,
    PartInCourse.COORDINATOR: Permission.VIEW_COORDINATOR_NAMES,
    PartInCourse.LEARNER: Permission.LIST_LEARNERS,
}
"""What it takes to know who has a part in a course."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the list is narrowed to. None of something does not narrow."""

    search: str | None = None
    state: Sequence[MemberState] | None = None
    signed_in_before: dt.datetime | None = None
    signed_in_since: dt.datetime | None = None
    never_signed_in: bool | None = None
    holding: Sequence[Principal] | None = None
    department_id: strawberry.ID | None = None
    group: str | None = None
    course_id: strawberry.ID | None = None
    part_in_course: Sequence[PartInCourse] | None = None
    invitation: Sequence[InvitationState] | None = None


def called(piece: str) -> Where:
    """Whether a person goes by a name, or has an address, that holds this piece of text."""
    columns = (Member.display_name, Member.user_name, Member.email)
    return or_(*(contains(column, piece) for column in columns))


async def narrowed(context: Context, rows: Select[Any], by: Narrowing) -> Select[Any]:
    """The members left. Raises Refused for what does not exist, Denied for what the caller may
    not know: to narrow by something is to read it (C2)."""
    caller = context.signed_in
    parts = [
        _by_person(by),
        _by_sign_in(by),
        _by_grants(caller, by.holding),
        _by_group(caller, by.group),
        _by_invitation(by.invitation),
        await _by_team(context, by.department_id),
        await _by_course(context, by),
    ]
    return rows.where(*(each for part in parts for each in part))


def parts_in_courses(caller: Caller, which: Collection[PartInCourse]) -> Any:
    """(course_id, member_id, part, since) of everybody the caller may know to have such a part;
    of oneself, one's own."""
    arms = {
        PartInCourse.INSTRUCTOR: select(
            CourseRole.course_id, CourseRole.member_id, CourseRole.since
        ).where(CourseRole.role == CourseRoleKind.INSTRUCTOR),
        PartInCourse.COORDINATOR: select(
            course_coordinator.c.course_id,
            course_coordinator.c.member_id,
            course_coordinator.c.since,
        ),
        PartInCourse.LEARNER: select(
            Enrolment.course_id, Enrolment.member_id, Enrolment.since
        ).where(Enrolment.ended_at.is_(None), ~_has_earlier_source()),
    }
    seen: list[Select[Any]] = []
    for part in which:
        course_id, member_id, _ = arms[part].selected_columns
        known = visible.courses(caller, SEEN_WITH[part]).with_only_columns(Course.id)
        own = visible.courses(caller).with_only_columns(Course.id)
        seen.append(
            arms[part]
            .add_columns(cast(literal(part.value), Text).label("part"))
            .where(
                or_(
                    course_id.in_(known),
                    and_(member_id == caller.member_id, course_id.in_(own)),
                )
            )
        )
    return union_all(*seen).subquery("part")


def _has_earlier_source() -> ColumnElement[bool]:
    """Whether the person has learned in the course for longer, from another source. Asked this
    way, and not by grouping, one person's courses are found without reading everybody's."""
    earlier = aliased(Enrolment)
    return exists().where(
        earlier.member_id == Enrolment.member_id,
        earlier.course_id == Enrolment.course_id,
        earlier.ended_at.is_(None),
        earlier.id < Enrolment.id,
    )


def _by_person(by: Narrowing) -> list[Where]:
    parts: list[Where] = []
    if by.search:
        parts.append(called(by.search))
    if by.state is not None:
        parts.append(Member.state.in_(by.state))
    return parts


def _by_sign_in(by: Narrowing) -> list[Where]:
    parts: list[Where] = []
    if by.signed_in_before is not None:
        parts.append(Member.last_sign_in_at < by.signed_in_before)
    if by.signed_in_since is not None:
        parts.append(Member.last_sign_in_at >= by.signed_in_since)
    if by.never_signed_in is not None:
        never = Member.last_sign_in_at.is_(None)
        parts.append(never if by.never_signed_in else ~never)
    return parts


def _by_grants(caller: Caller, holding: Collection[Principal] | None) -> list[Where]:
    if holding is None:
        return []
    given = [each for each in holding if each in GRANTED_ON]
    if len(given) < len(holding):
        others = ", ".join(sorted({each.name for each in holding} - {each.name for each in given}))
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{others} is never granted, it follows from a role; narrow by `partInCourse`.",
        )
    held = select(Grant.member_id).where(
        Grant.workspace_id == caller.workspace_id,
        Grant.principal.in_([each.value for each in given]),
    )
    return [Member.id.in_(held)]


def _by_group(caller: Caller, group: str | None) -> list[Where]:
    if group is None:
        return []
    people = (
        select(DirectoryGroupMember.member_id)
        .join(DirectoryGroup, DirectoryGroup.id == DirectoryGroupMember.group_id)
        .where(
            DirectoryGroup.workspace_id == caller.workspace_id,
            DirectoryGroup.folded_name == folded(checked(group)),
            DirectoryGroup.deleted_at.is_(None),
        )
    )
    return [Member.id.in_(people)]


def _by_invitation(states: Collection[InvitationState] | None) -> list[Where]:
    if states is None:
        return []
    invited = select(Invitation.member_id)
    kinds: dict[InvitationState, Where] = {
        InvitationState.NOT_INVITED: Member.id.not_in(invited),
        InvitationState.INVITED: Member.id.in_(
            invited.where(Invitation.accepted_at.is_(None), Invitation.expires_at > func.now())
        ),
        InvitationState.EXPIRED: Member.id.in_(
            invited.where(Invitation.accepted_at.is_(None), Invitation.expires_at <= func.now())
        ),
        InvitationState.ACCEPTED: Member.id.in_(invited.where(Invitation.accepted_at.is_not(None))),
    }
    return [or_(false(), *(kinds[each] for each in states))]


async def _by_team(context: Context, department_id: strawberry.ID | None) -> list[Where]:
    if department_id is None:
        return []
    number = number_of(department_id, "Department")
    here = Reference(Scope.DEPARTMENT, number)
    await context.prepare([here])
    if await context.load(visible_departments_by_id, number) is None:
        raise not_found("department")
    if not context.rights.decide(Permission.MANAGE_DEPARTMENT_TEAM, *here[:2]).allowed:
        raise _denied(context, Permission.MANAGE_DEPARTMENT_TEAM, here)
    team = select(TeamMember.member_id).where(
        TeamMember.workspace_id == context.signed_in.workspace_id,
        TeamMember.department_id == number,
    )
    return [Member.id.in_(team)]


async def _by_course(context: Context, by: Narrowing) -> list[Where]:
    if by.course_id is None and by.part_in_course is None:
        return []
    which = list(PartInCourse) if by.part_in_course is None else list(by.part_in_course)
    if not which:
        return [false()]
    parts = parts_in_courses(context.signed_in, dict.fromkeys(which))
    people = select(parts.c.member_id)
    if by.course_id is not None:
        number = number_of(by.course_id, "Course")
        await _refuse_hidden(context, number, which)
        people = people.where(parts.c.course_id == number)
    return [Member.id.in_(people)]


async def _refuse_hidden(context: Context, course_id: int, which: list[PartInCourse]) -> None:
    here = Reference(Scope.COURSE, course_id)
    await context.prepare([here])
    if not context.rights.decide(Permission.VIEW_COURSE_INFO, *here[:2]).allowed:
        raise not_found("course")
    for part in which:
        if not context.rights.decide(SEEN_WITH[part], *here[:2]).allowed:
            raise _denied(context, SEEN_WITH[part], here)


def _denied(context: Context, permission: Permission, here: Reference) -> Denied:
    decision = context.rights.decide(permission, here.scope, here.id)
    held = context.rights.held(here.scope, here.id)
    return Denied(permission, here.scope, held, decision.reason)
