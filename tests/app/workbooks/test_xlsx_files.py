"""Workbooks hold what they were given, each value as what it is."""

import datetime as dt
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.workbooks import About, Chart, Column, Is, Kind, Look, Sheet, TooWide, write_xlsx
from app.workbooks.text import for_excel
from tests.app.workbooks import reading
from tests.app.workbooks.hostile import EVERYTHING

pytestmark = pytest.mark.spec("X4")

NOON = dt.datetime(2026, 7, 1, 12, 0, 30, 250_000, tzinfo=dt.UTC)
STOCKHOLM = ZoneInfo("Europe/Stockholm")


EVERY_KIND = [kind for kind in Kind if kind is not Kind.ANY]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.xlsx"


def texts(rows: Iterable[str], title: str = "Rows") -> Sheet:
    return Sheet(title, [Column("Text")], [[each] for each in rows])


def column(kind: Kind, *values: Any, look: Look = Look.PLAIN) -> Sheet:
    return Sheet("Rows", [Column("Value", kind, look=look)], [[each] for each in values])


async def test_every_hostile_text_is_read_back_as_text_by_two_readers(path: Path) -> None:
    await write_xlsx(path, [texts(EVERYTHING)])

    assert reading.formulas(path) == []
    cells = list(reading.sheet(path)["A"])[1:]
    assert [cell.value or "" for cell in cells] == [for_excel(each) for each in EVERYTHING]
    assert {cell.data_type for cell in cells if cell.value} == {"s"}
    by_another = [row[0] for row in reading.rows(path)[1:]]
    # calamine undoes the escapes of Excel, as Excel does; openpyxl does not.
    undone = [for_excel(each).replace("_x005F_", "_") for each in EVERYTHING]
    assert [each.replace("\r\n", "\n") for each in by_another] == undone


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=())), max_size=20))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_texts_are_read_back_as_text(path: Path, rows: list[str]) -> None:
    await write_xlsx(path, [texts(rows)])

    assert reading.formulas(path) == []
    cells = list(reading.sheet(path)["A"])[1:]
    assert [cell.value or "" for cell in cells] == [for_excel(each) for each in rows]


async def test_a_text_that_begins_like_a_formula_stays_text_when_it_is_edited(path: Path) -> None:
    await write_xlsx(path, [texts(["=1+1", "-5", "'a", "Ada"])])

    quoted = [cell.quotePrefix for cell in list(reading.sheet(path)["A"])[1:]]
    assert quoted == [True, True, True, False]


async def test_titles_of_columns_and_words_about_the_file_are_text_too(path: Path) -> None:
    sheet = Sheet("=1+1", [Column("=1+1"), Column("\x00")], [])
    await write_xlsx(path, [sheet], about=About("=a\x00", "=b\ud800", NOON))

    assert reading.formulas(path) == []
    assert reading.rows(path) == [["=1+1", "\ufffd"]]


@pytest.mark.parametrize(
    ("kind", "value", "read", "format"),
    [
        (Kind.INTEGER, 42, 42, "General"),
        (Kind.INTEGER, -7, -7, "General"),
        (Kind.INTEGER, 2**60, str(2**60), None),
        (Kind.NUMBER, Decimal("7.25"), 7.25, "General"),
        (Kind.NUMBER, float("nan"), "nan", None),
        (Kind.NUMBER, Decimal("Infinity"), "Infinity", None),
        (Kind.FIGURE, Decimal("-0.125"), -0.125, "0.00"),
        (Kind.PERCENT, Decimal("75.5"), 0.755, "0.0%"),
        (Kind.DATE, dt.date(2026, 3, 2), dt.datetime(2026, 3, 2), "yyyy-mm-dd"),  # noqa: DTZ001
        (Kind.DATE, dt.date(1899, 3, 2), "1899-03-02", None),
        (
            Kind.MOMENT,
            NOON,
            dt.datetime(2026, 7, 1, 14, 0, 30, 250_000),  # noqa: DTZ001
            "yyyy-mm-dd hh:mm:ss",
        ),
        (Kind.DURATION, dt.timedelta(hours=30, seconds=5), dt.timedelta(hours=30, seconds=5), None),
        (Kind.DURATION, 90, dt.timedelta(seconds=90), "[h]:mm:ss"),
        (Kind.YES_NO, True, True, '"TRUE";"TRUE";"FALSE"'),
        (Kind.YES_NO, False, False, None),
        (Kind.TEXT, "007", "007", "General"),
        (Kind.TEXT, None, None, None),
    ],
)
async def test_a_value_is_read_back_as_what_it_is(
    path: Path, kind: Kind, value: Any, read: Any, format: str | None
) -> None:
    await write_xlsx(
        path, [column(kind, value, 1 if kind is Kind.INTEGER else None)], zone=STOCKHOLM
    )

    cell = reading.sheet(path)["A2"]
    assert (cell.value, type(cell.value)) == (read, type(read))
    if format is not None:
        assert cell.number_format == format


