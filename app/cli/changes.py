"""`coordinator changes`: what the engine changed and because of what; and how to take it back."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from access.caller import Caller
    from app.settings import Settings
    from models.segments import ChangeSet
    from operations.undo import Undone

_SHOWN = 20

changes = typer.Typer(
    help="What the engine changed: listed, shown, and taken back.", no_args_is_help=True
)

Segment = Annotated[
    str | None, typer.Option("--segment", help="Only in this segment: its name, or its number.")
]
Person = Annotated[
    str | None, typer.Option("--person", help="Only of this person: a user name, or a number.")
]
Number = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER", help="The number of the change set, or: newest (of --segment, if said)."
    ),
]
Most = Annotated[int, typer.Option("--most", min=1, max=1000, help="How many, newest first.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; others will read it.")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, help="Let rules decide again after so many days.")
]


@changes.callback()
def _group() -> None:
    """What the engine changed: listed, shown, and taken back."""


@changes.command("list")
def list_(
    segment: Segment = None,
    person: Person = None,
    most: Most = _SHOWN,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """The newest change sets, each in a sentence."""
    settings = ready_settings(data_dir, redis=False)
    console = wide_console()
    lines = asyncio.run(_listed(settings, (segment, person), most, workspace))
    for line in lines or ["There are none."]:
        console.print(line, soft_wrap=True)


@changes.command("show")
def show(
    number: Number,
    segment: Segment = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """One change set: what led to it, whom it moved, and whether it still stands."""
    settings = ready_settings(data_dir, redis=False)
    console = wide_console()
    for line in asyncio.run(_shown(settings, (number, segment), workspace)):
        console.print(line, soft_wrap=True)


@changes.command("undo")
def undo(
    number: Number,
    reason: Reason,
    segment: Segment = None,
    days: Days = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Put everybody a change set moved back where they were, whatever the rules say; or nobody,
    where somebody has moved since."""
    settings = ready_settings(data_dir, redis=False)
    done = asyncio.run(_undone(settings, (number, segment), reason, days, workspace))
    typer.echo(f"Undone: {done.pinned_in:,} pinned in, {done.pinned_out:,} pinned out.")


async def _listed(
    settings: "Settings", where: tuple[str | None, str | None], most: int, workspace: str | None
) -> list[str]:
    from app.cli.edge import acting_in

    async with acting_in(settings, workspace) as reached:
        found = await _newest(reached.db, reached.by, where, most)
        return await _sentences(reached.db, reached.by, found)


async def _newest(
    db: "AsyncSession", by: "Caller", where: tuple[str | None, str | None], most: int
) -> list["ChangeSet"]:
    """Of a segment, of a person."""
    from app.cli.edge import member_id, segment_id
    from models.segments import ChangeSet
    from operations import change_sets
    from operations.change_sets import Wanted

    segment, person = where
    wanted = Wanted(
        segment_id=await segment_id(db, by.workspace_id, segment) if segment else None,
        member_id=await member_id(db, by.workspace_id, person) if person else None,
    )
    statement = await change_sets.listed(db, by=by, wanted=wanted)
    return list(await db.scalars(statement.order_by(-ChangeSet.id).limit(most)))


async def _numbered(db: "AsyncSession", by: "Caller", which: tuple[str, str | None]) -> int:
    """The change set of a number, or the newest. Refused as NOT_FOUND."""
    from operations.refusals import not_found

    said, segment = which
    if said.isdecimal():
        return int(said)
    found = await _newest(db, by, (segment, None), 1) if said == "newest" else []
    if not found:
        raise not_found("change set")
    return found[0].id


async def _sentences(db: "AsyncSession", by: "Caller", found: "Sequence[ChangeSet]") -> list[str]:
    from operations import change_sets

    causes = await change_sets.causes_of(db, by.workspace_id, [each.id for each in found])
    segments = await change_sets.segments_of(db, by.workspace_id, found)
    return [
        f"{each.id}  "
        + change_sets.sentence(
            each,
            causes[each.id],
            [segments[id].name for id in each.segment_ids if id in segments],
        )
        for each in found
    ]


async def _shown(
    settings: "Settings", which: tuple[str, str | None], workspace: str | None
) -> list[str]:
    from app.cli.edge import acting_in
    from operations import change_sets
    from operations.why.wording import moment

    async with acting_in(settings, workspace) as reached:
        db, by = reached.db, reached.by
        number = await _numbered(db, by, which)
        found = await change_sets.one(db, by=by, id=number)
        lines = await _sentences(db, by, [found])
        causes = await change_sets.causes_of(db, by.workspace_id, [number])
        for cause in causes[number]:
            lines.append(f"  because of {cause.verb} by {cause.by_name} at {moment(cause.at)}")
        for mark, joined in (("+", True), ("-", False)):
            lines += [
                f"  {mark} {who}: “{segment}”"
                for who, segment in await change_sets.names_of(
                    db, by=by, id=number, joined=joined, limit=_SHOWN
                )
            ]
            left = (found.added if joined else found.removed) - _SHOWN
            if left > 0:
                lines.append(f"  {mark} … and {left:,} more")
        return lines


async def _undone(
    settings: "Settings",
    which: tuple[str, str | None],
    reason: str,
    days: int | None,
    workspace: str | None,
) -> "Undone":
    from app.cli.edge import acting_in
    from operations import undo

    at = dt.datetime.now(dt.UTC)
    until = None if days is None else at + dt.timedelta(days=days)
    async with acting_in(settings, workspace) as reached:
        return await undo.undo(
            reached.db,
            by=reached.by,
            change_set_id=await _numbered(reached.db, reached.by, which),
            reason=reason,
            expires_at=until,
            at=at,
        )
