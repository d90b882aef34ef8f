"""The two written forms of a rule convert into each other without loss."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    attributes_used,
    format,
    from_document,
    offsets,
    parse,
    to_document,
)
from tests.sampling import examples
from tests.sync_engine.rules.generated import catalogs, documents


@pytest.mark.spec("S1")
@settings(max_examples=examples(250), deadline=None)
@given(st.data())
def test_a_rule_survives_text_and_json_and_both_in_turn(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    rule = from_document(data.draw(documents(catalog)), catalog)
    stored = json.loads(json.dumps(to_document(rule)))

    assert from_document(stored, catalog) == rule
    assert parse(format(rule), catalog) == rule
    assert to_document(parse(format(rule), catalog)) == stored
    assert format(from_document(stored, catalog)) == format(rule)
    assert len(format(rule).encode()) < len(
        json.dumps(stored, ensure_ascii=False, separators=(",", ":")).encode()
    )


def test_text_is_read_in_any_case_and_spacing_and_written_in_one_way() -> None:
    spelled = """
        NOT ( DEPARTMENT EQ "Sales" )  Or
        hiredate LE NOW-p90d aNd groups HASANY [ "a" , "b" ]  and title startswith "M"
    """

    assert format(parse(spelled, STANDARD_ATTRIBUTES)) == (
        'not (department eq "Sales") or '
        'hireDate le now-P90D and groups hasAny ["a","b"] and title sw "M"'
    )


def test_and_binds_tighter_than_or() -> None:
    rule = parse("city pr or title pr and level pr", STANDARD_ATTRIBUTES)

    assert to_document(rule) == {
        "any": [
            {"attr": "city", "op": "present"},
            {
                "all": [
                    {"attr": "title", "op": "present"},
                    {"attr": "level", "op": "present"},
                ]
            },
        ]
    }


def test_groups_of_one_and_groups_within_their_kind_dissolve() -> None:
    city, title = {"attr": "city", "op": "present"}, {"attr": "title", "op": "present"}
    nested = {"all": [{"all": [{"any": [city]}, {"all": [title]}]}, {"any": [city, title]}]}

    assert to_document(from_document(nested, STANDARD_ATTRIBUTES)) == {
        "all": [city, title, {"any": [city, title]}]
    }


def test_lists_lose_repetitions_and_keep_order_and_spelling() -> None:
    rule = parse('city in ["Umeå","umea\u030a"," Lund","UMEÅ"]', STANDARD_ATTRIBUTES)

    assert to_document(rule)["value"] == ["Umeå", " Lund"]


def test_numbers_too_long_for_a_json_number_are_stored_as_decimal_strings() -> None:
    rule = parse("level in [1.50,0.1234567890123456789,123456789012345678]", STANDARD_ATTRIBUTES)

    assert to_document(rule)["value"] == [1.5, "0.1234567890123456789", "123456789012345678"]
    assert format(rule) == "level in [1.5,0.1234567890123456789,123456789012345678]"


def test_a_rule_names_its_attributes_and_its_relative_dates() -> None:
    text = (
        "hireDate between now-P1Y and now+p01m00d or not (city pr and hireDate lt now "
        'and hireDate ge "2020-01-01")'
    )
    rule = parse(text, STANDARD_ATTRIBUTES)

    assert attributes_used(rule) == {"hireDate", "city"}
    assert offsets(rule) == {("hireDate", "-P1Y"), ("hireDate", "P1M"), ("hireDate", "P0D")}
