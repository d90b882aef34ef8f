"""The draft of a module: what its next revision would be, written by one editor at a time."""

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Sequence

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.base import Json
from models.catalog import Module
from models.content import Attachment, ModuleDraft, ModuleRevision
from models.journal import record
from operations import visible
from operations.content.markdown import attachments_in
from operations.content.problems import Problem, ProblemKind, located, unfinished, unkeepable
from operations.content.questions import Content, QuizContent, empty, parsed, printed
from operations.content.revisions import latest
from operations.content.writing import Written, WrittenQuiz, understood
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import name_of


async def lock(db: AsyncSession, *, by: Caller, module_id: int) -> Module:
    """The module, its row locked; NOT_FOUND alike when it is missing and when it is hidden.

    The lock orders everything that is written about its content.
    """
    found: Module | None = await db.scalar(
        visible.modules(by)
        .where(Module.id == module_id)
        .with_for_update(key_share=True, of=Module)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise not_found("module")
    return found


async def seen(db: AsyncSession, *, by: Caller, module_id: int) -> Module:
    """The module, to be read; NOT_FOUND alike when it is missing and when it is hidden."""
    found: Module | None = await db.scalar(visible.modules(by).where(Module.id == module_id))
    if found is None:
        raise not_found("module")
    return found


async def edit(
    db: AsyncSession,
    *,
    by: Caller,
    module_id: int,
    version: int,
    written: Written,
    at: dt.datetime,
) -> ModuleDraft:
    """Put this in the place of the whole draft, which was read at `version`.

    What is not finished yet is kept, and what cannot be kept is refused, with every problem.
    """
    module = await lock(db, by=by, module_id=module_id)
    await require(db, by, Permission.EDIT_MODULE_CONTENT, module_id=module_id)
    draft, newest = await _current(db, module)
    refuse_stale(draft, version)
    content = _fit(module, written, draft, newest)
    if printed(content) == draft.content:
        return draft
    _write(db, by, draft, content, at)
    _record(db, by, module, "module.edited", _summary(draft))
    return draft


async def revert(
    db: AsyncSession, *, by: Caller, module_id: int, version: int | None, at: dt.datetime
) -> ModuleDraft:
    """Bring the draft back to what was published last (C22)."""
    module = await lock(db, by=by, module_id=module_id)
    await require(db, by, Permission.PUBLISH_REVERT_MODULE, module_id=module_id)
    draft, newest = await _current(db, module)
    if newest is None:
        raise Refused(
            Code.NOTHING_TO_REVERT, "This module was never published, so there is no way back."
        )
    refuse_stale(draft, version)
    if draft.content == newest.content:
        return draft
    _write(db, by, draft, parsed(newest.content), at)
    _record(db, by, module, "module.reverted", {**_summary(draft), "revision": newest.number})
    return draft


async def rename(db: AsyncSession, *, by: Caller, module_id: int, title: str) -> Module:
    """Another title, at once for everybody; revisions keep the one they were published under."""
    module = await lock(db, by=by, module_id=module_id)
    await require(db, by, Permission.EDIT_MODULE_CONTENT, module_id=module_id)
    before, after = module.title, name_of(title, "title")
    if before != after:
        module.title = after
        record(
            db,
            by=by,
            verb="module.renamed",
            department_id=module.department_id,
            before={"moduleId": module.id, "title": before},
            after={"moduleId": module.id, "title": after},
        )
    return module


async def current(db: AsyncSession, module: Module) -> ModuleDraft:
    """The draft; of a module nobody has written in, one of version 0 that is not stored."""
    draft, _ = await _current(db, module)
    return draft


async def current_of(db: AsyncSession, modules: Sequence[Module]) -> list[ModuleDraft]:
    """The same of many, in two statements."""
    ids = [each.id for each in modules]
    rows = await db.scalars(select(ModuleDraft).where(ModuleDraft.module_id.in_(ids)))
    drafts = {each.module_id: each for each in rows}
    newest = await _newest_of(db, [each.id for each in modules if each.id not in drafts])
    return [drafts.get(each.id) or _unwritten(each, newest.get(each.id)) for each in modules]


async def problems_of(
    db: AsyncSession, contents: Sequence[tuple[int, Content]]
) -> list[list[Problem]]:
    """What keeps each of these contents, each of a module by its id, from being published; in one
    statement."""
    named = [attachments_in(content) for _, content in contents]
    there = await _files(db, {id for (id, _), some in zip(contents, named, strict=True) if some})
    return [
        [*unfinished(content), *_missing(some - there.get(module_id, set()))]
        for (module_id, content), some in zip(contents, named, strict=True)
    ]


def refuse_stale(draft: ModuleDraft, version: int | None) -> None:
    """Raises CONFLICT when the draft is not the one somebody read."""
    if version is not None and version != draft.version:
        raise Refused(
            Code.CONFLICT,
            f"The draft is at version {draft.version}, and you have read {version}: somebody has"
            " changed it since. Read it again, and put your changes into it.",
            {"argument": "version", "version": draft.version},
        )


def invalid(problems: Collection[Problem], sentence: str) -> Refused:
    """The refusal of content, with every problem."""
    return Refused(
        Code.INVALID_CONTENT,
        f"{sentence} {located(problems)}",
        {"problems": [each.as_json() for each in problems]},
    )


async def _current(db: AsyncSession, module: Module) -> tuple[ModuleDraft, ModuleRevision | None]:
    newest = await latest(db, module)
    draft = await db.get(ModuleDraft, module.id, populate_existing=True)
    return draft or _unwritten(module, newest), newest


def _unwritten(module: Module, newest: ModuleRevision | None) -> ModuleDraft:
    """The draft of a module nobody has written in; it is stored with the first edit."""
    said: Json = printed(empty(module.kind)) if newest is None else newest.content
    return ModuleDraft(
        module_id=module.id,
        workspace_id=module.workspace_id,
        content=said,
        version=0,
        last_id=0,
        edited_at=module.created_at,
    )


def _fit(
    module: Module, written: Written, draft: ModuleDraft, newest: ModuleRevision | None
) -> Content:
    """What was written as content of this module, whose draft knows the last id given from then
    on. Raises INVALID_CONTENT."""
    known = [parsed(each.content) for each in (draft, newest) if each is not None]
    last_id = max([draft.last_id, *_ids(known)])
    read = understood(written, known=known, last_id=last_id)
    kind = QuizContent().kind if isinstance(written, WrittenQuiz) else written.kind
    if kind is not module.kind:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"This module is of kind {module.kind}, and what was written is of kind {kind}.",
            {"argument": "content"},
        )
    problems = list(read.problems) or unkeepable(read.content)
    if problems:
        raise invalid(problems, "This cannot be kept.")
    draft.last_id = read.last_id
    return read.content


