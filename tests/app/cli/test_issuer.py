"""`coordinator issuer` looks at those whose tokens sign people in."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations import sign_in_identities
from operations.sign_in_identities import Identity
from tests.app.authentication.elsewhere import serving
from tests.app.cli.program import Answer, run
from tests.world import MONDAY, World

pytestmark = pytest.mark.timeout(180)


def written(*servers: str) -> dict[str, str]:
    issuers: list[dict[str, Any]] = [
        {"issuer": each, "audience": "urn:lms", "workspaces": "acme", "match": "externalId"}
        for each in servers
    ]
    return {"COORDINATOR_ISSUERS": json.dumps(issuers)}


async def asked(*arguments: str, given: dict[str, str]) -> Answer:
    return await asyncio.to_thread(partial(run, "issuer", *arguments, given=given))


async def test_each_issuer_is_asked_and_what_is_wrong_is_said() -> None:
    key = ECKey.generate_key("P-256", {"kid": "k", "use": "sig"})
    async with serving() as good, serving() as empty, serving() as silent:
        good.publish(key)
        empty.publish()

        answer = await asked("check", given=written(good.address, empty.address, silent.address))

    lines = dict(line.split(": ", 1) for line in answer.out.splitlines())
    assert answer.code == 1
    assert lines[good.address] == "answers"
    assert lines[empty.address].startswith(f"{empty.address}/keys has no key for ES256")
    assert lines[silent.address].endswith("openid-configuration answers 404")


async def test_without_issuers_there_is_nobody_to_ask() -> None:
    answer = await asked("check", given={})

    assert (answer.code, answer.err) == (
        2,
        "COORDINATOR_ISSUERS is not set, so there is no issuer to ask.\n",
    )


async def test_a_member_is_set_free_of_whom_they_signed_in_as(
    sessions: async_sessionmaker[AsyncSession], database_url: str
) -> None:
    world = await World.new(sessions)
    await world.member("Ada")
    async with world.edge.transaction() as db:
        await sign_in_identities.bind(
            db,
            by=world.caller("Ada"),
            member_id=world.members["Ada"],
            identity=Identity("https://id.example.com", "ada-1"),
            at=MONDAY,
        )

    given = {"DATABASE_URL": database_url}
    first, second = [await asked("unbind", "ada@acme.example", given=given) for _ in range(2)]

    assert first.out == (
        "ada@acme.example no longer signs in as ada-1 of https://id.example.com.\n"
    )
    assert "(nobody was bound)" in second.out
    assert (await world.verbs())[-1] == "identity.removed"
