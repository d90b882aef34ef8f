"""Live sessions as iCalendar, read back by ical.js, which nobody here wrote (H5)."""

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.calendar.writing import Writer
from models.live_sessions import LiveSessionState
from operations.live_sessions.calendars import Calendar
from tests.calendars import entry, read_back
from tests.node import NodeClients
from tests.sampling import examples

pytestmark = pytest.mark.spec("H5")

SINCE = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
WRITER = Writer("https://lms.acme.example", "Acme Learning <learning@acme.example>")
ZONES = (
    "Europe/Stockholm",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Antarctica/Troll",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Gaza",
    "Etc/GMT+5",
    "UTC",
)
HOSTILE = (
    "BEGIN:VEVENT",
    "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:mine",
    "x\nATTENDEE:mailto:eve@evil.example",
    "x\rATTENDEE:mailto:eve@evil.example",
    "x\u2028ATTENDEE:y\u2029z\x85w\x0bv\x0cu\x1ct",
    'a,b;c\\d\\n\\,"e":f',
    "\\",
    "\x01\x07\x1b[31m\x7f",
    " leading and trailing ",
    "=\t\t=",
    *("x" * n + "😀👩‍👩‍👧‍👦é" * 20 for n in range(60, 76)),
)


def utc(*numbers: int) -> dt.datetime:
    return dt.datetime(*numbers, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


def lines(written: bytes) -> list[str]:
    """Unfolded, by hand."""
    assert written.endswith(b"\r\n")
    folded = written[:-2].split(b"\r\n")
    assert max(map(len, folded)) <= 75
    for each in folded:
        each.decode()
        assert not re.search(rb"[\r\n]", each)
    return written.decode().replace("\r\n ", "")[:-2].split("\r\n")


def test_what_is_written_is_what_another_library_reads(node_clients: NodeClients) -> None:
    wanted = entry(
        utc(2026, 12, 1, 8, 30),
        said=[("description", "Bring shoes.\nAnd a hat."), ("place", "Hall 2"), ("sequence", 4)],
        link="https://meet.example/x?a=1,2;b",
        changed_at=utc(2026, 11, 20, 10, 0, 1),
    )

    [found] = read_back(node_clients, WRITER.file(wanted))
    [event] = found["events"]

    assert found["version"] == "2.0"
    assert found["method"] == "PUBLISH"
    assert found["prodid"] == "-//LMS Coordinator//Live sessions//EN"
    assert found["zones"] == ["Europe/Stockholm"]
    assert event["uid"] == "TGl2ZVNlc3Npb246Nw@lms.acme.example"
    assert event["sequence"] == "4"
    assert event["dtstamp"] == event["last-modified"] == "2026-11-20T10:00:01Z"
    assert event["dtstart"] == "2026-12-01T09:30:00"
    assert event["starts"] == utc(2026, 12, 1, 8, 30).timestamp()
    assert event["ends"] == utc(2026, 12, 1, 9, 30).timestamp()
    assert event["summary"] == "Ladders"
    assert event["description"] == (
        "Course: Safety\n\nBring shoes.\nAnd a hat.\n\nJoin: https://meet.example/x?a=1,2;b"
    )
    assert event["location"] == "Hall 2"
    assert event["url"] == "https://meet.example/x?a=1,2;b"
    assert event["status"] == "CONFIRMED"
    assert event["organizer"] == "mailto:learning@acme.example"


def test_a_feed_says_its_name_and_how_often_to_look(node_clients: NodeClients) -> None:
    [found] = read_back(node_clients, WRITER.feed(Calendar("Acme, Inc.", ())))

    assert found["name"] == found["x-wr-calname"] == "Live sessions, Acme, Inc."
    assert found["refresh-interval"] == found["x-published-ttl"] == "PT1H"
    assert found["events"] == []


@pytest.mark.parametrize(
    ("known", "said", "status", "sentence"),
    [
        ({}, [], "CONFIRMED", "Course: Safety"),
        ({"is_waiting": True}, [], "TENTATIVE", "You are on the waitlist; there is no seat yet."),
        ({"is_teaching": True}, [], "CONFIRMED", "You teach this."),
        (
            {"is_teaching": True},
            [("state", LiveSessionState.CANCELLED), ("reason", "Snow.")],
            "CANCELLED",
            "Canceled: Snow.",
        ),
    ],
)
def test_it_says_how_its_reader_stands(
    node_clients: NodeClients, known: Any, said: Any, status: str, sentence: str
) -> None:
    [found] = read_back(node_clients, WRITER.file(entry(said=said, **known)))

    [event] = found["events"]
    assert event["status"] == status
    assert event["description"].splitlines()[0] == sentence
    assert event["transp"] == ("TRANSPARENT" if status == "CANCELLED" else "OPAQUE")
    assert "url" not in event["names"]


def test_hostile_words_stay_words_of_one_property(node_clients: NodeClients) -> None:
    harmless = WRITER.file(entry(said=[("place", "x"), ("description", "x")]))
    fields = ("title", "description", "place")
    written = [
        WRITER.file(entry(said=[(name, each) for name in fields], course_title=each))
        for each in HOSTILE
    ]

    plain, *found = read_back(node_clients, harmless, *written)

    for said, text, one in zip(HOSTILE, written, found, strict=True):
        assert one["parts"] == ["vtimezone", "vevent"]
        assert one["events"][0]["names"] == plain["events"][0]["names"]
        assert one["events"][0]["parts"] == []
        shown = re.sub("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]", "\n", said)
        shown = re.sub("[\x00-\x08\x0e-\x1f\x7f]", "", shown)
        assert one["events"][0]["summary"] == one["events"][0]["location"] == shown
        assert [each.partition(":")[0] for each in lines(text)] == [
            each.partition(":")[0] for each in lines(harmless)
        ]


def test_a_link_cannot_end_its_line() -> None:
    written = WRITER.file(entry(link="https://x.example/\r\nATTENDEE:y\x01\u2028\\"))

    [url] = [each for each in lines(written) if each.startswith("URL:")]
    assert url == "URL:https://x.example/%0D%0AATTENDEE:y%01%E2%80%A8%5C"


@given(st.lists(st.text(max_size=300), min_size=3, max_size=3))
@settings(max_examples=examples(150), deadline=None)
def test_no_text_breaks_out(said: list[str]) -> None:
    title, description, place = said
    names = [("title", title), ("description", description), ("place", place or "x")]

    found = lines(WRITER.file(entry(said=names)))

    plain = lines(WRITER.file(entry(said=[("description", "x"), ("place", "x")])))
    assert [each.partition(":")[0] for each in found] == [each.partition(":")[0] for each in plain]


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_around_every_change_of_clocks_is_read_as_the_same_instant(
    node_clients: NodeClients, zone: str
) -> None:
    """Two years: half hours wherever the offset changes within a day, and firsts of months."""
    times = _around_changes(zone, utc(2026, 1, 1), utc(2028, 1, 1))
    entries = [entry(each, id=n + 1, zone=zone) for n, each in enumerate(times)]

    [found] = read_back(node_clients, WRITER.feed(Calendar("Acme", tuple(entries))))

    assert len(found["events"]) == len(times)
    for each, event in zip(times, found["events"], strict=True):
        assert event["starts"] == each.timestamp(), (each, event["dtstart"])
        assert event["ends"] == each.timestamp() + 3600, (each, event["dtend"])


def test_what_clocks_show_twice_is_said_in_utc(node_clients: NodeClients) -> None:
    """02:30 in Stockholm on 25 October 2026: first in summer time, then again. ical.js would take
    either for the second."""
    once, again = utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)

    first, second = read_back(node_clients, WRITER.file(entry(once)), WRITER.file(entry(again)))

    assert first["events"][0]["dtstart"] == "2026-10-25T00:30:00Z"
    assert first["events"][0]["dtend"] == "2026-10-25T01:30:00Z"
    assert second["events"][0]["dtstart"] == "2026-10-25T01:30:00Z"
    assert second["events"][0]["dtend"] == "2026-10-25T03:30:00"


