"""`coordinator issuer`: those whose tokens sign people in."""

import asyncio
from typing import TYPE_CHECKING

import typer

from app.cli.options import DataDir, Who, Workspace, ready_settings, settings_from

if TYPE_CHECKING:
    from app.authentication.configuration import IssuerSetting

issuers = typer.Typer(
    help="Look at the identity providers of COORDINATOR_ISSUERS.", no_args_is_help=True
)


@issuers.command("check")
def check() -> None:
    """Ask every configured issuer for its keys, as signing in would, and say what it answers."""
    from app.settings import WrongSetting

    configured = settings_from(None).issuers
    if not configured:
        raise WrongSetting("COORDINATOR_ISSUERS is not set, so there is no issuer to ask.")
    faults = asyncio.run(_checked(configured))
    for setting, fault in zip(configured, faults, strict=True):
        typer.echo(f"{setting.issuer}: {fault or 'answers'}")
    if any(faults):
        raise typer.Exit(1)


@issuers.command("unbind")
def unbind(who: Who, workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Forget whom a member signs in as, and end what is open; the next sign-in is matched anew.

    For somebody whose account at the identity provider was made anew.
    """
    settings = ready_settings(data_dir, redis=False)

    async def forget() -> list[str]:
        from app.cli.edge import acting_in, member_id
        from operations import sign_in_identities

        async with acting_in(settings, workspace) as reached:
            number = await member_id(reached.db, reached.by.workspace_id, who)
            gone = await sign_in_identities.unbind(reached.db, by=reached.by, member_id=number)
        return [f"{each.subject} of {each.issuer}" for each in gone]

    gone = asyncio.run(forget())
    typer.echo(f"{who} no longer signs in as {', '.join(gone) or 'anybody (nobody was bound)'}.")


async def _checked(configured: "tuple[IssuerSetting, ...]") -> list[str]:
    """What is wrong with each, empty where nothing is."""
    from app.authentication.metadata import Metadata
    from app.authentication.outside import IssuerSilent, Outside
    from app.authentication.published_keys import read_keys

    outside = Outside()

    async def fault_of(setting: "IssuerSetting") -> str:
        metadata = Metadata(setting.issuer, outside)
        try:
            where = setting.jwks_uri or await metadata.address("jwks_uri")
            keys = read_keys((await outside.get(where)).document, setting.algorithms)
            if setting.introspection and not setting.introspection.endpoint:
                await metadata.address("introspection_endpoint")
        except IssuerSilent as fault:
            return str(fault)
        return "" if keys else f"{where} has no key for {', '.join(setting.algorithms)}"

    try:
        return [await fault_of(each) for each in configured]
    finally:
        await outside.close()
