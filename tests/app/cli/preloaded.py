"""What commands import when they run, imported once for all those the tests run."""

from importlib import import_module

for name in (
    "app.actors",
    "app.asgi",
    "app.cli.commands",
    "app.cli.edge",
    "app.preflight",
    "schema.schema",
    "sync_engine.verify",
):
    import_module(name)
