"""What a document may ask for: reliability catalogue, rows B."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import get_introspection_query

from app.graphql import Limits
from tests.app.graphql.serving import Server
from tests.app.graphql.watching import healthy, quickly

TOO_COMPLEX = "QUERY_TOO_COMPLEX"
INVALID = "GRAPHQL_VALIDATION_FAILED"
UNPARSED = "GRAPHQL_PARSE_FAILED"


@pytest.fixture(scope="module", autouse=True)
def stays_healthy(server: Server) -> Iterator[None]:
    with healthy(server):
        yield


def aliases(count: int, field: str = "__typename") -> str:
    return "{" + " ".join(f"a{n}: {field}" for n in range(count)) + "}"


def doubling(times: int) -> str:
    """Each fragment spreads the next one twice: 2^times fields in a few hundred bytes."""
    spreads = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(times)
    )
    return f"{{ ...F0 }} {spreads} fragment F{times} on Query {{ hello }}"


def nested_doubling(times: int) -> str:
    spreads = " ".join(
        f"fragment F{n} on User {{ a: courses {{ coordinators {{ ...F{n + 1} }} }} ...F{n + 1} }}"
        for n in range(times)
    )
    return f"{{ allUsers {{ ...F0 }} }} {spreads} fragment F{times} on User {{ name }}"


def chain(length: int) -> str:
    links = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(length))
    return f"{{ ...F0 }} {links} fragment F{length} on Query {{ hello }}"


def cycle(levels: int) -> str:
    inner = "name"
    for _ in range(levels):
        inner = f"courses(first: 50) {{ coordinators(first: 50) {{ {inner} }} }}"
    return f"{{ allUsers {{ {inner} }} }}"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (aliases(31), "aliases"),
        (aliases(101), "aliases"),
        (aliases(31, "who"), "aliases"),
        (aliases(1_000), "tokens"),
        (aliases(10_000), "source"),
        ("{" + "hello " * 21 + "}", "root_fields"),
        ("{" + "hello " * 5_000 + "}", "tokens"),
        ("{ course(id: 1) {" + "title " * 501 + "} }", "fields"),
        ("{ hello " + "@include(if: true) " * 4 + "}", "directives_per_location"),
        ("{ hello " + "@unknown " * 10 + "}", "directives_per_location"),
        ("{ hello " + "@unknown " * 10_000 + "}", "source"),
        ("{ hello " + "@include(if: true) " * 2_000 + "}", "tokens"),
        ("{ " + "hello @include(if: true) " * 11 + "}", "directives"),
        (cycle(2), "cost"),
        (cycle(6), "depth"),
        ("{ " * 60 + "}" * 60, None),
        ("{ a" * 1_000 + "}" * 1_000, None),
        ("{ a" * 30 + "}" * 30, "depth"),
        ("{ ...on Query " * 150 + "{ hello }" + "}" * 150, "nesting"),
        (doubling(16), "fields"),
        (doubling(22), "fields"),
        (doubling(30), "fields"),
        (nested_doubling(16), "depth"),
        (nested_doubling(4), "cost"),
        (chain(51), "fragments"),
        (chain(200), "tokens"),
        (chain(2_000), "source"),
        ("{ hello } " + " ".join(f"fragment F{n} on Query {{ hello }}" for n in range(51)), "frag"),
        ("{ courses(first: 1000000000) { edges { cursor node { title } } } }", "cost"),
        ("{ courses(first: 2147483647) { edges { cursor node { id } } } }", "cost"),
        ("{ nodes(ids: [" + '"1" ' * 1_400 + "]) { id coordinators { name } } }", "cost"),
        ("mutation {" + " ".join(f"a{n}: rename" for n in range(6)) + "}", "mutations"),
        ("mutation {" + "rename " * 500 + "}", "mutations"),
        ("#\n" * 101 + "{ hello }", "comments"),
        ("{ hello " + "," * 60_000 + "}", "source"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_document_built_to_be_expensive_is_refused(
    server: Server, document: str, kind: str | None
) -> None:
    opened = server.ledger.opened

    answer = quickly(lambda: server.post({"query": document}))

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    extensions = error["extensions"]
    if kind is None:
        assert extensions["code"] == UNPARSED
    else:
        assert extensions["code"] == TOO_COMPLEX
        assert extensions["kind"].startswith(kind)
        assert extensions["actual"] > extensions["limit"]
        assert str(extensions["limit"]) in error["message"]
    assert server.ledger.opened == opened


def test_no_mutation_runs_when_there_are_too_many(server: Server) -> None:
    before = server.ledger.mutations
    six = "mutation {" + " ".join(f"a{n}: rename" for n in range(6)) + "}"
    five = "mutation {" + " ".join(f"a{n}: rename" for n in range(5)) + "}"

    assert server.code(six) == TOO_COMPLEX
    assert server.ledger.mutations == before
    assert len(server.ask(five)["data"]) == 5
    assert server.ledger.mutations == before + 5


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ a(x: " + "[" * 600 + "]" * 600 + ") }", UNPARSED),
        ("{ a(x: " + "{a: " * 250 + "1" + "}" * 250 + ") }", UNPARSED),
        ("{ hello } fragment A on Query { ...B } fragment B on Query { ...A }", INVALID),
        ("{ ...A } fragment A on Query { ...A }", INVALID),
        ("{ allUsers { ...A } } fragment A on User { courses { coordinators { ...A } } }", INVALID),
        ("{ ...Missing }", INVALID),
        ("{ ...A } fragment A on String { hello }", INVALID),
        ("{ ...A } fragment A on Nowhere { hello }", INVALID),
        ("{ course(id: 1) {} }", UNPARSED),
        ("{}", UNPARSED),
        ("", UNPARSED),
        ("{ course(id: 1) }", INVALID),
        ("{ hello @defer }", INVALID),
        ("{ ... @defer { hello } }", INVALID),
        ("{ allUsers @stream { name } }", INVALID),
        ("subscription { counting { number } silent { number } }", INVALID),
        ("type Query { a: Int }", INVALID),
        ("query A { hello } query A { hello }", INVALID),
        ("fragment A on Query { hello }", INVALID),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_document_that_is_wrong_is_refused_as_such(
    server: Server, document: str, code: str
) -> None:
    answer = quickly(lambda: server.post({"query": document}))

    assert answer.status_code == 400
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {code}


def test_skip_and_include_work_with_variables(server: Server) -> None:
    query = "query($yes: Boolean!) { who @include(if: $yes) hello @skip(if: $yes) }"

    assert server.ask(query, yes=True) == {"data": {"who": "Ada"}}
    assert server.ask(query, yes=False) == {"data": {"hello": "Hello world"}}


def test_a_page_size_in_a_variable_counts_with_its_value(server: Server) -> None:
    query = "query($n: Int) { courses(first: $n) { edges { node { coordinators { name } } } } }"

    assert "data" in server.ask(query, n=10)
    assert "data" in server.ask(query, n=None)
    assert server.code(query, n=10_000) == TOO_COMPLEX
    assert "data" in server.ask(query, n=10)


@pytest.mark.parametrize(
    "inner",
    [
        "__schema { types { name } }",
        '__type(name: "Query") { name }',
        'a: __type(name: "Query") { name }',
        "...A",
    ],
)
def test_without_introspection_only_the_typename_is_told(impatient: Server, inner: str) -> None:
    fragment = "fragment A on Query { __schema { types { name } } }" if inner == "...A" else ""

    refusal = impatient.post({"query": f"{{ {inner} }} {fragment}"})

    assert refusal.status_code == 400
    assert {each["extensions"]["code"] for each in refusal.json()["errors"]} == {INVALID}
    assert impatient.ask("{ __typename }") == {"data": {"__typename": "Query"}}


def test_without_introspection_a_misspelt_name_gets_no_hint(
    server: Server, impatient: Server
) -> None:
    for query in ("{ helo }", "{ hello(nme: 1) }", "{ ...on Curse { id } }"):
        assert "Did you mean" in str(server.ask(query)) or "Curse" in query
        assert "Did you mean" not in str(impatient.ask(query))
    hidden = impatient.ask("query($v: Nested!) { nested(value: $v) }", v={"not": "x"})
    assert "Did you mean" not in str(hidden)


def test_the_usual_introspection_query_is_answered_where_it_is_on(server: Server) -> None:
    answer = server.ask(get_introspection_query(descriptions=True, input_value_deprecation=True))

    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        '{ __type(name: "Query") ' + "{ ofType " * 300 + "{ name }" + "}" * 300 + " }",
        '{ __type(name: "Query") ' + "{ ofType " * 40 + "{ name }" + "}" * 40 + " }",
    ],
    ids=["circular", "300 levels", "40 levels"],
)
def test_circular_introspection_is_refused_even_where_it_is_on(
    server: Server, document: str
) -> None:
    answer = quickly(lambda: server.post({"query": document}))

    assert answer.status_code == 400


def test_random_documents_are_answered_or_refused_in_time(server: Server) -> None:
    """Documents put together from valid and invalid pieces, all within the byte limit."""
    chance = random.Random(7)
    pieces = [
        "{", "}", "(", ")", "...", "on", "Query", "User", "hello", "allUsers", "courses",
        "first:", "1", "$a", ":", "@skip", "(if: true)", "fragment", "F", "query", "mutation", "[",
        "]", '"x"',
        "coordinators", "name", "!", "=", "#c\n", '"""', "-1", "1e9", "null", "&", "|",
    ]  # fmt: skip

    def ask() -> int:
        text = " ".join(chance.choices(pieces, k=chance.randint(1, 400)))
        return server.post({"query": text}).status_code

    assert {quickly(ask) for _ in range(60)} <= {200, 400}


def test_numbers_at_the_edge_pass(server: Server) -> None:
    limits = Limits()
    edge: dict[str, Any] = {
        "aliases": "{" + " ".join(f"a{n}: title" for n in range(limits.aliases)) + "}",
        "fields": "{" + "title " * (limits.fields - 1) + "}",
    }
    for kind, selection in edge.items():
        assert "errors" not in server.ask(f"{{ course(id: 1) {selection} }}"), kind
    roots = "{" + "hello " * limits.root_fields + "}"
    assert "errors" not in server.ask(roots)
