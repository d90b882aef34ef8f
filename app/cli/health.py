"""`coordinator health`: how the engine fares, and whom it fails with."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.health import Health, Parked

_MOST_PARKED = 100

AsMetrics = Annotated[
    bool, typer.Option("--metrics", help="As text for Prometheus, of all workspaces.")
]
Retry = Annotated[
    bool, typer.Option("--retry", help="First have everybody who is parked tried again.")
]


def health(
    as_metrics: AsMetrics = False,
    retry: Retry = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Say what waits in each lane, with whom the engine fails, and what its verification found.

    Exit code 1 when that needs somebody: people the engine has given up on, or drift.
    """
    settings = ready_settings(data_dir, redis=False)
    found, parked = asyncio.run(_found(settings, workspace, retry=retry))
    if as_metrics:
        from operations.metrics import as_metrics as lines

        typer.echo("\n".join(lines(found)))
        return
    wide_console().print(_table(found))
    if parked:
        wide_console().print(_parked(parked))
    if any(each.needs_somebody for each in found):
        sys.exit(1)


async def _found(
    settings: "Settings", workspace: str | None, *, retry: bool
) -> "tuple[list[Health], list[tuple[str, Parked]]]":
    from access.caller import Origin, system
    from app.cli.edge import edge_of, workspaces_meant
    from operations import health

    slugs = await workspaces_meant(settings, workspace)
    async with edge_of(settings, "health") as edge:
        async with edge.transaction() as db:
            meant = [each for each in await health.of_all(db) if each.slug in slugs]
            if retry:
                for each in meant:
                    await health.retry(db, by=system(each.workspace_id, Origin.CLI))
        async with edge.read() as db:
            found = [each for each in await health.of_all(db) if each.slug in slugs]
            parked = [
                (each.slug, person)
                for each in found
                for person in await health.parked_in(db, each.workspace_id, limit=_MOST_PARKED)
            ]
    return found, parked


def _table(found: "list[Health]") -> Table:
    from operations.health import LANES

    table = Table(
        "Workspace", *(each.title() for each in LANES), "Parked", "Verified", "Drift", box=None
    )
    for each in found:
        verified = each.verified
        table.add_row(
            each.slug,
            *(
                f"{lane.waiting:,} ({lane.oldest_seconds:.0f} s)" if lane.waiting else "-"
                for lane in each.lanes
            ),
            f"{each.parked:,}",
            "never" if verified is None else f"{verified.at:%Y-%m-%d %H:%M}",
            "" if verified is None else f"{verified.drift:,} of {verified.pairs:,}",
        )
    return table


def _parked(parked: "list[tuple[str, Parked]]") -> Table:
    table = Table("Workspace", "Id", "Parked", "Failures", "Again", "Why", box=None)
    for slug, each in parked:
        table.add_row(
            slug,
            str(each.member_id),
            each.name,
            str(each.failures),
            "when told" if each.retry_at is None else f"{each.retry_at:%H:%M:%S}",
            each.error,
        )
    return table
