"""Raw attributes become typed, folded facts; what does not fit is absent, and said so."""

import json
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeType,
    Catalog,
    Owner,
    catalog_of,
    fold,
    from_json,
    matches,
    moments,
    parse,
    to_json,
)
from sync_engine.rules.values import folded

TODAY = date(2024, 3, 1)


def fact(attribute: str, value: object) -> Any:
    facts, warnings = fold({attribute: value}, STANDARD_ATTRIBUTES)
    assert not warnings
    return facts.get(attribute)


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("department", "  Sales\u00a0", "sales"),
        ("department", "\uff33\uff21\uff2c\uff25\uff33", "sales"),
        ("costCenter", " 77-A ", " 77-A "),
        ("manager", "U-17", "U-17"),
        ("level", 3, Decimal(3)),
        ("level", 3.10, Decimal("3.1")),
        ("level", " +3.50 ", Decimal("3.5")),
        ("level", "1e3", Decimal(1000)),
        ("level", Decimal("0.1"), Decimal("0.1")),
        ("level", -0.0, Decimal(0)),
        ("level", 10**30 - 1, Decimal(10**30 - 1)),
        ("remote", True, True),
        ("remote", "False", False),
        ("remote", "TRUE", True),
        ("hireDate", "2024-02-29", date(2024, 2, 29)),
        ("hireDate", "2024-02-29T23:59:60Z", date(2024, 2, 29)),
        ("hireDate", "2024-02-29T23:30:00.123+14:00", date(2024, 2, 29)),
        ("hireDate", datetime(2024, 2, 29, 23, 30), date(2024, 2, 29)),  # noqa: DTZ001
        ("hireDate", "0001-01-01", date.min),
        ("hireDate", "9999-12-31", date.max),
        ("skills", ["SQL", " sql", "", None, "Go"], frozenset({"sql", "go"})),
    ],
)
def test_a_fitting_value_becomes_a_typed_fact(
    attribute: str, value: object, expected: object
) -> None:
    found = fact(attribute, value)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [None, "", "   ", "\u3000\t", [], ["", None, "  "]])
def test_blank_values_are_absent_without_a_warning(value: object) -> None:
    attribute = "skills" if isinstance(value, list) else "department"

    assert fold({attribute: value}, STANDARD_ATTRIBUTES) == ({}, [])


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("department", 5),
        ("department", True),
        ("department", ["Sales"]),
        ("department", {"value": "Sales"}),
        ("department", "a\0b"),
        ("department", "\ud800"),
        ("employeeNumber", 42),
        ("level", "three"),
        ("level", True),
        ("level", float("nan")),
        ("level", float("-inf")),
        ("level", "Infinity"),
        ("level", "0x10"),
        ("level", "1_000"),
        ("level", "\u0661"),
        ("level", 10**30),
        ("level", 1e-31),
        ("level", "1e400"),
        pytest.param("level", 10**10_000, id="ten thousand digits"),
        ("remote", 1),
        ("remote", "yes"),
        ("hireDate", 20240229),
        ("hireDate", "2023-02-29"),
        ("hireDate", "0000-01-01"),
        ("hireDate", "10000-01-01"),
        ("hireDate", "2024-02-29T25:00:00Z"),
        ("hireDate", "20240229"),
        ("hireDate", "2024-W09-4"),
        ("skills", "SQL"),
        ("skills", ["SQL", 5]),
        ("skills", [["SQL"]]),
    ],
)
def test_a_value_that_does_not_fit_is_absent_and_gives_a_warning(
    attribute: str, value: object
) -> None:
    facts, warnings = fold({attribute: value, "city": "Lund"}, STANDARD_ATTRIBUTES)

    assert facts == {"city": "lund"}
    (warning,) = warnings
    assert warning.attribute == attribute
    assert len(warning.value) <= 200
    assert warning.value.isprintable()
    assert warning.message == (
        f"{attribute} is {warning.value}, which is not {warning.expected}; it counts as absent."
    )


def test_warnings_shorten_what_they_quote() -> None:
    _, warnings = fold({"level": "x" * 5_000_000}, STANDARD_ATTRIBUTES)

    assert len(warnings[0].value) == 200
    assert warnings[0].value.endswith("…")


def test_names_are_found_in_any_case_and_the_canonical_spelling_wins() -> None:
    raw = {"DEPARTMENT": "a", "department": "b", "Department": "c", "CITY": "d", "City": "e"}

    assert fold(raw, STANDARD_ATTRIBUTES)[0] == {"department": "b", "city": "d"}


