"""`coordinator verify`: is what is stored what the rules say?"""

import asyncio
import sys

import typer

from app.cli.options import DataDir, Workspace, ready_settings


def verify(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Compare what is stored with what the rules say.

    Every membership is recomputed, and no role may be ending that something gives; nothing is
    changed. People whose change is still on its way to the engine are left out. Exit code 1 when
    something differs.
    """
    settings = ready_settings(data_dir, redis=False)

    from app.cli.edge import workspace_of
    from app.database import worker_engine
    from sync_engine import verify as recomputation

    engine = worker_engine(settings.database_address, application_name="coordinator verify")
    try:
        drift = recomputation.verify(engine, asyncio.run(workspace_of(settings, workspace)))
    finally:
        engine.dispose()
    typer.echo(
        f"{drift.pairs_checked:,} pairs of a person and a segment recomputed, in blocks of 4,096 "
        f"people: {drift.blocks}. Missing: {drift.missing}. Too many: {drift.extra}. "
        f"Ending although something gives them: {drift.needless}. "
        f"Not judged, because the engine has yet to look there: {drift.pending:,}."
    )
    if not drift.is_clean:
        sys.exit(1)
