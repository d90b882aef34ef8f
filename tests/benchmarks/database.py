"""A durable PostgreSQL for a benchmark: every commit reaches the disk, as in production."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, create_engine

from app.embedded import EmbeddedPostgres
from models import migrations


@contextlib.contextmanager
def durable_database(**settings: str) -> Iterator[Engine]:
    """A migrated database on a server of its own, which goes away afterwards."""
    home = Path(tempfile.mkdtemp(prefix="coordinator-bench-"))
    home.chmod(0o755)
    chosen = {"shared_buffers": _quarter_of_memory(), "max_wal_size": "4GB", **settings}
    try:
        with EmbeddedPostgres(home / "postgres", settings=chosen) as server:
            server.create_database("bench")
            engine = create_engine(server.url("bench"))
            migrations.upgrade_head(engine)
            yield engine
            engine.dispose()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _quarter_of_memory() -> str:
    """What PostgreSQL's handbook advises for a server that does nothing else (`shared_buffers`)."""
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 4 // 2**20}MB"
