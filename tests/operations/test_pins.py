"""People pinned in segments, or out of them, whatever their rules say (S12)."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, text

from access.caller import Caller, Origin
from access.permissions import Principal
from models.holds import PinOrigin
from models.identity import Connection, ConnectionKind
from operations import explain, pins, segments
from operations.identity import apply_user_change
from operations.pins import Because
from operations.refusals import Code, Denied, Refused
from operations.statements import IdentityChange, Kind, Subject
from sync_engine import ticks
from sync_engine.verify import verify
from tests.furnishing import furnished
from tests.operations.undoing import now_in, pinned, read
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("S12")

DAY = dt.timedelta(days=1)


@pytest.fixture
@furnished
async def office(world: World, sync_database: Engine) -> World:
    """Ada is in Sales, which Safety follows; Bo is not."""
    await world.member("Mona")
    await world.member("Ada", department="Sales")
    await world.member("Bo", department="Ops")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sales"])
    settle(sync_database)
    return world


async def pin(
    world: World, *, expires_at: dt.datetime | None = None, **people: bool
) -> dict[tuple[int, int], bool]:
    """These people in Sales, or out of it."""
    wanted = {
        (world.members[name], world.segments["Sales"]): is_in for name, is_in in people.items()
    }
    async with world.edge.transaction() as db:
        await pins.lock(db, by=world.caller("Mona"), pairs=wanted)
        because = Because(PinOrigin.UNDO, "As it was.", expires_at)
        await pins.write(db, by=world.caller("Mona"), pins=wanted, because=because, at=MONDAY)
    return wanted


async def unpin(world: World, *names: str, by: str = "Mona", segment: str = "Sales") -> list[int]:
    async with world.edge.transaction() as db:
        return await pins.remove(
            db,
            by=world.caller(by),
            segment_id=world.segments[segment],
            member_ids=[world.members[name] for name in names],
            reason="The rule is right now.",
        )


async def test_a_pin_beats_the_rule_both_ways_until_it_is_removed_by_hand(
    office: World, sync_database: Engine
) -> None:
    await pin(office, Ada=False, Bo=True)
    settle(sync_database)
    assert await office.coordinators_of("Safety") == {"Bo"}
    assert verify(sync_database, office.workspace_id).is_clean

    gone = await unpin(office, "Ada", "Bo", "Mona")
    settle(sync_database)

    assert gone == sorted(office.members[name] for name in ("Ada", "Bo"))
    assert await office.coordinators_of("Safety") == {"Ada"}
    told = read(
        sync_database,
        "SELECT verb, before, after, reason FROM journal_entry WHERE verb LIKE 'membership.%pinned'"
        " ORDER BY seq",
    )
    assert [row.verb.split(".")[1] for row in told] == ["pinned"] * 2 + ["unpinned"] * 2
    assert [(row.before or row.after)["isIn"] for row in told] == [False, True, False, True]


async def test_a_pin_ends_in_time_and_is_told_once(office: World, sync_database: Engine) -> None:
    await pin(office, Bo=True, expires_at=MONDAY + DAY)
    await pin(office, Ada=False)
    settle(sync_database)
    heads: list[int] = []

    early = ticks.expire_pins(sync_database, now=MONDAY)
    done = ticks.expire_pins(
        sync_database, now=MONDAY + DAY, on_commit=lambda _, head: heads.append(head)
    )
    again = ticks.expire_pins(sync_database, now=MONDAY + DAY)
    settle(sync_database)

    assert (early, done, again, len(heads)) == (0, 1, 0, 1)
    assert await office.coordinators_of("Safety") == set()
    [told] = read(
        sync_database,
        "SELECT segment_id, before, cause FROM journal_entry WHERE verb = 'pin.expired'",
    )
    assert told.before == {"memberIds": [office.members["Bo"]], "isIn": True}
    [closed] = read(sync_database, "SELECT closing_cause FROM membership WHERE member_id = :id"
                    " AND until IS NOT NULL", id=office.members["Bo"])  # fmt: skip
    assert closed.closing_cause == told.cause


async def test_a_thousand_pins_and_more_end_together(office: World, sync_database: Engine) -> None:
    with sync_database.begin() as db:
        db.execute(
            text(
                "INSERT INTO member (workspace_id, user_name, display_name, state, attributes,"
                " facts) SELECT :w, 'p' || n, 'P', 'ACTIVE', '{}', '{}'"
                " FROM generate_series(1, 1200) n"
            ),
            {"w": office.workspace_id},
        )
        db.execute(
            text(
                "INSERT INTO membership_pin (segment_id, member_id, workspace_id, is_in, origin,"
                " reason, expires_at) SELECT :s, id, :w, true, 'UNDO', 'x', :at FROM member"
                " WHERE user_name LIKE 'p%'"
            ),
            {"w": office.workspace_id, "s": office.segments["Sales"], "at": MONDAY},
        )

    assert ticks.expire_pins(sync_database, now=MONDAY) == 1200
    assert pinned(sync_database) == {}
    assert read(sync_database, "SELECT count(*) FROM dirty_member")[0][0] == 1200


async def test_pins_go_with_their_segment(office: World, sync_database: Engine) -> None:
    await pin(office, Bo=True)
    settle(sync_database)

    async with office.edge.transaction() as db:
        await segments.remove(
            db,
            by=office.system,
            segment_id=office.segments["Sales"],
            at=MONDAY,
            detach=True,
        )

    assert pinned(sync_database) == {}
    settle(sync_database)
    assert now_in(sync_database) == set()


async def test_pins_go_with_their_person(office: World, sync_database: Engine) -> None:
    async with office.edge.transaction() as db:
        made = Connection(
            workspace_id=office.workspace_id, name="Okta", kind=ConnectionKind.SCIM, dropped={}
        )
        db.add(made)
        await db.flush()
        okta = Caller(office.workspace_id, "Okta", Origin.SCIM, connection_id=made.id)
    subject = Subject(user_name="bo@acme.example")
    for kind in (Kind.USER_CHANGED, Kind.USER_DELETED):
        if kind is Kind.USER_DELETED:
            await pin(office, Bo=True)
            settle(sync_database)
            assert pinned(sync_database)
        said: Any = {} if kind is Kind.USER_DELETED else {"department": "Ops"}
        change = IdentityChange(kind, subject, attributes=said, active=None)
        async with office.edge.transaction() as db:
            await apply_user_change(db, by=okta, change=change, at=MONDAY)

    assert pinned(sync_database) == {}
    settle(sync_database)
    assert {id for id, _ in now_in(sync_database)} == {office.members["Ada"]}


async def test_whoever_may_not_edit_segments_removes_no_pin(office: World) -> None:
    await pin(office, Bo=True)

    with pytest.raises(Denied):
        await unpin(office, "Bo", by="Ada")


async def test_what_is_not_there_is_named(office: World) -> None:
    office.members["Nobody"], office.segments["Nothing"] = 10**12, 2**31 - 1

    with pytest.raises(Refused) as stranger:
        await unpin(office, "Bo", "Nobody")
    with pytest.raises(Refused) as nothing:
        await unpin(office, "Bo", segment="Nothing")
    with pytest.raises(Refused) as nobody:
        await unpin(office)

    assert (stranger.value.code, nothing.value.code) == (Code.NOT_FOUND, Code.NOT_FOUND)
    assert stranger.value.details == {"memberIds": [10**12]}
    assert nobody.value.code is Code.BAD_USER_INPUT


@pytest.mark.spec("S10")
async def test_why_names_the_pin_then_and_now(office: World, sync_database: Engine) -> None:
    about: Any = {
        "by": office.system,
        "course_id": office.courses["Safety"],
        "member_id": office.members["Bo"],
    }
    await pin(office, Bo=True, Ada=True, expires_at=MONDAY + DAY)
    settle(sync_database)
    [head] = read(sync_database, "SELECT head FROM workspace_stream")
    async with office.edge.read() as db:
        now = await explain.membership(db, **about)
    await unpin(office, "Bo", "Ada")
    settle(sync_database)
    async with office.edge.read() as db:
        later = await explain.membership(db, **about)
        then = await explain.membership(db, **about, seq=head[0])

    for why in (now, then):
        [reason] = why.segments
        assert (why.is_coordinator, reason.is_member) == (True, True)
        assert reason.pin is not None
        assert (reason.pin.is_in, reason.pin.reason, reason.pin.by_name) == (
            True,
            "As it was.",
            "Mona",
        )
        assert reason.pin.expires_at == MONDAY + DAY
        assert reason.sentences[0].startswith(("is pinned in it until", "was pinned in it until"))
        assert reason.cause is not None
        assert (reason.cause.verb, reason.cause.by_name) == ("membership.pinned", "Mona")
        assert reason.cause.after == {"memberIds": [office.members["Bo"]], "isIn": True}
    assert "was pinned in it" in then.summary
    [reason] = later.segments
    assert (later.is_coordinator, reason.pin) == (False, None)
    assert reason.ended is not None
    assert reason.ended.verb == "membership.unpinned"
