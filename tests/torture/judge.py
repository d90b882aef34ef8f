"""Is everything exactly as it should be? Answered from the rows, by other means than the engine.

At a moment when nothing waits and nobody writes: are memberships, coordinators and holds what their
definitions say, has the journal no gap and an unbroken chain and does replaying it give the present
state, and have frozen segments kept their people, but for those who were pinned.
"""

from dataclasses import dataclass, field

from models.chain import FIELDS, NOTHING_BEFORE, canonical, digest_of, link
from tests.ground import Ground, Pairs
from tests.torture import truth

DOCUMENTS = frozenset({"before", "after", "detail"})
ENTRIES = f"""
SELECT {", ".join(f"{name}::text" if name in DOCUMENTS else name for name in FIELDS)},
       digest, hash, detail
  FROM journal_entry WHERE workspace_id = %s AND seq > %s ORDER BY seq
"""
AROUND = """
SELECT 'segment', s.id, to_jsonb(s)::text FROM segment s WHERE s.id = ANY(%(segments)s)
UNION ALL
SELECT 'person', m.id, to_jsonb(m)::text FROM member m WHERE m.id = ANY(%(members)s)
UNION ALL
SELECT 'interval', c.opened_by_id, to_jsonb(c)::text FROM membership c
 WHERE c.segment_id = ANY(%(segments)s) AND c.member_id = ANY(%(members)s)
UNION ALL
SELECT 'entry', j.seq, concat_ws(' ', j.verb, j.segment_id, j.member_id, left(j.detail::text, 200))
  FROM journal_entry j
 WHERE j.workspace_id = %(workspace_id)s
   AND j.seq > (SELECT max(seq) - 80 FROM journal_entry WHERE workspace_id = %(workspace_id)s)
 ORDER BY 1, 2
"""
EXCUSED = """
SELECT id FROM member WHERE workspace_id = %s AND deleted_at IS NOT NULL
UNION
SELECT p.id::bigint
  FROM journal_entry j
 CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(j.after, j.before) -> 'memberIds') AS p(id)
 WHERE j.workspace_id = %s AND j.verb LIKE '%%pinned'
"""


@dataclass(slots=True)
class Judge:
    """Watches one workspace from verdict to verdict."""

    ground: Ground
    seen: int = 0
    hash: bytes = NOTHING_BEFORE
    replayed: Pairs = field(default_factory=set)
    frozen: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    differing: list[tuple[int, int]] = field(default_factory=list)

    def wrong(self) -> dict[str, int]:
        """What is wrong, by kind: how many pairs, courses' coordinators, entries or people."""
        stored = self.ground.stored()
        frozen = self._frozen_segments()
        kept = {pair for pair in stored if pair[1] in frozen}
        courses = truth.courses(self.ground)
        self.differing = sorted(stored ^ truth.memberships(self.ground, stored))
        found = {
            "memberships": len(self.differing),
            "coordinators": len(self._coordinators() ^ courses.coordinators),
            "ending beside a source": len(courses.ending_beside),
            "holds": truth.bad_holds(self.ground),
            "journal gaps": self._replay(),
            "journal replay": len(self.replayed ^ stored),
            "frozen": self._thawed(frozen, kept),
            "intervals": self._bad_intervals(),
            "written meanwhile": self._written_meanwhile(),
        }
        return {kind: count for kind, count in found.items() if count}

    def evidence(self) -> list[str]:
        """What lies around the memberships that were wrong at the last verdict: timing does not
        come back with a seed, so whoever looks for the reason needs it now."""
        if not self.differing:
            return []
        asked = {
            "workspace_id": self.ground.workspace_id,
            "members": sorted({member for member, _ in self.differing}),
            "segments": sorted({segment for _, segment in self.differing}),
        }
        found = self.ground.db.execute(AROUND, asked).fetchall()
        self.ground.db.rollback()
        return [f"wrong: {self.differing}", *(" ".join(map(str, row)) for row in found)]

    def _frozen_segments(self) -> dict[int, int]:
        return dict(
            self.ground.rows(
                "SELECT id, epoch FROM segment"
                " WHERE workspace_id = %s AND state <> 'ACTIVE' AND deleted_at IS NULL",
                self.ground.workspace_id,
            )
        )

    def _thawed(self, frozen: dict[int, int], held: Pairs) -> int:
        """People who came into or went out of a segment that was frozen all the while, but for
        those who were deleted, and those of whom somebody said so."""
        excused = {id for (id,) in self.ground.rows(EXCUSED, *[self.ground.workspace_id] * 2)}
        now = {
            (segment, epoch): {member for member, held_by in held if held_by == segment}
            for segment, epoch in frozen.items()
        }
        changed = sum(
            len((now[key] ^ before) - excused) for key, before in self.frozen.items() if key in now
        )
        self.frozen = now
        return changed

    def _replay(self) -> int:
        """Play the journal's news; how many entries are missing or contradict what was before."""
        problems = 0
        for row in self.ground.rows(ENTRIES, self.ground.workspace_id, self.seen):
            *values, digest, hashed, detail = row
            entry = dict(zip(FIELDS, values, strict=True))
            problems += entry["seq"] != self.seen + 1
            problems += digest_of(canonical(entry)) != digest
            problems += link(self.hash, digest) != hashed
            self.seen, self.hash = entry["seq"], hashed
            if entry["verb"] == "membership.changed":
                problems += self._play(detail["segments"])
        return problems

    def _play(self, segments: dict[str, dict[str, list[int]]]) -> int:
        added = {(m, int(s)) for s, changed in segments.items() for m in changed["added"]}
        removed = {(m, int(s)) for s, changed in segments.items() for m in changed["removed"]}
        problems = len(added & self.replayed) + len(removed - self.replayed)
        self.replayed = (self.replayed | added) - removed
        return problems

    def _coordinators(self) -> Pairs:
        return {
            (course, member)
            for course, member in self.ground.rows(
                "SELECT course_id, member_id FROM course_coordinator WHERE workspace_id = %s",
                self.ground.workspace_id,
            )
        }

    def _bad_intervals(self) -> int:
        """Intervals that end before they begin, or begin before the pair's last one has ended."""
        count: int = self.ground.one(
            "SELECT count(*) FROM (SELECT since, until, lag(coalesce(until, 'infinity'))"
            " OVER (PARTITION BY member_id, segment_id ORDER BY since) AS last_until"
            " FROM membership WHERE segment_id IN (SELECT id FROM segment"
            " WHERE workspace_id = %s)) AS i WHERE until < since OR since < last_until",
            self.ground.workspace_id,
        )
        return count

    def _written_meanwhile(self) -> int:
        """Entries that came while it was judged: there is no verdict on what was not quiet."""
        head: int = self.ground.one(
            "SELECT head FROM workspace_stream WHERE workspace_id = %s", self.ground.workspace_id
        )
        return head - self.seen
