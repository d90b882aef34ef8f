"""What permissions cost: `python -m tests.benchmarks.permissions`.

The same query on the same resolvers, once through the guarded schema and once through one that
was never guarded and reads no rights, in turns, in one process. Aim: at most 1.10 times the time.
"""

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final
from unittest import mock

import strawberry
from graphql import execute, parse
from graphql.pyutils import is_awaitable
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from strawberry.schema.config import StrawberryConfig

from access.permissions import Principal
from resolvers import guard
from resolvers.context import Context, opened
from resolvers.ids import encode
from schema.query import Query
from schema.refusal import KINDS
from schema.requires import guarded
from schema.scalars import SCALARS
from schema.schema import schema
from tests.benchmarks.database import durable_database
from tests.engine import run_until_idle
from tests.resolvers.asking import KEYS, SEAL
from tests.world import World

ROUNDS: Final = 120
AIM: Final = 1.10

QUERIES: Final = {
    "coursesIManage with coordinators and sources": """{ coursesIManage(first: 20) { totalCount
      nodes { id title state coordinators(first: 20) { totalCount nodes { isDirect since
        member { id displayName email } sources { kind segment { name memberCount } } } } } } }""",
    "listAllMembers, 100 rows": """{ listAllMembers(first: 100) { totalCount
      nodes { id displayName userName email state lastSignInAt } } }""",
    "a course's page": """query ($id: ID!) { course(id: $id) { id title description state
      department { name } instructors { displayName } coordinators(first: 20) { nodes { isDirect
        member { displayName } sources { kind segment { name } } } }
      segments { place segment { name memberCount } } segmentLimit freshness { isCurrent } } }""",
}


def open_schema() -> strawberry.Schema:
    """The product's schema with its answerers in place, nobody at the gates, and no rights read
    ahead."""
    with (
        mock.patch.object(guard, "_gate_field", return_value=None),
        mock.patch.object(guard, "_readable", lambda _, is_of_type: is_of_type),
        mock.patch.object(
            guard, "_answering_rows", lambda at, resolve, _: guard._answering(at, resolve)
        ),
    ):
        return guarded(
            strawberry.Schema(Query, types=KINDS, config=StrawberryConfig(scalar_map=SCALARS))
        )


async def company(world: World) -> None:
    """Mona manages and coordinates 20 courses, with 30 others through a segment."""
    for number in range(150):
        await world.member(f"P{number:03}", department="Sales" if number < 30 else "Ops")
    await world.member("Mona", department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    for number in range(20):
        await world.course(
            f"Course {number:02}",
            instructors=[f"P{100 + number}"],
            segments_attached=["Sales"],
        )


Once = Callable[[], Awaitable[float]]


def asking(asked: strawberry.Schema, world: World, document: str) -> Once:
    """One run of a query, from a fresh context; the seconds it took."""
    parsed = parse(document)
    variables = {"id": encode("Course", world.courses["Course 00"])} if "$id" in document else {}
    graphql = asked._schema

    async def once() -> float:
        since = time.perf_counter()
        context = Context(world.caller("Mona"), world.edge, seal=SEAL, seals=KEYS)
        async with opened(context):
            found: Any = execute(
                graphql,
                parsed,
                context_value=context,
                variable_values=variables,
                executor_class=schema.execution_context_class,
            )
            answer = await found if is_awaitable(found) else found
        took = time.perf_counter() - since
        assert answer.errors is None, answer.errors
        return took

    return once


async def compare(closed: Once, free: Once) -> tuple[float, float]:
    """The median seconds of both, in turns."""
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 20):
        order = [(0, closed), (1, free)]
        random.shuffle(order)
        for which, once in order:
            took = await once()
            if number >= 20:
                spent[which].append(took)
    return median(spent[0]), median(spent[1])


async def run(url: str, settle: Callable[[], None]) -> None:
    engine = create_async_engine(url)
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    await company(world)
    settle()
    async with engine.begin() as db:
        await db.execute(text("ANALYZE"))
    free = open_schema()
    gc.freeze()
    for name, document in QUERIES.items():
        closed = asking(schema, world, document)
        with_, without = await compare(closed, asking(free, world, document))
        print(
            f"{name}: p50 {1000 * with_:.2f} ms guarded, {1000 * without:.2f} ms unguarded, "
            f"{with_ / without:.3f} × (aim ≤ {AIM:.2f})",
            flush=True,
        )
    await engine.dispose()


def main() -> None:
    with durable_database() as engine:
        url = engine.url.render_as_string(hide_password=False)
        asyncio.run(run(url, lambda: run_until_idle(engine)))


if __name__ == "__main__":
    main()
