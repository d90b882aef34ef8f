"""What a rule may ask about a person: the typed attributes of a workspace."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class AttributeType(StrEnum):
    """STRING compares folded (values.folded); IDENTIFIER and REFERENCE compare exactly."""

    STRING = "STRING"
    IDENTIFIER = "IDENTIFIER"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    STRING_LIST = "STRING_LIST"
    REFERENCE = "REFERENCE"


class Owner(StrEnum):
    """Who writes an attribute. What a MEMBER writes cannot decide what that member may do."""

    IDENTITY_PROVIDER = "IDENTITY_PROVIDER"
    ADMINISTRATOR = "ADMINISTRATOR"
    MEMBER = "MEMBER"


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    type: AttributeType
    owner: Owner


Catalog: TypeAlias = Mapping[str, Attribute]
"""Attributes by canonical name; no two names differ only in case."""

NAME_LENGTH: Final = 64
RESERVED: Final = frozenset(
    {"and", "or", "not", "everyone", "memberof", "reportsto", "reportsdirectlyto"}
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*")


class InvalidCatalog(ValueError):
    """A name outside the grammar, a reserved word, or two names that differ only in case."""


def is_attribute_name(name: str) -> bool:
    """Dotted words of ASCII letters, digits, _ and -, at most 64 long, no word of the language."""
    return (
        len(name) <= NAME_LENGTH
        and _NAME.fullmatch(name) is not None
        and name.lower() not in RESERVED
    )


def catalog_of(attributes: Iterable[Attribute]) -> Catalog:
    """The catalog of these attributes; raises InvalidCatalog."""
    catalog: dict[str, Attribute] = {}
    taken: set[str] = set()
    for attribute in attributes:
        if not is_attribute_name(attribute.name):
            raise InvalidCatalog(
                f"“{attribute.name[:200]}” cannot name an attribute: use words of letters, digits, "
                f"_ and -, joined by dots, at most {NAME_LENGTH} characters, and none of "
                f"{', '.join(sorted(RESERVED))}."
            )
        if attribute.name.lower() in taken:
            raise InvalidCatalog(f"Two attributes are called “{attribute.name}”.")
        taken.add(attribute.name.lower())
        catalog[attribute.name] = attribute
    return MappingProxyType(catalog)


def by_lower_name(catalog: Catalog) -> dict[str, Attribute]:
    """The catalog for look-ups in any case, as SCIM compares attribute names."""
    return {name.lower(): attribute for name, attribute in catalog.items()}


def _standard(owner: Owner, type: AttributeType, *names: str) -> list[Attribute]:
    return [Attribute(name, type, owner) for name in names]


STANDARD_ATTRIBUTES: Final[Catalog] = catalog_of(
    [
        *_standard(
            Owner.IDENTITY_PROVIDER,
            AttributeType.STRING,
            "userName",
            "displayName",
            "givenName",
            "familyName",
            "title",
            "department",
            "division",
            "organization",
            "userType",
            "country",
            "city",
            "locale",
            "timezone",
            "preferredLanguage",
        ),
        *_standard(
            Owner.IDENTITY_PROVIDER, AttributeType.IDENTIFIER, "costCenter", "employeeNumber"
        ),
        *_standard(Owner.IDENTITY_PROVIDER, AttributeType.DATE, "hireDate"),
        *_standard(Owner.IDENTITY_PROVIDER, AttributeType.REFERENCE, "manager"),
        *_standard(Owner.IDENTITY_PROVIDER, AttributeType.STRING_LIST, "emails", "groups"),
        *_standard(Owner.IDENTITY_PROVIDER, AttributeType.BOOLEAN, "remote"),
        *_standard(Owner.ADMINISTRATOR, AttributeType.STRING_LIST, "skills"),
        *_standard(Owner.ADMINISTRATOR, AttributeType.NUMBER, "level"),
        *_standard(Owner.MEMBER, AttributeType.STRING, "nickname"),
    ]
)
