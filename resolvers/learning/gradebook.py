"""The gradebook of a course or of one of its groups: a page of learners, all their modules."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import strawberry
from sqlalchemy import Select, func
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.catalog import Module
from models.grading import Submission
from models.people import Member
from models.progress import Progress, ProgressState
from operations.learning import gradebook
from operations.learning.gradebook import Cell, Whose
from operations.learning.listing_narrowing import is_in
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.learning.submissions import visible_submissions_by_id
from resolvers.listing import Listing
from resolvers.nested import Nested, paged
from resolvers.references import Reference, refer
from resolvers.rows import members_by_id
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_NAME: Final = (func.lower(Member.display_name), Member.id)


@dataclass(frozen=True, slots=True)
class Row:
    """One learner."""

    course_id: int
    member_id: int
    state: ProgressState
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class CellView:
    """One learner at one quiz or assignment."""

    course_id: int
    module: Module
    cell: Cell

    @property
    def handed_in(self) -> int:
        return self.cell.handed_in

    @property
    def to_grade(self) -> int:
        return self.cell.waiting


def _about(row: Any, _: Caller) -> Reference:
    return Reference(Scope.COURSE, row.course_id)


for _kind in (Row, CellView):
    refer(_kind, _about)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Whom a gradebook is narrowed to."""

    search: str | None = None
    group_id: int | None = None


def _searched(rows: Select[Any], search: str | None) -> Select[Any]:
    return rows if search is None else rows.where(contains(Member.display_name, search))


def _of_course(context: Context, owner: Any, to: Narrowing | None) -> Select[Any]:
    rows = gradebook.rows(context.signed_in).where(Progress.course_id == owner)
    if to is None:
        return rows
    if to.group_id is not None:
        rows = rows.where(is_in(to.group_id))
    return _searched(rows, to.search)


def _of_group(context: Context, owner: Any, search: str | None) -> Select[Any]:
    return _searched(gradebook.rows(context.signed_in).where(is_in(owner)), search)


def _shown(_: int, row: tuple[Any, ...]) -> Row:
    progress: Progress = row[0]
    return Row(progress.course_id, progress.member_id, progress.state, progress.percent)


OF_COURSE: Final = Nested("courseGradebook", Progress, BY_NAME, _of_course, _shown)
OF_GROUP: Final = Nested("groupGradebook", Progress, BY_NAME, _of_group, _shown)

of_group = paged(OF_GROUP)


async def of_course(
    root: Parent,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    *,
    search: str | None = None,
    group_id: strawberry.ID | None = None,
) -> Listing:
    number = None if group_id is None else number_of(group_id, "LearnerGroup")
    to = Narrowing(search or None, number)
    return await OF_COURSE.page(info.context, root.id, first, after, to)


async def member(root: Parent, info: Info) -> Member | None:
    return await info.context.load(members_by_id, root.member_id)


async def cells(root: Parent, info: Info) -> list[CellView]:
    """One for each quiz and assignment of the course, in order."""
    row: Row = root
    modules = await info.context.load(columns, row.course_id)
    found = await info.context.load(cells_of, (row.course_id, row.member_id))
    return [
        CellView(row.course_id, each, found.get(each.id, gradebook.NOTHING)) for each in modules
    ]


async def latest(root: Parent, info: Info) -> Submission | None:
    return await _submission(info, root.cell.latest_id)


async def best(root: Parent, info: Info) -> Submission | None:
    return await _submission(info, root.cell.best_id)


async def _submission(info: Info, id: int | None) -> Submission | None:
    return None if id is None else await info.context.load(visible_submissions_by_id, id)


async def columns(
    db: AsyncSession, context: Context, course_ids: Sequence[int]
) -> list[list[Module]]:
    """The quizzes and assignments of courses."""
    found = await gradebook.columns(
        db, workspace_id=context.signed_in.workspace_id, course_ids=course_ids
    )
    return [found[id] for id in course_ids]


async def cells_of(
    db: AsyncSession, context: Context, keys: Sequence[Whose]
) -> list[dict[int, Cell]]:
    """What people handed in, by module."""
    found = await gradebook.cells(db, workspace_id=context.signed_in.workspace_id, whose=keys)
    return [dict(found[key]) for key in keys]
