"""Removals that wait, over the API: listed, narrowed, decided and told to managers (S11)."""

import pytest

from access.permissions import Principal
from app.graphql.errors import RequestRefused
from tests.resolvers.asking import Ask
from tests.resolvers.following import Follow
from tests.resolvers.school import settled
from tests.world import World

pytestmark = pytest.mark.spec("S11")

LIMIT = """mutation ($people: Int, $percent: Int, $minutes: Int) {
  editWorkspaceSettings(holdPeople: $people, holdPercent: $percent, holdMinutes: $minutes) {
    workspace { holdPeople holdPercent holdMinutes } refusal { code message } } }"""
HOLDS = """query ($state: [HoldState!], $search: String) { holds(state: $state) { totalCount nodes {
  id state held waiting approved discarded most people counted segment { name openHold { state } }
  removals(search: $search) {
    totalCount nodes { member { displayName } segment { name } } } } } }"""
APPROVE = """mutation ($id: ID!, $who: [ID!]) {
  approveHold(id: $id, reason: "They left.", memberIds: $who) {
    hold { state waiting approved } refusal { code message } } }"""
DISCARD = """mutation ($id: ID!) { discardHold(id: $id, reason: "The feed is broken.") {
  hold { state waiting discarded } refusal { code message } } }"""
FOLLOWED = "subscription { holdsChanged { kind verb hold { state held } segment { name } } }"


async def all_leave(school: World, ask: Ask) -> None:
    """Bo and Gus are taken out of Sales, where nobody may go unasked."""
    await school.member("Gus", department="Sales")
    await settled(ask)
    await ask.one(LIMIT, by="Mo", people=0, percent=0, minutes=5)
    for name in ("Bo", "Gus"):
        await school.change(name, department="Ops")
    await settled(ask)


async def test_managers_say_how_many_may_go_within_which_time(school: World, ask: Ask) -> None:
    set_to = await ask.one(LIMIT, by="Mo", people=3, percent=30, minutes=15)
    refused = await ask.one(LIMIT, by="Mo", percent=101)

    assert set_to["workspace"] == {"holdPeople": 3, "holdPercent": 30, "holdMinutes": 15}
    assert refused["refusal"]["message"] == "holdPercent is 0 to 100; 101 is outside."
    assert await ask.code(LIMIT, by="Ada", people=1) == "PERMISSION_DENIED"


async def test_what_waits_is_listed_narrowed_and_decided(school: World, ask: Ask) -> None:
    await all_leave(school, ask)

    listed = await ask.one(HOLDS, by="Mo", state=["OPEN"], search="bo")
    [hold] = listed["nodes"]
    approved = await ask.one(APPROVE, by="Mo", id=hold["id"], who=[ask.id("Member", "Bo")])
    discarded = await ask.one(DISCARD, by="Mo", id=hold["id"])
    again = await ask.one(DISCARD, by="Mo", id=hold["id"])
    await settled(ask)

    assert (hold["held"], hold["waiting"], hold["most"], hold["counted"]) == (2, 2, 0, 2)
    assert hold["segment"] == {"name": "Sales", "openHold": {"state": "OPEN"}}
    assert hold["removals"] == {
        "totalCount": 1,
        "nodes": [{"member": {"displayName": "Bo"}, "segment": {"name": "Sales"}}],
    }
    assert approved == {
        "hold": {"state": "OPEN", "waiting": 1, "approved": 1},
        "refusal": None,
    }
    assert discarded["hold"] == {"state": "DECIDED", "waiting": 0, "discarded": 1}
    assert again["refusal"]["code"] == "CONFLICT"
    assert (await ask.one(HOLDS, by="Mo", state=["OPEN"]))["totalCount"] == 0


async def test_nobody_but_who_edits_segments_sees_or_decides(school: World, ask: Ask) -> None:
    await all_leave(school, ask)
    [hold] = (await ask.one(HOLDS, by="Mo"))["nodes"]

    assert await ask.code(HOLDS, by="Ada") == "PERMISSION_DENIED"
    assert await ask.code(APPROVE, by="Ada", id=hold["id"]) == "PERMISSION_DENIED"
    assert await ask.code(DISCARD, by="Ada", id=hold["id"]) == "PERMISSION_DENIED"


async def test_managers_are_told_what_becomes_of_a_hold(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(FOLLOWED, by="Mo") as stream:
        await stream.next()
        await all_leave(school, ask)
        told = [await stream.next()]
        [hold] = (await ask.one(HOLDS, by="Mo"))["nodes"]
        await ask.one(APPROVE, by="Mo", id=hold["id"])
        told.append(await stream.next())

    assert [each["verb"] for each in told] == ["hold.opened", "hold.approved"]
    assert told[0]["segment"] == {"name": "Sales"}
    assert told[1]["hold"]["state"] == "DECIDED"


async def test_nobody_but_who_edits_segments_is_told_and_only_while_they_may(
    school: World, ask: Ask, follow: Follow
) -> None:
    with pytest.raises(RequestRefused, match="CREATE_EDIT_SEGMENT"):
        async with follow(FOLLOWED, by="Ada") as stream:
            await stream.next()

    await school.grant("Bo", Principal.WORKSPACE_MANAGER)
    async with follow("subscription { holdsChanged { kind } }", by="Mo") as stream:
        await stream.next()
        await school.take("Mo", Principal.WORKSPACE_MANAGER)
        await settled(ask)
        rest = await stream.rest()

    assert [each["kind"] for each in rest] == ["ROLE_ENDED"]
