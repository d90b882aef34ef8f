"""A person signs in at a real OpenID provider and acts here: by signed and by opaque tokens, while
the provider changes its keys, and until it takes its word back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.util import urlsafe_b64decode
from websockets.exceptions import ConnectionClosed

from models.people import MemberState
from operations import members, people
from tests.app.authentication.forgeries import FORGERIES
from tests.app.authentication.forging import Mint, provider_mint
from tests.node import NodeClients
from tests.oidc import AUDIENCE, OpenIdProvider, new_key
from tests.servers import PostgresServer
from tests.stories.dashboards import MINE, OverEvents, OverSocket, over_events, over_socket
from tests.stories.running import Found, System, founding, running

pytestmark = pytest.mark.timeout(150)

VIEWER = """
{ viewer { name member { displayName state } workspace { slug } workspaces { slug isCurrent } } }
"""
LONGEST_UNTIL_NEW_KEYS = 30.0
LONGEST_UNTIL_REVOKED = 60.0
FORGER = "127.0.0.2"
SECRET = "a secret between the product and its provider"


@dataclass
class Trusting:
    """A running system, and the provider whose word it takes."""

    system: System
    provider: OpenIdProvider
    mint: Mint


@pytest.fixture(scope="module")
def trusting(
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    node_clients: NodeClients,
) -> Iterator[Trusting]:
    name = postgres_server.clone()
    home: Path = tmp_path_factory.mktemp("trusting")
    known: dict[str, dict[str, Any]] = {
        "ada-1": says("ada@acme-ada.example", "acme-ada"),
        "bo-1": says("bo@acme-bo.example", "acme-bo"),
        "pia-1": says("pia@pending.example", "pending"),
        "stranger-1": says("stranger@pending.example", "pending"),
        "cleo-1": says("cleo@turning.example", "turning"),
        "dan-1": says("dan@turning.example", "turning"),
        "gus-1": says("gus@guarded.example", "guarded"),
        "eve-1": says("eve@one.example", ["one", "two"]),
    }
    mint = provider_mint()
    with OpenIdProvider(node_clients, known, [*mint.keys.values()], secret=SECRET) as provider:
        issuer = {
            "issuer": provider.issuer,
            "audience": AUDIENCE,
            "match": "userName",
            "workspace_claim": "org",
            "introspection": {"client_id": "lms", "client_secret_env": "LMS_PROVIDER_SECRET"},
        }
        environment = {
            "COORDINATOR_ISSUERS": json.dumps([issuer]),
            "LMS_PROVIDER_SECRET": provider.secret,
        }
        with running(postgres_server.url(name), home, environment) as system:
            yield Trusting(system, provider, mint)
    postgres_server.drop(name)


@pytest.fixture
async def found(trusting: Trusting) -> AsyncIterator[Found]:
    async with founding(trusting.system) as found:
        yield found


def says(user_name: str, org: str | list[str]) -> dict[str, Any]:
    return {"preferred_username": user_name, "org": org}


async def ask(
    trusting: Trusting, token: str, *, address: str = "127.0.0.1", **headers: str
) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(timeout=10, transport=transport) as client:
        return await client.post(
            trusting.system.graphql,
            json={"query": VIEWER},
            headers={"authorization": f"Bearer {token}", **headers},
        )


async def seen(trusting: Trusting, token: str, **headers: str) -> Any:
    """What the viewer is told."""
    answer = await ask(trusting, token, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["viewer"]


async def code(trusting: Trusting, token: str, **headers: str) -> tuple[int, str]:
    answer = await ask(trusting, token, **headers)
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


async def until(holds: Callable[[], Awaitable[bool]], longest: float) -> float:
    """After how many seconds it holds; it has to within so many."""
    started = time.monotonic()
    while not await holds():
        assert time.monotonic() - started < longest
        await asyncio.sleep(2)  # what fails more often is answered 429
    return time.monotonic() - started


async def last_of_socket(dashboard: OverSocket) -> str:
    """How a socket was closed."""
    while True:
        try:
            await dashboard.said()
        except ConnectionClosed as closed:
            return f"closed {closed.rcvd.code}" if closed.rcvd else "cut"


async def last_of_events(dashboard: OverEvents) -> str:
    """How a stream of events ended: by a last word of it, or with an error of the door."""
    while True:
        try:
            event = await dashboard.next()
        except AssertionError as error:
            return "ended" if "UNAUTHENTICATED" in str(error) else str(error)
        if event is None or event["kind"] == "ROLE_ENDED":
            return "ended"


@pytest.mark.spec("A1")
@pytest.mark.parametrize(("client", "name"), [("web", "Ada"), ("phone", "Bo")])
async def test_who_signs_in_at_the_provider_is_the_member_here(
    trusting: Trusting, found: Found, client: str, name: str
) -> None:
    company = await found(f"acme-{name.lower()}")
    await company.world.member(name)
    subject = f"{name.lower()}-1"

    tokens = await trusting.provider.sign_in(subject, client)
    viewer = await seen(trusting, tokens["access_token"])

    slug = company.world.slug
    assert viewer == {
        "name": name,
        "member": {"displayName": name, "state": "ACTIVE"},
        "workspace": {"slug": slug},
        "workspaces": [{"slug": slug, "isCurrent": True}],
    }
    assert await code(trusting, tokens["id_token"]) == (401, "UNAUTHENTICATED")


async def test_only_people_who_were_added_come_in_and_their_account_begins_then(
    trusting: Trusting, found: Found
) -> None:
    company = await found("pending")
    await company.world.member("Pia", state=MemberState.PENDING)

    pia, stranger = [
        (await trusting.provider.sign_in(subject))["access_token"]
        for subject in ("pia-1", "stranger-1")
    ]

    assert (await seen(trusting, pia))["member"]["state"] == "ACTIVE"
    assert await code(trusting, stranger) == (401, "UNAUTHENTICATED")


async def test_tokens_of_the_local_issuer_are_good_no_more(
    trusting: Trusting, found: Found
) -> None:
    company = await found()
    await company.world.member("Ada")

    assert await code(trusting, company.token("Ada")) == (401, "UNAUTHENTICATED")
    _, own = await company.stored_token("Ada")
    assert (await seen(trusting, own))["name"] == "Ada"


@pytest.mark.spec("A2")
async def test_in_two_workspaces_one_acts_in_the_one_that_is_named(
    trusting: Trusting, found: Found
) -> None:
    companies = [await found(slug) for slug in ("one", "two")]
    for company in companies:
        async with company.world.edge.transaction() as db:
            await members.insert_member(
                db,
                by=company.world.system,
                user_name="eve@one.example",
                attributes={"displayName": f"Eve of {company.world.slug}"},
                state=MemberState.ACTIVE,
                catalog=await people.catalog_of(db, company.world.workspace_id),
            )
    token = (await trusting.provider.sign_in("eve-1"))["access_token"]

    choice = (await ask(trusting, token)).json()["errors"][0]["extensions"]
    viewers = [
        await seen(trusting, token, **{"x-coordinator-workspace": slug}) for slug in ("one", "two")
    ]

    assert choice == {
        "code": "WORKSPACE_REQUIRED",
        "workspaces": [{"slug": "one", "name": "One"}, {"slug": "two", "name": "Two"}],
    }
    assert [viewer["name"] for viewer in viewers] == ["Eve of one", "Eve of two"]
    assert [[each["isCurrent"] for each in viewer["workspaces"]] for viewer in viewers] == [
        [True, False],
        [False, True],
    ]
    async with over_socket(companies[1], token, VIEWER, init={"workspace": "two"}) as dashboard:
        event = await dashboard.next()
    assert event is not None
    assert event["workspace"] == {"slug": "two"}


async def test_no_forged_token_opens_the_door_and_the_honest_one_still_does(
    trusting: Trusting, found: Found
) -> None:
    company = await found("guarded")
    await company.world.member("Gus")
    honest = (await trusting.provider.sign_in("gus-1"))["access_token"]
    said = json.loads(urlsafe_b64decode(honest.split(".")[1].encode()))
    mint = replace(trusting.mint, base=said, given=honest)

    answers = {}
    for name, forge in FORGERIES.items():
        with suppress(httpx.LocalProtocolError, UnicodeEncodeError):  # it cannot even be sent
            answers[name] = (await ask(trusting, forge(mint), address=FORGER)).status_code

    assert len(answers) > 50
    let_in = {name for name, code in answers.items() if code not in (400, 401, 429, 431)}
    assert let_in == {"with a space"}  # which HTTP takes away from around a header's value
    assert [*answers.values()].count(429) > 20
    assert (await ask(trusting, honest, address=FORGER)).status_code == 200


async def test_the_provider_changes_its_keys_and_takes_its_word_back_while_we_run(
    trusting: Trusting, found: Found, record_property: Callable[[str, object], None]
) -> None:
    company = await found("turning")
    for name in ("Cleo", "Dan"):
        await company.world.member(name)
    provider = trusting.provider
    signed = (await provider.sign_in("cleo-1"))["access_token"]
    opaque = (await provider.sign_in("dan-1", "phone"))["access_token"]
    assert [(await seen(trusting, each))["name"] for each in (signed, opaque)] == ["Cleo", "Dan"]

    async with (
        over_socket(company, opaque, MINE) as by_socket,
        over_events(company, opaque, MINE) as by_events,
    ):
        assert [(await by_socket.next() or {})["kind"], (await by_events.next() or {})["kind"]] == [
            "READY"
        ] * 2
        await provider.revoke(opaque)
        revoked_at = time.monotonic()
        provider.restart([new_key("second")])
        renewed = (await provider.sign_in("cleo-1"))["access_token"]

        async def is_taken() -> bool:
            return (await ask(trusting, renewed)).status_code == 200

        async def is_refused() -> bool:
            return (await ask(trusting, opaque)).status_code == 401

        async def ends(stream: Awaitable[str]) -> tuple[str, float]:
            return await stream, time.monotonic() - revoked_at

        new_keys, refused, *ended = await asyncio.gather(
            until(is_taken, LONGEST_UNTIL_NEW_KEYS + 2),
            until(is_refused, LONGEST_UNTIL_REVOKED),
            ends(last_of_socket(by_socket)),
            ends(last_of_events(by_events)),
        )

    assert await code(trusting, signed) == (401, "UNAUTHENTICATED")
    assert [how for how, _ in ended] == ["closed 4401", "ended"]
    assert max(seconds for _, seconds in ended) < LONGEST_UNTIL_REVOKED
    record_property(
        "seconds until a new signing key was taken, the old one refused", round(new_keys, 1)
    )
    record_property("seconds until a revoked opaque token was refused", round(refused, 1))
    record_property(
        "seconds until its streams had ended", [round(seconds, 1) for _, seconds in ended]
    )
