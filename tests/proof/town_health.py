"""Somebody with whom the engine fails until somebody says so, and what was found one night."""

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from tests.proof.town import City

WHO: Final = "Chief"
"""Is in no segment, and nothing is done to this person."""

TAKEN: Final = "DELETE FROM dirty_member WHERE member_id = :member"

PARKED: Final = """
INSERT INTO parked_member (member_id, workspace_id, lane, since, failures, error)
VALUES (:member, :w, 0, now(), 5, 'ValueError: No day is called “Chiefday”.')
"""

VERIFIED: Final = """
INSERT INTO verification (workspace_id, ended_at, blocks, pairs_checked) VALUES (:w, now(), 1, 12)
"""


async def furnish(city: "City") -> None:
    world = city.world
    about = {"w": world.workspace_id, "member": world.members[WHO]}
    async with world.edge.transaction() as db:
        for statement in (TAKEN, PARKED, VERIFIED):
            await db.execute(text(statement), about)
