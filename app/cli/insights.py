"""`coordinator insights`: is the summary that insights are read from what it should be?"""

import asyncio
import datetime as dt
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import DataDir, Workspace, ready_settings

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.insights.cells import Unit
    from operations.insights.folding import Difference

insights = typer.Typer(
    help="Verify the summary that insights are read from, or count it anew.", no_args_is_help=True
)

_SHOWN = 20

All = Annotated[
    bool, typer.Option("--all", help=f"Print every difference, not {_SHOWN} of each summary.")
]


@insights.command("verify")
def verify(all: All = False, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Count every course and quiz that has a summary, and compare.

    Nothing is changed. What has changed since workers came by is counted by whoever reads, and so
    is no difference. Exit code 1 when something differs.
    """
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_verified(settings, workspace))
    wrong = {unit: differences for unit, differences in found.items() if differences}
    for unit, differences in wrong.items():
        typer.echo(f"{_named(unit)}: {len(differences):,} cells differ.", err=True)
        for each in differences if all else differences[:_SHOWN]:
            typer.echo(f"  {_said(each)}", err=True)
    typer.echo(f"{len(found):,} summaries counted anew; {len(wrong):,} differ.")
    if wrong:
        sys.exit(1)


@insights.command("rebuild")
def rebuild(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Forget the summaries of a workspace and count them anew, one after the other."""
    settings = ready_settings(data_dir, redis=False)
    rebuilt = asyncio.run(_rebuilt(settings, workspace))
    typer.echo(f"{rebuilt:,} summaries counted anew.")


async def _verified(settings: "Settings", workspace: str | None) -> "dict[Unit, list[Difference]]":
    from app.cli.edge import edge_of, workspace_id
    from operations.insights import folding

    async with edge_of(settings, "insights verify") as edge, edge.read() as db:
        await db.execute(folding.NO_LIMIT)
        units = await folding.kept(db, workspace_id=await workspace_id(db, workspace))
        return {unit: await folding.verify(db, unit) for unit in units}


async def _rebuilt(settings: "Settings", workspace: str | None) -> int:
    from app.cli.edge import edge_of, workspace_id
    from operations.insights import folding

    async with edge_of(settings, "insights rebuild") as edge:
        async with edge.read() as db:
            units = await folding.kept(db, workspace_id=await workspace_id(db, workspace))
        for unit in units:
            async with edge.transaction() as db:
                await folding.rebuild(db, unit, at=dt.datetime.now(dt.UTC))
    return len(units)


def _named(unit: "Unit") -> str:
    module = f", module {unit.module_id}" if unit.module_id else ""
    return f"Course {unit.course_id}{module}"


def _said(each: "Difference") -> str:
    where = f"block {each.block}" if each.block >= 0 else "all blocks"
    what = " ".join(filter(None, (each.facet, each.slice, each.key)))
    question = f" of question {each.question_id}" if each.question_id else ""
    return f"{where}: {what}{question} says {each.stored:,}, counted {each.expected:,}"
