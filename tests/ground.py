"""A workspace in plain SQL: the writers' statements one by one, and a naive recomputation.

The engine's tests, the torture run and the benchmarks need to hold a transaction open between two
statements, so they write as operations do, but by hand. Functions that take a connection leave
the commit to their caller.
"""

import datetime as dt
import itertools
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Engine

from access.caller import system
from models import journal
from sync_engine.drain import Drained, drain
from sync_engine.markers import BLOCK_BITS, MARK_MEMBERS, MARK_SEGMENT, RAISE_EPOCH, Lane
from sync_engine.rebuild import expand, rebuild
from sync_engine.reports import follow_reports
from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    Fact,
    from_document,
    from_json,
    matches,
    moments,
    to_json,
)
from sync_engine.rules import fold as folded
from sync_engine.state import Connection, Rules
from sync_engine.ticks import expand_ticks

TODAY = dt.date(2026, 3, 2)
BOTH_LANES = (Lane.INTERACTIVE, Lane.BULK)

Document = dict[str, Any]
Pairs = set[tuple[int, int]]

_names = itertools.count(1)


def fold(attributes: Mapping[str, object]) -> tuple[dict[str, object], dict[str, dt.date]]:
    """Facts as stored, and the dates among them."""
    facts, _ = folded(attributes, STANDARD_ATTRIBUTES)
    return to_json(facts), moments(facts)


def sales() -> Document:
    return {"attr": "department", "op": "eq", "value": "Sales"}


def hired(days: int) -> Document:
    """At least that many days ago."""
    return {"attr": "hireDate", "op": "le", "value": {"now": f"-P{days}D"}}


def everyone() -> Document:
    return {"everyone": True}


# --- What writers do, without the commit ----------------------------------------------------------


def insert_workspace(db: Connection, *, time_zone: str = "UTC", today: dt.date = TODAY) -> int:
    slug = f"ground-{next(_names)}-{uuid.uuid4().hex[:6]}"
    [(workspace_id,)] = db.execute(
        "INSERT INTO workspace (slug, name, time_zone) VALUES (%s, %s, %s) RETURNING id",
        (slug, slug, time_zone),
    )
    db.execute("INSERT INTO workspace_stream (workspace_id) VALUES (%s)", (workspace_id,))
    db.execute(
        "INSERT INTO engine_state (workspace_id, today) VALUES (%s, %s)", (workspace_id, today)
    )
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO attribute_definition VALUES (%s, %s, %s, %s)",
            [
                (workspace_id, each.name, each.type.value, each.owner.value)
                for each in STANDARD_ATTRIBUTES.values()
            ],
        )
    return int(workspace_id)


def insert_member(
    db: Connection, workspace_id: int, attributes: Mapping[str, object], *, state: str = "ACTIVE"
) -> int:
    facts, dates = fold(attributes)
    name = f"person-{next(_names)}-{uuid.uuid4().hex[:6]}"
    [(member_id,)] = db.execute(
        "INSERT INTO member (workspace_id, user_name, display_name, state, attributes, facts)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        (workspace_id, name, name, state, Jsonb(dict(attributes)), Jsonb(facts)),
    )
    write_moments(db, workspace_id, member_id, dates)
    return int(member_id)


def write_moments(
    db: Connection, workspace_id: int, member_id: int, dates: Mapping[str, dt.date]
) -> None:
    db.execute("DELETE FROM member_moment WHERE member_id = %s", (member_id,))
    for attribute, on_date in dates.items():
        db.execute(
            "INSERT INTO member_moment VALUES (%s, %s, %s, %s)",
            (member_id, attribute, workspace_id, on_date),
        )


def lock_members(db: Connection, member_ids: Iterable[int]) -> None:
    db.execute(
        "SELECT FROM member WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        (sorted(member_ids),),
    )


