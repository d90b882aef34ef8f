"""Somebody whose removal from a segment waits to be approved."""

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from tests.proof.town import City

WAITING: Final = "waiting"

HOLD: Final = """
INSERT INTO hold (workspace_id, segment_id, most, people, counted, held)
VALUES (:w, :segment, 10, 20, 11, 1) RETURNING id
"""

IN_IT: Final = """
INSERT INTO membership (member_id, segment_id, since) VALUES (:member, :segment, now())
"""

HELD: Final = """
INSERT INTO held_removal (segment_id, member_id, workspace_id, hold_id)
VALUES (:segment, :member, :w, :hold)
"""


async def furnish(city: "City") -> None:
    """One hold, of a segment that no course follows, and whose rule nobody matches."""
    world = city.world
    about = {
        "w": world.workspace_id,
        "segment": world.segments["Idle"],
        "member": world.members["Spare 01"],
    }
    async with world.edge.transaction() as db:
        hold_id = await db.scalar(text(HOLD), about)
        await db.execute(text(IN_IT), about)
        await db.execute(text(HELD), about | {"hold": hold_id})
    city.holds[WAITING] = int(hold_id or 0)
