"""`coordinator who-can`: everybody who may do one thing, to what, by which role."""

import asyncio
import difflib
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from access.permissions import Permission
    from app.settings import Settings
    from operations.who_can import Holder, WhoCan

_SHOWN = 200

Operation = Annotated[
    str, typer.Argument(help="A permission, such as assign_learner or assignLearner.")
]
Course = Annotated[str | None, typer.Option("--course", help="Its title, or its number.")]
Department = Annotated[str | None, typer.Option("--department", help="Its name, or its number.")]
Module = Annotated[str | None, typer.Option("--module", help="Its title, or its number.")]
Json = Annotated[bool, typer.Option("--json", help="Everything, for programs.")]


def who_can(
    operation: Operation,
    course: Course = None,
    department: Department = None,
    module: Module = None,
    as_json: Json = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """List everybody who may do something: to a course, department or module, or else to the
    workspace; with the role that allows it, and those a condition stands in the way of.
    """
    permission = _permission(operation)
    given = {"course": course, "department": department, "module": module}
    named = [(noun, name) for noun, name in given.items() if name is not None]
    if len(named) > 1:
        raise typer.BadParameter("Say one of --course, --department and --module.")
    _refuse_wider(permission, named[0][0] if named else "workspace")
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_found(settings, permission, named[0] if named else None, workspace))
    if as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    else:
        _show(found)


def _permission(said: str) -> "Permission":
    """In the words of the table, of the code, or of the GraphQL operation."""
    from access.permissions import Permission

    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", said).lower().replace("-", "_")
    known = [each.value for each in Permission]
    if word in known:
        return Permission(word)
    close = difflib.get_close_matches(word, known, n=3)
    hint = f" Did you mean {', '.join(close)}?" if close else " They are the rows of the matrix."
    raise typer.BadParameter(f"There is no operation {said!r}.{hint}")


def _refuse_wider(permission: "Permission", noun: str) -> None:
    from access.permissions import Scope, scope_of

    needed = scope_of(permission)
    if not needed.contains(Scope(noun)):
        raise typer.BadParameter(f"{permission} is asked of a {needed}; say which with --{needed}.")


async def _found(
    settings: "Settings",
    permission: "Permission",
    named: tuple[str, str] | None,
    workspace: str | None,
) -> "WhoCan":
    from access.permissions import Scope
    from app.cli.edge import acting_in, number_of
    from operations.who_can import who_can as ask

    async with acting_in(settings, workspace) as reached:
        scope, id = Scope.WORKSPACE, reached.by.workspace_id
        if named is not None:
            scope = Scope(named[0])
            id = await number_of(reached.db, reached.by.workspace_id, scope, named[1])
        return await ask(reached.db, by=reached.by, permission=permission, scope=scope, id=id)


def _show(found: "WhoCan") -> None:
    console = wide_console()
    may = [each for each in found.holders if each.decision.allowed]
    console.print(_title(found, len(may)))
    for note in _also(found):
        console.print(note)
    if not found.holders:
        return
    table = Table("Who", "May", "As", "On", "How", "Since", "Condition", box=None, pad_edge=False)
    for each in found.holders[:_SHOWN]:
        table.add_row(*_row(each))
    console.print(table)
    left = len(found.holders) - _SHOWN
    if left > 0:
        console.print(f"… and {left:,} more; --json gives everybody.")


def _title(found: "WhoCan", count: int) -> str:
    thing, who = found.thing, "1 person" if count == 1 else f"{count:,} people"
    return f"{found.permission} on the {thing.scope} “{thing.name}” ({thing.id}): {who}."


def _also(found: "WhoCan") -> Iterator[str]:
    if found.is_for_anyone:
        yield "Anyone may, signed in or not."
    if found.is_for_providers:
        yield "Identity providers may."


def _row(each: "Holder") -> tuple[str, ...]:
    role, decision = each.role, each.decision
    by = f" by {role.by_name}" if role.by_name else ""
    through = f" “{role.segment}”" if role.segment else ""
    return (
        each.display_name,
        "yes" if decision.allowed else "no",
        str(role.principal),
        f"{role.scope} “{role.on_name}”",
        f"{role.how.lower().replace('_', ' ')}{through}{by}",
        f"{role.since:%Y-%m-%d}",
        decision.condition.clause if decision.condition else "",
    )


def _as_json(found: "WhoCan") -> dict[str, Any]:
    thing = found.thing
    return {
        "operation": found.permission,
        "scope": thing.scope,
        "id": thing.id,
        "name": thing.name,
        "anyone": found.is_for_anyone,
        "identityProviders": found.is_for_providers,
        "people": [
            {
                "memberId": each.member_id,
                "displayName": each.display_name,
                "isAllowed": each.decision.allowed,
                "condition": each.decision.condition,
                "reason": each.decision.reason,
                "role": each.role.principal,
                "scope": each.role.scope,
                "on": each.role.on,
                "onName": each.role.on_name,
                "how": each.role.how,
                "segment": each.role.segment,
                "since": each.role.since.isoformat(),
                "by": each.role.by_name,
            }
            for each in found.holders
        ],
    }
