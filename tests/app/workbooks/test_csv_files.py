"""CSV that Excel opens as UTF-8, and that executes nothing."""

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.workbooks import Column, Is, Kind, Sheet, write_csv
from app.workbooks.text import for_csv
from tests.app.workbooks.hostile import EVERYTHING, FORMULAS
from tests.app.workbooks.reading import whole

pytestmark = pytest.mark.spec("X4")

NOON = dt.datetime(2026, 7, 1, 12, 0, 30, tzinfo=dt.UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def read(path: Path) -> list[list[str]]:
    csv.field_size_limit(200_000)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


async def test_every_hostile_text_is_read_back(path: Path) -> None:
    sheet = Sheet("Rows", [Column("Text"), Column("=Title")], [[each, "x"] for each in EVERYTHING])

    assert await write_csv(path, sheet) == len(EVERYTHING)

    assert read(path) == [
        ["Text", "'=Title"],
        *([for_csv(each), "x"] for each in EVERYTHING),
    ]


async def test_no_field_begins_like_a_formula(path: Path) -> None:
    await write_csv(path, Sheet("Rows", [Column("Text")], [[each] for each in FORMULAS]))

    assert all(field.startswith("'") for [field] in read(path)[1:])


async def test_a_file_begins_with_the_mark_of_utf_8_and_ends_lines_as_rfc_4180(path: Path) -> None:
    await write_csv(path, Sheet("Rows", [Column("Ä")], [["ö"]]))

    assert whole(path) == '\ufeff"Ä"\r\n"ö"\r\n'.encode()


async def test_values_of_every_kind_are_written_for_programs(path: Path) -> None:
    kinds = [kind for kind in Kind if kind is not Kind.ANY]
    values = ["-a", -1, Decimal("-2.50"), 0.5, 75.5, NOON, NOON.date(), 120, False]
    columns = [*(Column(kind, kind) for kind in kinds), *[Column("Any", Kind.ANY)] * 2]
    said = [Is(Kind.DURATION, dt.timedelta(minutes=2)), Is(Kind.TEXT, "=a")]
    none = [Is(Kind.TEXT, None)] * 2
    sheet = Sheet("Rows", columns, [[*values, *said], [*[None] * 9, *none]])
    await write_csv(path, sheet, zone=ZoneInfo("Europe/Stockholm"))

    moment = '"2026-07-01T14:00:30+02:00","2026-07-01"'
    assert whole(path).decode("utf-8-sig").splitlines()[1:] == [
        f'"\'-a",-1,-2.50,0.5,75.5,{moment},120,"no",120,"\'=a"',
        ",".join(['""'] * 11),
    ]
