"""What the program imports when it runs, imported once for all processes of tests/forking.py."""

import gc
from importlib import import_module

for name in (
    "app.actors",
    "app.asgi",
    "app.cli.commands",
    "app.cli.edge",
    "app.preflight",
    "app.web_server",
    "app.worker",
    "schema.schema",
    "sync_engine.verify",
):
    import_module(name)

# No process forked from here needs to look through all that for garbage.
gc.collect()
gc.freeze()
