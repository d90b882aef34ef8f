"""`coordinator demo`: everything, with a company to look at."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import DataDir, Host, Port, settings_from

if TYPE_CHECKING:
    from app.settings import Settings

Simulate = Annotated[
    bool, typer.Option("--simulate", help="Also play an identity provider that changes people.")
]


def demo(
    data_dir: DataDir = None, host: Host = None, port: Port = None, simulate: Simulate = False
) -> None:
    """Run everything with a company to look at.

    It has about 300 people; what to try is printed.
    The company is made at the first start and kept; with --simulate, people keep changing.
    """
    from app.demo import build, guide
    from app.supervisor import Program
    from app.whole import command, run_whole

    def greet(settings: "Settings") -> None:
        typer.echo(guide(settings))

    run_whole(
        settings_from(data_dir, host=host, port=port),
        say=typer.echo,
        prepare=build,
        greet=greet,
        beside=[Program("simulation", command("simulate"))] if simulate else [],
    )
