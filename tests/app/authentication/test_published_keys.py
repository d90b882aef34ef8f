"""Keys of issuers elsewhere are fetched, kept and renewed, and nobody can make us do more."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, Key, KeyParameters, OctKey, RSAKey

from app.authentication import outside as outside_module
from app.authentication.algorithms import ALGORITHMS
from app.authentication.metadata import Metadata
from app.authentication.outside import LARGEST_ANSWER, IssuerSilent, Outside
from app.authentication.published_keys import KEPT_FOR, PublishedKeys
from tests.app.authentication.elsewhere import DISCOVERY, KEYS, OAUTH, Clock, Page, Server
from tests.app.authentication.forging import b64

MINUTE = 60.0


def ec(name: str, **said: Any) -> ECKey:
    parameters: KeyParameters = {"kid": name, "use": said.get("use", "sig"), "alg": "ES256"}
    return ECKey.generate_key("P-256", parameters)


FIRST, SECOND = ec("first"), ec("second")
PUBLIC = FIRST.as_dict(private=False)


def source(server: Server, outside: Outside, clock: Clock, **given: Any) -> PublishedKeys:
    issuer = given.pop("issuer", server.address)
    return PublishedKeys(
        issuer,
        given.pop("algorithms", ALGORITHMS),
        outside,
        Metadata(issuer, outside, clock),
        clock=clock,
        **given,
    )


async def named(keys: PublishedKeys, name: str, algorithm: str = "ES256") -> str | None:
    found = await keys.key(name, algorithm)
    return None if found is None else str(found.get("kid"))


async def test_keys_are_discovered_once_and_fetched_once(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST, SECOND)
    keys = source(server, outside, clock)

    found = [await named(keys, each) for each in ("first", "second", "first")]

    assert found == ["first", "second", "first"]
    assert server.asked == [DISCOVERY, KEYS]
    assert keys.state == "ok"


async def test_an_address_that_is_configured_is_not_discovered(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    keys = source(server, outside, clock, jwks_uri=server.address + KEYS)

    assert await named(keys, "first") == "first"
    assert server.asked == [KEYS]


async def test_those_who_come_at_once_wait_for_one_answer(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    server.pages[KEYS].seconds = 0.1
    keys = source(server, outside, clock)

    found = await asyncio.gather(*(named(keys, "first") for _ in range(50)))

    assert found == ["first"] * 50
    assert server.count(KEYS) == 1


async def test_who_stops_waiting_does_not_stop_it_for_the_others(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    server.pages[KEYS].seconds = 0.1
    keys = source(server, outside, clock)
    leaving = asyncio.create_task(named(keys, "first"))
    staying = asyncio.create_task(named(keys, "first"))
    await asyncio.sleep(0.03)

    leaving.cancel()

    assert await staying == "first"
    assert server.count(KEYS) == 1


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        (None, 10),
        ("no-store", 10),
        ("max-age=0", 5),
        ("public, max-age=60", 5),
        ("max-age=1200, must-revalidate", 20),
        ('private, Max-Age="1800"', 30),
        ("s-maxage=9, max-age=900", 15),
        ("max-age=31536000", 24 * 60),
        ("max-age=-1", 10),
        ("max-age=99999999999999", 24 * 60),
    ],
)
async def test_keys_are_fresh_as_long_as_is_said_between_five_minutes_and_a_day(
    server: Server, outside: Outside, clock: Clock, said: str | None, minutes: int
) -> None:
    server.publish(FIRST)
    server.show(PUBLIC, **({} if said is None else {"cache-control": said}))
    keys = source(server, outside, clock)
    await named(keys, "first")

    clock.now += minutes * MINUTE - 1
    await named(keys, "first")
    assert server.count(KEYS) == 1

    clock.now += 2
    await named(keys, "first")
    assert server.count(KEYS) == 2


async def test_unknown_names_make_us_ask_at_most_twice_a_minute(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    keys = source(server, outside, clock)
    await named(keys, "first")

    for second in range(60):
        clock.now += 1
        assert (
            await asyncio.gather(*(named(keys, f"forged {second} {n}") for n in range(20)))
            == [None] * 20
        )

    assert server.count(KEYS) == 1 + 2


async def test_a_new_key_is_taken_within_one_fetch(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    keys = source(server, outside, clock)
    await named(keys, "first")
    server.publish(FIRST, SECOND)
    clock.now += 30

    assert await named(keys, "second") == "second"
    assert server.count(KEYS) == 2


async def test_a_key_that_is_withdrawn_is_not_taken_once_keys_are_fetched_again(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST, SECOND)
    keys = source(server, outside, clock)
    await named(keys, "first")
    server.publish(SECOND)

    assert await named(keys, "first") == "first"
    clock.now += 10 * MINUTE

    assert await named(keys, "first") is None


async def test_the_last_keys_stay_good_for_a_day_while_the_issuer_is_silent(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    keys = source(server, outside, clock)
    await named(keys, "first")
    server.pages.clear()

    with structlog.testing.capture_logs() as logged:
        for _ in range(5):
            clock.now += KEPT_FOR / 5 - 1
            assert await named(keys, "first") == "first"
        assert keys.state == "stale"
        clock.now += 10
        with pytest.raises(IssuerSilent, match="answers 404"):
            await named(keys, "first")
    assert keys.state == "unreachable"
    assert [entry["event"] for entry in logged] == ["issuer.silent"]

    server.publish(FIRST)
    clock.now += 30
    with structlog.testing.capture_logs() as logged:
        assert await named(keys, "first") == "first"
    assert [entry["event"] for entry in logged] == ["issuer.speaks_again"]
    assert keys.state == "ok"


async def test_an_issuer_that_never_answered_is_asked_every_few_seconds_not_by_everybody(
    server: Server, outside: Outside, clock: Clock
) -> None:
    keys = source(server, outside, clock)

    for _ in range(20):
        with pytest.raises(IssuerSilent):
            await named(keys, "first")
    assert server.count(DISCOVERY) == 1

    server.publish(FIRST)
    clock.now += 5
    assert await named(keys, "first") == "first"


async def test_an_address_that_moved_is_discovered_again(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    keys = source(server, outside, clock)
    await named(keys, "first")
    server.publish(FIRST, jwks_uri=server.address + "/moved")
    server.pages["/moved"] = server.pages.pop(KEYS)

    clock.now += 10 * MINUTE
    await named(keys, "first")
    clock.now += 30
    await named(keys, "second")

    assert server.asked[-2:] == [DISCOVERY, "/moved"]


async def test_an_issuer_may_describe_itself_as_oauth_does(
    server: Server, outside: Outside, clock: Clock
) -> None:
    issuer = f"{server.address}/tenant"
    server.publish(FIRST)
    described = {"issuer": issuer, "jwks_uri": server.address + KEYS}
    server.pages = {f"{OAUTH}/tenant": Page(described), KEYS: server.pages[KEYS]}
    keys = source(server, outside, clock, issuer=issuer)

    assert await named(keys, "first") == "first"
    assert server.asked == [f"/tenant{DISCOVERY}", f"{OAUTH}/tenant", KEYS]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda server: server.publish(FIRST, issuer=server.address + "/"),
        lambda server: server.publish(FIRST, issuer="https://evil.example"),
        lambda server: server.publish(FIRST, jwks_uri=None),
        lambda server: server.publish(FIRST, jwks_uri="http://192.0.2.1/keys"),
        lambda server: server.publish(FIRST, jwks_uri="file:///etc/passwd"),
        lambda server: server.publish(FIRST, jwks_uri="https://user:pass@127.0.0.1/keys"),
        lambda server: server.pages.update({KEYS: Page({"keys": [PUBLIC]}, status=500)}),
        lambda server: server.pages.update(
            {
                KEYS: Page(status=302, headers={"location": server.address + "/elsewhere"}),
                "/elsewhere": Page({"keys": [PUBLIC]}),
            }
        ),
        lambda server: server.pages.update({KEYS: Page(b"<html>")}),
        lambda server: server.pages.update({KEYS: Page([PUBLIC])}),
        lambda server: server.pages.update({KEYS: Page({"keys": PUBLIC})}),
        lambda server: server.pages.update({KEYS: Page(b'{"keys": [], "keys": []}')}),
        lambda server: server.pages.update({KEYS: Page({"keys": [PUBLIC] * 51})}),
        lambda server: server.pages.update(
            {KEYS: Page({"keys": [PUBLIC], "x": "x" * LARGEST_ANSWER})}
        ),
        lambda server: server.pages.update({KEYS: Page(b"", headers={"content-length": "-5"})}),
    ],
)
async def test_what_is_no_key_set_of_the_issuer_is_not_believed_and_what_was_stays(
    server: Server, outside: Outside, clock: Clock, spoil: Callable[[Server], None]
) -> None:
    server.publish(FIRST)
    before = source(server, outside, clock)
    await named(before, "first")
    spoil(server)

    with pytest.raises(IssuerSilent):
        await named(source(server, outside, clock), "first")

    clock.now += 10 * MINUTE
    assert await named(before, "first") == "first"
    assert not any("evil" in path for path in server.asked)


async def test_a_server_that_hangs_is_waited_for_a_few_seconds(
    server: Server, outside: Outside, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_module, "SECONDS", 0.1)
    server.publish(FIRST)
    server.pages[KEYS].seconds = 2

    with pytest.raises(IssuerSilent, match="does not answer within"):
        await named(source(server, outside, clock), "first")


async def test_a_server_that_is_not_there_is_silent(outside: Outside, clock: Clock) -> None:
    with pytest.raises(IssuerSilent, match="cannot be asked"):
        await named(source(Server("http://127.0.0.1:1"), outside, clock), "first")


def weak() -> dict[str, str]:
    """A key of 1024 bits, which joserfc itself would not make."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it has to be refused
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": "k", "e": "AQAB", "n": b64(numbers.n.to_bytes(128))}


