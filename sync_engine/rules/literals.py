"""Reading one value of a clause."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, assert_never

from sync_engine.rules.attributes import Attribute, AttributeType
from sync_engine.rules.dates import LONGEST_YEARS, duration_from, spelled
from sync_engine.rules.facts import EXPECTED
from sync_engine.rules.nodes import Literal, Now, Value
from sync_engine.rules.problems import LIMITS, ProblemCode, shown
from sync_engine.rules.relations import (
    LARGEST_SEGMENT,
    MEMBER_OF,
    Reference,
    Related,
    id_from,
)
from sync_engine.rules.values import (
    NUMBER_DIGITS,
    date_from,
    fits_json_number,
    folded,
    is_storable,
    number_from,
)

DATE_LENGTH: Final = len("2024-03-01")


@dataclass(frozen=True, slots=True)
class Complaint:
    code: ProblemCode
    message: str


def value_from(attribute: Attribute, value: object) -> Value | Complaint:
    """A literal, or the engine clock where the attribute is a date."""
    if isinstance(value, dict) and attribute.type is AttributeType.DATE:
        return _now(value)
    return literal_from(attribute, value)


def literal_from(attribute: Attribute, value: object) -> Literal | Complaint:
    if value is None:
        return _mismatch(attribute, value, "; for no value write absent")
    match attribute.type:
        case AttributeType.STRING | AttributeType.STRING_LIST:
            return _text(attribute, value, folds=True)
        case AttributeType.IDENTIFIER | AttributeType.REFERENCE:
            return _text(attribute, value, folds=False)
        case AttributeType.NUMBER:
            return _number(attribute, value)
        case AttributeType.BOOLEAN:
            return value if isinstance(value, bool) else _mismatch(attribute, value)
        case AttributeType.DATE:
            return _date(attribute, value)
    assert_never(attribute.type)


def _text(attribute: Attribute, value: object, *, folds: bool) -> str | Complaint:
    if not isinstance(value, str):
        return _mismatch(attribute, value)
    if len(value) > LIMITS.bytes:
        return _bad(f"a text of {len(value):,} characters is too long; use a shorter one")
    if not is_storable(value):
        return _bad("a text cannot hold NUL or half of a surrogate pair; leave it out")
    if not (folded(value) if folds else value.strip()):
        return _bad("an empty text counts as no value; write absent or present instead")
    return value


def _number(attribute: Attribute, value: object) -> Decimal | Complaint:
    number = number_from(value)
    if isinstance(value, str) and number is not None and fits_json_number(number):
        return _mismatch(attribute, value, "; write it without quotes")
    if number is not None:
        return number
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _bad(f"a number is finite and has at most {NUMBER_DIGITS} digits, written plainly")
    return _mismatch(attribute, value)


def _date(attribute: Attribute, value: object) -> date | Complaint:
    if isinstance(value, dict):
        message = "a list holds no relative date; compare with it by eq, lt, le, gt, ge or between"
        return Complaint(ProblemCode.TYPE_MISMATCH, message)
    if not isinstance(value, str):
        return _mismatch(attribute, value)
    day = date_from(value) if len(value) == DATE_LENGTH else None
    if day is None:
        return _bad(f"“{shown(value)}” is not a day of the calendar; write it as 2024-03-01")
    return day


def _now(value: dict[object, object]) -> Now | Complaint:
    offset = value.get("now")
    if len(value) != 1 or not isinstance(offset, str):
        return Complaint(
            ProblemCode.TYPE_MISMATCH, 'a relative date is written {"now":"-P90D"}, nothing else'
        )
    duration = duration_from(offset)
    if duration is None:
        return _bad(f"“{shown(offset)}” is not a duration; write days as -P90D, months as P6M")
    if not duration.is_within_limit():
        return _bad(f"“{shown(offset)}” is longer than {LONGEST_YEARS} years; use a literal date")
    return Now(spelled(duration))


def reference_from(relation: str, value: object, related: Related) -> Reference | Complaint:
    """The segment, or the person, of an id or a name."""
    names = related.names(relation)
    id = _id_called(value, names) if isinstance(value, str) else id_from(value)
    is_segment = relation == MEMBER_OF
    if id is None and not isinstance(value, str):
        return Complaint(
            ProblemCode.TYPE_MISMATCH,
            f"{relation} is compared with "
            f"{'a segment' if is_segment else 'a person'}, by its name in quotes or its number, "
            f"not with {kind_of(value)}",
        )
    is_impossible = id is None or (is_segment and id > LARGEST_SEGMENT)
    if id is None or is_impossible or (related.is_strict and id not in names):
        return _unknown(is_segment, value)
    if is_segment and id in related.refused:
        return Complaint(*related.refused[id])
    return Reference(id, names.get(id))


def _id_called(name: str, names: Mapping[int, str]) -> int | None:
    wanted = name.lower()
    return next((id for id, called in names.items() if called.lower() == wanted), None)


def _unknown(is_segment: bool, value: object) -> Complaint:
    said = f"“{shown(value)}”" if isinstance(value, str) else f"{value}"
    if is_segment:
        return Complaint(ProblemCode.UNKNOWN_SEGMENT, f"there is no segment {said}")
    return Complaint(ProblemCode.UNKNOWN_PERSON, f"there is nobody of user name or number {said}")


def _bad(message: str) -> Complaint:
    return Complaint(ProblemCode.BAD_VALUE, message)


def _mismatch(attribute: Attribute, value: object, way_out: str = "") -> Complaint:
    return Complaint(
        ProblemCode.TYPE_MISMATCH,
        f"{attribute.name} is compared with {_ONE[attribute.type]}, not with "
        f"{kind_of(value)}{way_out}",
    )


_ONE: Final = {**EXPECTED, AttributeType.STRING_LIST: "a text"}


def kind_of(value: object) -> str:
    """What a JSON value is, for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float() | Decimal():
            return "a number"
        case list():
            return "a list"
        case {"now": _}:
            return "a relative date"
        case _:
            return "an object"
