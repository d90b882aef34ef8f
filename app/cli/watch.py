"""`coordinator watch`: coordinators as they come and go."""

import asyncio
import datetime as dt
import itertools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.cli.options import DataDir, Workspace, ready_settings

if TYPE_CHECKING:
    from app.watching import Change

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Count = Annotated[
    int | None, typer.Option(help="Stop after so many changes; never when left out.", min=1)
]


def watch(
    workspace: Workspace = None,
    as_json: AsJson = False,
    count: Count = None,
    data_dir: DataDir = None,
) -> None:
    """Print coordinators as they come and go.

    Ctrl-C ends it.
    """
    settings = ready_settings(data_dir, redis=False)

    from app.cli.edge import workspace_of
    from app.database import worker_engine
    from app.watching import Watch

    engine = worker_engine(
        settings.database_address, application_name="coordinator watch", pool_size=1
    )
    console = Console(highlight=False)
    seen = Watch(engine, asyncio.run(workspace_of(settings, workspace)))
    if not as_json:
        console.print("Watching; Ctrl-C ends it.", style="dim")
    try:
        for change in itertools.islice(seen.changes(), count):
            if as_json:
                typer.echo(json.dumps(asdict(change), ensure_ascii=False))
            else:
                console.print(_line(change))
    except KeyboardInterrupt:
        pass
    finally:
        engine.dispose()


def _line(change: "Change") -> Text:
    sign, style = ("+", "green") if change.became else ("-", "red")
    through = f" through {', '.join(change.sources)}" if change.sources else ""
    return Text.assemble(
        (f"{dt.datetime.now(dt.UTC):%H:%M:%S} ", "dim"),
        (f"{sign} {change.person}", style),
        f" on {change.course}{through}",
        (f"  ({change.verb} by {change.by})", "dim"),
    )
