"""The embedded servers start, resume, end with their parent, and say clearly why they cannot."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from app.embedded import CannotStart, EmbeddedPostgres, EmbeddedRedis

HOLDER = """
import sys, time
from pathlib import Path
from app.embedded import EmbeddedPostgres, EmbeddedRedis

home = Path(sys.argv[1])
with EmbeddedPostgres(home / "pg", durable=False) as pg, EmbeddedRedis(home / "redis") as redis:
    print(pg.pid, redis.pid, flush=True)
    time.sleep(60)
"""


def postgres(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home / "pg", durable=False, settings={"shared_buffers": "16MB"})


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits for its burial does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(seconds: float, *pids: int) -> bool:
    until = time.monotonic() + seconds
    while any(lives(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def hold(home: Path) -> tuple[subprocess.Popen[str], int, int]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout as words:
        postmaster, redis_pid = (int(word) for word in words.readline().split())
    return holder, postmaster, redis_pid


def test_a_second_start_on_the_same_data_resumes(tmp_path: Path) -> None:
    with postgres(tmp_path) as first:
        first.create_database("kept")
        with first.connect("kept") as connection:
            connection.execute("CREATE TABLE note AS SELECT 'still here' AS words")

    with postgres(tmp_path) as second, second.connect("kept") as connection:
        assert connection.execute("SELECT words FROM note").fetchone() == ("still here",)


def test_stop_really_stops(tmp_path: Path) -> None:
    server = postgres(tmp_path)
    cache = EmbeddedRedis(tmp_path / "redis")
    server.start()
    cache.start()
    pids = [server.pid, cache.pid]

    server.stop()
    cache.stop()

    assert not any(lives(pid) for pid in pids if pid)
    assert list((tmp_path / "redis").glob("*.sock")) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_servers_end_with_the_process_that_started_them(
    tmp_path: Path, end: signal.Signals
) -> None:
    holder, postmaster, redis_pid = hold(tmp_path)

    holder.send_signal(end)
    holder.wait(10)

    assert gone_within(10, postmaster, redis_pid)
    with postgres(tmp_path) as again, again.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_process_on_the_same_data_gets_a_sentence(tmp_path: Path) -> None:
    with postgres(tmp_path), pytest.raises(CannotStart) as problem:
        postgres(tmp_path).start()

    assert str(problem.value) == (
        f"Another process ({os.getpid()}) is already running on {tmp_path / 'pg'}; "
        "stop it first, or choose another directory with --data-dir."
    )


def test_the_lock_of_a_killed_server_does_not_block_the_next(tmp_path: Path) -> None:
    first = postgres(tmp_path)
    first.start()
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    # Not buried yet: its number is still taken, as it would be by a stranger.
    assert (tmp_path / "pg" / "cluster" / "postmaster.pid").exists()
    first._claim.give_back()

    with postgres(tmp_path) as second, second.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    first.stop()


def test_a_server_that_was_killed_is_revived_at_the_same_address(tmp_path: Path) -> None:
    with postgres(tmp_path) as server, EmbeddedRedis(tmp_path / "redis", tcp=True) as cache:
        addresses = (server.url(), cache.url(), cache.tcp_url())
        assert not server.revive()
        assert not cache.revive()
        for pid in (server.pid, cache.pid):
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

        assert server.revive()
        assert cache.revive()

        assert (server.url(), cache.url(), cache.tcp_url()) == addresses
        with server.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_data_of_another_major_version_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "pg" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("19\n")

    with pytest.raises(CannotStart, match=r"was made by PostgreSQL 19 and the embedded one is 18"):
        postgres(tmp_path).start()


def test_a_directory_that_is_no_cluster_is_refused_and_left_alone(tmp_path: Path) -> None:
    cluster = tmp_path / "pg" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "thesis.txt").write_text("years of work")

    with pytest.raises(CannotStart, match="holds no PostgreSQL cluster"):
        postgres(tmp_path).start()

    assert (cluster / "thesis.txt").read_text() == "years of work"


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(CannotStart, match=r"cannot be written \(Not a directory\)"):
        EmbeddedRedis(tmp_path / "file" / "redis").start()


def test_a_server_that_fails_says_its_own_last_words(tmp_path: Path) -> None:
    wrong = EmbeddedPostgres(tmp_path / "pg", durable=False, settings={"max_connections": "many"})

    with pytest.raises(CannotStart, match='invalid value for parameter "max_connections": "many"'):
        wrong.start()

    with postgres(tmp_path) as right:
        assert right.is_running()


def test_a_path_too_long_for_a_socket_works_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)

    with postgres(deep) as server, EmbeddedRedis(deep / "redis") as cache:
        with server.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with redis.Redis.from_url(cache.url()) as client:
            assert client.ping()


def test_nobody_reaches_the_servers_over_the_network(tmp_path: Path) -> None:
    with postgres(tmp_path) as server, EmbeddedRedis(tmp_path / "redis") as cache:
        with server.connect() as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with redis.Redis.from_url(cache.url()) as client:
            assert client.config_get("port") == {"port": "0"}
