"""`coordinator up` starts everything, keeps it running, resumes, and leaves nobody behind."""

import http.client
import json
import os
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from models.migrations import head
from tests.app.cli.program import Running, descendants, gone_within, living, run, running

pytestmark = pytest.mark.timeout(180)


def told(data: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((data / "run.json").read_text())
    return found


def connect(data: Path) -> psycopg.Connection:
    plain = told(data)["database_url"].replace("+psycopg", "")
    return psycopg.connect(plain, autocommit=True)


def status_of(data: Path, path: str) -> int:
    """The answer's status; 0 when there is none, because the web process is only coming back."""
    address = urlsplit(told(data)["base_url"]).netloc
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def command_of(pid: int) -> bytes:
    """The command line of a process; nothing of one that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def child(parent: int, *words: str) -> int:
    """The one descendant whose command line holds these words."""
    [found] = [
        pid for pid in descendants(parent) if all(w.encode() in command_of(pid) for w in words)
    ]
    return found


def test_everything_starts_survives_stops_and_resumes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running("up", "--port", "0", "--data-dir", str(data), log=tmp_path / "first") as up:
        up.wait_for("Ctrl-C stops everything")
        assert status_of(data, "/readyz") == 200
        assert (data / "run.json").stat().st_mode & 0o077 == 0
        with connect(data) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")

        a_second_start_gets_a_sentence(data, up)
        a_command_beside_it_finds_it(data)
        killed_parts_come_back(data, up)

        family = descendants(up.process.pid)
        assert len(family) > 5
        assert up.stop(signal.SIGINT) == 0
        assert gone_within(5, family)
        assert not (data / "run.json").exists()

    with running("up", "--port", "0", "--data-dir", str(data), log=tmp_path / "second") as up:
        up.wait_for("Ctrl-C stops everything")
        with connect(data) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)

        family = descendants(up.process.pid)
        up.process.kill()
        up.process.wait()
        assert gone_within(20, family)

    beside = run("verify", "--data-dir", str(data))
    assert (beside.code, beside.err.partition(";")[0]) == (2, f"Nothing is running on {data}")
    migrated = run("migrate", "--data-dir", str(data))
    assert (migrated.code, migrated.out) == (0, f"The database is at revision {head()}.\n")


def a_second_start_gets_a_sentence(data: Path, up: Running) -> None:
    second = run("up", "--port", "0", "--data-dir", str(data))

    assert (second.code, second.out) == (2, "")
    assert second.err == (
        f"Another process ({up.process.pid}) is already running on {data}; "
        "stop it first, or choose another directory with --data-dir.\n"
    )


def a_command_beside_it_finds_it(data: Path) -> None:
    beside = run("verify", "--data-dir", str(data))

    assert (beside.code, beside.err) == (
        2,
        "Say which workspace with --workspace; there are: none yet.\n",
    )


def killed_parts_come_back(data: Path, up: Running) -> None:
    worker = child(up.process.pid, "worker", "--queues", "now")
    web = child(up.process.pid, "serve", "--inherited")
    cache = child(up.process.pid, "redis-server")
    database = child(up.process.pid, "postgres", "-D")
    for pid in (worker, web, cache, database):
        os.kill(pid, signal.SIGKILL)

    up.wait_for("worker for now ended (signal 9); again in 0.5 s.")
    up.wait_for("web ended (signal 9); again in 0.5 s.")
    up.wait_for("Redis ended by itself and was started again.")
    up.wait_for("PostgreSQL ended by itself and was started again.")

    until = time.monotonic() + 60
    while status_of(data, "/readyz") != 200:
        assert time.monotonic() < until, up.said()
        time.sleep(0.2)
    with connect(data) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    assert living({child(up.process.pid, "worker", "--queues", "now")})
