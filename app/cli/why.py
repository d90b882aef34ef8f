"""`coordinator why`: why somebody is, was, or is not coordinator of a course."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import DataDir, Who, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.explain import Cause, SegmentReason, Timeline, WhyCoordinator
    from sync_engine.rules import Explanation

_TURNS = 100

Course = Annotated[str, typer.Argument(help="The course: its title, or its number.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", help="A moment, such as 2026-03-02T09:00Z or 2026-03-02; without a zone, UTC."
    ),
]
AsTimeline = Annotated[
    bool, typer.Option("--timeline", help="Every change of standing, newest first.")
]
Json = Annotated[bool, typer.Option("--json", help="Everything, for programs.")]


def why(
    person: Who,
    course: Course,
    at: At = None,
    as_timeline: AsTimeline = False,
    as_json: Json = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Say why somebody is, or is not, coordinator of a course, now or at any past time: a
    sentence, then every source with the value that decided each clause, and who set it."""
    if at is not None and as_timeline:
        raise typer.BadParameter("Say one of --at and --timeline.")
    moment = None if at is None else _moment(at)
    settings = ready_settings(data_dir, redis=False)
    found = asyncio.run(_found(settings, (person, course), moment, workspace, as_timeline))
    if as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2, default=_text))
        return
    console = wide_console()
    for line in _lines(found):
        console.print(line, soft_wrap=True)


def _moment(said: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(said)
    except ValueError:
        raise typer.BadParameter(f"{said!r} is no moment; say one as 2026-03-02T09:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


async def _found(
    settings: "Settings",
    whom_and_where: tuple[str, str],
    at: dt.datetime | None,
    workspace: str | None,
    as_timeline: bool,
) -> "WhyCoordinator | Timeline":
    from access.caller import Origin, system
    from access.permissions import Scope
    from app.cli.edge import edge_of, member_id, number_of, workspace_id
    from operations import explain

    person, course = whom_and_where
    async with edge_of(settings, "why") as edge, edge.read() as db:
        workspace_number = await workspace_id(db, workspace)
        by = system(workspace_number, Origin.CLI)
        course_id = await number_of(db, workspace_number, Scope.COURSE, course)
        whom = await member_id(db, workspace_number, person)
        if as_timeline:
            return await explain.timeline(
                db, by=by, course_id=course_id, member_id=whom, limit=_TURNS
            )
        return await explain.membership(db, by=by, course_id=course_id, member_id=whom, at=at)


def _lines(found: "WhyCoordinator | Timeline") -> Iterator[str]:
    from operations.explain import Timeline
    from operations.why.wording import moment

    if isinstance(found, Timeline):
        for turn in found.turns:
            yield f"{moment(turn.at)}  {turn.turn:<10}  {turn.sentence}"
        if found.count > len(found.turns):
            yield f"… and {found.count - len(found.turns):,} older ones."
        if not found.count:
            yield "There was never a change."
        return
    yield found.summary
    yield from _beside(found)
    for reason in found.segments:
        yield from _of_segment(reason)
    if found.unknown:
        yield f"Cannot be known of that time: {', '.join(found.unknown)}."


def _beside(found: "WhyCoordinator") -> Iterator[str]:
    """What was said of the person by hand, and who said it."""
    from operations.why.wording import changed_by, moment

    if found.role:
        yield f"✓ {found.role.role.value} by hand{changed_by(found.role_cause)}"
    if found.override:
        until = found.override.expires_at
        yield (
            f"! {found.override.kind.value}: {found.override.reason}"
            f"{f', until {moment(until)}' if until else ''}{changed_by(found.override_cause)}"
        )


def _of_segment(reason: "SegmentReason") -> Iterator[str]:
    from operations.why.wording import changed_by, moment, of_pin

    since = f" since {moment(reason.since)}" if reason.since else ""
    ended = ""
    if reason.ended_at and not reason.is_member:
        ended = f", was in it until {moment(reason.ended_at)}{changed_by(reason.ended)}"
    yield (
        f"{_mark(is_true=reason.gives)} “{reason.name}”, {reason.state.value}, version"
        f" {reason.version}{since}{changed_by(reason.cause)}{ended}"
    )
    if reason.by_mode:
        yield f"    {reason.mode.value}: {reason.by_mode}"
    if reason.pin is not None:
        yield f"    {of_pin(reason.pin, is_past=False)}"
    if reason.explanation is not None:
        yield from _tree(reason.explanation, reason.changes, 1)
    else:
        yield from (f"    {each}" for each in reason.sentences)


def _tree(node: "Explanation", changes: "Mapping[str, Cause]", depth: int) -> Iterator[str]:
    from operations.why.wording import changed_by, was

    change = changes.get(node.attribute or "")
    value = ""
    if node.kind == "clause":
        value = f"   is {node.actual or 'absent'}{was(change, node.attribute)}{changed_by(change)}"
    yield f"{'    ' * depth}{_mark(is_true=node.truth)} {node.text}{value}"
    for child in node.children:
        yield from _tree(child, changes, depth + 1)


def _mark(*, is_true: bool) -> str:
    return "✓" if is_true else "✗"


def _as_json(found: "WhyCoordinator | Timeline") -> Any:
    return _camel(asdict(found))


def _camel(said: Any) -> Any:
    """The names that programs know from the API."""
    if isinstance(said, Mapping):
        return {_called(str(name)): _camel(value) for name, value in said.items()}
    return [_camel(each) for each in said] if isinstance(said, list | tuple) else said


def _called(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
