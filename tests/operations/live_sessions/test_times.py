"""When is meant: instants, and what clocks in a time zone show (H5)."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.live_sessions.times import instant, local, zone_of
from operations.refusals import Code, Refused

STOCKHOLM = "Europe/Stockholm"


def said(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.spec("H5")
@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-12-24T09:00:00", STOCKHOLM, "2026-12-24T08:00:00+00:00"),
        ("2026-07-01T09:00:00", STOCKHOLM, "2026-07-01T07:00:00+00:00"),
        ("2026-07-01T09:00:00Z", STOCKHOLM, "2026-07-01T09:00:00+00:00"),
        ("2026-07-01T09:00:00-04:00", STOCKHOLM, "2026-07-01T13:00:00+00:00"),
        ("2026-07-01T09:00:00", "Asia/Kathmandu", "2026-07-01T03:15:00+00:00"),
        ("2026-03-29T03:00:00", STOCKHOLM, "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T03:00:00", STOCKHOLM, "2026-10-25T02:00:00+00:00"),
    ],
)
def test_a_time_is_what_clocks_there_show_or_the_instant_its_offset_says(
    text: str, zone: str, utc: str
) -> None:
    assert instant(said(text), zone, "startsAt").isoformat() == utc


@pytest.mark.parametrize(
    ("text", "choices", "word"),
    [
        (
            "2026-03-29T02:30:00",
            ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"],
            "never",
        ),
        (
            "2026-10-25T02:30:00",
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"],
            "twice",
        ),
    ],
)
def test_a_time_clocks_never_show_or_show_twice_is_refused_with_what_may_be_meant(
    text: str, choices: list[str], word: str
) -> None:
    with pytest.raises(Refused) as refusal:
        instant(said(text), STOCKHOLM, "startsAt")

    assert refusal.value.code is Code.BAD_USER_INPUT
    assert refusal.value.details == {"argument": "startsAt", "choices": choices}
    assert word in refusal.value.message
    for choice in choices:
        assert instant(said(choice), STOCKHOLM, "startsAt") == said(choice)


def test_a_fold_said_in_the_clock_s_own_bit_does_not_decide() -> None:
    with pytest.raises(Refused):
        instant(said("2026-10-25T02:30:00").replace(fold=1), STOCKHOLM, "startsAt")


@pytest.mark.parametrize("text", ["0001-01-01T00:30:00", "9999-12-31T23:30:00-08:00"])
def test_times_beyond_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="years 1 to 9999"):
        instant(said(text), "Asia/Tokyo", "startsAt")


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2037, 12, 31)),  # noqa: DTZ001
    st.sampled_from([STOCKHOLM, "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_what_is_understood_is_shown_as_it_was_said(moment: dt.datetime, zone: str) -> None:
    try:
        meant = instant(moment, zone, "startsAt")
    except Refused as refusal:
        first, second = (said(each) for each in refusal.details["choices"])
        assert first < second
        return

    assert said(local(meant, zone)).replace(tzinfo=None) == moment


@pytest.mark.parametrize("name", ["", "CET ", "../etc/passwd", "localtime", "Factory", "+01:00"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        zone_of(name)
