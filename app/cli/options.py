"""What several commands share: options, the settings they lead to, and how tables are printed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from app.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where the embedded servers keep their data (COORDINATOR_DATA_DIR, ./.coordinator).",
        show_default=False,
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        "--host", help="Address to listen on (COORDINATOR_HOST, 127.0.0.1).", show_default=False
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="Port to listen on; 0 takes a free one (COORDINATOR_PORT, 8000).",
        show_default=False,
    ),
]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace", help="Its short name; not needed when there is one.", show_default=False
    ),
]

Who = Annotated[str, typer.Argument(help="The member: a user name or a numeric id.")]

_WIDE = 300


def wide_console() -> Console:
    """For tables of what people named: as wide as the terminal; for other programs a row is a
    line."""
    width = None if Console().is_terminal else _WIDE
    return Console(width=width, markup=False, highlight=False)


def settings_from(
    data_dir: Path | None, *, host: str | None = None, port: int | None = None
) -> "Settings":
    """The environment's settings, overruled by what was said on the command line."""
    from app.settings import read_settings

    said = {"data_dir": data_dir, "host": host, "port": port}
    return read_settings(**{name: value for name, value in said.items() if value is not None})


def ready_settings(
    data_dir: Path | None,
    *,
    host: str | None = None,
    port: int | None = None,
    redis: bool = True,
) -> "Settings":
    """Settings with both addresses (`redis=False`: the database's), whose database answers and is
    migrated; raises CannotStart."""
    from app.stack import located

    settings = located(settings_from(data_dir, host=host, port=port), redis=redis)

    from app.preflight import check_database, check_migrated

    check_database(settings.database_address)
    check_migrated(settings.database_address)
    return settings
