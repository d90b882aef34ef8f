"""Workspaces: making one, its attribute schema, and its limits."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin, system
from access.permissions import Permission
from models.catalog import Course
from models.journal import record
from models.people import AttributeDefinition
from models.segments import CourseSegment
from models.workspaces import SEGMENT_LIMIT_RANGE, EngineState, Workspace, WorkspaceStream
from operations import billing, grace
from operations.constraints import refused_by
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import name_of
from sync_engine.rules import STANDARD_ATTRIBUTES

SETTINGS: Final = {
    "late_placement_days": ("latePlacementDays", range(3_651)),
    "smallest_group": ("smallestGroup", range(1, 1_001)),
    "kept_days": ("keptDays", range(1, 366)),
    "hold_people": ("holdPeople", range(1_000_000_001)),
    "hold_percent": ("holdPercent", range(101)),
    "hold_minutes": ("holdMinutes", range(1, 10_081)),
    "grace_days": ("graceDays", range(31)),
}
"""What is a number: the argument it is said by, and what it can be."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


async def create(
    db: AsyncSession, *, origin: Origin, slug: str, name: str, time_zone: str, at: dt.datetime
) -> Workspace:
    """A new tenant: the standard attribute schema, a running engine clock, a billing account."""
    if _SLUG.fullmatch(slug) is None:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"“{slug[:80]}” cannot name a workspace: use 1 to 63 of a-z, 0-9 and -.",
        )
    if time_zone not in available_timezones():
        raise Refused(Code.BAD_USER_INPUT, f"“{time_zone[:80]}” is not an IANA time zone.")
    workspace = Workspace(slug=slug, name=name_of(name, "workspace's name"), time_zone=time_zone)
    taken = Refused(Code.NAME_TAKEN, f"There is a workspace “{slug}” already.")
    async with refused_by(db, uq_workspace_slug=taken):
        db.add(workspace)
    today = at.astimezone(ZoneInfo(time_zone)).date()
    db.add_all(
        [
            WorkspaceStream(workspace_id=workspace.id, head=0),
            EngineState(workspace_id=workspace.id, epoch=1, today=today),
            billing.new_account(workspace, at=at),
        ]
    )
    await db.flush()
    await db.execute(
        insert(AttributeDefinition),
        [
            {
                "workspace_id": workspace.id,
                "name": each.name,
                "type": each.type,
                "owner": each.owner,
            }
            for each in STANDARD_ATTRIBUTES.values()
        ],
    )
    record(
        db,
        by=system(workspace.id, origin),
        verb="workspace.created",
        after={"slug": slug, "name": workspace.name, "timeZone": time_zone},
    )
    return workspace


async def set_segment_limit(
    db: AsyncSession, *, by: Caller, limit: int, force: bool = False
) -> Workspace:
    """How many segments a course of this workspace may carry, where the course does not say.

    Refused below present use, with the courses, unless `force`: then what is attached stays
    effective and no more is taken (M29).
    """
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    check_segment_limit(limit)
    workspace = await db.get(Workspace, by.workspace_id, with_for_update=True)
    if workspace is None:
        raise not_found("workspace")
    crowded = await _above(db, by.workspace_id, limit)
    if crowded and not force:
        raise below_use(limit, crowded)
    before, workspace.segment_limit = workspace.segment_limit, limit
    record(
        db,
        by=by,
        verb="workspace.edited",
        before={"segmentLimit": before},
        after={"segmentLimit": limit},
    )
    return workspace


async def edit_settings(
    db: AsyncSession,
    *,
    by: Caller,
    allows_self_action: bool | None = None,
    late_placement_days: int | None = None,
    smallest_group: int | None = None,
    kept_days: int | None = None,
    grace_days: int | None = None,
    hold_people: int | None = None,
    hold_percent: int | None = None,
    hold_minutes: int | None = None,
) -> Workspace:
    """Whether people may mark complete, reset, re-date and certify themselves (M38); how long
    after its end people may be placed into a live session (M36); how many people figures are about
    at least for those who do not see the people; how long files that were made are kept; how long
    people stay coordinators after the last reason for it has gone (M40), which changes nothing for
    those whose role is ending already; how many derived coordinators may go unasked, and within
    which time (S11). None leaves it as it is."""
    await require(db, by, Permission.GRANT_WORKSPACE_MANAGER)
    wanted = {
        "allows_self_action": allows_self_action,
        "late_placement_days": late_placement_days,
        "smallest_group": smallest_group,
        "kept_days": kept_days,
        "grace_days": grace_days,
        "hold_people": hold_people,
        "hold_percent": hold_percent,
        "hold_minutes": hold_minutes,
    }
    _check_settings(wanted)
    workspace = await db.get(
        Workspace, by.workspace_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if workspace is None:
        raise not_found("workspace")
    changed = {
        name: (getattr(workspace, name), value)
        for name, value in wanted.items()
        if value is not None and value != getattr(workspace, name)
    }
    for name, (_, value) in changed.items():
        setattr(workspace, name, value)
    if "grace_days" in changed:
        await grace.guard(db, workspace_id=by.workspace_id)
    if changed:
        record(
            db,
            by=by,
            verb="workspace.edited",
            before={name: before for name, (before, _) in changed.items()},
            after={name: after for name, (_, after) in changed.items()},
        )
    return workspace


def _check_settings(wanted: Mapping[str, int | None]) -> None:
    for name, (argument, possible) in SETTINGS.items():
        value = wanted[name]
        if value is None or value in possible:
            continue
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{argument} is {possible[0]} to {possible[-1]}; {value} is outside.",
            {"argument": argument, "limit": possible[-1], "actual": value},
        )


def check_segment_limit(limit: int) -> None:
    """Raises Refused outside 1..50."""
    if limit not in SEGMENT_LIMIT_RANGE:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A course can carry 1 to {SEGMENT_LIMIT_RANGE[-1]} segments; {limit} is outside.",
        )


def below_use(limit: int, crowded: list[tuple[int, str, int]]) -> Refused:
    """The refusal that names every course which carries more than the wanted limit."""
    return Refused(
        Code.LIMIT_BELOW_USE,
        f"{len(crowded)} course(s) carry more than {limit} segments; detach some, or force.",
        {
            "limit": limit,
            "courses": [{"id": id, "title": title, "count": count} for id, title, count in crowded],
        },
    )


async def _above(db: AsyncSession, workspace_id: int, limit: int) -> list[tuple[int, str, int]]:
    attached = func.count(CourseSegment.segment_id)
    rows = await db.execute(
        select(Course.id, Course.title, attached)
        .join(CourseSegment, CourseSegment.course_id == Course.id)
        .where(Course.workspace_id == workspace_id, Course.segment_limit.is_(None))
        .group_by(Course.id, Course.title)
        .having(attached > limit)
        .order_by(Course.id)
    )
    return [(id, title, count) for id, title, count in rows]
