"""Learner groups as courses hold them, who is in them and who looks after them."""

from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.catalog import Course
from models.enrolments import Enrolment
from models.groups import GroupFacilitator, LearnerGroup
from models.people import Member
from models.progress import Progress
from operations.learning import groups
from resolvers.context import Context
from resolvers.nested import Nested, paged
from resolvers.references import Reference, refer
from resolvers.rows import visible_courses_by_id
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_NAME: Final = (func.lower(LearnerGroup.name), LearnerGroup.id)
PEOPLE_BY_NAME: Final = (func.lower(Member.display_name), Member.id)
IS_OWN_GROUP: Final = frozenset({"is_own_group"})


def _about(row: LearnerGroup, caller: Caller) -> Reference:
    facts = IS_OWN_GROUP if groups.is_own(row, caller) else frozenset[str]()
    return Reference(Scope.COURSE, row.course_id, facts)


refer(LearnerGroup, _about)


def _of_course(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = groups.seen(context.signed_in).where(LearnerGroup.course_id == owner)
    return rows if search is None else rows.where(contains(LearnerGroup.name, search))


def is_in(group_id: Any) -> Any:
    """Whether the person of a row of Progress learns in this group."""
    return exists().where(
        Enrolment.group_id == group_id,
        Enrolment.course_id == Progress.course_id,
        Enrolment.member_id == Progress.member_id,
        Enrolment.ended_at.is_(None),
    )


def _facilitators(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = (
        select(Member)
        .join(GroupFacilitator, GroupFacilitator.member_id == Member.id)
        .where(
            GroupFacilitator.group_id == owner,
            GroupFacilitator.workspace_id == context.signed_in.workspace_id,
            Member.deleted_at.is_(None),
        )
    )
    return rows if search is None else rows.where(contains(Member.display_name, search))


OF_COURSE: Final = Nested("courseGroups", LearnerGroup, BY_NAME, _of_course)
FACILITATORS: Final = Nested("groupFacilitators", Member, PEOPLE_BY_NAME, _facilitators)

of_course = paged(OF_COURSE)
facilitators = paged(FACILITATORS)


async def learner_count(root: Parent, info: Info) -> int:
    """How many people learn in the group, for whoever may list them."""
    return await info.context.load(learner_counts, root.id)


async def course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(visible_courses_by_id, root.course_id)


def is_own(root: Parent, info: Info) -> bool:
    return groups.is_own(root, info.context.signed_in)


async def learner_counts(db: AsyncSession, context: Context, group_ids: Sequence[int]) -> list[int]:
    """How many people learn in each of these groups, in one statement."""
    rows = await db.execute(
        select(Enrolment.group_id, func.count(Enrolment.member_id.distinct()))
        .join(Member, Member.id == Enrolment.member_id)
        .where(
            Enrolment.workspace_id == context.signed_in.workspace_id,
            Enrolment.group_id.in_(group_ids),
            Enrolment.ended_at.is_(None),
            Member.deleted_at.is_(None),
        )
        .group_by(Enrolment.group_id)
    )
    counted: dict[int | None, int] = {row[0]: row[1] for row in rows}
    return [counted.get(id, 0) for id in group_ids]


async def visible_groups_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[LearnerGroup | None]:
    """Groups by their numbers, of those the caller may see."""
    found = await db.scalars(groups.seen(context.signed_in).where(LearnerGroup.id.in_(ids)))
    rows = {row.id: row for row in found}
    return [rows.get(id) for id in ids]
