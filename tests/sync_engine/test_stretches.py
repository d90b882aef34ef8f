"""A rule that concerns few people is worked off for many blocks in one transaction."""

import threading
import uuid
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from sync_engine.markers import BLOCK_BITS
from sync_engine.rebuild import expand, rebuild
from sync_engine.stretches import MOST_BLOCKS, RUN_SECONDS, Pace
from tests.ground import Ground, sales
from tests.sync_engine.conftest import Meter


@pytest.fixture
def unhurried() -> Iterator[None]:
    """Runs are quick, however busy the machine is."""
    with patch("sync_engine.stretches.RUN_SECONDS", 60.0):
        yield


def test_a_pace_doubles_while_it_is_quick_and_halves_when_it_is_slow() -> None:
    pace = Pace()
    widths = []
    for seconds in (0.0, 0.0, 0.75 * RUN_SECONDS, 2 * RUN_SECONDS, 2 * RUN_SECONDS, 9.0):
        pace.took(seconds)
        widths.append(pace.blocks)
    for _ in range(20):
        pace.took(0.0)

    assert widths == [2, 4, 4, 2, 1, 1]
    assert pace.blocks == MOST_BLOCKS


def test_eleven_blocks_are_done_in_four_runs(ground: Ground, unhurried: None) -> None:
    ids = ground.scattered(11, department="Sales")
    ground.settle()
    segment = ground.segment(sales())
    expand(ground.engine)

    rebuilt = rebuild(ground.engine, ground.rules)

    assert ground.stored() == {(id, segment) for id in ids}
    assert (rebuilt.blocks, rebuilt.people, rebuilt.added) == (11, 11, 11)
    assert ground.rows("SELECT added FROM change_set ORDER BY id") == [(1,), (2,), (4,), (4,)]
    assert not ground.waiting()


def test_a_run_over_many_blocks_takes_two_statements_more_than_over_one(
    ground: Ground, meter: Meter, unhurried: None
) -> None:
    ground.scattered(3, department="Sales")
    ground.settle()
    ground.segment(sales())
    expand(ground.engine)
    ground.rules.warm(meter.engine)

    def statements(seconds: float) -> int:
        meter.clear()
        rebuild(meter.engine, ground.rules, seconds=seconds)
        return len(meter.statements)

    with patch("sync_engine.rebuild.Pace", lambda: Pace(2)):
        two = statements(0)
    one = statements(0)

    assert (two, one) == (10, 8)


def test_a_stretch_ends_before_a_block_where_somebody_works(
    ground: Ground, unhurried: None
) -> None:
    ids = ground.scattered(6, department="Sales")
    ground.settle()
    segment = ground.segment(sales())
    expand(ground.engine)
    holder = ground.connection()
    lock = (ground.workspace_id, ids[3] >> BLOCK_BITS)
    holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", lock)

    with patch("sync_engine.rebuild.Pace", lambda: Pace(8)):
        assert rebuild(ground.engine, ground.rules, seconds=0.2).more

    assert ground.stored() == {(id, segment) for id in ids if id != ids[3]}
    assert ground.rows("SELECT block FROM dirty_segment") == [(lock[1],)]
    holder.rollback()
    holder.close()
    ground.settle()
    assert ground.stored() == {(id, segment) for id in ids}


def test_a_marker_that_a_writer_is_changing_stays_for_the_next_run(
    ground: Ground, unhurried: None
) -> None:
    ids = ground.scattered(3, department="Sales")
    ground.settle()
    segment = ground.segment(sales())
    expand(ground.engine)
    writer = ground.connection()
    writer.execute(
        "UPDATE dirty_segment SET since = clock_timestamp() WHERE block = %s",
        (ids[2] >> BLOCK_BITS,),
    )

    rebuild(ground.engine, ground.rules, seconds=0.2)
    writer.commit()
    writer.close()

    assert ground.rows("SELECT block FROM dirty_segment") == [(ids[2] >> BLOCK_BITS,)]
    assert ground.stored() == {(id, segment) for id in ids}


def test_each_block_says_its_own_cause(ground: Ground, unhurried: None) -> None:
    """An edit may have reached one block and not yet another."""
    ids = ground.scattered(3, department="Sales")
    ground.settle()
    ground.segment(sales())
    expand(ground.engine)
    causes = [uuid.uuid4() for _ in ids]
    for id, cause in zip(ids, causes, strict=True):
        ground.db.execute(
            "UPDATE dirty_segment SET cause = %s WHERE block = %s", (cause, id >> BLOCK_BITS)
        )
    ground.db.commit()

    with patch("sync_engine.rebuild.Pace", lambda: Pace(4)):
        rebuild(ground.engine, ground.rules)

    assert ground.rows("SELECT member_id, cause FROM membership ORDER BY 1") == list(
        zip(ids, causes, strict=True)
    )
    assert ground.one("SELECT count(*) FROM change_set") == 1


def test_what_is_too_much_for_a_pass_is_given_back_where_it_was(
    ground: Ground, unhurried: None
) -> None:
    ids = ground.scattered(6, department="Sales")
    ground.settle()
    segments = [ground.segment(sales()) for _ in range(3)]
    expand(ground.engine)

    with (
        patch("sync_engine.passes.CHANGES_A_PASS", 5),
        patch("sync_engine.rebuild.Pace", lambda: Pace(8)),
    ):
        rebuilt = rebuild(ground.engine, ground.rules)

    assert rebuilt.added == 18
    assert ground.stored() == {(id, segment) for id in ids for segment in segments}
    assert ground.rows("SELECT added FROM change_set ORDER BY id") == [(6,), (6,), (6,)]


def test_two_hands_do_every_block_once(ground: Ground) -> None:
    ids = ground.scattered(40, department="Sales")
    ground.settle()
    segment = ground.segment(sales())
    expand(ground.engine)

    rebuilt = rebuild(ground.engine, ground.rules, hands=2)

    assert ground.stored() == {(id, segment) for id in ids}
    assert rebuilt.added == 40
    assert not ground.waiting()


def test_people_who_come_into_a_block_of_the_stretch_meanwhile_are_right(
    ground: Ground, unhurried: None
) -> None:
    """Somebody new in a block behind the first is either read by the run or marked for a drain."""
    ids = ground.scattered(8, department="Sales")
    ground.settle()
    segment = ground.segment(sales())
    expand(ground.engine)
    came: list[int] = []
    writer = Ground(ground.engine, ground.workspace_id, ground.connection(), ground.rules)
    begun = threading.Event()

    def come() -> None:
        begun.wait()
        came.extend(writer.member(department="Sales") for _ in range(10))

    thread = threading.Thread(target=come)
    thread.start()
    rebuild(ground.engine, ground.rules, on_commit=lambda *_: begun.set())
    thread.join()
    writer.close()
    ground.settle()

    assert len(came) == 10
    assert ground.stored() == {(id, segment) for id in (*ids, *came)}
