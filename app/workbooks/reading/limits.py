"""How much of a file that is brought is read, and how to say no to it: what, how much, what else
to do. Memory is bounded by these, whatever a file claims."""

from typing import Final

from operations.imports.planning import MOST_COLUMNS, MOST_ROWS
from operations.refusals import Code, Refused

MOST_BYTES: Final = 20 * 1024 * 1024
MOST_IN_CELL: Final = 32_767
"""Characters of a cell, as Excel has it."""

MOST_IN_ROW: Final = 100_000
"""Characters of a row of CSV; what is longer is most likely a quote that nobody closed."""

PIECE: Final = 256 * 1024

AS_CSV: Final = "Save it as “CSV UTF-8” and bring that."
AS_XLSX: Final = "Save it as an Excel workbook (.xlsx) or as “CSV UTF-8”, and bring that."


def unreadable(message: str, **details: object) -> Refused:
    """The file is of a kind that is read, and cannot be."""
    return Refused(Code.UNREADABLE_FILE, message, details)


def unsupported(message: str) -> Refused:
    """The file is of no kind that is read, whatever its name says."""
    return Refused(Code.UNSUPPORTED_FILE, message, {"argument": "name"})


def too_much(what: str, limit: int, actual: int, instead: str) -> Refused:
    """More than is read: what there is at most, how much there is, what to do instead."""
    return Refused(
        Code.LIMIT_REACHED,
        f"{what} at most {limit:,}; this has {actual:,}. {instead}",
        {"limit": limit, "actual": actual},
    )


def refuse_long(rows: int) -> None:
    """Raises LIMIT_REACHED for more rows than are read."""
    if rows > MOST_ROWS:
        raise too_much("Rows in one file:", MOST_ROWS, rows, "Divide it into several files.")


def refuse_wide(columns: int) -> None:
    """Raises LIMIT_REACHED for more columns than are read."""
    if columns > MOST_COLUMNS:
        raise too_much("Columns of a file:", MOST_COLUMNS, columns, "Leave out what is not needed.")
