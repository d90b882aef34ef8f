"""CSV as people's programs write it: in any usual encoding, separator and end of line.

Rows end where RFC 4180 says; a row begins in the line its first cell begins in. The apostrophe that
files of ours have before what looks like a formula is taken away again.
"""

import csv
import re
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from app.workbooks.reading.encodings import encoding_of
from app.workbooks.reading.limits import (
    MOST_IN_ROW,
    refuse_long,
    unreadable,
)
from app.workbooks.reading.table import Raw, Table, filled, first_of, no_rows, padded, titles_of
from app.workbooks.text import from_csv
from operations.refusals import Refused

SEPARATORS: Final = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
"""Those that are looked for. Of two that fit alike, the one that stands in prose is less likely."""

LOOKED_AT: Final = 50
"""Rows that say what separates cells."""

_SAID: Final = re.compile(r'"?sep=([^\w\r\n"])"?[\r\n]*', re.IGNORECASE)


class _Lines:
    """The lines of a text, each with its end, and the number of the last one; a row that goes on
    for too long is refused."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0
        self._began = 1
        self._length = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MOST_IN_ROW + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if self._length > MOST_IN_ROW:
            raise unreadable(
                f"The row that begins in line {self._began:,} goes on for more than"
                f" {MOST_IN_ROW:,} characters, up to line {self.number:,}: is a quote never closed,"
                " or is this no table? Put it right there.",
                limit=MOST_IN_ROW,
                line=self._began,
            )
        return line

    def begin(self) -> int:
        """Where the next row begins."""
        self._began, self._length = self.number + 1, 0
        return self._began


def csv_table(path: Path) -> Table:
    """Looks the whole file through first: what is wrong in its last line is said before its first
    is used. Raises Refused."""
    encoding = encoding_of(path)
    said = _said(path, encoding.codec)
    separator = said or _separator(path, encoding.codec)
    skips = 1 if said else 0

    def raw() -> Generator[Raw, None, None]:
        return filled(_rows(path, encoding.codec, separator, skips))

    found = raw()
    first = first_of(found)
    titles, places = titles_of(first)
    widths = Counter(len(each.cells) for each in found)
    width, total = max([len(first.cells), *widths]), widths.total()
    refuse_long(total)
    if not total:
        raise no_rows()
    by = SEPARATORS.get(separator, f"“{separator}”")
    why = ", as its first line says" if said else ""
    recognized = f"CSV in {encoding.name} ({encoding.reason}), cells divided by {by}{why}"
    return Table(recognized, titles, places, padded(first, width), total, raw)


def _rows(path: Path, codec: str, separator: str, skips: int = 0) -> Generator[Raw, None, None]:
    with path.open(encoding=codec, newline="") as file:
        lines = _Lines(file)
        for _ in islice(lines, skips):
            pass
        reader = csv.reader(lines, delimiter=separator, strict=True)
        line = lines.begin()
        try:
            for cells in reader:
                yield Raw(line, [from_csv(each) for each in cells])
                line = lines.begin()
        except csv.Error as problem:
            raise _broken(line, str(problem)) from problem


def _broken(line: int, problem: str) -> Refused:
    if "unexpected end" in problem:
        what = "a quote is opened and never closed"
    else:
        what = "something stands behind a closing quote, or a quote within quotes is not doubled"
    return unreadable(
        f"In the row that begins in line {line:,}, {what}. Put it right there.", line=line
    )


def _said(path: Path, codec: str) -> str | None:
    """The separator that the first line names, for Excel."""
    with path.open(encoding=codec, newline="") as file:
        found = _SAID.fullmatch(file.readline(20))
    return found[1] if found else None


def _separator(path: Path, codec: str) -> str:
    """What divides the titles, and most rows into as many cells."""
    scores = {each: _score(path, codec, each) for each in SEPARATORS}
    return max(scores, key=lambda each: scores[each])


def _score(path: Path, codec: str, separator: str) -> tuple[bool, float, int]:
    lengths: list[int] = []
    with suppress(Refused):
        for _, cells in islice(_rows(path, codec, separator), LOOKED_AT):
            if any(map(str.strip, cells)):
                lengths.append(len(cells))
    columns = lengths[0] if lengths else 0
    return columns > 1, lengths.count(columns) / max(1, len(lengths)), columns