def update_attributes(
    db: Connection, workspace_id: int, member_id: int, attributes: Mapping[str, object]
) -> None:
    facts, dates = fold(attributes)
    db.execute(
        "UPDATE member SET attributes = %s, facts = %s, revision = revision + 1 WHERE id = %s",
        (Jsonb(dict(attributes)), Jsonb(facts), member_id),
    )
    write_moments(db, workspace_id, member_id, dates)


def mark_members(
    db: Connection,
    workspace_id: int,
    member_ids: Iterable[int],
    *,
    lane: int = Lane.INTERACTIVE,
    cause: uuid.UUID | None = None,
    statement: str = MARK_MEMBERS,
) -> None:
    db.execute(
        statement,
        {
            "workspace_id": workspace_id,
            "lane": int(lane),
            "cause": cause,
            "ids": sorted(member_ids),
        },
    )


def raise_epoch(db: Connection, workspace_id: int) -> int:
    [(epoch,)] = db.execute(RAISE_EPOCH, {"workspace_id": workspace_id})
    return int(epoch)


def mark_segment(
    db: Connection, workspace_id: int, segment_id: int, *, cause: uuid.UUID | None = None
) -> None:
    db.execute(
        MARK_SEGMENT, {"segment_id": segment_id, "workspace_id": workspace_id, "cause": cause}
    )


def insert_segment(
    db: Connection,
    workspace_id: int,
    rule: Document | None,
    *,
    state: str = "ACTIVE",
    mark: bool = True,
) -> int:
    name = f"segment-{next(_names)}-{uuid.uuid4().hex[:6]}"
    epoch = raise_epoch(db, workspace_id)
    [(segment_id,)] = db.execute(
        "INSERT INTO segment (workspace_id, name, kind, state, rule, epoch)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        (
            workspace_id,
            name,
            "STATIC" if rule is None else "RULE",
            state,
            None if rule is None else Jsonb(rule),
            epoch,
        ),
    )
    if mark:
        mark_segment(db, workspace_id, segment_id)
    return int(segment_id)


def update_segment(
    db: Connection,
    workspace_id: int,
    segment_id: int,
    *,
    mark: bool = True,
    cause: uuid.UUID | None = None,
    **columns: object,
) -> None:
    """Change columns of a segment as an operation does: row, epoch, marker."""
    db.execute("SELECT FROM segment WHERE id = %s FOR UPDATE", (segment_id,))
    columns["epoch"] = raise_epoch(db, workspace_id)
    assignments = ", ".join(f"{name} = %s" for name in columns)
    values = [Jsonb(value) if isinstance(value, dict) else value for value in columns.values()]
    db.execute(f"UPDATE segment SET {assignments} WHERE id = %s", [*values, segment_id])
    if mark:
        mark_segment(db, workspace_id, segment_id, cause=cause)


def name_people(
    db: Connection, workspace_id: int, segment_id: int, member_ids: Iterable[int]
) -> None:
    db.execute("SELECT FROM segment WHERE id = %s FOR UPDATE", (segment_id,))
    ids = sorted(member_ids)
    lock_members(db, ids)
    db.execute(
        "INSERT INTO segment_person (segment_id, member_id, workspace_id)"
        " SELECT %s, id, %s FROM unnest(%s::bigint[]) AS id ON CONFLICT DO NOTHING",
        (segment_id, workspace_id, ids),
    )
    mark_members(db, workspace_id, ids)


def record(db: Connection, workspace_id: int, verb: str, **columns: Any) -> int:
    """A journal entry, as the last statement of a transaction."""
    entry = journal.entry(system(workspace_id), verb, **columns)
    parameters = journal.append_parameters(workspace_id, [entry])
    return int(max(seq for (seq,) in db.execute(journal.APPEND, parameters)))


# --- The ground -----------------------------------------------------------------------------------


