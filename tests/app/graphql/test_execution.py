"""What Strawberry promises its users still holds, and bodies are read no further than needed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import strawberry
from starlette.types import Message
from strawberry.extensions import SchemaExtension

from app.graphql import Limits, OpenContext, RequestInfo, RequestRefused
from app.graphql.body import DRAINED_BODIES, ClientGone, read_bounded
from app.graphql.documents import Documents
from app.graphql.errors import Masking
from app.graphql.execution import Execution, Operation, Run
from app.graphql.frames import Closing, read_frame
from tests.app.graphql.sample import Person

ABOUT = RequestInfo(request_id="r", door="http", client=None)
HOOKS: list[str] = []


class Watching(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        HOOKS.append("operation")
        yield
        HOOKS.append("operation over")

    def on_execute(self) -> Iterator[None]:
        HOOKS.append(f"executes {self.execution_context.operation_name}")
        yield

    def resolve(self, _next: Any, root: Any, info: Any, *args: str, **kwargs: Any) -> object:
        HOOKS.append(f"resolves {info.field_name}")
        result: object = _next(root, info, *args, **kwargs)
        return result

    def get_results(self) -> dict[str, Any]:
        return {"watched": len(HOOKS)}


@strawberry.type
class Query:
    @strawberry.field
    def context(self, info: strawberry.Info) -> str:
        return str(info.context)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def twice(self) -> AsyncIterator[int]:
        yield 1
        yield 2


@asynccontextmanager
async def context(person: Person, **_about: object) -> AsyncIterator[str]:
    yield f"of {person.name}"


def prepared(
    text: str, name: str | None = None, *, opening: OpenContext = context, deadline: float = 5
) -> tuple[Execution, Operation]:
    schema = strawberry.Schema(query=Query, subscription=Subscription, extensions=[Watching])
    documents = Documents(schema._schema, limits=Limits(), introspection=True)
    execution = Execution(
        schema,
        context=opening,
        masking=Masking(lambda _: None),
        deadline=deadline,
        hide_suggestions=False,
    )
    return execution, Operation(documents.choose(documents.prepare(text), name, {}), {}, {})


async def test_extensions_are_called_around_operations_and_fields() -> None:
    HOOKS.clear()
    execution, operation = prepared("query A { context } query B { __typename }", "A")

    answer = await execution.answer(operation, Run(Person("Ada"), ABOUT))

    assert answer.payload == b'{"data":{"context":"of Ada"},"extensions":{"watched":3}}'
    assert HOOKS == ["operation", "executes A", "resolves context", "operation over"]


async def test_extensions_are_called_around_subscriptions_too() -> None:
    HOOKS.clear()
    execution, operation = prepared("subscription S { twice }")

    answers = [each async for each in execution.stream(operation, Run(Person("Ada"), ABOUT))]

    assert [b'"twice":%d' % n in answers[n - 1].payload for n in (1, 2)] == [True, True]
    assert HOOKS[:2] == ["operation", "executes S"]
    assert HOOKS[-1] == "operation over"


class Sending:
    """A client that sends chunks of 64 KB, and stops after so many."""

    def __init__(self, chunks: int | None, *, leaves: bool = False) -> None:
        self.sent = 0
        self._chunks = chunks
        self._leaves = leaves

    async def __call__(self) -> Message:
        self.sent += 1
        if self._leaves:
            return {"type": "http.disconnect"}
        return {
            "type": "http.request",
            "body": b"x" * 65_536,
            "more_body": self.sent != self._chunks,
        }


@pytest.mark.parametrize("declared", [None, "100", "20000000", "9" * 40])
async def test_of_an_endless_body_little_more_than_the_cap_is_read(declared: str | None) -> None:
    client = Sending(None)

    with pytest.raises(RequestRefused) as refusal:
        await read_bounded(client, declared, Limits())

    assert refusal.value.status == 413
    assert client.sent * 65_536 <= (DRAINED_BODIES + 2) * Limits().body_bytes


async def test_a_body_as_large_as_allowed_is_read_whole() -> None:
    assert len(await read_bounded(Sending(4), str(4 * 65_536), Limits())) == Limits().body_bytes


async def test_a_client_that_leaves_is_not_answered() -> None:
    with pytest.raises(ClientGone):
        await read_bounded(Sending(1, leaves=True), None, Limits())


async def test_a_context_that_does_not_open_is_given_up_at_the_deadline() -> None:
    @asynccontextmanager
    async def stuck(person: Person, **_about: object) -> AsyncIterator[str]:
        await asyncio.sleep(30)
        yield "late"

    run = Run(Person("Ada"), ABOUT)
    asking, query = prepared("{ context }", opening=stuck, deadline=0.05)
    listening, subscription = prepared("subscription { twice }", opening=stuck, deadline=0.05)

    for answering in (asking.answer(query, run), anext(listening.stream(subscription, run))):
        with pytest.raises(RequestRefused) as refusal:
            await answering
        assert refusal.value.status == 503


def test_a_frame_larger_than_allowed_is_not_parsed() -> None:
    limits = Limits()
    for text in ("x" * (limits.frame_bytes + 1), "å" * (limits.frame_bytes // 2 + 1)):
        with pytest.raises(Closing) as closing:
            read_frame({"type": "websocket.receive", "text": text}, limits)
        assert closing.value.code == 1009
