"""The company of `tests.benchmarks.scale`: as many people, segments and courses as one says.

Nobody of them is kept in memory. What is known about a person follows from a number and from how
often it has changed; 5,000 sets of 30 attributes are shared by all, but everybody is in a team.
"""

import itertools
import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from psycopg.types.json import Jsonb

from models.people import MemberState
from sync_engine.rules import fold, to_json
from sync_engine.state import Connection
from tests.benchmarks.rules import TEAMS, broad, catalog, person, selective
from tests.ground import Document, Ground, insert_segment

POOL: Final = 5_000
CHUNK: Final = 1_000
BROAD_AT_MOST: Final = 300
"""Of ten thousand rules most name a team, as they do in a large company."""

INTERACTIVE: Final = 200
"""People whom single changes concern, all over the company."""

FIND: Final = """
SELECT user_name, id, facts::text FROM member
 WHERE workspace_id = %(workspace_id)s AND lower(user_name) = ANY(%(names)s)
   AND deleted_at IS NULL
"""
WRITE: Final = """
UPDATE member SET facts = n.facts, revision = revision + 1
  FROM unnest(%(ids)s::bigint[], %(facts)s::jsonb[]) AS n(id, facts) WHERE member.id = n.id
"""


@dataclass(frozen=True, slots=True)
class Size:
    members: int
    segments: int
    courses: int


def sizes() -> list[Size]:
    """As the environment says: SCALE_MEMBERS and SCALE_SEGMENTS in pairs, SCALE_COURSES."""
    members = _numbers("SCALE_MEMBERS", "20000")
    segments = _numbers("SCALE_SEGMENTS", "200")
    courses = _numbers("SCALE_COURSES", "1000")[0]
    segments += segments[-1:] * (len(members) - len(segments))
    return [Size(*each, courses) for each in zip(members, segments, strict=False)]


def _numbers(name: str, otherwise: str) -> list[int]:
    return [int(each) for each in os.environ.get(name, otherwise).split(",")]


