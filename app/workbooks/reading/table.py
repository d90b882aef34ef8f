"""Rows under titles, as text, whatever they were read from."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.workbooks.reading.limits import MOST_IN_CELL, refuse_wide, unreadable
from operations.refusals import Refused


class Raw(NamedTuple):
    """A row as it stands there, with the line it begins in."""

    line: int
    cells: Sequence[str]


class Row(NamedTuple):
    """A row as its titles have it: a cell for each of them. `all_cells` is what stands there;
    `problem` is why it cannot be understood."""

    line: int
    cells: tuple[str, ...]
    all_cells: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """A file that was looked through and can be read, again and again.

    `recognized` says how it is read; `total` is how many rows there are, where that is known;
    `all_titles` has a place for every cell of the widest row.
    """

    recognized: str
    titles: tuple[str, ...]
    places: tuple[int, ...]
    all_titles: tuple[str, ...]
    total: int | None
    raw: Callable[[], Generator[Raw, None, None]]

    def rows(self) -> Generator[Row, None, None]:
        """What stands below the titles. Blank rows are passed over; their lines count."""
        found = self.raw()
        next(found)
        for line, cells in found:
            yield self._fitted(line, cells)

    def _fitted(self, line: int, cells: Sequence[str]) -> Row:
        length = len(cells)
        fitted = tuple(cells[each] if each < length else "" for each in self.places)
        return Row(line, fitted, tuple(cells), self._problem(cells, fitted))

    def _problem(self, cells: Sequence[str], fitted: tuple[str, ...]) -> str | None:
        if len(cells) > len(self.places) or self.places[-1] >= len(self.places):
            for place, cell in enumerate(cells):
                if place not in self.places and cell.strip():
                    return (
                        f"Cell {place + 1} says “{cell[:40]}”, and its column has no title: are"
                        " there too many separators, or is a quote missing?"
                    )
        for title, cell in zip(self.titles, fitted, strict=True):
            if len(cell) > MOST_IN_CELL:
                return (
                    f"“{title}” has {len(cell):,} characters; a cell has at most {MOST_IN_CELL:,}."
                )
        return None


def filled(rows: Iterator[Raw]) -> Generator[Raw, None, None]:
    """Those in which something stands, without the empty cells behind it."""
    for line, cells in rows:
        length = len(cells)
        while length and not cells[length - 1]:
            length -= 1
        if any(map(str.strip, cells)):
            yield Raw(line, cells[:length])


def first_of(rows: Iterator[Raw]) -> Raw:
    """The row of titles. Raises LIMIT_REACHED, UNREADABLE_FILE."""
    first = next(rows, None)
    if first is None:
        raise nothing()
    refuse_wide(len(first.cells))
    return first


def titles_of(first: Raw) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The titles, and where they stand."""
    places = tuple(n for n, cell in enumerate(first.cells) if cell.strip())
    return tuple(first.cells[each].strip() for each in places), places


def padded(first: Raw, width: int) -> tuple[str, ...]:
    """A title for every cell of the widest row, empty for those that have none."""
    said = [each.strip() for each in first.cells]
    return (*said, *[""] * (width - len(said)))


def no_rows() -> Refused:
    return unreadable("The file has titles, and no rows below them: there is nothing to bring.")


def nothing() -> Refused:
    return unreadable("The file is empty: it has no titles and no rows.")
