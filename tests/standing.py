"""A small world in which anybody can be given any right, for the tests that ask who may what.

Workspace 1 has departments 1 and 2, courses 1 and 2 in the first and 3 in the second, members
1 to 20 without any right, 90 deactivated, 91 pending. Workspace 2 has department 3, course 4,
member 92. Module 1 is used by courses 1 and 2, module 2 by course 1, module 3 (of department 2) by
course 3, module 5 (of department 1) by none; module 4 is the other workspace's, used by course 4.
Member 5 has made course 1 and module 1, member 6 module 5. Segments 1 (usable by departments) and
2 belong to workspace 1, segment 3 to the other.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin

WORLD = """
INSERT INTO workspace (id, slug, name) OVERRIDING SYSTEM VALUE
     VALUES (1, 'acme', 'Acme'), (2, 'other', 'Other');
INSERT INTO workspace_stream (workspace_id) VALUES (1), (2);
INSERT INTO member (id, workspace_id, user_name, display_name, state) OVERRIDING SYSTEM VALUE
SELECT n, 1, 'm' || n, 'Member ' || n, 'ACTIVE' FROM generate_series(1, 20) n;
INSERT INTO member (id, workspace_id, user_name, display_name, state) OVERRIDING SYSTEM VALUE
     VALUES (90, 1, 'gone', 'Gone', 'DEACTIVATED'), (91, 1, 'coming', 'Coming', 'PENDING'),
            (92, 2, 'foreign', 'Foreign', 'ACTIVE');
INSERT INTO department (id, workspace_id, name) OVERRIDING SYSTEM VALUE
     VALUES (1, 1, 'Sales'), (2, 1, 'Legal'), (3, 2, 'Abroad');
INSERT INTO course (id, workspace_id, department_id, title, kind, state, created_by_id)
       OVERRIDING SYSTEM VALUE
     VALUES (1, 1, 1, 'Selling', 'SELF_PACED', 'ACTIVE', 5),
            (2, 1, 1, 'Pricing', 'SELF_PACED', 'DRAFT', NULL),
            (3, 1, 2, 'Law', 'SELF_PACED', 'ACTIVE', NULL),
            (4, 2, 3, 'Foreign', 'SELF_PACED', 'ACTIVE', NULL);
INSERT INTO module (id, workspace_id, department_id, title, kind, created_by_id)
       OVERRIDING SYSTEM VALUE
     VALUES (1, 1, 1, 'Greeting', 'LESSON', 5), (2, 1, 1, 'Closing', 'QUIZ', NULL),
            (3, 1, 2, 'Contracts', 'LESSON', NULL), (4, 2, 3, 'Customs', 'LESSON', NULL),
            (5, 1, 1, 'Unused', 'LESSON', 6);
INSERT INTO course_module (course_id, module_id, workspace_id, place)
     VALUES (1, 1, 1, 1), (1, 2, 1, 2), (2, 1, 1, 1), (3, 3, 1, 1), (4, 4, 2, 1);
INSERT INTO segment (id, workspace_id, name, kind, state, epoch, is_usable_by_departments)
       OVERRIDING SYSTEM VALUE
     VALUES (1, 1, 'Usable', 'STATIC', 'ACTIVE', 1, TRUE),
            (2, 1, 'Reserved', 'STATIC', 'ACTIVE', 1, FALSE),
            (3, 2, 'Abroad', 'STATIC', 'ACTIVE', 1, TRUE);
"""


JOIN = """
INSERT INTO team_member (department_id, member_id, workspace_id)
SELECT d.id, m.id, m.workspace_id FROM member m, department d
 WHERE m.id = :member_id AND (d.id = CAST(:department_id AS integer)
       OR d.id = (SELECT department_id FROM course WHERE id = CAST(:course_id AS integer)))
ON CONFLICT DO NOTHING
"""
"""A right on a department, or on a course of it, is for who is on its team."""


async def build(db: AsyncSession) -> None:
    """Make the world; the caller commits."""
    for statement in WORLD.split(";\n"):
        if statement.strip():
            await db.execute(text(statement))


def member(id: int, workspace_id: int = 1) -> Caller:
    return Caller(workspace_id, f"member {id}", Origin.GRAPHQL, member_id=id)


async def grant(db: AsyncSession, member_id: int, principal: str, **on: int) -> None:
    await _grant(db, member_id, principal, on, days=None)


async def promise(db: AsyncSession, member_id: int, principal: str, **on: int) -> None:
    """A grant that waits for the person's account."""
    await _grant(db, member_id, principal, on, days=30)


async def _grant(
    db: AsyncSession, member_id: int, principal: str, on: dict[str, int], *, days: int | None
) -> None:
    columns = {"department_id": None, "course_id": None, "module_id": None} | on
    await db.execute(
        text(JOIN),
        {"member_id": member_id} | {each: columns[each] for each in ("department_id", "course_id")},
    )
    await db.execute(
        text(
            "INSERT INTO access_grant (workspace_id, member_id, principal, department_id,"
            " course_id, module_id, pending_until) SELECT workspace_id, id, :principal,"
            " :department_id, :course_id, :module_id, now() + make_interval(days => :days)"
            " FROM member WHERE id = :member_id"
        ),
        {"member_id": member_id, "principal": principal, "days": days, **columns},
    )


async def role(db: AsyncSession, member_id: int, course_id: int, role: str) -> None:
    await db.execute(
        text(
            "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
            " VALUES (:course_id, :member_id, 1, :role)"
        ),
        {"course_id": course_id, "member_id": member_id, "role": role},
    )


async def enrolment(db: AsyncSession, member_id: int, course_id: int) -> None:
    await db.execute(
        text(
            "INSERT INTO enrolment (course_id, member_id, workspace_id, source)"
            " VALUES (:course_id, :member_id, 1, 'DIRECT')"
        ),
        {"course_id": course_id, "member_id": member_id},
    )


async def derived(db: AsyncSession, member_id: int, course_id: int, segment_id: int = 1) -> None:
    await db.execute(
        text(
            "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
            " VALUES (:course_id, :segment_id, 1, 1) ON CONFLICT DO NOTHING"
        ),
        {"course_id": course_id, "segment_id": segment_id},
    )
    await db.execute(
        text(
            "INSERT INTO membership (member_id, segment_id, since)"
            " VALUES (:member_id, :segment_id, now())"
        ),
        {"segment_id": segment_id, "member_id": member_id},
    )
