"""A change set is undone exactly, or refused with what contradicts (S12)."""

import datetime as dt

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.people import MemberState
from operations import segments
from operations.refusals import Code, Denied, Refused
from sync_engine.verify import verify
from tests.furnishing import furnished
from tests.operations.undoing import (
    contradicted,
    moved_by,
    named,
    newest,
    now_in,
    pinned,
    read,
    take_back,
)
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("S12")

DAY = dt.timedelta(days=1)


@pytest.fixture
@furnished
async def sellers(world: World, sync_database: Engine) -> World:
    """Ada, Bo and Cy are in Sales, which Safety follows; Named has Ada."""
    for name in ("Mona", "Ada", "Bo", "Cy"):
        await world.member(name, department="None" if name == "Mona" else "Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    await world.segment("Named", people_named=["Ada"])
    await world.course("Safety", segments_attached=["Sales"])
    settle(sync_database)
    return world


async def all_leave(world: World, engine: Engine) -> int:
    """One change set in which everybody leaves Sales; its id."""
    async with world.edge.transaction() as db:
        await segments.edit(
            db, by=world.system, segment_id=world.segments["Sales"], rule='department eq "Legal"'
        )
    settle(engine)
    return newest(engine)


async def test_whom_a_change_set_removed_is_back_and_pinned_in(
    sellers: World, sync_database: Engine
) -> None:
    before = now_in(sync_database)
    id = await all_leave(sellers, sync_database)
    assert await sellers.coordinators_of("Safety") == set()

    undone = await take_back(sellers, id, by="Mona")
    settle(sync_database)

    assert (undone.pinned_in, undone.pinned_out) == (3, 0)
    assert now_in(sync_database) == before
    assert await sellers.coordinators_of("Safety") == {"Ada", "Bo", "Cy"}
    assert set(pinned(sync_database).values()) == {True}
    assert verify(sync_database, sellers.workspace_id).is_clean


async def test_whom_a_change_set_added_is_out_again_while_the_rule_still_wants_them(
    sellers: World, sync_database: Engine
) -> None:
    await sellers.change("Mona", department="Sales")
    settle(sync_database)
    assert "Mona" in await sellers.coordinators_of("Safety")

    await take_back(sellers, newest(sync_database))
    settle(sync_database)

    assert "Mona" not in await sellers.coordinators_of("Safety")
    await sellers.change("Mona", country="SE")
    settle(sync_database)
    assert "Mona" not in await sellers.coordinators_of("Safety")


@pytest.mark.parametrize(("state", "broken"), [("PAUSED", None), ("BROKEN", "a test")])
async def test_a_removal_is_undone_in_a_frozen_segment(
    sellers: World, sync_database: Engine, state: str, broken: str | None
) -> None:
    before = now_in(sync_database)
    id = await all_leave(sellers, sync_database)
    with sync_database.begin() as db:
        db.execute(
            text(
                "UPDATE segment SET state = :state, broken_reason = :broken, epoch = epoch + 1"
                " WHERE id = :id"
            ),
            {"id": sellers.segments["Sales"], "state": state, "broken": broken},
        )

    await take_back(sellers, id)
    settle(sync_database)

    assert now_in(sync_database) == before


async def test_it_is_done_once(sellers: World, sync_database: Engine) -> None:
    id = await all_leave(sellers, sync_database)
    await take_back(sellers, id)

    with pytest.raises(Refused) as refused:
        await take_back(sellers, id)

    assert refused.value.code is Code.ALREADY_UNDONE
    assert refused.value.details["undoneAt"] == MONDAY.isoformat()


async def test_an_undoing_can_be_undone(sellers: World, sync_database: Engine) -> None:
    id = await all_leave(sellers, sync_database)
    empty = now_in(sync_database)
    await take_back(sellers, id)
    settle(sync_database)

    await take_back(sellers, newest(sync_database))
    settle(sync_database)

    assert now_in(sync_database) == empty


async def test_pairs_that_have_changed_since_are_named_and_nothing_is_undone(
    sellers: World, sync_database: Engine
) -> None:
    id = await all_leave(sellers, sync_database)
    await sellers.change("Bo", department="Legal")
    settle(sync_database)
    await sellers.set_state("Cy", MemberState.DEACTIVATED)
    settle(sync_database)
    stood = now_in(sync_database)

    with pytest.raises(Refused) as refused:
        await take_back(sellers, id)
    settle(sync_database)

    sales, bo, cy = sellers.segments["Sales"], sellers.members["Bo"], sellers.members["Cy"]
    assert refused.value.code is Code.UNDO_CONTRADICTED
    assert refused.value.details["count"] == 2
    assert named(refused.value.details) == {(bo, sales): "MOVED_SINCE", (cy, sales): "DEACTIVATED"}
    assert named(refused.value.details) == contradicted(sync_database, id)
    assert (now_in(sync_database), pinned(sync_database)) == (stood, {})


async def test_of_many_contradictions_fifty_are_named_and_all_counted(
    sellers: World, sync_database: Engine
) -> None:
    with sync_database.begin() as db:
        db.execute(text("UPDATE workspace SET hold_people = 1000"))
    for number in range(60):
        await sellers.member(f"Many{number}", department="Sales")
    settle(sync_database)
    id = await all_leave(sellers, sync_database)
    async with sellers.edge.transaction() as db:
        await segments.remove(
            db,
            by=sellers.system,
            segment_id=sellers.segments["Sales"],
            at=MONDAY,
            detach=True,
        )
    settle(sync_database)

    with pytest.raises(Refused) as refused:
        await take_back(sellers, id)

    assert refused.value.code is Code.UNDO_CONTRADICTED, refused.value
    assert (refused.value.details["count"], len(refused.value.details["pairs"])) == (63, 50)
    assert set(named(refused.value.details).values()) == {"SEGMENT_GONE"}


async def test_whoever_may_not_edit_segments_may_not_undo(
    sellers: World, sync_database: Engine
) -> None:
    id = await all_leave(sellers, sync_database)

    with pytest.raises(Denied):
        await take_back(sellers, id, by="Ada")

    assert pinned(sync_database) == {}


async def test_a_change_set_of_another_company_is_not_there(
    sellers: World, sync_database: Engine, sessions: async_sessionmaker[AsyncSession]
) -> None:
    id = await all_leave(sellers, sync_database)
    other = await World.new(sessions, "other")

    with pytest.raises(Refused) as refused:
        await take_back(other, id)

    assert refused.value.code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("reason", "expires_at"), [(" ", None), ("x" * 1001, None), ("It was wrong.", MONDAY)]
)
async def test_a_reason_is_needed_and_an_end_that_is_to_come(
    sellers: World, sync_database: Engine, reason: str, expires_at: dt.datetime | None
) -> None:
    id = await all_leave(sellers, sync_database)

    with pytest.raises(Refused) as refused:
        await take_back(sellers, id, reason=reason, expires_at=expires_at)

    assert refused.value.code is Code.BAD_USER_INPUT


