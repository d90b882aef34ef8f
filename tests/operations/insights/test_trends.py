"""Trends: buckets of the calendar, without a gap, and never too many."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.insights.trends import LONGEST, STEP, Days, Every, trend
from operations.refusals import Code, Refused

DAY = dt.timedelta(days=1)
TODAY = dt.date(2026, 3, 4)
dates = st.dates(dt.date(2025, 10, 1), dt.date(2026, 6, 30))
by_day = st.dictionaries(dates, st.integers(1, 9), max_size=12)


@pytest.mark.spec("X2")
@given(by_day, by_day, st.sampled_from(Every))
def test_every_day_is_in_exactly_one_bucket(
    started: dict[dt.date, int], completed: dict[dt.date, int], every: Every
) -> None:
    buckets = trend(Days(started, completed, 100, TODAY), every)

    assert bool(buckets) == bool(started or completed)
    assert [each.until for each in buckets[:-1]] == [each.since for each in buckets[1:]]
    for each in buckets:
        assert each.started == sum(started.get(day, 0) for day in _days(each.since, each.until))
        assert each.completed == sum(completed.get(day, 0) for day in _days(each.since, each.until))
    assert sum(each.started or 0 for each in buckets) == sum(started.values())


def _days(since: dt.date, until: dt.date) -> list[dt.date]:
    return [since + number * DAY for number in range((until - since).days)]


@pytest.mark.spec("X2")
@pytest.mark.parametrize(
    ("every", "since", "until"),
    [
        (Every.DAY, dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
        (Every.WEEK, dt.date(2025, 12, 29), dt.date(2026, 1, 5)),
        (Every.MONTH, dt.date(2026, 1, 1), dt.date(2026, 2, 1)),
    ],
)
def test_weeks_begin_on_monday_and_months_on_the_first(
    every: Every, since: dt.date, until: dt.date
) -> None:
    first = trend(Days({dt.date(2026, 1, 1): 1}, {}, 1, TODAY), every)[0]

    assert (first.since, first.until, first.started) == (since, until, 1)


@pytest.mark.spec("X2")
def test_a_trend_goes_on_to_today_and_says_nothing_of_the_future() -> None:
    days = Days({TODAY - 9 * DAY: 1}, {}, 1, TODAY)

    assert trend(days, Every.DAY)[-1].since == TODAY
    assert trend(days, Every.DAY, until=dt.date.max)[-1].since == TODAY
    assert trend(days, Every.DAY, since=dt.date.max) == []


@pytest.mark.spec("X2")
def test_a_rate_counts_what_was_completed_before_the_first_bucket() -> None:
    days = Days({}, {TODAY - 90 * DAY: 3, TODAY: 1}, 8, TODAY)

    [first, *_, last] = trend(days, Every.DAY, since=TODAY - 2 * DAY)

    assert (first.completed, first.completion_rate, last.completion_rate) == (0, 3 / 8, 0.5)


@pytest.mark.spec("X2")
@pytest.mark.parametrize("every", Every)
def test_a_trend_of_too_many_buckets_is_refused_with_a_way_out(every: Every) -> None:
    days = Days({TODAY: 1}, {}, 1, TODAY)
    longest = TODAY - (LONGEST - 1) * STEP[every]

    with pytest.raises(Refused) as refused:
        trend(days, every, since=dt.date.min)

    assert refused.value.code is Code.BAD_USER_INPUT
    assert refused.value.details["limit"] == LONGEST < refused.value.details["actual"]
    assert "longer buckets" in refused.value.message
    if every is not Every.MONTH:
        assert len(trend(days, every, since=longest)) == LONGEST
        with pytest.raises(Refused):
            trend(days, every, since=longest - STEP[every])
