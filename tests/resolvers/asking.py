"""Asking the schema of the product, in this process, everything but the wire being the real one.

A document is parsed, measured, validated and priced as the web application does it, and executed
with the context, the guard and the presentation of errors that it uses.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from access.caller import Caller
from app.graphql import RequestInfo, RequestRefused
from app.graphql.answers import answer_of_refusal
from app.graphql.documents import Documents
from app.graphql.errors import Masking
from app.graphql.execution import Execution, Operation, Run
from app.keyring import Keyring
from app.presenting import present
from app.prices import LIMITS, weight
from resolvers import ids
from resolvers.context import Context, opened
from resolvers.seal import Seal
from schema.schema import schema
from tests.world import World

KEYS = Keyring({"first": bytes(range(32))})
SEAL = Seal(b"a key for the cursors of tests")


@dataclass(frozen=True)
class Person:
    """Somebody the doors have let in."""

    caller: Caller
    expires_at: datetime | None = None


def nothing() -> None:
    """What is done where there is no engine."""


@dataclass(frozen=True)
class Ask:
    """Runs documents against the schema as people of a world.

    `await ask(document, by="Ada", **variables)` gives the data and insists that nothing failed.
    """

    world: World
    seal: Seal = SEAL
    settle: Callable[[], None] = nothing

    async def __call__(
        self, document: str, /, *, by: str | Caller, **variables: Any
    ) -> dict[str, Any]:
        answer = await self.whole(document, by=by, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def one(self, document: str, /, *, by: str | Caller, **variables: Any) -> Any:
        """What the only root field gave."""
        [value] = (await self(document, by=by, **variables)).values()
        return value

    async def errors(
        self, document: str, /, *, by: str | Caller, **variables: Any
    ) -> list[dict[str, Any]]:
        """What failed; something did."""
        answer = await self.whole(document, by=by, **variables)
        errors: list[dict[str, Any]] = answer["errors"]
        return errors

    async def code(self, document: str, /, *, by: str | Caller, **variables: Any) -> str:
        """The one code of all that failed."""
        [code] = {
            each["extensions"]["code"] for each in await self.errors(document, by=by, **variables)
        }
        return str(code)

    async def whole(
        self, document: str, /, *, by: str | Caller, **variables: Any
    ) -> dict[str, Any]:
        answer: dict[str, Any] = orjson.loads(await self.bytes(document, by=by, **variables))
        return answer

    async def bytes(self, document: str, /, *, by: str | Caller, **variables: Any) -> bytes:
        """The answer as it would go over the wire."""
        caller = self.world.caller(by) if isinstance(by, str) else by
        try:
            chosen = _documents().choose(_documents().prepare(document), None, variables)
            answer = await _execution(self).answer(
                Operation(chosen, variables, {}),
                Run(Person(caller), RequestInfo("test", "http", None)),
            )
        except RequestRefused as refusal:
            answer = answer_of_refusal(refusal)
        return answer.payload

    def id(self, noun: str, name: str) -> str:
        """The global id of something the world named, such as `ask.id("Course", "Safety")`."""
        named = {
            "Member": self.world.members,
            "Department": self.world.departments,
            "Course": self.world.courses,
            "Module": self.world.modules,
            "Segment": self.world.segments,
            "LearnerGroup": self.world.groups,
        }
        return ids.encode(noun, named[noun][name])

    def context(self, caller: Caller) -> Context:
        return Context(caller, self.world.edge, seal=self.seal, seals=KEYS, request_id="test")


@cache
def _documents() -> Documents:
    return Documents(schema._schema, limits=LIMITS, introspection=True, weight=weight)


def _execution(ask: Ask) -> Execution:
    @asynccontextmanager
    async def context(person: Person, **_: object) -> AsyncIterator[Context]:
        async with opened(ask.context(person.caller)) as made:
            yield made

    return Execution(
        schema, context=context, masking=Masking(present), deadline=10, hide_suggestions=False
    )
