"""How single values are read: the one normalization that facts and rules share."""

import re
from datetime import date
from decimal import Decimal
from typing import Final
from unicodedata import normalize

NUMBER_DIGITS: Final = 30
JSON_DIGITS: Final = 15
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_DATE: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,9})?)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def folded(text: str) -> str:
    """NFKC, casefold, trim: what STRING and STRING_LIST values are compared by.

    NFKC runs again after casefold, which decomposes eight Greek letters: so the fold is
    idempotent and every upper-case form meets its lower-case form. Folding knows no locale:
    the dotless i of Turkish stays apart from i.
    """
    if text.isascii():
        return text.lower().strip()
    return normalize("NFKC", normalize("NFKC", text).casefold()).strip()


def is_storable(text: str) -> bool:
    """Neither NUL nor a lone surrogate, which PostgreSQL and UTF-8 refuse."""
    return _UNSTORABLE.search(text) is None


def number_from(value: object) -> Decimal | None:
    """An int, a finite float, a Decimal or a decimal string, by value; None if it is not one.

    Written out plainly a number may have 30 digits. Zeros at the end fall away, so equal
    numbers are spelled alike.
    """
    match value:
        case bool():
            return None
        case int():
            return _plain(Decimal(value)) if value.bit_length() <= NUMBER_DIGITS * 4 else None
        case float():
            return number_from(repr(value))
        case Decimal():
            return _plain(value) if value.is_finite() else None
        case str():
            text = value.strip() if len(value) <= NUMBER_DIGITS * 4 else ""
            return _plain(Decimal(text)) if _NUMBER.fullmatch(text) else None
        case _:
            return None


def _plain(number: Decimal) -> Decimal | None:
    if not number:
        return Decimal(0)
    sign, coefficient, _ = number.as_tuple()
    digits = "".join(map(str, coefficient)).strip("0")
    exponent = number.adjusted() + 1 - len(digits)
    if max(len(digits), len(digits) + exponent, -exponent) > NUMBER_DIGITS:
        return None
    if exponent > 0:
        digits, exponent = digits + "0" * exponent, 0
    return Decimal((sign, tuple(map(int, digits)), exponent))


def fits_json_number(number: Decimal) -> bool:
    """Whether every reader of JSON keeps it exactly; a longer one is written as a string."""
    return len(number.as_tuple().digits) <= JSON_DIGITS


def date_from(value: object) -> date | None:
    """The date part of an ISO 8601 date or datetime, as written (its zone is not applied).

    None if it is not one. Years 1 to 9999. A datetime object counts by its own date part.
    """
    match value:
        case date():
            return date(value.year, value.month, value.day)
        case str():
            found = _DATE.fullmatch(value.strip()) if len(value) <= NUMBER_DIGITS * 2 else None
            return _calendar_date(*map(int, found.groups())) if found else None
        case _:
            return None


def _calendar_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def boolean_from(value: object) -> bool | None:
    """True, false, or one of these words in any case; None if it is neither."""
    match value:
        case bool():
            return value
        case str():
            return {"true": True, "false": False}.get(value.strip().lower())
        case _:
            return None
