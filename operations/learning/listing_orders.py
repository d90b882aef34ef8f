"""In which order the people on a course are listed, and how a page goes on after a row.

Every order is total: what it is about never lacks a value, and the number of the person comes
last. Who has no due date is due after everybody else; who has no score is below zero; who never
did anything was active before everybody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    SmallInteger,
    Text,
    case,
    cast,
    func,
    literal,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from models.people import Member
from models.progress import Progress, ProgressState
from operations.learning.due_dates import EFFECTIVE

MOMENT: Final = DateTime(timezone=True)
NEVER: Final = cast(literal("infinity"), MOMENT)
BEFORE_ALL: Final = cast(literal("-infinity"), MOMENT)
WAY: Final = (
    ProgressState.NOT_STARTED,
    ProgressState.IN_PROGRESS,
    ProgressState.SUBMITTED,
    ProgressState.FAILED,
    ProgressState.COMPLETED,
)
"""States in the order people go through them."""


class LearnerOrder(StrEnum):
    """PROGRESS is the score in percent, SINCE when somebody first came to the course."""

    NAME = "NAME"
    DUE_AT = "DUE_AT"
    PROGRESS = "PROGRESS"
    LAST_ACTIVITY = "LAST_ACTIVITY"
    STATE = "STATE"
    SINCE = "SINCE"


_KEYS: Final[Mapping[LearnerOrder, tuple[ColumnElement[Any], TypeEngine[Any]]]] = {
    LearnerOrder.NAME: (func.lower(Member.display_name), Text()),
    LearnerOrder.DUE_AT: (func.coalesce(EFFECTIVE, NEVER), MOMENT),
    LearnerOrder.PROGRESS: (func.coalesce(Progress.percent, -1), Numeric()),
    LearnerOrder.LAST_ACTIVITY: (func.coalesce(Progress.last_activity_at, BEFORE_ALL), MOMENT),
    LearnerOrder.STATE: (
        case({state: place for place, state in enumerate(WAY)}, value=Progress.state),
        SmallInteger(),
    ),
    LearnerOrder.SINCE: (Progress.since.expression, MOMENT),
}


@dataclass(frozen=True, slots=True)
class Order:
    """One order, in one of its directions."""

    by: LearnerOrder = LearnerOrder.NAME
    is_descending: bool = False

    @property
    def name(self) -> str:
        """Which order this is, in the cursors of its pages."""
        return f"{self.by}{'-' if self.is_descending else ''}"

    @property
    def is_of_people(self) -> bool:
        """Whether rows of Member are needed beside those of Progress."""
        return self.by is LearnerOrder.NAME

    @property
    def key(self) -> ColumnElement[Any]:
        """What is compared first."""
        return _KEYS[self.by][0]

    def directed(self, *columns: Any) -> list[ColumnElement[Any]]:
        return [each.desc() if self.is_descending else each.asc() for each in columns]

    def is_after(self, said: tuple[Any, ...]) -> ColumnElement[bool]:
        """Whether a row comes after the one whose key, as text, and person are these."""
        text, member_id = said
        here = tuple_(self.key, Progress.member_id)
        there = tuple_(cast(literal(text), _KEYS[self.by][1]), literal(member_id, BigInteger))
        return here < there if self.is_descending else here > there
