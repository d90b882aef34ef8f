"""The catalog: which names there are, and who owns them."""

import pytest

from sync_engine.rules import (
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeType,
    InvalidCatalog,
    Owner,
    catalog_of,
    is_attribute_name,
)
from sync_engine.rules.facts import EXPECTED
from sync_engine.rules.operators import ALLOWED, OPERATORS


@pytest.mark.parametrize("name", ["a", "userName", "custom.shoeSize", "a-b.c_d", "x" * 64, "In"])
def test_dotted_words_name_attributes(name: str) -> None:
    assert is_attribute_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 65,
        "1a",
        "_a",
        "__class__",
        "a.",
        ".a",
        "a..b",
        "a.1",
        "a b",
        'a"b',
        "a\n",
        "é",
        "\uff41",
        "a:b",
        "and",
        "OR",
        "Not",
        "everyone",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    assert not is_attribute_name(name)
    with pytest.raises(InvalidCatalog):
        catalog_of([Attribute(name, AttributeType.STRING, Owner.ADMINISTRATOR)])


def test_names_that_differ_only_in_case_are_refused() -> None:
    twice = [Attribute(name, AttributeType.STRING, Owner.ADMINISTRATOR) for name in ("ab", "aB")]

    with pytest.raises(InvalidCatalog, match="Two attributes are called “aB”"):
        catalog_of(twice)


def test_every_workspace_starts_with_the_standard_attributes() -> None:
    by_owner: dict[Owner, set[str]] = {owner: set() for owner in Owner}
    for name, attribute in STANDARD_ATTRIBUTES.items():
        assert name == attribute.name
        by_owner[attribute.owner].add(name)

    assert by_owner[Owner.MEMBER] == {"nickname"}
    assert by_owner[Owner.ADMINISTRATOR] == {"skills", "level"}
    assert len(STANDARD_ATTRIBUTES) == 24


def test_every_type_has_operators_and_every_operator_a_type() -> None:
    assert set(ALLOWED) == set(AttributeType) == set(EXPECTED)
    assert {each for operators in ALLOWED.values() for each in operators} == set(OPERATORS.values())
