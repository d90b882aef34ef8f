"""Workbooks of any program are read as people see them, and none costs more than it may."""

import datetime as dt
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from app.workbooks.reading.packages import MOST_UNPACKED
from tests.app.workbooks.brought.trying import (
    XLSX,
    changed,
    in_xlsx,
    refusal_of,
    rows_of,
    told,
    with_sheet,
    with_strings,
)
from tests.sampling import some

pytestmark = pytest.mark.spec("X5")

TWO = in_xlsx([["a", "b"], ["1", "2"]])
SHARED = with_strings([["a", "b"], ["1", "2"]])
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
NOON = dt.datetime(2026, 3, 2, 12, 30, 5)  # noqa: DTZ001 - Excel's moments have no zone

AS_TEXT = {
    "text": ("  text\nof two lines ", "  text\nof two lines "),
    "formula-like text": ("'=1+1", "'=1+1"),
    "a whole number": (3.0, "3"),
    "a number": (0.1, "0.1"),
    "a long number": (4915112345678, "4915112345678"),
    "yes": (True, "TRUE"),
    "a day": (dt.date(2026, 3, 2), "2026-03-02"),
    "midnight": (dt.datetime(2026, 3, 2), "2026-03-02"),  # noqa: DTZ001
    "a moment": (NOON, "2026-03-02T12:30:05"),
    "a time": (dt.time(9, 5), "09:05:00"),
    "nothing": (None, ""),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "brought"


@pytest.mark.parametrize("kind", AS_TEXT)
async def test_cells_are_text_as_people_would_write_it(path: Path, kind: str) -> None:
    value, text = AS_TEXT[kind]
    [row] = await rows_of(path, in_xlsx([["a", "b"], ["x", value]]), XLSX)

    assert row.cells == ("x", text)


async def test_zeros_that_a_format_shows_are_there(path: Path) -> None:
    book = Workbook()
    book.worksheets[0]["A1"] = "Postcode"
    book.worksheets[0]["A2"] = 1067
    book.worksheets[0]["A2"].number_format = "00000"
    data = io.BytesIO()
    book.save(data)

    [row] = await rows_of(path, data.getvalue(), XLSX)
    assert row.cells == ("01067",)


CELLS = st.text(
    st.characters(
        exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\n"
    ),
    max_size=30,
).filter(lambda text: not text.startswith("=") and "_x" not in text)


@given(
    rows=st.lists(
        st.lists(CELLS, min_size=2, max_size=2).filter(lambda row: any(map(str.strip, row))),
        min_size=1,
        max_size=8,
    ),
    gaps=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    down=st.integers(0, 3),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_openpyxl_writes_is_read_back(
    path: Path, rows: list[list[str]], gaps: list[int], down: int
) -> None:
    below: list[list[str | None]] = []
    lines = []
    for row, gap in zip(rows, gaps, strict=False):
        below += [*[[] for _ in range(gap)], list(row)]
        lines.append(1 + down + len(below))
    table: list[list[str | None]] = [*[[] for _ in range(down)], ["a", "b"], *below]
    found = await rows_of(path, in_xlsx(table), XLSX)

    assert [list(each.cells) for each in found] == rows
    assert [each.line for each in found] == lines


async def test_the_first_sheet_with_something_in_it_is_read(path: Path) -> None:
    recognized, table = await told(path, in_xlsx([], [["a"], ["1"]], [["b"], ["2"]]), XLSX)

    assert "“Sheet 1”" in recognized
    assert table == [("a",), ("1",)]


async def test_a_formula_is_what_it_came_to(path: Path) -> None:
    formula = with_sheet(
        in_xlsx([["a", "b"], ["x", 7]]), lambda xml: xml.replace(b"<v>7</v>", b"<f>3+4</f><v>7</v>")
    )
    [row] = await rows_of(path, formula, XLSX)
    unsaved = await refusal_of(path, in_xlsx([["a", "b"], ["x", "=3+4"]]), XLSX)

    assert row.cells == ("x", "7")
    assert "Cell B2 is a formula, and what it comes to was not saved" in unsaved.message


async def test_a_sheet_may_say_it_is_as_large_as_it_likes(path: Path) -> None:
    huge = with_sheet(TWO, lambda xml: xml.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"'))
    far = with_sheet(TWO, lambda xml: xml.replace(b'r="2"', b'r="900000"').replace(b'2"', b'2"'))

    [row] = await rows_of(path, huge, XLSX)
    assert (row.line, row.cells) == (2, ("1", "2"))
    assert [each.line for each in await rows_of(path, far, XLSX)] == [900_000]


async def test_text_beyond_the_titles_refuses_its_row_alone(path: Path) -> None:
    far = in_xlsx([["a"], ["1", *[None] * 16_382, "far away"], ["2"]])
    first, second = await rows_of(path, far, XLSX)

    assert first.problem is not None
    assert "Cell 16384 says “far away”" in first.problem
    assert second.problem is None


def _bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml"):
            archive.writestr(name, "<a/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(MOST_UNPACKED // 2**20 + 1):
                part.write(bytes(2**20))
    return made.getvalue()


def _entities(xml: bytes) -> bytes:
    nested = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    head, _, rest = xml.partition(b"<worksheet")
    doctype = b'<!DOCTYPE x [<!ENTITY e0 "ha">' + nested + b"]>"
    return head + doctype + (b"<worksheet" + rest).replace(b"<v>1</v>", b"<v>&e9;</v>")


def _external(name: str, part: bytes) -> bytes:
    if name != "xl/workbook.xml":
        return part
    return part.replace(b"<sheets>", b'<!DOCTYPE x SYSTEM "http://evil.example/x"><sheets>')


def _crowd(xml: bytes) -> bytes:
    return xml.replace(b"<sheetData>", b"<sheetData>" + b"<x/>" * 300_000)


REFUSED: dict[str, tuple[bytes, str]] = {
    "a bomb": (_bomb(), "has bytes: at most 134,217,728; this has 135,266,312"),
    "nested entities": (with_sheet(TWO, _entities), "declares entities of its own"),
    "a broken part": (changed(TWO, _external), "The workbook is damaged"),
    "a cell of 100 MB": (
        with_sheet(
            in_xlsx([["a"], [1]]), lambda xml: xml.replace(b"<v>", b"<v>" + b"9" * 100_000_000)
        ),
        "Characters of a cell: at most 100,000",
    ),
    "an attribute of 100 MB": (
        with_sheet(TWO, lambda xml: xml.replace(b'r="1"', b'r="' + b"1" * 100_000_000 + b'"')),
        "Bytes in one piece of XML: at most 1,048,576",
    ),
    "elements outside of rows": (with_sheet(TWO, _crowd), "Elements outside of rows"),
    "a cell beyond columns": (
        with_sheet(TWO, lambda xml: xml.replace(b'r="B2"', b'r="ZZZZZZZ2"')),
        "Columns of a sheet: at most 16,384",
    ),
    "a row beyond rows": (
        with_sheet(TWO, lambda xml: xml.replace(b'<row r="2"', b'<row r="99999999"')),
        "Lines of a sheet: at most 1,048,576",
    ),
    "strings that are missing": (
        changed(SHARED, lambda name, part: None if "sharedStrings" in name else part),
        "The workbook is damaged",
    ),
    "a sheet that is missing": (
        changed(TWO, lambda name, part: None if "sheet1" in name else part),
        "The file is empty",
    ),
    "a string that is not there": (
        with_sheet(SHARED, lambda xml: xml.replace(b"<v>3</v>", b"<v>99</v>")),
        "The workbook is damaged",
    ),
    "half a file": (TWO[: len(TWO) // 2], "The workbook is damaged"),
    "a document": (
        changed(TWO, lambda name, part: None if name.startswith("xl/") else part),
        "an archive without a workbook",
    ),
    ".ods": (
        changed(TWO, lambda *_: None, mimetype=b"application/vnd.oasis.opendocument.spreadsheet"),
        "OpenDocument file (.ods)",
    ),
    ".numbers": (changed(TWO, lambda *_: None, **{"Index/Document.iwa": b"x"}), "a Numbers file"),
    ".xlsb": (
        changed(TWO, lambda *_: None, **{"xl/workbook.bin": b"x"}),
        "binary workbook (.xlsb)",
    ),
    ".xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "take the password away"),
    "CSV": (b"a,b\n1,2\n", "called .xlsx, and is no Excel workbook"),
    "PDF": (b"%PDF-1.7", "This is a PDF"),
    "nothing": (b"", "The file is empty"),
    "an empty sheet": (in_xlsx([]), "The file is empty"),
    "titles only": (in_xlsx([["a", "b"]]), "no rows below them"),
    "too many columns": (in_xlsx([["a"] * 201, ["1"]]), "at most 200; this has 201"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_read_is_refused_with_a_way_out(path: Path, what: str) -> None:
    data, said = REFUSED[what]
    refusal = await refusal_of(path, data, XLSX)

    assert said in refusal.message


async def test_links_to_other_workbooks_are_not_followed(path: Path) -> None:
    linked = changed(
        with_sheet(
            in_xlsx([["a", "b"], ["x", 7]]),
            lambda xml: xml.replace(b"<v>7</v>", b"<f>[1]Other!A1</f><v>7</v>"),
        ),
        lambda _, part: part,
        **{"xl/externalLinks/externalLink1.xml": b"<externalLink xmlns='%s'/>" % MAIN},
    )
    [row] = await rows_of(path, linked, XLSX)

    assert row.cells == ("x", "7")


READ: Any = """
import asyncio, resource, sys
from pathlib import Path
from app.workbooks.reading import read
from models.jobs import FileFormat
from operations.refusals import Refused

async def all_of(path):
    try:
        reading = await read(path, FileFormat.XLSX)
        async for _ in reading.rows(500):
            pass
    except Refused:
        pass

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
asyncio.run(all_of(Path(sys.argv[1])))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    "what",
    some(
        [
            "a bomb",
            "nested entities",
            "a cell of 100 MB",
            "an attribute of 100 MB",
            "a cell beyond columns",
        ],
        "what costs no memory",
        share=2 / 5,
    ),
)
def test_what_is_refused_costs_no_memory(path: Path, what: str) -> None:
    path.write_bytes(REFUSED[what][0])
    done = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) < 64, "megabytes"
