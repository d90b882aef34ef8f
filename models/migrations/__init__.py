"""The database's schema over time, as Alembic revisions, run without an ini file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

LOCATION = Path(__file__).parent


def config() -> Config:
    """Alembic's configuration for this folder."""
    made = Config()
    made.set_main_option("script_location", str(LOCATION))
    made.set_main_option("path_separator", "os")
    return made


def head() -> str:
    """The newest revision this program knows."""
    newest = ScriptDirectory.from_config(config()).get_current_head()
    if newest is None:
        raise RuntimeError("There are no migrations beside models/migrations/__init__.py.")
    return newest


def knows(revision: str) -> bool:
    """Whether this program has ever heard of a revision; false for a newer program's."""
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    return revision in known


def current(engine: Engine) -> str | None:
    """The revision the database is at; None when it has never been migrated."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade_head(engine: Engine) -> None:
    """Bring the database to the newest revision, in one transaction, one migrator at a time."""
    settings = config()
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7230417)")
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