async def test_who_undid_it_and_why_is_in_the_journal_and_the_engine_s_cause(
    sellers: World, sync_database: Engine
) -> None:
    id = await all_leave(sellers, sync_database)

    await take_back(sellers, id, by="Mona", reason="HR sent an old file.")
    settle(sync_database)

    told = read(
        sync_database,
        "SELECT verb, by_name, reason, cause, after FROM journal_entry"
        " WHERE verb IN ('membership.pinned', 'change_set.undone') ORDER BY seq",
    )
    assert [(row.verb, row.by_name, row.reason) for row in told] == [
        ("membership.pinned", "Mona", "HR sent an old file."),
        ("change_set.undone", "Mona", "HR sent an old file."),
    ]
    assert told[0].after["memberIds"] == sorted(
        sellers.members[name] for name in ("Ada", "Bo", "Cy")
    )
    assert (told[1].after["changeSetId"], told[1].after["pinnedIn"]) == (id, 3)
    causes = read(sync_database, "SELECT DISTINCT cause FROM membership WHERE until IS NULL"
                  " AND opened_by_id > :id", id=id)  # fmt: skip
    assert [row.cause for row in causes] == [told[0].cause]
    assert (
        moved_by(sync_database, newest(sync_database)).keys() == moved_by(sync_database, id).keys()
    )


async def test_a_removal_that_waits_and_is_undone_waits_no_longer(
    sellers: World, sync_database: Engine
) -> None:
    await sellers.change("Mona", department="Sales")
    settle(sync_database)
    id = newest(sync_database)
    pair = {"m": sellers.members["Mona"], "s": sellers.segments["Sales"]}
    with sync_database.begin() as db:
        db.execute(
            text(
                "WITH h AS (INSERT INTO hold (workspace_id, most, people, counted)"
                " VALUES (:w, 1, 1, 1) RETURNING id)"
                " INSERT INTO held_removal (segment_id, member_id, workspace_id, hold_id)"
                " SELECT :s, :m, :w, id FROM h"
            ),
            pair | {"w": sellers.workspace_id},
        )

    await take_back(sellers, id)
    settle(sync_database)

    assert (pair["m"], pair["s"]) not in now_in(sync_database)
    assert read(sync_database, "SELECT 1 FROM held_removal") == []
