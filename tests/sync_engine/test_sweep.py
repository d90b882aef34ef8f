"""The sweeper finds what nobody rang for, in one statement, and outlives the database."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

from app.embedded import EmbeddedPostgres
from sync_engine.bell import Wake
from sync_engine.broker import NOW
from sync_engine.duties import Duty
from sync_engine.sweep import Sweeper


class Looks:
    """A duty that counts."""

    def __init__(self, name: str, pending: str = "true", *, every: float = 0.0) -> None:
        self.count = 0
        self.duty = Duty(Wake(f"{name}.look_at", NOW), pending, every, self)

    def __call__(self) -> bool:
        self.count += 1
        return False


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_one_statement_finds_exactly_the_duties_with_something_to_do(
    sync_database: Engine,
) -> None:
    busy, idle = Looks("busy", "EXISTS (SELECT 1)"), Looks("idle", "EXISTS (SELECT FROM course)")
    sweeper = Sweeper(sync_database, [busy.duty, idle.duty])
    with sync_database.connect(), counted(sync_database) as statements:
        found = sweeper.sweep()
    sweeper.stop()

    assert found == ["busy.look_at"]
    assert (busy.count, idle.count) == (1, 0)
    assert len(statements) == 1


def test_a_rare_question_is_asked_rarely(sync_database: Engine) -> None:
    often, rarely = Looks("often"), Looks("rarely", every=60.0)
    sweeper = Sweeper(sync_database, [often.duty, rarely.duty])
    for _ in range(3):
        sweeper.sweep()
        assert eventually(lambda: all(each.done() for each in sweeper._running.values()))
    sweeper.stop()

    assert (often.count, rarely.count) == (3, 1)


def test_a_duty_that_takes_long_is_not_begun_twice_and_delays_no_other(
    sync_database: Engine,
) -> None:
    go_on, quick = threading.Event(), Looks("quick")
    begun = []

    def take_long() -> bool:
        begun.append(1)
        go_on.wait(5)
        return False

    long = Duty(Wake("long.look_at", NOW), "true", 0.0, take_long)
    sweeper = Sweeper(sync_database, [long, quick.duty], every=0.01)
    sweeper.start()
    assert eventually(lambda: quick.count >= 5)
    go_on.set()
    beginnings = len(begun)
    sweeper.stop()

    assert beginnings == 1


def test_a_duty_that_fails_is_tried_again_and_harms_no_other(
    sync_database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    fine, tries = Looks("fine"), []

    def fail() -> bool:
        tries.append(1)
        raise LookupError("a mistake of ours")

    broken = Duty(Wake("broken.look_at", NOW), "true", 0.0, fail)
    sweeper = Sweeper(sync_database, [broken, fine.duty], every=0.01)
    sweeper.start()
    assert eventually(lambda: len(tries) >= 3 and fine.count >= 3)
    sweeper.stop()

    assert "broken.look_at failed; it is tried again" in caplog.messages


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may stop."""
    settings = {"shared_buffers": "16MB"}
    with EmbeddedPostgres(tmp_path / "pg", durable=False, settings=settings) as server:
        yield server


def test_a_restarted_database_is_mentioned_once_and_swept_again(
    own_postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_postgres
    engine = create_engine(server.url(), pool_pre_ping=True)
    looks = Looks("things")
    sweeper = Sweeper(engine, [looks.duty], every=0.05)
    sweeper.start()
    assert eventually(lambda: looks.count >= 1)
    with caplog.at_level(logging.WARNING, logger="sync_engine.sweep"):
        server.stop()
        assert eventually(lambda: sweeper._outage.failures >= 5)
        server.start()
        before = looks.count
        assert eventually(lambda: looks.count > before and not sweeper._outage.is_on)
    sweeper.stop()
    engine.dispose()

    said = [message for message in caplog.messages if message.startswith("PostgreSQL")]
    assert len(said) == 2
    assert "does not answer" in said[0]
    assert "is back after" in said[1]
