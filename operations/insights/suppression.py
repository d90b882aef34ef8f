"""Who is told figures about few people, and which figures stay hidden from everybody else.

Nothing is hidden from those who may look at the people themselves. From all others every figure
about fewer people than the workspace's `smallest_group`, and whatever would give one away by
subtraction.
"""

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.workspaces import Workspace
from operations.rights import Rights

T = TypeVar("T")


async def sees_people(db: AsyncSession, by: Caller, course_id: int, permission: Permission) -> bool:
    """Whether the caller holds this permission on the course towards everybody there."""
    rights = Rights(by)
    await rights.prepare(db, courses=[course_id])
    return rights.decide(permission, Scope.COURSE, course_id).allowed


async def smallest_group(db: AsyncSession, workspace_id: int) -> int:
    """How many people a figure has to be about."""
    found = await db.scalar(select(Workspace.smallest_group).where(Workspace.id == workspace_id))
    return found or 1


def is_small(people: int, smallest: int) -> bool:
    """Whether a figure about so many is about too few; about nobody it says nothing of anybody."""
    return 0 < people < smallest


def is_safe_part(people: int, everybody: int, smallest: int) -> bool:
    """Whether a part may be shown beside the whole: neither it nor what it leaves is small."""
    return not is_small(people, smallest) and not is_small(everybody - people, smallest)


def hidden(sizes: Mapping[T, int], smallest: int) -> frozenset[T]:
    """The rows of a breakdown that stay hidden beside their sum.

    Those that are small; and the next smallest, until those hidden are enough people together:
    what is left when the shown rows are taken from the sum is about all of them.
    """
    found = {key for key, people in sizes.items() if is_small(people, smallest)}
    others = sorted(
        (key for key in sizes if sizes[key] and key not in found), key=lambda key: sizes[key]
    )
    while found and others and sum(sizes[key] for key in found) < smallest:
        found.add(others.pop(0))
    return frozenset(found)
