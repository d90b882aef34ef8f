"""Journal entries as followers read them: in order, in pages, and whom each one concerns."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from models.base import Json
from models.journal import OF_ACCOUNTS

Key = tuple[str, int]
"""("course" | "segment" | "member", id): what an entry concerns, what a follower asks for.

("standing", course id): with such an entry everybody's rights on the course may be others."""

ATTACHMENTS: Final[Key] = ("attachments", 0)
"""Concerned where a segment was attached or detached, or is followed otherwise: everybody in it
may gain or lose a course."""

STANDING: Final[Key] = ("standing", 0)
"""Concerned where everybody's rights on any course may be others."""

DEPARTMENTS: Final[Key] = ("departments", 0)
"""Concerned where somebody's department is another one, or somebody is no longer there."""

HOLDS: Final[Key] = ("holds", 0)
"""Concerned where removals have begun to wait, or were decided (S11)."""

_OF_ATTACHMENTS: Final = frozenset({"segment.attached", "segment.detached", "segment.mode_changed"})
_OF_STANDING: Final = _OF_ATTACHMENTS | {"course.edited"}

_COLUMNS: Final = (
    *("seq", "at", "verb", "origin", "by_member_id", "by_connection_id", "by_name", "cause"),
    *("course_id", "segment_id", "member_id", "change_set_id", "before", "after", "detail"),
    "reason",
)
_PAGE: Final = f"""
SELECT stream.epoch, stream.head, {", ".join(f"entry.{name}" for name in _COLUMNS)}
  FROM workspace_stream AS stream
  LEFT JOIN LATERAL (
       SELECT * FROM journal_entry
        WHERE journal_entry.workspace_id = stream.workspace_id AND seq > %(after)s
        ORDER BY seq LIMIT %(limit)s) AS entry ON true
 WHERE stream.workspace_id = %(workspace_id)s
 ORDER BY entry.seq
"""  # noqa: S608 (column names are constants of this file)


class HistoryGone(Exception):
    """The entries after a position can no longer be given; the reader must begin anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry; the fields are the columns of `models.journal.JournalEntry`.

    `keys` says whom it concerns: its routing columns, for a change of memberships every segment
    and person in it, for a change of an account the courses where that matters.
    """

    workspace_id: int
    seq: int
    at: dt.datetime
    verb: str
    origin: str
    by_member_id: int | None
    by_connection_id: int | None
    by_name: str
    cause: uuid.UUID | None
    course_id: int | None
    segment_id: int | None
    member_id: int | None
    change_set_id: int | None
    before: Json | None
    after: Json | None
    detail: Json | None
    reason: str | None
    keys: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Interest:
    """What a follower wants to see: entries that concern any of these, or `everything`."""

    courses: frozenset[int] = frozenset()
    segments: frozenset[int] = frozenset()
    members: frozenset[int] = frozenset()
    attachments: bool = False
    departments: bool = False
    holds: bool = False
    everything: bool = False

    def wanted(self) -> frozenset[Key]:
        """The same as keys."""
        return frozenset(
            [("course", id) for id in self.courses]
            + [("segment", id) for id in self.segments]
            + [("member", id) for id in self.members]
            + ([ATTACHMENTS] if self.attachments else [])
            + ([DEPARTMENTS] if self.departments else [])
            + ([HOLDS] if self.holds else [])
        )


EVERYTHING: Final = Interest(everything=True)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in order, with the epoch and the head of the journal in the same snapshot."""

    epoch: uuid.UUID
    head: int
    entries: list[Entry]


async def read_page(db: AsyncSession, workspace_id: int, *, after: int, limit: int) -> Page:
    """The first `limit` entries after `after`, without a gap; raises HistoryGone."""
    connection = await db.connection()
    found = await connection.exec_driver_sql(
        _PAGE, {"workspace_id": workspace_id, "after": after, "limit": limit}
    )
    rows: list[Any] = list(found)
    if not rows:
        raise HistoryGone(f"There is no workspace {workspace_id} any more.")
    epoch, head = rows[0][0], rows[0][1]
    entries = [_entry(workspace_id, row[2:]) for row in rows if row[2] is not None]
    expected = range(after + 1, min(head, after + limit) + 1)
    if [entry.seq for entry in entries] != list(expected):
        oldest = entries[0].seq if entries else head + 1
        raise HistoryGone(
            f"The journal of workspace {workspace_id} is kept from entry {oldest} on; "
            f"what follows entry {after} is gone."
        )
    return Page(epoch, head, entries)


def _entry(workspace_id: int, columns: Any) -> Entry:
    values = dict(zip(_COLUMNS, columns, strict=True))
    return Entry(workspace_id=workspace_id, keys=_concerned(values), **values)


def _concerned(values: Mapping[str, Any]) -> frozenset[Key]:
    routed = (("course", "course_id"), ("segment", "segment_id"), ("member", "member_id"))
    keys = {(kind, values[column]) for kind, column in routed if values[column] is not None}
    if values["verb"] in OF_ACCOUNTS:
        keys.update(("course", id) for id in (values["detail"] or {}).get("courses", ()))
    if values["verb"] in _OF_ATTACHMENTS:
        keys.add(ATTACHMENTS)
    if values["verb"] in _OF_STANDING and values["course_id"] is not None:
        keys.update((STANDING, ("standing", values["course_id"])))
    if values["verb"] == "member.deleted" or _is_of_department(values):
        keys.add(DEPARTMENTS)
    if values["verb"].startswith("hold."):
        keys.add(HOLDS)
    changed: Mapping[str, Mapping[str, list[int]]] = (values["detail"] or {}).get("segments") or {}
    if isinstance(changed, Mapping):
        for segment_id, change in changed.items():
            keys.add(("segment", int(segment_id)))
            people = (*change.get("added", ()), *change.get("removed", ()))
            keys.update(("member", member_id) for member_id in people)
    return frozenset(keys)


def _is_of_department(values: Mapping[str, Any]) -> bool:
    return values["verb"] == "member.changed" and "department" in (values["after"] or {})