def test_a_live_session_over_the_change_takes_as_long_as_it_does(
    node_clients: NodeClients,
) -> None:
    """From 01:00 to 04:00 in the night that clocks are put forward: two hours."""
    night = entry(utc(2026, 3, 29, 0), lasting=dt.timedelta(hours=2))

    [found] = read_back(node_clients, WRITER.file(night))

    [event] = found["events"]
    assert (event["dtstart"], event["dtend"]) == ("2026-03-29T01:00:00", "2026-03-29T04:00:00")
    assert event["ends"] - event["starts"] == 2 * 3600


def test_the_onset_is_what_clocks_show_just_before_it() -> None:
    """RFC 5545, 3.6.5: at 02:00 in winter time clocks in Stockholm are put forward."""
    written = lines(WRITER.file(entry(utc(2026, 6, 1))))

    begin = written.index("DTSTART:20260329T020000")
    assert written[begin - 1 : begin + 4] == [
        "BEGIN:DAYLIGHT",
        "DTSTART:20260329T020000",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200",
        "TZNAME:CEST",
    ]


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 110 * 365 * 24 * 60).map(lambda n: SINCE + dt.timedelta(minutes=n)),
            st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})),
        ),
        min_size=40,
        max_size=40,
    )
)
def test_any_time_in_any_zone_is_read_as_the_same_instant(
    node_clients: NodeClients, said: list[tuple[dt.datetime, str]]
) -> None:
    times = [each for each, _ in said]
    entries = [
        entry(each, id=n + 1, zone=zone)
        for n, (each, (_, zone)) in enumerate(zip(times, said, strict=True))
    ]

    [found] = read_back(node_clients, WRITER.feed(Calendar("Acme", tuple(entries))))

    read = [event["starts"] for event in found["events"]]
    assert read == [each.timestamp() for each in times], said


@pytest.mark.parametrize("year", [1, 2, 3, 9997, 9998, 9999])
def test_the_ends_of_time_are_written_too(node_clients: NodeClients, year: int) -> None:
    early = entry(utc(year, 6, 1), zone="America/New_York")

    [found] = read_back(node_clients, WRITER.file(early))

    assert found["events"][0]["dtstart"].partition("-")[0] == str(year)


def test_far_apart_live_sessions_bring_no_centuries_of_clocks() -> None:
    both = Calendar("Acme", (entry(utc(1950, 6, 1)), entry(utc(9000, 6, 1), id=8)))

    assert len(WRITER.feed(both)) < 5_000


def test_the_same_entries_are_the_same_bytes() -> None:
    assert WRITER.file(entry()) == WRITER.file(entry())


def _around_changes(zone: str, first: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    place, day, half_hour = ZoneInfo(zone), dt.timedelta(days=1), dt.timedelta(minutes=30)
    times = []
    while first < end:
        offsets = {(first + day * n).astimezone(place).utcoffset() for n in (0, 1)}
        if len(offsets) > 1:
            times += [first + half_hour * n for n in range(-4, 52)]
        elif first.day == 1:
            times.append(first)
        first += day
    return sorted(set(times))
