"""Documents known by their digest, learned from clients or fixed beforehand."""

from typing import Any

import httpx
import orjson
import pytest

from app.graphql import Manifest, Remembered, TransportSettings
from app.graphql.trusted import digest_of
from tests.app.graphql.serving import ADA, Server, serving

WHO = "{ who }"
HELLO = "{ hello }"


def named(text: str, *, with_text: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest_of(text)}}
    }
    return body | ({"query": text} if with_text else {})


def outcome(server: Server, body: dict[str, Any]) -> object:
    answer = server.post(body, accept="application/json")
    assert answer.status_code == 200
    content = answer.json()
    return content.get("data") or content["errors"][0]["extensions"]["code"]


def test_a_client_may_register_a_document_and_then_send_only_its_digest() -> None:
    with serving(store=Remembered(), settings=TransportSettings(register_documents=True)) as server:
        assert outcome(server, named(WHO, with_text=False)) == "PERSISTED_QUERY_NOT_FOUND"
        assert outcome(server, named(WHO, with_text=True)) == {"who": "Ada"}
        assert outcome(server, named(WHO, with_text=False)) == {"who": "Ada"}
        extensions = orjson.dumps(named(WHO, with_text=False)["extensions"]).decode()
        by_get = httpx.get(server.url, params={"extensions": extensions}, headers=ADA)
        assert by_get.json() == {"data": {"who": "Ada"}}


def test_a_digest_of_another_text_is_bad_input() -> None:
    with serving(store=Remembered(), settings=TransportSettings(register_documents=True)) as server:
        body = named(WHO, with_text=False) | {"query": HELLO}
        assert outcome(server, body) == "BAD_USER_INPUT"
        assert outcome(server, named(WHO, with_text=False)) == "PERSISTED_QUERY_NOT_FOUND"


def test_a_document_that_is_not_valid_is_not_learned() -> None:
    with serving(store=Remembered(), settings=TransportSettings(register_documents=True)) as server:
        assert outcome(server, named("{ nothing }", with_text=True)) == "GRAPHQL_VALIDATION_FAILED"
        assert outcome(server, named("{ nothing }", with_text=False)) == "PERSISTED_QUERY_NOT_FOUND"


def test_nothing_is_learned_unless_that_is_allowed() -> None:
    with serving(store=Remembered()) as server:
        assert outcome(server, named(WHO, with_text=True)) == {"who": "Ada"}
        assert outcome(server, named(WHO, with_text=False)) == "PERSISTED_QUERY_NOT_FOUND"


def test_a_strict_server_answers_its_manifest_and_nothing_else() -> None:
    manifest = Manifest({digest_of(WHO): WHO})
    settings = TransportSettings(trusted_only=True, register_documents=True)
    with serving(store=manifest, settings=settings) as server:
        assert outcome(server, named(WHO, with_text=False)) == {"who": "Ada"}
        assert outcome(server, {"query": WHO}) == {"who": "Ada"}
        assert outcome(server, {"query": HELLO}) == "PERSISTED_QUERY_NOT_FOUND"
        assert outcome(server, named(HELLO, with_text=True)) == "PERSISTED_QUERY_NOT_FOUND"
        assert outcome(server, named(HELLO, with_text=False)) == "PERSISTED_QUERY_NOT_FOUND"


def test_a_server_without_a_store_says_so(server: Server) -> None:
    assert outcome(server, named(WHO, with_text=False)) == "PERSISTED_QUERY_NOT_SUPPORTED"


@pytest.mark.parametrize(
    "persisted",
    [1, [], {}, {"version": 2, "sha256Hash": "0" * 64}, {"version": 1, "sha256Hash": "0" * 63}],
)
def test_a_malformed_digest_is_a_bad_request(server: Server, persisted: object) -> None:
    answer = server.post({"query": WHO, "extensions": {"persistedQuery": persisted}})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_manifest_with_a_false_digest_is_not_loaded() -> None:
    with pytest.raises(ValueError, match="another SHA-256"):
        Manifest({digest_of(WHO): HELLO})


async def test_the_oldest_learned_documents_are_forgotten_first() -> None:
    store = Remembered(characters=30)
    texts = [f"{{ a{n} }} # 1234" for n in range(5)]
    for text in texts:
        await store.put(digest_of(text), text)

    kept = [text for text in texts if await store.get(digest_of(text)) is not None]

    assert kept == texts[-2:]
