"""A manager ends somebody's access: every door closes at once, and opens again later (C19)."""

import time
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from access.permissions import Principal
from tests.stories.dashboards import COORDINATORS, MINE, over_events, over_socket
from tests.stories.running import Company, Found

pytestmark = pytest.mark.timeout(90)

STATE = """mutation ($ids: [ID!]) { %s(memberIds: $ids) {
  changed { displayName state } refusal { message } } }"""
COURSE = """query ($id: ID!, $segment: ID!) { course(id: $id) {
    instructors { displayName } coordinators { nodes { member { displayName } } } }
  segment(id: $segment) { memberCount members { totalCount } } }"""
VIEWER = "{ viewer { name } }"
ONE_MORE = '{"id": "2", "type": "subscribe", "payload": {"query": "{ viewer { name } }"}}'
IMMEDIATELY = 1.0


@pytest.fixture
async def company(found: Found) -> Company:
    """Mo manages. Bo coordinates Safety by hand and Law through two segments, and instructs
    Welding; Ada coordinates Law beside him."""
    company = await found()
    world = company.world
    await world.member("Mo")
    for name in ("Ada", "Bo"):
        await world.member(name, department="Sales")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.segment("Sellers", 'department eq "Sales"')
    await world.segment("Named", people_named=["Ada", "Bo"])
    await world.course("Safety", coordinators_by_hand=["Bo"])
    await world.course("Law", segments_attached=["Sellers", "Named"])
    await world.course("Welding", instructors=["Bo"])
    return company


async def asked(company: Company, token: str, document: str, **variables: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=30) as http:
        return await http.post(
            company.system.graphql,
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {token}"},
        )


async def told(company: Company, document: str, **variables: Any) -> dict[str, Any]:
    answer = (await asked(company, company.token("Mo"), document, **variables)).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def change(company: Company, mutation: str) -> list[str]:
    """Whose account changed by it."""
    done = await told(company, STATE % mutation, ids=[company.id("Member", "Bo")])
    payload = done[mutation]
    assert payload["refusal"] is None
    return [each["state"] for each in payload["changed"]]


async def coordinators(company: Company, course: str) -> set[str]:
    found = await told(
        company, COURSE, id=company.id("Course", course), segment=company.id("Segment", "Named")
    )
    return {each["member"]["displayName"] for each in found["course"]["coordinators"]["nodes"]}


async def counted(company: Company, segment: str, expected: int) -> None:
    """Wait until that many people are in a segment and counted there."""
    until = time.monotonic() + 15
    while True:
        found = await told(
            company, COURSE, id=company.id("Course", "Law"), segment=company.id("Segment", segment)
        )
        figures = (found["segment"]["memberCount"], found["segment"]["members"]["totalCount"])
        if figures == (expected, expected):
            return
        assert time.monotonic() < until, figures


async def test_c19_deactivation_closes_every_door_within_a_second(company: Company) -> None:
    law = company.id("Course", "Law")
    await counted(company, "Sellers", 2)
    signed, (_, stored) = company.token("Bo"), await company.stored_token("Bo")
    async with (
        over_socket(company, signed, MINE) as by_socket,
        over_events(company, stored, COORDINATORS, course=law) as by_events,
    ):
        streams: Any = (by_socket, by_events)
        for each in streams:
            assert (await each.next())["kind"] == "READY"
        states = await change(company, "deactivateMember")
        since = time.monotonic()
        last = [await each.next() for each in streams]
        ends = [await each.next() for each in streams]
        took = time.monotonic() - since
        await by_socket.socket.send(ONE_MORE)
        refused = await by_socket.said()
        with pytest.raises(ConnectionClosed) as closed:
            await by_socket.said()

    assert states == ["DEACTIVATED"]
    assert [each["kind"] for each in last] == ["ROLE_ENDED"] * 2
    assert ends == [None, None]
    assert took < IMMEDIATELY
    assert closed.value.rcvd is not None
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert closed.value.rcvd.code == 4401
    for token in (signed, stored):
        assert (await asked(company, token, VIEWER)).status_code == 403
        with pytest.raises(ConnectionClosed) as turned_away:
            async with over_socket(company, token, MINE):
                pass
        assert turned_away.value.rcvd is not None
        assert turned_away.value.rcvd.code == 4403


async def test_c19_roles_end_with_the_account_and_those_by_hand_return_with_it(
    company: Company,
) -> None:
    """What was by hand is stored all the while; what segments gave is worked out anew."""
    await counted(company, "Sellers", 2)
    before = [await coordinators(company, course) for course in ("Safety", "Law")]

    await change(company, "deactivateMember")
    meanwhile = [await coordinators(company, course) for course in ("Safety", "Law")]
    await counted(company, "Named", 1)
    await counted(company, "Sellers", 1)
    await change(company, "reactivateMember")
    by_hand = await coordinators(company, "Safety")
    await counted(company, "Named", 2)
    await counted(company, "Sellers", 2)

    assert before == [{"Bo"}, {"Ada", "Bo"}]
    assert meanwhile == [set(), {"Ada"}]
    assert by_hand == {"Bo"}
    assert await coordinators(company, "Law") == {"Ada", "Bo"}


async def test_c19_after_reactivation_old_tokens_are_good_and_streams_begin_anew(
    company: Company,
) -> None:
    signed, (_, stored) = company.token("Bo"), await company.stored_token("Bo")
    await change(company, "deactivateMember")
    refused = [(await asked(company, token, VIEWER)).status_code for token in (signed, stored)]
    states = await change(company, "reactivateMember")
    let_in = [(await asked(company, token, VIEWER)).json() for token in (signed, stored)]

    assert refused == [403, 403]
    assert states == ["ACTIVE"]
    assert let_in == [{"data": {"viewer": {"name": "Bo"}}}] * 2
    async with over_socket(company, signed, MINE) as heard:
        first = await heard.next()
    assert first is not None
    assert first["kind"] == "READY"
