"""Charts that the spreadsheet draws itself from the cells of a sheet."""

from collections.abc import Mapping, Sequence
from typing import Final

from openpyxl.chart import BarChart, Reference
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.utils import get_column_letter

from app.workbooks.pages import Page
from app.workbooks.sheets import Chart

BAR: Final = "2E75B6"
WIDTH: Final = 16
HEIGHT: Final = 9
ROWS_OF_A_CHART: Final = 18
FEW_ROWS: Final = 30
"""Below so many rows charts are put; beside more."""

COLUMNS_OF_A_CHART: Final = 9


def drawn(page: Page, charts: Sequence[Chart], pages: Mapping[str, Page]) -> None:
    """Draw charts on the page, of the rows of pages by title."""
    for place, chart in enumerate(charts):
        source = page if chart.of is None else pages[chart.of]
        if source.rows > 1:
            page.work.add_chart(_bars(chart, source), _anchor(page, place))


def _anchor(page: Page, place: int) -> str:
    if page.rows <= FEW_ROWS:
        return f"{get_column_letter(1 + place * COLUMNS_OF_A_CHART)}{page.rows + 2}"
    beside = get_column_letter(len(page.sheet.columns) + 2)
    return f"{beside}{2 + place * ROWS_OF_A_CHART}"


def _bars(chart: Chart, source: Page) -> BarChart:
    bars = BarChart()
    bars.type = "col"
    bars.title = chart.title
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
    bars.y_axis.number_format = chart.number_format
    bars.y_axis.scaling.min, bars.y_axis.scaling.max = chart.least, chart.most
    return bars
