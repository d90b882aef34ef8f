"""Certificates whose time is over are written down as EXPIRED by a worker."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.actors import OPERATIONS, expire_certificates
from operations.certificates.statements import EXPIRED
from tests.certifying import School
from tests.world import World


async def is_due(school: School) -> bool:
    async with school.world.edge.read() as db:
        return bool(await db.scalar(text(f"SELECT {EXPIRED}")))


async def _look(school: School) -> bool:
    """What a worker does when it is woken."""
    found = expire_certificates.look(school.world.edge)
    return found if isinstance(found, bool) else await found


@pytest.mark.spec("H4")
async def test_a_worker_writes_down_what_has_expired_and_only_that(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    school, now = await School.open(await World.new(sessions)), dt.datetime.now(dt.UTC)
    await school.complete("Lea", "Kim")
    await school.generate("Kim", at=now)
    assert not await is_due(school)
    await school.set(certificate_days=1)
    await school.generate("Lea", at=now - dt.timedelta(days=5))
    assert await is_due(school)

    assert await _look(school) is False

    assert await school.states() == ["ISSUED", "EXPIRED"]
    assert not await is_due(school)
    assert expire_certificates in OPERATIONS
