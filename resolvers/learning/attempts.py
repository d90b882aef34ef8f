"""Attempts as people and courses have them, what they consist of, and how one stands oneself."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import strawberry
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.catalog import Course, CourseState, Module, ModuleKind
from models.content import ModuleRevision
from models.people import Member
from models.progress import (
    Attempt,
    AttemptModule,
    AttemptState,
    ModuleState,
    Progress,
    ProgressState,
    RoleAtStart,
)
from operations.content.questions import for_taker
from operations.content.revisions import content_of
from operations.learning import retaking
from operations.learning.attempts import OPEN, role_of
from operations.learning.attempts_seen import seen_by
from operations.refusals import Code
from operations.rights import Rights
from resolvers import positions
from resolvers.content.views import View, shown
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested, paged, unsearched
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import members_by_id, visible_courses_by_id, visible_modules_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_PERSON: Final = (Attempt.member_id, Attempt.number)

OwnRow = tuple[Progress | None, int, bool, bool]
NOT_BEGUN: Final[OwnRow] = (None, 0, False, False)


@dataclass(frozen=True, slots=True)
class TakenModule:
    """One module of an attempt; `title` is that of its revision."""

    attempt_id: int
    course_id: int
    member_id: int
    module_id: int
    title: str
    kind: ModuleKind
    revision: int
    state: ModuleState
    opened_at: dt.datetime | None
    finished_at: dt.datetime | None
    submissions: int
    score: Decimal | None
    max_score: Decimal | None


@dataclass(frozen=True, slots=True)
class OwnProgress:
    """How somebody stands on a course, and whether another attempt may begin.

    `obstacle` says why not, `retakes_left` is None where there is no limit.
    """

    course_id: int
    is_learner: bool
    state: ProgressState
    percent: Decimal | None
    completed_at: dt.datetime | None
    due_at: dt.datetime | None
    attempts: int
    retakes_made: int
    retakes_left: int | None
    may_begin: bool
    obstacle: Code | None


def _of_person(row: Any, caller: Caller) -> Reference:
    return Reference(
        Scope.COURSE, row.course_id, IS_SELF if row.member_id == caller.member_id else NOTHING
    )


refer(Attempt, _of_person)
refer(TakenModule, _of_person)
refer(OwnProgress, lambda row, _: Reference(Scope.COURSE, row.course_id, IS_SELF))


def _mine(context: Context, owner: Any, _: str | None) -> Select[Any]:
    caller = context.signed_in
    return select(Attempt).where(
        Attempt.workspace_id == caller.workspace_id,
        Attempt.course_id == owner,
        Attempt.member_id == caller.member_id,
    )


def _modules(context: Context, owner: Any, _: str | None) -> Select[Any]:
    rows: Select[Any] = _said_of_modules(context).where(AttemptModule.attempt_id == owner)
    return rows


def _said_of_modules(context: Context) -> Any:
    return (
        select(
            AttemptModule,
            Attempt.course_id.label("on_course"),
            Attempt.member_id.label("of_member"),
            ModuleRevision.title.label("title"),
            Module.kind.label("kind"),
        )
        .join(Attempt, Attempt.id == AttemptModule.attempt_id)
        .join(Module, Module.id == AttemptModule.module_id)
        .join(
            ModuleRevision,
            (ModuleRevision.module_id == AttemptModule.module_id)
            & (ModuleRevision.number == AttemptModule.revision),
        )
        .where(AttemptModule.workspace_id == context.signed_in.workspace_id)
    )


def _taken(_: int, row: tuple[Any, ...]) -> TakenModule:
    module, course_id, member_id, title, kind = row[:5]
    return TakenModule(
        attempt_id=module.attempt_id,
        course_id=course_id,
        member_id=member_id,
        module_id=module.module_id,
        title=title,
        kind=ModuleKind(kind),
        revision=module.revision,
        state=module.state,
        opened_at=module.opened_at,
        finished_at=module.finished_at,
        submissions=module.submissions,
        score=module.score,
        max_score=module.max_score,
    )


MINE: Final = Nested("myAttempts", Attempt, (Attempt.number,), _mine)
MODULES: Final = Nested("attemptModules", AttemptModule, (AttemptModule.place,), _modules, _taken)

mine = paged(MINE)


modules = unsearched(MODULES)


async def attempts(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID | None = None,
    state: list[AttemptState] | None = None,
    include_staff: bool = True,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    """Those of one's own and of the people one may list, in order of people and numbers."""
    await positions.at_least(info.context, at_least)
    statement = seen_by(info.context.signed_in).where(
        Attempt.course_id == number_of(course_id, "Course")
    )
    if member_id is not None:
        statement = statement.where(Attempt.member_id == number_of(member_id, "Member"))
    if state is not None:
        statement = statement.where(Attempt.state.in_(state))
    if not include_staff:
        statement = statement.where(Attempt.role == RoleAtStart.LEARNER)
    return await listed(
        info.context, statement, order=BY_PERSON, first=first, after=after, name="attempts"
    )


async def course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(visible_courses_by_id, root.course_id)


async def member(root: Parent, info: Info) -> Member | None:
    return await info.context.load(members_by_id, root.member_id)


async def ended_by(root: Parent, info: Info) -> Member | None:
    if root.ended_by_id is None:
        return None
    return await info.context.load(members_by_id, root.ended_by_id)


async def module(root: Parent, info: Info) -> Module | None:
    return await info.context.load(visible_modules_by_id, root.module_id)


async def content(root: Parent, info: Info) -> View | None:
    """What one has opened oneself is read again as long as one may take the course, on the
    revision of the attempt."""
    context = info.context
    if root.opened_at is None or root.member_id != context.signed_in.member_id:
        return None
    if not await context.load(may_take, root.course_id):
        return None
    revision = await info.context.load(revisions_of, (root.module_id, root.revision))
    return None if revision is None else shown(root.module_id, for_taker(content_of(revision)))


