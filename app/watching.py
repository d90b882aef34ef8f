"""Who becomes and who ceases to be coordinator, as it happens, told from the journal."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

_PAUSE_SECONDS: Final = 0.2

_HEAD: Final = text("SELECT head FROM workspace_stream WHERE workspace_id = :workspace")
_ENTRIES: Final = text("""
SELECT verb, by_name, course_id, member_id, detail, cause
  FROM journal_entry WHERE workspace_id = :workspace AND seq > :seq AND seq <= :head ORDER BY seq
""")
_PAIRS: Final = text("""
SELECT course_id, member_id FROM course_coordinator
 WHERE workspace_id = :workspace
   AND (course_id = ANY(:courses) OR member_id = ANY(:members) OR :everything)
""")
_ATTACHED: Final = text("SELECT course_id FROM course_segment WHERE segment_id = ANY(:segments)")
_NAMES: Final = text("""
SELECT c.title, m.display_name,
       ARRAY(SELECT coalesce(g.name, lower(s.kind)) FROM coordinator_source s
               LEFT JOIN segment g ON g.id = s.segment_id
              WHERE s.course_id = c.id AND s.member_id = m.id ORDER BY 1)
  FROM course c, member m WHERE c.id = :course AND m.id = :member
""")

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Change:
    """One person on one course. `sources` says through what, for one who became coordinator."""

    became: bool
    person: str
    course: str
    sources: tuple[str, ...]
    verb: str
    by: str


@dataclass(slots=True)
class _Concerned:
    """Whom some journal entries may concern."""

    courses: set[int] = field(default_factory=set)
    members: set[int] = field(default_factory=set)
    segments: set[int] = field(default_factory=set)


class Watch:
    """Follows one workspace from now on. Reads committed states only, so nothing is told that
    was not true, and changes that undo each other between two looks are not told."""

    def __init__(self, engine: Engine, workspace_id: int) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._workspace = workspace_id
        with self._engine.begin() as db:
            self._seq = self._head(db)
            self._pairs = self._now(db, everything=True)

    def changes(self) -> Iterator[Change]:
        """Wait for changes and yield them, for ever."""
        while True:
            yield from self.look()
            time.sleep(_PAUSE_SECONDS)

    def look(self) -> Sequence[Change]:
        """What changed since the last look."""
        with self._engine.begin() as db:
            head = self._head(db)
            if head == self._seq:
                return []
            told = self._told(db, head)
            self._seq = head
            return told

    def _told(self, db: Connection, head: int) -> list[Change]:
        span = {"workspace": self._workspace, "seq": self._seq, "head": head}
        entries = db.execute(_ENTRIES, span).mappings().all()
        concerned = _concerned(entries)
        segments = sorted(concerned.segments)
        concerned.courses.update(db.scalars(_ATTACHED, {"segments": segments}))
        before = {
            pair
            for pair in self._pairs
            if pair[0] in concerned.courses or pair[1] in concerned.members
        }
        after = self._now(db, courses=sorted(concerned.courses), members=sorted(concerned.members))
        self._pairs = (self._pairs - before) | after
        last = entries[-1]
        return [
            *(self._change(db, pair, last, became=False) for pair in sorted(before - after)),
            *(self._change(db, pair, last, became=True) for pair in sorted(after - before)),
        ]

    def _now(
        self,
        db: Connection,
        *,
        courses: Sequence[int] = (),
        members: Sequence[int] = (),
        everything: bool = False,
    ) -> set[Pair]:
        parameters = {
            "workspace": self._workspace,
            "courses": list(courses),
            "members": list(members),
            "everything": everything,
        }
        return {(course, member) for course, member in db.execute(_PAIRS, parameters)}

    def _head(self, db: Connection) -> int:
        return int(db.execute(_HEAD, {"workspace": self._workspace}).scalar_one())

    def _change(self, db: Connection, pair: Pair, last: Any, *, became: bool) -> Change:
        course, person, sources = db.execute(_NAMES, {"course": pair[0], "member": pair[1]}).one()
        return Change(
            became, person, course, tuple(sources) if became else (), last["verb"], last["by_name"]
        )


def _concerned(entries: Sequence[Any]) -> _Concerned:
    found = _Concerned()
    for entry in entries:
        if entry["course_id"] is not None:
            found.courses.add(entry["course_id"])
        if entry["member_id"] is not None:
            found.members.add(entry["member_id"])
        for segment, moved in ((entry["detail"] or {}).get("segments") or {}).items():
            found.segments.add(int(segment))
            found.members.update(moved.get("added", ()))
            found.members.update(moved.get("removed", ()))
    return found
