"""What the audit log costs: `python -m tests.benchmarks.journal`.

1. Appending 1 and 200 entries, beside the same table without chain and without the indexes that
   auditors need: the statement alone, and a whole transaction with its commit.
2. A page, a count and a search for each filter, over many entries (ENTRIES, 1,000,000).
3. Recomputing the chain, and copying everything out: entries a second, and memory.
"""

import asyncio
import os
import random
import resource
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import Caller, Origin, system
from app.audit.copying import copy
from app.audit.writing import FORMATS
from models import journal
from operations import audit, integrity
from operations.audit import Filters
from operations.edge import Edge
from tests.benchmarks.database import durable_database

ENTRIES = int(os.environ.get("ENTRIES", "1000000"))
BATCH = 1_000
DEPARTMENTS, COURSES, PEOPLE = 40, 2_000, 100_000

PLAIN = """
WITH head AS (
    UPDATE workspace_stream SET head = head + %(count)s
     WHERE workspace_id = %(workspace_id)s RETURNING head
)
INSERT INTO plain_entry (workspace_id, seq, at, verb, origin, by_member_id, by_connection_id,
    by_name, cause, course_id, segment_id, member_id, change_set_id, before, after, detail, reason)
SELECT %(workspace_id)s, head.head - %(count)s + e.n, clock_timestamp(), e.verb, e.origin,
       e.by_member_id, e.by_connection_id, e.by_name, e.cause, e.course_id, e.segment_id,
       e.member_id, e.change_set_id, e.before, e.after, e.detail, e.reason
  FROM head, jsonb_to_recordset(%(entries)s::jsonb) AS e(n integer, verb text, origin text,
       by_member_id bigint, by_connection_id integer, by_name text, cause uuid, course_id integer,
       segment_id integer, member_id bigint, change_set_id bigint, before jsonb, after jsonb,
       detail jsonb, reason text)
RETURNING seq
"""
PLAIN_TABLE = """
CREATE TABLE plain_entry (workspace_id integer NOT NULL, seq bigint NOT NULL,
    at timestamptz NOT NULL, verb text NOT NULL, origin text NOT NULL, by_member_id bigint,
    by_connection_id integer, by_name text NOT NULL, cause uuid, course_id integer,
    segment_id integer, member_id bigint, change_set_id bigint, before jsonb, after jsonb,
    detail jsonb, reason text, PRIMARY KEY (workspace_id, seq));
CREATE INDEX ON plain_entry (workspace_id, cause);
CREATE INDEX ON plain_entry (workspace_id, at);
"""
WORKSPACES = """
WITH made AS (
    INSERT INTO workspace (slug, name) VALUES ('plain', 'Plain'), ('bench', 'Bench') RETURNING id
)
INSERT INTO workspace_stream (workspace_id) SELECT id FROM made RETURNING workspace_id
"""
PLACES = """
INSERT INTO department (workspace_id, name)
SELECT %(id)s, 'Department ' || n FROM generate_series(1, %(departments)s) AS n;
INSERT INTO course (workspace_id, department_id, title, kind, state)
SELECT %(id)s, 1 + n %% %(departments)s, 'Course ' || n, 'SELF_PACED', 'ACTIVE'
  FROM generate_series(1, %(courses)s) AS n;
INSERT INTO member (workspace_id, user_name, display_name, state)
SELECT %(id)s, 'member' || n, 'Member ' || n, 'ACTIVE' FROM generate_series(1, 4) AS n;
INSERT INTO team_member (workspace_id, member_id, department_id) VALUES (%(id)s, 3, 7);
INSERT INTO access_grant (workspace_id, member_id, principal, department_id)
VALUES (%(id)s, 1, 'workspace_manager', NULL), (%(id)s, 2, 'finance_manager', NULL),
       (%(id)s, 3, 'department_manager', 7);
INSERT INTO course_role (workspace_id, member_id, course_id, role)
VALUES (%(id)s, 4, 3, 'INSTRUCTOR'), (%(id)s, 4, 1500, 'INSTRUCTOR');
"""
WHO = {"workspace manager": 1, "finance manager": 2, "department manager": 3, "instructor": 4}
VERBS = (
    *("grant.given", "grant.removed", "member.changed", "course.edited", "segment.attached"),
    *("membership.changed", "learner.assigned", "mail.sent", "coordinator.assigned"),
)


def entries(workspace_id: int, count: int, dice: random.Random) -> list[dict[str, Any]]:
    """Much of the same, a few hot courses, and rarely something about money."""
    product, cause = system(workspace_id), uuid.UUID(int=dice.getrandbits(128))
    made = []
    for _ in range(count):
        is_money = dice.random() < 1e-4
        verb = "invoice.issued" if is_money else dice.choice(VERBS)
        person = Caller(workspace_id, "Ada", Origin.GRAPHQL, member_id=dice.randrange(1, 300))
        course = dice.choice([None, dice.randrange(1, 12), dice.randrange(1, COURSES)])
        made.append(
            journal.entry(
                person if dice.random() < 0.6 and not is_money else product,
                verb,
                cause=cause,
                course_id=None if is_money else course,
                member_id=dice.randrange(1, PEOPLE) if dice.random() < 0.7 else None,
                segment_id=dice.randrange(1, 200) if dice.random() < 0.2 else None,
                after={"principal": "course_edit", "departmentId": 3},
                detail={"kind": "INVITATION"} if verb == "mail.sent" else None,
                reason="Because of that." if dice.random() < 0.02 else None,
            )
        )
    return made


