"""Charts that the spreadsheet draws itself from the cells of a sheet."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from openpyxl.chart import BarChart, Reference
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, ParagraphProperties
from openpyxl.utils import get_column_letter

from app.workbooks.columns import Column
from app.workbooks.pages import Page
from app.workbooks.sheets import Chart

BAR: Final = "2E75B6"
GRAY: Final = "D9D9D9"
WIDTH: Final = 16
HEIGHT: Final = 9
ROWS_OF_A_CHART: Final = 18
FEW_ROWS: Final = 30
"""Below so many rows charts are put; beside more."""

PIXELS: Final = 640
"""Of a chart's width and a gap."""

PIXELS_OF_OTHERS: Final = 64
"""Of a column that nobody made wider."""


def drawn(page: Page, charts: Sequence[Chart], pages: Mapping[str, Page]) -> None:
    """Draw charts on the page, of the rows of pages by title."""
    for place, chart in enumerate(charts):
        source = page if chart.of is None else pages[chart.of]
        if source.rows > 1:
            page.work.add_chart(_bars(chart, source), _anchor(page, place))


def _anchor(page: Page, place: int) -> str:
    columns = page.sheet.columns
    if page.rows <= FEW_ROWS:
        return f"{get_column_letter(_column_at(columns, place * PIXELS))}{page.rows + 2}"
    return f"{get_column_letter(len(columns) + 2)}{2 + place * ROWS_OF_A_CHART}"


def _column_at(columns: Sequence[Column], pixels: int) -> int:
    """The first column that begins at least so far to the right."""
    left, place = 0.0, 1
    widths = iter(columns)
    while left < pixels:
        column = next(widths, None)
        left += PIXELS_OF_OTHERS if column is None else 7 * column.characters + 5
        place += 1
    return place


def _bars(chart: Chart, source: Page) -> BarChart:
    bars = BarChart()
    bars.type = "col"
    bars.title = chart.title
    _in_letters(bars.title, 12, is_bold=True)
    bars.legend = None
    bars.gapWidth = 40
    bars.width, bars.height = WIDTH, HEIGHT
    last = source.rows
    bars.add_data(Reference(source.work, chart.numbers + 1, 2, chart.numbers + 1, last))
    bars.set_categories(Reference(source.work, chart.names + 1, 2, chart.names + 1, last))
    bars.series[0].graphicalProperties = GraphicalProperties(solidFill=BAR)
    bars.series[0].invertIfNegative = False
    bars.x_axis.title, bars.y_axis.title = chart.across, chart.up
    # Without a word on it, newer versions of Excel leave the axes out.
    bars.x_axis.delete = bars.y_axis.delete = False
    bars.x_axis.tickLblPos = "low"
    bars.y_axis.majorGridlines = ChartLines(GraphicalProperties(ln=LineProperties(solidFill=GRAY)))
    bars.y_axis.number_format = chart.number_format
    bars.y_axis.scaling.min, bars.y_axis.scaling.max = chart.least, chart.most
    _in_letters(bars.x_axis.title, 9)
    _in_letters(bars.y_axis.title, 9)
    return bars


def _in_letters(title: Any, points: int, *, is_bold: bool = False) -> None:
    """Write a title of a chart or an axis as large as this."""
    if title is not None:
        [paragraph] = title.tx.rich.p
        letters = CharacterProperties(sz=100 * points, b=is_bold)
        paragraph.pPr = ParagraphProperties(defRPr=letters)
        for run in paragraph.r:
            run.rPr = letters
