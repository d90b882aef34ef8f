"""What tests/conftest.py promises holds, because every other test stands on it."""

import subprocess

import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.node import NodeClients

Sessions = async_sessionmaker[AsyncSession]


@pytest.mark.parametrize("again", [1, 2])
def test_every_test_has_a_database_of_its_own(sync_database: Engine, again: int) -> None:
    with sync_database.begin() as connection:
        connection.execute(text("CREATE TABLE only_mine (id int)"))
        assert connection.scalar(text("SELECT count(*) FROM only_mine")) == 0


def test_the_database_is_migrated(sync_database: Engine) -> None:
    from models import migrations

    assert migrations.current(sync_database) == migrations.head()


@pytest.mark.parametrize("again", [1, 2])
def test_redis_is_empty_at_the_start_of_a_test(redis_url: str, again: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


async def test_statements_are_counted_exactly_without_transaction_control(
    sessions: Sessions, statements: list[str]
) -> None:
    async with sessions() as db, db.begin():
        await db.execute(text("SELECT 1"))
        async with db.begin_nested():
            await db.execute(text("SELECT 2"))

    assert statements == ["SELECT 1", "SELECT 2"]


async def test_statements_on_the_driver_connection_are_counted_too(
    sessions: Sessions, statements: list[str]
) -> None:
    async with sessions() as db:
        connection = await db.connection()
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute("SELECT 1")

    assert statements == ["SELECT 1"]


def test_the_foreign_clients_are_installed(node_clients: NodeClients) -> None:
    answer = subprocess.run(
        node_clients.command("installed.mjs"), capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == ["function", "function", "function", "function"]
