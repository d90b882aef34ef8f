"""`coordinator learners`: many people at once, from a file, while one watches.

Every 500 people are a transaction of their own. What was done stays done when the command is
stopped; started again with the same file it says of those that there was nothing to do, and goes
on with the others.
"""

import asyncio
import csv
import datetime as dt
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final

import typer

from app.cli.options import DataDir, Workspace, ready_settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from access.caller import Caller
    from app.settings import Settings

Outcomes = Mapping[int, str]
"""What became of each person."""

Work = Callable[["AsyncSession", "Caller", int, Sequence[int]], Awaitable[Outcomes]]
"""(db, by, course id, people) → what became of them."""

Course = Annotated[str, typer.Option("--course", help="Its title, or its number.")]
File = Annotated[
    typer.FileText,
    typer.Option(
        "--file",
        help="A person a line, the first column of CSV: user name or numeric id; - is the input.",
        encoding="utf-8-sig",
        errors="replace",
    ),
]
Results = Annotated[
    typer.FileTextWrite,
    typer.Option("--results", help="Where to write what became of each, as CSV."),
]
Group = Annotated[str | None, typer.Option("--group", help="A learner group of the course.")]

HEADINGS: Final = frozenset({"member", "memberid", "id", "user", "username", "user name"})
"""What the first line may say instead of naming somebody."""

NOT_FOUND: Final = "NOT_FOUND"
IN_ORDER: Final = frozenset(
    {
        *("ASSIGNED", "ALREADY_ASSIGNED", "UNASSIGNED", "NOT_ENROLLED", "STILL_ENROLLED"),
        *("CHANGED", "UNCHANGED", "COMPLETED", "ALREADY_COMPLETED"),
    }
)
"""Outcomes after which somebody is what was wanted."""

learners = typer.Typer(
    help="Assign, unassign, re-date and complete many learners, from a file.",
    no_args_is_help=True,
)


