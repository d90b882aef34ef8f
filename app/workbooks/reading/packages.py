"""The archive that a workbook is, looked through before a library reads it: what its parts would
become in memory is bounded here, whatever they claim.

Each part of XML is parsed once, keeping nothing. What openpyxl holds at a time is a row, a string,
or a whole part without any; so many elements there may be between the ends of two of these.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from app.workbooks.reading.limits import (
    AS_CSV,
    AS_XLSX,
    PIECE,
    too_much,
    unreadable,
    unsupported,
)
from app.workbooks.reading.signs import refusal_of_parts
from operations.refusals import Refused

MOST_PARTS: Final = 2_000
MOST_UNPACKED: Final = 128 * 1024 * 1024
MOST_LINES: Final = 1_048_576
MOST_PLACES: Final = 16_384
MOST_BETWEEN: Final = 250_000
MOST_TEXT: Final = 100_000
MOST_IN_TAG: Final = 1024 * 1024

_ENDS: Final = frozenset({"row", "si"})
_VALUES: Final = frozenset({"v", "is"})
_LEAVE_OUT: Final = "Copy the cells as values into a new workbook, and bring that."


def look_through(path: Path) -> tuple[int | None, int]:
    """How many rows with something in them there are, unless several sheets have some; and how
    many cells the widest has. Raises UNSUPPORTED_FILE, UNREADABLE_FILE, LIMIT_REACHED."""
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_parts(archive)
            seen = [_seen(archive, each) for each in archive.infolist() if _is_xml(each)]
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as problem:
        raise damaged(str(problem)) from problem
    except zipfile.zlib.error as problem:  # type: ignore[attr-defined]
        raise damaged("its compression is broken") from problem
    counts = [each.filled for each in seen if each.filled]
    width = max((each.width for each in seen), default=0)
    return counts[0] if len(counts) == 1 else None, width


def damaged(what: str) -> Refused:
    """It is a workbook, and broken."""
    return unreadable(
        f"The workbook is damaged ({what[:80]}). Open it in Excel, and save it anew. {AS_CSV}"
    )


def _refuse_parts(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > MOST_PARTS:
        raise too_much("Parts of a workbook:", MOST_PARTS, len(parts), _LEAVE_OUT)
    if any(each.flag_bits & 1 for each in parts):
        raise unsupported(f"A password protects this file: take it away in Excel. {AS_XLSX}")
    unpacked = sum(each.file_size for each in parts)
    if unpacked > MOST_UNPACKED:
        raise too_much("Unpacked, a workbook has bytes:", MOST_UNPACKED, unpacked, _LEAVE_OUT)
    names = {each.filename for each in parts}
    says = archive.read("mimetype")[:80] if "mimetype" in names else b""
    refusal = refusal_of_parts(names, says)
    if refusal is not None:
        raise refusal


def _is_xml(part: zipfile.ZipInfo) -> bool:
    """Whatever is not a picture: openpyxl reads as XML what a workbook says is a sheet."""
    return not part.filename.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".emf", ".bin"))


def _seen(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> "_Seen":
    seen = _Seen(part.filename)
    with archive.open(part) as file:
        while piece := file.read(PIECE):
            seen.see(piece)
    seen.end()
    return seen


class _Seen:
    """A part of XML, as far as it was seen."""

    def __init__(self, name: str) -> None:
        self.filled = self.width = 0
        self._column = 0
        self._name = name
        self._rows = self._between = self._text = self._given = 0
        self._has_value = False
        self._cell: tuple[str | None, str | None] = None, None
        self._is_formula = self._has_result = False
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def see(self, piece: bytes) -> None:
        self._given += len(piece)
        self._parse(piece, is_last=False)
        waiting = self._given - self._parser.CurrentByteIndex
        if waiting > MOST_IN_TAG + PIECE:
            raise self._too_much("Bytes in one piece of XML:", MOST_IN_TAG, waiting)

    def end(self) -> None:
        self._parse(b"", is_last=True)

    def _parse(self, piece: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(piece, is_last)
        except expat.ExpatError as problem:
            raise damaged(f"{self._name}: {problem}") from problem

    def _doctype(self, *_: object) -> None:
        raise unsupported(
            f"The workbook declares entities of its own ({self._name}); no spreadsheet does."
            f" {AS_CSV}"
        )

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._text = 0
        self._between += 1
        if self._between > MOST_BETWEEN:
            raise self._too_much("Elements outside of rows:", MOST_BETWEEN, self._between)
        plain = name.rpartition(" ")[2]
        if plain == "row":
            self._row(attributes.get("r"))
        elif plain == "c":
            self._place(attributes.get("r"))
            self._cell = attributes.get("r"), attributes.get("t")
            self._is_formula = self._has_result = False
        elif plain in _VALUES:
            self._has_value = True
            self.width = max(self.width, self._column)
        elif plain == "f":
            self._is_formula = True

    def _end(self, name: str) -> None:
        plain = name.rpartition(" ")[2]
        if plain == "v":
            self._has_result = self._text > 0
        elif plain == "c" and self._is_formula and not self._has_result:
            self._refuse_open_formula()
        self._text = 0
        if plain in _ENDS:
            self._between = 0
        if plain == "row" and self._has_value:
            self.filled += 1

    def _characters(self, text: str) -> None:
        self._text += len(text)
        if self._text > MOST_TEXT:
            raise self._too_much("Characters of a cell:", MOST_TEXT, self._text)

    def _row(self, number: str | None) -> None:
        self._rows, self._column, self._has_value = self._rows + 1, 0, False
        line = _number(number, self._rows)
        if max(line, self._rows) > MOST_LINES:
            raise self._too_much("Lines of a sheet:", MOST_LINES, max(line, self._rows))

    def _place(self, coordinate: str | None) -> None:
        if coordinate is None:
            self._column += 1
            return
        letters = coordinate.rstrip("0123456789")
        digits = coordinate[len(letters) :]
        place = 0
        for letter in letters[:8].upper():
            place = 26 * place + ord(letter) - 64
        if not (letters.isascii() and letters.isalpha() and digits and len(digits) < 8):
            raise damaged(f"there is no cell {coordinate[:20]}")
        if place > MOST_PLACES:
            raise self._too_much("Columns of a sheet:", MOST_PLACES, place)
        self._column = place

    def _refuse_open_formula(self) -> None:
        """What a formula comes to is only known to who calculates it."""
        coordinate, kind = self._cell
        if kind != "str":
            raise unreadable(
                f"Cell {coordinate} is a formula, and what it comes to was not saved. Open the"
                f" workbook in Excel, and save it. {AS_CSV}"
            )

    def _too_much(self, what: str, limit: int, actual: int) -> Refused:
        return too_much(what, limit, actual, _LEAVE_OUT)


def _number(said: Any, otherwise: int) -> int:
    if said is None:
        return otherwise
    if not said.isdecimal() or len(said) > 8:
        raise damaged(f"there is no row {said[:20]}")
    return int(said)
