"""Drafts, revisions and files of modules, read."""

from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Module
from models.content import Attachment, ModuleDraft, ModuleRevision
from models.people import Member
from operations.content import attachments as files
from operations.content import drafts, previewing
from operations.content.comparing import Comparison
from operations.content.problems import Problem
from operations.content.questions import parsed
from operations.content.revisions import content_of
from resolvers import positions
from resolvers.content.views import View, address_of, of_module, shown
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.nested import Nested, unsearched
from resolvers.references import refer
from resolvers.rows import members_by_id, modules_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

for _kind in (ModuleDraft, ModuleRevision, Attachment):
    refer(_kind, of_module)


def _revisions(context: Context, owner: Any, _: None) -> Select[Any]:
    return select(ModuleRevision).where(
        ModuleRevision.module_id == owner,
        ModuleRevision.workspace_id == context.signed_in.workspace_id,
    )


def _attachments(context: Context, owner: Any, _: None) -> Select[Any]:
    return files.of_module(owner).where(Attachment.workspace_id == context.signed_in.workspace_id)


REVISIONS: Final = Nested("moduleRevisions", ModuleRevision, (-ModuleRevision.number,), _revisions)
ATTACHMENTS: Final = Nested("moduleAttachments", Attachment, (Attachment.id,), _attachments)


revisions = unsearched(REVISIONS)
attachments = unsearched(ATTACHMENTS)


async def draft(root: Parent, info: Info) -> ModuleDraft:
    return await info.context.load(_drafts, root.id)


async def draft_content(root: Parent) -> View:
    return shown(root.module_id, parsed(root.content))


async def draft_problems(root: Parent, info: Info) -> Sequence[Problem]:
    return await info.context.load(_problems, root.module_id)


async def edited_by(root: Parent, info: Info) -> Member | None:
    return await _person(info, root.edited_by_id)


async def published_by(root: Parent, info: Info) -> Member | None:
    return await _person(info, root.published_by_id)


async def uploaded_by(root: Parent, info: Info) -> Member | None:
    return await _person(info, root.uploaded_by_id)


async def revision_content(root: Parent) -> View:
    return shown(root.module_id, content_of(root))


async def revision_module(root: Parent, info: Info) -> Module | None:
    return await info.context.load(modules_by_id, root.module_id)


def reference(root: Parent) -> str:
    return f"attachment:{root.id}"


def href(root: Parent) -> str:
    return address_of(root.id)


def sha256(root: Parent) -> str:
    return str(root.sha256.hex())


async def preview_untracked(
    info: Info,
    *,
    module_id: strawberry.ID,
    revision: int | None = None,
    at_least: Cursor | None = None,
) -> ModuleRevision:
    await positions.at_least(info.context, at_least)
    number = number_of(module_id, "Module")
    async with info.context.read() as db:
        return await previewing.preview(
            db, by=info.context.signed_in, module_id=number, number=revision
        )


async def compare_revisions(
    info: Info,
    *,
    module_id: strawberry.ID,
    before: int,
    after: int | None = None,
    at_least: Cursor | None = None,
) -> Comparison:
    await positions.at_least(info.context, at_least)
    number = number_of(module_id, "Module")
    async with info.context.read() as db:
        return await previewing.compare(
            db, by=info.context.signed_in, module_id=number, before=before, after=after
        )


async def _person(info: Info, id: int | None) -> Member | None:
    return None if id is None else await info.context.load(members_by_id, id)


async def _drafts(
    db: AsyncSession, context: Context, module_ids: Sequence[int]
) -> list[ModuleDraft]:
    found = {each.id: each for each in await modules_by_id(db, context, module_ids) if each}
    return await drafts.current_of(db, [found[id] for id in module_ids])


async def _problems(
    db: AsyncSession, context: Context, module_ids: Sequence[int]
) -> list[list[Problem]]:
    """Of the drafts of these modules."""
    found = await _drafts(db, context, module_ids)
    return await drafts.problems_of(db, [(each.module_id, parsed(each.content)) for each in found])
