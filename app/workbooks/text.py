"""Text of people on its way into a file of cells: whatever it is, it stays text."""

import re
from collections.abc import Collection
from typing import Final

MOST_UNITS: Final = 32_767
"""The longest text of a cell: Excel counts the halves of UTF-16."""

MOST_TITLE_UNITS: Final = 31

_SURELY_SHORT: Final = MOST_UNITS // 2
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RETURN: Final = re.compile("\r\n?")
_ESCAPE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_FORBIDDEN_IN_TITLES: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_FORMULA: Final = re.compile("[\\s\u200b\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n]")


def clean(text: str) -> str:
    """The text, fit for a cell. What XML has no word for (control characters, half surrogates,
    U+FFFE and U+FFFF) is shown as U+FFFD; line ends are one character; what is longer than a cell
    can be is cut and says so."""
    if "\r" in text:
        text = _RETURN.sub("\n", text)
    if _UNWRITABLE.search(text):
        text = _UNWRITABLE.sub("\ufffd", text)
    return text if len(text) <= _SURELY_SHORT else _cut(text, MOST_UNITS)


def for_excel(text: str) -> str:
    """The cleaned text with what Excel would read as an escape (`_x0041_`) escaped itself."""
    text = clean(text)
    if "_x" not in text or not _ESCAPE.search(text):
        return text
    return _cut(_ESCAPE.sub("_x005F_", text), MOST_UNITS)


def for_csv(text: str) -> str:
    """The cleaned text, with an apostrophe before what a spreadsheet would take for a formula."""
    text = clean(text)
    return f"'{text}" if looks_like_formula(text) else text


def from_csv(text: str) -> str:
    """A text as it was before `for_csv`."""
    return text[1:] if text.startswith("'") and looks_like_formula(text[1:]) else text


def looks_like_formula(text: str) -> bool:
    """Whether some spreadsheet might execute the text when it is typed in."""
    return _FORMULA.match(text) is not None


def sheet_title(wished: str, taken: Collection[str] = ()) -> str:
    """A title Excel takes for a sheet, unlike those taken, in whichever case."""
    wished = _FORBIDDEN_IN_TITLES.sub(" ", clean(wished)).strip().strip("'").strip()
    if wished.lower() in ("", "history"):
        wished = f"{wished} sheet".strip().capitalize()
    lowered = {each.lower() for each in taken}
    title, number = _fitting(wished, ""), 1
    while title.lower() in lowered:
        number += 1
        title = _fitting(wished, f" ({number})")
    return title


def _fitting(wished: str, suffix: str) -> str:
    return _first_units(wished, MOST_TITLE_UNITS - len(suffix)).rstrip(" '") + suffix


def _cut(text: str, most: int) -> str:
    length = _units(text)
    if length <= most:
        return text
    mark = f"… [cut: {len(text):,} characters]"
    return _first_units(text, most - len(mark)) + mark


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _first_units(text: str, most: int) -> str:
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", errors="ignore")
