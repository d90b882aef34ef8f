"""Whom `manager` meant before anybody asked is known afterwards; who is named by no living person's
name or SCIM id is nobody."""

import pytest
from sqlalchemy import create_engine, text

from tests.models.test_chaining_what_was_there import PLACES, at_revision

PEOPLE = text("""
WITH connection AS (
    INSERT INTO connection (workspace_id, name, kind) VALUES (:w, 'SCIM', 'SCIM') RETURNING id
), people AS (
    INSERT INTO member (workspace_id, user_name, display_name, state, attributes)
    SELECT :w, name, name, 'ACTIVE', jsonb_strip_nulls(jsonb_build_object('manager', manager))
      FROM (VALUES ('Ada', 'ada'), ('Bo', ' ADA'), ('Cy', :scim_id), ('Di', 'zoe'), ('Ed', NULL))
           AS said(name, manager)
    RETURNING id, user_name
)
INSERT INTO directory_person (id, workspace_id, connection_id, member_id, user_name)
SELECT CAST(:scim_id AS uuid), :w, c.id, p.id, 'bo' FROM people p, connection c
 WHERE p.user_name = 'Bo'
""")
MANAGERS = text("""
SELECT p.user_name, m.user_name FROM member p LEFT JOIN member m ON m.id = p.manager_id
 WHERE p.workspace_id = :w ORDER BY 1
""")


@pytest.mark.spec("S1")
def test_managers_of_before_are_known_and_become_so_again(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    scim_ids = (
        "3f1e0d6e-1111-4222-8333-444455556666",
        "aa1e0d6e-1111-4222-8333-444455556666",
    )
    with engine.begin() as connection:
        at_revision(connection, "0006")
        workspaces = []
        for slug, scim_id in zip(("acme", "globex"), scim_ids, strict=True):
            id, _, _ = connection.execute(PLACES, {"slug": slug, "count": 0}).one()
            connection.execute(PEOPLE, {"w": id, "scim_id": scim_id})
            workspaces.append(id)

    for up, revision in ((True, "0007"), (False, "0006"), (True, "0007")):
        with engine.begin() as connection:
            at_revision(connection, revision, up=up)

    with engine.connect() as connection:
        for id in workspaces:
            assert [tuple(row) for row in connection.execute(MANAGERS, {"w": id})] == [
                ("Ada", None),
                ("Bo", "Ada"),
                ("Cy", "Bo"),
                ("Di", None),
                ("Ed", None),
            ]
    engine.dispose()
