"""`coordinator migrate`: the database's schema."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import DataDir, settings_from

Check = Annotated[
    bool,
    typer.Option("--check", help="Change nothing: say whether the migrations make the models."),
]


def migrate(data_dir: DataDir = None, check: Check = False) -> None:
    """Bring the database to the newest migration. Doing it twice, or from two places, is safe.

    Works on DATABASE_URL, on the running stack, or on the data directory when nothing runs.
    """
    if check:
        _check()
        return
    from app.preflight import check_database
    from app.stack import Stack, is_running, located
    from app.whole import bring_to_head

    settings = settings_from(data_dir)
    if settings.database_url is None and not is_running(settings.data_dir):
        with Stack(settings, redis=False) as stack:
            typer.echo(f"The database is at revision {bring_to_head(stack.settings)}.")
        return
    settings = located(settings, redis=False)
    check_database(settings.database_address)
    typer.echo(f"The database is at revision {bring_to_head(settings)}.")


def _check() -> None:
    """Migrate an empty database of our own and compare it with the models."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.database import worker_engine
    from app.embedded import EmbeddedPostgres
    from models import migrations
    from models.metadata import metadata

    with (
        tempfile.TemporaryDirectory(prefix="coordinator-") as home,
        EmbeddedPostgres(Path(home) / "postgres", durable=False) as server,
    ):
        engine = worker_engine(server.url(), application_name="coordinator migrate")
        migrations.upgrade_head(engine)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            differences = compare_metadata(context, metadata)
        engine.dispose()
    for difference in differences:
        typer.echo(f"The migrations do not make the models: {difference}", err=True)
    if differences:
        sys.exit(1)
    typer.echo(f"The migrations make the models, at revision {migrations.head()}.")
