"""A page of 50 of 100,000 learners with all columns: `python -m tests.benchmarks.learner_list`.

The schema of the product, executed with its guards, against one hand-written statement that gives
the same JSON for a reader everything is open to; in turns, in one process. Aim: at most 3 times.
"""

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final

import orjson
from graphql import execute, parse
from graphql.pyutils import is_awaitable
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from resolvers.context import Context, opened
from resolvers.ids import encode
from schema.schema import schema
from tests.benchmarks.database import durable_database
from tests.resolvers.asking import KEYS, SEAL
from tests.world import World

LEARNERS: Final = 100_000
ROUNDS: Final = 40
AIM: Final = 3.0

PEOPLE: Final = """
INSERT INTO member (workspace_id, user_name, display_name, email, state)
SELECT :w, 'p' || n, md5(CAST(n AS text)), 'p' || n || '@acme.example', 'ACTIVE'
  FROM generate_series(1, :learners) n;
INSERT INTO progress (workspace_id, course_id, member_id, is_learner, state, attempts, percent,
                      completed_at, own_due_at, last_activity_at, since)
SELECT :w, :c, id, true, s.state, CASE WHEN s.state = 'NOT_STARTED' THEN 0 ELSE 1 END,
       CASE WHEN s.state = 'COMPLETED' THEN 50 + id % 50 END,
       CASE WHEN s.state = 'COMPLETED' THEN now() - id % 90 * interval '1 day' END,
       CASE WHEN id % 4 = 0 THEN now() + (id % 60 - 30) * interval '1 day' END,
       CASE WHEN s.state <> 'NOT_STARTED' THEN now() - id % 1000 * interval '1 hour' END,
       now() - id % 300 * interval '1 day'
  FROM member
 CROSS JOIN LATERAL (SELECT (ARRAY['NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED', 'COMPLETED',
                                   'FAILED'])[1 + id % 5] AS state) s
 WHERE workspace_id = :w AND user_name LIKE 'p%';
INSERT INTO enrolment (workspace_id, course_id, member_id, source)
SELECT :w, :c, member_id, 'DIRECT' FROM progress WHERE course_id = :c;
INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role, ended_at)
SELECT :w, :c, member_id, 1, state, 'SELF', 'LEARNER',
       CASE WHEN state IN ('COMPLETED', 'FAILED') THEN now() END
  FROM progress WHERE course_id = :c AND attempts = 1;
INSERT INTO certificate (workspace_id, course_id, member_id, attempt_id, serial, code, state,
                         template_version, printed)
SELECT :w, :c, member_id, id, id, 'code' || id, 'ISSUED', 0, '{}'
  FROM attempt WHERE course_id = :c AND state = 'COMPLETED';
UPDATE course SET due_at = now() + interval '9 days' WHERE id = :c
"""

PAGE: Final = """query ($course: ID!, $filter: LearnerFilter, $order: LearnerOrder!,
    $counted: Boolean!) {
  listLearners(courseId: $course, first: 50, filter: $filter, orderBy: $order) {
    ... @include(if: $counted) {
      totalCount counts { total notStarted inProgress submitted completed failed overdue } }
    nodes { kind state percent dueAt dueFrom isOverdue attemptsCount since completedAt
      lastActivityAt
      member { id displayName email state }
      enrolments { source since }
      openAttempt { id number state startedAt }
      certificate { id code state issuedAt }
      allowedActions { operation isAllowed obstacle reason } } } }"""

BY_HAND: Final = """
WITH learner AS NOT MATERIALIZED (
    SELECT p.*, coalesce(p.own_due_at, c.due_at) AS due_at,
           coalesce(coalesce(p.own_due_at, c.due_at) < now(), false)
           AND p.state NOT IN ('SUBMITTED', 'COMPLETED') AS is_overdue,
           CASE WHEN p.override_due_at IS NOT NULL THEN 'LEARNER'
                WHEN p.own_due_at IS NOT NULL THEN 'GROUP'
                WHEN c.due_at IS NOT NULL THEN 'COURSE' END AS due_from
      FROM course c JOIN progress p ON p.course_id = c.id
     WHERE c.id = :c AND p.is_learner
), page AS MATERIALIZED (
    SELECT l.*, m.display_name, m.email, m.state AS account
      FROM learner l
      JOIN member m ON m.id = l.member_id AND m.workspace_id = :w AND m.deleted_at IS NULL
     WHERE {where} ORDER BY {order} LIMIT 50
)
SELECT json_build_object(
    'counts', CASE WHEN :counted THEN (
        SELECT json_object_agg(concat(state, is_overdue), count)
          FROM (SELECT state, is_overdue, count(*) FROM learner
                 WHERE member_id NOT IN (SELECT id FROM member
                                          WHERE workspace_id = :w AND deleted_at IS NOT NULL)
                 GROUP BY 1, 2) AS counted) END,
    'nodes', (
        SELECT json_agg(json_build_object(
                'state', l.state, 'percent', l.percent, 'dueAt', l.due_at, 'dueFrom', l.due_from,
                'isOverdue', l.is_overdue, 'attemptsCount', l.attempts, 'since', l.since,
                'completedAt', l.completed_at, 'lastActivityAt', l.last_activity_at,
                'member', json_build_object('id', l.member_id, 'displayName', l.display_name,
                                            'email', l.email, 'state', l.account),
                'enrolments', (SELECT json_agg(json_build_object('source', e.source,
                                                                 'since', e.since))
                                 FROM enrolment e
                                WHERE e.course_id = l.course_id AND e.member_id = l.member_id
                                  AND e.ended_at IS NULL),
                'openAttempt', (SELECT json_build_object('id', a.id, 'number', a.number,
                                                         'state', a.state,
                                                         'startedAt', a.started_at)
                                  FROM attempt a
                                 WHERE a.course_id = l.course_id AND a.member_id = l.member_id
                                   AND a.state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')),
                'allowedActions', (
                    SELECT json_agg(json_build_object(
                               'operation', o.name, 'isAllowed', o.obstacle IS NULL,
                               'obstacle', o.obstacle, 'reason', coalesce(o.obstacle, 'allowed')))
                      FROM (VALUES
                        ('UNASSIGN_LEARNER', NULL), ('ASSIGN_LEARNER', 'ALREADY_ASSIGNED'),
                        ('MARK_COMPLETE', CASE WHEN l.state = 'COMPLETED'
                                               THEN 'ALREADY_COMPLETED' END),
                        ('RESET_PROGRESS', CASE WHEN l.attempts = l.attempts_before
                                                THEN 'NOTHING_TO_RESET' END),
                        ('UPDATE_DUE_DATE', NULL),
                        ('GENERATE_CERTIFICATE', CASE WHEN l.state <> 'COMPLETED'
                                                      THEN 'NOT_COMPLETED' END),
                        ('REMOVE_CERTIFICATE', CASE WHEN l.state <> 'COMPLETED'
                                                    THEN 'NO_CERTIFICATE' END),
                        ('MANAGE_SESSION_ROSTER', 'NOT_INSTRUCTOR_LED'),
                        ('VIEW_ANSWERS', 'PERMISSION_DENIED'),
                        ('GRADE_ANSWERS', 'PERMISSION_DENIED')) AS o(name, obstacle)),
                'certificate', (SELECT json_build_object('id', k.id, 'code', k.code,
                                                         'state', k.state,
                                                         'issuedAt', k.issued_at)
                                  FROM certificate k
                                 WHERE k.course_id = l.course_id AND k.member_id = l.member_id
                                 ORDER BY k.id DESC LIMIT 1)) ORDER BY {order})
          FROM page l))
"""

