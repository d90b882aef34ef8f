"""Workbooks for Excel, written row by row: memory does not grow with the rows.

openpyxl's write-only mode lays each sheet down in a file of its own and packs them in the end.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openpyxl import Workbook

from app.workbooks.aside import aside
from app.workbooks.charts import drawn
from app.workbooks.pages import MOST_COLUMNS, MOST_ROWS, Page
from app.workbooks.sheets import Chart, Row, Sheet, Told, batches, nobody
from app.workbooks.text import clean, sheet_title

CREATOR: Final = "lms-coordinator"


class TooWide(Exception):
    """A sheet has more columns than Excel opens."""

    def __init__(self, title: str, columns: int) -> None:
        super().__init__(
            f"The sheet {title!r} would have {columns:,} columns; Excel opens at most"
            f" {MOST_COLUMNS:,}. Write CSV instead, or leave some out."
        )


@dataclass(frozen=True, slots=True)
class About:
    """What the file says about itself."""

    title: str = ""
    by: str = CREATOR
    at: dt.datetime | None = None


async def write_xlsx(
    path: Path,
    sheets: Sequence[Sheet],
    *,
    zone: dt.tzinfo = dt.UTC,
    about: About | None = None,
    told: Told = nobody,
    most_rows: int = MOST_ROWS,
) -> int:
    """Write the sheets; how many rows there were, titles aside.

    A sheet with more rows than Excel opens (`most_rows`, the titles among them) goes on in
    further ones. Moments are in the zone. No file is left where it breaks off.
    """
    for each in sheets:
        if len(each.columns) > MOST_COLUMNS:
            raise TooWide(each.title, len(each.columns))
    writer = _Writer(about or About(), zone, most_rows)
    try:
        for sheet in sheets:
            await writer.write(sheet, told)
        await aside(writer.save, path)
    except BaseException:
        await aside(writer.drop, path)
        raise
    return writer.rows


class _Writer:
    def __init__(self, about: About, zone: dt.tzinfo, most_rows: int) -> None:
        self.rows = 0
        self._book = Workbook(write_only=True)
        self._zone = zone
        self._most_rows = most_rows
        self._pages: dict[str, Page] = {}
        self._charts: list[tuple[Page, Sequence[Chart]]] = []
        properties = self._book.properties
        properties.title = clean(about.title)
        properties.creator = clean(about.by)
        if about.at is not None:
            at = about.at.astimezone(dt.UTC).replace(tzinfo=None)
            properties.created = properties.modified = at

    async def write(self, sheet: Sheet, told: Told) -> None:
        page = first = self._page(sheet)
        self._charts.append((first, sheet.charts))
        async with aclosing(batches(sheet.rows)) as found:
            async for batch in found:
                page = await aside(self._add, sheet, page, batch)
                self.rows += len(batch)
                await told(self.rows)
        page.finish()

    def _page(self, sheet: Sheet) -> Page:
        title = sheet_title(sheet.title, self._pages)
        page = Page(self._book, title, sheet, self._zone)
        self._pages[title] = page
        return page

    def _add(self, sheet: Sheet, page: Page, batch: Sequence[Row]) -> Page:
        for row in batch:
            if page.rows == self._most_rows:
                page.finish()
                page = self._page(sheet)
            page.add(row)
        return page

    def save(self, path: Path) -> None:
        for page, charts in self._charts:
            drawn(page, charts, self._pages)
        self._book.save(path)

    def drop(self, path: Path) -> None:
        """Take away what is there of the file, temporary ones too."""
        for page in self._pages.values():
            page.drop()
        path.unlink(missing_ok=True)
