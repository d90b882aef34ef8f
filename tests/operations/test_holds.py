"""What waits is approved, discarded or released; and little is taken by hand unasked (S11)."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from models.segments import AttachmentMode
from operations import attachments, health, segments, workspaces
from operations.explain import membership
from operations.holds import alerting, deciding
from operations.metrics import as_metrics
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.previewing import preview
from operations.refusals import Code, Denied, Refused
from sync_engine.verify import verify
from tests.furnishing import furnished
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("S11")

NAMES = ("Ada", "Bo", "Cy", "Di", "Ed")
DAY = dt.timedelta(days=1)


@pytest.fixture
@furnished
async def office(world: World, sync_database: Engine) -> World:
    """Five people are in Sales, which Safety follows; two may go unasked."""
    for name in ("Mona", "Dora", *NAMES):
        department = "Sales" if name in NAMES else "None"
        emails = [f"{name.lower()}@acme.example"]
        await world.member(name, department=department, emails=emails)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sales"])
    async with world.edge.transaction() as db:
        await workspaces.edit_settings(db, by=world.system, hold_people=2, hold_percent=0)
    settle(sync_database)
    return world


async def all_leave(world: World, engine: Engine) -> int:
    """A rule under which nobody belongs to Sales; the hold that opens."""
    async with world.edge.transaction() as db:
        await segments.edit(
            db, by=world.system, segment_id=world.segments["Sales"], rule='department eq "Legal"'
        )
    settle(engine)
    return int(one(engine, "SELECT max(id) FROM hold"))


def one(engine: Engine, statement: str) -> Any:
    with engine.connect() as db:
        return db.execute(text(statement)).scalar_one()


def now_in(world: World, engine: Engine) -> set[str]:
    with engine.connect() as db:
        ids = set(db.scalars(text("SELECT member_id FROM membership WHERE until IS NULL")))
    return {name for name, id in world.members.items() if id in ids}


def verbs(engine: Engine) -> list[str]:
    with engine.connect() as db:
        return list(
            db.scalars(text("SELECT verb FROM journal_entry WHERE verb LIKE 'hold.%' ORDER BY seq"))
        )


async def test_all_of_a_hold_is_approved(office: World, sync_database: Engine) -> None:
    id = await all_leave(office, sync_database)
    assert now_in(office, sync_database) == set(NAMES)

    async with office.edge.transaction() as db:
        hold = await deciding.approve(
            db, by=office.caller("Mona"), hold_id=id, reason="They have moved."
        )
    settle(sync_database)

    assert (hold.state, hold.held, hold.approved, hold.discarded) == ("DECIDED", 5, 5, 0)
    assert now_in(office, sync_database) == set()
    assert one(sync_database, "SELECT count(*) FROM held_removal") == 0
    assert verbs(sync_database) == ["hold.opened", "hold.approved"]
    assert verify(sync_database, office.workspace_id).is_clean


async def test_some_are_approved_others_stay_and_the_rest_goes_on_waiting(
    office: World, sync_database: Engine
) -> None:
    id = await all_leave(office, sync_database)
    by = office.caller("Mona")

    async with office.edge.transaction() as db:
        named = [office.members["Ada"], office.members["Bo"]]
        await deciding.approve(db, by=by, hold_id=id, reason="Gone.", member_ids=named)
    async with office.edge.transaction() as db:
        hold = await deciding.discard(
            db,
            by=by,
            hold_id=id,
            reason="She stays.",
            at=MONDAY,
            member_ids=[office.members["Cy"]],
            segment_ids=[office.segments["Sales"]],
        )
    settle(sync_database)

    assert (hold.state, hold.approved, hold.discarded) == ("OPEN", 2, 1)
    assert now_in(office, sync_database) == {"Cy", "Di", "Ed"}
    assert one(sync_database, "SELECT count(*) FROM held_removal") == 2
    assert one(sync_database, "SELECT hold_id FROM membership_pin") == id
    assert verify(sync_database, office.workspace_id).is_clean


async def test_who_is_discarded_stays_when_the_rule_is_asked_again(
    office: World, sync_database: Engine
) -> None:
    id = await all_leave(office, sync_database)

    async with office.edge.transaction() as db:
        hold = await deciding.discard(
            db,
            by=office.caller("Mona"),
            hold_id=id,
            reason="The feed is broken.",
            at=MONDAY,
            expires_at=MONDAY + DAY,
        )
        await segments.recompute(db, by=office.system, segment_id=office.segments["Sales"])
    settle(sync_database)

    assert (hold.state, hold.discarded) == ("DECIDED", 5)
    assert now_in(office, sync_database) == set(NAMES)
    assert one(sync_database, "SELECT count(*) FROM hold") == 1
    assert verify(sync_database, office.workspace_id).is_clean


async def test_when_the_cause_is_mended_nothing_has_to_be_decided(
    office: World, sync_database: Engine
) -> None:
    await all_leave(office, sync_database)

    async with office.edge.transaction() as db:
        await segments.edit(
            db,
            by=office.system,
            segment_id=office.segments["Sales"],
            rule='department eq "Sales"',
        )
    settle(sync_database)

    assert one(sync_database, "SELECT state FROM hold") == "RELEASED"
    assert verbs(sync_database) == ["hold.opened", "hold.released"]


async def test_what_is_not_there_is_refused_and_who_may_not_is_denied(
    office: World, sync_database: Engine
) -> None:
    id = await all_leave(office, sync_database)
    mona, dora = office.caller("Mona"), office.caller("Dora")
    stranger, sales = office.members["Dora"], office.segments["Sales"]
    refused = []
    for about in (
        {"hold_id": id + 1},
        {"hold_id": id, "member_ids": [stranger]},
        {"hold_id": id, "segment_ids": [sales + 1]},
    ):
        with pytest.raises(Refused) as caught:
            async with office.edge.transaction() as db:
                await deciding.approve(db, by=mona, reason="Yes.", **about)
        refused.append(caught.value.code)
    with pytest.raises(Denied):
        async with office.edge.transaction() as db:
            await deciding.approve(db, by=dora, hold_id=id, reason="Yes.")
    with pytest.raises(Refused, match="has passed"):
        async with office.edge.transaction() as db:
            await deciding.discard(
                db, by=mona, hold_id=id, reason="No.", at=MONDAY, expires_at=MONDAY - DAY
            )

    assert refused == [Code.NOT_FOUND] * 3
    assert one(sync_database, "SELECT count(*) FROM held_removal WHERE NOT is_approved") == 5


async def test_what_is_decided_is_not_decided_again(office: World, sync_database: Engine) -> None:
    id, by = await all_leave(office, sync_database), office.caller("Mona")
    async with office.edge.transaction() as db:
        await deciding.approve(db, by=by, hold_id=id, reason="Yes.")

    with pytest.raises(Refused, match="DECIDED") as caught:
        async with office.edge.transaction() as db:
            await deciding.discard(db, by=by, hold_id=id, reason="No.", at=MONDAY)

    assert caught.value.code is Code.CONFLICT


async def test_who_deletes_a_segment_approves_of_what_waits(
    office: World, sync_database: Engine
) -> None:
    await all_leave(office, sync_database)
    by, sales = office.caller("Mona"), office.segments["Sales"]
    change = SegmentChange(SegmentChangeKind.DELETE, sales)
    async with office.edge.read() as db:
        seen = await preview(db, by=by, change=change)

    async with office.edge.transaction() as db:
        await segments.remove(
            db, by=by, segment_id=sales, at=MONDAY, detach=True, based_on=seen.basis
        )
    settle(sync_database)

    assert now_in(office, sync_database) == set()
    assert one(sync_database, "SELECT state FROM hold") == "DECIDED"
    assert one(sync_database, "SELECT count(*) FROM held_removal") == 0


async def test_managers_are_written_to_once_for_each_hold(
    office: World, sync_database: Engine
) -> None:
    id = await all_leave(office, sync_database)

    told = []
    for _ in range(2):
        async with office.edge.transaction() as db:
            told.append(await alerting.tell(db, at=MONDAY, limit=10))

    assert told == [1, 0]
    mail = "SELECT key || ' ' || recipients[1] || ' ' || (parameters ->> 'segment') FROM mail"
    mona = office.members["Mona"]
    assert one(sync_database, mail) == f"hold:{id}:{mona} mona@acme.example Sales"
    async with office.edge.read() as db:
        lines = set(as_metrics(await health.of_all(db)))
    assert 'coordinator_open_holds{workspace="acme"} 1' in lines
    assert 'coordinator_held_removals{workspace="acme"} 5' in lines


async def test_detaching_more_than_may_go_unasked_needs_a_preview(
    office: World, sync_database: Engine
) -> None:
    by = office.caller("Mona")
    about: dict[str, Any] = {
        "course_id": office.courses["Safety"],
        "segment_id": office.segments["Sales"],
    }
    with pytest.raises(Refused) as caught:
        async with office.edge.transaction() as db:
            await attachments.detach(db, by=by, **about)
    change = SegmentChange(SegmentChangeKind.DETACH, about["segment_id"], about["course_id"])
    async with office.edge.read() as db:
        seen = await preview(db, by=by, change=change)

    async with office.edge.transaction() as db:
        assert await attachments.detach(db, by=by, **about, based_on=seen.basis)

    assert caught.value.code is Code.CONFIRMATION_REQUIRED
    assert caught.value.details == {"argument": "basedOn", "limit": 2, "actual": 5, "people": 5}


async def test_a_mode_that_would_take_more_than_may_go_unasked_is_accepted_by_number(
    office: World, sync_database: Engine
) -> None:
    by = office.caller("Mona")
    about: dict[str, Any] = {
        "course_id": office.courses["Safety"],
        "segment_id": office.segments["Sales"],
    }
    async with office.edge.transaction() as db:
        await attachments.change_mode(db, by=by, **about, mode=AttachmentMode.FROZEN)
    for name in NAMES[:3]:
        await office.change(name, department="Legal")
    settle(sync_database)
    assert now_in(office, sync_database) == {"Di", "Ed"}

    with pytest.raises(Refused) as caught:
        async with office.edge.transaction() as db:
            await attachments.change_mode(db, by=by, **about, mode=AttachmentMode.SYNC)
    async with office.edge.transaction() as db:
        await attachments.change_mode(db, by=by, **about, mode=AttachmentMode.SYNC, accept_losses=3)

    assert caught.value.code is Code.CONFIRMATION_REQUIRED
    assert caught.value.details["actual"] == 3


async def test_why_says_that_the_removal_waits(office: World, sync_database: Engine) -> None:
    await all_leave(office, sync_database)

    async with office.edge.read() as db:
        said = await membership(
            db,
            by=office.caller("Mona"),
            course_id=office.courses["Safety"],
            member_id=office.members["Ada"],
        )

    [reason] = said.segments
    assert reason.is_held
    assert "the removal waits to be approved" in " ".join(reason.sentences)


@pytest.mark.spec("S10")
async def test_why_says_of_the_past_that_the_removal_waited_until_it_was_decided(
    office: World, sync_database: Engine
) -> None:
    async def told(name: str, seq: int | None) -> tuple[bool, bool]:
        """Whether the removal is said to wait, and how it is worded."""
        async with office.edge.read() as db:
            said = await membership(
                db,
                by=office.caller("Mona"),
                course_id=office.courses["Safety"],
                member_id=office.members[name],
                seq=seq,
            )
        [reason] = said.segments
        return reason.is_held, "the removal waited to be approved" in said.summary

    head = "SELECT head FROM workspace_stream"
    by = office.caller("Mona")
    before = one(sync_database, head)
    id = await all_leave(office, sync_database)
    waiting = one(sync_database, head)
    async with office.edge.transaction() as db:
        ada = [office.members["Ada"]]
        await deciding.discard(
            db, by=by, hold_id=id, reason="She stays.", at=MONDAY, member_ids=ada
        )
    discarded = one(sync_database, head)
    async with office.edge.transaction() as db:
        await deciding.approve(db, by=by, hold_id=id, reason="Gone.")
    settle(sync_database)
    decided = one(sync_database, head)
    await office.change("Mona", department="Sales")

    places = (before, waiting, discarded, decided)
    assert [await told("Bo", seq) for seq in places] == [
        *((False, False), (True, True), (True, True), (False, False)),
    ]
    assert [await told("Ada", seq) for seq in places] == [
        *((False, False), (True, True), (False, False), (False, False)),
    ]


@pytest.mark.spec("S9")
async def test_a_preview_says_who_would_wait_and_so_it_comes(
    office: World, sync_database: Engine
) -> None:
    async def would_wait(rule: str) -> int:
        edit = SegmentChange(
            SegmentChangeKind.EDIT_RULE, segment_id=office.segments["Sales"], rule=rule
        )
        async with office.edge.read() as db:
            return (await preview(db, by=office.system, change=edit)).waiting_count

    nobody = 'department eq "Legal"'
    three = f'department eq "Sales" and displayName in ["{NAMES[0]}", "{NAMES[1]}", "{NAMES[2]}"]'
    assert (await would_wait(nobody), await would_wait(three)) == (5, 0)

    async with office.edge.transaction() as db:
        await segments.edit(db, by=office.system, segment_id=office.segments["Sales"], rule=three)
    settle(sync_database)
    assert one(sync_database, "SELECT count(*) FROM held_removal") == 0
    two = f'department eq "Sales" and displayName in ["{NAMES[0]}", "{NAMES[1]}"]'
    assert await would_wait(two) == 1, "two have gone already, and more may not"
    async with office.edge.transaction() as db:
        await segments.edit(db, by=office.system, segment_id=office.segments["Sales"], rule=two)
    settle(sync_database)
    assert one(sync_database, "SELECT count(*) FROM held_removal") == 1
