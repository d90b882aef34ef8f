"""The entries of the journal about a person, a course and its segments, oldest first."""

import datetime as dt
import uuid
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.journal import OF_ACCOUNTS
from operations.as_of import OF_OVERRIDES, OF_ROLES
from operations.why.answers import Cause

ADDED: Final = "member.added"
CHANGED: Final = "member.changed"
DELETED: Final = "member.deleted"
OF_LIVES: Final = OF_ACCOUNTS | {ADDED, DELETED}

_COLUMNS: Final = """
SELECT seq, at, verb, by_name, origin, cause, course_id, segment_id, before, after, detail, reason,
       redacted_at IS NOT NULL AS is_redacted
  FROM journal_entry
"""

OF_PERSON: Final = text(
    _COLUMNS
    + """ WHERE workspace_id = :workspace_id AND member_id = :member_id
   AND verb = ANY (CAST(:verbs AS text[])) AND (course_id IS NULL OR course_id = :course_id)
 ORDER BY seq"""
)

OF_ATTACHMENTS: Final = text(
    _COLUMNS
    + """ WHERE workspace_id = :workspace_id AND course_id = :course_id AND segment_id IS NOT NULL
   AND verb IN ('segment.attached', 'segment.detached', 'segment.mode_changed')
 ORDER BY seq"""
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as far as it matters here."""

    seq: int
    at: dt.datetime
    verb: str
    by_name: str
    origin: str
    cause: uuid.UUID | None
    course_id: int | None
    segment_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    detail: dict[str, Any] | None
    reason: str | None
    is_redacted: bool

    def as_cause(self) -> Cause:
        """What is told of it."""
        return Cause(
            self.seq, self.at, self.verb, self.by_name, self.origin, self.before, self.after
        )


@dataclass(frozen=True, slots=True)
class Track:
    """Entries about one thing, which can be asked what came before a place, and what after."""

    entries: Sequence[Entry]

    @classmethod
    def of(cls, entries: Iterable[Entry], verbs: Collection[str]) -> "Track":
        return cls([each for each in entries if each.verb in verbs])

    def until(self, seq: int) -> Sequence[Entry]:
        """Those numbered up to a place, that place included."""
        return self.entries[: self._split(seq)]

    def since(self, seq: int) -> Sequence[Entry]:
        """Those numbered after a place."""
        return self.entries[self._split(seq) :]

    def last(self, seq: int) -> Entry | None:
        """The newest up to a place."""
        split = self._split(seq)
        return self.entries[split - 1] if split else None

    def next(self, seq: int) -> Entry | None:
        """The first after a place."""
        return next(iter(self.since(seq)), None)

    def _split(self, seq: int) -> int:
        return bisect_right(self.entries, seq, key=lambda each: each.seq)


async def of_person(
    db: AsyncSession, workspace_id: int, member_id: int, course_id: int
) -> list[Entry]:
    """What happened to a person, and on this course was said of the person by hand."""
    about = {
        "workspace_id": workspace_id,
        "member_id": member_id,
        "course_id": course_id,
        "verbs": sorted(OF_LIVES | OF_ROLES | OF_OVERRIDES | {CHANGED}),
    }
    return [Entry(*row) for row in await db.execute(OF_PERSON, about)]


async def of_attachments(db: AsyncSession, workspace_id: int, course_id: int) -> list[Entry]:
    """Which segments came to a course, how they were followed, and which left it."""
    about = {"workspace_id": workspace_id, "course_id": course_id}
    return [Entry(*row) for row in await db.execute(OF_ATTACHMENTS, about)]
