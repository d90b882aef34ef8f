"""The files of modules: which one may read, and how they come and go. Their bytes lie elsewhere.

Who writes a module, or may preview it, reads all of its files. Who takes it reads those that the
revisions show which one's own attempts opened, as long as one may take the course.
"""

import datetime as dt
import posixpath
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Condition, Permission
from models.catalog import Course, Module
from models.content import Attachment, RevisionAttachment
from models.journal import record
from models.progress import Attempt, AttemptModule
from operations import visible
from operations.content import drafts
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import NAME_LENGTH, first_unshowable

FILE_SIZE: Final = 200 * 1024 * 1024
FILES_A_MODULE: Final = 200
READ_BY: Final = (Permission.EDIT_MODULE_CONTENT, Permission.PREVIEW_UNTRACKED)


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored of a file: under which key, and what it turned out to be."""

    key: str
    media_type: str
    size: int
    sha256: bytes


def seen_by(by: Caller) -> Select[Attachment]:
    """The files a person may read now. A removed one is read where a revision shows it."""
    modules = visible.modules(by, *READ_BY).with_only_columns(Module.id)
    shown = exists().where(RevisionAttachment.attachment_id == Attachment.id)
    return select(Attachment).where(
        Attachment.workspace_id == by.workspace_id,
        or_(Attachment.removed_at.is_(None), shown),
        or_(Attachment.module_id.in_(modules), Attachment.id.in_(_taken(by))),
    )


def of_module(module_id: Any) -> Select[Attachment]:
    """The files a draft of this module can show."""
    return select(Attachment).where(
        Attachment.module_id == module_id, Attachment.removed_at.is_(None)
    )


async def refuse_upload(db: AsyncSession, *, by: Caller, module_id: int) -> None:
    """Raises what `add` would raise, before the bytes have come."""
    module = await drafts.seen(db, by=by, module_id=module_id)
    await require(db, by, Permission.EDIT_MODULE_CONTENT, module_id=module.id)
    await _refuse_crowd(db, module.id)


async def add(
    db: AsyncSession,
    *,
    by: Caller,
    module_id: int,
    file_name: str,
    stored: Stored,
    at: dt.datetime,
) -> Attachment:
    """Take a file whose bytes are stored into a module."""
    module = await drafts.lock(db, by=by, module_id=module_id)
    await require(db, by, Permission.EDIT_MODULE_CONTENT, module_id=module_id)
    await _refuse_crowd(db, module_id)
    attachment = Attachment(
        workspace_id=module.workspace_id,
        module_id=module_id,
        file_name=file_name_of(file_name),
        media_type=stored.media_type,
        size=stored.size,
        sha256=stored.sha256,
        storage_key=stored.key,
        uploaded_at=at,
        uploaded_by_id=by.member_id,
    )
    db.add(attachment)
    await db.flush()
    _record(db, by, module, attachment, "attachment.uploaded")
    return attachment


async def remove(
    db: AsyncSession, *, by: Caller, attachment_id: int, at: dt.datetime
) -> Attachment:
    """Take a file out of its module: no draft can show it any more. As long as a revision does,
    those who read that one still get it; otherwise nobody does."""
    found: Attachment | None = await db.scalar(
        seen_by(by).where(Attachment.id == attachment_id, Attachment.removed_at.is_(None))
    )
    if found is None:
        raise not_found("attachment")
    module = await drafts.lock(db, by=by, module_id=found.module_id)
    await require(db, by, Permission.EDIT_MODULE_CONTENT, module_id=module.id)
    await db.refresh(found)
    if found.removed_at is None:
        found.removed_at = at
        _record(db, by, module, found, "attachment.removed")
    return found


def file_name_of(given: str) -> str:
    """The name of a file as it is kept and given out: the last part of a path, in one line, its
    ending kept. Raises BAD_USER_INPUT."""
    normal = unicodedata.normalize("NFC", given).replace("\\", "/")
    name = posixpath.basename(normal).strip().strip(".").strip()
    if not name or first_unshowable(name, allowed="") is not None:
        raise Refused(
            Code.BAD_USER_INPUT,
            "A file needs a name of characters that can be shown, like “Slides.pdf”.",
            {"argument": "name"},
        )
    stem, ending = posixpath.splitext(name)
    return name if len(name) <= NAME_LENGTH else stem[: NAME_LENGTH - len(ending)] + ending[:20]


def _taken(by: Caller) -> Select[Any]:
    """The ids of the files in what one has opened in one's own attempts."""
    courses = visible.courses(
        by, Permission.TAKE_COURSE_TRACKED, given=Condition.SELF_ONLY
    ).with_only_columns(Course.id)
    return (
        select(RevisionAttachment.attachment_id)
        .join(
            AttemptModule,
            (AttemptModule.module_id == RevisionAttachment.module_id)
            & (AttemptModule.revision == RevisionAttachment.number),
        )
        .join(Attempt, Attempt.id == AttemptModule.attempt_id)
        .where(
            Attempt.workspace_id == by.workspace_id,
            Attempt.member_id == by.member_id,
            AttemptModule.opened_at.is_not(None),
            Attempt.course_id.in_(courses),
        )
    )


async def _refuse_crowd(db: AsyncSession, module_id: int) -> None:
    count = await db.scalar(select(func.count()).select_from(of_module(module_id).subquery())) or 0
    if count >= FILES_A_MODULE:
        raise Refused(
            Code.LIMIT_REACHED,
            f"A module can have {FILES_A_MODULE} files, and this one has {count}."
            " Remove one that no draft needs.",
            {"limit": FILES_A_MODULE, "count": count},
        )


def _record(
    db: AsyncSession, by: Caller, module: Module, attachment: Attachment, verb: str
) -> None:
    record(
        db,
        by=by,
        verb=verb,
        department_id=module.department_id,
        after={
            "moduleId": module.id,
            "attachmentId": attachment.id,
            "fileName": attachment.file_name,
            "mediaType": attachment.media_type,
            "size": attachment.size,
            "sha256": attachment.sha256.hex(),
        },
    )
