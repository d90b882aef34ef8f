"""A course that thousands have taken, written as rows by a few statements.

Everybody handed in every quiz once: 20 questions of four choices, in a pace of their own; some of
every department, a tenth in a group, a third not through with the course yet. Triggers are off
while it is written (the server's superuser may), so whoever needs summaries asks for them.
"""

import time
from decimal import Decimal
from typing import Final

from sqlalchemy import text

from operations.content.questions import (
    Choice,
    CorrectChoices,
    Question,
    QuestionKind,
    QuizContent,
)
from operations.insights.cells import Unit
from tests.taking import teach
from tests.world import World

QUESTIONS: Final = 20
DEPARTMENTS: Final = 12

CHOICES: Final = tuple(Choice(each, f"Choice {each}") for each in range(101, 105))
QUIZ: Final = QuizContent(
    questions=tuple(
        Question(
            number,
            QuestionKind.SINGLE_CHOICE,
            "Which?",
            Decimal(1),
            CHOICES,
            CorrectChoices(frozenset({101})),
        )
        for number in range(1, QUESTIONS + 1)
    )
)
_CHOSEN: Final = "(t.attempt_id * 7919 + t.module_id * 31 + q * 104729) % 97 % (2 + q % 3)"
"""Which choice somebody took, from 0, which is right."""

PEOPLE: Final = (
    (
        "INSERT INTO member (workspace_id, user_name, display_name, state, attributes)"
        " SELECT :w, CAST(:c AS text) || '-' || n, 'Person ' || n, 'ACTIVE',"
        f" jsonb_build_object('department', 'Department ' || n % {DEPARTMENTS})"
        " FROM generate_series(1, CAST(:learners AS integer)) AS n"
    ),
    (
        "INSERT INTO progress (course_id, member_id, workspace_id, is_learner, attempts, state,"
        " completed_at, percent)"
        " SELECT :c, id, :w, TRUE, 1, CASE id % 3 WHEN 0 THEN 'IN_PROGRESS' ELSE 'COMPLETED' END,"
        " CASE WHEN id % 3 > 0 THEN timestamptz '2026-03-02' + id % 90 * interval '1 day' END, NULL"
        " FROM member WHERE user_name LIKE CAST(:c AS text) || '-%' AND workspace_id = :w"
    ),
    (
        "INSERT INTO enrolment (course_id, member_id, workspace_id, source)"
        " SELECT :c, member_id, :w, 'DIRECT' FROM progress WHERE course_id = :c"
    ),
    (
        "INSERT INTO enrolment (course_id, member_id, workspace_id, source, group_id)"
        " SELECT :c, member_id, :w, 'GROUP', :g FROM progress"
        " WHERE course_id = :c AND member_id % 10 = 0"
    ),
    (
        "INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role,"
        " started_at, ended_at) SELECT :w, :c, member_id, 1, state, 'SELF', 'LEARNER',"
        " coalesce(completed_at, timestamptz '2026-03-02') - member_id % 300 * interval '1 minute',"
        " completed_at FROM progress WHERE course_id = :c"
    ),
    (
        "INSERT INTO attempt_module (attempt_id, module_id, workspace_id, revision, place,"
        " submissions) SELECT a.id, m.module_id, :w, 1, m.place, 1 FROM attempt a"
        " JOIN course_module m ON m.course_id = a.course_id WHERE a.course_id = :c"
    ),
    (
        "INSERT INTO submission (workspace_id, course_id, member_id, attempt_id, module_id, number,"
        " state, started_at, submitted_at, graded_at, score, max_score, is_passed)"
        " SELECT :w, :c, a.member_id, a.id, t.module_id, 1, 'GRADED', a.started_at,"
        " a.started_at + interval '20 minutes', a.started_at + interval '20 minutes',"
        f" scored.n, {QUESTIONS}, scored.n >= 10"
        " FROM attempt a JOIN attempt_module t ON t.attempt_id = a.id"
        f" CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE {_CHOSEN} = 0) AS n"
        f" FROM generate_series(1, {QUESTIONS}) AS q) AS scored"
        " WHERE a.course_id = :c ORDER BY a.id, t.place"
    ),
    (
        "INSERT INTO answer (submission_id, question_id, workspace_id, given, answered_at,"
        " is_correct, points)"
        " SELECT t.id, q, :w, jsonb_build_object('choices', jsonb_build_array(101 + r.n)),"
        " t.started_at + q * (10 + t.id % 60) * interval '1 second', r.n = 0, (r.n = 0)::integer"
        f" FROM submission t CROSS JOIN generate_series(1, {QUESTIONS}) AS q"
        f" CROSS JOIN LATERAL (SELECT {_CHOSEN} AS n) AS r WHERE t.course_id = :c ORDER BY t.id, q"
    ),
)
_UNHINDERED: Final = "SET LOCAL session_replication_role = replica"
_ANALYZE: Final = "VACUUM (ANALYZE)"


async def course_of(world: World, learners: int, *, modules: int) -> list[Unit]:
    """A course with that many learners; the course, and its quizzes."""
    title = f"Course of {learners}"
    quizzes = [f"Quiz {n} of {learners}" for n in range(modules)]
    await world.course(title)
    await world.group(f"Group of {learners}", course=title)
    await teach(world, title, **dict.fromkeys(quizzes, QUIZ))
    given = {
        "w": world.workspace_id,
        "c": world.courses[title],
        "g": world.groups[f"Group of {learners}"],
        "learners": learners,
    }
    since = time.perf_counter()
    for statement in PEOPLE:
        named = {name: value for name, value in given.items() if f":{name}" in statement}
        async with world.edge.transaction() as db:
            await db.execute(text(_UNHINDERED))
            await db.execute(text(statement), named)
    print(
        f"{learners:,} learners × {modules} quizzes × {QUESTIONS} questions written"
        f" in {time.perf_counter() - since:.0f} s",
        flush=True,
    )
    unit = Unit(world.workspace_id, world.courses[title])
    return [unit, *(unit._replace(module_id=world.modules[each]) for each in quizzes)]
