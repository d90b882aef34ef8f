"""Which documents the application answers, as it is set."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.asgi import create_app
from app.embedded import CannotStart
from app.graphql.trusted import digest_of
from app.settings import WrongSetting
from tests.app.serving import Web, running, settings_for
from tests.furnishing import furnished
from tests.world import World

TRUSTED = "{ name }"
OTHER = "{ __typename }"


@pytest.fixture
@furnished
async def ada(world: World) -> World:
    await world.member("Ada")
    return world


def manifest(folder: Path, *documents: str) -> Path:
    file = folder / "documents.json"
    file.write_text(json.dumps({digest_of(each): each for each in documents}))
    return file


async def ask(web: Web, world: World, **body: Any) -> httpx.Response:
    token = web.here.local_issuer.mint(
        workspace_id=world.workspace_id,
        member_id=world.members["Ada"],
        ttl=dt.timedelta(hours=1),
        at=dt.datetime.now(dt.UTC),
    )
    headers = {"authorization": f"Bearer {token}"}
    return await web.client.post("/graphql", json=body, headers=headers)


def by_digest(document: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest_of(document)}}}


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["extensions"]["code"]
    return code


async def test_strict_mode_answers_the_documents_of_the_file_and_no_other(
    tmp_path: Path, database_url: str, redis_url: str, ada: World
) -> None:
    settings = settings_for(
        tmp_path,
        database_url,
        redis_url,
        trusted_documents=manifest(tmp_path, TRUSTED),
        trusted_documents_only=True,
    )
    async with running(settings) as web:
        named = await ask(web, ada, **by_digest(TRUSTED))
        whole = await ask(web, ada, query=TRUSTED)
        other = await ask(web, ada, query=OTHER)
        registering = await ask(web, ada, query=OTHER, **by_digest(OTHER))
        unknown = await ask(web, ada, **by_digest(OTHER))

    assert named.json() == whole.json() == {"data": {"name": "Ada"}}
    assert "data" not in other.json()
    assert "data" not in registering.json()
    assert code_of(unknown) == "PERSISTED_QUERY_NOT_FOUND"


async def test_otherwise_clients_register_documents_by_their_digest(
    tmp_path: Path, database_url: str, redis_url: str, ada: World
) -> None:
    async with running(settings_for(tmp_path, database_url, redis_url)) as web:
        before = await ask(web, ada, **by_digest(TRUSTED))
        registered = await ask(web, ada, query=TRUSTED, **by_digest(TRUSTED))
        after = await ask(web, ada, **by_digest(TRUSTED))

    assert code_of(before) == "PERSISTED_QUERY_NOT_FOUND"
    assert registered.json() == after.json() == {"data": {"name": "Ada"}}


def test_strict_mode_without_a_file_does_not_start(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with pytest.raises(WrongSetting, match="COORDINATOR_TRUSTED_DOCUMENTS must name a file"):
        settings_for(tmp_path, database_url, redis_url, trusted_documents_only=True)


@pytest.mark.parametrize("content", ["not json", "[]", '{"abc": "{ name }"}'])
def test_a_file_that_is_no_list_of_documents_is_one_sentence(
    tmp_path: Path, database_url: str, redis_url: str, content: str
) -> None:
    file = tmp_path / "documents.json"
    file.write_text(content)
    settings = settings_for(tmp_path, database_url, redis_url, trusted_documents=file)

    with pytest.raises(CannotStart, match=r"documents\.json is no file of trusted documents"):
        create_app(settings)
