"""`coordinator worker`: a worker process."""

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.options import DataDir, ready_settings


class Queue(StrEnum):
    """What a worker listens to: single changes, bulk work, or files to be made."""

    NOW = "now"
    LATER = "later"
    FILES = "files"


Queues = Annotated[
    list[Queue] | None,
    typer.Option("--queues", help="Repeat it to listen to several; all when left out."),
]
Threads = Annotated[int, typer.Option(help="Threads of the process.", min=1, max=64)]


def worker(data_dir: DataDir = None, queues: Queues = None, threads: Threads = 4) -> None:
    """Run one worker process.

    It works beside the running stack, or on DATABASE_URL and REDIS_URL. Any number may run at the
    same time. `now`, `later` and `files` belong in separate processes.
    """
    settings = ready_settings(data_dir)

    from app.logs import configure_logs
    from app.preflight import check_production
    from app.worker import work

    configure_logs(as_json=settings.logs_json)
    check_production(settings)
    work(settings, [queue.value for queue in queues or list(Queue)], threads=threads)
