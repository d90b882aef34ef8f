"""Rows about who is to learn in a course, through which of its groups, and until when.

Whom one could not find among the candidates of the course, one learns nothing about here either:
people are looked for among those the bringer may see.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission
from models.catalog import Course
from models.groups import LearnerGroup
from models.jobs import ImportOutcome
from models.people import Member
from models.progress import Progress
from models.workspaces import Workspace
from operations import courses, people, visible
from operations.addresses import address_of
from operations.imports.asking import brought_with
from operations.imports.cells import shown, unfit
from operations.imports.outcomes import (
    Batch,
    Found,
    Repeats,
    Tried,
    by_field,
    cells_of,
    found,
    refused,
)
from operations.imports.planning import WORDS, Field, Plan, Said
from operations.jobs.rights import ask
from operations.learning import due_dates, enrolment_rows, enrolments, self_action
from operations.learning.due_dates import EFFECTIVE
from operations.learning.enrolments import AssignmentOutcome
from operations.refusals import Code, Denied, Refused, not_found
from operations.rights import require

HOLD: Final = text("""
SELECT id FROM member WHERE workspace_id = :workspace_id AND id = ANY (CAST(:ids AS bigint[]))
 ORDER BY id FOR SHARE
""")

_REFUSALS: Final[Mapping[AssignmentOutcome, tuple[Code, str]]] = {
    AssignmentOutcome.NOT_FOUND: (Code.NOT_FOUND, "There is no such member."),
    AssignmentOutcome.DEACTIVATED: (
        Code.MEMBER_DEACTIVATED,
        "This member is deactivated; reactivate them first.",
    ),
    AssignmentOutcome.CONFLICT: (
        Code.ROLE_CONFLICT,
        "This member instructs the course, and nobody is instructor and learner at once.",
    ),
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What one row asks for."""

    line: int
    number: int | None
    user_name: str | None
    address: str | None
    group: str | None
    due_at: dt.datetime | None


@dataclass(slots=True)
class _Work:
    """One batch, as far as it is understood. People by line."""

    course_id: int
    tried: dict[int, Tried] = field(default_factory=dict)
    wishes: dict[int, _Wish] = field(default_factory=dict)
    members: dict[int, int] = field(default_factory=dict)
    groups: dict[int, int | None] = field(default_factory=dict)

    def refuse(self, line: int, problem: Refused | Denied) -> None:
        self.tried[line] = refused(line, problem)
        self.wishes.pop(line, None)


async def attempt(db: AsyncSession, batch: Batch) -> list[Tried]:
    """What became of each row. Raises Denied, NOT_FOUND."""
    job, by = batch.job, batch.by
    await ask(db, by=by, kind=job.kind, course_id=job.course_id)
    course = await courses.lock(db, by=by, course_id=job.course_id or 0)
    zone = await db.scalar(select(Workspace.time_zone).where(Workspace.id == by.workspace_id))
    work = _Work(course.id)
    for row in batch.rows:
        try:
            work.wishes[row.line] = _wish(batch.plan, row, ZoneInfo(zone or "UTC"), batch.at)
        except Refused as problem:
            work.refuse(row.line, problem)
    await _find_groups(db, batch, work)
    await _find_people(db, batch, work)
    await _refuse_dates(db, batch, work)
    await _refuse_repeats(db, batch, work)
    await _assign(db, batch, work)
    await _date(db, batch, work)
    return [work.tried[each.line] for each in batch.rows]


def _wish(plan: Plan, row: Said, zone: ZoneInfo, at: dt.datetime) -> _Wish:
    cells = cells_of(plan, row)
    said = by_field(cells)
    titles = {each.field: each.title for each in cells}
    number = None
    if Field.MEMBER in said:
        number = plan.decode(said[Field.MEMBER]) if plan.decode else None
        if number is None:
            raise unfit(titles[Field.MEMBER], said[Field.MEMBER], "is not the id of a member")
    name = said.get(Field.USER_NAME)
    address = address_of(said[Field.EMAIL]) if Field.EMAIL in said else None
    if number is None and name is None and address is None:
        raise Refused(
            Code.BAD_USER_INPUT,
            "This row does not say who is meant; fill in "
            f"“{WORDS[Field.USER_NAME][0]}” or “{WORDS[Field.EMAIL][0]}”.",
        )
    due = said.get(Field.DUE)
    due_at = None if due is None else _moment(titles[Field.DUE], due, zone, at)
    return _Wish(row.line, number, name, address, said.get(Field.GROUP), due_at)