def test_undeclared_attributes_are_no_facts() -> None:
    assert fold({"shoeSize": 43, "__class__": "x"}, STANDARD_ATTRIBUTES) == ({}, [])


# C5: one normalization, both forms match.
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Zo\u00eb", "zoe\u0308", True),
        ("Straße", "STRASSE", True),
        ("ﬁnance", "FINANCE", True),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
        ("\u0390", "\u0399\u0308\u0301", True),
        ("\u212bngström", "ångström", True),
        ("①", "1", True),
        ("title", "TITLE", True),
        ("İzmir", "i\u0307zmir", True),
        ("İzmir", "izmir", False),
        ("\u0131l\u0131k", "ilik", False),
        ("\u0440\u0430y\u0440al", "paypal", False),
        ("a b", "ab", False),
    ],
)
def test_strings_match_in_any_normal_form_and_case_and_no_further(
    one: str, other: str, *, same: bool
) -> None:
    rule = parse(f'department eq "{one}" and groups has "{one}"', STANDARD_ATTRIBUTES)
    for form in ("NFC", "NFD"):
        spelled = unicodedata.normalize(form, other)
        facts, _ = fold({"department": spelled, "groups": [spelled]}, STANDARD_ATTRIBUTES)

        assert matches(rule, facts, TODAY) is same


@given(st.text(max_size=20))
def test_folding_is_idempotent_and_the_same_for_all_canonical_forms(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)


def test_identifiers_match_exactly() -> None:
    rule = parse('costCenter eq "77-a" or manager eq "U-1"', STANDARD_ATTRIBUTES)

    assert matches(rule, {"costCenter": "77-a"}, TODAY)
    assert not matches(rule, fold({"costCenter": "77-A"}, STANDARD_ATTRIBUTES)[0], TODAY)
    assert not matches(rule, fold({"costCenter": " 77-a"}, STANDARD_ATTRIBUTES)[0], TODAY)
    assert not matches(rule, fold({"manager": "u-1"}, STANDARD_ATTRIBUTES)[0], TODAY)


def test_numbers_compare_by_value_without_floating_surprises() -> None:
    rule = parse("level eq 0.3", STANDARD_ATTRIBUTES)

    assert matches(rule, fold({"level": "0.30"}, STANDARD_ATTRIBUTES)[0], TODAY)
    assert matches(rule, fold({"level": 0.3}, STANDARD_ATTRIBUTES)[0], TODAY)
    assert not matches(rule, fold({"level": 0.1 + 0.2}, STANDARD_ATTRIBUTES)[0], TODAY)
    assert matches(parse("level eq 1", STANDARD_ATTRIBUTES), {"level": Decimal("1.0")}, TODAY)


RAW = {
    "department": "Sälj",
    "costCenter": "77-A",
    "level": "12345678901234567890.5",
    "remote": False,
    "hireDate": "2020-02-29",
    "skills": ["b", "a"],
}


def test_stored_facts_are_plain_json_and_come_back_the_same() -> None:
    facts, _ = fold(RAW, STANDARD_ATTRIBUTES)
    stored = json.loads(json.dumps(to_json(facts)))

    assert stored == {
        "costCenter": "77-A",
        "department": "sälj",
        "hireDate": "2020-02-29",
        "level": "12345678901234567890.5",
        "remote": False,
        "skills": ["a", "b"],
    }
    assert from_json(stored, STANDARD_ATTRIBUTES) == facts
    assert moments(facts) == {"hireDate": date(2020, 2, 29)}


@pytest.mark.parametrize("type", AttributeType)
def test_facts_of_another_catalog_never_have_another_type(type: AttributeType) -> None:
    facts, _ = fold(RAW, STANDARD_ATTRIBUTES)
    changed: Catalog = catalog_of(
        Attribute(name, type, Owner.ADMINISTRATOR) for name in (*RAW, "city")
    )
    wanted = {
        AttributeType.NUMBER: Decimal,
        AttributeType.BOOLEAN: bool,
        AttributeType.DATE: date,
        AttributeType.STRING_LIST: frozenset,
    }.get(type, str)
    stored = to_json(facts) | {"city": "NaN", "gone": "x"}

    found = from_json(stored, changed)

    assert "gone" not in found
    assert found
    assert {isinstance(value, wanted) for value in found.values()} == {True}
