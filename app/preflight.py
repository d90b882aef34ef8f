"""Looking at what was given before anything is started on it: one sentence instead of a trace."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from sqlalchemy import URL, make_url

from app.database import worker_engine
from app.embedded import CannotStart
from models import migrations

OLDEST_POSTGRES = 15
_SECONDS = 5

# What PostgreSQL's client library says, and what that means for the one who set the address.
_MEANINGS = (
    ("password authentication failed", "{where} refuses the user or the password of DATABASE_URL."),
    ("no password supplied", "{where} wants a password and DATABASE_URL gives none."),
    ("does not exist", "{where} answers: {words}. Create it, or correct DATABASE_URL."),
    ("invalid response to SSL", "What listens at {where} is not a PostgreSQL; see DATABASE_URL."),
)


def check_database(address: str) -> None:
    """Raise CannotStart unless a PostgreSQL that is new enough lets us in."""
    url = make_url(address)
    where = f"PostgreSQL at {_place(url)}"
    try:
        with psycopg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            connect_timeout=_SECONDS,
        ) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as refusal:
        raise CannotStart(_meaning(where, str(refusal))) from None
    except psycopg.ProgrammingError as refusal:
        raise CannotStart(f"DATABASE_URL cannot be read: {str(refusal).strip()}.") from None
    if version < OLDEST_POSTGRES:
        raise CannotStart(
            f"{where} is version {version}, and {OLDEST_POSTGRES} or newer is needed."
        )


def check_redis(address: str) -> None:
    """Raise CannotStart unless a Redis lets us in."""
    where = f"Redis at {urlsplit(address).path if address.startswith('unix') else _host(address)}"
    try:
        with redis.Redis.from_url(
            address, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS
        ) as client:
            client.ping()
    except redis.AuthenticationError:
        raise CannotStart(f"{where} refuses the password of REDIS_URL, or wants one.") from None
    except (redis.RedisError, ValueError) as refusal:
        raise CannotStart(f"{where} does not answer ({refusal}); see REDIS_URL.") from None


def check_migrated(address: str) -> None:
    """Raise CannotStart unless the database is exactly at this program's newest migration."""
    revision = check_not_newer(address)
    if revision != migrations.head():
        state = f"is at revision {revision}" if revision else "has no tables yet"
        raise CannotStart(
            f"The database {state}, and this program needs {migrations.head()}; "
            "bring it there with `coordinator migrate`."
        )


def check_not_newer(address: str) -> str | None:
    """The revision the database is at; raises CannotStart when this program never heard of it."""
    engine = worker_engine(address, application_name="coordinator preflight", pool_size=1)
    try:
        revision = migrations.current(engine)
    finally:
        engine.dispose()
    if revision is not None and not migrations.knows(revision):
        raise CannotStart(
            f"The database is at revision {revision}, which this program (newest: "
            f"{migrations.head()}) does not know: a newer version has migrated it. "
            "Start that version, or restore a backup of before."
        )
    return revision


def _meaning(where: str, said: str) -> str:
    words = " ".join(said.split()).rpartition("FATAL: ")[2].strip().rstrip(".")
    for sign, sentence in _MEANINGS:
        if sign in said:
            return sentence.format(where=where, words=words)
    return f"{where} does not answer ({words}); see DATABASE_URL."


def _place(url: URL) -> str:
    """Host, port and database, or the socket directory; never the password."""
    host = url.host or url.query.get("host", "the default socket")
    port = f":{url.port}" if url.port else ""
    return f"{host}{port}/{url.database or ''}" if not _is_path(host) else str(host)


def _is_path(host: object) -> bool:
    return isinstance(host, str) and Path(host).is_absolute()


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