@pytest.mark.parametrize(
    "unusable",
    [
        OctKey.generate_key(256, {"kid": "k", "alg": "HS256"}).as_dict(private=True),
        ec("k", use="enc").as_dict(private=False),
        ec("k").as_dict(private=False) | {"use": 1},
        ec("k").as_dict(private=False) | {"alg": "ES512"},
        ec("k").as_dict(private=False) | {"alg": "HS256"},
        ec("k").as_dict(private=False) | {"key_ops": ["encrypt"]},
        ec("k").as_dict(private=False) | {"key_ops": "verify"},
        ec("k").as_dict(private=False) | {"crv": "P-384"},
        ec("k").as_dict(private=False) | {"x": "AAAA"},
        ec("k").as_dict(private=False) | {"kid": 7},
        {name: value for name, value in ec("k").as_dict(private=False).items() if name != "kid"},
        {"kty": "EC", "kid": "k"},
        {"kty": ["EC"], "kid": "k"},
        weak(),
        "k",
        None,
    ],
)
async def test_a_key_that_cannot_be_used_is_left_out_and_the_others_stay(
    server: Server, outside: Outside, clock: Clock, unusable: Any
) -> None:
    server.publish(FIRST)
    server.show(unusable, PUBLIC)
    keys = source(server, outside, clock)

    assert await named(keys, "first") == "first"
    assert [await named(keys, "k", each) for each in sorted(ALGORITHMS)] == [None] * 9


async def test_of_two_keys_of_one_name_the_one_that_fits_is_taken_and_of_equals_none(
    server: Server, outside: Outside, clock: Clock
) -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "both"})
    server.publish(ec("both"), rsa, ec("twice"), ec("twice"))
    keys = source(server, outside, clock)
    found: list[Key | None] = [await keys.key("both", each) for each in ("ES256", "RS256")]

    assert [type(each) for each in found] == [ECKey, RSAKey]
    assert await keys.key("twice", "ES256") is None


async def test_a_key_is_good_for_the_algorithm_it_says_and_for_no_other(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(RSAKey.generate_key(2048, {"kid": "said", "alg": "RS256"}))
    keys = source(server, outside, clock)

    found = [await named(keys, "said", each) for each in ("RS256", "RS512", "PS256")]

    assert found == ["said", None, None]


async def test_a_private_key_that_was_published_by_mistake_is_kept_as_a_public_one(
    server: Server, outside: Outside, clock: Clock
) -> None:
    server.publish(FIRST)
    server.show(FIRST.as_dict(private=True))

    found = await source(server, outside, clock).key("first", "ES256")

    assert found is not None
    assert not found.is_private