@dataclass
class Company:
    """People are numbered from 0; `changed` says how often each has changed."""

    ground: Ground
    size: Size
    ids: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    everyone: int = 0
    pool: list[str] = field(default_factory=list)
    changed: bytearray = field(default_factory=bytearray)
    turns: Iterator[int] = field(default_factory=itertools.count)
    """Of single changes; somebody who changes twice becomes what they were."""

    def facts(self, number: int, times: int | None = None) -> str:
        """What is stored of a person after so many changes, as JSON."""
        times = self.changed[number] if times is None else times
        return f'{self.pool[(number * 31 + times * 977) % POOL]}, "team": "T{number % TEAMS}"}}'

    def interactive(self) -> list[int]:
        """The numbers of those whom single changes concern."""
        step = max(1, self.size.members // INTERACTIVE)
        return list(range(0, self.size.members, step))[:INTERACTIVE]

    def populate(self) -> None:
        """Everything but memberships; nobody is marked."""
        ground, dice = self.ground, random.Random(11)
        self._pool(dice)
        self.changed = bytearray(self.size.members)
        ground.db.execute(
            "UPDATE workspace SET hold_people = 1000000000, hold_percent = 100, hold_minutes = 1"
        )
        for rule in self._rules(dice):
            self.segments.append(insert_segment(ground.db, ground.workspace_id, rule, mark=False))
        self.everyone = insert_segment(
            ground.db, ground.workspace_id, {"everyone": True}, mark=False
        )
        self._courses()
        columns = "workspace_id, user_name, display_name, state, facts"
        with (
            ground.db.cursor() as cursor,
            cursor.copy(f"COPY member ({columns}) FROM STDIN") as copy,
        ):
            for number in range(self.size.members):
                name = f"p{number}"
                copy.write_row(
                    (ground.workspace_id, name, name, MemberState.ACTIVE, self.facts(number))
                )
        ground.db.commit()
        self.ids = [id for (id,) in ground.rows("SELECT id FROM member ORDER BY id")]

    def _pool(self, dice: random.Random) -> None:
        known = catalog()
        self.ground.db.execute("DELETE FROM attribute_definition")
        with self.ground.db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO attribute_definition VALUES (%s, %s, %s, %s)",
                [
                    (self.ground.workspace_id, each.name, each.type.value, each.owner.value)
                    for each in known.values()
                ],
            )
        for _ in range(POOL):
            raw = person(dice)
            raw.pop("team", None)
            self.pool.append(json.dumps(to_json(fold(raw, known)[0]))[:-1])

    def _rules(self, dice: random.Random) -> Iterator[Document]:
        yield {"attr": "team", "op": "eq", "value": "one"}
        yield {"attr": "team", "op": "eq", "value": "other"}
        some = min(self.size.segments // 2, BROAD_AT_MOST)
        for number in range(self.size.segments - 2):
            yield broad(dice) if number < some else selective(dice)

    def _courses(self) -> None:
        db, workspace_id = self.ground.db, self.ground.workspace_id
        course = self.ground.course()
        [(department,)] = db.execute("SELECT department_id FROM course WHERE id = %s", (course,))
        db.execute(
            "INSERT INTO course (workspace_id, department_id, title, kind, state)"
            " SELECT %s, %s, 'Course ' || n, 'SELF_PACED', 'ACTIVE'"
            " FROM generate_series(2, %s) AS n",
            (workspace_id, department, self.size.courses),
        )
        db.execute(
            "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
            " SELECT id, (%s::integer[])[1 + id %% %s], %s, 1 FROM course",
            (self.segments, len(self.segments), workspace_id),
        )

    def deliver(self, percent: int, file: Path) -> int:
        """Write what a directory says tonight, a line a person, `percent` of them changed; how
        many are."""
        left_out = set(self.interactive())
        changed = 0
        with file.open("w") as out:
            for number in range(self.size.members):
                if number % 100 < percent and number not in left_out:
                    self.changed[number] = (self.changed[number] + 1) % 250
                    changed += 1
                out.write(f'["p{number}", {self.facts(number)}]\n')
        return changed

    def take_over(self, file: Path) -> list[int]:
        """Compare what is said with what is stored, change and mark those who differ; who."""
        differing: list[int] = []
        left_out = {f"p{number}" for number in self.interactive()}
        for said in delivered(file):
            names = [name for name, _ in said]
            given = {"workspace_id": self.ground.workspace_id, "names": names}
            found = self.ground.db.execute(FIND, given).fetchall()
            stored = {name: (id, facts) for name, id, facts in found}
            new = {
                stored[name][0]: facts
                for name, facts in said
                if name not in left_out and json.loads(stored[name][1]) != facts
            }
            self.write(new)
            differing.extend(sorted(new))
        return differing

    def write(self, facts: dict[int, Any], *, lane: int = 1) -> None:
        """Change these people and mark them, as writers do."""
        ids = sorted(facts)
        if ids:
            write_facts(self.ground.db, ids, [facts[id] for id in ids])
            mark(self.ground.db, self.ground.workspace_id, ids, lane)
        self.ground.db.commit()


def delivered(file: Path) -> Iterator[list[Any]]:
    """The lines of a delivery, read, a thousand at a time."""
    with file.open() as lines:
        some: list[Any] = []
        for line in lines:
            some.append(json.loads(line))
            if len(some) == CHUNK:
                yield some
                some = []
        if some:
            yield some


def write_facts(db: Connection, ids: list[int], facts: Iterable[Any]) -> None:
    db.execute(
        "SELECT FROM member WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        (ids,),
    )
    db.execute(WRITE, {"ids": ids, "facts": [Jsonb(each) for each in facts]})


def mark(db: Connection, workspace_id: int, ids: list[int], lane: int) -> None:
    db.execute(
        "INSERT INTO dirty_member (member_id, workspace_id, lane)"
        " SELECT id, %s, %s FROM unnest(%s::bigint[]) AS id ORDER BY id"
        " ON CONFLICT (member_id) DO UPDATE SET lane = least(dirty_member.lane, excluded.lane)",
        (workspace_id, lane, ids),
    )
