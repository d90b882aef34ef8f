"""The five interleavings that a wrong protocol loses a change in, and a crash, step by step.

Each schedule is run twice: by the protocol as designed it must end exact, and by the variant that
lacks what the schedule is about it must not. So a test that could not fail would be found out.
"""

import datetime as dt
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from sync_engine import drain, holds, rebuild
from sync_engine.state import Connection
from tests.ground import (
    TODAY,
    Ground,
    Pairs,
    hired,
    insert_member,
    lock_members,
    mark_members,
    raise_epoch,
    sales,
    update_attributes,
)
from tests.protocols import (
    DESIGNED,
    DO_NOTHING,
    EXPAND_IN_EDIT,
    MARK_IN_TICK,
    MUTANTS,
    NO_LOCK,
    READ_BEFORE_CLAIM,
    TRIES_THE_LOCK,
    Changed,
    Protocol,
    refuse_other_than,
    swapped,
)

Schedule = Callable[[Ground, Protocol], None]
MATCHING: dict[str, Any] = {"department": "Sales"}
NOT_MATCHING: dict[str, Any] = {"department": "Legal"}


def wrong_pairs(ground: Ground) -> Pairs:
    """What remains wrong once nothing waits any more."""
    ground.settle()
    return ground.stored() ^ ground.expected()


def write_person(
    ground: Ground, db: Connection, protocol: Protocol, member_id: int, attributes: dict[str, str]
) -> None:
    """A writer's transaction, all but its commit."""
    lock_members(db, [member_id])
    update_attributes(db, ground.workspace_id, member_id, attributes)
    mark_members(db, ground.workspace_id, [member_id], statement=protocol.mark_members)


def drain_once(ground: Ground) -> drain.Drained:
    """One look by another worker, which goes home when everything is locked."""
    return ground.drain(seconds=0)


def s1_a_drain_meets_a_writer_that_has_marked_but_not_committed(
    ground: Ground, protocol: Protocol
) -> None:
    ground.segment(sales())
    ground.settle()
    person = ground.member(**MATCHING)
    writer = ground.connection()

    write_person(ground, writer, protocol, person, NOT_MATCHING)
    with protocol.in_force():
        drain_once(ground)
    writer.commit()


def s2_a_writer_comes_between_the_two_first_steps_of_a_drain(
    ground: Ground, protocol: Protocol
) -> None:
    ground.segment(sales())
    ground.settle()
    person = ground.member(**MATCHING)
    writer = ground.connection()
    watcher = ground.connection()
    watcher.autocommit = True

    def write() -> None:
        write_person(ground, writer, protocol, person, NOT_MATCHING)
        writer.commit()

    thread = threading.Thread(target=write)

    def come_between() -> None:
        if not thread.ident:
            thread.start()
            wait_until(lambda: not thread.is_alive() or is_waiting(watcher, writer))

    with protocol.in_force(come_between):
        drain_once(ground)
    thread.join(timeout=10)
    assert not thread.is_alive()


def s3_a_person_changes_while_their_block_is_being_rebuilt(
    ground: Ground, protocol: Protocol
) -> None:
    person = ground.member(**MATCHING)
    ground.settle()
    ground.segment(sales())
    rebuild.expand(ground.engine)

    def change_then_write(*arguments: Any) -> holds.Done:
        ground.change(person, **NOT_MATCHING)
        drain_once(ground)
        return holds.write_plan(*arguments)

    with protocol.in_force(), patch("sync_engine.rebuild.write_plan", change_then_write):
        rebuild.rebuild(ground.engine, ground.rules)


def s4_somebody_new_is_worked_on_with_the_old_rule(ground: Ground, protocol: Protocol) -> None:
    ground.member(**NOT_MATCHING)
    segment = ground.segment(sales())
    ground.settle()
    editor = ground.connection()

    editor.execute("SELECT FROM segment WHERE id = %s FOR UPDATE", (segment,))
    epoch = raise_epoch(editor, ground.workspace_id)
    editor.execute(
        "UPDATE segment SET epoch = %s, rule = jsonb_set(rule, '{value}', '\"Legal\"')"
        " WHERE id = %s",
        (epoch, segment),
    )
    protocol.mark_segment(editor, ground.workspace_id, segment)
    ground.rows("SELECT setval(pg_get_serial_sequence('member', 'id'), 10000)")
    ground.member(**NOT_MATCHING)
    drain_once(ground)
    editor.commit()


