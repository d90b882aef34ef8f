"""Streams over real sockets: resumed, ended, expired, and read too slowly."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from access.permissions import Principal
from models.coordinators import CourseRoleKind
from models.people import MemberState
from operations import coordinators, courses, people
from resolvers import ids
from tests.stories.dashboards import (
    COORDINATORS,
    MINE,
    Event,
    Sleeper,
    over_events,
    over_socket,
)
from tests.stories.running import Company, Found

pytestmark = pytest.mark.timeout(90)

CLERKS = 200
MOVES = ("Sales", "Desk", "Sales", "Desk")
LONG = "Long. " * 1_500


@pytest.fixture
async def company(found: Found) -> Company:
    """Mo manages, Ada coordinates Safety by hand, whoever works in Sales does so too."""
    company = await found()
    world = company.world
    for name in ("Mo", "Ada", "Bo"):
        await world.member(name, department="Ops")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety", coordinators_by_hand=["Ada"], segments_attached=["Sellers"])
    return company


async def give(company: Company, name: str) -> None:
    async with company.world.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=company.world.system,
            course_id=company.world.courses["Safety"],
            coordinators=[company.world.members[name]],
        )


async def take(company: Company, name: str) -> None:
    async with company.world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=company.world.system,
            course_id=company.world.courses["Safety"],
            role=CourseRoleKind.COORDINATOR,
            member_ids=[company.world.members[name]],
        )


def kinds(events: list[Event | None]) -> list[str | None]:
    return [each["kind"] if each else None for each in events]


async def test_a_browser_that_comes_back_gets_what_it_missed_and_nothing_twice(
    company: Company,
) -> None:
    token, safety = company.token("Mo"), company.id("Course", "Safety")
    async with over_events(company, token, COORDINATORS, course=safety) as heard:
        ready = await heard.next()
        await give(company, "Bo")
        first = await heard.next()
        remembered = heard.last_id
    await take(company, "Bo")
    await give(company, "Bo")

    async with over_events(
        company,
        token,
        COORDINATORS,
        course=safety,
        after=ready and ready["cursor"],
        last_event_id=remembered,
    ) as again:
        missed = [await again.next() for _ in range(3)]

    assert first is not None
    assert remembered == first["cursor"]
    assert kinds(missed) == ["READY", "CHANGED", "CHANGED"]
    assert len({each["cursor"] for each in missed if each}) == 3


async def test_an_identity_change_reaches_one_s_own_list_through_the_engine(
    company: Company,
) -> None:
    async with over_socket(company, company.token("Bo"), MINE) as heard:
        assert kinds([await heard.next()]) == ["READY"]
        await company.world.change("Bo", department="Sales")
        gained = await heard.next()
        await company.world.change("Bo", department="Ops")
        lost = await heard.next()

    safety = company.id("Course", "Safety")
    assert [(each["courseId"], each["isCoordinator"]) for each in (gained, lost) if each] == [
        (safety, True),
        (safety, False),
    ]


async def test_the_right_ends_at_every_door_with_one_last_word(company: Company) -> None:
    token_id, token = await company.stored_token("Mo")
    safety = company.id("Course", "Safety")
    ada, bo = company.token("Ada"), company.token("Bo")
    async with (
        over_socket(company, token, COORDINATORS, course=safety) as by_revoked,
        over_events(company, ada, COORDINATORS, course=safety) as by_removed,
        over_socket(company, bo, MINE) as by_deactivated,
    ):
        streams: Any = (by_revoked, by_removed, by_deactivated)
        for each in streams:
            assert kinds([await each.next()]) == ["READY"]
        since = time.monotonic()
        await company.revoke(token_id)
        await take(company, "Ada")
        await company.world.set_state("Bo", MemberState.DEACTIVATED)
        last = [await each.next() for each in streams]
        await give(company, "Ada")
        ends = [await each.next() for each in streams]
        took = time.monotonic() - since

    assert kinds(last) == ["ROLE_ENDED"] * 3
    assert ends == [None] * 3
    assert took < 5


@pytest.mark.spec("U3")
async def test_an_expired_token_closes_the_socket_with_4401_and_the_stream_on_time(
    company: Company,
) -> None:
    safety = company.id("Course", "Safety")
    issued = time.time()
    token = company.token("Mo", seconds=3)
    async with (
        over_socket(company, token, COORDINATORS, course=safety) as socket_,
        over_events(company, token, COORDINATORS, course=safety) as events,
    ):
        await socket_.next()
        await events.next()
        with pytest.raises(ConnectionClosed) as closed:
            await socket_.next()
        took = time.time() - issued
        with pytest.raises(AssertionError, match="UNAUTHENTICATED"):
            await events.next()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert 1.5 < took < 4.5


async def test_another_workspace_s_cursor_and_course_are_strange_here(
    company: Company, found: Found
) -> None:
    other = await found()
    await other.world.member("Mo")
    await other.world.grant("Mo", Principal.WORKSPACE_MANAGER)
    async with over_socket(company, company.token("Mo"), MINE) as heard:
        ready = await heard.next()

    strange: list[tuple[str, dict[str, Any], str]] = [
        (COORDINATORS, {"course": company.id("Course", "Safety")}, "NOT_FOUND"),
        (MINE, {"after": ready and ready["cursor"]}, "BAD_USER_INPUT"),
    ]
    for document, variables, code in strange:
        async with over_socket(other, other.token("Mo"), document, **variables) as refused:
            said = await refused.said()
        assert said["type"] == "error"
        assert [each["extensions"]["code"] for each in said["payload"]] == [code]


@pytest.mark.spec("U4")
async def test_who_does_not_read_harms_nobody_and_loses_nothing(company: Company) -> None:
    """One dashboard reads nothing: the others get everything meanwhile. When it wakes it gets
    all the same, on the same stream, or after it was cut off, from its cursor."""
    world, total = company.world, len(MOVES) * CLERKS
    await world.let_many_go()
    for number in range(CLERKS):
        await world.member(f"Clerk {number}", department="Desk")
    async with world.edge.transaction() as db:
        await courses.edit(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            changes={"description": LONG},
        )
    document = COORDINATORS.replace("reason", "course { description }")
    token, safety = company.token("Mo"), company.id("Course", "Safety")
    sleeper = await asyncio.to_thread(Sleeper, company, token, document, course=safety)
    [ready] = await asyncio.to_thread(sleeper.read, 1)
    async with over_socket(company, token, document, course=safety) as awake:
        await awake.next()
        since = time.monotonic()
        for department in MOVES:
            await move_clerks(company, department)
            for _ in range(CLERKS):
                await awake.next()
        took = time.monotonic() - since
        is_ready = await asyncio.to_thread(httpx.get, f"{company.system.url}/readyz")
    told = await asyncio.to_thread(sleeper.read, total)
    sleeper.close()
    if len(told) < total:
        after = [ready, *told][-1]["cursor"]
        async with over_socket(company, token, document, course=safety, after=after) as again:
            await again.next()
            told += [each for _ in range(total - len(told)) if (each := await again.next())]

    assert is_ready.status_code == 200
    assert took < 20
    for number in range(len(MOVES)):
        some = told[number * CLERKS : (number + 1) * CLERKS]
        assert [each["memberId"] for each in some] == sorted(
            {each["memberId"] for each in some}, key=number_in
        )
    assert len({each["cursor"] for each in told}) == total


def number_in(id: str) -> int:
    found = ids.decode(id)
    assert found is not None
    return found.number


async def move_clerks(company: Company, department: str) -> None:
    world = company.world
    async with world.edge.transaction() as db:
        catalog = await people.catalog_of(db, world.workspace_id)
        ids = [id for name, id in world.members.items() if name.startswith("Clerk")]
        for member in await people.lock(db, world.workspace_id, ids):
            await people.write_attributes(
                db,
                by=world.system,
                member=member,
                changes={"department": department},
                catalog=catalog,
            )
