"""What a query string says: each parameter read as what it is, and nothing passed over.

Readers take the text of one value, and raise Refused for what means nothing.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import QueryParams

from operations.refusals import Code, Refused
from resolvers.ids import number_of

SHOWN: Final = 80
"""Characters of a text that is quoted back."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What the value is called in the program, and how it is read; one that `is_many` may be given
    several times, and is a tuple."""

    key: str
    read: Callable[[str], Any]
    is_many: bool = False


def read(said: QueryParams, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The values by key; what was not said is not there. Raises Refused: BAD_USER_INPUT."""
    found: dict[str, Any] = {}
    for name in said:
        parameter, texts = known.get(name), said.getlist(name)
        if parameter is None or (len(texts) > 1 and not parameter.is_many):
            names = ", ".join(known)
            raise _meaningless(
                f"{_quoted(name)} is no parameter, or was given twice; there are {names}."
            )
        try:
            values = tuple(parameter.read(each) for each in texts)
        except Refused as refusal:
            raise Refused(Code.BAD_USER_INPUT, refusal.message, refusal.details) from None
        found[parameter.key] = values if parameter.is_many else values[0]
    return found


def moment(said: str) -> dt.datetime:
    """A moment as ISO 8601, in UTC unless it says otherwise."""
    try:
        read = dt.datetime.fromisoformat(said)
    except ValueError:
        raise _meaningless(f"{_quoted(said)} is no moment: write 2026-11-22T09:00:00Z.") from None
    return read if read.tzinfo else read.replace(tzinfo=dt.UTC)


def id_of(type_name: str) -> Callable[[str], int]:
    """A global id of this type, as its number."""
    return lambda said: number_of(said, type_name)


def text(said: str) -> str:
    """Any text the database can hold."""
    if "\0" in said:
        raise _meaningless("The character NUL (U+0000) stands in no text; leave it out.")
    return said


def yes(said: str) -> bool:
    """`true` or `false`."""
    if said not in {"true", "false"}:
        raise _meaningless(f"{_quoted(said)} is neither true nor false.")
    return said == "true"


def _quoted(said: str) -> str:
    return f"“{said[:SHOWN]}”"


def _meaningless(message: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message)