async def test_another_reader_sees_the_same_values(path: Path) -> None:
    columns = [Column(kind, kind) for kind in EVERY_KIND]
    row = ["=a", 1, 2.5, 0.125, Decimal(50), NOON, NOON.date(), dt.timedelta(minutes=1), True]
    await write_xlsx(path, [Sheet("Rows", columns, [row, [None] * 9])], zone=STOCKHOLM)

    read = reading.rows(path)[1]

    moment = read[5]
    assert read[:5] == ["=a", 1.0, 2.5, 0.125, 0.5]
    assert abs(moment - NOON.astimezone(STOCKHOLM).replace(tzinfo=None)) < dt.timedelta(seconds=1)
    assert read[6:] == [NOON.date(), dt.timedelta(minutes=1), True]


async def test_values_of_one_column_can_be_of_different_kinds(path: Path) -> None:
    values = [Is(Kind.MOMENT, NOON), Is(Kind.TEXT, "=a"), Is(Kind.FIGURE, 0.5), Is(Kind.DATE, None)]
    await write_xlsx(path, [column(Kind.ANY, *values)], zone=STOCKHOLM)

    cells = list(reading.sheet(path)["A"])[1:]
    assert [cell.data_type for cell in cells] == ["d", "s", "n"]
    assert [cell.number_format for cell in cells] == ["yyyy-mm-dd hh:mm:ss", "General", "0.00"]


async def test_the_title_of_a_moment_says_the_zone(path: Path) -> None:
    await write_xlsx(path, [column(Kind.MOMENT, NOON)], zone=STOCKHOLM)

    assert reading.sheet(path)["A1"].value == "Value (Europe/Stockholm)"


async def test_titles_stay_in_sight_and_rows_can_be_filtered(path: Path) -> None:
    columns = [Column("Name", width=30), Column("Score", Kind.NUMBER)]
    rows = [["Ada", 1], ["Bo", 2]]
    await write_xlsx(path, [Sheet("Rows", columns, rows, frozen_columns=1)])

    sheet = reading.sheet(path)
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:B3"
    assert sheet.column_dimensions["A"].width == 30
    assert sheet.print_title_rows == "$1:$1"
    assert sheet["A1"].font.bold


async def test_numbers_and_verdicts_show_by_color_what_they_say(path: Path) -> None:
    columns = [
        Column("Facility", Kind.NUMBER, look=Look.SCALE),
        Column("Percent", Kind.PERCENT, look=Look.BAR),
        Column("Passed", Kind.YES_NO, look=Look.VERDICT),
        Column("Name"),
    ]
    await write_xlsx(path, [Sheet("Rows", columns, [[0.5, 50, True, "Ada"]] * 3)])

    found = {
        str(where.sqref): [rule.type for rule in where.rules]
        for where in reading.sheet(path).conditional_formatting
    }
    assert found == {
        "A2:A4": ["colorScale"],
        "B2:B4": ["dataBar"],
        "C2:C4": ["cellIs", "cellIs"],
    }


async def test_charts_are_of_cells_of_their_sheet_or_another(path: Path) -> None:
    columns = [Column("Question"), Column("Facility", Kind.NUMBER)]
    rows = [["1", 0.5], ["2", 0.9]]
    charts = [Chart("Facility", 0, 1), Chart("Scores", 0, 1, of="Scores")]
    sheets = [
        Sheet("Questions", columns, rows, charts=charts),
        Sheet("Scores", columns, rows),
        Sheet("Nothing", columns, [], charts=[Chart("Of nothing", 0, 1)]),
    ]
    await write_xlsx(path, sheets)

    drawn = reading.charts(path)
    assert [chart.series[0].val.numRef.f for chart in drawn] == [
        "'Questions'!$B$2:$B$3",
        "'Scores'!$B$2:$B$3",
    ]
    assert drawn[0].series[0].cat.numRef.f == "'Questions'!$A$2:$A$3"
    assert len([part for part in reading.parts(path) if "charts/chart" in part]) == 2


async def test_more_rows_than_a_sheet_has_go_on_in_further_sheets(path: Path) -> None:
    written = await write_xlsx(path, [texts("abcdefg", "Attempts")], most_rows=4)

    assert written == 7
    assert reading.titles(path) == ["Attempts", "Attempts (2)", "Attempts (3)"]
    read = [reading.rows(path, place) for place in range(3)]
    assert read == [
        [["Text"], ["a"], ["b"], ["c"]],
        [["Text"], ["d"], ["e"], ["f"]],
        [["Text"], ["g"]],
    ]


async def test_more_columns_than_a_sheet_has_are_refused_with_the_limit(path: Path) -> None:
    sheet = Sheet("Wide", [Column("a")] * 16_385, [])

    with pytest.raises(TooWide, match=r"16,385 columns; Excel opens at most 16,384"):
        await write_xlsx(path, [sheet])
    assert reading.files(path.parent) == []


async def test_rows_may_come_one_after_the_other_and_somebody_is_told_how_far_it_is(
    path: Path,
) -> None:
    told: list[int] = []

    async def come() -> AsyncIterator[list[str]]:
        for number in range(600):
            yield [f"Row {number}"]

    async def tell(written: int) -> None:
        told.append(written)

    written = await write_xlsx(path, [Sheet("Rows", [Column("Text")], come())], told=tell)

    assert written == 600
    assert told == [256, 512, 600]
    assert len(reading.rows(path)) == 601


async def test_a_row_with_a_value_too_many_is_a_mistake_and_leaves_no_file(path: Path) -> None:
    with pytest.raises(ValueError, match="longer"):
        await write_xlsx(path, [Sheet("Rows", [Column("Text")], [["a", "b"]])])
    assert reading.files(path.parent) == []
