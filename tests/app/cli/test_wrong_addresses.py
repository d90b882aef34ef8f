"""A wrong address or a database that does not fit is one sentence and exit code 2."""

import socket

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from models.migrations import head
from tests.app.cli.fake_postgres import answering, greeting_of
from tests.app.cli.program import run
from tests.servers import PostgresServer, RedisServer

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(180)

REDIS = "redis://127.0.0.1:1/0"


def migrate(url: str) -> tuple[int, str, str]:
    answer = run("migrate", given={"DATABASE_URL": url, "REDIS_URL": REDIS})
    return answer.code, answer.out, answer.err


def test_a_server_that_does_not_answer(unused_port: int) -> None:
    code, out, err = migrate(f"postgresql://web:hunter2@127.0.0.1:{unused_port}/lms")

    assert (code, out) == (2, "")
    assert err.startswith(f"PostgreSQL at 127.0.0.1:{unused_port}/lms does not answer (")
    assert "Connection refused" in err
    assert "hunter2" not in err
    assert err.count("\n") == 1


def test_a_host_that_does_not_exist() -> None:
    code, _, err = migrate("postgresql://web:hunter2@no-such-host.invalid/lms")

    assert code == 2
    assert err.startswith("PostgreSQL at no-such-host.invalid/lms does not answer (")
    assert "hunter2" not in err


def test_a_server_that_is_no_postgresql() -> None:
    with answering(b"", to_ssl=b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        code, _, err = migrate(f"postgresql://127.0.0.1:{port}/lms")

    assert (code, err) == (
        2,
        f"The server at 127.0.0.1:{port}/lms is not a PostgreSQL; see DATABASE_URL.\n",
    )


def test_a_postgresql_that_is_too_old() -> None:
    with answering(greeting_of("14.13")) as port:
        code, _, err = migrate(f"postgresql://127.0.0.1:{port}/lms")

    assert (code, err) == (
        2,
        f"PostgreSQL at 127.0.0.1:{port}/lms is version 14, and 15 or newer is needed.\n",
    )


def test_a_wrong_password() -> None:
    refusal = b'SFATAL\0C28P01\0Mpassword authentication failed for user "web"\0\0'
    message = b"E" + (len(refusal) + 4).to_bytes(4, "big") + refusal
    with answering(message) as port:
        code, _, err = migrate(f"postgresql://web:hunter2@127.0.0.1:{port}/lms")

    assert (code, err) == (
        2,
        f"PostgreSQL at 127.0.0.1:{port}/lms refuses the user or the password of DATABASE_URL.\n",
    )


def test_a_database_that_does_not_exist(postgres_server: PostgresServer) -> None:
    code, _, err = migrate(postgres_server.url("nowhere"))

    assert code == 2
    assert 'answers: database "nowhere" does not exist. Create it, or correct DATABASE_URL.' in err


def test_a_database_of_a_newer_version(database_url: str, sync_database: Engine) -> None:
    with sync_database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9001'"))

    for command in (["migrate"], ["serve", "--port", "0"], ["worker"]):
        answer = run(*command, given={"DATABASE_URL": database_url, "REDIS_URL": REDIS})

        assert answer.code == 2, command
        assert answer.out == ""
        assert answer.err == (
            "The database is at revision 9001, which this program "
            f"(newest: {head()}) does not know: a newer version has migrated it. "
            "Start that version, or restore a backup of before.\n"
        )


def test_a_database_that_was_never_migrated(empty_database_url: str) -> None:
    answer = run("verify", given={"DATABASE_URL": empty_database_url})

    assert (answer.code, answer.err) == (
        2,
        (
            f"The database has no tables yet, and this program needs {head()}; "
            "bring it there with `coordinator migrate`.\n"
        ),
    )


def test_migrating_twice_is_safe(empty_database_url: str) -> None:
    first, second = (run("migrate", given={"DATABASE_URL": empty_database_url}) for _ in range(2))

    assert first == second
    assert (first.code, first.out) == (0, f"The database is at revision {head()}.\n")
    url = make_url(empty_database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        assert connection.execute("SELECT count(*) FROM member").fetchone() == (0,)


def test_a_redis_that_does_not_answer(database_url: str, unused_port: int) -> None:
    answer = run(
        *("up", "--port", "0"),
        given={
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://:hunter3@127.0.0.1:{unused_port}/0",
        },
    )

    assert answer.code == 2
    assert answer.err.startswith(f"Redis at 127.0.0.1:{unused_port} does not answer (")
    assert "hunter3" not in answer.err


def test_a_port_that_is_taken(redis_server: RedisServer) -> None:
    taken = redis_server.tcp_url(0).rpartition(":")[2].partition("/")[0]

    answer = run("up", "--port", taken)

    assert (answer.code, answer.err) == (
        2,
        (
            f"Port {taken} on 127.0.0.1 is already in use; "
            "choose another with --port (0 takes a free one) or COORDINATOR_PORT.\n"
        ),
    )


@pytest.mark.parametrize("command", [["worker"], ["verify"], ["watch"], ["serve"]])
def test_nothing_is_running_there(command: list[str], tmp_path: str) -> None:
    answer = run(*command, "--data-dir", str(tmp_path))

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"Nothing is running on {tmp_path}; start it with `coordinator up`, name its directory "
        "with --data-dir, or set DATABASE_URL and REDIS_URL.\n"
    )


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
