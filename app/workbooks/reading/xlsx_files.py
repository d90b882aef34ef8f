"""The first sheet of a workbook in which something stands, read row by row by openpyxl.

Formulas are what they came to when the workbook was saved; links to other workbooks are not
followed. How large a sheet says it is counts for nothing.
"""

import datetime as dt
import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook

from app.workbooks.reading.limits import refuse_long
from app.workbooks.reading.packages import damaged, look_through
from app.workbooks.reading.table import (
    Raw,
    Table,
    filled,
    first_of,
    no_rows,
    nothing,
    padded,
    titles_of,
)
from operations.imports.planning import MOST_COLUMNS
from operations.refusals import Refused

_ZEROS: Final = re.compile("0{2,15}")
_MIDNIGHT: Final = dt.time()
_SHOWN: Final = "visible"


def xlsx_table(path: Path) -> Table:
    """Raises Refused."""
    rows, width = look_through(path)
    if rows is not None:
        refuse_long(rows - 1)
    place, title = _first_filled(path)

    def raw() -> Generator[Raw, None, None]:
        return filled(_rows(path, place))

    with closing(raw()) as found:
        first = first_of(found)
        if next(found, None) is None:
            raise no_rows()
    recognized = f"Excel workbook, sheet “{title}”"
    titles, places = titles_of(first)
    all_titles = padded(first, max(len(first.cells), min(width, MOST_COLUMNS)))
    total = None if rows is None else rows - 1
    return Table(recognized, titles, places, all_titles, total, raw)


def _first_filled(path: Path) -> tuple[int, str]:
    """Its place and title; of several, one that is not hidden."""
    with _opened(path) as book:
        sheets = list(enumerate(book.worksheets))
        shown = [each for each in sheets if each[1].sheet_state == _SHOWN]
        for place, sheet in [*shown, *sheets]:
            if next(filled(_lines(sheet)), None) is not None:
                return place, sheet.title
    raise nothing()


def _rows(path: Path, place: int) -> Generator[Raw, None, None]:
    with _opened(path) as book:
        yield from _lines(book.worksheets[place])


def _lines(sheet: Any) -> Generator[Raw, None, None]:
    sheet.reset_dimensions()
    for line, cells in enumerate(sheet.iter_rows(), 1):
        yield Raw(line, [_text(each) for each in cells])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """What openpyxl raises where a workbook is not as it should be is as manifold as workbooks."""
    book, file = None, path.open("rb")
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        yield book
    except (Refused, GeneratorExit):
        raise
    except Exception as problem:
        raise damaged(f"{type(problem).__name__}: {problem}") from problem
    finally:
        if book is not None:
            book.close()
        file.close()


def _text(cell: Any) -> str:
    match cell.value:
        case None:
            return ""
        case str() as text:
            return text
        case bool() as truth:
            return "TRUE" if truth else "FALSE"
        case int() | float() as number:
            return _digits(number, cell.number_format)
        case dt.datetime() as moment if moment.time() == _MIDNIGHT:
            return moment.date().isoformat()
        case dt.datetime() | dt.date() | dt.time() as moment:
            return moment.isoformat()
        case other:
            return str(other)


def _digits(number: float, format: str) -> str:
    """Whole numbers without a point, and with the zeros before them that a format shows."""
    if not float(number).is_integer():
        return repr(number)
    digits = str(int(number))
    return digits.zfill(len(format)) if _ZEROS.fullmatch(format or "") else digits
