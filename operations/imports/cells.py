"""What is written in a cell, as a value of an attribute; and the other way round."""

import json
import re
from typing import Any, Final

from operations.provided import fitting
from operations.refusals import Code, Refused
from sync_engine.rules import Attribute, AttributeType, fold

YES_AND_NO: Final = {
    **dict.fromkeys(("true", "yes", "y", "1", "on"), True),
    **dict.fromkeys(("false", "no", "n", "0", "off"), False),
}

_DIGITS: Final = 15
"""Every reader of JSON keeps numbers of so many digits exactly."""

_LONGEST_SHOWN: Final = 60
_DEFUSED: Final = re.compile("'(?=[\\s\u200b\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n])")
_COMPARED_TYPED: Final = (AttributeType.NUMBER, AttributeType.BOOLEAN, AttributeType.DATE)

_EXPECTED: Final = {
    AttributeType.NUMBER: "a number such as 3 or 2.5, of at most 30 digits",
    AttributeType.BOOLEAN: "yes or no",
    AttributeType.DATE: "a date such as 2026-03-01",
}


def plain(cell: str) -> str:
    """A cell without what surrounds it, and without the apostrophe that exports put before what a
    spreadsheet would execute."""
    return _DEFUSED.sub("", cell, count=1).strip() if cell.startswith("'") else cell.strip()


def as_text(value: Any) -> str | None:
    """Whatever is known of somebody, as exports write it: lists by commas, what is nested as
    JSON."""
    match value:
        case None | "":
            return None
        case str():
            return value
        case list() if all(isinstance(each, str) for each in value):
            return ", ".join(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def value_of(attribute: Attribute, title: str, cell: str) -> object:
    """The value as stored. Raises Refused, naming the column, what it says, and the way out."""
    try:
        return fitting(attribute.name, _value(attribute, cell))
    except Refused as refused:
        problem = refused.message.removeprefix(f"{attribute.name[:100]} ").rstrip(".")
        raise unfit(title, cell, problem) from None
    except _Unfit:
        expected = _EXPECTED[attribute.type]
        raise unfit(title, cell, f"is not {expected}") from None


def is_known(attribute: Attribute, stored: object, cell: str, value: object) -> bool:
    """Whether a cell says what is stored already: in the same words, or the same number, date,
    yes or no."""
    if value == stored or (as_text(stored) or "").strip() == cell:
        return True
    return attribute.type in _COMPARED_TYPED and _fact(attribute, stored) == _fact(attribute, value)


def unfit(title: str, cell: str, problem: str) -> Refused:
    """The refusal of one cell."""
    return Refused(
        Code.BAD_USER_INPUT,
        f"“{shown(title)}” says “{shown(cell)}”, which {problem}. Correct it, or leave it empty.",
        {"column": title},
    )


def shown(text: str) -> str:
    """At most 60 characters, on one line, whatever was written."""
    line = "".join(each if each.isprintable() else "\ufffd" for each in text[:_LONGEST_SHOWN])
    return f"{line}…" if len(text) > _LONGEST_SHOWN else line


class _Unfit(Exception):
    """The text is no value of the attribute's type."""


def _value(attribute: Attribute, cell: str) -> object:
    match attribute.type:
        case AttributeType.NUMBER:
            return _number(attribute, cell)
        case AttributeType.BOOLEAN:
            if cell.lower() not in YES_AND_NO:
                raise _Unfit
            return YES_AND_NO[cell.lower()]
        case AttributeType.DATE:
            return str(_typed(attribute, cell))
        case AttributeType.STRING_LIST:
            parts = [each.strip() for each in cell.split(";" if ";" in cell else ",")]
            return [each for each in parts if each]
        case _:
            return cell


def _number(attribute: Attribute, cell: str) -> object:
    number: Any = _typed(attribute, cell)
    if len(number.as_tuple().digits) > _DIGITS:
        return str(number)
    return int(number) if number == number.to_integral_value() else float(number)


def _typed(attribute: Attribute, cell: str) -> object:
    fact = _fact(attribute, cell)
    if fact is None:
        raise _Unfit
    return fact


def _fact(attribute: Attribute, value: object) -> object:
    return fold({attribute.name: value}, {attribute.name: attribute})[0].get(attribute.name)
