"""One PostgreSQL and one Redis for a whole test run, shared by all of its processes.

The first pytest process owns the servers; xdist's workers are told the addresses. Each test gets
a database of its own, cloned from a template that is migrated once per run (8 ms each in memory).
"""

import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, make_url

from app.embedded import EmbeddedPostgres, EmbeddedRedis

TEMPLATE = "migrated"
IN_MEMORY = Path("/dev/shm")
ROOM = 6 * 2**30
"""Bytes that must be free in memory for the servers to keep their files there."""
_REDIS_DATABASES = 64
COMPANIES = """
CREATE TABLE furnished (build text PRIMARY KEY, template text NOT NULL, company bytea NOT NULL)
"""
"""In the maintenance database: what `tests.furnishing` has built, for all processes of the run."""

_names = (f"test_{os.getpid()}_{number}" for number in itertools.count(1))


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The server of this run, by the address of its maintenance database."""

    address: str

    def url(self, database: str) -> str:
        """SQLAlchemy's address of a database."""
        return make_url(self.address).set(database=database).render_as_string(hide_password=False)

    def clone(self, template: str = TEMPLATE) -> str:
        """Make a new database like the template (`template0` for an empty one); its name.

        FILE_COPY takes half the time of WAL_LOG, because nothing is synced to disk.
        """
        name = next(_names)
        while len(_left) > 1:
            self._drop(_left.pop(0))
        _line_to(self).execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected, when the next but one is made: by then
        nobody is, most times, and PostgreSQL need not wait (a tenth of a second at a time)."""
        _left.append(name)

    def _drop(self, name: str) -> None:
        _line_to(self).execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def connect(self) -> psycopg.Connection:
        """A plain connection to the maintenance database, in autocommit mode."""
        url = make_url(self.address)
        return psycopg.connect(
            host=str(url.query["host"]), user=url.username, dbname=url.database, autocommit=True
        )


_left: list[str] = []
"""Databases of this process that nobody needs any more."""

_lines: dict[PostgresServer, psycopg.Connection] = {}
"""One connection of this process to each server, for databases that come and go: a new one for
each would take as long as the copy itself."""


def _line_to(server: PostgresServer) -> psycopg.Connection:
    line = _lines.get(server)
    if line is None or line.closed:
        line = _lines[server] = server.connect()
    return line


def hang_up() -> None:
    """Close what this process keeps open to servers."""
    while _lines:
        _lines.popitem()[1].close()


@dataclass(frozen=True, slots=True)
class RedisServer:
    """The server of this run: over its UNIX socket and over TCP, up to the database number."""

    socket: str
    tcp: str

    def url(self, database: int) -> str:
        """Address of a numbered database over the UNIX socket."""
        return f"{self.socket}?db={database}"

    def tcp_url(self, database: int) -> str:
        """The same over 127.0.0.1."""
        return f"{self.tcp}/{database}"


class Servers:
    """Owns the servers of a test run; started at the first question, stopped at the end."""

    def __init__(self) -> None:
        self._home = Path(
            tempfile.mkdtemp(prefix="coordinator-tests-", dir=_where_files_are_quick())
        )
        self._home.chmod(0o755)
        self._postgres = EmbeddedPostgres(
            self._home / "postgres",
            durable=False,
            # Whoever makes or removes a database looks through all buffers, three times.
            settings={"max_wal_size": "2GB", "checkpoint_timeout": "1h", "shared_buffers": "48MB"},
        )
        self._redis = EmbeddedRedis(self._home / "redis", databases=_REDIS_DATABASES, tcp=True)
        self._template_is_ready = False

    @property
    def postgres(self) -> PostgresServer:
        """The running PostgreSQL, with its template migrated."""
        self._postgres.start()
        if not self._template_is_ready:
            self._postgres.create_database(TEMPLATE)
            migrate(self._postgres.url(TEMPLATE))
            with PostgresServer(self._postgres.url()).connect() as line:
                line.execute(COMPANIES)
            self._template_is_ready = True
        return PostgresServer(self._postgres.url())

    @property
    def redis(self) -> RedisServer:
        """The running Redis."""
        self._redis.start()
        return RedisServer(
            self._redis.url().partition("?")[0], self._redis.tcp_url().rpartition("/")[0]
        )

    def stop(self) -> None:
        """Stop what was started and remove its data."""
        self._postgres.stop()
        self._redis.stop()
        shutil.rmtree(self._home, ignore_errors=True)


def _where_files_are_quick() -> Path | None:
    """Memory, where the machine has much of it: a thousand databases come and go, and every one
    is a thousand files. Else wherever temporary files lie."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM
    return IN_MEMORY if has_room and os.access(IN_MEMORY, os.W_OK) else None


def migrate(url: str) -> None:
    """Bring a database to the newest migration."""
    from models import migrations

    engine = create_engine(url)
    try:
        migrations.upgrade_head(engine)
    finally:
        engine.dispose()