def _moment(title: str, cell: str, zone: ZoneInfo, at: dt.datetime) -> dt.datetime:
    """A day means its end, and a moment without a zone is one where the workspace is."""
    try:
        moment = dt.datetime.fromisoformat(cell)
        if len(cell) <= len("2026-12-18"):
            moment = moment.replace(hour=23, minute=59, second=59)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        problem = "is not a day such as 2026-12-18, nor a moment such as 2026-12-18T17:00+01:00"
        raise unfit(title, cell, problem) from None
    due_dates.refuse_past(moment, at=at, allow_past=False)
    return moment


async def _find_groups(db: AsyncSession, batch: Batch, work: _Work) -> None:
    default = brought_with(batch.job).group_id
    names = {each.group.lower() for each in work.wishes.values() if each.group}
    known: dict[str, int] = {}
    if names:
        rows = await db.execute(
            select(LearnerGroup.id, LearnerGroup.name).where(
                LearnerGroup.workspace_id == batch.by.workspace_id,
                LearnerGroup.course_id == work.course_id,
                LearnerGroup.removed_at.is_(None),
            )
        )
        known = {name.lower(): id for id, name in rows}
    for wish in list(work.wishes.values()):
        group_id = known.get(wish.group.lower()) if wish.group else default
        if wish.group and group_id is None:
            sentence = f"This course has no group “{shown(wish.group)}”. Make it first."
            work.refuse(wish.line, Refused(Code.NOT_FOUND, sentence))
        work.groups[wish.line] = group_id


async def _find_people(db: AsyncSession, batch: Batch, work: _Work) -> None:
    """Whom each row means; held in the order of their ids, as everybody else does."""
    wishes = list(work.wishes.values())
    asked = [(each.user_name, each.address) for each in wishes]
    known = await found(db, batch.by.workspace_id, asked)
    ids = {id for each in known for id in (each.named, *each.reached) if id is not None}
    ids |= {each.number for each in wishes if each.number is not None}
    seen = await _seen(db, batch, ids)
    for wish, who in zip(wishes, known, strict=True):
        try:
            work.members[wish.line] = _meant(wish, who, seen)
        except Refused as problem:
            work.refuse(wish.line, problem)
    meant = sorted(set(work.members.values()))
    await db.execute(HOLD, {"workspace_id": batch.by.workspace_id, "ids": meant})
    await enrolment_rows.hold(db, course_id=work.course_id, member_ids=meant)


async def _seen(db: AsyncSession, batch: Batch, ids: Iterable[int]) -> set[int]:
    """Of these people, those the bringer could find as candidates."""
    rows = visible.members(batch.by).where(Member.id.in_(people.storable(list(ids))))
    return set(await db.scalars(rows.with_only_columns(Member.id)))


def _meant(wish: _Wish, who: Found, seen: set[int]) -> int:
    """Raises NOT_FOUND, and CONFLICT where not one person is meant."""
    named = who.named if who.named in seen else None
    reached = tuple(each for each in who.reached if each in seen)
    member_id = Found(named, reached).member_id()
    if wish.user_name is not None and named is None and wish.number is None:
        member_id = reached[0] if len(reached) == 1 else None
    if wish.number is not None:
        if member_id not in {None, wish.number}:
            raise Refused(
                Code.CONFLICT, "The id is one member's, the user name or address another's."
            )
        member_id = wish.number if wish.number in seen else None
    if member_id is None:
        raise not_found("member")
    return member_id


