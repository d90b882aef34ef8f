"""A small schema with one field for everything a door can meet."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import strawberry
from graphql import GraphQLError

from app.graphql import Forbidden, RequestInfo, Unauthenticated
from app.graphql.errors import Code, refused


class Refusal(Exception):
    """What the application means for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Person:
    name: str
    expires_at: datetime | None = None
    lapses_in: float | None = None


@dataclass
class Ledger:
    """What happened inside the server, for tests to look at."""

    opened: int = 0
    closed: int = 0
    mutations: int = 0
    pulled: int = 0
    endings: list[str] = field(default_factory=list)
    resumed_after: list[str | None] = field(default_factory=list)
    met: list[RequestInfo] = field(default_factory=list)


@dataclass
class Context:
    person: Person
    request_id: str
    ledger: Ledger


Info = strawberry.Info[Context, None]


@strawberry.type
class User:
    name: str

    @strawberry.field
    def courses(self, first: int = 10) -> list["Course"]:
        return [Course(id=strawberry.ID("1"), title="Safety")]


@strawberry.type
class Course:
    id: strawberry.ID
    title: str
    tags: list[str] = strawberry.field(default_factory=list)

    @strawberry.field
    def coordinators(self, first: int = 10) -> list[User]:
        return [User(name="Cora")]


@strawberry.type
class CourseEdge:
    cursor: str
    node: Course


@strawberry.type
class CourseConnection:
    edges: list[CourseEdge]


@strawberry.input
class Nested:
    note: str | None = None
    inner: "Nested | None" = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def number(self, n: int) -> int:
        return n

    @strawberry.field
    def ratio(self, x: float) -> float:
        return x

    @strawberry.field
    def nested(self, value: Nested) -> str:
        return value.note or ""

    @strawberry.field
    def who(self, info: Info) -> str:
        return info.context.person.name

    @strawberry.field
    def course(self, id: strawberry.ID) -> Course | None:
        return Course(id=id, title="Safety", tags=["a"])

    @strawberry.field
    def courses(self, first: int = 20, after: str | None = None) -> CourseConnection:
        course = Course(id=strawberry.ID("1"), title="Safety")
        return CourseConnection(edges=[CourseEdge(cursor="c1", node=course)])

    @strawberry.field
    def all_users(self) -> list[User]:
        return [User(name="Ada")]

    @strawberry.field
    def nodes(self, ids: list[strawberry.ID]) -> list[Course | None]:
        return [Course(id=id, title="Safety") for id in ids]

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("password=hunter2\nat /secret/place")

    @strawberry.field
    def all_broken(self) -> list[str | None]:
        return [RuntimeError("password=hunter2") for _ in range(3)]  # type: ignore[misc]

    @strawberry.field
    def refused(self) -> str | None:
        raise Refusal("PERMISSION_DENIED", "You may not read this.")

    @strawberry.field
    def coded(self) -> str | None:
        raise GraphQLError("There is none.", extensions={"code": "NOT_FOUND"})

    @strawberry.field
    def overflowing(self) -> int | None:
        return 2**40

    @strawberry.field
    async def slow(self, info: Info) -> str | None:
        try:
            await asyncio.sleep(30)
        finally:
            info.context.ledger.endings.append("slow")
        return "late"

    @strawberry.field
    def large(self, kilobytes: int) -> str:
        return "x" * 1024 * kilobytes


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, info: Info, title: str = "New") -> str:
        info.context.ledger.mutations += 1
        return title


@strawberry.type
class Event:
    cursor: str
    number: int
    text: str = ""

    @strawberry.field
    async def late(self) -> str | None:
        await asyncio.sleep(30)
        return "late"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def counting(self, info: Info, to: int = 3) -> AsyncGenerator[Event, None]:
        for number in range(1, to + 1):
            yield Event(cursor=f"c{number}", number=number)

    @strawberry.subscription
    async def silent(self, info: Info) -> AsyncGenerator[Event, None]:
        try:
            yield Event(cursor="c0", number=0)
            await asyncio.sleep(600)
        finally:
            info.context.ledger.endings.append("silent")

    @strawberry.subscription
    async def firehose(self, info: Info, size: int = 20_000) -> AsyncGenerator[Event, None]:
        number = 0
        try:
            while True:
                number += 1
                info.context.ledger.pulled += 1
                yield Event(cursor=f"c{number}", number=number, text="x" * size)
                await asyncio.sleep(0)
        finally:
            info.context.ledger.endings.append("firehose")

    @strawberry.subscription
    async def failing(self, info: Info, after: int = 1) -> AsyncGenerator[Event, None]:
        for number in range(after):
            yield Event(cursor=f"c{number}", number=number)
        raise RuntimeError("password=hunter2")

    @strawberry.subscription
    async def forbidden(self, info: Info) -> AsyncGenerator[Event, None]:
        if info.context.person.name != "Root":
            raise Refusal("PERMISSION_DENIED", "You may not listen to this.")
        yield Event(cursor="c0", number=0)


schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)


def present(error: Exception) -> tuple[str, Mapping[str, object]] | None:
    return (str(error), {"code": error.code}) if isinstance(error, Refusal) else None


class Desk:
    """Knows a few tokens, opens contexts, and keeps the ledger."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    async def authenticate(
        self, credentials: str | None, /, *, request_info: RequestInfo
    ) -> Person:
        self.ledger.met.append(request_info)
        match (credentials or "").split(":"):
            case ["ada"]:
                return Person("Ada")
            case ["expires", seconds]:
                return Person("Eve", datetime.now(UTC) + timedelta(seconds=float(seconds)))
            case ["lapses", seconds]:
                return Person("Lea", lapses_in=float(seconds))
            case ["refused", status]:
                raise refused(
                    Code.RATE_LIMITED, "Wait.", status=int(status), headers={"retry-after": "3"}
                )
            case ["gone"]:
                raise Forbidden("The person is deactivated.")
            case ["away"]:
                raise Refusal("UNAVAILABLE", "The database is away.")
            case ["bug"]:
                raise RuntimeError("password=hunter2")
        raise Unauthenticated("The token is not known." if credentials else "Send a token.")

    def lapse(self, person: Person) -> Awaitable[None] | None:
        return None if person.lapses_in is None else asyncio.sleep(person.lapses_in)

    @asynccontextmanager
    async def context(
        self, person: Person, *, request_id: str, client: str | None, resume_after: str | None
    ) -> AsyncIterator[Context]:
        self.ledger.opened += 1
        self.ledger.resumed_after.append(resume_after)
        try:
            yield Context(person, request_id, self.ledger)
        finally:
            self.ledger.closed += 1
