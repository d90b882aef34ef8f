"""`coordinator export-schema`: the GraphQL contract as a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

DEFAULT = Path("schema/schema.graphql")

Target = Annotated[Path, typer.Argument(help="Where to write it; - prints it.")]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing: say whether the file is up to date.")
]


def export_schema(target: Target = DEFAULT, check: Check = False) -> None:
    """Write the GraphQL schema, with every field's right, in SDL."""
    from schema import sdl

    text = sdl()
    if str(target) == "-":
        typer.echo(text, nl=False)
    elif not check:
        target.write_text(text)
        typer.echo(f"{target} written.")
    elif not target.exists() or target.read_text() != text:
        typer.echo(f"{target} is not what the code says; run `make schema`.", err=True)
        sys.exit(1)
