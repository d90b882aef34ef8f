"""What a run of the engine left in a town, and somebody who was pinned when it was taken back."""

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from models import journal
from models.holds import PinOrigin
from models.segments import ChangeSet, Membership
from operations import pins
from operations.pins import Because

if TYPE_CHECKING:
    from tests.proof.town import City

MOVED: Final = "moved"
"""Lou joined “Closed 1”, and Cleo left it."""

AT: Final = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)


async def furnish(city: "City") -> None:
    world = city.world
    lou, cleo = world.members["Lou"], world.members["Cleo"]
    segment_id = world.segments["Closed 1"]
    pinned = (world.members["coordinator_derived"], world.segments["Sellers"])
    async with world.edge.transaction() as db:
        # An engine that runs meanwhile writes before this, or reads what this has written.
        moved = [(lou, segment_id), (cleo, segment_id)]
        await pins.lock(db, by=world.system, pairs=[*moved, pinned])
        cause = journal.cause_of(db)
        change_set = ChangeSet(
            workspace_id=world.workspace_id,
            kind="people",
            causes={"causes": [str(cause)]},
            watermark=1,
            epoch=1,
            today=AT.date(),
            examined=2,
            added=1,
            removed=1,
            suppressed=0,
            segment_ids=[segment_id],
            at=AT,
        )
        db.add(change_set)
        await db.flush()
        pair = {"segment_id": segment_id, "since": AT}
        current = await db.scalar(
            select(Membership).where(
                Membership.segment_id == segment_id,
                Membership.member_id == lou,
                Membership.until.is_(None),
            )
        )
        if current is None:
            db.add(current := Membership(member_id=lou, **pair))
        current.opened_by_id = change_set.id
        db.add(Membership(member_id=cleo, until=AT, closed_by_id=change_set.id, **pair))
        told = journal.entry(
            world.system,
            "membership.changed",
            change_set_id=change_set.id,
            detail={"segments": {segment_id: {"added": [lou], "removed": [cleo]}}},
        )
        connection = await db.connection()
        appended = journal.append_parameters(world.workspace_id, [told])
        await connection.exec_driver_sql(journal.APPEND, appended)
        city.change_sets[MOVED] = change_set.id
        because = Because(
            PinOrigin.UNDO,
            "It was right before.",
            dt.datetime(2126, 1, 1, tzinfo=dt.UTC),
            change_set_id=change_set.id,
        )
        await pins.write(db, by=world.caller("Chief"), pins={pinned: True}, because=because, at=AT)
