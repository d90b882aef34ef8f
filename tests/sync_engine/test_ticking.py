"""A day begins: exactly those whom it concerns are looked at, each workspace in its own zone."""

import datetime as dt
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sync_engine import ticks
from sync_engine.ticks import expand_ticks, expire_overrides, tick
from tests.ground import TODAY, Document, Ground, hired, sales

NOON = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
DAY = dt.timedelta(days=1)


def hire_date(operator: str, *offsets: str) -> Document:
    values = [{"now": offset} for offset in offsets]
    return {"attr": "hireDate", "op": operator, "value": values if len(values) > 1 else values[0]}


def marked(ground: Ground) -> list[int]:
    return [id for (id,) in ground.rows("SELECT member_id FROM dirty_member ORDER BY member_id")]


def today(ground: Ground) -> dt.date:
    found: dt.date = ground.one(
        "SELECT today FROM engine_state WHERE workspace_id = %s", ground.workspace_id
    )
    return found


def test_a_tick_moves_the_date_raises_the_epoch_and_is_told(ground: Ground) -> None:
    epoch = ground.one("SELECT epoch FROM engine_state")

    assert tick(ground.engine, now=NOON + DAY) == (ground.workspace_id,)

    assert today(ground) == TODAY + DAY
    assert ground.one("SELECT epoch FROM engine_state") == epoch + 1
    assert ground.rows("SELECT old, new FROM tick_window") == [(TODAY, TODAY + DAY)]
    assert ground.rows("SELECT verb, before, after FROM journal_entry") == [
        ("clock.ticked", {"today": "2026-03-02"}, {"today": "2026-03-03"})
    ]


@pytest.mark.parametrize("now", [NOON, NOON - DAY, NOON - 400 * DAY])
def test_a_clock_never_moves_back_and_not_twice_to_the_same_day(
    ground: Ground, now: dt.datetime
) -> None:
    assert tick(ground.engine, now=now) == ()

    assert today(ground) == TODAY
    assert ground.rows("SELECT verb FROM journal_entry") == []
    assert not ground.waiting()


def test_two_tickers_move_a_clock_once(ground: Ground) -> None:
    first, second = ground.connection(), ground.connection()
    tomorrow = TODAY + DAY

    assert ticks.move_clock(first, ground.workspace_id, TODAY, tomorrow) == 1
    first.commit()
    assert ticks.move_clock(second, ground.workspace_id, TODAY, tomorrow) is None
    second.rollback()

    assert ground.one("SELECT count(*) FROM tick_window") == 1


@pytest.mark.spec("S14")
def test_exactly_those_who_cross_are_marked_and_only_they_change(ground: Ground) -> None:
    segment = ground.segment(hired(90))
    ground.segment(sales())
    days = {-91: 0, -90: 0, -89: 0, -88: 0, 0: 0}
    for day in days:
        on_date = (TODAY + dt.timedelta(days=day)).isoformat()
        days[day] = ground.member(hireDate=on_date, department="Sales")
    ground.settle()
    assert {m for m, s in ground.stored() if s == segment} == {days[-91], days[-90]}

    tick(ground.engine, now=NOON + DAY)
    assert expand_ticks(ground.engine, ground.rules) == 2
    assert marked(ground) == [days[-90], days[-89]]
    ground.settle()

    assert {m for m, s in ground.stored() if s == segment} == {days[-91], days[-90], days[-89]}
    assert ground.stored() == ground.expected()
    assert len(ground.history(days[-90], segment)) == 1


def test_a_missed_week_is_one_longer_step(ground: Ground) -> None:
    segment = ground.segment(hired(30))
    ids = [
        ground.member(hireDate=(TODAY - dt.timedelta(days=day)).isoformat())
        for day in range(20, 40)
    ]
    ground.settle()

    tick(ground.engine, now=NOON + 7 * DAY)
    assert ground.rows("SELECT new - old FROM tick_window") == [(7,)]
    ground.settle()

    assert {m for m, s in ground.stored() if s == segment} == set(ids[3:])
    assert ground.stored() == ground.expected()


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whoever_the_clock_flips_is_marked_whatever_the_rule_and_the_step(
    sync_database: Engine, data: st.DataObject
) -> None:
    day = data.draw(st.dates(dt.date(2023, 12, 20), dt.date(2024, 3, 10)), label="today")
    ground = Ground.new(sync_database, today=day)
    try:
        for _ in range(data.draw(st.integers(1, 4), label="rules")):
            offset = data.draw(
                st.sampled_from(["-P1M", "-P30D", "P0D", "P1M", "-P1Y", "P2W", "-P1M1D"])
            )
            operator = data.draw(st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]))
            ground.segment(hire_date(operator, offset))
        ground.segment(hire_date("between", "-P3M", "-P1M"))
        seed = random.Random(data.draw(st.integers(0, 1000), label="seed"))
        for _ in range(30):
            on_date = day + dt.timedelta(days=seed.randrange(-400, 60))
            ground.member(hireDate=on_date.isoformat())
        ground.settle()
        before = ground.expected()
        step = data.draw(st.sampled_from([1, 1, 2, 31, 366]), label="step")

        now = dt.datetime.combine(day + dt.timedelta(days=step), dt.time(1), dt.UTC)
        tick(ground.engine, now=now)
        expand_ticks(ground.engine, ground.rules)
        flipped = {member for member, _ in before ^ ground.expected()}
        assert flipped <= set(marked(ground))
        ground.settle()

        assert ground.stored() == ground.expected()
    finally:
        ground.close()


