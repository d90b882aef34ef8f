"""Leaves of rows are told without graphql-core's machinery: the same answers, and its errors."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLObjectType, execute_sync, parse
from graphql.execution import Executor as Plain

from resolvers.catalog import attribute_of
from resolvers.execution import Executor, keep_leaf
from schema.schema import schema as product


@strawberry.enum
class Color(StrEnum):
    RED = "red"
    BLUE = "BLUE"


@strawberry.type
class Thing:
    id: strawberry.ID
    name: str
    count: int | None
    color: Color | None
    price: Decimal | None
    at: dt.datetime | None
    tags: list[str] | None

    @strawberry.field
    def shout(self) -> str:
        return self.name.upper()

    @strawberry.field
    def inner(self) -> "Thing | None":
        return self


@strawberry.type
class Query:
    @strawberry.field
    def things(self, info: strawberry.Info[Any, None]) -> list[Thing | None]:
        found: list[Thing | None] = info.context.things
        return found


@dataclass
class Row:
    """What may be wrong with it is up to the test."""

    id: Any = "1"
    name: Any = "one"
    count: Any = 1
    color: Any = Color.RED
    price: Any = Decimal("1.50")
    at: Any = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    tags: Any = ("a", "b")


class Broken(Row):
    @property
    def count(self) -> int:
        raise OSError("nothing there")

    @count.setter
    def count(self, _: int) -> None:
        pass


DOCUMENT = """query ($counted: Boolean!) { things { first: id name ... on Thing { color }
    inner { __typename price name count @include(if: $counted) at } shout tags again: name } }"""


def answered(by: type[Plain[Any]], row: object, **gates: object) -> ExecutionResult:
    schema = strawberry.Schema(Query)._schema
    type_ = schema.type_map["Thing"]
    assert isinstance(type_, GraphQLObjectType)
    for name, field in type_.fields.items():
        attribute = attribute_of(field)
        if attribute is not None:
            keep_leaf(field, attribute, gates.get(name))
    standings: Mapping[int, object] = {id(row): SimpleNamespace(verdicts={"passed": True})}
    context = SimpleNamespace(things=[row, Row(id="2")], standings=standings)
    return execute_sync(
        schema,
        parse(DOCUMENT),
        context_value=context,
        variable_values={"counted": True},
        executor_class=by,
    )


ROWS = {
    "whole": Row(),
    "with nothing in it": Row(count=None, color=None, price=None, at=None, tags=None),
    "without what must be there": Row(name=None),
    "with a word for a number": Row(count="many"),
    "with a color there is not": Row(color="GREEN"),
    "with the value of a color": Row(color="red"),
    "with a list for a color": Row(color=[]),
    "with a list for a name": Row(name=["x"]),
    "with a number for a name": Row(name=7, id=7),
    "with a failure for a number": Row(count=ValueError("no")),
    "that breaks": Broken(),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("gate", [None, "passed", "never asked"])
def test_every_row_is_answered_as_graphql_core_answers_it(row: Row, gate: str | None) -> None:
    row.inner, row.shout = lambda: row, lambda: "LOUD"  # type: ignore[attr-defined]
    ours, theirs = (answered(by, row, name=gate) for by in (Executor, Plain))

    assert ours.data == theirs.data
    assert ours.formatted == theirs.formatted
    assert list(ours.data or ()) == list(theirs.data or ())


def test_a_gate_not_passed_yet_is_asked_by_the_field_itself() -> None:
    schema = strawberry.Schema(Query)._schema
    type_ = schema.type_map["Thing"]
    assert isinstance(type_, GraphQLObjectType)
    passed, refused = Row(name="known"), Row(name="secret")
    type_.fields["name"].resolve = lambda row, _: f"asked for {row.name}"
    keep_leaf(type_.fields["name"], "name", "gate")
    standings = {
        id(passed): SimpleNamespace(verdicts={"gate": True}),
        id(refused): SimpleNamespace(verdicts={"gate": "a decision"}),
    }
    rows = [passed, refused, Row(name="new")]
    answer = execute_sync(
        schema,
        parse("{ things { name } }"),
        context_value=SimpleNamespace(things=rows, standings=standings),
        executor_class=Executor,
    )

    names = [each["name"] for each in (answer.data or {})["things"]]
    assert names == ["known", "asked for secret", "asked for new"]


def test_the_order_of_the_document_is_kept() -> None:
    things = (answered(Executor, Row()).data or {})["things"]

    assert list(things[0]) == ["first", "name", "color", "inner", "shout", "tags", "again"]


def test_the_product_executes_so() -> None:
    assert product.execution_context_class is Executor
