"""`coordinator audit`: is the audit log what it was, and a copy of it."""

import asyncio
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from app.cli.options import DataDir, Workspace, ready_settings

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.audit import Filters
    from operations.integrity import Anchor, Walk

audits = typer.Typer(help="Verify the audit log, or take a copy of it.", no_args_is_help=True)

_TELL_EVERY = 50_000


class Format(StrEnum):
    """How a copy is written."""

    JSONL = "jsonl"
    CSV = "csv"


Expect = Annotated[
    str | None,
    typer.Option(
        "--expect",
        metavar="SEQ:HASH",
        help="What an earlier run printed and was noted elsewhere: proves that nothing up to"
        " there was computed anew, and nothing cut off.",
        show_default=False,
    ),
]
As = Annotated[Format, typer.Option("--format", help="How the copy is written.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", help="A new file; standard output when left out.", show_default=False),
]
Verbs = Annotated[
    list[str] | None,
    typer.Option("--verb", help="Only these, such as course.edited or grant.*; repeatable."),
]
Since = Annotated[str | None, typer.Option("--since", help="From this moment on (ISO 8601).")]
Until = Annotated[str | None, typer.Option("--until", help="Before this moment (ISO 8601).")]


@audits.command("verify")
def verify(expect: Expect = None, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Recompute the audit log's hash chain. Prints SEQ:HASH of its head, to be noted elsewhere.

    Nothing is changed. Exit code 1 and the first break, when it is not what it was.
    """
    from operations.integrity import Anchor

    anchor = None if expect is None else Anchor.of(expect)
    if expect is not None and anchor is None:
        raise typer.BadParameter("Write --expect as SEQ:HASH, as this command prints it.")
    settings = ready_settings(data_dir, redis=False)
    walk = asyncio.run(_walked(settings, workspace, anchor))
    if walk.broken is not None:
        typer.echo(f"Broken at {walk.broken.seq} ({walk.broken.fault}).", err=True)
        typer.echo(walk.broken.sentence, err=True)
        sys.exit(1)
    emptied = f"; {len(walk.redacted):,} of them redacted" if walk.redacted else ""
    typer.echo(f"{walk.seq:,} entries are what they were{emptied}.", err=True)
    typer.echo(str(walk.anchor))


@audits.command("export")
def export(
    format: As = Format.JSONL,
    output: Output = None,
    verb: Verbs = None,
    since: Since = None,
    until: Until = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Write a copy of the audit log, oldest entry first. The copy itself is recorded."""
    from app.parameters import moment
    from operations.audit import Filters

    filters = Filters(
        verbs=tuple(verb or ()),
        since=moment(since) if since else None,
        until=moment(until) if until else None,
    )
    settings = ready_settings(data_dir, redis=False)
    try:
        with output.open("xb") if output else nullcontext(sys.stdout.buffer) as file:
            asyncio.run(_exported(settings, workspace, filters, format, file))
    except FileExistsError:
        raise typer.BadParameter(f"{output} exists; a copy goes into a new file.") from None


async def _walked(settings: "Settings", workspace: str | None, anchor: "Anchor | None") -> "Walk":
    from app.cli.edge import edge_of, workspace_of
    from operations import integrity

    def tell(seq: int) -> None:
        if seq % _TELL_EVERY == 0:
            typer.echo(f"{seq:,} …", err=True)

    workspace_id = await workspace_of(settings, workspace)
    async with edge_of(settings, "audit") as edge, edge.read() as db:
        return await integrity.verify(db, workspace_id=workspace_id, expected=anchor, progress=tell)


async def _exported(
    settings: "Settings",
    workspace: str | None,
    filters: "Filters",
    format: Format,
    file: BinaryIO,
) -> None:
    from app.audit.copying import begin, copy
    from app.audit.writing import FORMATS
    from app.cli.edge import caller_in, edge_of

    by, chosen = await caller_in(settings, workspace), FORMATS[format]
    async with edge_of(settings, "audit") as edge:
        up_to = await begin(edge, by, filters, chosen)
        async for piece in copy(edge, by, filters, chosen, up_to=up_to):
            file.write(piece)
