"""Verification finds every pair that is wrong, blames no pair that is pending, writes nothing."""

import datetime as dt

import pytest

from sync_engine.counts import recount, recount_all
from sync_engine.rebuild import expand
from sync_engine.ticks import tick
from sync_engine.verify import Drift, verify
from tests.ground import TODAY, Ground, everyone, hired, sales
from tests.sync_engine.conftest import Meter


def verified(ground: Ground) -> Drift:
    return verify(ground.engine, ground.workspace_id)


@pytest.mark.spec("S13")
def test_what_the_engine_left_is_without_drift(ground: Ground, meter: Meter) -> None:
    named = ground.segment(people=[ground.member()])
    ground.segment(sales())
    ground.segment({"attr": "groups", "op": "has", "value": "admins"})
    ground.segment(hired(30))
    ground.people(5, department="Sales", hireDate="2020-01-01")
    ground.join(ground.group("Admins", folded="admins"), ground.member(state="PENDING"))
    ground.member(state="DEACTIVATED", department="Sales")
    ground.settle()
    assert named in {segment for _, segment in ground.stored()}
    steps: list[tuple[int, int]] = []
    meter.clear()

    drift = verify(
        meter.engine, ground.workspace_id, progress=lambda *step: steps.append((step[0], step[1]))
    )

    assert drift == Drift(pairs_checked=4 * 8, missing=0, extra=0, blocks=1, pending=0)
    assert drift.is_clean
    assert steps == [(1, 1)]
    assert meter.written() == {}


def test_a_pair_that_should_be_there_is_missing_and_one_that_should_not_is_extra(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    ground.people(3, department="Sales")
    stranger = ground.member(department="Legal")
    ground.settle()
    ground.rows("SELECT 1")
    ground.db.execute("UPDATE membership SET until = now() WHERE member_id < %s", (stranger - 1,))
    ground.db.execute(
        "INSERT INTO membership (member_id, segment_id, since) VALUES (%s, %s, now())",
        (stranger, segment),
    )
    ground.db.commit()

    drift = verified(ground)

    assert (drift.missing, drift.extra, drift.is_clean) == (2, 1, False)


def test_memberships_of_deleted_people_and_deleted_segments_are_extra(ground: Ground) -> None:
    deleted = ground.segment(sales())
    ground.segment(everyone())
    person = ground.member(department="Sales")
    other = ground.member(department="Sales")
    ground.settle()
    ground.db.execute("UPDATE segment SET deleted_at = now() WHERE id = %s", (deleted,))
    ground.db.execute(
        "UPDATE member SET deleted_at = now(), state = 'DEACTIVATED' WHERE id = %s", (person,)
    )
    ground.db.commit()

    drift = verified(ground)

    assert (drift.missing, drift.extra) == (0, 3)
    assert (other, deleted) in ground.stored()


def test_what_a_marker_stands_for_is_pending_not_drift(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.segment(hired(30))
    changed = ground.member(department="Sales")
    ground.member(hireDate=(TODAY - dt.timedelta(days=29)).isoformat())
    ground.settle()

    ground.change(changed, department="Legal")
    assert verified(ground) == Drift(pairs_checked=2, blocks=1, pending=2)
    ground.settle()

    ground.edit(segment, rule=everyone())
    assert verified(ground) == Drift(pairs_checked=2, blocks=1, pending=2)
    expand(ground.engine)
    assert verified(ground) == Drift(pairs_checked=2, blocks=1, pending=2)
    ground.settle()

    noon = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
    tick(ground.engine, now=noon + dt.timedelta(days=1))
    assert verified(ground) == Drift(pairs_checked=2, blocks=1, pending=2)
    ground.settle()
    assert verified(ground) == Drift(pairs_checked=4, blocks=1)


def test_frozen_segments_are_nobodys_drift(ground: Ground) -> None:
    segment = ground.segment(sales())
    person = ground.member(department="Sales")
    ground.settle()
    ground.edit(segment, state="PAUSED")
    ground.change(person, department="Legal")
    ground.settle()

    assert verified(ground) == Drift(pairs_checked=0, blocks=1)
    assert ground.stored() == {(person, segment)}


def test_member_counts_follow_what_this_process_changed(ground: Ground) -> None:
    one, other = ground.segment(sales()), ground.segment(everyone())
    ground.people(3, department="Sales")
    ground.member()
    ground.settle()
    before = ground.one("SELECT now()")

    assert recount(ground.engine, ground.rules) == 2
    assert recount(ground.engine, ground.rules) == 0

    counts = "SELECT id, member_count FROM segment WHERE counted_at > %s ORDER BY id"
    assert ground.rows(counts, before) == [(one, 3), (other, 4)]


def test_a_segment_that_is_being_edited_is_counted_the_next_time(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.people(3, department="Sales")
    ground.settle()
    editor = ground.connection()
    editor.execute("SELECT FROM segment WHERE id = %s FOR UPDATE", (segment,))

    assert recount(ground.engine, ground.rules) == 0
    editor.rollback()
    assert recount(ground.engine, ground.rules) == 1

    assert ground.one("SELECT member_count FROM segment") == 3


def test_counting_everything_mends_what_a_killed_worker_forgot(ground: Ground) -> None:
    ground.segment(sales())
    ground.segment(sales(), state="DRAFT")
    ground.people(3, department="Sales")
    ground.settle()

    assert recount_all(ground.engine) == 2
    assert ground.rows("SELECT member_count FROM segment ORDER BY id") == [(3,), (0,)]
