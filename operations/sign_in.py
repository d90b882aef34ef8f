"""Who arrives with credentials that hold, and what an arrival changes."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.people import Member, MemberState
from models.workspaces import Workspace
from operations import activity, people

NOTED_EVERY: Final = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A member as credentials find them. A deleted one is not found at all."""

    display_name: str
    state: MemberState
    access_epoch: int
    last_sign_in_at: dt.datetime | None
    time_zone: str
    workspace_slug: str
    workspace_name: str


async def find(db: AsyncSession, *, workspace_id: int, member_id: int) -> Arrival | None:
    """The member of this workspace, in one statement; None when there is none (any more)."""
    found = await db.execute(
        select(
            Member.display_name,
            Member.state,
            Member.access_epoch,
            Member.last_sign_in_at,
            Workspace.time_zone,
            Workspace.slug,
            Workspace.name,
        )
        .join(Workspace, Workspace.id == Member.workspace_id)
        .where(
            Member.workspace_id == workspace_id,
            Member.id == member_id,
            Member.deleted_at.is_(None),
        )
    )
    row = found.one_or_none()
    return None if row is None else Arrival(*row)


async def has_access(
    db: AsyncSession, *, workspace_id: int, member_id: int, access_epoch: int
) -> bool:
    """Whether nothing has ended the access of a member who was let in at this epoch."""
    arrival = await find(db, workspace_id=workspace_id, member_id=member_id)
    return (
        arrival is not None
        and arrival.state is not MemberState.DEACTIVATED
        and arrival.access_epoch == access_epoch
    )


def is_due(
    last_sign_in_at: dt.datetime | None, state: MemberState, time_zone: str, *, at: dt.datetime
) -> bool:
    """Whether `note` would change anything for such a member.

    The first sign-in of a calendar month always does (C20), however short ago the last one was.
    """
    if state is MemberState.PENDING or last_sign_in_at is None:
        return True
    if last_sign_in_at <= at - NOTED_EVERY:
        return True
    months = (activity.month_of(each, time_zone) for each in (last_sign_in_at, at))
    return len(set(months)) > 1


async def note(db: AsyncSession, *, by: Caller, member_id: int, at: dt.datetime) -> Member | None:
    """Remember, to the quarter of an hour and to the month, that the member signed in.

    A PENDING member becomes ACTIVE. None when the member ended in the meantime.
    """
    locked = await people.lock(db, by.workspace_id, [member_id])
    if not locked or locked[0].state is MemberState.DEACTIVATED:
        return None
    member = locked[0]
    member.last_sign_in_at = max(at, member.last_sign_in_at or at)
    await activity.note(db, workspace_id=by.workspace_id, member_id=member_id, at=at)
    if member.state is MemberState.PENDING:
        await people.set_state(db, by=by, member=member, state=MemberState.ACTIVE, at=at)
    return member
