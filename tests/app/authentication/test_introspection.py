"""Opaque tokens are what their issuer says they are, for half a minute, and shown to no others."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import pytest
import structlog

from app.authentication.introspection import MOST_REMEMBERED, Endpoint, Introspection
from app.authentication.issuers import Elsewhere, Issuers
from app.authentication.matching import People
from app.authentication.metadata import Metadata
from app.authentication.outside import IssuerSilent, Outside
from app.authentication.verifier import NotAccepted
from operations.sign_in_identities import MatchedBy
from tests.app.authentication.elsewhere import (
    DISCOVERY,
    INTROSPECTION,
    Clock,
    Page,
    Server,
    serving,
)

AUDIENCE = "urn:lms"
PEOPLE = People(MatchedBy.EXTERNAL_ID, "sub", ("acme",))
NOW = 1_000_000
ACTIVE: dict[str, Any] = {
    "active": True,
    "sub": "ada-1",
    "aud": AUDIENCE,
    "iat": NOW - 10,
    "exp": NOW + 3_600,
    "client_id": "web",
    "token_type": "Bearer",
}
HOUR = 3_600


def asking(server: Server, outside: Outside, clock: Clock, **given: Any) -> Introspection:
    endpoint = Endpoint(server.address, AUDIENCE, "lms", "s:cret/ü", PEOPLE)
    metadata = Metadata(server.address, outside, clock)
    return Introspection(replace(endpoint, **given), outside, metadata, clock=clock)


async def test_the_issuer_is_asked_with_a_form_and_our_own_credentials(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish()
    server.tell(**ACTIVE, iss=server.address)

    verified = await asking(server, outside, clock).verify("opaque-1")

    assert server.asked == [DISCOVERY, INTROSPECTION]
    assert server.forms[-1] == {"token": "opaque-1", "token_type_hint": "access_token"}
    encoded = base64.b64encode(b"lms:s%3Acret%2F%C3%BC").decode()
    assert server.authorizations[-1] == f"Basic {encoded}"
    assert (verified.issuer, verified.subject) == (server.address, "ada-1")
    assert verified.expires_at is not None
    assert verified.expires_at.timestamp() == NOW + HOUR
    assert (verified.people, verified.member) == (PEOPLE, None)


async def test_a_configured_address_is_asked_without_discovery(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.tell(**ACTIVE)

    await asking(server, outside, clock, address=server.address + INTROSPECTION).verify("opaque")

    assert server.asked == [INTROSPECTION]


async def test_an_answer_is_believed_for_half_a_minute_and_never_beyond_the_tokens_end(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish()
    server.tell(**ACTIVE)
    introspection = asking(server, outside, clock)
    await introspection.verify("opaque")

    clock.now += 29
    assert introspection.knows("opaque")
    await introspection.verify("opaque")
    assert server.count(INTROSPECTION) == 1

    server.tell(active=False)
    clock.now += 2
    with pytest.raises(NotAccepted, match="not active"):
        await introspection.verify("opaque")

    server.tell(**ACTIVE | {"exp": clock.now + 5})
    await introspection.verify("short")
    clock.now += 6
    assert not introspection.knows("short")


async def test_a_refusal_is_remembered_for_a_few_seconds(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish()
    server.tell(active=False)
    introspection = asking(server, outside, clock)

    for _ in range(5):
        with pytest.raises(NotAccepted):
            await introspection.verify("opaque")
    assert server.count(INTROSPECTION) == 1

    server.tell(**ACTIVE)
    clock.now += 11
    await introspection.verify("opaque")


async def test_one_question_answers_all_who_ask_it_at_once(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish()
    server.tell(**ACTIVE)
    server.pages[INTROSPECTION].seconds = 0.1
    introspection = asking(server, outside, clock)

    found = await asyncio.gather(*(introspection.verify("opaque") for _ in range(30)))

    assert {each.subject for each in found} == {"ada-1"}
    assert server.count(INTROSPECTION) == 1


async def test_no_more_than_so_many_answers_are_remembered(
    server: Server, outside: Outside, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.authentication.introspection.MOST_REMEMBERED", 3)
    server.publish()
    server.tell(**ACTIVE)
    introspection = asking(server, outside, clock)

    for n in range(5):
        await introspection.verify(f"opaque-{n}")

    assert [introspection.knows(f"opaque-{n}") for n in range(5)] == [False] * 2 + [True] * 3
    assert MOST_REMEMBERED == 10_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"active": False}, "not active"),
        ({"active": "true"}, "not active"),
        ({"active": 1}, "not active"),
        ({"active": ...}, "not active"),
        ({"iss": "https://other.example"}, "another one issued it"),
        ({"iss": None}, "another one issued it"),
        ({"aud": "urn:other"}, "aud: it is not for urn:lms"),
        ({"aud": ["urn:other"]}, "aud: it is not for urn:lms"),
        ({"aud": {AUDIENCE: 1}}, "aud: it is not for urn:lms"),
        ({"aud": ...}, "does not say for whom it is"),
        ({"aud": ""}, "does not say for whom it is"),
        ({"aud": []}, "does not say for whom it is"),
        ({"sub": ...}, "of nobody"),
        ({"sub": ""}, "of nobody"),
        ({"sub": 7}, "of nobody"),
        ({"sub": "x" * 256}, "of nobody"),
        ({"exp": NOW}, "it has expired"),
        ({"exp": NOW - 1}, "it has expired"),
        ({"exp": str(NOW + 9)}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": 10**300}, "exp is no time of this calendar"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"iat": NOW + 61}, "not valid yet"),
        ({"token_type": "DPoP"}, "no bearer token"),
        ({"token_type": "refresh_token"}, "no bearer token"),
        ({"cnf": {"jkt": "x"}}, "cnf says it is no bearer access token"),
        ({"typ": "Refresh"}, "typ says it is no bearer access token"),
    ],
)
async def test_what_an_issuer_says_of_a_token_is_read_strictly(
    server: Server, outside: Outside, clock: Clock, changes: dict[str, Any], reason: str
) -> None:
    server.publish()
    said = {name: value for name, value in (ACTIVE | changes).items() if value is not ...}
    server.tell(**said)

    with pytest.raises(NotAccepted, match=reason):
        await asking(server, outside, clock).verify("opaque")


async def test_a_token_for_nobody_in_particular_is_taken_from_clients_that_are_listed(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish()
    server.tell(**{name: ACTIVE[name] for name in ("active", "sub", "client_id")})

    verified = await asking(server, outside, clock, clients=frozenset({"web"})).verify("opaque")
    assert (verified.subject, verified.expires_at) == ("ada-1", None)

    with pytest.raises(NotAccepted, match="for whom"):
        await asking(server, outside, clock, clients=frozenset({"other"})).verify("opaque")


@pytest.mark.parametrize(
    "page",
    [
        Page(status=401),
        Page(status=500),
        Page(b"active"),
        Page([ACTIVE]),
        Page(status=307, headers={"location": "http://127.0.0.1:1/"}),
    ],
)
async def test_an_issuer_that_does_not_answer_is_not_believed_either_way(
    server: Server, outside: Outside, clock: Clock, page: Page
) -> None:
    server.publish()
    server.pages[INTROSPECTION] = page
    introspection = asking(server, outside, clock)

    with structlog.testing.capture_logs() as logged:
        for _ in range(5):
            with pytest.raises(IssuerSilent):
                await introspection.verify("opaque")
    assert server.count(INTROSPECTION) == 1
    assert [entry["event"] for entry in logged] == ["issuer.silent"]
    assert "s:cret" not in str(logged)

    server.tell(**ACTIVE)
    clock.now += 6
    await introspection.verify("opaque")


async def test_several_issuers_are_asked_in_order_and_the_one_that_knows_first_next_time(
    server: Server, outside: Outside, clock: Clock
) -> None:
    async with serving() as other:
        for each in (server, other):
            each.publish()
        server.tell(active=False)
        other.tell(**ACTIVE)
        introspections = tuple(asking(each, outside, clock) for each in (server, other))
        issuers = Issuers([], Elsewhere(outside, (), introspections), clock)

        found = await issuers.introspect("opaque")
        clock.now += 15
        await issuers.introspect("opaque")

        assert found.issuer == other.address
        assert (server.count(INTROSPECTION), other.count(INTROSPECTION)) == (1, 1)


async def test_while_one_of_several_issuers_is_silent_the_others_are_believed(
    server: Server, outside: Outside, clock: Clock
) -> None:
    async with serving() as other:
        other.publish()
        other.tell(**ACTIVE)
        introspections = tuple(asking(each, outside, clock) for each in (server, other))
        issuers = Issuers([], Elsewhere(outside, (), introspections), clock)

        assert (await issuers.introspect("opaque")).issuer == other.address

        other.tell(active=False)
        with pytest.raises(IssuerSilent):
            await issuers.introspect("another")


@pytest.mark.parametrize(
    ("token", "is_opaque"),
    [
        ("opaque", True),
        ("a.b.c", True),
        ("eyJhbGciOiJub25lIn0.e30.", False),
        ("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", False),
        ("ewogImFsZyI6.e30.x", False),
    ],
)
def test_what_looks_signed_is_never_sent_to_anybody(
    server: Server, outside: Outside, clock: Clock, token: str, is_opaque: bool
) -> None:
    issuers = Issuers([], Elsewhere(outside, (), (asking(server, outside, clock),)), clock)

    assert issuers.is_opaque(token) is is_opaque
    assert not Issuers([], Elsewhere(outside), clock).is_opaque(token)


@pytest.mark.parametrize("token", ["x" * 4_097, "a b", "a\nb", "é", "\x00"])
async def test_what_is_no_token_at_all_is_not_asked_about(
    server: Server, outside: Outside, clock: Clock, token: str
) -> None:
    issuers = Issuers([], Elsewhere(outside, (), (asking(server, outside, clock),)), clock)

    with pytest.raises(NotAccepted):
        await issuers.introspect(token)

    assert server.asked == []
