"""Workbooks read back: by two readers that have nothing to do with each other, and as XML."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import CalamineWorkbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheet(path: Path, place: int = 0) -> Worksheet:
    """As openpyxl reads it."""
    found = openpyxl.load_workbook(path).worksheets[place]
    assert isinstance(found, Worksheet)
    return found


def rows(path: Path, place: int = 0) -> list[list[Any]]:
    """As calamine reads it."""
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(place).to_python()


def titles(path: Path) -> Sequence[str]:
    return openpyxl.load_workbook(path, read_only=True).sheetnames


def formulas(path: Path) -> list[str]:
    """The coordinates of all cells that are formulas or errors, and of links, by the XML alone."""
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                root = ET.fromstring(archive.read(name))  # noqa: S314 - made a moment ago
                found += [
                    cell.get("r", "?")
                    for cell in root.iter(f"{MAIN}c")
                    if cell.find(f"{MAIN}f") is not None or cell.get("t") in ("e", "str")
                ]
                found += [link.get("ref", "?") for link in root.iter(f"{MAIN}hyperlink")]
            assert "externalLink" not in name
            assert "vba" not in name.lower()
    return found


def charts(path: Path, place: int = 0) -> list[Any]:
    """As openpyxl reads them; they have no public name there."""
    drawn: list[Any] = vars(sheet(path, place))["_charts"]
    return drawn


def files(place: Path, pattern: str = "*") -> list[Path]:
    """What lies somewhere."""
    return list(place.glob(pattern))


def parts(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def whole(path: Path) -> bytes:
    return path.read_bytes()
