"""Relative dates follow the calendar, and a tick looks at everyone who can flip."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    Rule,
    compile,
    crossing,
    matches,
    offsets,
    parse,
    shifted,
)
from tests.sync_engine.rules.naive import moved


@pytest.mark.parametrize(
    ("today", "offset", "day"),
    [
        ("2024-03-31", "P0D", "2024-03-31"),
        ("2024-03-31", "-P1M", "2024-02-29"),
        ("2023-03-31", "-P1M", "2023-02-28"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-02-29", "-P4Y", "2020-02-29"),
        ("2024-01-31", "P1M1D", "2024-03-01"),
        ("2024-03-01", "-P1M1D", "2024-01-31"),
        ("2024-12-31", "P2M", "2025-02-28"),
        ("2024-01-01", "-P1W", "2023-12-25"),
        ("2024-07-01", "-P90D", "2024-04-02"),
        ("2024-07-01", "-P13M", "2023-06-01"),
        ("0100-01-01", "-P100Y", "0001-01-01"),
        ("0001-01-02", "-P2D", "0001-01-01"),
        ("9999-06-01", "P1Y", "9999-12-31"),
        ("9999-12-31", "P1D", "9999-12-31"),
    ],
)
def test_durations_follow_the_calendar(today: str, offset: str, day: str) -> None:
    assert shifted(date.fromisoformat(today), offset) == date.fromisoformat(day)


days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
durations = st.builds(
    lambda sign, years, months, weeks, days: f"{sign}P{years}Y{months}M{weeks}W{days}D",
    st.sampled_from(("", "-")),
    *(st.integers(0, most) for most in (4, 14, 5, 40)),
)


@given(days, durations)
def test_durations_agree_with_counting_months_and_days(today: date, offset: str) -> None:
    assert shifted(today, offset) == moved(today, offset)


def test_what_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        shifted(date(2024, 1, 1), "90 days")


OPERATORS = ("lt", "le", "gt", "ge", "eq", "ne")


def clock_rules(offset: str) -> list[Rule]:
    spelled = "now" + (offset if offset.startswith("-") else f"+{offset}")
    texts = [f"hireDate {operator} {spelled}" for operator in OPERATORS]
    texts += [f"hireDate between {spelled} and now", f"not (hireDate between now and {spelled})"]
    return [parse(text, STANDARD_ATTRIBUTES) for text in texts]


@pytest.mark.parametrize(
    "offset", ["P0D", "-P90D", "P1M", "-P1M", "-P1Y", "P1M1D", "-P1M1D", "P2W"]
)
@pytest.mark.parametrize("step", [1, 3, 31, -2])
def test_everyone_who_flips_lies_within_the_crossing(offset: str, step: int) -> None:
    rules = clock_rules(offset)
    flipped = 0
    for start in range(0, 430, 5):
        old = date(2023, 12, 25) + timedelta(days=start)
        new = old + timedelta(days=step)
        for rule in rules:
            ranges = [crossing(each, old, new) for _, each in offsets(rule)]
            first = min(each[0] for each in ranges) - timedelta(days=3)
            check = compile(rule)
            for distance in range((max(each[1] for each in ranges) - first).days + 4):
                day = first + timedelta(days=distance)
                if check({"hireDate": day}, old) is not check({"hireDate": day}, new):
                    flipped += 1
                    assert any(low <= day <= high for low, high in ranges)
    assert flipped > 100


def test_a_crossing_is_no_wider_than_the_step_of_the_clock() -> None:
    old, new = date(2024, 7, 1), date(2024, 7, 2)

    assert crossing("-P90D", old, new) == (date(2024, 4, 2), date(2024, 4, 3))
    assert crossing("-P90D", new, old) == (date(2024, 4, 2), date(2024, 4, 3))


def test_months_of_different_length_cross_more_or_less_than_one_day() -> None:
    first, last = crossing("-P1M", date(2024, 2, 29), date(2024, 3, 1))
    assert (first, last) == (date(2024, 1, 29), date(2024, 2, 1))

    first, last = crossing("-P1M", date(2024, 3, 30), date(2024, 3, 31))
    assert (first, last) == (date(2024, 2, 29), date(2024, 2, 29))


# D9: the clock is the argument and nothing else.
def test_a_relative_rule_flips_at_its_day_and_back_when_the_clock_goes_back() -> None:
    rule = parse("hireDate le now-P1Y", STANDARD_ATTRIBUTES)
    facts = {"hireDate": date(2024, 2, 29)}

    truth = [
        matches(rule, facts, date.fromisoformat(today))
        for today in ("2025-02-27", "2025-02-28", "2025-03-01", "2025-02-28", "2025-02-27")
    ]

    assert truth == [False, False, True, False, False]
