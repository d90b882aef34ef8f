"""Segments as a file: exported, planned, and applied exactly as planned, all in one transaction."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.journal import record
from models.people import Member
from models.segments import CourseSegment, Segment, SegmentState
from operations import attachments, segments
from operations.people import PEOPLE_A_CALL
from operations.refusals import Code, Refused
from operations.rights import require
from operations.segment_files.planning import Action, FilePlan, Step, planned
from operations.segment_files.present import read_present
from operations.segment_files.reading import read_file
from operations.segment_files.wanted import FileProblem, WantedSegment
from operations.segment_files.writing import written_file


async def export(db: AsyncSession, *, by: Caller) -> str:
    """The file of the workspace, as far as the caller sees it."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    return written_file(await read_present(db, by=by))


async def plan(db: AsyncSession, *, by: Caller, document: str, prune: bool = False) -> FilePlan:
    """What applying the file would do, or what is wrong with it. It writes nothing."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    wanted, problems = read_file(document)
    if problems:
        return FilePlan((), tuple(problems))
    return await _planned(db, by, wanted, prune)


async def apply(
    db: AsyncSession,
    *,
    by: Caller,
    document: str,
    based_on: str,
    at: dt.datetime,
    prune: bool = False,
) -> FilePlan:
    """Take exactly the steps of the plan of that name, or none: PLAN_OUTDATED where by now other
    steps would lead to what the file says. A plan without steps writes nothing."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    wanted, problems = read_file(document)
    _refuse(problems)
    await _lock(db, by, wanted)
    found = await _planned(db, by, wanted, prune)
    _refuse(found.problems)
    if found.based_on != based_on:
        raise Refused(
            Code.PLAN_OUTDATED,
            "What there is, or the file, has changed since it was planned; plan again.",
            {"basedOn": found.based_on},
        )
    made: _Made = {}
    for step in found.steps:
        await _take(db, by, step, made, at)
    if found.steps:
        counts = Counter(step.action.value for step in found.steps)
        detail = {"basedOn": based_on, "steps": dict(counts)}
        record(db, by=by, verb="segment_file.applied", detail=detail)
    return found


async def _planned(
    db: AsyncSession, by: Caller, wanted: Sequence[WantedSegment], prune: bool
) -> FilePlan:
    rules = [each.rule for each in wanted if each.rule is not None]
    present = await read_present(db, by=by, user_names=_user_names(wanted), rules=rules)
    return planned(present, wanted, prune=prune)


def _refuse(problems: Sequence[FileProblem]) -> None:
    if problems:
        raise Refused(
            Code.INVALID_FILE,
            f"The file has {len(problems)} problem(s): {problems[0].message}",
            {"problems": [asdict(each) for each in problems]},
        )


def _user_names(wanted: Iterable[WantedSegment]) -> set[str]:
    return {each.user_name.lower() for segment in wanted for each in segment.people or ()}


async def _lock(db: AsyncSession, by: Caller, wanted: Sequence[WantedSegment]) -> None:
    """Hold everything the plan is made of: courses before segments, as whoever attaches does, and
    these before people, as whoever names them does."""
    titles = {each.title.lower() for segment in wanted for each in segment.courses or ()}
    attached = select(CourseSegment.course_id).where(CourseSegment.workspace_id == by.workspace_id)
    is_concerned = or_(Course.id.in_(attached), func.lower(Course.title).in_(titles))
    await db.execute(
        select(Course.id)
        .where(Course.workspace_id == by.workspace_id, is_concerned)
        .order_by(Course.id)
        .with_for_update(key_share=True)
    )
    await db.execute(
        select(Segment.id)
        .where(Segment.workspace_id == by.workspace_id, Segment.deleted_at.is_(None))
        .order_by(Segment.id)
        .with_for_update()
    )
    await db.execute(
        select(Member.id)
        .where(
            Member.workspace_id == by.workspace_id,
            Member.deleted_at.is_(None),
            func.lower(Member.user_name).in_(_user_names(wanted)),
        )
        .order_by(Member.id)
        .with_for_update(key_share=True)
    )


_Made = dict[str, int]
"""Segments that were made on the way, by name in lower case."""


async def _take(db: AsyncSession, by: Caller, step: Step, made: _Made, at: dt.datetime) -> None:
    if step.action is Action.CREATE:
        made[step.segment.lower()] = await _create(db, by, step)
        return
    id = made[step.segment.lower()] if step.segment_id is None else step.segment_id
    match step.action:
        case Action.CHANGE:
            await _change(db, by, step, id)
        case Action.DELETE:
            await segments.remove(db, by=by, segment_id=id, at=at)
        case Action.NAME_PEOPLE | Action.UNNAME_PEOPLE:
            await _people(db, by, step, id)
        case _:
            await _attachment(db, by, step, id)


async def _attachment(db: AsyncSession, by: Caller, step: Step, segment_id: int) -> None:
    about: dict[str, Any] = {"by": by, "course_id": step.course_id, "segment_id": segment_id}
    match step.action:
        case Action.DETACH:
            await attachments.detach(db, **about, accept_losses=None)
        case Action.ATTACH:
            await attachments.attach(db, **about, mode=step.after["mode"])
        case Action.CHANGE_MODE:
            mode = step.after["mode"]
            await attachments.change_mode(db, **about, mode=mode, accept_losses=None)


async def _people(db: AsyncSession, by: Caller, step: Step, segment_id: int) -> None:
    is_named = step.action is Action.NAME_PEOPLE
    verb = segments.name_people if is_named else segments.unname_people
    for some in _batches(step.member_ids):
        await verb(db, by=by, segment_id=segment_id, member_ids=some)


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """As many at a time as one call can name."""
    for start in range(0, len(ids), PEOPLE_A_CALL):
        yield ids[start : start + PEOPLE_A_CALL]


async def _create(db: AsyncSession, by: Caller, step: Step) -> int:
    segment = await segments.create(
        db,
        by=by,
        name=step.segment,
        description=step.after["description"],
        rule=step.after["rule"],
        is_draft=step.after["state"] is SegmentState.DRAFT,
        is_usable_by_departments=step.after["usableByDepartments"],
    )
    if step.after["state"] is SegmentState.PAUSED:
        await segments.pause(db, by=by, segment_id=segment.id)
    return segment.id


async def _change(db: AsyncSession, by: Caller, step: Step, segment_id: int) -> None:
    after = step.after
    await segments.edit(
        db,
        by=by,
        segment_id=segment_id,
        name=after.get("name"),
        description=after.get("description"),
        rule=after.get("rule"),
        is_usable_by_departments=after.get("usableByDepartments"),
    )
    if after.get("state") in (SegmentState.ACTIVE, SegmentState.PAUSED):
        await segments.resume(db, by=by, segment_id=segment_id)
    if after.get("state") is SegmentState.PAUSED:
        await segments.pause(db, by=by, segment_id=segment_id)
