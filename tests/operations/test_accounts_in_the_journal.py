"""An account that begins or ends names the courses it matters for, exactly as of its number."""

import asyncio

from sqlalchemy import text

from models import journal
from models.people import MemberState
from operations import coordinators
from tests.world import World

LAST = text("SELECT verb, detail FROM journal_entry ORDER BY seq DESC LIMIT 1")


async def courses_named(world: World) -> tuple[str, list[int]]:
    async with world.edge.read() as db:
        verb, detail = (await db.execute(LAST)).one()
    return verb, detail["courses"]


async def test_every_course_with_a_source_is_named_and_no_other(world: World) -> None:
    await world.member("Pia", state=MemberState.PENDING)
    await world.member("Bo")
    await world.course("Safety", coordinators_by_hand=["Pia"])
    await world.course("Welding", coordinators_by_hand=["Bo"])
    await world.course("Fire", instructors=["Pia"])

    await world.set_state("Pia", MemberState.ACTIVE)
    assert await courses_named(world) == ("member.activated", [world.courses["Safety"]])
    await world.set_state("Pia", MemberState.DEACTIVATED)
    assert await courses_named(world) == ("member.deactivated", [world.courses["Safety"]])


async def test_a_role_given_at_the_same_time_and_numbered_before_is_named(world: World) -> None:
    """Else nobody would be told: the role was given while the account did not count, and the
    account began without knowing of the role."""
    await world.member("Pia", state=MemberState.PENDING)
    await world.course("Safety")
    async with world.edge.sessions() as db:
        async with db.begin():
            await coordinators.assign(
                db,
                by=world.system,
                course_id=world.courses["Safety"],
                coordinators=[world.members["Pia"]],
            )
            await journal.flush(db)
            activating = asyncio.create_task(world.set_state("Pia", MemberState.ACTIVE))
            await asyncio.sleep(0.2)
            assert not activating.done()
        await activating

    assert await courses_named(world) == ("member.activated", [world.courses["Safety"]])
    assert await world.coordinators_of("Safety") == {"Pia"}