@dataclass
class Ground:
    """One workspace, the engine that works on it, and a connection of its own to look with."""

    engine: Engine
    workspace_id: int
    db: Connection
    rules: Rules = field(default_factory=Rules)
    heads: list[int] = field(default_factory=list)
    _others: list[Connection] = field(default_factory=list)

    @classmethod
    def new(cls, engine: Engine, *, time_zone: str = "UTC", today: dt.date = TODAY) -> "Ground":
        db = connect(engine)
        workspace_id = insert_workspace(db, time_zone=time_zone, today=today)
        db.commit()
        return cls(engine, workspace_id, db)

    def connection(self) -> Connection:
        """One more connection, closed with the ground."""
        other = connect(self.engine)
        self._others.append(other)
        return other

    def close(self) -> None:
        for each in (self.db, *self._others):
            each.close()

    def member(
        self, *, state: str = "ACTIVE", lane: int = Lane.INTERACTIVE, **attributes: Any
    ) -> int:
        member_id = insert_member(self.db, self.workspace_id, attributes, state=state)
        mark_members(self.db, self.workspace_id, [member_id], lane=lane)
        self.db.commit()
        return member_id

    def scattered(self, count: int, **attributes: Any) -> list[int]:
        """People each of whom is in a block of their own, one after the other."""
        ids = []
        for _ in range(count):
            self.db.execute(
                "SELECT setval(s.name, ((nextval(s.name) >> %(bits)s) + 1) << %(bits)s)"
                "  FROM pg_get_serial_sequence('member', 'id') AS s(name)",
                {"bits": BLOCK_BITS},
            )
            ids.append(self.member(lane=Lane.BULK, **attributes))
        return ids

    def people(self, count: int, *, lane: int = Lane.BULK, **attributes: Any) -> list[int]:
        """Many alike, in one statement."""
        facts, dates = fold(attributes)
        rows = self.db.execute(
            "INSERT INTO member (workspace_id, user_name, display_name, state, attributes, facts)"
            " SELECT %s, gen_random_uuid()::text, 'someone', 'ACTIVE', %s, %s"
            " FROM generate_series(1, %s) RETURNING id",
            (self.workspace_id, Jsonb(attributes), Jsonb(facts), count),
        )
        ids = sorted(id for (id,) in rows)
        for attribute, on_date in dates.items():
            self.db.execute(
                "INSERT INTO member_moment SELECT id, %s, %s, %s FROM unnest(%s::bigint[]) AS id",
                (attribute, self.workspace_id, on_date, ids),
            )
        mark_members(self.db, self.workspace_id, ids, lane=lane)
        self.db.commit()
        return ids

    def change(
        self,
        member_id: int,
        *,
        lane: int = Lane.INTERACTIVE,
        cause: uuid.UUID | None = None,
        **attributes: Any,
    ) -> None:
        """The whole of a person's attributes, as a writer that locks, writes and marks."""
        lock_members(self.db, [member_id])
        update_attributes(self.db, self.workspace_id, member_id, attributes)
        mark_members(self.db, self.workspace_id, [member_id], lane=lane, cause=cause)
        self.db.commit()

    def set_state(self, member_id: int, state: str, *, deleted: bool = False) -> None:
        self.db.execute(
            "UPDATE member SET state = %s, deleted_at = CASE WHEN %s THEN now() END WHERE id = %s",
            (state, deleted, member_id),
        )
        mark_members(self.db, self.workspace_id, [member_id])
        self.db.commit()

    def segment(
        self, rule: Document | None = None, *, people: Iterable[int] = (), state: str = "ACTIVE"
    ) -> int:
        segment_id = insert_segment(self.db, self.workspace_id, rule, state=state)
        if people := list(people):
            name_people(self.db, self.workspace_id, segment_id, people)
        self.db.commit()
        return segment_id

    def edit(self, segment_id: int, *, cause: uuid.UUID | None = None, **columns: Any) -> None:
        update_segment(self.db, self.workspace_id, segment_id, cause=cause, **columns)
        self.db.commit()

    def name(self, segment_id: int, member_ids: Iterable[int]) -> None:
        name_people(self.db, self.workspace_id, segment_id, member_ids)
        self.db.commit()

    def course(self, *segment_ids: int) -> int:
        """A course with these segments attached."""
        department = self._insert(
            "INSERT INTO department (workspace_id, name) VALUES (%s, %s) RETURNING id",
            self.workspace_id,
            f"department-{next(_names)}",
        )
        course = self._insert(
            "INSERT INTO course (workspace_id, department_id, title, kind, state)"
            " VALUES (%s, %s, 'A course', 'SELF_PACED', 'ACTIVE') RETURNING id",
            self.workspace_id,
            department,
        )
        for place, segment_id in enumerate(segment_ids, start=1):
            self.db.execute(
                "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
                " VALUES (%s, %s, %s, %s)",
                (course, segment_id, self.workspace_id, place),
            )
        self.db.commit()
        return int(course)

    def instruct(self, course_id: int, member_id: int) -> None:
        self.db.execute(
            "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
            " VALUES (%s, %s, %s, 'INSTRUCTOR')",
            (course_id, member_id, self.workspace_id),
        )
        self.db.commit()

    def override(
        self, course_id: int, member_id: int, kind: str, expires_at: dt.datetime | None = None
    ) -> None:
        self.db.execute(
            "INSERT INTO coordinator_override"
            " (course_id, member_id, workspace_id, kind, reason, expires_at)"
            " VALUES (%s, %s, %s, %s, 'because', %s)",
            (course_id, member_id, self.workspace_id, kind, expires_at),
        )
        self.db.commit()

    def group(self, name: str, *, folded: str) -> uuid.UUID:
        """A directory group of a connection of its own."""
        connection = self._insert(
            "INSERT INTO connection (workspace_id, name, kind) VALUES (%s, %s, 'SCIM')"
            " RETURNING id",
            self.workspace_id,
            f"connection-{next(_names)}",
        )
        group: uuid.UUID = self._insert(
            "INSERT INTO directory_group (workspace_id, connection_id, display_name, folded_name)"
            " VALUES (%s, %s, %s, %s) RETURNING id",
            self.workspace_id,
            connection,
            name,
            folded,
        )
        self.db.commit()
        return group

    def join(self, group_id: uuid.UUID, member_id: int) -> None:
        self.db.execute(
            "INSERT INTO directory_group_member (group_id, member_id, workspace_id)"
            " VALUES (%s, %s, %s)",
            (group_id, member_id, self.workspace_id),
        )
        mark_members(self.db, self.workspace_id, [member_id])
        self.db.commit()

    def _insert(self, statement: str, *parameters: object) -> Any:
        [(id,)] = self.db.execute(statement, parameters)
        return id

    def drain(self, lanes: Iterable[int] = BOTH_LANES, **options: Any) -> Drained:
        return drain(
            self.engine,
            self.rules,
            lanes=tuple(lanes),
            on_commit=lambda _, head: self.heads.append(head),
            **options,
        )

    def settle(self) -> None:
        """Do all that waits."""
        while self.waiting():
            expand_ticks(self.engine, self.rules)
            follow_reports(self.engine)
            expand(self.engine)
            rebuild(self.engine, self.rules, on_commit=lambda _, head: self.heads.append(head))
            self.drain()

    def waiting(self) -> bool:
        return bool(
            self.one(
                "SELECT EXISTS (SELECT FROM dirty_member) OR EXISTS (SELECT FROM dirty_segment)"
                " OR EXISTS (SELECT FROM tick_window) OR EXISTS (SELECT FROM dirty_reports)"
            )
        )

    def claimed(self) -> bool:
        """Whether anybody has a block in hand. Other databases of the server have claims, too."""
        return bool(
            self.one(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database()))"
            )
        )

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        found = self.db.execute(statement, parameters or None).fetchall()
        self.db.rollback()
        return found

    def one(self, statement: str, *parameters: object) -> Any:
        [(value,)] = self.rows(statement, *parameters)
        return value

    def stored(self) -> Pairs:
        """Current memberships as (member, segment)."""
        return {
            (member, segment)
            for member, segment in self.rows(
                "SELECT m.member_id, m.segment_id FROM membership m JOIN segment s"
                " ON s.id = m.segment_id WHERE s.workspace_id = %s AND m.until IS NULL",
                self.workspace_id,
            )
        }

    def expected(self) -> Pairs:
        """What the rules say of all people, frozen segments left out."""
        return recompute(self.db, self.workspace_id)

    def history(
        self, member_id: int, segment_id: int
    ) -> list[tuple[dt.datetime, dt.datetime | None]]:
        """The intervals of a pair, in order."""
        return [
            (since, until)
            for since, until in self.rows(
                "SELECT since, until FROM membership WHERE member_id = %s AND segment_id = %s"
                " ORDER BY since",
                member_id,
                segment_id,
            )
        ]


