"""What is answered when the issuer is silent, and when somebody shows one wrong token after the
other: typed, soon, and at nobody else's cost."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.authentication import bearer as bearer_module
from app.authentication.bearer import SILENT, TOO_MANY
from app.authentication.failures import A_MINUTE
from app.graphql.contracts import Unauthenticated
from app.graphql.errors import RequestRefused
from models.identity import TokenKind
from operations import tokens
from tests.app.authentication.elsewhere import INTROSPECTION, Server
from tests.app.authentication.visitors import AUDIENCE, Visitors, about, directory, setting_for
from tests.world import World

ASKED = {"client_id": "lms", "client_secret_env": "LMS_SECRET"}
OTHER_CLIENT = "203.0.113.9"


@pytest.fixture
async def visitors(
    sessions: async_sessionmaker[AsyncSession], server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Visitors]:
    monkeypatch.setenv("LMS_SECRET", "hunter2")
    world = await World.new(sessions)
    await world.member("Ada")
    await directory(world, Ada="ada-1")
    visitors = Visitors(world, server, setting_for(server, introspection=ASKED))
    server.tell(active=True, sub="ada-1", aud=AUDIENCE)
    yield visitors
    await visitors.issuers.close()


async def answer(visitors: Visitors, token: str, client: str = "198.51.100.7") -> Any:
    """What the door answers: 200, 401, or the refusal that has a status of its own."""
    try:
        await visitors.bearer.authenticate(token, request_info=about(client=client))
    except Unauthenticated:
        return 401
    except RequestRefused as refusal:
        return refusal
    return 200


@pytest.mark.parametrize("kind", ["signed", "opaque"])
async def test_while_the_issuer_is_silent_nobody_is_told_that_the_token_is_wrong(
    visitors: Visitors, kind: str
) -> None:
    visitors.server.pages.clear()
    token = visitors.token("ada-1") if kind == "signed" else "opaque"

    with structlog.testing.capture_logs() as logged:
        refusals = [await answer(visitors, token) for _ in range(A_MINUTE + 5)]

    assert {each.status for each in refusals} == {503}
    assert refusals[0].errors == [{"message": SILENT, "extensions": {"code": "UNAVAILABLE"}}]
    assert refusals[0].headers == {"retry-after": "5"}
    assert [entry["event"] for entry in logged] == ["issuer.silent"]


async def test_tokens_of_our_own_and_known_keys_are_good_while_the_issuer_is_silent(
    visitors: Visitors,
) -> None:
    async with visitors.world.edge.transaction() as db:
        _, own = await tokens.create(
            db,
            by=visitors.world.system,
            kind=TokenKind.PAT,
            name="laptop",
            member_id=visitors.world.members["Ada"],
            at=visitors.now,
        )
    assert await answer(visitors, visitors.token("ada-1")) == 200

    visitors.server.pages.clear()

    assert await answer(visitors, own) == 200
    assert await answer(visitors, visitors.token("ada-1")) == 200


async def test_an_opaque_token_lets_its_person_in(visitors: Visitors) -> None:
    entered = await visitors.enter("opaque")

    assert (entered.caller.name, entered.issuer) == ("Ada", visitors.server.address)
    assert (entered.opaque, entered.expires_at) == ("opaque", None)
    assert "opaque='opaque'" not in repr(entered)
    assert visitors.bearer.lapse(await visitors.enter(visitors.token("ada-1"))) is None


async def test_an_opaque_token_that_is_revoked_is_refused_within_a_minute_streams_too(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer_module, "LOOKED_AT_EVERY", 0.01)
    entered = await visitors.enter("opaque")
    lapsing = visitors.bearer.lapse(entered)
    assert lapsing is not None
    stream = asyncio.ensure_future(lapsing)
    await asyncio.sleep(0.05)
    assert not stream.done()

    visitors.server.tell(active=False)
    visitors.now += dt.timedelta(seconds=60)

    await asyncio.wait_for(stream, 5)
    assert not await visitors.bearer.still_valid(entered)
    assert await answer(visitors, "opaque") == 401


async def test_a_stream_on_an_opaque_token_ends_when_its_issuer_cannot_be_asked(
    visitors: Visitors,
) -> None:
    entered = await visitors.enter("opaque")
    visitors.server.pages.clear()
    assert await visitors.bearer.still_valid(entered)

    visitors.now += dt.timedelta(seconds=61)

    assert not await visitors.bearer.still_valid(entered)


WRONG: dict[str, Callable[[Visitors], str]] = {
    "signed": lambda visitors: visitors.token("ada-1", aud="urn:other"),
    "our own": lambda _: "lmsc_pat_x",
    "garbage": lambda _: "eyJ.",
}


@pytest.mark.parametrize("kind", WRONG)
async def test_too_many_wrong_tokens_are_answered_429_and_logged_no_more(
    visitors: Visitors, kind: str
) -> None:
    wrong = WRONG[kind](visitors)

    with structlog.testing.capture_logs() as logged:
        answers = [await answer(visitors, wrong) for _ in range(A_MINUTE + 10)]

    assert answers[:A_MINUTE] == [401] * A_MINUTE
    [code] = {each.errors[0]["extensions"]["code"] for each in answers[A_MINUTE:]}
    assert (code, str(answers[-1]), answers[-1].status) == ("RATE_LIMITED", TOO_MANY, 429)
    assert answers[-1].headers == {"retry-after": "3"}
    assert len(logged) == A_MINUTE
    assert await answer(visitors, wrong, OTHER_CLIENT) == 401

    visitors.elapsed.now += 3
    assert await answer(visitors, wrong) == 401


async def test_a_good_token_is_let_in_whatever_else_comes_from_its_address(
    visitors: Visitors,
) -> None:
    for _ in range(A_MINUTE * 2):
        await answer(visitors, "lmsc_pat_x")

    assert await answer(visitors, visitors.token("ada-1")) == 200


async def test_an_address_that_guesses_makes_us_ask_no_issuer(visitors: Visitors) -> None:
    assert await answer(visitors, "known") == 200
    visitors.server.tell(active=False)
    for n in range(A_MINUTE * 3):
        await answer(visitors, f"guess-{n}")

    assert visitors.server.count(INTROSPECTION) == 1 + A_MINUTE
    assert await answer(visitors, "known") == 200
    assert (await answer(visitors, "unknown")).status == 429


async def test_who_shows_nothing_is_not_counted(visitors: Visitors) -> None:
    for _ in range(A_MINUTE * 2):
        with pytest.raises(Unauthenticated):
            await visitors.bearer.authenticate(None, request_info=about())

    assert await answer(visitors, "lmsc_pat_x") == 401
