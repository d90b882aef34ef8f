"""What a value may be, and what of it an error repeats: reliability catalogue, rows C."""

from typing import Any

import pytest

from tests.app.graphql.serving import Server
from tests.app.graphql.watching import quickly

NUMBER = "query($n: Int!) { number(n: $n) }"
HELLO = "query($s: String!) { hello(name: $s) }"
BAD_INPUT = "BAD_USER_INPUT"


@pytest.mark.parametrize("digits", [11, 26, 10_000])
def test_a_literal_beyond_32_bits_is_bad_input(server: Server, digits: int) -> None:
    answer = quickly(lambda: server.post({"query": f"{{ number(n: {'9' * digits}) }}"}))

    errors = answer.json()["errors"]
    assert {error["extensions"]["code"] for error in errors} == {BAD_INPUT}
    assert max(len(error["message"]) for error in errors) <= 200


@pytest.mark.parametrize("value", [10**10, 10**25, 1.5, True, "1", [], {}, None, -(2**31) - 1])
def test_a_variable_that_is_no_int_is_bad_input(server: Server, value: object) -> None:
    body = {"query": NUMBER, "variables": {"n": value}}
    if isinstance(value, int) and value > 2**63:
        sent: Any = str(body).replace("'", '"').encode()
    else:
        sent = body

    answer = quickly(lambda: server.post(sent))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == BAD_INPUT


def test_zero_may_be_negative_and_one_may_be_written_as_a_fraction(server: Server) -> None:
    assert server.ask(NUMBER, n=-0.0) == {"data": {"number": 0}}
    assert server.ask(NUMBER, n=1.0) == {"data": {"number": 1}}
    assert server.ask("{ ratio(x: 1e308) }") == {"data": {"ratio": 1e308}}


@pytest.mark.parametrize("literal", ["1e400", "-1e999", "9" * 400])
def test_a_literal_beyond_a_double_is_bad_input(server: Server, literal: str) -> None:
    assert server.code(f"{{ ratio(x: {literal}) }}") == BAD_INPUT


@pytest.mark.parametrize(
    "query",
    [
        r'{ hello(name: "a\u0000b") }',
        r'{ hello(name: "\u{0}") }',
        r'{ nodes(ids: ["\u0000"]) {id} }',
    ],
)
def test_nul_in_a_literal_is_bad_input(server: Server, query: str) -> None:
    assert server.code(query) == BAD_INPUT


def test_an_escape_that_is_not_nul_is_fine(server: Server) -> None:
    assert server.ask(r'{ hello(name: "\u00e5") }') == {"data": {"hello": "Hello å"}}


@pytest.mark.parametrize("query", [r'{ hello(name: "\ud800") }', r'{ hello(name: "\u{110000}") }'])
def test_half_a_surrogate_pair_in_a_literal_is_no_document(server: Server, query: str) -> None:
    assert server.code(query) == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize(
    "text",
    [
        "\ufffe\uffff",
        "\u202eabc\u2066",
        "a\u200bb",
        "e" + "\u0301" * 10_000,
        "🏃🏊",
        "e\u0301 é",
        "'; DROP TABLE x; -- %_ {{7*7}} ${a} \x1b[31m \r\n",
    ],
    ids=["non-characters", "bidi", "zero-width", "combining", "emoji", "nfd-nfc", "injections"],
)
def test_any_other_text_comes_back_as_it_was(server: Server, text: str) -> None:
    assert server.ask(HELLO, s=text) == {"data": {"hello": f"Hello {text}"}}


@pytest.mark.parametrize("size", [100_000, 200_000])
def test_an_error_repeats_at_most_200_characters(server: Server, size: int) -> None:
    answer = server.ask(NUMBER, n="x" * size)

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == BAD_INPUT
    assert len(error["message"]) <= 200
    assert "$n" in error["message"]


def test_a_literal_in_an_error_is_cut_too(server: Server) -> None:
    for error in server.ask('{ number(n: "' + "x" * 40_000 + '") }')["errors"]:
        assert len(error["message"]) <= 200


def test_variables_have_a_number_of_values_and_a_depth(server: Server) -> None:
    deep: object = 1
    for _ in range(30):
        deep = {"a": deep}
    many = quickly(lambda: server.post({"query": "{who}", "variables": {"a": [0] * 100_000}}))
    nested = quickly(lambda: server.post({"query": "{who}", "variables": {"a": deep}}))

    for answer, kind in ((many, "variable_nodes"), (nested, "variable_depth")):
        assert answer.status_code == 400
        extensions = answer.json()["errors"][0]["extensions"]
        assert (extensions["code"], extensions["kind"]) == ("QUERY_TOO_COMPLEX", kind)
        assert extensions["actual"] > extensions["limit"]


def test_a_rule_eight_deep_still_fits_into_the_variables(server: Server) -> None:
    """SPEC S3: rules have a depth of 8; as JSON each level is an object in a list."""
    rule: object = {"is": {"attribute": "country", "value": "SE"}}
    for _ in range(8):
        rule = {"allOf": [rule]}

    answer = server.ask("{ who }", input={"rule": rule})

    assert answer == {"data": {"who": "Ada"}}


def test_an_input_object_is_checked_to_its_leaves(server: Server) -> None:
    query = "query($v: Nested!) { nested(value: $v) }"

    assert server.ask(query, v={"note": "x", "inner": None}) == {"data": {"nested": "x"}}
    assert server.code(query, v={"inner": {"inner": {"note": 1}}}) == BAD_INPUT
    assert server.code(query, v={"surprise": 1}) == BAD_INPUT
