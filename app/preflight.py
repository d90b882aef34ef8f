"""Looking at what was given before anything is started on it: one sentence instead of a trace."""

from urllib.parse import SplitResult, parse_qs, urlsplit

import structlog

from app.embedded import CannotStart
from app.settings import INSISTING, Settings

log = structlog.get_logger("app.preflight")

OLDEST_POSTGRES = 15
_SECONDS = 5

# What PostgreSQL's client library says, and what that means for the one who set the address.
_MEANINGS = (
    (
        "password authentication failed",
        "PostgreSQL at {place} refuses the user or the password of DATABASE_URL.",
    ),
    (
        "no password supplied",
        "PostgreSQL at {place} wants a password, and DATABASE_URL gives none.",
    ),
    (
        "does not exist",
        "PostgreSQL at {place} answers: {words}. Create it, or correct DATABASE_URL.",
    ),
    (
        "invalid response to SSL",
        "The server at {place} is not a PostgreSQL; see DATABASE_URL.",
    ),
)


def check_database(address: str) -> None:
    """Raise CannotStart unless a PostgreSQL that is new enough lets us in."""
    import psycopg

    plain = f"postgresql://{address.partition('://')[2]}"
    place = _place(urlsplit(plain))
    try:
        with psycopg.connect(plain, connect_timeout=_SECONDS) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as refusal:
        raise CannotStart(_meaning(place, str(refusal))) from None
    except psycopg.ProgrammingError as refusal:
        raise CannotStart(f"DATABASE_URL cannot be read: {str(refusal).strip()}.") from None
    if version < OLDEST_POSTGRES:
        raise CannotStart(
            f"PostgreSQL at {place} is version {version}, and {OLDEST_POSTGRES} or newer is needed."
        )


def check_redis(address: str) -> None:
    """Raise CannotStart unless a Redis lets us in."""
    import redis

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
    from models import migrations

    revision = check_not_newer(address)
    if revision != migrations.head():
        state = f"is at revision {revision}" if revision else "has no tables yet"
        raise CannotStart(
            f"The database {state}, and this program needs {migrations.head()}; "
            "bring it there with `coordinator migrate`."
        )


def check_production(settings: Settings) -> None:
    """Raise CannotStart for what only trying may do, and say aloud what was accepted all the same.

    Switches that contradict each other the settings have refused themselves; this looks at what
    lies behind them. Outside production everything is allowed.
    """
    if not settings.is_production:
        return
    settings.keys()
    if "demo_data" not in settings.accept_unsafe and _has_demo_data(settings.database_address):
        raise CannotStart(
            f"In production the demo company must not be in the database: its tokens are written "
            f"down for anybody to try. Use another database; {INSISTING.format('demo_data')}"
        )
    if settings.accept_unsafe:
        log.warning("production.unsafe", accepted=sorted(settings.accept_unsafe))


def _has_demo_data(address: str) -> bool:
    from sqlalchemy import exists, select

    from app.database import worker_engine
    from app.demo.company import NAME, SLUG
    from models.workspaces import Workspace

    engine = worker_engine(address, application_name="coordinator preflight", pool_size=1)
    try:
        with engine.connect() as connection:
            demo = exists().where(Workspace.slug == SLUG, Workspace.name == NAME)
            return bool(connection.scalar(select(demo)))
    finally:
        engine.dispose()


def check_not_newer(address: str) -> str | None:
    """The revision the database is at; raises CannotStart when this program never heard of it."""
    from app.database import worker_engine
    from models import migrations

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


def _meaning(place: str, said: str) -> str:
    words = " ".join(said.split()).rpartition("FATAL: ")[2].strip().rstrip(".")
    for sign, sentence in _MEANINGS:
        if sign in said:
            return sentence.format(place=place, words=words)
    return f"PostgreSQL at {place} does not answer ({words}); see DATABASE_URL."


def _place(url: SplitResult) -> str:
    """Host, port and database, or the socket directory; never the password."""
    host = url.hostname or parse_qs(url.query).get("host", ["the default socket"])[0]
    if host.startswith("/"):
        return host
    port = f":{url.port}" if url.port else ""
    return f"{host}{port}{url.path}"


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
