"""What a clause may ask, by the type of its attribute."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from sync_engine.rules.attributes import AttributeType


class Comparison(StrEnum):
    """Operators with one value."""

    EQ = "eq"
    NE = "ne"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    CONTAINS = "contains"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    HAS = "has"


class Listing(StrEnum):
    """Operators with a list of values."""

    IN = "in"
    NOT_IN = "notIn"
    HAS_ANY = "hasAny"
    HAS_ALL = "hasAll"
    HAS_NONE = "hasNone"


class Span(StrEnum):
    """The operator with a lower and an upper value; both ends belong to it."""

    BETWEEN = "between"


class Presence(StrEnum):
    """Operators without a value."""

    PRESENT = "present"
    ABSENT = "absent"


Operator: TypeAlias = Comparison | Listing | Span | Presence

OPERATORS: Final[Mapping[str, Operator]] = {
    each.value: each for kind in (Comparison, Listing, Span, Presence) for each in kind
}

_ANY: Final = (Presence.PRESENT, Presence.ABSENT)
_EQUALITY: Final = (Comparison.EQ, Comparison.NE, Listing.IN, Listing.NOT_IN)
_TEXT: Final = (
    *_EQUALITY,
    Comparison.STARTS_WITH,
    Comparison.ENDS_WITH,
    Comparison.CONTAINS,
    *_ANY,
)
_ORDER: Final = (
    *_EQUALITY,
    Comparison.LT,
    Comparison.LE,
    Comparison.GT,
    Comparison.GE,
    Span.BETWEEN,
    *_ANY,
)

ALLOWED: Final[Mapping[AttributeType, tuple[Operator, ...]]] = {
    AttributeType.STRING: _TEXT,
    AttributeType.IDENTIFIER: _TEXT,
    AttributeType.REFERENCE: (*_EQUALITY, *_ANY),
    AttributeType.BOOLEAN: (Comparison.EQ, Comparison.NE, *_ANY),
    AttributeType.NUMBER: _ORDER,
    AttributeType.DATE: _ORDER,
    AttributeType.STRING_LIST: (
        Comparison.HAS,
        Listing.HAS_ANY,
        Listing.HAS_ALL,
        Listing.HAS_NONE,
        *_ANY,
    ),
}

OF_RELATIONS: Final[tuple[Operator, ...]] = (
    Comparison.HAS,
    Listing.HAS_ANY,
    Listing.HAS_ALL,
    Listing.HAS_NONE,
)
"""What may be asked of a relation. Not whether there is any at all: being in any segment would
follow from every other one."""

SHORT_NAMES: Final[Mapping[str, str]] = {
    "co": Comparison.CONTAINS,
    "sw": Comparison.STARTS_WITH,
    "ew": Comparison.ENDS_WITH,
    "pr": Presence.PRESENT,
}
"""How the text spells operators that SCIM abbreviates; `not in` is the one of two words."""
