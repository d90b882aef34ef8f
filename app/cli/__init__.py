"""The `coordinator` command line."""


def main() -> None:
    """Run the command line; the console script points here."""
    from app.cli.commands import run

    run()
