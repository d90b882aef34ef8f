"""What the columns of a file that is brought mean, told by their titles alone.

Titles are found in any case, whatever stands between their words, and by the other words people
use. What a title means is never guessed: one that means nothing refuses the whole file, and says
how to leave the column out.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from operations.refusals import Code, Refused
from sync_engine.rules import Catalog

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 200
_SHOWN: Final = 60


class Field(StrEnum):
    """What a cell can say of a person beside their attributes, or of an assignment."""

    USER_NAME = "userName"
    EMAIL = "email"
    DISPLAY_NAME = "displayName"
    GIVEN_NAME = "givenName"
    FAMILY_NAME = "familyName"
    MEMBER = "member"
    GROUP = "group"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Said:
    """One row of a file as it is read: where it begins, and its cells in order."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read: what is in it is a field's, or an attribute's."""

    place: int
    title: str
    field: Field | None = None
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one file are read. `decode` is how a cell names a member by number."""

    titles: tuple[str, ...]
    columns: tuple[Column, ...]
    decode: Callable[[str], int | None] | None = None

    def said(self, row: Said) -> dict[str, str]:
        """What the cells of a row say, by title, to be kept."""
        pairs = zip(self.titles, row.cells, strict=False)
        return {title: cell for title, cell in pairs if title and cell}


def whole_number(text: str) -> int | None:
    """A member by the plain number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def plan_members(titles: Sequence[str], catalog: Catalog, *, ignoring: Collection[str]) -> Plan:
    """Raises UNKNOWN_COLUMNS, BAD_USER_INPUT for doubled titles and where no column says who."""
    raise NotImplementedError


def plan_assignments(
    titles: Sequence[str],
    *,
    ignoring: Collection[str],
    decode: Callable[[str], int | None] = whole_number,
) -> Plan:
    """The same of a list of learners; `decode` reads the id of a member."""
    raise NotImplementedError


def refuse_long(rows: int) -> None:
    """Raises LIMIT_REACHED for a file with more rows than one may have."""
    if rows > MOST_ROWS:
        raise Refused(
            Code.LIMIT_REACHED,
            f"One file has at most {MOST_ROWS:,} rows; this one has more. Bring it in parts.",
            {"limit": MOST_ROWS, "actual": rows},
        )
