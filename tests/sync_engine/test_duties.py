"""Actors are declarations; a duty runs once at a time and misses no wake-up."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import dramatiq
import psycopg
import pytest
from dramatiq import Worker
from sqlalchemy import create_engine

from app.actors import OPERATIONS
from sync_engine.actors import ACTORS
from sync_engine.bell import (
    APPLY_INBOX,
    DRAIN_BULK,
    DRAIN_INTERACTIVE,
    REBUILD_SEGMENTS,
    Bell,
    Wake,
)
from sync_engine.broker import LATER, NOW, DoorbellBroker, worker_middleware
from sync_engine.duties import Actor, Duty, actor, bind, is_away

LOOK = Wake("things.look_at", NOW)


def duty(look: Callable[[], bool]) -> Duty:
    return Duty(LOOK, "true", 0.0, look)


def everybody() -> list[Wake]:
    return [declared.wake for declared in ACTORS] + [declared.wake for declared in OPERATIONS]


def test_every_actor_has_a_name_of_its_own_in_the_grammar_and_a_queue_by_urgency() -> None:
    wakes = everybody()

    assert len({wake.actor for wake in wakes}) == len(wakes)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)+", wake.actor) for wake in wakes)
    assert {wake.queue for wake in wakes} == {NOW, LATER}


def test_whoever_the_bell_wakes_is_there() -> None:
    bell_wakes = {DRAIN_INTERACTIVE, DRAIN_BULK, REBUILD_SEGMENTS, APPLY_INBOX}

    assert bell_wakes <= set(everybody())


def test_importing_the_declarations_opens_no_connection_and_needs_no_broker() -> None:
    program = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "import app.actors, sync_engine.actors, dramatiq.broker\n"
        "print(dramatiq.broker.global_broker)\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert (said.stdout.strip(), said.stderr) == ("None", "")


def test_a_hundred_wake_ups_during_a_look_cost_one_more_look() -> None:
    begun, go_on = threading.Event(), threading.Event()
    looks = []

    def look() -> bool:
        looks.append(threading.current_thread().name)
        begun.set()
        go_on.wait(5)
        return False

    watched = duty(look)
    first = threading.Thread(target=watched.heed)
    first.start()
    assert begun.wait(5)
    others = [threading.Thread(target=watched.heed) for _ in range(100)]
    for each in others:
        each.start()
    for each in others:
        each.join(5)
    go_on.set()
    first.join(5)

    assert looks == [first.name, first.name]


def test_a_wake_up_at_the_very_end_of_a_look_is_not_missed() -> None:
    state = {"changed": 0, "seen": 0}

    def look() -> bool:
        state["seen"] = state["changed"]
        return False

    watched = duty(look)

    def change_and_wake(_: int) -> None:
        state["changed"] += 1
        watched.heed()

    for _ in range(300):
        both = [threading.Thread(target=change_and_wake, args=(n,)) for n in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join()
        assert state["seen"] == state["changed"]


def test_a_look_that_fails_leaves_the_duty_free() -> None:
    answers = iter([LookupError("first"), True, False])

    def look() -> bool:
        answer = next(answers)
        if isinstance(answer, LookupError):
            raise answer
        return bool(answer)

    watched = duty(look)

    with pytest.raises(LookupError, match="first"):
        watched.heed()
    assert watched.heed() is True
    assert watched.heed() is False


def test_a_database_that_is_away_is_no_failure_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nobody = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    tries = []

    def look() -> bool:
        tries.append(1)
        if len(tries) < 4:
            nobody.connect()
        return False

    watched = duty(look)
    answers = [watched.heed() for _ in range(4)]

    assert answers == [False] * 4
    assert [message[:35] for message in caplog.messages] == [
        "things.look_at does not answer (Ope",
        "things.look_at is back after 0.0 s",
    ]


@pytest.mark.parametrize(
    ("problem", "away"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.errors.DeadlockDetected(), False),
        (psycopg.errors.UniqueViolation(), False),
        (ValueError(), False),
    ],
)
def test_only_an_unreachable_server_counts_as_away(problem: Exception, away: bool) -> None:
    assert is_away(problem) is away


def test_what_is_left_after_a_turn_is_rung_for_again(redis_url: str) -> None:
    left = [True, True, False]
    looks = []

    @actor(LOOK, pending="true")
    def look(runtime: str) -> bool:
        looks.append(runtime)
        return left.pop(0)

    _run_until(redis_url, look, "the runtime", lambda: len(looks) == 3)

    assert looks == ["the runtime"] * 3


def test_an_asynchronous_look_is_awaited(redis_url: str) -> None:
    looks = []

    @actor(LOOK, pending="true")
    async def look(runtime: str) -> bool:
        looks.append(runtime)
        return False

    _run_until(redis_url, look, "the runtime", lambda: len(looks) == 1)

    assert looks == ["the runtime"]


def _run_until(url: str, declared: Actor[str], runtime: str, done: Callable[[], bool]) -> None:
    broker = DoorbellBroker(url, middleware=worker_middleware())
    bell = Bell(url)
    bind(broker, bell, runtime, [declared])
    assert isinstance(broker.get_actor(LOOK.actor), dramatiq.Actor)
    worker = Worker(broker, worker_threads=2, worker_timeout=200)
    worker.start()
    bell.tell(wakes=[LOOK])
    until = time.monotonic() + 5
    while not done() and time.monotonic() < until:
        time.sleep(0.01)
    worker.stop()
