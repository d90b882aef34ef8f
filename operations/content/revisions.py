"""What was published: found by module and number, and read. Revisions never change."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.content import ModuleRevision
from operations.content.questions import Content, parsed
from operations.refusals import not_found


async def published(
    db: AsyncSession, *, workspace_id: int, module_id: int, number: int
) -> ModuleRevision:
    """One revision of a module; raises NOT_FOUND. Who may read it is the caller's question."""
    found: ModuleRevision | None = await db.scalar(
        select(ModuleRevision).where(
            ModuleRevision.workspace_id == workspace_id,
            ModuleRevision.module_id == module_id,
            ModuleRevision.number == number,
        )
    )
    if found is None:
        raise not_found("revision")
    return found


def content_of(revision: ModuleRevision) -> Content:
    """What a revision says, the key included: show `questions.for_taker` to whoever takes it."""
    return parsed(revision.content)
