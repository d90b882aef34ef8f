"""Limits hold exactly, in text and in JSON, and beyond them nothing takes long."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from sync_engine.rules import (
    LIMITS,
    STANDARD_ATTRIBUTES,
    InvalidRule,
    Problem,
    ProblemCode,
    format,
    from_document,
    parse,
    to_document,
)

CITY = {"attr": "city", "op": "present"}


def refusal(read: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRule) as refused:
        read()
    return refused.value.problems


def codes(read: Callable[[], object]) -> set[str]:
    return {each.code.value for each in refusal(read)}


def document(obj: object) -> object:
    return from_document(obj, STANDARD_ATTRIBUTES)


def text(words: str) -> object:
    return parse(words, STANDARD_ATTRIBUTES)


def nested(levels: int) -> dict[str, Any]:
    """A clause under so many levels, all and any in turn so that none dissolves."""
    rule: dict[str, Any] = CITY
    for level in range(levels - 1):
        rule = {("all", "any")[level % 2]: [rule, CITY]}
    return rule


def test_the_limits_are_those_that_were_promised() -> None:
    assert (LIMITS.clauses, LIMITS.depth, LIMITS.values, LIMITS.bytes) == (100, 8, 1000, 16384)


@pytest.mark.spec("S3")
def test_eight_levels_are_read_and_nine_are_refused() -> None:
    rule = from_document(nested(8), STANDARD_ATTRIBUTES)
    assert to_document(rule) == nested(8)
    assert parse(format(rule), STANDARD_ATTRIBUTES) == rule

    problem, *others = refusal(lambda: document(nested(9)))
    assert {each.code for each in (problem, *others)} == {ProblemCode.TOO_DEEP}
    assert problem.path == "/any/0/all/0" * 4
    assert "8 levels" in problem.message
    assert "level 9" in problem.message


def test_eight_levels_of_text_are_read_and_nine_are_refused() -> None:
    assert text("not (" * 7 + "city pr" + ")" * 7)
    (problem,) = refusal(lambda: text("not (" * 8 + "city pr" + ")" * 8))
    assert problem.code is ProblemCode.TOO_DEEP

    assert text("(" * 8 + "city pr" + ")" * 8)
    (problem,) = refusal(lambda: text("(" * 9 + "city pr" + ")" * 9))
    assert problem.code is ProblemCode.TOO_DEEP
    assert (problem.start, problem.end) == (8, 9)


@pytest.mark.spec("S3")
def test_a_hundred_clauses_are_read_and_one_more_is_refused() -> None:
    assert document({"any": [CITY] * 100})
    assert text(" or ".join(["city pr"] * 100))

    (problem,) = refusal(lambda: document({"any": [CITY] * 101}))
    assert (problem.code, problem.path) == (ProblemCode.TOO_MANY_CLAUSES, "/any/100")
    assert "clause 101" in problem.message
    assert "at most 100" in problem.message

    (problem,) = refusal(lambda: text(" or ".join(["city pr"] * 101)))
    assert problem.code is ProblemCode.TOO_MANY_CLAUSES
    assert (problem.start, problem.end) == (100 * len("city pr or "), 101 * 11 - 4)


def test_everyone_counts_as_a_clause() -> None:
    assert codes(lambda: document({"any": [{"everyone": True}] * 101})) == {"TOO_MANY_CLAUSES"}


def test_a_thousand_values_are_read_and_one_more_is_refused() -> None:
    assert document({"attr": "level", "op": "in", "value": list(range(1000))})
    assert text(f"level in [{','.join(map(str, range(1000)))}]")

    (problem,) = refusal(
        lambda: document({"all": [CITY, {"attr": "level", "op": "in", "value": [1] * 1001}]})
    )
    assert (problem.code, problem.path) == (ProblemCode.TOO_MANY_VALUES, "/all/1/value")
    assert problem.message.startswith("Clause 2: the list of level has 1,001 values; 1,000 are")

    (problem,) = refusal(lambda: text(f"level in [{','.join(['1'] * 1001)}]"))
    assert problem.code is ProblemCode.TOO_MANY_VALUES
    assert (problem.start, problem.end) == (9, 9 + 2 * 1001 + 1)


@pytest.mark.spec("S3")
def test_sixteen_kilobytes_of_json_are_read_and_one_byte_more_is_refused() -> None:
    frame = len('{"attr":"city","op":"eq","value":""}')
    longest = {"attr": "city", "op": "eq", "value": "x" * (16384 - frame)}
    assert len(json.dumps(longest, separators=(",", ":"))) == 16384

    assert document(longest)
    (problem,) = refusal(lambda: document({**longest, "value": longest["value"] + "x"}))
    assert (problem.code, problem.path) == (ProblemCode.TOO_LARGE, "")
    assert "16,385 bytes; 16,384 are allowed" in problem.message


def test_the_size_counts_bytes_not_characters() -> None:
    half = {"attr": "city", "op": "eq", "value": "å" * 8192}

    assert codes(lambda: document(half)) == {"TOO_LARGE"}


def test_a_text_is_refused_if_it_or_its_json_is_larger_than_sixteen_kilobytes() -> None:
    frame = len('{"attr":"city","op":"eq","value":""}')
    assert text(f'city eq "{"x" * (16384 - frame)}"')
    assert codes(lambda: text(f'city eq "{"x" * (16385 - frame)}"')) == {"TOO_LARGE"}

    (problem,) = refusal(lambda: text(f'city eq "x"{" " * 16384}'))
    assert problem.code is ProblemCode.TOO_LARGE
    assert (problem.start, problem.end, problem.line) == (0, 16395, 1)


def test_what_is_accepted_can_always_be_read_again() -> None:
    long_when_written_out = {"attr": "level", "op": "in", "value": [i * 1e20 for i in range(999)]}
    compact = json.dumps(long_when_written_out, separators=(",", ":"))

    assert len(compact) < 16384
    assert codes(lambda: document(long_when_written_out)) == {"TOO_LARGE"}


def deep(key: str) -> Any:
    rule: Any = CITY
    for _ in range(100_000):
        rule = {key: rule if key == "not" else [rule]}
    return rule


HOSTILE_DOCUMENTS: dict[str, Any] = {
    "100,000 levels of not": deep("not"),
    "100,000 levels of all": deep("all"),
    "200,000 clauses": {"all": [CITY] * 200_000},
    "200,000 empty groups": {"all": [{"any": []}] * 200_000},
    "200,000 nothings": {"any": [None] * 200_000},
    "200,000 keys": dict.fromkeys(map(str, range(200_000)), 1),
    "100,000 values": {"attr": "city", "op": "in", "value": ["x"] * 100_000},
    "100 full lists": {"any": [{"attr": "city", "op": "in", "value": ["long " * 9] * 1000}] * 100},
    "five megabytes": {"attr": "city", "op": "eq", "value": "x" * 5_000_000},
    "100,000 digits": {"attr": "level", "op": "eq", "value": 10**100_000},
    "a hundred long unknown names": {"any": [{"attr": "departmentt" * 5, "op": "eqq"}] * 100},
}

HOSTILE_TEXTS = {
    "opening": "(" * 16_000,
    "closing": ")" * 16_000,
    "not": "not " * 4_000,
    "not opening": "not(" * 4_000,
    "lists": "city in " + "[" * 16_000,
    "commas": "city in [" + "," * 16_000,
    "words": "a " * 8_000,
    "quotes": 'city eq "\\' * 1_600,
    "digits": "level eq " + "9" * 16_000,
    "conjunctions": "and " * 4_000,
    "megabytes": "city pr and " * 500_000,
    "surrogates": "\ud800" * 5_000,
    "space": " " * 16_000,
}


def milliseconds(read: Callable[[], object]) -> float:
    """Of the processor, the best of three, so that a busy machine does not count."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        refusal(read)
        best = min(best, (time.process_time() - begin) * 1000)
    return best


@pytest.mark.parametrize("name", HOSTILE_DOCUMENTS)
def test_hostile_documents_are_refused_at_once(name: str) -> None:
    hostile = HOSTILE_DOCUMENTS[name]

    assert milliseconds(lambda: document(hostile)) < 50
    assert len(refusal(lambda: document(hostile))) <= LIMITS.problems


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_hostile_texts_are_refused_at_once(name: str) -> None:
    hostile = HOSTILE_TEXTS[name]

    assert milliseconds(lambda: text(hostile)) < 100
    assert len(refusal(lambda: text(hostile))) <= LIMITS.problems


def test_the_limits_that_are_passed_are_all_reported() -> None:
    hostile = {
        "all": [
            deep("not"),
            {"attr": "city", "op": "in", "value": ["x"] * 1001},
            {"any": [CITY] * 200_000},
        ]
    }

    assert codes(lambda: document(hostile)) == {
        "TOO_DEEP",
        "TOO_MANY_VALUES",
        "TOO_MANY_CLAUSES",
        "TOO_LARGE",
    }
