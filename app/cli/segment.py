"""`coordinator segment check`: is this rule right, and what does it mean?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sync_engine import rules

segments = typer.Typer(help="Rules of segments.", no_args_is_help=True)

Text = Annotated[
    str,
    typer.Argument(
        metavar="RULE", help="The rule as text or JSON; @FILE reads a file, - standard input."
    ),
]


@segments.callback()
def _group() -> None:
    """Rules of segments."""


@segments.command("check")
def check(rule: Text) -> None:
    """Say what is wrong with a rule, all at once and where; or how it is written and read.

    Checked against the standard attributes of people.
    """
    from sync_engine import rules

    given = _read(rule)
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


def _read(rule: str) -> str:
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

    if not given.startswith(("{", "[")):
        return rules.parse(given, rules.STANDARD_ATTRIBUTES)
    try:
        document = json.loads(given)
    except (json.JSONDecodeError, RecursionError) as problem:
        raise typer.BadParameter(f"The rule looks like JSON and is none: {problem}.") from None
    return rules.from_document(document, rules.STANDARD_ATTRIBUTES)


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
