"""What is known about a person, typed and folded: the only thing rules look at.

Rules and facts agree when both were made with the same catalog: then every fact has the Python
type of its attribute, and evaluation cannot meet another. When the catalog changes, the facts
of everybody are folded again from the raw attributes.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias, assert_never

from sync_engine.rules.attributes import Attribute, AttributeType, Catalog, by_lower_name
from sync_engine.rules.values import boolean_from, date_from, folded, is_storable, number_from

Fact: TypeAlias = str | Decimal | bool | date | frozenset[str]
Facts: TypeAlias = Mapping[str, Fact]
"""Facts by canonical attribute name. What is absent has no key; no text and no set is empty."""

WARNING_LENGTH: Final = 200

EXPECTED: Final[Mapping[AttributeType, str]] = {
    AttributeType.STRING: "a text",
    AttributeType.IDENTIFIER: "a text",
    AttributeType.REFERENCE: "the identifier of a person, as text",
    AttributeType.NUMBER: "a number of at most 30 digits",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.DATE: "a date such as 2024-03-01",
    AttributeType.STRING_LIST: "a list of texts",
}


@dataclass(frozen=True, slots=True)
class DataWarning:
    """A stored value which does not fit the type of its attribute, and so counts as absent."""

    attribute: str
    value: str
    expected: str
    message: str


def fold(
    attributes: Mapping[str, object], catalog: Catalog
) -> tuple[dict[str, Fact], list[DataWarning]]:
    """The facts in raw attribute values, with a warning for each value that does not fit.

    Names are found in any case; when two differ only in case, the canonical spelling wins, else
    the first in code-point order. Names the catalog does not know are no facts. "", blank text,
    [], a list of blanks, and null are absent.
    """
    facts: dict[str, Fact] = {}
    warnings: list[DataWarning] = []
    for attribute, value in _declared(attributes, catalog):
        if _is_blank(value):
            continue
        fact = _fact(attribute.type, value)
        if fact is None:
            warnings.append(_warning(attribute, value))
        elif fact not in ("", frozenset()):
            facts[attribute.name] = fact
    return facts, warnings


def _declared(
    attributes: Mapping[str, object], catalog: Catalog
) -> Iterable[tuple[Attribute, object]]:
    canonical = by_lower_name(catalog)
    chosen: dict[str, str] = {}
    for name in sorted(attributes):
        attribute = canonical.get(name.lower())
        if attribute is not None and (attribute.name == name or attribute.name not in chosen):
            chosen[attribute.name] = name
    return [(catalog[name], attributes[spelling]) for name, spelling in chosen.items()]


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _fact(type: AttributeType, value: object) -> Fact | None:
    """The typed value; None where it does not fit."""
    match type:
        case AttributeType.STRING:
            return _text(value, folded)
        case AttributeType.IDENTIFIER | AttributeType.REFERENCE:
            return _text(value, str)
        case AttributeType.NUMBER:
            return number_from(value)
        case AttributeType.BOOLEAN:
            return boolean_from(value)
        case AttributeType.DATE:
            return date_from(value)
        case AttributeType.STRING_LIST:
            return _texts(value)
    assert_never(type)


def _text(value: object, fold: Callable[[str], str]) -> str | None:
    return fold(value) if isinstance(value, str) and is_storable(value) else None


def _texts(value: object) -> frozenset[str] | None:
    if not isinstance(value, list | tuple):
        return None
    texts = [_text(each, folded) for each in value if not _is_blank(each)]
    fitting = [text for text in texts if text is not None]
    return frozenset(fitting) - {""} if len(fitting) == len(texts) else None


def _warning(attribute: Attribute, value: object) -> DataWarning:
    shown = _shown(value)
    expected = EXPECTED[attribute.type]
    return DataWarning(
        attribute=attribute.name,
        value=shown,
        expected=expected,
        message=f"{attribute.name} is {shown}, which is not {expected}; it counts as absent.",
    )


def _shown(value: object) -> str:
    """At most 200 characters, on one line, whatever the value holds."""
    match value:
        case str():
            text = json.dumps(value[:WARNING_LENGTH])
        case list() | tuple():
            text = f"a list of {len(value)} values"
        case Mapping():
            text = f"an object of {len(value)} keys"
        case int() if value.bit_length() > 1000:
            text = f"a number of {value.bit_length()} bits"
        case _:
            text = ascii(value)
    return text if len(text) <= WARNING_LENGTH else text[: WARNING_LENGTH - 1] + "…"


def to_json(facts: Facts) -> dict[str, object]:
    """Facts as stored: texts and booleans as they are, numbers as decimal strings, dates as ISO
    strings, sets as sorted lists. Most values need no conversion back, and SQL can read it."""
    return {name: _stored(fact) for name, fact in sorted(facts.items())}


def _stored(fact: Fact) -> object:
    match fact:
        case bool() | str():
            return fact
        case Decimal():
            return str(fact)
        case date():
            return fact.isoformat()
        case frozenset():
            return sorted(fact)
    assert_never(fact)


def from_json(obj: Mapping[str, object], catalog: Catalog) -> dict[str, Fact]:
    """Facts from their stored form. A value left over from another catalog is dropped: no fact
    ever has a type that is not its attribute's."""
    facts: dict[str, Fact] = {}
    for name, value in obj.items():
        attribute = catalog.get(name)
        if attribute is None:
            continue
        if isinstance(value, str) and attribute.type in _TEXTS:
            facts[name] = value
        elif (fact := _restored(attribute.type, value)) is not None:
            facts[name] = fact
    return facts


_TEXTS: Final = (AttributeType.STRING, AttributeType.IDENTIFIER, AttributeType.REFERENCE)
"""A tuple, found by identity: the hash of an enum member costs more than three comparisons."""


def _restored(type: AttributeType, value: object) -> Fact | None:
    if isinstance(value, list):
        return frozenset(value) if type is AttributeType.STRING_LIST else None
    if isinstance(value, bool):
        return value if type is AttributeType.BOOLEAN else None
    if not isinstance(value, str):
        return None
    if type is AttributeType.DATE:
        return _restored_date(value)
    return _restored_number(value) if type is AttributeType.NUMBER else None


def _restored_date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _restored_number(value: str) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def moments(facts: Facts) -> dict[str, date]:
    """The date facts: what the index of people's dates holds for a person."""
    return {name: fact for name, fact in facts.items() if isinstance(fact, date)}
