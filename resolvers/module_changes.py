"""Mutations of modules, and of which of them a course holds."""

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.catalog import ModuleKind
from operations import modules
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of

Info = strawberry.Info[Context, None]
Ids = list[strawberry.ID]


async def create_module(
    info: Info,
    *,
    department_id: strawberry.ID,
    title: str,
    kind: ModuleKind,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(department_id, "Department")
        made = await modules.create(db, by=caller, department_id=number, title=title, kind=kind)
        return {"module_id": made.id}

    return await answer(info, operation)


async def add_remove_modules(
    info: Info,
    *,
    course_id: strawberry.ID,
    add_module_ids: Ids | None = None,
    remove_module_ids: Ids | None = None,
    order_module_ids: Ids | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        arranged = await modules.add_remove(
            db,
            by=caller,
            course_id=number,
            add=_modules(add_module_ids),
            remove=_modules(remove_module_ids),
            order=None if order_module_ids is None else _modules(order_module_ids),
        )
        return {
            "course_id": number,
            "added_modules": list(arranged.added),
            "removed_modules": list(arranged.removed),
        }

    return await answer(info, operation)


def _modules(ids: Ids | None) -> list[int]:
    return [number_of(id, "Module") for id in ids or ()]
