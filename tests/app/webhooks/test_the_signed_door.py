"""What is signed is stored before the answer; whatever is not leaves no trace."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from standardwebhooks.webhooks import Webhook

from operations import connections
from operations.edge import Edge
from operations.refusals import Refused
from tests.app.webhooks.conftest import KEYRING, Provider, application, connect
from tests.world import MONDAY, World

BODY = json.dumps({"type": "ping"}).encode()
SECOND = dt.timedelta(seconds=1)
Headers = dict[str, str]


@pytest.mark.spec("I2", "I3")
async def test_what_an_independent_signer_signed_is_stored_and_the_workers_are_told(
    provider: Provider,
) -> None:
    answer = await provider.post(BODY, provider.signed(BODY))

    assert (answer.status_code, answer.content) == (202, b"")
    assert await provider.many("SELECT delivery_id, body FROM inbox_delivery") == [("msg_1", BODY)]
    assert provider.rung == ["inbox"]


@pytest.mark.spec("I3")
async def test_a_repetition_is_answered_the_same_and_does_nothing(provider: Provider) -> None:
    first = await provider.post(BODY, provider.signed(BODY, id="same"))
    later = await provider.post(BODY, provider.signed(BODY, id="same", at=MONDAY + 60 * SECOND))

    assert (first.status_code, later.status_code) == (202, 202)
    assert len(await provider.inbox()) == 1
    assert provider.rung == ["inbox"]


async def test_another_body_under_the_same_id_is_not_stored_but_counted(
    provider: Provider,
) -> None:
    other = json.dumps({"type": "user.deleted", "data": {"externalId": "u1"}}).encode()
    await provider.post(BODY, provider.signed(BODY, id="same"))

    answer = await provider.post(other, provider.signed(other, id="same"))

    assert answer.status_code == 202
    assert await provider.many("SELECT body FROM inbox_delivery") == [(BODY,)]
    assert await provider.many("SELECT error_count FROM connection") == [(1,)]


def set_to(**headers: str) -> Callable[[Headers], Any]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda signed: {**signed, **names}


def without(name: str) -> Callable[[Headers], Any]:
    return lambda signed: {key: value for key, value in signed.items() if key != name}


def twice(name: str) -> Callable[[Headers], Any]:
    return lambda signed: [*signed.items(), (name, signed[name])]


def signature(change: Callable[[str], str]) -> Callable[[Headers], Any]:
    return lambda signed: {**signed, "webhook-signature": change(signed["webhook-signature"])}


UNBELIEVABLE: list[tuple[str, Callable[[Headers], Any]]] = [
    ("no headers at all", lambda _: {"content-type": "application/json"}),
    ("no id", without("webhook-id")),
    ("no timestamp", without("webhook-timestamp")),
    ("no signature", without("webhook-signature")),
    ("two ids", twice("webhook-id")),
    ("two signature headers", twice("webhook-signature")),
    ("another id", set_to(webhook_id="msg_x")),
    ("id with a dot", set_to(webhook_id="msg.1")),
    ("id with a space", set_to(webhook_id="msg 1")),
    ("empty id", set_to(webhook_id="")),
    ("a long id", set_to(webhook_id="m" * 129)),
    ("another timestamp", set_to(webhook_timestamp=str(int(MONDAY.timestamp()) + 1))),
    ("timestamp with a space", lambda h: {**h, "webhook-timestamp": h["webhook-timestamp"] + " 1"}),
    ("timestamp with an underscore", set_to(webhook_timestamp="1_772_442_000")),
    (
        "timestamp with a fraction",
        lambda h: {**h, "webhook-timestamp": h["webhook-timestamp"] + ".0"},
    ),
    ("timestamp in another script", set_to(webhook_timestamp="\xd9\xa1\xd9\xa7")),
    ("negative timestamp", set_to(webhook_timestamp="-1")),
    ("timestamp of 40 digits", set_to(webhook_timestamp="1" * 40)),
    ("timestamp a word", set_to(webhook_timestamp="now")),
    ("empty signature", signature(lambda _: "")),
    ("no version", signature(lambda s: s.partition(",")[2])),
    ("no comma", signature(lambda s: s.replace(",", ""))),
    ("two commas", signature(lambda s: s.replace(",", ",,"))),
    ("unknown version", signature(lambda s: s.replace("v1,", "v2,"))),
    ("version in capitals", signature(lambda s: s.replace("v1,", "V1,"))),
    ("wrong kind", signature(lambda s: s.replace("v1,", "v1a,"))),
    ("not base64", signature(lambda _: "v1,!!!!")),
    ("base64 cut off", signature(lambda s: s[:-3])),
    ("in hexadecimal", signature(lambda s: "v1," + base64.b64decode(s[3:]).hex())),
    ("one bit wrong", signature(lambda s: "v1," + ("A" if s[3] != "A" else "B") + s[4:])),
    ("no bytes", signature(lambda _: "v1,")),
    ("50 signatures, the good one last", signature(lambda s: " ".join(["v1,AAAA"] * 49 + [s]))),
    ("not ASCII", signature(lambda s: s[:-1] + "\xff")),
]


@pytest.mark.spec("I3")
@pytest.mark.parametrize(
    "spoil", [row[1] for row in UNBELIEVABLE], ids=[row[0] for row in UNBELIEVABLE]
)
async def test_what_is_not_well_signed_is_401_and_leaves_no_trace(
    provider: Provider, spoil: Callable[[Headers], Any]
) -> None:
    spoiled = spoil(provider.signed(BODY))
    pairs = spoiled.items() if isinstance(spoiled, dict) else spoiled
    headers = [(name, value.encode("latin-1")) for name, value in pairs]

    answer = await provider.post(BODY, headers)

    assert (answer.status_code, answer.content) == (401, b"")
    assert await provider.inbox() == []
    assert provider.rung == []


async def test_a_good_signature_among_others_is_enough(provider: Provider) -> None:
    signed = provider.signed(BODY)
    signed["webhook-signature"] = f"v2,x v1,AAAA {signed['webhook-signature']} v1a,AAAA"

    assert (await provider.post(BODY, signed)).status_code == 202


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 202), (299, 202), (301, 401)])
async def test_only_what_was_signed_within_five_minutes_is_believed(
    provider: Provider, seconds: int, status: int
) -> None:
    answer = await provider.post(BODY, provider.signed(BODY, at=MONDAY + seconds * SECOND))

    assert answer.status_code == status


async def test_the_raw_bytes_are_what_is_signed(provider: Provider) -> None:
    spaced = json.dumps({"type": "ping", "a": 1}, indent=4).encode()
    signed = provider.signed(spaced)
    compact = json.dumps(json.loads(spaced), separators=(",", ":")).encode()

    assert (await provider.post(compact, signed)).status_code == 401
    assert (await provider.post(spaced + b" ", signed)).status_code == 401
    assert (await provider.post(spaced, signed)).status_code == 202


async def test_the_secret_of_another_connection_is_no_good(
    world: World, provider: Provider
) -> None:
    _, secret = await connect(world, "Other")

    assert (await provider.post(BODY, provider.signed(BODY, secret=secret))).status_code == 401


@pytest.mark.parametrize("path", ["/webhooks/999", "/webhooks/99999999999999999999"])
async def test_an_unknown_connection_looks_like_a_wrong_signature(
    provider: Provider, path: str
) -> None:
    answer = await provider.http.post(path, content=BODY, headers=provider.signed(BODY))

    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.spec("I6")
async def test_both_secrets_are_good_while_one_is_exchanged(provider: Provider) -> None:
    async def rotate(at: dt.datetime) -> str:
        async with provider.world.edge.transaction() as db:
            return await connections.rotate_secret(
                db,
                by=provider.world.system,
                connection_id=provider.connection.id,
                seals=KEYRING,
                overlap=dt.timedelta(hours=1),
                at=at,
            )

    async def works(secret: str) -> bool:
        return (await provider.post(BODY, provider.signed(BODY, secret=secret))).status_code == 202

    second = await rotate(MONDAY)
    assert [await works(each) for each in (provider.secret, second)] == [True, True]

    third = await rotate(MONDAY)
    assert [await works(each) for each in (provider.secret, second, third)] == [False, True, True]

    fourth = await rotate(MONDAY - dt.timedelta(hours=1))
    assert [await works(each) for each in (second, third, fourth)] == [False, False, True]


async def test_secrets_are_sealed_in_the_database(provider: Provider) -> None:
    [(sealed, key)] = await provider.many("SELECT sealed, key_id FROM connection_secret")

    assert provider.secret.encode() not in sealed
    assert base64.b64decode(provider.secret.removeprefix("whsec_")) not in sealed
    assert key == "k1"
    entries = await provider.many("SELECT after, detail FROM journal_entry")
    assert provider.secret.removeprefix("whsec_") not in str(entries)


async def test_a_provider_may_sign_with_a_key_of_its_own(provider: Provider) -> None:
    key = Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()
    async with provider.world.edge.transaction() as db:
        await connections.rotate_secret(
            db,
            by=provider.world.system,
            connection_id=provider.connection.id,
            seals=KEYRING,
            overlap=dt.timedelta(0),
            public_key=public,
            at=MONDAY,
        )
    signed = provider.signed(BODY)
    moment = signed["webhook-timestamp"]
    made = base64.b64encode(key.sign(f"{signed['webhook-id']}.{moment}.".encode() + BODY)).decode()

    assert (await provider.post(BODY, signed)).status_code == 401
    forged = base64.b64encode(
        hmac.new(
            base64.b64decode(public.removeprefix("whpk_")),
            f"{signed['webhook-id']}.{moment}.".encode() + BODY,
            hashlib.sha256,
        ).digest()
    ).decode()
    assert (
        await provider.post(BODY, {**signed, "webhook-signature": f"v1,{forged}"})
    ).status_code == 401
    good = {**signed, "webhook-signature": f"v1a,{made}"}
    assert (await provider.post(BODY, good)).status_code == 202
    assert (await provider.post(BODY + b" ", good)).status_code == 401


@pytest.mark.parametrize("key", ["whpk_", "whpk_AAAA", "whsec_" + "A" * 43 + "=", "x", "whpk_é"])
async def test_what_is_no_public_key_is_refused(provider: Provider, key: str) -> None:
    with pytest.raises(Refused, match="public key"):
        async with provider.world.edge.transaction() as db:
            await connections.rotate_secret(
                db,
                by=provider.world.system,
                connection_id=provider.connection.id,
                seals=KEYRING,
                public_key=key,
                at=MONDAY,
            )


async def test_a_disabled_connection_is_told_to_stop_once_it_has_proved_itself(
    provider: Provider,
) -> None:
    async with provider.world.edge.transaction() as db:
        await connections.set_enabled(
            db, by=provider.world.system, connection_id=provider.connection.id, is_enabled=False
        )

    assert (await provider.post(BODY, provider.signed(BODY))).status_code == 410
    assert (await provider.post(BODY, {"content-type": "application/json"})).status_code == 401
    assert await provider.inbox() == []


async def test_size_and_form_are_looked_at_first(provider: Provider) -> None:
    large = b"[" + b"1," * 140_000 + b"1]"
    signed = provider.signed(BODY)

    too_large = await provider.post(large, provider.signed(large))
    plain = await provider.post(BODY, {**signed, "content-type": "text/plain"})
    packed = await provider.post(BODY, {**signed, "content-encoding": "gzip"})
    read = await provider.http.get(f"/webhooks/{provider.connection.id}")

    assert [each.status_code for each in (too_large, plain, packed, read)] == [413, 415, 415, 405]
    assert await provider.inbox() == []


@pytest.mark.spec("I3")
async def test_503_and_no_false_success_when_it_cannot_be_stored(provider: Provider) -> None:
    away = create_async_engine("postgresql+psycopg://nobody@/nowhere?host=/nonexistent")
    rung: list[str] = []
    app = application(World(Edge(async_sessionmaker(away)), 1, "acme"), rung)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://hooks.test"
    ) as http:
        answer = await http.post("/webhooks/1", content=BODY, headers=provider.signed(BODY))
    await away.dispose()

    assert (answer.status_code, rung) == (503, [])
    assert answer.headers["Retry-After"]


async def test_a_write_that_fails_at_the_last_moment_is_503(provider: Provider) -> None:
    async with provider.world.edge.transaction() as db:
        await db.execute(text("ALTER TABLE inbox_delivery ADD CHECK (length(body) < 5)"))

    assert (await provider.post(BODY, provider.signed(BODY))).status_code == 503
    assert provider.rung == []


async def test_our_verifier_agrees_with_the_packages_about_what_is_signed(
    provider: Provider,
) -> None:
    for body in (b'{"type":"ping"}', '{"type":"ping","é":"ü"}'.encode(), b'{"type":"ping" }\n'):
        signed = provider.signed(body, at=dt.datetime.now(dt.UTC))
        Webhook(provider.secret).verify(body, signed)
        assert (await provider.post(body, provider.signed(body))).status_code == 202
