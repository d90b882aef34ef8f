"""A database of before is chained by the migration, and unchained by the way back."""

import uuid

from alembic import command
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import Origin, system
from models import migrations
from models.journal import record
from operations.edge import Edge
from operations.integrity import verify

OLD = text("""
INSERT INTO journal_entry (workspace_id, seq, at, verb, origin, by_name, cause, course_id,
    member_id, before, after, detail, reason)
SELECT :workspace_id, n, timestamptz '2026-03-01 00:00:00.5+01' + n * interval '1 second',
       'thing.done', 'cli', 'Somebody “é”', :cause, CASE WHEN n % 2 = 0 THEN :course_id END, n,
       NULL, jsonb_build_object('n', n, 'text', E'a\\tb'), '[1.50, null]', 'Because.'
  FROM generate_series(1, :count) AS n
""")
PLACES = text("""
WITH made AS (INSERT INTO workspace (slug, name) VALUES (:slug, :slug) RETURNING id),
stream AS (INSERT INTO workspace_stream (workspace_id, head) SELECT id, :count FROM made),
department AS (
    INSERT INTO department (workspace_id, name) SELECT id, 'Training' FROM made
    RETURNING id, workspace_id
), course AS (
    INSERT INTO course (workspace_id, department_id, title, kind, state)
    SELECT workspace_id, id, 'Safety', 'SELF_PACED', 'ACTIVE' FROM department RETURNING id
)
SELECT (SELECT id FROM made), (SELECT id FROM department), (SELECT id FROM course)
""")


def at_revision(connection: Connection, revision: str, *, up: bool = True) -> None:
    settings = migrations.config()
    settings.attributes["connection"] = connection
    (command.upgrade if up else command.downgrade)(settings, revision)


def old_journal(connection: Connection, slug: str, count: int) -> tuple[int, int]:
    """A workspace of before; its id, and its department's."""
    workspace_id, department_id, course_id = connection.execute(
        PLACES, {"slug": slug, "count": count}
    ).one()
    about = {"workspace_id": workspace_id, "course_id": course_id, "count": count}
    connection.execute(OLD, {**about, "cause": uuid.uuid4()})
    return workspace_id, department_id


async def test_what_was_there_is_chained_and_continued(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        at_revision(connection, "0002")
        acme, training = old_journal(connection, "acme", 20)
        globex, _ = old_journal(connection, "globex", 7)
        empty, _ = old_journal(connection, "initech", 0)
    for up, revision in ((True, "head"), (False, "0002"), (True, "head")):
        with engine.begin() as connection:
            at_revision(connection, revision, up=up)
    with engine.connect() as connection:
        owners = connection.execute(
            text(
                "SELECT DISTINCT course_id IS NULL, department_id FROM journal_entry"
                " WHERE workspace_id = :id"
            ),
            {"id": acme},
        )
        assert {tuple(row) for row in owners} == {(True, None), (False, training)}
    engine.dispose()

    made = create_async_engine(empty_database_url)
    edge = Edge(async_sessionmaker(made))
    for workspace_id, count in ((acme, 20), (globex, 7), (empty, 0)):
        async with edge.transaction() as db:
            record(db, by=system(workspace_id, Origin.CLI), verb="thing.done")
        async with edge.read() as db:
            walk = await verify(db, workspace_id=workspace_id)
        assert walk.broken is None
        assert walk.seq == count + 1
    await made.dispose()
