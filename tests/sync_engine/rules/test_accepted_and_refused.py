"""Pinned lists: what the language accepts, and what it refuses with which problems where.

`rules_refused.json` gives [code, start, end, line, column] for texts, [code, path] for documents.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    InvalidRule,
    Problem,
    ProblemCode,
    format,
    from_document,
    parse,
    to_document,
)

DATA = Path(__file__).parents[2] / "data"


def rows(file: str) -> list[Any]:
    return json.loads((DATA / file).read_text("utf-8"))  # type: ignore[no-any-return]


ACCEPTED = rows("rules_accepted.json")
REFUSED = rows("rules_refused.json")
REFUSED_TEXTS = [row for row in REFUSED if "text" in row]
REFUSED_DOCUMENTS = [row for row in REFUSED if "document" in row]


def problems_of_text(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRule) as refused:
        parse(text, STANDARD_ATTRIBUTES)
    return refused.value.problems


def problems_of(document: object) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRule) as refused:
        from_document(document, STANDARD_ATTRIBUTES)
    return refused.value.problems


@pytest.mark.parametrize("row", ACCEPTED, ids=[row["text"] for row in ACCEPTED])
def test_an_accepted_text_says_its_document(row: dict[str, Any]) -> None:
    rule = parse(row["text"], STANDARD_ATTRIBUTES)

    assert to_document(rule) == row["rule"]
    assert from_document(row["rule"], STANDARD_ATTRIBUTES) == rule
    assert format(rule) == row.get("canonical", row["text"])


@pytest.mark.parametrize("row", REFUSED_TEXTS, ids=[ascii(row["text"]) for row in REFUSED_TEXTS])
def test_a_refused_text_is_refused_for_all_its_problems_in_their_places(
    row: dict[str, Any],
) -> None:
    found = problems_of_text(row["text"])

    assert [[each.code, each.start, each.end, each.line, each.column] for each in found] == row[
        "problems"
    ]


@pytest.mark.parametrize("row", REFUSED_DOCUMENTS, ids=lambda row: ascii(row["document"])[:60])
def test_a_refused_document_is_refused_for_all_its_problems_in_their_places(
    row: dict[str, Any],
) -> None:
    assert [[each.code, each.path] for each in problems_of(row["document"])] == row["problems"]


def test_every_problem_but_the_limits_is_in_the_pinned_list() -> None:
    pinned = {problem[0] for row in REFUSED for problem in row["problems"]}
    limits = {
        ProblemCode.TOO_MANY_CLAUSES,
        ProblemCode.TOO_MANY_VALUES,
        ProblemCode.TOO_LARGE,
    }
    known_where_rules_are_written = {
        ProblemCode.CIRCULAR,
        ProblemCode.TOO_MANY_STEPS,
    }

    assert pinned == set(ProblemCode) - limits - known_where_rules_are_written


def test_messages_name_the_clause_and_the_way_out() -> None:
    (unknown,) = problems_of_text('city pr and departmnt eq "Sales"')
    (operator,) = problems_of_text('city pr and remote matches "x"')
    (member,) = problems_of_text("nickname pr")

    assert unknown.message == (
        "Clause 2: there is no attribute “departmnt”. Did you mean “department”?"
    )
    assert operator.message == (
        "Clause 2: there is no operator “matches”. remote takes eq, ne, present, absent."
    )
    assert "administrator or the identity provider" in member.message


def test_only_the_first_ten_problems_look_for_a_near_name() -> None:
    found = problems_of({"any": [{"attr": "departmnt", "op": "present"}] * 40})

    assert ["Did you mean" in each.message for each in found] == [True] * 10 + [False] * 30


def test_messages_stay_short_and_on_one_line_whatever_they_quote() -> None:
    for name in ("x" * 5_000, "a\r\n\x1b[31mb" * 100):
        (problem,) = problems_of({"attr": name, "op": "present"})

        assert len(problem.message) < 300
        assert problem.message.isprintable()


def test_a_draft_may_use_what_members_edit_and_nothing_else_that_is_refused() -> None:
    document = {"attr": "nickname", "op": "eq", "value": "Bob"}

    assert to_document(from_document(document, STANDARD_ATTRIBUTES, draft=True)) == document
    assert to_document(parse('nickname eq "Bob"', STANDARD_ATTRIBUTES, draft=True)) == document
    with pytest.raises(InvalidRule) as refused:
        from_document({"all": []}, STANDARD_ATTRIBUTES, draft=True)
    assert [each.code for each in refused.value.problems] == [ProblemCode.EMPTY_RULE]
