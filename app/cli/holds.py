"""`coordinator holds`: removals that wait for somebody's word, and what is decided of them."""

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from access.caller import Caller
    from app.settings import Settings

_MOST = 100

holds = typer.Typer(
    help="Removals that wait, because together they were more than may go unasked.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The number of the hold, or: newest.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; others will read it.")]
Person = Annotated[
    list[str] | None,
    typer.Option("--person", help="Only this one: a user name or a numeric id; several times."),
]
Of = Annotated[
    list[str] | None,
    typer.Option("--segment", help="Only those in this one: its name or number; several times."),
]
All = Annotated[bool, typer.Option("--all", help="Also those that are over.")]
Until = Annotated[
    dt.datetime | None,
    typer.Option("--until", help="Only until this day or moment (UTC)."),
]


@holds.command("list")
def list_holds(is_all: All = False, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """List the holds that are open, newest first."""
    settings = ready_settings(data_dir, redis=False)
    rows = asyncio.run(_listed(settings, workspace, is_all))
    table = Table("Hold", "Of", "State", "Opened", "Waiting", "Held", "Approved", "Discarded")
    for row in rows:
        table.add_row(*map(str, row))
    wide_console().print(table if rows else "Nothing waits.")


@holds.command("show")
def show(number: Number, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Name those who wait in a hold."""
    settings = ready_settings(data_dir, redis=False)
    people, count = asyncio.run(_people(settings, workspace, number))
    for name, user_name, segment in people:
        wide_console().print(f"{name} ({user_name})   “{segment}”", soft_wrap=True)
    if count > len(people):
        wide_console().print(f"… and {count - len(people):,} more.")


@holds.command("approve")
def approve(
    number: Number,
    reason: Reason,
    person: Person = None,
    segment: Of = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Let the removals be done: all of a hold, or those of some people and segments."""
    _decide(data_dir, workspace, (person, segment), "approve", number, reason=reason)


@holds.command("discard")
def discard(
    number: Number,
    reason: Reason,
    person: Person = None,
    segment: Of = None,
    until: Until = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Let the people stay, whatever the rules say."""
    given = {"expires_at": until.replace(tzinfo=dt.UTC) if until else None}
    about = {"reason": reason, "at": dt.datetime.now(dt.UTC), **given}
    _decide(data_dir, workspace, (person, segment), "discard", number, **about)


def _decide(
    data_dir: Any,
    workspace: str | None,
    whom: tuple[list[str] | None, list[str] | None],
    verb: str,
    number: str,
    **about: Any,
) -> None:
    settings = ready_settings(data_dir, redis=False)
    typer.echo(asyncio.run(_decided(settings, workspace, whom, (verb, number), about)))


async def _decided(
    settings: "Settings",
    workspace: str | None,
    whom: tuple[list[str] | None, list[str] | None],
    what: tuple[str, str],
    about: dict[str, Any],
) -> str:
    from app.cli.edge import acting_in, member_id, segment_id
    from operations.holds import deciding

    people, segments = whom
    async with acting_in(settings, workspace) as reached:
        db = reached.db
        by, here = reached.by, reached.by.workspace_id
        if people:
            about["member_ids"] = [await member_id(db, here, each) for each in people]
        if segments:
            about["segment_ids"] = [await segment_id(db, here, each) for each in segments]
        verb, number = what
        hold_id = await _numbered(db, by, number)
        hold = await getattr(deciding, verb)(db, by=by, hold_id=hold_id, **about)
        return (
            f"Hold {hold.id} is {hold.state.value}: {hold.approved} approved,"
            f" {hold.discarded} discarded."
        )


async def _listed(
    settings: "Settings", workspace: str | None, is_all: bool
) -> list[tuple[Any, ...]]:
    from sqlalchemy import select

    from app.cli.edge import acting_in
    from models.holds import Hold, HoldState
    from models.segments import Segment
    from operations.holds import reading

    async with acting_in(settings, workspace) as reached:
        db = reached.db
        found = reading.seen_by(reached.by).order_by(Hold.id.desc()).limit(_MOST)
        if not is_all:
            found = found.where(Hold.state == HoldState.OPEN)
        rows = list(await db.scalars(found))
        waiting = await reading.counts(db, reached.by.workspace_id, [each.id for each in rows])
        named = await db.execute(
            select(Segment.id, Segment.name).where(
                Segment.workspace_id == reached.by.workspace_id,
                Segment.id.in_([each.segment_id for each in rows]),
            )
        )
        names = {row.id: row.name for row in named}
        return [
            (
                each.id,
                "the workspace" if each.segment_id is None else names.get(each.segment_id, ""),
                each.state.value,
                f"{each.opened_at:%Y-%m-%d %H:%M}",
                waiting[each.id],
                each.held,
                each.approved,
                each.discarded,
            )
            for each in rows
        ]


async def _numbered(db: "AsyncSession", by: "Caller", said: str) -> int:
    """The hold of this number, or the newest that is open. Refused as NOT_FOUND."""
    from models.holds import Hold, HoldState
    from operations.holds import reading
    from operations.refusals import not_found

    found = reading.seen_by(by).order_by(Hold.id.desc()).limit(1).with_only_columns(Hold.id)
    if said == "newest":
        found = found.where(Hold.state == HoldState.OPEN)
    else:
        found = found.where(Hold.id == (int(said) if said.isdecimal() else 0))
    id = await db.scalar(found)
    if id is None:
        raise not_found("hold")
    return int(id)


async def _people(
    settings: "Settings", workspace: str | None, number: str
) -> tuple[list[tuple[str, str, str]], int]:
    from app.cli.edge import acting_in
    from models.holds import HeldRemoval
    from models.people import Member
    from models.segments import Segment
    from operations.holds import reading

    async with acting_in(settings, workspace) as reached:
        db = reached.db
        by = reached.by
        id = await _numbered(db, by, number)
        waiting = (
            reading.waiting_in(by)
            .join(Member, Member.id == HeldRemoval.member_id)
            .join(Segment, Segment.id == HeldRemoval.segment_id)
            .where(HeldRemoval.hold_id == id, Segment.workspace_id == by.workspace_id)
            .with_only_columns(Member.display_name, Member.user_name, Segment.name)
            .order_by(Member.display_name, Member.id)
            .limit(_MOST)
        )
        rows = [(name, user, segment) for name, user, segment in await db.execute(waiting)]
        return rows, (await reading.counts(db, by.workspace_id, [id]))[id]
