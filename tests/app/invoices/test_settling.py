"""Workers settle months: several at once, killed in the middle, woken by nobody."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.invoices.settling import settle_due
from operations.billing import month_after
from tests.app.invoices.racing import settle_and_say, settle_in_step
from tests.forking import FORKS
from tests.operations.ledger import is_pending, issued, mailed, were_active
from tests.workers import Workers
from tests.world import World

Sessions = async_sessionmaker[AsyncSession]
BEGINNING = dt.datetime(2024, 1, 15, tzinfo=dt.UTC)
TWO_YEARS_ON = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
MONTHS = 24

pytestmark = pytest.mark.timeout(180)


async def company(sessions: Sessions, slug: str) -> World:
    """Two years, and n people in the n-th month."""
    world = await World.new(sessions, slug, at=BEGINNING)
    month = BEGINNING.date().replace(day=1)
    for n in range(MONTHS):
        await were_active(world, month, n % 7 + 1)
        month = month_after(month)
    return world


async def check(world: World) -> None:
    """Every month has its one invoice, and every invoice its one mail."""
    found = await issued(world)
    assert [each.number for each in found] == list(range(1, MONTHS + 1))
    assert [each.month for each in found] == sorted({each.month for each in found})
    assert [each.active_members for each in found] == [n % 7 + 1 for n in range(MONTHS)]
    keys = [each.key for each in await mailed(world)]
    assert keys == [f"invoice:{each.id}" for each in found]


async def test_two_workers_at_once_issue_every_invoice_once(
    sessions: Sessions, database_url: str
) -> None:
    """C24"""
    worlds = [await company(sessions, slug) for slug in ("one", "two")]
    barrier, results = FORKS.Barrier(2), FORKS.Queue()
    running = [
        FORKS.Process(
            target=settle_in_step, args=(database_url, barrier, results, TWO_YEARS_ON, 15)
        )
        for _ in range(2)
    ]
    for process in running:
        process.start()
    shares = [results.get(timeout=150) for _ in running]
    for process in running:
        process.join()

    assert len(shares[0]) + len(shares[1]) == len({*shares[0], *shares[1]}) == 2 * MONTHS
    assert all(shares)
    for world in worlds:
        await check(world)


@pytest.mark.parametrize("killed_after", [1, 7])
async def test_a_worker_killed_between_leaves_the_rest_to_the_next(
    sessions: Sessions, database_url: str, killed_after: int
) -> None:
    """C24"""
    world = await company(sessions, "one")
    heard, said = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=settle_and_say, args=(database_url, said, TWO_YEARS_ON))
    process.start()
    said.close()
    for _ in range(killed_after):
        assert heard.poll(60)
        heard.recv()
    process.kill()
    process.join()

    assert killed_after <= len(await issued(world)) < MONTHS
    await settle_due(world.edge, at=TWO_YEARS_ON, limit=1_000)

    await check(world)
    assert await settle_due(world.edge, at=TWO_YEARS_ON, limit=1_000) == 0


async def test_a_turn_stops_at_its_limit_and_says_so(sessions: Sessions) -> None:
    world = await company(sessions, "one")

    assert await settle_due(world.edge, at=TWO_YEARS_ON, limit=5) == 5
    assert len(await issued(world)) == 5


async def test_one_workspace_without_a_known_zone_does_not_stop_the_others(
    sessions: Sessions,
) -> None:
    """Zone data differs between machines: there it is UTC that counts."""
    lost = await company(sessions, "lost")
    found = await company(sessions, "found")
    async with lost.edge.transaction() as db:
        await db.execute(
            text("UPDATE workspace SET time_zone = 'Mars/Olympus' WHERE id = :id"),
            {"id": lost.workspace_id},
        )

    await settle_due(found.edge, at=TWO_YEARS_ON, limit=1_000)

    await check(found)
    await check(lost)


async def test_what_is_wrong_in_one_workspace_does_not_stop_the_others(sessions: Sessions) -> None:
    """The currency of the one that waits longest is none: it is told, and tried again."""
    broken, found = await company(sessions, "broken"), await company(sessions, "found")
    async with broken.edge.transaction() as db:
        await db.execute(
            text("UPDATE billing_account SET currency = 'QQQ' WHERE workspace_id = :id"),
            {"id": broken.workspace_id},
        )

    with pytest.raises(ValueError, match="QQQ"):
        await settle_due(found.edge, at=TWO_YEARS_ON, limit=1_000)

    await check(found)
    assert await issued(broken) == []


async def test_a_worker_process_settles_what_is_due_by_itself(
    sessions: Sessions, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """No message, nobody asks: the sweeper finds it."""
    world = await company(sessions, "one")

    with Workers(database_url, redis_url, tmp_path) as workers:
        workers.start("later")
        for _ in range(600):
            if not await is_pending(world):
                break
            await asyncio.sleep(0.1)

    assert (await issued(world))[-1].month == dt.date(2025, 12, 1)
    assert not await is_pending(world)
