"""Single rows by their numbers, in batches, and never of another workspace."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Course, Department, Module
from models.people import Member
from models.segments import Segment
from models.workspaces import Workspace
from operations import visible
from resolvers.context import Context


async def members_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Member | None]:
    return await _found(db, _of(Member, context), Member, ids)


async def courses_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Course | None]:
    return await _found(db, _of(Course, context), Course, ids)


async def modules_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Module | None]:
    return await _found(db, _of(Module, context), Module, ids)


async def segments_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Segment | None]:
    return await _found(db, _of(Segment, context), Segment, ids)


async def departments_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Department | None]:
    return await _found(db, _of(Department, context), Department, ids)


async def workspaces_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Workspace | None]:
    own = select(Workspace).where(Workspace.id == context.signed_in.workspace_id)
    return await _found(db, own, Workspace, ids)


async def visible_courses_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Course | None]:
    """The same, of those the caller may see."""
    return await _found(db, visible.courses(context.signed_in), Course, ids)


async def visible_departments_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Department | None]:
    """The same, of those the caller may see."""
    return await _found(db, visible.departments(context.signed_in), Department, ids)


async def visible_modules_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Module | None]:
    """The same, of those the caller may see."""
    return await _found(db, visible.modules(context.signed_in), Module, ids)


async def visible_segments_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Segment | None]:
    """The same, of those the caller may see."""
    return await _found(db, visible.segments(context.signed_in), Segment, ids)


def _of(kind: Any, context: Context) -> Select[Any]:
    return select(kind).where(kind.workspace_id == context.signed_in.workspace_id)


async def _found(
    db: AsyncSession, statement: Select[Any], kind: Any, ids: Sequence[int]
) -> list[Any]:
    rows = {row.id: row for row in await db.scalars(statement.where(kind.id.in_(ids)))}
    return [rows.get(id) for id in ids]
