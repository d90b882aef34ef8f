"""`coordinator jobs`: what long work waits, is done, and failed, and why."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.jobs.overview import Seen


class State(StrEnum):
    """In what states jobs can be asked for."""

    QUEUED = "queued"
    RUNNING = "running"
    CHECKED = "checked"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


USUAL: Final = (State.QUEUED, State.RUNNING, State.FAILED)
LONG: Final = dt.timedelta(minutes=1)
"""Who waits for longer while nothing runs may lack a worker."""

States = Annotated[
    list[State] | None,
    typer.Option(
        "--state",
        help="Only these; repeat it. When left out: queued, running, failed.",
        show_default=False,
    ),
]
Limit = Annotated[int, typer.Option(help="The newest so many of each workspace.", min=1, max=1000)]


def jobs(
    state: States = None, limit: Limit = 50, workspace: Workspace = None, data_dir: DataDir = None
) -> None:
    """List the files that are made and imported for people: of one workspace, or of all.

    It says who waits for what, how far it is, and why it failed; not what is in it.
    """
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_found(settings, workspace, state or list(USUAL), limit))
    table = Table("Id", "Workspace", "Asked", "Kind", "By", "State", "Rows", "Said", box=None)
    for slug, each in found:
        table.add_row(*_cells(slug, each))
    if found:
        wide_console().print(table)
    typer.echo(_summed([each for _, each in found]), err=True)


async def _found(
    settings: "Settings", workspace: str | None, states: Sequence[State], limit: int
) -> "list[tuple[str, Seen]]":
    from app.cli.edge import edge_of, workspace_id, workspaces_meant
    from models.jobs import JobState
    from operations.jobs import overview

    slugs = await workspaces_meant(settings, workspace)
    async with edge_of(settings, "jobs") as edge, edge.read() as db:
        return [
            (slug, each)
            for slug in slugs
            for each in await overview.of_workspace(
                db,
                workspace_id=await workspace_id(db, slug),
                states=[JobState(each.name) for each in states],
                limit=limit,
            )
        ]


def _cells(slug: str, seen: "Seen") -> tuple[str, ...]:
    job = seen.job
    what = f"{job.kind} {job.format}" + (f", {seen.course}" if seen.course else "")
    rows = f"{job.done:,}" + ("" if job.total is None else f" of {job.total:,}")
    at = f"{job.created_at:%Y-%m-%d %H:%M}"
    return str(job.id), slug, at, what, seen.asked_by, job.state, rows, _said(seen)


def _said(seen: "Seen") -> str:
    job = seen.job
    if job.problem is not None:
        return f"{job.problem}: {job.message}"
    if seen.is_deserted:
        return f"try {job.runs}; its worker is gone, the next one takes it up"
    return f"try {job.runs}" if job.runs > 1 else ""


def _summed(found: "Sequence[Seen]") -> str:
    if not found:
        return "There is none."
    counts = Counter(each.job.state for each in found)
    said = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) + "."
    waiting = [each for each in found if each.job.state == State.QUEUED.name]
    is_busy = any(each.job.state == State.RUNNING.name and not each.is_deserted for each in found)
    if waiting and not is_busy and max(_waits(each) for each in waiting) > LONG:
        said += (
            " Nobody is at work, so there may be no worker for it:"
            " `coordinator worker --queues files`."
        )
    return said


def _waits(seen: "Seen") -> dt.timedelta:
    return seen.now - seen.job.created_at
