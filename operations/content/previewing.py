"""Looking at content without taking it: no attempt is begun, and nothing is recorded (M16).

That is for those who teach and those who write. Whoever coordinates or learns opens content in an
attempt, and has no other way to it.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.content import ModuleRevision
from operations.content import drafts, revisions
from operations.content.comparing import Comparison, compared
from operations.content.questions import Content, parsed
from operations.refusals import not_found
from operations.rights import require


async def preview(
    db: AsyncSession, *, by: Caller, module_id: int, number: int | None
) -> ModuleRevision:
    """What was published: the newest revision, or the one of this number."""
    module = await drafts.seen(db, by=by, module_id=module_id)
    await require(db, by, Permission.PREVIEW_UNTRACKED, module_id=module_id)
    number = module.revision if number is None else number
    if number is None:
        raise not_found("revision")
    return await revisions.published(
        db, workspace_id=module.workspace_id, module_id=module_id, number=number
    )


async def compare(
    db: AsyncSession, *, by: Caller, module_id: int, before: int, after: int | None
) -> Comparison:
    """What makes the later content of the earlier: two revisions, or a revision and the draft."""
    old = await preview(db, by=by, module_id=module_id, number=before)
    new = await _content(db, by, module_id, after)
    return compared(parsed(old.content), new)


async def _content(db: AsyncSession, by: Caller, module_id: int, number: int | None) -> Content:
    if number is not None:
        found = await preview(db, by=by, module_id=module_id, number=number)
        return parsed(found.content)
    module = await drafts.seen(db, by=by, module_id=module_id)
    await require(db, by, Permission.EDIT_MODULE_CONTENT, module_id=module_id)
    return parsed((await drafts.current(db, module)).content)
