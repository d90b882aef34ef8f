"""Finding by a piece of text: case-insensitive, and % and _ mean themselves."""

from typing import Any

from sqlalchemy import ColumnElement, func

from operations.refusals import Code, Refused

LONGEST = 200


def contains(column: Any, piece: str) -> ColumnElement[bool]:
    """Whether the column holds this piece of text somewhere; raises Refused over 200 characters."""
    return func.lower(column).contains(checked(piece).lower(), autoescape=True)


def begins(column: Any, piece: str) -> ColumnElement[bool]:
    """Whether the column begins with this piece of text."""
    return func.lower(column).startswith(checked(piece).lower(), autoescape=True)


def checked(piece: str) -> str:
    """The same text, if it can be searched for; raises Refused."""
    if len(piece) > LONGEST:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A search has at most {LONGEST} characters; this one has {len(piece)}.",
            {"limit": LONGEST, "actual": len(piece)},
        )
    if "\x00" in piece:
        raise Refused(Code.BAD_USER_INPUT, "A search cannot hold the character U+0000.")
    return piece
