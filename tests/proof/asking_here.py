"""Asking in this process, as anybody of the town: everything but the wire and the limits of
documents is the real one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson

from access.caller import Caller, Origin
from app.graphql import RequestInfo
from app.graphql.documents import Documents, Prepared
from app.graphql.errors import Masking
from app.graphql.execution import Execution, Operation, Run
from app.graphql.limits import Limits
from app.presenting import present
from resolvers.context import Context, opened
from schema.schema import schema
from sync_engine.bus import Bus
from tests.proof.proving import Answer
from tests.proof.town import OWN, Town
from tests.resolvers.asking import KEYS, SEAL, Person
from tests.resolvers.following import Heard

WIDE: Final = Limits(
    cost=10**9,
    source_length=10**7,
    tokens=10**6,
    depth=40,
    aliases=10**5,
    fields=10**5,
    root_fields=10**3,
    mutations=10**3,
)


@dataclass(frozen=True)
class Here:
    """`await ask("dept_teach", document, variables)`, and `here.follow(...)` for a stream."""

    town: Town

    async def __call__(
        self, who: str, document: str, variables: Mapping[str, Any], is_stream: bool = False
    ) -> Answer:
        chosen = _documents().choose(_prepared(document), None, dict(variables))
        operation = Operation(chosen, dict(variables), {})
        run = Run(Person(self.caller(who)), RequestInfo("test", "http", None))  # type: ignore[arg-type]
        answered = await self._execution().answer(operation, run)
        answer: Answer = orjson.loads(answered.payload)
        return answer

    @asynccontextmanager
    async def follow(
        self, who: str, document: str, bus: Bus, **variables: Any
    ) -> AsyncIterator[Heard]:
        """A stream, which says READY first if it may be followed."""
        chosen = _documents().choose(_prepared(document), None, variables)
        run = Run(Person(self.caller(who)), RequestInfo("test", "sse", None), None)  # type: ignore[arg-type]
        stream = self._execution(bus).stream(Operation(chosen, variables, {}), run)
        async with AsyncExitStack() as stack:
            heard = Heard(await stack.enter_async_context(aclosing(stream)))
            stack.push_async_callback(heard.close)
            yield heard

    def caller(self, who: str, place: str = OWN) -> Caller | None:
        city = self.town.city(place)
        if who == "anonymous":
            return None
        if who == "idp_service":
            return Caller(
                city.world.workspace_id, who, Origin.SCIM, connection_id=city.connection_id
            )
        return city.world.caller(who)

    def _execution(self, bus: Bus | None = None) -> Execution:
        @asynccontextmanager
        async def context(person: Person, **_: object) -> AsyncIterator[Context]:
            edge = self.town.here.world.edge
            made = Context(person.caller, edge, seal=SEAL, seals=KEYS, bus=bus, request_id="test")
            async with opened(made):
                yield made

        return Execution(
            schema, context=context, masking=Masking(present), deadline=60, hide_suggestions=False
        )


@cache
def _documents() -> Documents:
    return Documents(schema._schema, limits=WIDE, introspection=True, weight=lambda *_: None)


@cache
def _prepared(document: str) -> Prepared:
    """All grown documents together are more than the product would remember."""
    return _documents().prepare(document)
