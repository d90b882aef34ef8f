"""Departments: the parts of a workspace that own courses."""

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Department
from models.journal import record
from operations.constraints import refused_by
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import name_of


async def create(db: AsyncSession, *, by: Caller, name: str) -> Department:
    """A new department, its name unique in the workspace."""
    await require(db, by, Permission.CREATE_DEPARTMENT)
    department = Department(workspace_id=by.workspace_id, name=name_of(name, "department's name"))
    taken = Refused(Code.NAME_TAKEN, f"There is a department “{department.name}” already.")
    async with refused_by(db, uq_department_name=taken):
        db.add(department)
    record(
        db,
        by=by,
        verb="department.created",
        department_id=department.id,
        after={"id": department.id, "name": department.name},
    )
    return department
