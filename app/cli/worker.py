"""`coordinator worker`: a worker process."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from app.cli.options import DataDir, settings_from


class Queue(StrEnum):
    """What a worker listens to: single changes, or bulk work."""

    NOW = "now"
    LATER = "later"


Queues = Annotated[
    list[Queue] | None,
    typer.Option("--queues", help="Repeat it to listen to several; all when left out."),
]
Threads = Annotated[int, typer.Option(help="Threads of the process.", min=1, max=64)]


def worker(data_dir: DataDir = None, queues: Queues = None, threads: Threads = 4) -> None:
    """Run one worker process.

    It works beside the running stack, or on DATABASE_URL and REDIS_URL. Any number may run at the
    same time. `now` and `later` belong in separate processes.
    """
    from dramatiq.cli import main, make_argument_parser

    from app.logs import configure_logs
    from app.preflight import check_database, check_migrated
    from app.stack import located
    from app.whole import environment_of

    settings = located(settings_from(data_dir))
    configure_logs(as_json=settings.logs_json)
    check_database(settings.database_address)
    check_migrated(settings.database_address)
    os.environ.update(environment_of(settings))
    arguments = [
        "app.worker",
        *("--processes", "1", "--threads", str(threads), "--skip-logging"),
        *("--queues", *(queue.value for queue in queues or list(Queue))),
    ]
    # Its other codes mean that it was killed or could not load; ours must not say "cannot start".
    parser = make_argument_parser()  # type: ignore[no-untyped-call]
    code = main(parser.parse_args(arguments))  # type: ignore[no-untyped-call]
    sys.exit(1 if code else 0)