@pytest.mark.parametrize(
    ("time_zone", "before", "after"),
    [
        ("UTC", "2026-03-03T23:59:59+00:00", "2026-03-04T00:00:00+00:00"),
        ("Europe/Stockholm", "2026-03-28T22:59:59+00:00", "2026-03-28T23:00:00+00:00"),
        ("Europe/Stockholm", "2026-03-29T21:59:59+00:00", "2026-03-29T22:00:00+00:00"),
        ("America/New_York", "2026-11-01T03:59:59+00:00", "2026-11-01T04:00:00+00:00"),
        ("America/New_York", "2026-11-02T04:59:59+00:00", "2026-11-02T05:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-03-03T09:59:59+00:00", "2026-03-03T10:00:00+00:00"),
        ("Asia/Kathmandu", "2026-03-03T18:14:59+00:00", "2026-03-03T18:15:00+00:00"),
    ],
)
def test_a_day_begins_at_the_workspaces_midnight_also_when_clocks_change(
    sync_database: Engine, time_zone: str, before: str, after: str
) -> None:
    ground = Ground.new(sync_database, time_zone=time_zone, today=dt.date(2026, 1, 1))
    tick(ground.engine, now=dt.datetime.fromisoformat(before))
    old = today(ground)

    tick(ground.engine, now=dt.datetime.fromisoformat(after))

    assert today(ground) == old + DAY
    ground.close()


def test_a_zone_this_machine_does_not_know_stops_no_other_clock(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Ground.new(ground.engine, time_zone="Middle/Earth")
    lost.close()

    moved = tick(ground.engine, now=NOON + DAY)

    assert sorted(moved) == sorted([ground.workspace_id, lost.workspace_id])
    assert "Middle/Earth" in caplog.text


def test_many_people_are_marked_in_several_transactions_and_none_is_forgotten(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticks, "MARKED_A_TRANSACTION", 3)
    ground.segment(hired(90))
    ids = ground.people(10, hireDate=(TODAY + DAY - 90 * DAY).isoformat())
    ground.settle()

    tick(ground.engine, now=NOON + DAY)

    assert expand_ticks(ground.engine, ground.rules) == 10
    assert marked(ground) == ids
    assert ground.rows("SELECT DISTINCT lane FROM dirty_member") == [(1,)]
    assert ground.one("SELECT count(*) FROM tick_window") == 0


def test_a_rule_edited_after_the_tick_is_evaluated_with_the_new_date(ground: Ground) -> None:
    segment = ground.segment(hired(10))
    person = ground.member(hireDate=(TODAY - dt.timedelta(days=89)).isoformat())
    ground.settle()
    tick(ground.engine, now=NOON + DAY)
    ground.edit(segment, rule=hired(90))
    ground.settle()

    assert (person, segment) in ground.stored()
    assert ground.stored() == ground.expected()


@pytest.mark.spec("M37")
def test_an_override_ends_when_its_time_is_over_and_is_told(ground: Ground) -> None:
    segment = ground.segment(sales())
    ada, bo, cy = (ground.member(department=each) for each in ("Sales", "Sales", "Legal"))
    ground.settle()
    course = ground.course(segment)
    for member, kind, expires_at in (
        (ada, "EXCLUDE", NOON),
        (bo, "EXCLUDE", NOON + dt.timedelta(seconds=1)),
        (cy, "KEEP", NOON - DAY),
    ):
        ground.override(course, member, kind, expires_at)
    assert ground.rows("SELECT member_id FROM course_coordinator") == [(cy,)]
    heads: list[tuple[int, int]] = []

    expired = expire_overrides(
        ground.engine, now=NOON, on_commit=lambda *head: heads.append((head[0], head[1]))
    )

    assert expired == 2
    assert ground.rows("SELECT member_id FROM course_coordinator") == [(ada,)]
    assert ground.rows("SELECT member_id FROM coordinator_override") == [(bo,)]
    told = ground.rows(
        "SELECT course_id, member_id, before->>'kind' FROM journal_entry"
        " WHERE verb = 'override.expired' ORDER BY member_id"
    )
    assert told == [(course, ada, "EXCLUDE"), (course, cy, "KEEP")]
    assert heads == [(ground.workspace_id, ground.one("SELECT head FROM workspace_stream"))]
    assert expire_overrides(ground.engine, now=NOON) == 0
