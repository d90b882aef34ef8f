"""`coordinator segment`: is a rule right, what does it mean, what is odd about it; and all of them
as a file."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import segment_files, segment_preview
from app.cli.options import DataDir, Workspace, ready_settings

if TYPE_CHECKING:
    from app.settings import Settings
    from models.base import Json
    from operations.linting import LintedSegment
    from sync_engine import rules

segments = typer.Typer(help="Rules of segments, and segments as a file.", no_args_is_help=True)
segments.command("export")(segment_files.export)
segments.command("plan")(segment_files.plan)
segments.command("apply")(segment_files.apply)
segments.command("preview")(segment_preview.preview)

Text = Annotated[
    str,
    typer.Argument(
        metavar="RULE", help="The rule as text or JSON; @FILE reads a file, - standard input."
    ),
]


SomeText = Annotated[
    str | None,
    typer.Argument(
        metavar="[RULE]", help="The rule as text or JSON; @FILE reads a file, - standard input."
    ),
]
Name = Annotated[str | None, typer.Option("--segment", help="A segment's name, or its number.")]


@segments.callback()
def _group() -> None:
    """Rules of segments, and segments as a file."""


@segments.command("check")
def check(rule: Text) -> None:
    """Say what is wrong with a rule, all at once and where; or how it is written and read.

    Checked against the standard attributes of people.
    """
    from sync_engine import rules

    given = read_rule(rule)
    try:
        understood = _understand(given)
    except rules.InvalidRule as invalid:
        for problem in invalid.problems:
            typer.echo(_shown(given, problem), err=True)
        count = len(invalid.problems)
        typer.echo(f"{count} problem{'s' if count > 1 else ''}.", err=True)
        sys.exit(1)
    typer.echo(f"Text:  {rules.format(understood)}")
    typer.echo(f"JSON:  {json.dumps(rules.to_document(understood), ensure_ascii=False)}")


@segments.command("lint")
def lint(
    rule: SomeText = None,
    segment: Name = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Say what is odd about a rule, or about that of a segment: clauses that decide nothing, values
    nobody has, segments that are the same, cost. Exit code 1 if there is something.
    """
    if (rule is None) == (segment is None):
        raise typer.BadParameter("Give either a rule or --segment.")
    given = None if rule is None else document_of(read_rule(rule))
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_linted(settings, given, segment, workspace))
    for each in found.findings:
        typer.echo(f"{each.kind}: {each.message}")
        if each.start is not None and each.end is not None:
            typer.echo(_marked(found.text, each.start, each.end))
    for told, is_so in (
        ("The rule is never true of anybody.", found.is_never_true),
        ("The rule is true of everybody, always.", found.is_always_true),
        ("It is too tangled to prove everything about it.", not found.is_complete),
    ):
        if is_so:
            typer.echo(told)
    typer.echo(f"Its equalities leave {found.examined:,} of {found.people:,} people to look at.")
    if found.findings:
        sys.exit(1)


async def _linted(
    settings: "Settings", rule: "str | Json | None", segment: str | None, workspace: str | None
) -> "LintedSegment":
    from app.cli.edge import acting_in, segment_id
    from operations import linting

    async with acting_in(settings, workspace) as reached:
        number = None
        if segment is not None:
            number = await segment_id(reached.db, reached.by.workspace_id, segment)
        return await linting.lint(reached.db, by=reached.by, rule=rule, segment_id=number)


def document_of(given: str) -> "str | Json":
    """The text of a rule, or what its JSON says."""
    if not given.startswith(("{", "[")):
        return given
    try:
        document: dict[str, Any] = json.loads(given)
    except (json.JSONDecodeError, RecursionError) as problem:
        raise typer.BadParameter(f"The rule looks like JSON and is none: {problem}.") from None
    return document


def _marked(text: str, start: int, end: int) -> str:
    """The line of the text that a place begins in, with a mark under it."""
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:].partition("\n")[0]
    mark = "^" * max(1, min(end - start, len(line) - (start - begin)))
    return f"    {line}\n    {' ' * (start - begin)}{mark}"


def read_rule(rule: str) -> str:
    if rule == "-":
        return sys.stdin.read().strip()
    if not rule.startswith("@"):
        return rule
    path = Path(rule[1:])
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as refusal:
        raise typer.BadParameter(f"{path} cannot be read: {refusal.strerror}.") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{path} is not UTF-8 text.") from None


def _understand(given: str) -> "rules.Rule":
    from sync_engine import rules

    said = document_of(given)
    if isinstance(said, str):
        return rules.parse(said, rules.STANDARD_ATTRIBUTES)
    return rules.from_document(said, rules.STANDARD_ATTRIBUTES)


def _shown(given: str, problem: "rules.Problem") -> str:
    """The message, and for a text the line it is about with a mark under the place."""
    if problem.line is None or problem.column is None:
        return f"{problem.path or '/'}: {problem.message} ({problem.code})"
    line = given.splitlines()[problem.line - 1] if given else ""
    width = max((problem.end or 0) - (problem.start or 0), 1)
    room = max(len(line) - problem.column + 1, 1)
    mark = " " * (problem.column - 1) + "^" * min(width, room)
    place = f"{problem.line}:{problem.column}"
    return f"{place}: {problem.message} ({problem.code})\n    {line}\n    {mark}"
