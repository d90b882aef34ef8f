"""Cursors of another history are not taken for cursors of this one."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, text

from sync_engine import lineage
from tests.servers import PostgresServer


def make_workspace(database: Engine, slug: str) -> None:
    with database.begin() as connection:
        connection.execute(
            text(
                "WITH made AS (INSERT INTO workspace (slug, name) VALUES (:slug, :slug)"
                " RETURNING id) INSERT INTO workspace_stream (workspace_id) SELECT id FROM made"
            ),
            {"slug": slug},
        )


def epochs(database: Engine) -> set[uuid.UUID]:
    with database.connect() as connection:
        return set(connection.execute(text("SELECT epoch FROM workspace_stream")).scalars())


def test_the_first_start_and_every_next_one_keep_the_epochs(sync_database: Engine) -> None:
    make_workspace(sync_database, "one")
    before = epochs(sync_database)

    restarted = [lineage.settle(sync_database) for _ in range(3)]

    assert restarted == [False, False, False]
    assert epochs(sync_database) == before


def test_a_copy_of_the_database_starts_histories_of_its_own(
    sync_database: Engine, postgres_server: PostgresServer
) -> None:
    for slug in ("one", "two"):
        make_workspace(sync_database, slug)
    lineage.settle(sync_database)
    before = epochs(sync_database)
    name = str(sync_database.url.database)
    sync_database.dispose()
    copy = postgres_server.clone(name)
    restored = create_engine(postgres_server.url(copy))

    restarted = [lineage.settle(restored), lineage.settle(restored)]

    assert restarted == [True, False]
    assert len(epochs(restored)) == 2
    assert epochs(restored).isdisjoint(before)
    assert epochs(sync_database) == before
    restored.dispose()
    postgres_server.drop(copy)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_each_part_of_the_identity_counts(sync_database: Engine, part: int) -> None:
    make_workspace(sync_database, "one")
    lineage.settle(sync_database)
    before = epochs(sync_database)
    with sync_database.begin() as connection:
        identity = connection.execute(text("SELECT identity FROM lineage")).scalar_one()
        pieces = identity.split("/")
        assert len(pieces) == 3
        pieces[part] = "1"
        connection.execute(text("UPDATE lineage SET identity = :was"), {"was": "/".join(pieces)})

    assert lineage.settle(sync_database)

    assert epochs(sync_database).isdisjoint(before)


def test_processes_that_start_at_once_restart_the_history_once(sync_database: Engine) -> None:
    make_workspace(sync_database, "one")
    with sync_database.begin() as connection:
        connection.execute(text("INSERT INTO lineage (id, identity) VALUES (1, 'elsewhere')"))

    with ThreadPoolExecutor(4) as starting:
        restarted = list(starting.map(lineage.settle, [sync_database] * 4))

    assert sorted(restarted) == [False, False, False, True]


def test_an_ordinary_database_user_may_compare(sync_database: Engine) -> None:
    role = f"reader_{uuid.uuid4().hex}"
    with sync_database.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"))
        connection.execute(text(f"SET LOCAL ROLE {role}"))
        identity = connection.execute(text(lineage._IDENTITY)).scalar_one()
        connection.execute(text("RESET ROLE"))
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))

    assert identity.count("/") == 2


def test_by_hand_every_history_is_restarted(sync_database: Engine) -> None:
    make_workspace(sync_database, "one")
    before = epochs(sync_database)

    lineage.restart_history(sync_database)

    assert epochs(sync_database).isdisjoint(before)
