"""One value as a cell of Excel: numbers as numbers, moments as dates, and text always as text.

What openpyxl is handed is a plain value wherever that becomes the cell that is meant, which is
quickest, and else a cell. Cells are written at once, so each column uses its own again and again.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

from openpyxl.cell import Cell
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.styles import Alignment, Border, Font, PatternFill
from openpyxl.styles import Side as Line
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from app.workbooks.columns import Column, Kind
from app.workbooks.text import for_excel, looks_like_formula

Maker: TypeAlias = Callable[[Any], Any]
Side: TypeAlias = Literal["left", "center", "right"]

FORMATS: Final = {
    Kind.FIGURE: "0.00",
    Kind.PERCENT: "0.0%",
    Kind.MOMENT: "yyyy-mm-dd hh:mm:ss",
    Kind.DATE: "yyyy-mm-dd",
    Kind.DURATION: "[h]:mm:ss",
    Kind.YES_NO: '"TRUE";"TRUE";"FALSE"',
}

HEADER: Final = {
    "font": Font("Calibri", 11, bold=True, color="FFFFFF"),
    "fill": PatternFill("solid", start_color="1F3A5F"),
    "border": Border(bottom=Line("thin", color="1F3A5F")),
}

_SIDES: Final[Mapping[Kind, Side]] = {
    Kind.TEXT: "left",
    Kind.ANY: "left",
    Kind.YES_NO: "center",
}
_SHOWN_AS_THEY_ARE: Final = (Kind.INTEGER, Kind.NUMBER)
_FIRST_DAY: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's days have no zone
_FIRST_RIGHT: Final = dt.datetime(1900, 3, 1)  # noqa: DTZ001 - before, Excel counts a false day
_A_DAY: Final = dt.timedelta(days=1)
_MOST_DIGITS: Final = 10**15
_UNSAFE: Final = ("=", "+", "-", "@", "\t", "\n", "'")


def maker(sheet: WriteOnlyWorksheet, column: Column, zone: dt.tzinfo) -> Maker:
    """What turns the values of a column, None aside, into what `sheet.append` wants."""
    if column.kind is Kind.TEXT:
        return _Texts(sheet, column)
    if column.kind is Kind.YES_NO:
        return _Truths(sheet, column)
    if column.kind is Kind.ANY:
        return _of_any_kind(sheet, column, zone)
    numbers = _Numbers(sheet, column)
    if column.kind in _SHOWN_AS_THEY_ARE:
        return numbers.plain
    number_of = _counted(column.kind, zone)
    return lambda value: numbers(number_of(value), value)


def header(sheet: WriteOnlyWorksheet, title: str, kind: Kind) -> Cell:
    """The cell of a column's title, which stands where its values do."""
    cell = _text(_Quick(sheet, 1, 1), for_excel(title))
    side = _SIDES.get(kind, "right")
    cell.alignment = Alignment(horizontal=side, vertical="center", wrap_text=True)
    for name, value in HEADER.items():
        setattr(cell, name, value)
    return cell


def _counted(kind: Kind, zone: dt.tzinfo) -> Callable[[Any], float | None]:
    """What gives the number by which Excel knows such a value."""
    match kind:
        case Kind.MOMENT:
            return lambda value: _days(value.astimezone(zone).replace(tzinfo=None))
        case Kind.DATE:
            return lambda value: _days(dt.datetime.combine(value, dt.time()))
        case Kind.DURATION:
            return lambda value: _seconds(value) / 86_400
        case Kind.PERCENT:
            return lambda value: float(value) / 100
        case _:
            return float


def _of_any_kind(sheet: WriteOnlyWorksheet, column: Column, zone: dt.tzinfo) -> Maker:
    kinds = [kind for kind in Kind if kind is not Kind.ANY]
    makers = {kind: maker(sheet, replace(column, kind=kind), zone) for kind in kinds}
    return lambda each: None if each.value is None else makers[each.kind](each.value)


class _Quick(Cell):
    """A cell in few words: openpyxl spells out each one that it is handed, in the message of an
    error that it catches itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "cell"


class _Texts:
    """Texts: never a formula nor an error, even when somebody edits the cell later."""

    def __init__(self, sheet: WriteOnlyWorksheet, column: Column) -> None:
        self._guarded = _Quick(sheet, 1, 1)
        self._guarded.quotePrefix = True
        self._wrapped = _Quick(sheet, 1, 1) if column.wraps else None
        for cell in (self._guarded, self._wrapped):
            if column.wraps and cell is not None:
                cell.alignment = Alignment(wrap_text=True)

    def __call__(self, value: Any) -> Any:
        text = for_excel(value if isinstance(value, str) else str(value))
        if text.startswith(_UNSAFE) or text in ERROR_CODES or looks_like_formula(text):
            return _text(self._guarded, text)
        return text if self._wrapped is None else _text(self._wrapped, text)


class _Truths:
    """Yes and no, which Excel says in its own language."""

    def __init__(self, sheet: WriteOnlyWorksheet, column: Column) -> None:
        self._cell = _Quick(sheet, 1, 1)
        self._cell.number_format = FORMATS[column.kind]
        self._cell.alignment = Alignment(horizontal="center")

    def __call__(self, value: Any) -> Cell:
        self._cell.value = bool(value)
        return self._cell


class _Numbers:
    """Numbers of one format; as text where Excel could not keep what they say."""

    def __init__(self, sheet: WriteOnlyWorksheet, column: Column) -> None:
        self._cell = _Quick(sheet, 1, 1)
        self._cell.number_format = FORMATS.get(column.kind, "General")

    def __call__(self, number: float | None, said: object) -> Any:
        if number is None or not _fits(number):
            return self._in_words(said)
        self._cell.value = number
        return self._cell

    def plain(self, value: Any) -> Any:
        """A number that is shown as it is."""
        number = value if type(value) is int else float(value)
        return number if _fits(number) else self._in_words(value)

    def _in_words(self, said: object) -> Cell:
        return _text(self._cell, for_excel(str(said)))


def _fits(number: float) -> bool:
    """Whether Excel keeps all digits of whole numbers as large as this; not so NaN and infinity."""
    return -_MOST_DIGITS < number < _MOST_DIGITS


def _text(cell: Cell, text: str) -> Cell:
    cell.value = text
    cell.data_type = "s"
    return cell


def _days(moment: dt.datetime) -> float | None:
    """Days as Excel counts them; None before it counts them right."""
    return (moment - _FIRST_DAY) / _A_DAY if moment >= _FIRST_RIGHT else None


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, dt.timedelta) else float(value)