@learners.command("assign")
def assign(
    course: Course,
    file: File,
    results: Results = "-",  # type: ignore[assignment]
    group: Group = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say it, write nothing.")] = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Make people learners of a course, or through one of its groups."""

    async def work(
        db: "AsyncSession", by: "Caller", course_id: int, people: Sequence[int]
    ) -> Outcomes:
        from operations.learning import enrolments

        done = await enrolments.assign(
            db,
            by=by,
            course_id=course_id,
            member_ids=people,
            group_id=await _group(db, course_id, group),
            at=_now(),
            dry_run=dry_run,
        )
        return {each.member_id: each.outcome.value for each in done}

    _run(work, "Assigning", course, file, results, workspace=workspace, data_dir=data_dir)


@learners.command("unassign")
def unassign(
    course: Course,
    file: File,
    results: Results = "-",  # type: ignore[assignment]
    group: Group = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """End what makes people learners: by hand and by themselves, or through a group."""

    async def work(
        db: "AsyncSession", by: "Caller", course_id: int, people: Sequence[int]
    ) -> Outcomes:
        from operations.learning import enrolments

        done = await enrolments.unassign(
            db,
            by=by,
            course_id=course_id,
            member_ids=people,
            group_id=await _group(db, course_id, group),
            at=_now(),
        )
        return {each.member_id: each.outcome.value for each in done}

    _run(work, "Unassigning", course, file, results, workspace=workspace, data_dir=data_dir)


@learners.command("re-date")
def redate(
    course: Course,
    file: File,
    due: Annotated[
        str, typer.Option("--due", help="2026-12-24T17:00:00+01:00, or none: take it back.")
    ],
    results: Results = "-",  # type: ignore[assignment]
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it is kept.")] = None,
    allow_past: Annotated[
        bool, typer.Option("--allow-past", help="A date that is over is meant.")
    ] = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Give learners a due date of their own, or take it back."""
    due_at = _moment(due)

    async def work(
        db: "AsyncSession", by: "Caller", course_id: int, people: Sequence[int]
    ) -> Outcomes:
        from operations.learning import due_dates

        done = await due_dates.update(
            db,
            by=by,
            course_id=course_id,
            member_ids=people,
            due_at=due_at,
            reason=reason,
            at=_now(),
            allow_past=allow_past,
        )
        return {each.member_id: each.outcome.value for each in done}

    _run(work, "Re-dating", course, file, results, workspace=workspace, data_dir=data_dir)


@learners.command("complete")
def complete(
    course: Course,
    file: File,
    results: Results = "-",  # type: ignore[assignment]
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Mark a course complete for learners; whoever has no attempt gets one, made by hand."""

    async def work(
        db: "AsyncSession", by: "Caller", course_id: int, people: Sequence[int]
    ) -> Outcomes:
        from models.progress import AttemptOrigin
        from operations.learning import completing

        done = await completing.complete(
            db,
            by=by,
            course_id=course_id,
            member_ids=people,
            origin=AttemptOrigin.MANUAL,
            at=_now(),
        )
        return {id: outcome.value for id, outcome in done.items()}

    _run(work, "Completing", course, file, results, workspace=workspace, data_dir=data_dir)


def _run(
    work: Work,
    doing: str,
    course: str,
    file: IO[str],
    results: IO[str],
    *,
    workspace: str | None,
    data_dir: Path | None,
) -> None:
    """Do the work for everybody the file names, and end with 1 if somebody is not as wanted."""
    named = list(dict.fromkeys(_named(file)))
    settings = ready_settings(data_dir, redis=False)
    counted = asyncio.run(_all(settings, work, doing, course, named, results, workspace))
    said = ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(counted.items()))
    typer.echo(f"{len(named):,} people: {said or 'nothing to do'}.", err=True)
    if counted.keys() - IN_ORDER:
        sys.exit(1)


async def _all(
    settings: "Settings",
    work: Work,
    doing: str,
    course: str,
    named: Sequence[str],
    results: IO[str],
    workspace: str | None,
) -> Counter[str]:
    counted: Counter[str] = Counter()
    written = csv.writer(results)
    written.writerow(["member", "memberId", "outcome"])
    with _progress(doing, len(named)) as advance:
        async for some in _done(settings, work, course, named, workspace):
            for name, member_id, outcome in some:
                written.writerow([name, member_id or "", outcome])
                counted[outcome] += 1
            results.flush()
            advance(len(some))
    return counted


async def _done(
    settings: "Settings", work: Work, course: str, named: Sequence[str], workspace: str | None
) -> AsyncIterator[list[tuple[str, int | None, str]]]:
    """(what was said, who it is, what became of them), 500 at a time, each when it is committed."""
    from access.permissions import Scope
    from app.cli.edge import caller_in, edge_of, number_of
    from operations.people import PEOPLE_A_CALL

    by = await caller_in(settings, workspace)
    async with edge_of(settings, "learners") as edge:
        async with edge.read() as db:
            course_id = await number_of(db, by.workspace_id, Scope.COURSE, course)
        for start in range(0, len(named), PEOPLE_A_CALL):
            some = named[start : start + PEOPLE_A_CALL]
            async with edge.transaction() as db:
                known = await _known(db, by.workspace_id, some)
                people = list(dict.fromkeys(known.values()))
                outcomes = await work(db, by, course_id, people) if people else {}
            yield [
                (name, known.get(name), outcomes.get(known.get(name, 0), NOT_FOUND))
                for name in some
            ]


async def _known(db: "AsyncSession", workspace_id: int, named: Sequence[str]) -> dict[str, int]:
    """Who is meant by each of these, where somebody is: by user name, or else by number."""
    from sqlalchemy import func, or_, select

    from models.people import Member

    names = {name.lower() for name in named}
    numbers = {int(name) for name in named if name.isascii() and name.isdigit() and len(name) < 19}
    rows = await db.execute(
        select(Member.id, func.lower(Member.user_name)).where(
            Member.workspace_id == workspace_id,
            Member.deleted_at.is_(None),
            or_(func.lower(Member.user_name).in_(names), Member.id.in_(numbers)),
        )
    )
    by_name = {name: id for id, name in rows}
    by_number = {str(id): id for id in by_name.values()}
    meant = {name: by_name.get(name.lower(), by_number.get(name.lstrip("0"))) for name in named}
    return {name: id for name, id in meant.items() if id is not None}


async def _group(db: "AsyncSession", course_id: int, said: str | None) -> int | None:
    """The group of the course with this name or number; raises CannotStart."""
    from sqlalchemy import select

    from app.embedded import CannotStart
    from models.groups import LearnerGroup

    if said is None:
        return None
    rows = await db.execute(
        select(LearnerGroup.id, LearnerGroup.name)
        .where(LearnerGroup.course_id == course_id, LearnerGroup.removed_at.is_(None))
        .order_by(LearnerGroup.id)
    )
    found = {name: id for id, name in rows}
    by_name = {name.lower(): id for name, id in found.items()}
    wanted = by_name.get(said.lower())
    if wanted is None and said in map(str, found.values()):
        wanted = int(said)
    if wanted is None:
        names = ", ".join(sorted(found)[:10]) or "none yet"
        raise CannotStart(f"There is no group {said!r} in this course; there are: {names}.")
    return wanted


def _named(file: IO[str]) -> Iterator[str]:
    """The first column of each line that has one, but for a heading."""
    for number, row in enumerate(csv.reader(file)):
        name = row[0].strip() if row else ""
        if name and not (number == 0 and name.lower() in HEADINGS):
            yield name


def _moment(said: str) -> dt.datetime | None:
    if said.lower() == "none":
        return None
    try:
        moment = dt.datetime.fromisoformat(said)
    except ValueError:
        raise typer.BadParameter(f"{said!r} is no date and time, nor none.") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{said!r} needs a time zone, such as {said}+01:00.")
    return moment


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextmanager
def _progress(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, how far it is, and how long it will take."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda count: bar.advance(task, count)
