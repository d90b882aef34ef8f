"""`coordinator verify`: is what is stored what the rules say?"""

import asyncio
import sys

import typer

from app.cli.options import DataDir, Workspace, settings_from


def verify(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Compare what is stored with what the rules say.

    Every membership is recomputed; nothing is changed. People whose change is still on its way to
    the engine are left out. Exit code 1 when something differs.
    """
    from app.cli.watch import workspace_of
    from app.database import worker_engine
    from app.preflight import check_database, check_migrated
    from app.stack import located
    from sync_engine import verify as engine_verify

    settings = located(settings_from(data_dir), redis=False)
    check_database(settings.database_address)
    check_migrated(settings.database_address)
    engine = worker_engine(settings.database_address, application_name="coordinator verify")
    try:
        report = engine_verify.verify(engine, asyncio.run(workspace_of(settings, workspace)))
    finally:
        engine.dispose()
    typer.echo(str(report))
    if report.differences:
        sys.exit(1)
