"""One sheet as it is written: titles that stay in sight, filters, widths, colors."""

import contextlib
import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.formatting import rule
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import WorkbookAlreadySaved

from app.workbooks.cells import header, maker
from app.workbooks.columns import Column, Kind, Look
from app.workbooks.sheets import Row, Sheet

_RULES: Final[Any] = rule
"""The published types of openpyxl leave out what these return, and half of a sheet's parts."""

MOST_ROWS: Final = 1_048_576
MOST_COLUMNS: Final = 16_384

A4: Final = 9
LINE: Final = 15.5
MOST_LINES: Final = 8
LEGIBLE_ON_A_PAGE: Final = 260
"""So many characters in a line can be read when they are made to fit on one page."""

# Told apart by people who see red and green alike.
LOW: Final = "F4B183"
MIDDLE: Final = "FFF9E5"
HIGH: Final = "9DC3E6"
YES: Final = ("DDEBF7", "1F4E79")
NO: Final = ("FBE5D6", "843C0C")
BAR: Final = "9DC3E6"


class Page:
    """A sheet of a workbook being written; `rows` counts the titles' too."""

    def __init__(self, book: Workbook, title: str, sheet: Sheet, zone: dt.tzinfo) -> None:
        self.sheet = sheet
        self.work: Any = book.create_sheet(title)
        self.rows = 1
        frozen = get_column_letter(sheet.frozen_columns + 1)
        self.work.freeze_panes = f"{frozen}2"
        for letter, column in self._lettered():
            self.work.column_dimensions[letter].width = column.characters
        self._print_on_paper()
        titles = [_titled(each, zone) for each in sheet.columns]
        self.work.row_dimensions[1].height = LINE * _lines(titles, sheet.columns)
        self._makers = [maker(self.work, each, zone) for each in sheet.columns]
        self.work.append(
            [
                header(self.work, title, column.kind)
                for title, column in zip(titles, sheet.columns, strict=True)
            ]
        )

    def _print_on_paper(self) -> None:
        self.work.page_setup.orientation = "landscape"
        self.work.page_setup.paperSize = A4
        self.work.print_title_rows = "1:1"
        width = sum(each.characters for each in self.sheet.columns)
        if width <= LEGIBLE_ON_A_PAGE:
            self.work.page_setup.fitToHeight = 0
            self.work.sheet_properties.pageSetUpPr.fitToPage = True

    def add(self, row: Row) -> None:
        self.work.append(
            [
                None if value is None else make(value)
                for make, value in zip(self._makers, row, strict=True)
            ]
        )
        self.rows += 1

    def finish(self) -> None:
        """All rows are there: say what is about all of them."""
        last = get_column_letter(len(self.sheet.columns))
        if self.sheet.has_filter:
            self.work.auto_filter.ref = f"A1:{last}{self.rows}"
        if self.rows > 1:
            for letter, column in self._lettered():
                for rule in _rules(column):
                    self.work.conditional_formatting.add(f"{letter}2:{letter}{self.rows}", rule)

    def drop(self) -> None:
        """Close what is open and take the temporary file away."""
        with contextlib.suppress(WorkbookAlreadySaved):
            self.work.close()
        with contextlib.suppress(OSError):
            self.work._writer.cleanup()

    def _lettered(self) -> Iterator[tuple[str, Column]]:
        for place, column in enumerate(self.sheet.columns, 1):
            yield get_column_letter(place), column


def _lines(titles: Sequence[str], columns: Sequence[Column]) -> int:
    """About how many lines the longest title takes, broken as its column is wide."""
    broken = (
        math.ceil(1.2 * len(title) / column.characters)
        for title, column in zip(titles, columns, strict=True)
    )
    return min(max(2, *broken, 2), MOST_LINES)


def _titled(column: Column, zone: dt.tzinfo) -> str:
    return f"{column.title} ({zone})" if column.kind is Kind.MOMENT else column.title


def _rules(column: Column) -> list[Any]:
    match column.look:
        case Look.SCALE:
            return [
                _RULES.ColorScaleRule(
                    start_type="num", start_value=0, start_color=LOW,
                    mid_type="num", mid_value=0.5, mid_color=MIDDLE,
                    end_type="num", end_value=1, end_color=HIGH,
                )
            ]  # fmt: skip
        case Look.BAR:
            return [_RULES.DataBarRule("num", 0, "max", None, BAR)]
        case Look.VERDICT:
            return [_verdict("TRUE", YES), _verdict("FALSE", NO)]
        case Look.PLAIN:
            return []


def _verdict(value: str, colors: tuple[str, str]) -> Any:
    fill, font = colors
    return _RULES.CellIsRule(
        operator="equal",
        formula=[value],
        fill=PatternFill(bgColor=fill),
        font=Font(color=font),
    )
