"""Due dates changed, and the history of those of courses, groups and learners."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.groups import LearnerGroup
from models.people import Member
from models.progress import DueDateChange, DueDateOf
from operations.learning import due_dates
from operations.learning.due_dates import DueDateOutcome, Redated
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of, numbers_of
from resolvers.learning.groups import visible_groups_by_id
from resolvers.moments import exact
from resolvers.nested import Nested, paged
from resolvers.rows import members_by_id
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

NEWEST_FIRST: Final = (-DueDateChange.id,)
SHOWN: Final = 100
"""Changes of one person's date that are shown, the newest."""


def _of_course(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = _changes(context, DueDateOf.COURSE).where(DueDateChange.course_id == owner)
    return _because(rows, search)


def _of_group(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = _changes(context, DueDateOf.GROUP).join(
        LearnerGroup, LearnerGroup.id == DueDateChange.group_id
    )
    at = (DueDateChange.course_id == LearnerGroup.course_id, DueDateChange.member_id.is_(None))
    return _because(rows.where(LearnerGroup.id == owner, *at), search)


def _changes(context: Context, of: DueDateOf) -> Select[Any]:
    return select(DueDateChange).where(
        DueDateChange.workspace_id == context.signed_in.workspace_id, DueDateChange.of == of
    )


def _because(rows: Select[Any], search: str | None) -> Select[Any]:
    return rows if search is None else rows.where(contains(DueDateChange.reason, search))


OF_COURSE: Final = Nested("courseDueDates", DueDateChange, NEWEST_FIRST, _of_course)
OF_GROUP: Final = Nested("groupDueDates", DueDateChange, NEWEST_FIRST, _of_group)

of_course = paged(OF_COURSE)
of_group = paged(OF_GROUP)


async def of_learner(root: Parent, info: Info) -> list[DueDateChange]:
    """Of a row of progress: the changes of that person's own date, newest first."""
    return await info.context.load(changes_of, (root.course_id, root.member_id))


async def changed_by(root: Parent, info: Info) -> Member | None:
    if root.changed_by_id is None:
        return None
    return await info.context.load(members_by_id, root.changed_by_id)


async def changed_group(root: Parent, info: Info) -> LearnerGroup | None:
    if root.group_id is None:
        return None
    return await info.context.load(visible_groups_by_id, root.group_id)


def results(root: Parent) -> list[Redated]:
    return [Redated(each["member_id"], DueDateOutcome(each["outcome"])) for each in root.results]


async def changes_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[list[DueDateChange]]:
    """For each (course, person) the newest changes of their own date, in one statement."""
    rows = await db.scalars(
        _changes(context, DueDateOf.LEARNER)
        .where(
            DueDateChange.course_id.in_({course_id for course_id, _ in keys}),
            DueDateChange.member_id.in_({member_id for _, member_id in keys}),
        )
        .order_by(DueDateChange.id.desc())
    )
    found: dict[tuple[int, int | None], list[DueDateChange]] = {key: [] for key in keys}
    for row in rows:
        kept = found.get((row.course_id, row.member_id))
        if kept is not None and len(kept) < SHOWN:
            kept.append(row)
    return [found[key] for key in keys]


async def update_due_date(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: list[strawberry.ID],
    due_at: dt.datetime | None = strawberry.UNSET,
    reason: str | None = None,
    allow_past: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        if due_at is strawberry.UNSET:
            raise Refused(
                Code.BAD_USER_INPUT,
                "Say dueAt; with null the date of the groups or the course holds again.",
                {"argument": "dueAt"},
            )
        done = await due_dates.update(
            db,
            by=caller,
            course_id=number,
            member_ids=numbers_of(member_ids, "Member"),
            due_at=exact(due_at, "dueAt"),
            reason=reason,
            at=dt.datetime.now(dt.UTC),
            allow_past=allow_past,
        )
        kept = [{"member_id": each.member_id, "outcome": each.outcome.value} for each in done]
        return {"course_id": number, "results": kept}

    return await answer(info, operation)
