"""Modules: found, listed, and as courses and departments hold them."""

from typing import Any, Final

import strawberry
from sqlalchemy import Select, func, select

from models.catalog import Course, CourseModule, Department, Module, ModuleKind
from operations import visible
from operations.refusals import not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.courses import BY_TITLE as COURSES_BY_TITLE
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested, paged
from resolvers.rows import visible_departments_by_id
from resolvers.seal import Cursor
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_TITLE: Final = (func.lower(Module.title), Module.id)


def _titled(rows: Select[Any], column: Any, search: str | None) -> Select[Any]:
    return rows if search is None else rows.where(contains(column, search))


def _of_department(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = visible.modules(context.signed_in).where(Module.department_id == owner)
    return _titled(rows, Module.title, search)


def _courses_of_department(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = visible.courses(context.signed_in).where(Course.department_id == owner)
    return _titled(rows, Course.title, search)


def _of_course(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = (
        select(Module)
        .join(CourseModule, CourseModule.module_id == Module.id)
        .where(
            CourseModule.course_id == owner,
            Module.workspace_id == context.signed_in.workspace_id,
        )
    )
    return _titled(rows, Module.title, search)


def _addable(context: Context, owner: Any, search: str | None) -> Select[Any]:
    used = select(CourseModule.module_id).where(CourseModule.course_id == owner)
    rows = (
        select(Module)
        .join(Course, Course.department_id == Module.department_id)
        .where(
            Course.id == owner,
            Course.workspace_id == context.signed_in.workspace_id,
            Module.id.not_in(used),
        )
    )
    return _titled(rows, Module.title, search)


def _courses_using(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = (
        visible.courses(context.signed_in)
        .join(CourseModule, CourseModule.course_id == Course.id)
        .where(CourseModule.module_id == owner)
    )
    return _titled(rows, Course.title, search)


OF_DEPARTMENT: Final = Nested("departmentModules", Module, BY_TITLE, _of_department)
COURSES: Final = Nested("departmentCourses", Course, COURSES_BY_TITLE, _courses_of_department)
OF_COURSE: Final = Nested("courseModules", Module, (CourseModule.place,), _of_course)
ADDABLE: Final = Nested("addableModules", Module, BY_TITLE, _addable)
USING: Final = Nested("moduleCourses", Course, COURSES_BY_TITLE, _courses_using)


async def module(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> Module:
    await positions.at_least(info.context, at_least)
    number = number_of(id, "Module")
    async with info.context.read() as db:
        found: Module | None = await db.scalar(
            visible.modules(info.context.signed_in).where(Module.id == number)
        )
    if found is None:
        raise not_found("module")
    return found


async def modules(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    kind: list[ModuleKind] | None = None,
    department_id: strawberry.ID | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    statement = _titled(visible.modules(info.context.signed_in), Module.title, search or None)
    if kind is not None:
        statement = statement.where(Module.kind.in_(kind))
    if department_id is not None:
        statement = statement.where(Module.department_id == number_of(department_id, "Department"))
    return await listed(
        info.context, statement, order=BY_TITLE, first=first, after=after, name="modules"
    )


async def department(root: Parent, info: Info) -> Department | None:
    return await info.context.load(visible_departments_by_id, root.department_id)


of_department = paged(OF_DEPARTMENT)
courses_of_department = paged(COURSES)
of_course = paged(OF_COURSE)
addable = paged(ADDABLE)
courses_using = paged(USING)
