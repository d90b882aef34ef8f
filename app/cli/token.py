"""`coordinator token`: what opens the API, for people, programs and identity providers."""

import asyncio
import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.options import DataDir, Who, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from app.settings import Settings
    from models.identity import Token

tokens = typer.Typer(
    help="Make, list and end tokens.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    """For whom a token is."""

    PERSON = "person"
    PROGRAM = "program"
    SCIM = "scim"


_STORED_AS = {Kind.PERSON: "PAT", Kind.PROGRAM: "SERVICE", Kind.SCIM: "SCIM"}

Hours = Annotated[float, typer.Option(help="How long it lives.", min=0.001, max=24)]
Name = Annotated[str, typer.Argument(help="What it is for; shown in lists.")]
For = Annotated[str | None, typer.Option("--member", help="The member it acts as.")]
Through = Annotated[str | None, typer.Option("--connection", help="For --kind scim: its name.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="A permission; repeatable.")]
Days = Annotated[float | None, typer.Option(help="How long it lives; for ever when left out.")]
TokenId = Annotated[str, typer.Argument(help="The 12 characters in the middle of the token.")]


@tokens.command("mint")
def mint(who: Who, hours: Hours = 8, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Print a short-lived signed token (JWT) for a member, from the local issuer.

    For trying things out: nothing is stored, and it cannot be revoked by itself.
    """
    settings = ready_settings(data_dir, redis=False)
    typer.echo(asyncio.run(_minted(settings, who, dt.timedelta(hours=hours), workspace)))


@tokens.command("create")
def create(
    name: Name,
    kind: Kind = Kind.PERSON,
    member: For = None,
    connection: Through = None,
    scope: Scopes = None,
    days: Days = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token that is stored (as a hash) and can be revoked; it is printed this once."""
    if (member is None) == (connection is None):
        raise typer.BadParameter("Say either --member or --connection.")
    settings = ready_settings(data_dir, redis=False)
    text = asyncio.run(
        _created(
            settings,
            name=name,
            kind=kind,
            member=member,
            connection=connection,
            scopes=scope or [],
            days=days,
            workspace=workspace,
        )
    )
    typer.echo(text)


@tokens.command("list")
def list_all(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """List all tokens of a workspace, newest first, never their secrets."""
    table = Table("id", "kind", "name", "for", "expires", "last used", "revoked", box=None)
    for token in asyncio.run(_listed(ready_settings(data_dir, redis=False), workspace)):
        table.add_row(
            token.id,
            token.kind.value,
            token.name,
            str(token.member_id or f"connection {token.connection_id}"),
            *(_day(at) for at in (token.expires_at, token.last_used_at, token.revoked_at)),
        )
    wide_console().print(table)


@tokens.command("revoke")
def revoke(token_id: TokenId, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """End a token at once. Ending one that has ended changes nothing."""
    asyncio.run(_revoked(ready_settings(data_dir, redis=False), token_id, workspace))
    typer.echo(f"Token {token_id} is revoked.")


async def _minted(settings: "Settings", who: str, ttl: dt.timedelta, workspace: str | None) -> str:
    from app.authentication.issuer import local_issuer, why_not
    from app.cli.edge import acting_in, member_id
    from app.settings import WrongSetting

    issuer = local_issuer(settings)
    if issuer is None:
        raise WrongSetting(why_not(settings))
    async with acting_in(settings, workspace) as reached:
        member = await member_id(reached.db, reached.by.workspace_id, who)
    return issuer.mint(
        workspace_id=reached.by.workspace_id,
        member_id=member,
        ttl=ttl,
        at=dt.datetime.now(dt.UTC),
    )


async def _created(
    settings: "Settings",
    *,
    name: str,
    kind: Kind,
    member: str | None,
    connection: str | None,
    scopes: list[str],
    days: float | None,
    workspace: str | None,
) -> str:
    from app.cli.edge import acting_in, connection_id, member_id
    from models.identity import TokenKind
    from operations import tokens as operations

    at = dt.datetime.now(dt.UTC)
    async with acting_in(settings, workspace) as reached:
        inside = reached.by.workspace_id
        _, text = await operations.create(
            reached.db,
            by=reached.by,
            kind=TokenKind(_STORED_AS[kind]),
            name=name,
            member_id=await member_id(reached.db, inside, member) if member else None,
            connection_id=(
                await connection_id(reached.db, inside, connection) if connection else None
            ),
            scopes=scopes,
            expires_at=at + dt.timedelta(days=days) if days is not None else None,
            at=at,
        )
    return text


async def _listed(settings: "Settings", workspace: str | None) -> "list[Token]":
    from app.cli.edge import acting_in
    from operations import tokens as operations

    async with acting_in(settings, workspace) as reached:
        return list(await operations.list_tokens(reached.db, by=reached.by, everybodys=True))


async def _revoked(settings: "Settings", token_id: str, workspace: str | None) -> None:
    from app.cli.edge import acting_in
    from operations import tokens as operations

    async with acting_in(settings, workspace) as reached:
        await operations.revoke(
            reached.db, by=reached.by, token_id=token_id, at=dt.datetime.now(dt.UTC)
        )


def _day(at: dt.datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"
