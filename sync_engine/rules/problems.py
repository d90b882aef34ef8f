"""What can be wrong with a rule, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    clauses: int = 100
    depth: int = 8
    """Levels of the tree: a clause alone is 1, a group of clauses 2."""
    values: int = 1000
    """Values in one list, repetitions included."""
    bytes: int = 16 * 1024
    """Of the text, and of the compact canonical JSON, in UTF-8."""
    problems: int = 100
    """Problems reported at once."""


LIMITS: Final = Limits()
SHOWN: Final = 200


class ProblemCode(StrEnum):
    """The closed list of what a rule is refused for."""

    SYNTAX = "SYNTAX"
    """The text does not follow the grammar."""
    MALFORMED = "MALFORMED"
    """The JSON is not shaped as a rule."""
    EMPTY_RULE = "EMPTY_RULE"
    """A rule or a group without clauses; everyone is said aloud."""
    UNKNOWN_ATTRIBUTE = "UNKNOWN_ATTRIBUTE"
    SELF_EDITABLE_ATTRIBUTE = "SELF_EDITABLE_ATTRIBUTE"
    """Members write it themselves."""
    UNKNOWN_OPERATOR = "UNKNOWN_OPERATOR"
    OPERATOR_NOT_ALLOWED = "OPERATOR_NOT_ALLOWED"
    """The operator exists, but not for this type."""
    TYPE_MISMATCH = "TYPE_MISMATCH"
    """The value has another type than the attribute."""
    BAD_VALUE = "BAD_VALUE"
    """The type is right, the value is not: empty, out of range, or never true."""
    UNKNOWN_SEGMENT = "UNKNOWN_SEGMENT"
    """There is no such segment to be a member of."""
    UNKNOWN_PERSON = "UNKNOWN_PERSON"
    """There is nobody of this id, or user name, to report to."""
    CIRCULAR = "CIRCULAR"
    """Segments would build on each other in a circle."""
    TOO_MANY_STEPS = "TOO_MANY_STEPS"
    """Segments would build on each other in too long a chain."""
    TOO_MANY_CLAUSES = "TOO_MANY_CLAUSES"
    TOO_DEEP = "TOO_DEEP"
    TOO_MANY_VALUES = "TOO_MANY_VALUES"
    TOO_LARGE = "TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `path` is a JSON pointer into the document; of a text also the place:
    offsets in characters (`end` excluded), `line` and `column` counted from 1."""

    code: ProblemCode
    message: str
    path: str
    start: int | None = None
    end: int | None = None
    line: int | None = None
    column: int | None = None


class InvalidRule(ValueError):
    """A rule refused, with all its problems in the order of the rule."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


def shown(text: str) -> str:
    """A piece of the input inside a message: on one line, at most 200 characters."""
    short = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return "".join(each if each.isprintable() else "�" for each in short)