def connect(engine: Engine) -> Connection:
    """A connection of one's own, with psycopg's usual transactions."""
    return psycopg.connect(psycopg_address(engine))


def psycopg_address(engine: Engine) -> str:
    url = engine.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def recompute(db: Connection, workspace_id: int) -> Pairs:
    """Who belongs to which active segment, by the definition of truth, pair by pair.

    Facts are folded again from the raw attributes: nothing the engine reads is used but the rows
    themselves. Ends the transaction.
    """
    [(today,)] = db.execute(
        "SELECT today FROM engine_state WHERE workspace_id = %s", (workspace_id,)
    )
    segments = db.execute(
        "SELECT id, rule FROM segment"
        " WHERE workspace_id = %s AND state = 'ACTIVE' AND deleted_at IS NULL",
        (workspace_id,),
    ).fetchall()
    people = facts_of(db, workspace_id)
    named = {
        (member, segment)
        for member, segment in db.execute(
            "SELECT member_id, segment_id FROM segment_person WHERE workspace_id = %s",
            (workspace_id,),
        )
    }
    db.rollback()
    rules = {
        segment_id: from_document(document, STANDARD_ATTRIBUTES)
        for segment_id, document in segments
        if document is not None
    }
    static = {segment_id for segment_id, document in segments if document is None}
    alive = {member_id for member_id, (state, _) in people.items() if state != "DEACTIVATED"}
    pairs = {(m, s) for m, s in named if s in static and m in alive}
    for member_id in alive:
        _, facts = people[member_id]
        pairs |= {(member_id, id) for id, rule in rules.items() if matches(rule, facts, today)}
    return pairs


def facts_of(db: Connection, workspace_id: int) -> dict[int, tuple[str, dict[str, Fact]]]:
    """The state of everybody who has not been deleted, and what rules see of them: the raw
    attributes, folded again, and directory groups. It leaves the transaction open."""
    groups: dict[int, set[str]] = {}
    for member_id, name in db.execute(
        "SELECT d.member_id, g.folded_name FROM directory_group_member d"
        " JOIN directory_group g ON g.id = d.group_id WHERE d.workspace_id = %s",
        (workspace_id,),
    ):
        groups.setdefault(member_id, set()).add(name)
    found: dict[int, tuple[str, dict[str, Fact]]] = {}
    for member_id, state, attributes in db.execute(
        "SELECT id, state, attributes FROM member WHERE workspace_id = %s AND deleted_at IS NULL",
        (workspace_id,),
    ):
        stored = json.loads(json.dumps(fold(attributes)[0]))
        facts = from_json(stored, STANDARD_ATTRIBUTES)
        if member_id in groups:
            facts["groups"] = frozenset(groups[member_id])
        found[member_id] = state, facts
    return found