SCREENS: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "by name, uncounted": (
        {"order": "NAME", "counted": False},
        "true",
        "lower(display_name), member_id",
    ),
    "by name": ({"order": "NAME"}, "true", "lower(display_name), member_id"),
    "by due date": ({"order": "DUE_AT"}, "true", "coalesce(l.due_at, 'infinity'), member_id"),
    "overdue, by name": (
        {"order": "NAME", "filter": {"isOverdue": True}},
        "is_overdue",
        "lower(display_name), member_id",
    ),
    "overdue, by last activity": (
        {"order": "LAST_ACTIVITY", "filter": {"isOverdue": True}},
        "is_overdue",
        "coalesce(l.last_activity_at, '-infinity'), member_id",
    ),
}

Once = Callable[[], Awaitable[tuple[float, int]]]
"""One reading: the seconds it took, and how many rows it gave."""


def asking(world: World, variables: dict[str, Any]) -> Once:
    parsed = parse(PAGE)
    course = encode("Course", world.courses["Safety"])

    async def once() -> tuple[float, int]:
        since = time.perf_counter()
        context = Context(world.caller("Cora"), world.edge, seal=SEAL, seals=KEYS)
        async with opened(context):
            given = {"course": course, "counted": True, **variables}
            found: Any = execute(
                schema._schema,
                parsed,
                context_value=context,
                variable_values=given,
                executor_class=schema.execution_context_class,
            )
            answer = await found if is_awaitable(found) else found
        told = orjson.dumps(answer.data, default=str)
        took = time.perf_counter() - since
        assert answer.errors is None, answer.errors
        return took, len(answer.data["listLearners"]["nodes"]) if told else 0

    return once


def by_hand(world: World, engine: AsyncEngine, screen: tuple[dict[str, Any], str, str]) -> Once:
    variables, where, order = screen
    statement = text(BY_HAND.format(where=where, order=order))
    told = {
        "c": world.courses["Safety"],
        "w": world.workspace_id,
        "counted": variables.get("counted", True),
    }

    async def once() -> tuple[float, int]:
        since = time.perf_counter()
        async with engine.connect() as db:
            answer = await db.scalar(statement, told)
        took = time.perf_counter() - since
        return took, len(answer["nodes"])

    return once


async def compare(ours: Once, hand: Once) -> tuple[float, float]:
    """The median seconds of both, in turns."""
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 5):
        order = [(0, ours), (1, hand)]
        random.shuffle(order)
        for which, once in order:
            took, rows = await once()
            assert rows == 50
            if number >= 5:
                spent[which].append(took)
    return median(spent[0]), median(spent[1])


async def company(world: World) -> None:
    """Cora coordinates Safety, in which everybody learns."""
    await world.member("Cora")
    await world.course("Safety", coordinators_by_hand=["Cora"])
    given = {"w": world.workspace_id, "c": world.courses["Safety"], "learners": LEARNERS}
    async with world.edge.transaction() as db:
        for statement in PEOPLE.split(";\n"):
            named = {name: value for name, value in given.items() if f":{name}" in statement}
            await db.execute(text(statement), named)


async def run(url: str) -> None:
    engine = create_async_engine(url)
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    await company(world)
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))
    gc.freeze()
    for name, screen in SCREENS.items():
        ours, hand = await compare(asking(world, screen[0]), by_hand(world, engine, screen))
        print(
            f"50 of {LEARNERS:,} learners, {name}: p50 {1000 * ours:.1f} ms, by hand "
            f"{1000 * hand:.1f} ms, {ours / hand:.2f} × (aim ≤ {AIM:.0f})",
            flush=True,
        )
    await engine.dispose()


def main() -> None:
    with durable_database() as engine:
        asyncio.run(run(engine.url.render_as_string(hide_password=False)))


if __name__ == "__main__":
    main()
