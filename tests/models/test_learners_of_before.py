"""Who learned in a course before there was progress has a row of it afterwards, and who was
enrolled through a group when there were no groups was enrolled by hand."""

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.models.test_chaining_what_was_there import PLACES, at_revision

PEOPLE = text("""
INSERT INTO member (workspace_id, user_name, display_name, state)
SELECT :w, name, name, 'ACTIVE' FROM unnest(CAST(:names AS text[])) AS name
""")
ENROLLED = text("""
INSERT INTO enrolment (workspace_id, course_id, member_id, source, since, ended_at)
SELECT :w, :course, m.id, :source, timestamptz '2026-03-01Z' + :day * interval '1 day',
       CASE WHEN :over THEN timestamptz '2026-04-01Z' END
  FROM member m WHERE m.workspace_id = :w AND m.display_name = :name
""")
PROGRESS = text("""
SELECT m.display_name, p.is_learner, extract(day FROM p.since AT TIME ZONE 'UTC')::integer, p.state,
       p.attempts, p.own_due_at
  FROM progress p JOIN member m ON m.id = p.member_id AND m.workspace_id = p.workspace_id
 WHERE p.course_id = :course ORDER BY m.display_name
""")
LIVE = text("""
SELECT m.display_name, e.source, e.group_id FROM enrolment e JOIN member m ON m.id = e.member_id
 WHERE e.course_id = :course AND e.ended_at IS NULL ORDER BY m.display_name, e.source
""")
BEFORE = (
    ("Ann", "DIRECT", 3, False),
    ("Bea", "GROUP", 4, False),
    ("Cid", "DIRECT", 5, False),
    ("Cid", "GROUP", 2, False),
    ("Dan", "DIRECT", 6, True),
    ("Eve", "SELF", 8, False),
    ("Eve", "SELF", 1, True),
    ("Eve", "DIRECT", 9, False),
)
"""Who, by what, from which day of March, and whether that is over."""


def old_course(connection: Connection, slug: str) -> int:
    """A course of before with these people; Fay is on none."""
    workspace_id, _, course_id = connection.execute(PLACES, {"slug": slug, "count": 0}).one()
    names = [*{name for name, *_ in BEFORE}, "Fay"]
    connection.execute(PEOPLE, {"w": workspace_id, "names": names})
    for name, source, day, over in BEFORE:
        said = {"name": name, "source": source, "day": day - 1, "over": over}
        connection.execute(ENROLLED, {"w": workspace_id, "course": course_id, **said})
    return int(course_id)


@pytest.mark.spec("C21", "M2")
def test_enrolments_of_before_become_progress_and_do_so_again(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        at_revision(connection, "0003")
        courses = [old_course(connection, slug) for slug in ("acme", "globex")]

    for up, revision in ((True, "0004"), (False, "0003"), (True, "0004")):
        with engine.begin() as connection:
            at_revision(connection, revision, up=up)

    with engine.connect() as connection:
        for course in courses:
            rows = [tuple(row) for row in connection.execute(PROGRESS, {"course": course})]
            live = [tuple(row) for row in connection.execute(LIVE, {"course": course})]
            assert rows == [
                ("Ann", True, 3, "NOT_STARTED", 0, None),
                ("Bea", True, 4, "NOT_STARTED", 0, None),
                ("Cid", True, 2, "NOT_STARTED", 0, None),
                ("Dan", False, 6, "NOT_STARTED", 0, None),
                ("Eve", True, 1, "NOT_STARTED", 0, None),
            ]
            assert live == [
                ("Ann", "DIRECT", None),
                ("Bea", "DIRECT", None),
                ("Cid", "DIRECT", None),
                ("Eve", "DIRECT", None),
                ("Eve", "SELF", None),
            ]
    engine.dispose()