def s5_somebody_new_is_worked_on_with_yesterdays_date(ground: Ground, protocol: Protocol) -> None:
    ground.segment(hired(90))
    ground.settle()
    clock = ground.connection()
    tomorrow = TODAY + dt.timedelta(days=1)

    protocol.move_clock(clock, ground.rules, ground.workspace_id, TODAY, tomorrow)
    newcomer = ground.connection()
    hired_on = (tomorrow - dt.timedelta(days=90)).isoformat()
    person = insert_member(newcomer, ground.workspace_id, {"hireDate": hired_on})
    mark_members(newcomer, ground.workspace_id, [person])
    newcomer.commit()
    drain_once(ground)
    clock.commit()


SCHEDULES: tuple[tuple[Schedule, Protocol], ...] = (
    (s1_a_drain_meets_a_writer_that_has_marked_but_not_committed, DO_NOTHING),
    (s2_a_writer_comes_between_the_two_first_steps_of_a_drain, READ_BEFORE_CLAIM),
    (s3_a_person_changes_while_their_block_is_being_rebuilt, NO_LOCK),
    (s4_somebody_new_is_worked_on_with_the_old_rule, EXPAND_IN_EDIT),
    (s5_somebody_new_is_worked_on_with_yesterdays_date, MARK_IN_TICK),
)


PROTOCOLS = (DESIGNED, *MUTANTS)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("schedule", "mutant"), SCHEDULES, ids=[schedule.__name__ for schedule, _ in SCHEDULES]
)
def test_only_the_variant_that_lacks_what_the_schedule_is_about_ends_wrong(
    ground: Ground, schedule: Schedule, mutant: Protocol, protocol: Protocol
) -> None:
    schedule(ground, protocol)

    assert len(wrong_pairs(ground)) == (1 if protocol is mutant else 0)


@pytest.mark.parametrize("text", ["", "the lock is tried, the lock is tried"])
def test_a_variant_of_what_is_not_there_once_is_none(text: str) -> None:
    with pytest.raises(Changed, match="it should be once"):
        swapped(text, "the lock is tried", "")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("peek", ()), ("claim", ("db", "block")), ("psycopg", ()), ("Block", ("workspace_id",))],
)
def test_a_step_that_is_not_taken_as_it_was_is_not_patched(
    name: str, parameters: tuple[str, ...]
) -> None:
    with pytest.raises(Changed):
        refuse_other_than(drain._run, name, parameters)


def test_a_third_statement_that_locks_blocks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "BATCH_PICK", f"SELECT {TRIES_THE_LOCK}", raising=False)

    with pytest.raises(Changed, match="BATCH_PICK"), NO_LOCK.in_force():
        pass


KILLED = """
import os, signal, sys
from sqlalchemy import create_engine
from sync_engine import drain
from sync_engine.state import Rules

write_plan = drain.write_plan

def write_and_die(*arguments):
    write_plan(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

drain.write_plan = write_and_die
drain.drain(create_engine(sys.argv[1]), Rules(), lanes=(0, 1))
"""


def test_s6_a_worker_killed_before_its_commit_has_done_nothing(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.settle()
    person = ground.member(**MATCHING)
    address = ground.engine.url.render_as_string(hide_password=False)

    killed = subprocess.run([sys.executable, "-c", KILLED, address], check=False)

    assert killed.returncode == -signal.SIGKILL
    wait_until(lambda: not ground.claimed())
    assert ground.rows("SELECT member_id FROM dirty_member") == [(person,)]
    assert ground.stored() == set()
    assert wrong_pairs(ground) == set()
    assert ground.stored() == {(person, segment)}


def test_a_writer_never_waits_longer_than_one_batch_and_the_engine_waits_for_no_writer(
    ground: Ground,
) -> None:
    ground.segment(sales())
    ground.settle()
    person, other = ground.member(**MATCHING), ground.member(**MATCHING)
    writer = ground.connection()
    write_person(ground, writer, DESIGNED, person, NOT_MATCHING)

    drained = drain_once(ground)

    assert drained.people == 1
    assert ground.rows("SELECT member_id FROM dirty_member") == [(person,)]
    assert {member for member, _ in ground.stored()} == {other}


def is_waiting(watcher: Connection, other: Connection) -> bool:
    """Whether a connection's statement is held up by a lock."""
    pid = other.info.backend_pid
    [(count,)] = watcher.execute("SELECT cardinality(pg_blocking_pids(%s))", (pid,))
    return bool(count)


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.002)
