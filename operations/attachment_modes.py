"""Whom an attachment makes coordinator, by its mode (S8).

The same reading of intervals as that of the view `coordinator_source`, for places in the past.
"In it when the mode began" is meant by the intervals, in whatever order things were committed: who
was let in by a transaction that began before a freeze and ended after it, was in it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from models.segments import AttachmentMode


class Span(Protocol):
    """A time in a segment: from `since`, until before `until`, or going on."""

    @property
    def since(self) -> dt.datetime:
        """When it began."""

    @property
    def until(self) -> dt.datetime | None:
        """When it ended."""


S = TypeVar("S", bound=Span)


@dataclass(frozen=True, slots=True)
class Mode:
    """The mode of one attachment."""

    mode: AttachmentMode
    since: dt.datetime

    @classmethod
    def said(cls, words: Mapping[str, Any] | None, at: dt.datetime) -> "Mode":
        """As the journal tells it; before there were modes, it told none."""
        told = words or {}
        since = told.get("modeSince")
        return cls(
            AttachmentMode(told.get("mode", AttachmentMode.SYNC)),
            at if since is None else dt.datetime.fromisoformat(str(since)),
        )

    def counted(self, spans: Iterable[S]) -> S | None:
        """Of one person's times in the segment, in their order, the one that makes them
        coordinator."""
        return next((each for each in spans if self._counts(each)), None)

    def _counts(self, span: Span) -> bool:
        goes_on = span.until is None
        was_in = span.since <= self.since
        has_been_in = span.until is None or span.until > self.since
        return {
            AttachmentMode.SYNC: goes_on,
            AttachmentMode.ADD_ONLY: has_been_in,
            AttachmentMode.REMOVE_ONLY: goes_on and was_in,
            AttachmentMode.FROZEN: was_in and has_been_in,
        }[self.mode]


def told(mode: AttachmentMode, since: dt.datetime) -> dict[str, Any]:
    """A mode in the words of the journal."""
    return {"mode": mode, "modeSince": since.isoformat()}
