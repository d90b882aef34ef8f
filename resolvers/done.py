"""The things that the answer of a mutation, an entry of the journal, a token or the like speaks of:
courses, modules, segments and lists of departments as far as the caller may see them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import strawberry

from models.catalog import Course, Department, Module
from models.groups import LearnerGroup
from models.people import Member
from models.segments import Segment
from models.workspaces import Workspace
from resolvers.context import Context
from resolvers.learning.groups import visible_groups_by_id
from resolvers.rows import (
    departments_by_id,
    members_by_id,
    modules_by_id,
    segments_by_id,
    visible_courses_by_id,
    visible_departments_by_id,
    visible_modules_by_id,
    visible_segments_by_id,
    workspaces_by_id,
)

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def course(root: Parent, info: Info) -> Course | None:
    if root.course_id is None:
        return None
    return await info.context.load(visible_courses_by_id, root.course_id)


async def segment(root: Parent, info: Info) -> Segment | None:
    if root.segment_id is None:
        return None
    return await info.context.load(visible_segments_by_id, root.segment_id)


async def any_segment(root: Parent, info: Info) -> Segment | None:
    """Where whoever may ask edits segments, and so sees them all; a deleted one is gone."""
    if root.segment_id is None:
        return None
    found = await info.context.load(segments_by_id, root.segment_id)
    return found if found is not None and found.deleted_at is None else None


async def created_by(root: Parent, info: Info) -> Member | None:
    """Who made it, if a person did."""
    if root.created_by_id is None:
        return None
    return await info.context.load(members_by_id, root.created_by_id)


async def member(root: Parent, info: Info) -> Member | None:
    if root.member_id is None:
        return None
    return await info.context.load(members_by_id, root.member_id)


async def workspace(root: Parent, info: Info) -> Workspace | None:
    if root.workspace_id is None:
        return None
    return await info.context.load(workspaces_by_id, root.workspace_id)


async def module(root: Parent, info: Info) -> Module | None:
    if root.module_id is None:
        return None
    return await info.context.load(visible_modules_by_id, root.module_id)


async def group(root: Parent, info: Info) -> LearnerGroup | None:
    if root.group_id is None:
        return None
    return await info.context.load(visible_groups_by_id, root.group_id)


async def department(root: Parent, info: Info) -> Department | None:
    """Whatever else of it is hidden: who may ask has it before them by name."""
    if root.department_id is None:
        return None
    return await info.context.load(departments_by_id, root.department_id)


async def departments(root: Parent, info: Info) -> Sequence[Department]:
    loading = (info.context.load(visible_departments_by_id, id) for id in root.department_ids)
    return [each for each in await asyncio.gather(*loading) if each is not None]


async def added_modules(root: Parent, info: Info) -> Sequence[Module]:
    return await _modules(info, root.added_modules)


async def removed_modules(root: Parent, info: Info) -> Sequence[Module]:
    return await _modules(info, root.removed_modules)


async def assigned(root: Parent, info: Info) -> Sequence[Member]:
    return await _people(info, root.assigned)


async def already(root: Parent, info: Info) -> Sequence[Member]:
    return await _people(info, root.already)


async def kept(root: Parent, info: Info) -> Sequence[Member]:
    return await _people(info, root.kept)


async def removed(root: Parent, info: Info) -> Sequence[Member]:
    return await _people(info, root.removed)


async def changed(root: Parent, info: Info) -> Sequence[Member]:
    return await _people(info, root.changed)


async def _modules(info: Info, ids: Sequence[int]) -> Sequence[Module]:
    found = await asyncio.gather(*(info.context.load(modules_by_id, id) for id in ids))
    return [each for each in found if each is not None]


async def _people(info: Info, ids: Sequence[int]) -> Sequence[Member]:
    found = await asyncio.gather(*(info.context.load(members_by_id, id) for id in ids))
    return [each for each in found if each is not None]
