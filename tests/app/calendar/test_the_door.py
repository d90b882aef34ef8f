"""Who gets which calendar over HTTP, and what the address of one gives away (H5)."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.people import MemberState
from operations.live_sessions import calendars
from resolvers.ids import encode
from tests.app.serving import Web, running, settings_for
from tests.calendars import read_back
from tests.node import NodeClients
from tests.operations.live_sessions.teaching import COURSE, Class
from tests.world import World

pytestmark = pytest.mark.spec("H5")

LINK = "https://meet.example/ladders"
NO_CALENDAR = b'{"error":"There is no such calendar."}'
NO_LIVE_SESSION = b'{"error":"There is no such live session."}'


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        yield started


async def school(sessions: async_sessionmaker[AsyncSession], slug: str = "acme") -> Class:
    """A week ahead, Ingrid teaches a live session with one seat. Lea has it, Wim waits, Nan is a
    learner who does not come, Max has nothing to do with the course."""
    world = await World.new(sessions, slug)
    room = await Class.open(world, "Lea", "Wim", "Nan")
    await world.member("Max")
    starts_at = now() + dt.timedelta(days=7)
    await room.schedule(
        at=now(),
        starts_at=starts_at,
        ends_at=starts_at + dt.timedelta(hours=2),
        capacity=1,
        link=LINK,
        staff=["Ingrid"],
    )
    await room.register("Lea", "Wim", at=now())
    return room


@pytest.fixture
async def room(sessions: async_sessionmaker[AsyncSession]) -> Class:
    return await school(sessions)


async def address(room: Class, name: str) -> str:
    async with room.world.edge.transaction() as db:
        secret = await calendars.renew(db, by=room.by(name), at=now())
    return f"/calendar/{secret}.ics"


def bearer(web: Web, world: World, name: str) -> dict[str, str]:
    token = web.here.local_issuer.mint(
        workspace_id=world.workspace_id,
        member_id=world.members[name],
        ttl=dt.timedelta(hours=1),
        at=now(),
    )
    return {"authorization": f"Bearer {token}"}


async def file(web: Web, room: Class, name: str, id: str | None = None) -> httpx.Response:
    id = id or encode("LiveSession", room.live_session_id)
    return await web.client.get(f"/live-sessions/{id}.ics", headers=bearer(web, room.world, name))


async def events(web: Web, clients: NodeClients, path: str) -> list[Any]:
    answer = await web.client.get(path)
    assert answer.status_code == 200, answer.text
    [found] = read_back(clients, answer.content)
    return list(found["events"])


async def test_a_calendar_shows_where_one_has_a_seat_waits_or_teaches(
    web: Web, room: Class, node_clients: NodeClients
) -> None:
    [seated] = await events(web, node_clients, await address(room, "Lea"))
    [waiting] = await events(web, node_clients, await address(room, "Wim"))
    [teaching] = await events(web, node_clients, await address(room, "Ingrid"))

    assert (seated["status"], seated["url"]) == ("CONFIRMED", LINK)
    assert (waiting["status"], waiting.get("url")) == ("TENTATIVE", None)
    assert LINK not in waiting["description"]
    assert (teaching["status"], teaching["url"]) == ("CONFIRMED", LINK)
    assert seated["uid"] == waiting["uid"] == teaching["uid"]
    for name in ("Nan", "Cora", "Max"):
        assert await events(web, node_clients, await address(room, name)) == []


async def test_a_calendar_follows_what_happens(
    web: Web, room: Class, node_clients: NodeClients
) -> None:
    path = await address(room, "Wim")
    [waiting] = await events(web, node_clients, path)

    await room.give_back("Lea", at=now())
    [promoted] = await events(web, node_clients, path)
    await room.edit(title="Long ladders", at=now())
    [renamed] = await events(web, node_clients, path)
    await room.cancel(at=now())
    [canceled] = await events(web, node_clients, path)

    assert [each["status"] for each in (waiting, promoted, renamed, canceled)] == [
        "TENTATIVE",
        "CONFIRMED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert [each["sequence"] for each in (waiting, promoted, renamed, canceled)] == list("0012")
    assert (renamed["summary"], promoted["url"]) == ("Long ladders", LINK)
    assert "url" not in canceled
    assert waiting["last-modified"] <= promoted["last-modified"] <= canceled["last-modified"]
    assert {each["uid"] for each in (waiting, promoted, renamed, canceled)} == {waiting["uid"]}


async def test_who_leaves_the_course_finds_it_gone(
    web: Web, room: Class, node_clients: NodeClients
) -> None:
    path = await address(room, "Lea")
    assert len(await events(web, node_clients, path)) == 1

    async with room.world.edge.transaction() as db:
        await db.execute(
            text("UPDATE enrolment SET ended_at = now() WHERE member_id = :id"),
            {"id": room.world.members["Lea"]},
        )

    assert await events(web, node_clients, path) == []


async def test_a_feed_needs_no_token_and_is_kept_by_nobody_else(web: Web, room: Class) -> None:
    answer = await web.client.get(await address(room, "Lea"))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "last-modified" not in answer.headers


async def test_what_one_has_already_is_not_sent_again(web: Web, room: Class) -> None:
    path = await address(room, "Lea")
    etag = (await web.client.get(path)).headers["etag"]

    for said in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = await web.client.get(path, headers={"if-none-match": said})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == "private, no-cache"
    await room.edit(place="Hall 2", at=now())
    changed = await web.client.get(path, headers={"if-none-match": etag})

    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_head_says_the_same_of_it(web: Web, room: Class) -> None:
    path = await address(room, "Lea")

    asked, head = await web.client.get(path), await web.client.head(path)

    assert head.status_code == 200
    for name in ("etag", "content-length", "content-type", "cache-control"):
        assert head.headers[name] == asked.headers[name]


async def test_addresses_that_open_nothing_are_all_alike(web: Web, room: Class) -> None:
    """Never one, replaced, ended, of somebody deactivated, of somebody deleted."""
    replaced, kept = await address(room, "Lea"), await address(room, "Lea")
    ended, deactivated, deleted = [await address(room, each) for each in ("Wim", "Nan", "Max")]
    async with room.world.edge.transaction() as db:
        assert await calendars.end(db, by=room.by("Wim"))
        assert not await calendars.end(db, by=room.by("Wim"))
    await room.world.set_state("Nan", MemberState.DEACTIVATED)
    async with room.world.edge.transaction() as db:
        await db.execute(
            text("UPDATE member SET deleted_at = now() WHERE id = :id"),
            {"id": room.world.members["Max"]},
        )
    nowhere = [f"/calendar/{each}.ics" for each in ("A" * 43, "x", "%00", "é", "A" * 5_000, "..")]

    answers = [
        await web.client.get(each) for each in (replaced, ended, deactivated, deleted, *nowhere)
    ]

    assert {each.status_code for each in answers} == {404}
    assert {each.content for each in answers} == {NO_CALENDAR}
    assert len({frozenset(_told(each).items()) for each in answers}) == 1
    assert (await web.client.get(kept)).status_code == 200


async def test_an_address_opens_again_when_its_person_is_back(web: Web, room: Class) -> None:
    path = await address(room, "Lea")
    await room.world.set_state("Lea", MemberState.DEACTIVATED)
    assert (await web.client.get(path)).status_code == 404

    await room.world.set_state("Lea", MemberState.ACTIVE)

    assert (await web.client.get(path)).status_code == 200


async def test_the_secret_is_in_no_log_and_not_in_the_database(web: Web, room: Class) -> None:
    path = await address(room, "Lea")
    secret = path.removeprefix("/calendar/").removesuffix(".ics")

    with structlog.testing.capture_logs() as logged:
        for each in (path, f"{path}?x=1", path.removesuffix(".ics"), f"{path}/x"):
            await web.client.get(each)
            await web.client.head(each)
            await web.client.post(each)
    async with room.world.edge.read() as db:
        stored = await db.scalars(
            text(
                "SELECT f::text FROM calendar_feed f UNION ALL SELECT e::text FROM journal_entry e"
            )
        )

    assert {each["path"] for each in logged if "path" in each} == {"/calendar/…"}
    assert len(logged) == 12
    assert secret not in str(logged)
    assert secret not in str(stored.all())
    assert len(secret) == 43


@pytest.mark.parametrize("name", ["Lea", "Wim", "Nan", "Ingrid", "Cora"])
async def test_whoever_may_see_a_live_session_gets_it_as_a_file(
    web: Web, room: Class, node_clients: NodeClients, name: str
) -> None:
    answer = await file(web, room, name)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="live-session-{room.live_session_id}.ics"'
    )
    [found] = read_back(node_clients, answer.content)
    [event] = found["events"]
    assert event["summary"] == "Ladders"
    is_shown = name in {"Lea", "Ingrid", "Cora"}
    assert event.get("url") == (LINK if is_shown else None)
    assert (LINK.encode() in answer.content) is is_shown


async def test_missing_hidden_and_foreign_live_sessions_are_the_same_404(
    web: Web, room: Class, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await school(sessions, "other")
    await other.world.grant("Max", Principal.WORKSPACE_MANAGER)
    foreign = encode("LiveSession", room.live_session_id)
    nothing = [encode("LiveSession", 10**6), encode("LiveSession", 2**63), "x", "%00", "é"]
    wrong = encode("Course", room.world.courses[COURSE])

    answers = [
        await file(web, room, "Max"),
        await file(web, other, "Max", foreign),
        *[await file(web, room, "Lea", each) for each in (*nothing, wrong)],
    ]

    assert {each.status_code for each in answers} == {404}
    assert {each.content for each in answers} == {NO_LIVE_SESSION}


async def test_a_file_needs_a_token_and_an_address_is_none(web: Web, room: Class) -> None:
    path = f"/live-sessions/{encode('LiveSession', room.live_session_id)}.ics"
    secret = (await address(room, "Lea")).removeprefix("/calendar/").removesuffix(".ics")

    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {secret}"}):
        assert (await web.client.get(path, headers=headers)).status_code == 401


async def test_two_tenants_never_meet(
    web: Web, room: Class, sessions: async_sessionmaker[AsyncSession], node_clients: NodeClients
) -> None:
    other = await school(sessions, "other")

    [here] = await events(web, node_clients, await address(room, "Lea"))
    [there] = await events(web, node_clients, await address(other, "Lea"))

    assert here["uid"] != there["uid"]


def _told(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}
