"""Each workspace is verified once a night; a run that stopped goes on; drift is told."""

import datetime as dt
import logging

import pytest

from sync_engine.markers import BLOCK_BITS
from sync_engine.nightly import LATEST, advance, begin_due
from tests.ground import Ground, everyone, sales

pytestmark = pytest.mark.spec("S13")
NIGHT = dt.datetime(2026, 3, 2, 2, 30, tzinfo=dt.UTC)
RUNS = "SELECT blocks, pairs_checked, missing, extra, pending FROM verification ORDER BY id"


def finish(ground: Ground) -> None:
    while advance(ground.engine):
        pass


def test_a_run_begins_in_the_night_of_its_workspace_and_once(ground: Ground) -> None:
    noon = NIGHT.replace(hour=12)
    assert begin_due(ground.engine, now=noon) == 0
    assert begin_due(ground.engine, now=NIGHT) == 1
    assert begin_due(ground.engine, now=NIGHT) == 0
    finish(ground)

    assert begin_due(ground.engine, now=NIGHT + dt.timedelta(hours=1)) == 0
    assert begin_due(ground.engine, now=NIGHT + dt.timedelta(days=1)) == 1


def test_a_night_that_was_missed_is_made_up_for_at_any_hour(ground: Ground) -> None:
    begin_due(ground.engine, now=NIGHT)
    finish(ground)

    assert begin_due(ground.engine, now=NIGHT + LATEST + dt.timedelta(hours=1)) == 1


def test_old_results_are_forgotten(ground: Ground) -> None:
    begin_due(ground.engine, now=NIGHT)
    finish(ground)
    ground.db.execute("UPDATE verification SET ended_at = %s", (NIGHT,))
    ground.db.commit()

    begin_due(ground.engine, now=NIGHT + dt.timedelta(days=100))

    assert ground.one("SELECT count(*) FROM verification") == 1


def test_what_is_as_the_rules_say_is_without_drift(ground: Ground) -> None:
    ground.segment(sales())
    ground.segment(everyone())
    ground.people(3, department="Sales")
    ground.settle()

    begin_due(ground.engine, now=NIGHT)
    finish(ground)

    assert ground.rows(RUNS) == [(1, 6, 0, 0, 0)]
    assert ground.one("SELECT ended_at IS NOT NULL FROM verification")


def test_a_run_that_stopped_goes_on_where_it_was(ground: Ground) -> None:
    ground.segment(everyone())
    ground.people(2)
    far = 3 << BLOCK_BITS
    ground.db.execute(
        "INSERT INTO member (id, workspace_id, user_name, display_name, state)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'far', 'Far', 'ACTIVE')",
        (far, ground.workspace_id),
    )
    ground.db.commit()
    ground.settle()
    begin_due(ground.engine, now=NIGHT)

    assert advance(ground.engine, seconds=0.0) is True
    first = ground.rows("SELECT next_block, blocks, ended_at FROM verification")
    finish(ground)

    assert first == [(1, 1, None)]
    assert ground.rows("SELECT next_block, blocks FROM verification") == [(4, 2)]


def test_somebody_without_a_membership_that_is_due_is_told_as_an_error(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground.segment(everyone())
    ground.people(2)
    ground.settle()
    ground.db.execute("UPDATE membership SET until = now() WHERE member_id = 1")
    ground.db.commit()
    begin_due(ground.engine, now=NIGHT)

    with caplog.at_level(logging.ERROR):
        finish(ground)

    assert "1 are missing" in caplog.text
    assert ground.rows(RUNS)[0][2:4] == (1, 0)


def test_facts_that_cannot_be_read_end_no_run(ground: Ground) -> None:
    ground.segment(everyone())
    ground.people(2)
    ground.settle()
    ground.db.execute("UPDATE member SET facts = '{\"groups\": [{}]}' WHERE id = 1")
    ground.db.commit()

    begin_due(ground.engine, now=NIGHT)
    finish(ground)

    assert ground.one("SELECT ended_at IS NOT NULL FROM verification")
    assert ground.rows(RUNS)[0][4] == 1


def test_a_role_that_ends_although_something_gives_it_is_found(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    course = ground.course(ground.segment(sales()))
    [person] = ground.people(1, department="Sales")
    ground.settle()
    ground.override(course, person, "ENDING", NIGHT + dt.timedelta(days=1000))

    begin_due(ground.engine, now=NIGHT)
    with caplog.at_level(logging.ERROR):
        finish(ground)

    assert ground.rows(RUNS) == [(1, 1, 0, 0, 0)]
    assert ground.one("SELECT needless FROM verification") == 1
    assert "1 roles end although" in caplog.text
