"""A removal that waits in one segment keeps people in those that build on it, too (S11)."""

from collections.abc import Collection

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from operations import segments, workspaces
from operations.holds import deciding
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.previewing import preview
from sync_engine.plan import Pair
from sync_engine.verify import verify
from tests.furnishing import furnished
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("S11")

NAMES = ("Ada", "Bo", "Cy", "Di", "Ed")
NOBODY = 'department eq "Nowhere"'


@pytest.fixture
@furnished
async def office(world: World, sync_database: Engine) -> World:
    """Five people are in Sales, and so in Field, and not in Home; two may go unasked."""
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for name in NAMES:
        await world.member(name, department="Sales", country="NO")
    await world.segment("Sales", 'department eq "Sales"')
    await world.segment("Field", 'memberOf has "Sales" and country eq "NO"')
    await world.segment("Home", 'not (memberOf has "Field") and country eq "NO"')
    await world.course("Safety", segments_attached=["Sales"])
    await world.course("Welding", segments_attached=["Field"])
    async with world.edge.transaction() as db:
        await workspaces.edit_settings(db, by=world.system, hold_people=2, hold_percent=0)
    settle(sync_database)
    return world


async def edit(world: World, engine: Engine, name: str, rule: str) -> None:
    async with world.edge.transaction() as db:
        await segments.edit(db, by=world.system, segment_id=world.segments[name], rule=rule)
    settle(engine)


def people_in(world: World, engine: Engine, segment: str) -> set[str]:
    statement = "SELECT member_id FROM membership WHERE until IS NULL AND segment_id = :id"
    with engine.connect() as db:
        ids = set(db.scalars(text(statement), {"id": world.segments[segment]}))
    return {name for name, id in world.members.items() if id in ids}


def held(engine: Engine) -> set[Pair]:
    with engine.connect() as db:
        rows = db.execute(text("SELECT member_id, segment_id FROM held_removal"))
        return {(member, segment) for member, segment in rows}


def told(engine: Engine) -> list[str]:
    statement = "SELECT verb FROM journal_entry WHERE verb LIKE 'hold.%' ORDER BY seq"
    with engine.connect() as db:
        return list(db.scalars(text(statement)))


def hold_of(world: World, engine: Engine, segment: str) -> int:
    statement = "SELECT id FROM hold WHERE segment_id = :id AND state = 'OPEN'"
    with engine.connect() as db:
        return int(db.execute(text(statement), {"id": world.segments[segment]}).scalar_one())


async def approve(
    world: World, engine: Engine, segment: str, names: Collection[str] = NAMES
) -> None:
    async with world.edge.transaction() as db:
        await deciding.approve(
            db,
            by=world.caller("Mona"),
            hold_id=hold_of(world, engine, segment),
            reason="They have moved.",
            member_ids=[world.members[name] for name in names],
        )
    settle(engine)


async def test_the_outer_membership_stays_while_the_inner_removal_waits_and_ends_with_it(
    office: World, sync_database: Engine
) -> None:
    await edit(office, sync_database, "Sales", NOBODY)

    assert held(sync_database) == {(office.members[n], office.segments["Sales"]) for n in NAMES}
    assert people_in(office, sync_database, "Field") == set(NAMES)
    assert people_in(office, sync_database, "Home") == set()
    assert told(sync_database) == ["hold.opened"]
    assert verify(sync_database, office.workspace_id).is_clean

    await approve(office, sync_database, "Sales")

    assert people_in(office, sync_database, "Sales") == set()
    assert people_in(office, sync_database, "Field") == set()
    assert people_in(office, sync_database, "Home") == set(NAMES)
    assert held(sync_database) == set()
    assert told(sync_database) == ["hold.opened", "hold.approved"]
    assert verify(sync_database, office.workspace_id).is_clean


async def test_who_is_discarded_stays_in_both_and_who_is_approved_in_neither(
    office: World, sync_database: Engine
) -> None:
    await edit(office, sync_database, "Sales", NOBODY)
    async with office.edge.transaction() as db:
        await deciding.discard(
            db,
            by=office.caller("Mona"),
            hold_id=hold_of(office, sync_database, "Sales"),
            reason="They stay.",
            at=MONDAY,
            member_ids=[office.members["Ada"], office.members["Bo"]],
        )
    await approve(office, sync_database, "Sales", NAMES[2:])

    for name in ("Sales", "Field"):
        assert people_in(office, sync_database, name) == {"Ada", "Bo"}
    assert held(sync_database) == set()
    assert verify(sync_database, office.workspace_id).is_clean


async def test_what_is_decided_with_the_inner_segment_counts_in_no_window(
    office: World, sync_database: Engine
) -> None:
    await edit(office, sync_database, "Sales", NOBODY)
    await approve(office, sync_database, "Sales", NAMES[:3])

    statement = "SELECT DISTINCT closed_by_rule FROM membership WHERE until IS NOT NULL"
    with sync_database.connect() as db:
        assert list(db.scalars(text(statement))) == [False]
        lost = "SELECT count(*) FROM change_set WHERE cardinality(lost) > 0"
        assert db.execute(text(lost)).scalar_one() == 0


async def test_few_who_leave_the_outer_one_alone_go_while_many_wait_in_the_inner_one(
    office: World, sync_database: Engine
) -> None:
    """Five would leave Field, but only one of them for a reason of Field's own."""
    await office.member("Flo", department="Sales", country="NO")
    settle(sync_database)
    async with office.edge.transaction() as db:
        by = office.system
        await segments.edit(
            db, by=by, segment_id=office.segments["Sales"], rule='userName sw "flo"'
        )
        field = 'memberOf has "Sales" and not (userName sw "flo")'
        await segments.edit(db, by=by, segment_id=office.segments["Field"], rule=field)
    settle(sync_database)

    assert people_in(office, sync_database, "Sales") == {*NAMES, "Flo"}
    assert people_in(office, sync_database, "Field") == set(NAMES)
    assert held(sync_database) == {(office.members[n], office.segments["Sales"]) for n in NAMES}
    assert told(sync_database) == ["hold.opened"]
    assert verify(sync_database, office.workspace_id).is_clean


@pytest.mark.spec("S9")
@pytest.mark.parametrize(
    ("followed", "waits"), [(("Safety", "Welding"), "Sales"), (("Welding",), "Field")]
)
async def test_a_preview_says_in_which_segment_removals_would_wait(
    office: World, sync_database: Engine, followed: tuple[str, ...], waits: str
) -> None:
    """Where no course follows the inner segment, people leave it, and wait in the outer one."""
    if "Safety" not in followed:
        statement = "DELETE FROM course_segment WHERE course_id = :id"
        with sync_database.begin() as db:
            db.execute(text(statement), {"id": office.courses["Safety"]})
    change = SegmentChange(
        SegmentChangeKind.EDIT_RULE, segment_id=office.segments["Sales"], rule=NOBODY
    )
    async with office.edge.read() as db:
        seen = await preview(db, by=office.system, change=change)
    await edit(office, sync_database, "Sales", NOBODY)

    assert seen.waiting == {(office.members[name], office.segments[waits]) for name in NAMES}
    assert held(sync_database) == seen.waiting
    await approve(office, sync_database, waits)
    assert people_in(office, sync_database, "Field") == set()
