"""Departments: the parts of a workspace that own courses and modules and have a team."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Department
from models.journal import record
from operations import visible
from operations.constraints import refused_by
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import name_of

NOUN = "department's name"


async def seen(db: AsyncSession, by: Caller, department_id: int) -> Department:
    """The department; NOT_FOUND alike when it is missing and when it is hidden."""
    found: Department | None = await db.scalar(
        visible.departments(by).where(Department.id == department_id)
    )
    if found is None:
        raise not_found("department")
    return found


async def create(db: AsyncSession, *, by: Caller, name: str) -> Department:
    """A new department, its name unique in the workspace."""
    await require(db, by, Permission.CREATE_DEPARTMENT)
    department = Department(workspace_id=by.workspace_id, name=name_of(name, NOUN))
    async with refused_by(db, uq_department_name=_taken(department.name)):
        db.add(department)
    record(
        db,
        by=by,
        verb="department.created",
        department_id=department.id,
        after={"id": department.id, "name": department.name},
    )
    return department


async def rename(db: AsyncSession, *, by: Caller, department_id: int, name: str) -> Department:
    """Call a department something else. It takes what making one takes: the name is everybody's
    way to find it, and unique among all."""
    await require(db, by, Permission.CREATE_DEPARTMENT)
    department = await db.scalar(
        select(Department)
        .where(Department.workspace_id == by.workspace_id, Department.id == department_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if department is None:
        raise not_found("department")
    before, after = department.name, name_of(name, NOUN)
    if before == after:
        return department
    async with refused_by(db, uq_department_name=_taken(after)):
        department.name = after
    record(
        db,
        by=by,
        verb="department.renamed",
        department_id=department_id,
        before={"name": before},
        after={"name": after},
    )
    return department


def _taken(name: str) -> Refused:
    return Refused(Code.NAME_TAKEN, f"There is a department “{name}” already.")