async def own_progress(root: Parent, info: Info) -> OwnProgress:
    return await info.context.load(own_progress_of, root)


async def percent(root: Parent) -> Decimal | None:
    score, most = root.score, root.max_score
    return round(100 * Decimal(score) / most, 2) if most else None


async def may_take(db: AsyncSession, context: Context, course_ids: Sequence[int]) -> list[bool]:
    """Whether the caller may take these courses."""
    rights = Rights(context.signed_in)
    await rights.prepare(db, courses=course_ids)
    asked = Permission.TAKE_COURSE_TRACKED
    return [rights.decide(asked, Scope.COURSE, id, is_self=True).allowed for id in course_ids]


async def revisions_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[ModuleRevision | None]:
    """The revisions of these (module, number)."""
    rows = await db.scalars(
        select(ModuleRevision).where(
            ModuleRevision.workspace_id == context.signed_in.workspace_id,
            tuple_(ModuleRevision.module_id, ModuleRevision.number).in_(keys),
        )
    )
    found = {(row.module_id, row.number): row for row in rows}
    return [found.get(key) for key in keys]


async def own_modules_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[TakenModule | None]:
    """The modules with these (attempt, module) of the caller's own attempts."""
    rows = await db.execute(
        _said_of_modules(context).where(
            Attempt.member_id == context.signed_in.member_id,
            tuple_(AttemptModule.attempt_id, AttemptModule.module_id).in_(keys),
        )
    )
    taken = [_taken(0, tuple(row)) for row in rows]
    found = {(each.attempt_id, each.module_id): each for each in taken}
    return [found.get(key) for key in keys]


async def attempts_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Attempt | None]:
    """The attempts with these numbers that the caller may see."""
    found = await db.scalars(seen_by(context.signed_in).where(Attempt.id.in_(ids)))
    rows = {row.id: row for row in found}
    return [rows.get(id) for id in ids]


async def own_progress_of(
    db: AsyncSession, context: Context, courses: Sequence[Course]
) -> list[OwnProgress]:
    """The caller on each of these courses, in one statement and one for the rights."""
    rights = Rights(context.signed_in)
    await rights.prepare(db, courses=[each.id for each in courses])
    found = await _own_rows(db, context, courses)
    return [_standing(rights, each, found.get(each.id, NOT_BEGUN)) for each in courses]


async def retakes_open(db: AsyncSession, context: Context, courses: Sequence[Course]) -> list[bool]:
    """Whether the rules would let the caller begin these courses again, in one statement; the
    rights on them have been read."""
    found = await _own_rows(db, context, courses)
    return [
        _retaking(context.rights, each, found.get(each.id, NOT_BEGUN)).is_open for each in courses
    ]


async def _own_rows(
    db: AsyncSession, context: Context, courses: Sequence[Course]
) -> dict[int, OwnRow]:
    """By course: the caller's progress, counting attempts that ended, whether one was ever
    completed, and whether one is open."""
    caller, counts = context.signed_in, Attempt.number > Progress.attempts_before
    rows = await db.execute(
        select(
            Progress,
            func.count().filter(counts, Attempt.state.in_(["COMPLETED", "FAILED"])),
            func.coalesce(func.bool_or(Attempt.state == "COMPLETED"), False),
            func.coalesce(func.bool_or(Attempt.state.in_(OPEN)), False),
        )
        .outerjoin(
            Attempt,
            (Attempt.course_id == Progress.course_id) & (Attempt.member_id == Progress.member_id),
        )
        .where(
            Progress.workspace_id == caller.workspace_id,
            Progress.member_id == caller.member_id,
            Progress.course_id.in_([each.id for each in courses]),
        )
        .group_by(Progress.course_id, Progress.member_id)
    )
    return {row[0].course_id: (row[0], row[1], row[2], row[3]) for row in rows}


def _retaking(rights: Rights, course: Course, found: OwnRow) -> retaking.Retaking:
    _, ended, has_ever_completed, _ = found
    role = role_of(rights.held(Scope.COURSE, course.id))
    return retaking.judged(course, role, ended, has_ever_completed=has_ever_completed)


def _standing(rights: Rights, course: Course, found: OwnRow) -> OwnProgress:
    row, _, _, is_open = found
    how = _retaking(rights, course, found)
    obstacle = _obstacle(rights, course, how)
    return OwnProgress(
        course_id=course.id,
        is_learner=row is not None and row.is_learner,
        state=row.state if row else ProgressState.NOT_STARTED,
        percent=row.percent if row else None,
        completed_at=row.completed_at if row else None,
        due_at=(row.own_due_at if row else None) or course.due_at,
        attempts=row.attempts if row else 0,
        retakes_made=how.made,
        retakes_left=None if how.limit is None else max(how.limit - how.made, 0),
        may_begin=obstacle is None and not is_open,
        obstacle=obstacle,
    )


def _obstacle(rights: Rights, course: Course, how: retaking.Retaking) -> Code | None:
    """Why no attempt could begin, even if none is open."""
    taking = Permission.TAKE_COURSE_TRACKED
    if not rights.decide(taking, Scope.COURSE, course.id, is_self=True).allowed:
        return Code.NOT_LEARNER
    if course.state is not CourseState.ACTIVE:
        return Code.COURSE_NOT_ACTIVE
    again = Permission.RETAKE_AFTER_COMPLETION
    facts = {"is_self": True, "retake_is_open": how.is_open}
    if how.is_retake and not rights.decide(again, Scope.COURSE, course.id, **facts).allowed:
        return Code.RETAKE_NOT_ALLOWED
    return None