def appending(db: psycopg.Connection, workspaces: dict[str, int]) -> None:
    dice = random.Random(1)
    print(f"{'entries':>8}{'with a commit':>15}{'plain':>12}{'chained':>12}{'ratio':>8}")
    for count, rounds in ((1, 500), (200, 60)):
        for commits in (False, True):
            seconds: dict[str, list[float]] = {each: [] for each in workspaces}
            for _ in range(rounds):
                for statement in dice.sample(list(workspaces), 2):
                    id = workspaces[statement]
                    asked = journal.append_parameters(id, entries(id, count, dice))
                    seconds[statement].append(timed(db, statement, asked, commits=commits))
            plain, chained = (median(each) * 1e6 for each in seconds.values())
            said = "yes" if commits else "no"
            print(
                f"{count:>8}{said:>15}{plain:>9,.0f} µs{chained:>9,.0f} µs{chained / plain:>8.2f}"
            )


def timed(db: psycopg.Connection, statement: str, asked: Any, *, commits: bool) -> float:
    begin = time.perf_counter()
    db.execute(statement, asked)
    if commits:
        db.commit()
    seconds = time.perf_counter() - begin
    if not commits:
        db.rollback()
    return seconds


def fill(db: psycopg.Connection, workspace_id: int) -> None:
    dice = random.Random(2)
    begin = time.perf_counter()
    for _ in range(ENTRIES // BATCH):
        some = entries(workspace_id, BATCH, dice)
        db.execute(journal.APPEND, journal.append_parameters(workspace_id, some))
        db.commit()
    db.execute("ANALYZE")
    db.commit()
    print(f"\n{ENTRIES:,} entries written in {time.perf_counter() - begin:.0f} s")


def chosen(db: psycopg.Connection) -> Iterator[tuple[str, Filters]]:
    [(first, last, cause)] = db.execute(
        "SELECT min(at), max(at), max(cause::text)::uuid FROM journal_entry"
    ).fetchall()
    db.rollback()
    month = (last - first) / 12
    yield "everything", Filters()
    yield "a common verb", Filters(verbs=["grant.given"])
    yield "a rare verb", Filters(verbs=["invoice.issued"])
    yield "a beginning of verbs", Filters(verbs=["grant.*"])
    yield "by one person", Filters(by_member_id=17)
    yield "by nobody there is", Filters(by_member_id=10**9)
    yield "about one person", Filters(member_id=777)
    yield "a quiet course", Filters(course_id=1500)
    yield "a hot course", Filters(course_id=3)
    yield "a segment", Filters(segment_id=5)
    yield "a department", Filters(department_id=7)
    yield "an origin", Filters(origins=[Origin.ENGINE])
    yield "a cause", Filters(cause=cause)
    yield "the first twelfth of the time", Filters(since=first, until=first + month)
    yield "the last twelfth of the time", Filters(since=last - month)
    yield "a text no reason holds", Filters(reason="nothing like it")
    yield "a hot course and a verb", Filters(course_id=3, verbs=["segment.attached"])


async def reading(engine: Engine, workspace_id: int, asked: list[tuple[str, Filters]]) -> None:
    made = create_async_engine(engine.url)
    edge = Edge(async_sessionmaker(made, expire_on_commit=False))
    print(f"\nmilliseconds for a page of 50 and for its count\n{'':>32}", end="")
    print("".join(f"{name:>22}" for name in WHO))
    for name, filters in asked:
        print(f"{name:>32}", end="")
        for member_id in WHO.values():
            by = Caller(workspace_id, name, Origin.GRAPHQL, member_id=member_id)
            async with edge.read() as db:
                page = await best(partial(audit.list_entries, db, by=by, filters=filters, limit=51))
                count = await best(partial(audit.count_entries, db, by=by, filters=filters))
            print(f"{page * 1e3:>12.1f}{count * 1e3:>10.1f}", end="")
        print(flush=True)

    async with edge.read() as db:
        begin = time.perf_counter()
        walk = await integrity.verify(db, workspace_id=workspace_id)
        seconds = time.perf_counter() - begin
    assert walk.broken is None
    print(f"\nverified {walk.seq:,} entries: {walk.seq / seconds:,.0f} a second", end="")
    print(f", at most {most_memory():,.0f} MiB in this process")
    for format in FORMATS.values():
        begin, written = time.perf_counter(), 0
        by = system(workspace_id, Origin.CLI)
        async for piece in copy(edge, by, Filters(), format, up_to=walk.seq):
            written += len(piece)
        seconds = time.perf_counter() - begin
        print(f"copied as {format.name}: {walk.seq / seconds:,.0f} a second", end="")
        print(f", {written / 2**20:,.0f} MiB, at most {most_memory():,.0f} MiB in this process")
    await made.dispose()


async def best(ask: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def most_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    with durable_database() as engine:
        db: Any = engine.raw_connection().driver_connection
        plain, id = (made for (made,) in db.execute(WORKSPACES))
        db.execute(PLAIN_TABLE)
        about = {"id": id, "departments": DEPARTMENTS, "courses": COURSES}
        for statement in PLACES.strip().rstrip(";").split(";"):
            db.execute(statement, about)
        db.execute("ANALYZE")
        db.commit()
        appending(db, {PLAIN: plain, journal.APPEND: id})
        fill(db, id)
        asyncio.run(reading(engine, id, list(chosen(db))))


if __name__ == "__main__":
    main()
