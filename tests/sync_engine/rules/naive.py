"""A second entry of the rule language, to hold against the first.

It evaluates the JSON document on raw attributes, slowly and plainly, and shares no code with
`sync_engine.rules`: no nodes, no facts, no folding. Types are their names.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

Types = Mapping[str, str]


def holds(document: Any, person: Mapping[str, Any], types: Types, today: date) -> bool:
    if "everyone" in document:
        return True
    if "all" in document:
        return all(holds(each, person, types, today) for each in document["all"])
    if "any" in document:
        return any(holds(each, person, types, today) for each in document["any"])
    if "not" in document:
        return not holds(document["not"], person, types, today)
    return clause_holds(document, person, types, today)


def clause_holds(clause: Any, person: Mapping[str, Any], types: Types, today: date) -> bool:
    name = next(each for each in types if each.lower() == clause["attr"].lower())
    of_type = types[name]
    mine = value_of(of_type, person.get(name))
    operator = clause["op"]
    if operator in NEGATIVE:
        return not clause_holds({**clause, "op": NEGATIVE[operator]}, person, types, today)
    if mine is None:
        return False
    if operator == "present":
        return True
    one = "STRING" if of_type == "STRING_LIST" else of_type
    given = clause["value"]
    values = [literal_of(one, each, today) for each in (given if type(given) is list else [given])]
    return POSITIVE[operator](mine, values)


NEGATIVE = {"ne": "eq", "notIn": "in", "hasNone": "hasAny", "absent": "present"}

POSITIVE: dict[str, Callable[[Any, list[Any]], bool]] = {
    "eq": lambda mine, values: bool(mine == values[0]),
    "in": lambda mine, values: any(mine == each for each in values),
    "startsWith": lambda mine, values: mine[: len(values[0])] == values[0],
    "endsWith": lambda mine, values: mine[-len(values[0]) :] == values[0],
    "contains": lambda mine, values: mine.find(values[0]) >= 0,
    "lt": lambda mine, values: bool(mine < values[0]),
    "le": lambda mine, values: not mine > values[0],
    "gt": lambda mine, values: bool(mine > values[0]),
    "ge": lambda mine, values: not mine < values[0],
    "between": lambda mine, values: not mine < values[0] and not mine > values[1],
    "has": lambda mine, values: values[0] in mine,
    "hasAny": lambda mine, values: any(each in mine for each in values),
    "hasAll": lambda mine, values: all(each in mine for each in values),
}


def literal_of(of_type: str, given: Any, today: date) -> Any:
    return moved(today, given["now"]) if type(given) is dict else value_of(of_type, given)


def value_of(of_type: str, raw: Any) -> Any:
    """The comparable value, None if there is none or it does not fit."""
    if raw is None:
        return None
    if type(raw) is str and raw.strip() == "":
        return None
    return READ[of_type](raw)


def text_of(raw: Any) -> str | None:
    if type(raw) is not str or "\0" in raw or any(0xD800 <= ord(each) < 0xE000 for each in raw):
        return None
    folded = unicodedata.normalize("NFKC", raw).casefold()
    return unicodedata.normalize("NFKC", folded).strip() or None


def identifier_of(raw: Any) -> str | None:
    return raw if text_of(raw) is not None else None


def number_of(raw: Any) -> Fraction | None:
    if type(raw) is str and re.match(r"^\s*[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\s*$", raw):
        decimal = Decimal(raw.strip())
    elif type(raw) in (int, float, Decimal):
        decimal = Decimal(str(raw))
    else:
        return None
    if not decimal.is_finite():
        return None
    whole, _, part = f"{abs(decimal):f}".partition(".")
    whole, part = whole.lstrip("0"), part.rstrip("0")
    significant = (whole + part).strip("0") if not whole or not part else whole + part
    if max(len(whole), len(part), len(significant.lstrip("0"))) > 30:
        return None
    return Fraction(decimal)


def boolean_of(raw: Any) -> bool | None:
    if type(raw) is bool:
        return raw
    known = {"true": True, "false": False}
    return known.get(raw.strip().lower()) if type(raw) is str else None


def date_of(raw: Any) -> date | None:
    if type(raw) is not str:
        return None
    found = re.match(r"^\s*([0-9]{4})-([0-9]{2})-([0-9]{2})(T.*)?\s*$", raw)
    if not found:
        return None
    try:
        return date(*[int(each) for each in found.groups()[:3]])
    except ValueError:
        return None


def moved(today: date, offset: str) -> date:
    """Month by month, then day by day."""
    step = -1 if offset.startswith("-") else 1
    count = {unit: int(number) for number, unit in re.findall(r"([0-9]+)([YMWD])", offset.upper())}
    year, month = today.year, today.month
    for _ in range(count.get("Y", 0) * 12 + count.get("M", 0)):
        month += step
        if month in (0, 13):
            year, month = year + step, 12 if month == 0 else 1
    there = date(year, month, 1)
    while there.day < today.day and (there + timedelta(days=1)).month == month:
        there += timedelta(days=1)
    for _ in range(count.get("W", 0) * 7 + count.get("D", 0)):
        there += timedelta(days=step)
    return there


def texts_of(raw: Any) -> list[str] | None:
    if type(raw) is not list:
        return None
    found = []
    for each in raw:
        if each is None or (type(each) is str and each.strip() == ""):
            continue
        text = text_of(each)
        if text is None:
            return None
        found.append(text)
    return found or None


READ: dict[str, Callable[[Any], Any]] = {
    "STRING": text_of,
    "IDENTIFIER": identifier_of,
    "REFERENCE": identifier_of,
    "NUMBER": number_of,
    "BOOLEAN": boolean_of,
    "DATE": date_of,
    "STRING_LIST": texts_of,
}
