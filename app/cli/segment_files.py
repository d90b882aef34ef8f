"""`coordinator segment export`, `plan` and `apply`: all segments of a workspace as one file."""

import asyncio
import datetime as dt
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.segment_files.planning import FilePlan, Step
    from operations.segment_files.wanted import FileProblem

_SHOWN = 500

File = Annotated[str, typer.Argument(metavar="FILE", help="The file; - is standard input.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete segments the file does not name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Everything, for programs.")]
PlanName = Annotated[
    str | None, typer.Option("--plan", help="The plan that was looked at; refused if it is old.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Apply what is planned now without asking.")]


def export(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Print all segments and what they are attached to, as a file for `plan` and `apply`."""
    settings = ready_settings(data_dir, redis=False)
    typer.echo(asyncio.run(_exported(settings, workspace)), nl=False)


def plan(
    file: File,
    prune: Prune = False,
    as_json: AsJson = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Say what applying a file would do, or everything that is wrong with it. Writes nothing."""
    document = _read(file)
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_planned(settings, document, prune, workspace))
    if as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    elif found.problems:
        _complain(file, found.problems)
    else:
        _show(found)
        if found.steps:
            more = " --prune" if prune else ""
            typer.echo(f"\nTo do exactly this: segment apply {file} --plan {found.based_on}{more}")
    if found.problems:
        sys.exit(1)


def apply(
    file: File,
    plan: PlanName = None,
    prune: Prune = False,
    yes: Yes = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Do what a file says: exactly the plan that was looked at, in one transaction, or nothing."""
    document = _read(file)
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_planned(settings, document, prune, workspace))
    if found.problems:
        _complain(file, found.problems)
        sys.exit(1)
    if plan is None:
        _show(found)
        if not found.steps:
            return
        if not yes and not typer.confirm("Apply this?"):
            sys.exit(1)
        plan = found.based_on
    done = asyncio.run(_applied(settings, document, plan, prune, workspace))
    typer.echo(f"Done: {_count(done.steps)}.")


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as refusal:
        raise typer.BadParameter(f"{file} cannot be read: {refusal.strerror}.") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8 text.") from None


def _complain(file: str, problems: "Sequence[FileProblem]") -> None:
    for each in problems:
        where = file if each.line is None else f"{file}:{each.line}"
        about = f"“{each.segment}”: " if each.segment else ""
        typer.echo(f"{where}: {about}{each.message}", err=True)
    typer.echo(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}.", err=True)


def _show(found: "FilePlan") -> None:
    if not found.steps:
        typer.echo("Nothing to do: everything is as the file says.")
        return
    table = Table("Line", "Does", "Segment", "What", box=None, pad_edge=False)
    for step in found.steps[:_SHOWN]:
        line = "" if step.line is None else str(step.line)
        table.add_row(line, step.action.lower().replace("_", " "), step.segment, _what(step))
    console = wide_console()
    console.print(table)
    left = len(found.steps) - _SHOWN
    if left > 0:
        console.print(f"… and {left:,} more; --json gives all.")
    console.print(f"{_count(found.steps)}.")


def _what(step: "Step") -> str:
    if step.course is not None:
        before, after = step.before.get("mode"), step.after.get("mode")
        mode = "" if after in (None, "SYNC") and not before else f", {after}"
        was = f" instead of {before}" if before else ""
        return f"course “{step.course}” ({step.course_id}){mode}{was}"
    if step.member_ids:
        named = [*step.before.get("people", ()), *step.after.get("people", ())]
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        return ", ".join(named[:5]) + more
    if not step.before:
        return str(step.after.get("rule") or "")
    said = [*step.sentences]
    for key, after in step.after.items():
        if key != "rule" or not said:
            said.append(f"{key}: {step.before[key]!s} → {after!s}")
    return " ".join(said) if step.after else str(step.before.get("rule") or "")


def _count(steps: "Sequence[Step]") -> str:
    count = len(steps)
    return "1 step" if count == 1 else f"{count:,} steps"


def _as_json(found: "FilePlan") -> dict[str, object]:
    return {
        "basedOn": None if found.problems else found.based_on,
        "steps": [
            {
                "action": each.action,
                "segment": each.segment,
                "line": each.line,
                "course": each.course,
                "before": each.before,
                "after": each.after,
                "sentences": each.sentences,
            }
            for each in found.steps
        ],
        "problems": [asdict(each) for each in found.problems],
    }


async def _exported(settings: "Settings", workspace: str | None) -> str:
    from app.cli.edge import acting_in
    from operations.segment_files import applying

    async with acting_in(settings, workspace) as reached:
        return await applying.export(reached.db, by=reached.by)


async def _planned(
    settings: "Settings", document: str, prune: bool, workspace: str | None
) -> "FilePlan":
    from app.cli.edge import acting_in
    from operations.segment_files import applying

    async with acting_in(settings, workspace) as reached:
        return await applying.plan(reached.db, by=reached.by, document=document, prune=prune)


async def _applied(
    settings: "Settings", document: str, plan: str, prune: bool, workspace: str | None
) -> "FilePlan":
    from app.cli.edge import acting_in
    from operations.segment_files import applying

    async with acting_in(settings, workspace) as reached:
        return await applying.apply(
            reached.db,
            by=reached.by,
            document=document,
            based_on=plan,
            at=dt.datetime.now(dt.UTC),
            prune=prune,
        )