async def _refuse_dates(db: AsyncSession, batch: Batch, work: _Work) -> None:
    """Rows with a date, of whoever may not change dates, or not their own."""
    dated = {line: work.members[line] for line, each in work.wishes.items() if each.due_at}
    if not dated:
        return
    try:
        await require(db, batch.by, Permission.UPDATE_DUE_DATE, course_id=work.course_id)
        await self_action.refuse(db, by=batch.by, member_ids=dated.values())
    except Denied as problem:
        for line in dated:
            work.refuse(line, problem)
    except Refused as problem:
        for line, member_id in dated.items():
            if member_id == batch.by.member_id:
                work.refuse(line, problem)


async def _refuse_repeats(db: AsyncSession, batch: Batch, work: _Work) -> None:
    """Somebody has one row in each group, and one row with a date."""
    keys = {line: list(_keys(batch, work, line)) for line in work.wishes}
    repeats = await Repeats.before(db, batch, (key for each in keys.values() for key in each))
    for line, claimed in keys.items():
        try:
            repeats.refuse(claimed)
        except Refused as problem:
            work.refuse(line, problem)
        else:
            repeats.claim(claimed, line)


def _keys(batch: Batch, work: _Work, line: int) -> Iterator[str]:
    yield f"{batch.job.id} in {work.groups[line] or 0} {work.members[line]}"
    if work.wishes[line].due_at is not None:
        yield f"{batch.job.id} due {work.members[line]}"


async def _assign(db: AsyncSession, batch: Batch, work: _Work) -> None:
    """Group by group, as one would call it by hand."""
    lines: dict[int | None, list[int]] = defaultdict(list)
    for line in work.wishes:
        lines[work.groups[line]].append(line)
    for group_id in sorted(lines, key=lambda id: id or 0):
        await _assign_to(db, batch, work, group_id, lines[group_id])


async def _assign_to(
    db: AsyncSession, batch: Batch, work: _Work, group_id: int | None, lines: Sequence[int]
) -> None:
    try:
        answers = await enrolments.assign(
            db,
            by=batch.by,
            course_id=work.course_id,
            member_ids=[work.members[line] for line in lines],
            group_id=group_id,
            at=batch.at,
            dry_run=batch.dry_run,
        )
    except Denied as problem:
        for line in lines:
            work.refuse(line, problem)
        return
    outcomes = {each.member_id: each.outcome for each in answers}
    for line in lines:
        member_id = work.members[line]
        match outcomes[member_id]:
            case AssignmentOutcome.ASSIGNED:
                outcome = ImportOutcome.CREATED
            case AssignmentOutcome.ALREADY_ASSIGNED:
                outcome = ImportOutcome.UNCHANGED
            case refusal:
                work.refuse(line, Refused(*_REFUSALS[refusal]))
                continue
        keys = tuple(_keys(batch, work, line))
        work.tried[line] = Tried(line, outcome, member_id, keys=keys)


async def _date(db: AsyncSession, batch: Batch, work: _Work) -> None:
    """Dates that are not what holds already, date by date."""
    dated = {work.members[line]: line for line, each in work.wishes.items() if each.due_at}
    if not dated:
        return
    holding = select(Progress.member_id, EFFECTIVE).join(Course, Course.id == Progress.course_id)
    mine = Progress.course_id == work.course_id, Progress.member_id.in_(dated)
    known = {row[0]: row[1] for row in await db.execute(holding.where(*mine))}
    to_write: dict[dt.datetime, list[int]] = defaultdict(list)
    for member_id, line in dated.items():
        due_at = work.wishes[line].due_at
        before = known.get(member_id)
        if due_at is None or (before is not None and before.replace(microsecond=0) == due_at):
            continue
        to_write[due_at].append(member_id)
        if work.tried[line].outcome is ImportOutcome.UNCHANGED:
            work.tried[line] = work.tried[line]._replace(outcome=ImportOutcome.UPDATED)
    if batch.dry_run:
        return
    for due_at, member_ids in sorted(to_write.items()):
        await due_dates.update(
            db,
            by=batch.by,
            course_id=work.course_id,
            member_ids=member_ids,
            due_at=due_at,
            at=batch.at,
        )
