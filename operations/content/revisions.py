"""What was published: found by module and number, and read. Revisions never change."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Module
from models.content import ModuleRevision
from operations.content.questions import Content, parsed
from operations.refusals import not_found


async def published(
    db: AsyncSession, *, workspace_id: int, module_id: int, number: int
) -> ModuleRevision:
    """One revision of a module; raises NOT_FOUND. Who may read it is the caller's question."""
    found = await _found(db, workspace_id, module_id, number)
    if found is None:
        raise not_found("revision")
    return found


async def latest(db: AsyncSession, module: Module) -> ModuleRevision | None:
    """The newest revision; None when nothing was ever published."""
    if module.revision is None:
        return None
    return await _found(db, module.workspace_id, module.id, module.revision)


def content_of(revision: ModuleRevision) -> Content:
    """What a revision says, the key included: show `questions.for_taker` to whoever takes it."""
    return parsed(revision.content)


async def _found(
    db: AsyncSession, workspace_id: int, module_id: int, number: int
) -> ModuleRevision | None:
    found: ModuleRevision | None = await db.scalar(
        select(ModuleRevision).where(
            ModuleRevision.workspace_id == workspace_id,
            ModuleRevision.module_id == module_id,
            ModuleRevision.number == number,
        )
    )
    return found
