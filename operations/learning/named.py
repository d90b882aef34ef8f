"""People named in one call that changes how far they are on a course, and why it may not be."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.progress import Progress
from operations import courses, people
from operations.learning import progress as progresses
from operations.learning import self_action
from operations.rights import require


class Hindrance(StrEnum):
    """Why nothing is done about one of them."""

    NOT_FOUND = "NOT_FOUND"
    NOT_LEARNER = "NOT_LEARNER"
    SELF_ACTION = "SELF_ACTION"


async def named(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    asking: Permission,
) -> dict[int, Progress | Hindrance]:
    """Each of these people once, in the order they were named: their locked progress, or why not.

    Who learns there no longer is no learner. A fixed number of statements serves them all.
    """
    wanted = people.each_once(member_ids)
    await courses.seen(db, by=by, course_id=course_id)
    found = await progresses.lock_existing(
        db, workspace_id=by.workspace_id, course_id=course_id, member_ids=wanted
    )
    await require(db, by, asking, course_id=course_id)
    known = await people.known(db, by.workspace_id, wanted)
    is_self_refused = await self_action.concerns(db, by=by, member_ids=wanted)

    def judge(id: int) -> Progress | Hindrance:
        row = found.get(id)
        if id not in known:
            return Hindrance.NOT_FOUND
        if is_self_refused and id == by.member_id:
            return Hindrance.SELF_ACTION
        return row if row is not None and row.is_learner else Hindrance.NOT_LEARNER

    return {id: judge(id) for id in wanted}
