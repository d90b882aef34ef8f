"""From a stored delivery to a changed person, or to a reason why not."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.identity import DeliveryStatus
from operations import connections, deliveries, inbox
from operations.refusals import Denied, Refused
from tests.app.webhooks.conftest import Provider, connect
from tests.world import MONDAY, World

ADA: dict[str, Any] = {"userName": "ada@acme.example", "attributes": {"department": "Sales"}}
HOUR = dt.timedelta(hours=1)


async def test_a_full_statement_makes_a_member_whom_rules_see(provider: Provider) -> None:
    said = {"department": "Sales", "emails": ["ada@acme.example"], "remote": True, "title": ""}
    await provider.user(userName="ada@acme.example", attributes=said)

    assert await provider.apply() == 1

    state, attributes = await provider.member()
    assert state == "ACTIVE"
    assert attributes == {
        "userName": "ada@acme.example",
        "department": "Sales",
        "emails": ["ada@acme.example"],
        "remote": True,
    }
    assert await provider.many("SELECT count(*) FROM dirty_member") == [(1,)]
    origins = await provider.many("SELECT verb, origin FROM journal_entry WHERE origin = 'webhook'")
    assert origins == [("member.added", "webhook")]


async def test_full_clears_and_partial_leaves_alone(provider: Provider) -> None:
    await provider.user(**{**ADA, "attributes": {"department": "Sales", "title": "Clerk"}})
    event = {"type": "user.changed", "timestamp": (MONDAY + dt.timedelta(seconds=1)).isoformat()}
    data = {"externalId": "u1", "mode": "partial", "attributes": {"department": "IT"}}
    await provider.send({**event, "data": data})
    await provider.apply()
    assert (await provider.member())[1]["title"] == "Clerk"

    event["timestamp"] = (MONDAY + dt.timedelta(seconds=2)).isoformat()
    await provider.send({**event, "data": {"externalId": "u1", "attributes": {"title": "Boss"}}})
    await provider.apply()

    assert (await provider.member())[1] == {"userName": "ada@acme.example", "title": "Boss"}


async def test_the_same_said_twice_changes_nothing(provider: Provider) -> None:
    await provider.user(**ADA)
    await provider.apply()
    async with provider.world.edge.transaction() as db:
        await db.execute(text("DELETE FROM dirty_member"))

    event = {"type": "user.changed", "timestamp": (MONDAY + dt.timedelta(seconds=9)).isoformat()}
    await provider.send({**event, "data": {"externalId": "u1", **ADA}})
    await provider.apply()

    assert await provider.statuses() == ["APPLIED", "APPLIED"]
    assert await provider.many("SELECT count(*) FROM dirty_member") == [(0,)]
    assert (await provider.world.verbs())[-1] == "member.added"


async def test_what_comes_late_is_superseded(provider: Provider) -> None:
    await provider.user(**ADA)
    old = (MONDAY - HOUR).isoformat()
    await provider.send(
        {"type": "user.changed", "timestamp": old, "data": {"externalId": "u1", "attributes": {}}}
    )
    await provider.apply()

    assert await provider.statuses() == ["APPLIED", "SUPERSEDED"]
    assert (await provider.member())[1]["department"] == "Sales"


async def test_at_the_same_moment_what_takes_access_away_wins(provider: Provider) -> None:
    await provider.user(**ADA, active=False)
    await provider.user(**ADA, active=True)
    await provider.apply()
    assert (await provider.member())[0] == "DEACTIVATED"

    await provider.user("u2", userName="bob@acme.example")
    await provider.send({"type": "user.deleted", "data": {"externalId": "u2"}})
    await provider.user("u2", userName="bob@acme.example")
    await provider.apply()
    assert await provider.many(
        "SELECT deleted_at IS NOT NULL FROM member WHERE user_name LIKE 'bob%'"
    ) == [(True,)]


async def test_what_was_said_of_an_earlier_life_does_not_reach_the_next(
    provider: Provider,
) -> None:
    def at(second: int) -> str:
        return (MONDAY + dt.timedelta(seconds=second)).isoformat()

    begins = {"externalId": "u1", "userName": "ada@acme.example"}
    off = {"externalId": "u1", "mode": "partial", "active": False}
    listed = {"externalId": "g1", "members": {"add": [{"externalId": "u1"}]}}
    named = {"externalId": "g1", "displayName": "Trainers"}
    for event in (
        {"type": "group.changed", "timestamp": at(1), "data": named},
        {"type": "user.changed", "timestamp": at(7), "data": begins},
        {"type": "user.changed", "timestamp": at(2), "data": off},
        {"type": "group.changed", "timestamp": at(3), "data": listed},
    ):
        await provider.send(event)
    await provider.apply()
    assert (await provider.member())[0] == "DEACTIVATED"

    await provider.send({"type": "user.deleted", "timestamp": at(5), "data": {"externalId": "u1"}})
    await provider.apply()

    assert (await provider.statuses())[-1] == "SUPERSEDED"
    assert (await provider.member())[0] == "ACTIVE"
    assert await provider.many("SELECT 1 FROM directory_group_member") == []


async def test_different_words_at_the_same_moment_are_named(provider: Provider) -> None:
    await provider.user(**ADA)
    await provider.user(userName="ada@acme.example", attributes={"department": "IT"})
    await provider.apply()

    [_, (status, reason)] = await provider.inbox()
    assert status == "APPLIED"
    assert reason == "Said differently at the same time: department."


async def test_about_somebody_unknown_it_waits_and_is_taken_up_again(provider: Provider) -> None:
    said = {"mode": "partial", "attributes": {"title": "Boss"}}
    await provider.send(
        {
            "type": "user.changed",
            "timestamp": (MONDAY + dt.timedelta(seconds=5)).isoformat(),
            "data": {"externalId": "u1", **said},
        }
    )
    await provider.apply()
    assert await provider.inbox() == [("PARKED", "There is no user u1 yet.")]

    await provider.user(**ADA)
    await provider.apply()

    assert await provider.statuses() == ["APPLIED", "APPLIED"]
    assert (await provider.member())[1]["title"] == "Boss"


async def test_after_a_day_nobody_is_waited_for(provider: Provider) -> None:
    await provider.user(mode="partial")
    await provider.apply()

    await provider.apply(MONDAY + 25 * HOUR)

    [(status, reason)] = await provider.inbox()
    assert status == "QUARANTINED"
    assert reason is not None
    assert reason.startswith("There is no user u1 yet. It waited for 24 hours")


async def test_the_question_whether_anything_is_pending_is_right(provider: Provider) -> None:
    async def pending() -> bool:
        [(answer,)] = await provider.many(f"SELECT {deliveries.PENDING}")
        return bool(answer)

    assert not await pending()
    await provider.user(**ADA)
    assert await pending()
    await provider.apply()
    assert not await pending()


@pytest.mark.spec("I4")
async def test_the_far_future_is_quarantined(provider: Provider) -> None:
    ahead = (MONDAY + dt.timedelta(minutes=6)).isoformat()
    await provider.send(
        {"type": "user.changed", "timestamp": ahead, "data": {"externalId": "u1", **ADA}}
    )
    await provider.apply()

    [(status, reason)] = await provider.inbox()
    assert status == "QUARANTINED"
    assert reason is not None
    assert "360 s ahead of this clock; at most 300 s are believed" in reason
    assert await provider.many("SELECT 1 FROM member") == []


def said(type: str, data: Any, **event: Any) -> bytes:
    return json.dumps(
        {"type": type, "timestamp": MONDAY.isoformat(), "data": data, **event}
    ).encode()


U, G = "user.changed", "group.changed"
SOMEBODY = {"externalId": "u"}


def group(**members: Any) -> bytes:
    return said(G, {"externalId": "g", "displayName": "G", "members": members})


def titled(title: Any) -> bytes:
    return said(U, {"userName": "u", "attributes": {"title": title}})


NOT_UNDERSTOOD: list[tuple[bytes, str]] = [
    (b"not json", "The body is not JSON"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "The body is not JSON: depth limit"),
    (b"[]", "the body is []; an object is needed"),
    (said("user.renamed", {}), "The type 'user.renamed' is none of user.changed"),
    (b'{"type": ["x"], "data": {}}', "The type ['x'] is none of"),
    (said(U, None), "data is None; an object is needed"),
    (said(U, {}), "data names nobody: externalId or userName"),
    (said(U, {"externalId": 7}), "data.externalId is 7; a text of 1"),
    (said(U, {"externalId": "a\x00"}), "data.externalId holds a control character"),
    (said(U, SOMEBODY, timestamp=None), "timestamp is None; an ISO 8601"),
    (said(U, SOMEBODY, timestamp="2026-03-02"), "timestamp is '2026-03-02'; an ISO"),
    (said(U, SOMEBODY, timestamp="0001-01-01T00:00:00+14:00"), "with its zone is needed"),
    (said(U, SOMEBODY, sequence=-1), "sequence is -1; a whole number"),
    (said(U, SOMEBODY, sequence=True), "sequence is True; a whole number"),
    (said(U, SOMEBODY, sequence=2**60), "a whole number from 0 to 2**53"),
    (said(U, {**SOMEBODY, "mode": "thin"}), "data.mode is 'thin'; it can be full or partial"),
    (said(U, {**SOMEBODY, "active": "yes"}), "data.active is 'yes'; it can be true or false"),
    (said(U, SOMEBODY), "The user u has no userName, and needs one"),
    (titled({"a": 1}), "title is an object"),
    (titled([["a"]]), "title is a list that holds lists or objects"),
    (titled("a\x00b"), "title holds a character that cannot be stored"),
    (titled("x" * 2000), "title has 2000 characters; at most 1000 are kept"),
    (said(G, {"displayName": "G"}), "data.externalId is missing"),
    (said(G, {"externalId": "g", "members": []}), "data.members is []; an object is needed"),
    (group(replace=[], add=[]), "data.members holds either replace, or add and remove"),
    (group(add={}), "data.members.add is {}; a list is needed"),
    (group(add=[{}]), "data.members.add[0] names nobody"),
]


@pytest.mark.parametrize(("body", "reason"), NOT_UNDERSTOOD, ids=[row[1] for row in NOT_UNDERSTOOD])
async def test_what_is_not_understood_is_quarantined_with_a_reason(
    provider: Provider, body: bytes, reason: str
) -> None:
    signed = provider.signed(body)
    assert (await provider.post(body, signed)).status_code == 202

    await provider.apply()

    [(status, said)] = await provider.inbox()
    assert status == "QUARANTINED"
    assert said is not None
    assert reason in said
    assert await provider.many("SELECT 1 FROM member") == []
    assert (await provider.world.verbs())[-1] == "delivery.quarantined"
    assert await provider.many("SELECT error_count FROM connection") == [(1,)]


async def test_a_ping_has_no_effect(provider: Provider) -> None:
    body = b'{"type": "ping"}'
    await provider.post(body, provider.signed(body))
    await provider.apply()

    assert await provider.statuses() == ["APPLIED"]


async def test_attributes_that_are_not_taken_are_named_and_counted(provider: Provider) -> None:
    said = {"department": "Sales", "skills": ["x"], "shoeSize": 4, "groups": ["G"], "NICKNAME": "A"}
    await provider.user(userName="ada@acme.example", attributes=said)
    await provider.apply()

    [(status, reason)] = await provider.inbox()
    assert (status, reason) == ("APPLIED", "Not kept here: skills, shoeSize, groups, NICKNAME.")
    async with provider.world.edge.read() as db:
        id = provider.connection.id
        health = (await connections.healths_of(db, provider.world.workspace_id, [id]))[id]
    assert health.dropped == {"skills": 1, "shoeSize": 1, "groups": 1, "NICKNAME": 1}
    assert (health.dropped_count, health.waiting, health.quarantined) == (4, 0, 0)


async def test_groups_follow_their_deliveries(provider: Provider) -> None:
    await provider.user(**ADA)
    await provider.user("u2", userName="bob@acme.example")
    group = {"externalId": "g1", "displayName": "Trainers"}
    everybody = [{"externalId": "u1"}, {"userName": "BOB@acme.example"}]
    later = (MONDAY + dt.timedelta(seconds=1)).isoformat()
    await provider.send(
        {"type": "group.changed", "data": {**group, "members": {"replace": everybody}}}
    )
    await provider.send(
        {
            "type": "group.changed",
            "timestamp": later,
            "data": {"externalId": "g1", "members": {"remove": [{"externalId": "u1"}]}},
        }
    )
    await provider.apply()

    assert await provider.statuses() == ["APPLIED"] * 4
    assert await provider.many(
        "SELECT m.user_name, g.folded_name FROM directory_group_member gm "
        "JOIN member m ON m.id = gm.member_id JOIN directory_group g ON g.id = gm.group_id"
    ) == [("bob@acme.example", "trainers")]

    await provider.send({"type": "group.deleted", "timestamp": later, "data": {"externalId": "g1"}})
    await provider.send({"type": "group.changed", "timestamp": later, "data": group})
    await provider.apply()
    assert (await provider.statuses())[-2:] == ["APPLIED", "SUPERSEDED"]
    assert await provider.many("SELECT 1 FROM directory_group_member") == []


async def test_a_group_waits_for_its_people(provider: Provider) -> None:
    data = {
        "externalId": "g1",
        "displayName": "Trainers",
        "members": {"add": [{"externalId": "u1"}, {"externalId": "u2"}]},
    }
    await provider.user(**ADA)
    await provider.send({"type": "group.changed", "data": data})
    await provider.apply()
    assert (await provider.statuses()) == ["APPLIED", "PARKED"]
    assert await provider.many("SELECT count(*) FROM directory_group_member") == [(1,)]

    await provider.user("u2", userName="bob@acme.example")
    await provider.apply()

    assert (await provider.statuses()) == ["APPLIED", "APPLIED", "APPLIED"]
    assert await provider.many("SELECT count(*) FROM directory_group_member") == [(2,)]


async def test_a_taken_name_is_waited_for(provider: Provider) -> None:
    await provider.user(**ADA)
    await provider.user("u2", userName="ADA@acme.example")
    await provider.apply()
    [_, (status, reason)] = await provider.inbox()
    assert (status, reason) == (
        "PARKED",
        "There is another member “ADA@acme.example” in this workspace.",
    )

    await provider.send({"type": "user.deleted", "data": {"externalId": "u1"}})
    await provider.apply()

    assert await provider.statuses() == ["APPLIED"] * 3
    assert (await provider.member("u2"))[0] == "ACTIVE"


async def test_a_mistake_of_ours_is_tried_again_then_quarantined_and_can_be_replayed(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise TypeError("a secret detail")

    await provider.user(**ADA)
    await provider.user("u2", userName="bob@acme.example")
    with monkeypatch.context() as during:
        during.setattr(deliveries, "apply_user_change", broken)
        await provider.apply()

    assert await provider.statuses() == ["QUARANTINED"] * 2
    [(_, reason), _] = await provider.inbox()
    assert reason is not None
    assert "It failed 3 times, the last time with TypeError" in reason
    assert "secret detail" not in reason

    async with provider.world.edge.transaction() as db:
        for delivery in await inbox.list_deliveries(
            db, by=provider.world.system, statuses=[DeliveryStatus.QUARANTINED]
        ):
            await inbox.replay(db, by=provider.world.system, delivery_id=delivery.id, at=MONDAY)
    await provider.apply()
    assert await provider.statuses() == ["APPLIED"] * 2


async def test_a_database_refusal_concerns_its_delivery_alone(provider: Provider) -> None:
    async with provider.world.edge.transaction() as db:
        await db.execute(text("ALTER TABLE member ADD CHECK (user_name <> 'bob@acme.example')"))
    await provider.user("u2", userName="bob@acme.example")
    await provider.user(**ADA)

    await provider.apply()

    assert await provider.statuses() == ["QUARANTINED", "APPLIED"]
    assert (await provider.world.verbs()).count("member.added") == 1


async def test_discarding_and_replaying_are_for_workspace_managers(provider: Provider) -> None:
    world = provider.world
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.member("Lea")
    await provider.user(mode="thin")
    await provider.user(**ADA)
    await provider.apply()

    with pytest.raises(Denied):
        async with world.edge.transaction() as db:
            await inbox.list_deliveries(db, by=world.caller("Lea"))
    async with world.edge.transaction() as db:
        newest, oldest = await inbox.list_deliveries(db, by=world.caller("Mona"))
        await inbox.discard(db, by=world.caller("Mona"), delivery_id=oldest.id, at=MONDAY)
    assert await provider.statuses() == ["DISCARDED", "APPLIED"]
    with pytest.raises(Refused, match="The delivery is APPLIED"):
        async with world.edge.transaction() as db:
            await inbox.replay(db, by=world.caller("Mona"), delivery_id=newest.id, at=MONDAY)
    async with world.edge.transaction() as db:
        await inbox.replay(db, by=world.caller("Mona"), delivery_id=oldest.id, at=MONDAY)
    assert (await provider.statuses())[0] == "RECEIVED"


async def test_two_tenants_never_meet(
    sessions: async_sessionmaker[AsyncSession], provider: Provider
) -> None:
    other = await World.new(sessions, "globex")
    connection, secret = await connect(other)
    theirs = Provider(other, connection, secret, provider.http)
    await provider.user(**ADA)
    await theirs.user(**ADA, active=False)
    await provider.apply()

    rows = await provider.many("SELECT workspace_id, state FROM member ORDER BY workspace_id")
    assert rows == [(provider.world.workspace_id, "ACTIVE"), (other.workspace_id, "DEACTIVATED")]
    async with other.edge.transaction() as db:
        [delivery] = await inbox.list_deliveries(db, by=other.system)
        with pytest.raises(Refused, match="no such delivery"):
            await inbox.discard(db, by=provider.world.system, delivery_id=delivery.id, at=MONDAY)
        assert await connections.healths_of(db, provider.world.workspace_id, [connection.id]) == {}


async def test_workers_side_by_side_apply_each_delivery_once(provider: Provider) -> None:
    for number in range(12):
        await provider.user(f"u{number % 4}", userName=f"u{number % 4}@acme.example")

    counts = await asyncio.gather(*(provider.apply() for _ in range(4)))

    assert sum(counts) == 12
    assert sorted(set(await provider.statuses())) in (["APPLIED"], ["APPLIED", "SUPERSEDED"])
    assert len(await provider.many("SELECT 1 FROM member")) == 4
