"""`coordinator up`: everything on this machine."""

from typing import TYPE_CHECKING

import typer
from rich.console import Console

from app.cli.options import DataDir, Host, Port, settings_from

if TYPE_CHECKING:
    from app.settings import Settings


def up(data_dir: DataDir = None, host: Host = None, port: Port = None) -> None:
    """Run everything on this machine.

    PostgreSQL and Redis (embedded, unless DATABASE_URL and REDIS_URL are set), the web process and
    the workers. Ctrl-C stops all of it; the next start resumes on the data.
    """
    from app.whole import run_whole

    run_whole(settings_from(data_dir, host=host, port=port), say=typer.echo, greet=_greet)


def _greet(settings: "Settings") -> None:
    console = Console(highlight=False)
    console.print(f"[bold]LMS Coordinator answers at {settings.base_url}[/bold]")
    console.print(f"  GraphQL   {settings.base_url}/graphql")
    console.print(f"  SCIM      {settings.base_url}/scim/v2")
    console.print(f"  Data      {settings.data_dir.absolute()}")
    console.print("In a second terminal: coordinator watch, coordinator token --help")
    console.print("Ctrl-C stops everything that was started here.")
