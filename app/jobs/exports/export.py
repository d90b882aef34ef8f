"""A file to be made: its sheets, whose rows are read while they are written."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.workbooks import Sheet
from models.jobs import Job
from operations.jobs.rights import Columns
from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class Export:
    """`name` is what the file is called, without day and ending. Of CSV, the first sheet is all.

    `total` is how many rows there will be, as far as one can say beforehand; `shows` what one must
    hold to read all of its columns, beyond the permission of its kind.
    """

    name: str
    sheets: Sequence[Sheet]
    zone: dt.tzinfo
    total: int | None = None
    shows: Columns = ()


Maker: TypeAlias = Callable[[Context, Job, frozenset[str]], Awaitable[Export]]
"""Told how far the right reaches (`operations.jobs.rights`). The rows are as whoever asked for the
job may see them, all of one moment: that of the context."""
