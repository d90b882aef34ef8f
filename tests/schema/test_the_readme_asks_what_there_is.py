"""What the README shows to be asked can be asked."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from schema.schema import schema
from sync_engine.rules import Relation

README = (Path(__file__).parents[2] / "README.md").read_text()
SHOWN = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
NAMED = set(re.findall(r"`([a-z]+[A-Z][a-zA-Z]+)`", README))
OF_SETTINGS = {"externalId", "userName"}
"""Words of COORDINATOR_ISSUERS, which the schema need not know."""
OF_RULES = {each.value for each in Relation}
"""Words of the language of rules."""


def test_the_readme_shows_something() -> None:
    assert len(SHOWN) >= 4


@pytest.mark.parametrize("document", SHOWN, ids=range(len(SHOWN)))
def test_a_document_of_the_readme_is_valid(document: str) -> None:
    assert validate(schema._schema, parse(document)) == []


def test_the_readme_names_only_fields_and_arguments_there_are() -> None:
    sdl = schema.as_str()

    assert [
        name for name in NAMED - OF_SETTINGS - OF_RULES if not re.search(rf"\b{name}\b", sdl)
    ] == []
