"""The address of one's own calendar, made, replaced and ended through the API (H5)."""

import re
from dataclasses import replace
from typing import Any

import pytest

from access.permissions import Permission
from operations.live_sessions import calendars
from operations.refusals import Refused
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("H5")

RENEW = """
mutation ($key: String) {
  renewCalendarFeed(idempotencyKey: $key) { path cursor refusal { code message } }
}
"""
END = "mutation { endCalendarFeed { path refusal { code } } }"
SINCE = "{ viewer { calendarFeedSince } }"


@pytest.fixture
@furnished
async def office(world: World, ask: Ask) -> Ask:
    for name in ("Ada", "Bo"):
        await world.member(name)
    return ask


async def opens(office: Ask, path: str) -> bool:
    secret = path.removeprefix("/calendar/").removesuffix(".ics")
    try:
        async with office.world.edge.read() as db:
            await calendars.behind(db, secret=secret, at=MONDAY)
    except Refused:
        return False
    return True


async def since(office: Ask, by: str) -> Any:
    return (await office.one(SINCE, by=by))["calendarFeedSince"]


async def test_an_address_is_shown_once_and_is_one_s_own(office: Ask) -> None:
    assert await since(office, "Ada") is None

    made = await office.one(RENEW, by="Ada")

    assert made["refusal"] is None
    assert re.fullmatch(r"/calendar/[A-Za-z0-9_-]{43}\.ics", made["path"])
    assert await opens(office, made["path"])
    assert await since(office, "Ada") is not None
    assert await since(office, "Bo") is None


async def test_a_new_address_ends_the_one_before(office: Ask) -> None:
    first = (await office.one(RENEW, by="Ada"))["path"]
    others = (await office.one(RENEW, by="Bo"))["path"]

    second = (await office.one(RENEW, by="Ada"))["path"]

    assert not await opens(office, first)
    assert await opens(office, second)
    assert await opens(office, others)


async def test_an_address_can_be_ended(office: Ask) -> None:
    path = (await office.one(RENEW, by="Ada"))["path"]

    assert await office.one(END, by="Ada") == {"path": None, "refusal": None}
    assert await office.one(END, by="Ada") == {"path": None, "refusal": None}

    assert not await opens(office, path)
    assert await since(office, "Ada") is None
    verbs = await office.world.verbs()
    assert verbs[-2:] == ["calendar_feed.renewed", "calendar_feed.ended"]


async def test_a_repeat_makes_none_and_says_none(office: Ask) -> None:
    first = await office.one(RENEW, by="Ada", key="once")

    again = await office.one(RENEW, by="Ada", key="once")

    assert again["path"] is None
    assert again["cursor"] == first["cursor"]
    assert await opens(office, first["path"])


async def test_a_limited_token_makes_and_ends_none(office: Ask) -> None:
    path = (await office.one(RENEW, by="Ada"))["path"]
    limited = replace(
        office.world.caller("Ada"), limited_to=frozenset({Permission.VIEW_COURSE_INFO})
    )

    made = await office.one(RENEW, by=limited)
    ended = await office.one(END, by=limited)

    assert (made["path"], made["refusal"]["code"]) == (None, "BAD_USER_INPUT")
    assert ended["refusal"]["code"] == "BAD_USER_INPUT"
    assert await opens(office, path)