def _ids(contents: Iterable[Content]) -> Iterable[int]:
    for content in contents:
        for each in content.questions if isinstance(content, QuizContent) else ():
            yield from (each.id, *(choice.id for choice in each.choices))


def _write(
    db: AsyncSession, by: Caller, draft: ModuleDraft, content: Content, at: dt.datetime
) -> None:
    draft.content = printed(content)
    draft.version += 1
    draft.edited_at = at
    draft.edited_by_id = by.member_id
    db.add(draft)


def _record(db: AsyncSession, by: Caller, module: Module, verb: str, after: Json) -> None:
    record(
        db,
        by=by,
        verb=verb,
        department_id=module.department_id,
        after={"moduleId": module.id, "title": module.title, **after},
    )


def _summary(draft: ModuleDraft) -> Json:
    """What the journal keeps of a draft: enough to know it again, nothing of what it says."""
    digest = hashlib.sha256(orjson.dumps(draft.content, option=orjson.OPT_SORT_KEYS))
    return {"version": draft.version, "sha256": digest.hexdigest()}


async def _newest_of(db: AsyncSession, ids: Sequence[int]) -> dict[int, ModuleRevision]:
    if not ids:
        return {}
    rows = await db.scalars(
        select(ModuleRevision)
        .join(Module, Module.id == ModuleRevision.module_id)
        .where(Module.id.in_(ids), ModuleRevision.number == Module.revision)
    )
    return {each.module_id: each for each in rows}


async def _files(db: AsyncSession, module_ids: Collection[int]) -> dict[int, set[int]]:
    """The numbers of the files there are, by module."""
    found: dict[int, set[int]] = {}
    if module_ids:
        rows = await db.execute(
            select(Attachment.module_id, Attachment.id).where(
                Attachment.module_id.in_(sorted(module_ids)), Attachment.removed_at.is_(None)
            )
        )
        for module_id, id in rows:
            found.setdefault(module_id, set()).add(id)
    return found


def _missing(numbers: Iterable[int]) -> Iterable[Problem]:
    for number in sorted(numbers):
        yield Problem(
            ProblemKind.UNKNOWN_ATTACHMENT,
            (),
            f"The module has no file attachment:{number}; upload it, or take it out of the text.",
        )
