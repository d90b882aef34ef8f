"""Publishing: the draft as it is becomes the next revision, which nothing changes any more."""

import datetime as dt
from typing import Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.content import ModuleRevision, RevisionAttachment
from models.journal import record
from operations.content import drafts
from operations.content.markdown import attachments_in
from operations.content.questions import Content, parsed
from operations.content.revisions import latest
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import text_of

NOTE_LENGTH: Final = 1_000


async def publish(
    db: AsyncSession,
    *,
    by: Caller,
    module_id: int,
    note: str,
    version: int | None,
    at: dt.datetime,
) -> ModuleRevision:
    """Make the draft the next revision; with a `version`, only if it is still at that one.

    Refused with every problem of the draft, and when it says what the last revision says, under
    the same title.
    """
    module = await drafts.lock(db, by=by, module_id=module_id)
    await require(db, by, Permission.PUBLISH_REVERT_MODULE, module_id=module_id)
    draft = await drafts.current(db, module)
    newest = await latest(db, module)
    drafts.refuse_stale(draft, version)
    if newest is not None and (newest.content, newest.title) == (draft.content, module.title):
        raise Refused(
            Code.NOTHING_TO_PUBLISH,
            f"The draft says what revision {newest.number} says; there is nothing new.",
        )
    content = parsed(draft.content)
    [problems] = await drafts.problems_of(db, [(module.id, content)])
    if problems:
        raise drafts.invalid(problems, "The draft is not finished.")
    module.revision = (module.revision or 0) + 1
    revision = ModuleRevision(
        workspace_id=module.workspace_id,
        module_id=module.id,
        number=module.revision,
        title=module.title,
        content=draft.content,
        note=text_of(note, "note", NOTE_LENGTH),
        published_at=at,
        published_by_id=by.member_id,
    )
    db.add(revision)
    await _note_files(db, revision, content)
    record(
        db,
        by=by,
        verb="module.published",
        department_id=module.department_id,
        after={
            "moduleId": module.id,
            "title": revision.title,
            "revision": revision.number,
            "note": revision.note,
        },
    )
    return revision


async def _note_files(db: AsyncSession, revision: ModuleRevision, content: Content) -> None:
    """Say which files the revision shows; they stay as long as it does."""
    await db.flush()
    shown = [
        {"module_id": revision.module_id, "number": revision.number, "attachment_id": each}
        for each in sorted(attachments_in(content))
    ]
    if shown:
        await db.execute(insert(RevisionAttachment), shown)
