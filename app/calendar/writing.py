"""Live sessions written as iCalendar.

Whatever people typed becomes text of one property: line breaks, commas, semicolons and backslashes
are escaped, characters that no text has (RFC 5545, 3.3.11) are left out, and lines are folded at 75
bytes between characters. The same entries are the same bytes.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final
from urllib.parse import quote, urlsplit

from icalendar import Calendar as VCalendar
from icalendar import Event, vCalAddress, vDuration, vUri

from app.calendar.zones import clock_time, components
from operations.live_sessions.calendars import Calendar, Entry
from resolvers.ids import encode

PRODID: Final = "-//LMS Coordinator//Live sessions//EN"
REFRESH: Final = dt.timedelta(hours=1)

_BREAKS: Final = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_NO_TEXT: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_ADDRESS: Final = re.compile('[\x00-\x20\x7f-\xa0\\\\"\u2028\u2029]')


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for one installation: UIDs end in the host of its public address, and stay the same
    as long as that does. `sender` is the address it writes from, which organizes what it
    publishes (RFC 5546, 3.2.1)."""

    public_url: str
    sender: str

    def file(self, entry: Entry) -> bytes:
        """One live session."""
        return self._written([entry], name=None)

    def feed(self, calendar: Calendar) -> bytes:
        """A person's calendar."""
        return self._written(calendar.entries, name=f"Live sessions, {calendar.workspace}")

    def _written(self, entries: Sequence[Entry], name: str | None) -> bytes:
        made = VCalendar()
        made.add("prodid", PRODID)
        made.add("version", "2.0")
        made.add("method", "PUBLISH")
        if name is not None:
            for said in ("name", "x-wr-calname"):
                made.add(said, _text(name))
            made.add("refresh-interval", vDuration(REFRESH), parameters={"value": "DURATION"})
            made.add("x-published-ttl", vDuration(REFRESH))
        shown = [
            clock_time(moment, each.live_session.time_zone)
            for each in entries
            for moment in (each.live_session.starts_at, each.live_session.ends_at)
        ]
        for component in (*components(shown), *map(self._event, entries)):
            made.add_component(component)
        return bytes(made.to_ical(sorted=False))

    def _event(self, entry: Entry) -> Event:
        live_session = entry.live_session
        zone = live_session.time_zone
        event = Event()
        event.add("uid", f"{encode('LiveSession', live_session.id)}@{self._host}")
        event.add("sequence", live_session.sequence)
        event.add("dtstamp", _second(entry.changed_at))
        event.add("last-modified", _second(entry.changed_at))
        event.add("created", _second(live_session.created_at))
        event.add("dtstart", clock_time(live_session.starts_at, zone))
        event.add("dtend", clock_time(live_session.ends_at, zone))
        event.add("summary", _text(live_session.title))
        event.add("description", _text("\n\n".join(_said(entry))))
        if live_session.place:
            event.add("location", _text(live_session.place))
        if entry.link is not None:
            event.add("url", vUri(_address(entry.link)))
        event.add("status", _status(entry))
        event.add("transp", "TRANSPARENT" if entry.is_canceled else "OPAQUE")
        event.add("organizer", self._organizer)
        return event

    @property
    def _host(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"

    @property
    def _organizer(self) -> vCalAddress:
        name, address = parseaddr(self.sender)
        found = vCalAddress(f"mailto:{address}")
        if name:
            found.params["cn"] = name
        return found


def _status(entry: Entry) -> str:
    if entry.is_canceled:
        return "CANCELLED"
    return "TENTATIVE" if entry.is_waiting else "CONFIRMED"


def _said(entry: Entry) -> Iterator[str]:
    """The paragraphs of the description. Few calendars show a URL elsewhere."""
    if entry.is_canceled:
        yield f"Canceled: {entry.live_session.reason}"
    elif entry.is_waiting:
        yield "You are on the waitlist; there is no seat yet."
    elif entry.is_teaching:
        yield "You teach this."
    yield f"Course: {entry.course_title}"
    if entry.live_session.description:
        yield entry.live_session.description
    if entry.link is not None:
        yield f"Join: {entry.link}"


def _text(said: str) -> str:
    return _NO_TEXT.sub("", _BREAKS.sub("\n", said))


def _address(link: str) -> str:
    """The link with what could end a line or a value percent-encoded."""
    return _NO_ADDRESS.sub(lambda found: quote(found[0]), link)


def _second(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(microsecond=0)
