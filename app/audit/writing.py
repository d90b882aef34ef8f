"""Entries of the journal as the lines of a file.

JSONL: one object a line, `{"hash": …, "digest": …, "entry": {…}}`, in which the bytes of `entry`
are exactly those the digest was made of; README.md has the ten lines that check a file. What
cannot be checked any more, or not by everybody, stands under `shown` instead: a redacted entry,
and every entry in the file of somebody who sees only a part of the journal.

CSV: for spreadsheets, which must not take a text for a formula.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.chain import FIELDS, canonical
from operations.audit import Exported

CSV_COLUMNS: Final = (
    "workspace_id",
    "seq",
    *(name for name in FIELDS if name not in {"workspace_id", "seq", "salt"}),
    "hash",
)
_LIKE_A_FORMULA: Final = (*"=+-@", *"\uff1d\uff0b\uff0d\uff20", "\t", "\r", "\n")
"""Some spreadsheets take the full-width signs for the others."""

_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: how it begins, and how each entry continues it."""

    name: str
    media_type: str
    beginning: bytes
    write: Callable[[Iterable[Exported]], bytes]


def _lines(entries: Iterable[Exported]) -> bytes:
    return "".join(_line(each) for each in entries).encode()


def _line(entry: Exported) -> str:
    is_checkable = entry.is_whole and not entry.is_redacted
    key = "entry" if is_checkable else "shown"
    proof = f'"hash": "{entry.hash.hex()}", "digest": "{entry.digest.hex()}"'
    return f'{{{proof}, "{key}": {canonical(entry.columns)}}}\n'


def _rows(entries: Iterable[Exported]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(_row(each) for each in entries)
    return text.getvalue().encode()


def _row(entry: Exported) -> list[object]:
    values: Mapping[str, Any] = {**entry.columns, "hash": entry.hash.hex()}
    return [_cell(name, values[name]) for name in CSV_COLUMNS]


def _cell(name: str, value: Any) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_LIKE_A_FORMULA) else value
    if value is None:
        return ""
    return json.loads(FIELDS[name](value)) if name == "at" else value


def _header() -> bytes:
    text = io.StringIO()
    text.write(_BYTE_ORDER_MARK)
    csv.writer(text).writerow(CSV_COLUMNS)
    return text.getvalue().encode()


FORMATS: Final = {
    each.name: each
    for each in (
        Format("jsonl", "application/jsonl", b"", _lines),
        Format("csv", "text/csv; charset=utf-8", _header(), _rows),
    )
}
