"""What people may call things: names in one line, texts of bounded length."""

import re
import unicodedata
from typing import Final

from operations.refusals import Code, Refused

NAME_LENGTH: Final = 200
TEXT_LENGTH: Final = 10_000
REASON_LENGTH: Final = 1_000

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_FORBIDDEN: Final = frozenset({"Cc", "Cs", "Co", "Cn"})
_REORDERING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def name_of(value: str, noun: str) -> str:
    """A name as stored: NFC, trimmed, one line, 1 to 200 characters; raises Refused."""
    name = unicodedata.normalize("NFC", value).strip()
    if not name:
        raise _bad(f"The {noun} is empty; it needs 1 to {NAME_LENGTH} characters.")
    _check(name, noun, NAME_LENGTH, allowed="")
    return name


def text_of(value: str, noun: str, limit: int = TEXT_LENGTH) -> str:
    """A free text as stored: kept as written, up to `limit` characters; raises Refused."""
    _check(value, noun, limit, allowed="\n\r\t")
    return value


def reason_of(value: str) -> str:
    """A reason somebody gives, which others will read; raises Refused when it says nothing."""
    reason = text_of(value, "reason", REASON_LENGTH).strip()
    if not reason:
        raise _bad("A reason is needed; others will read it.")
    return reason


def storable(text: str) -> str:
    """What others wrote, to be repeated: U+FFFD stands for what PostgreSQL keeps in no text, NUL
    and half a surrogate pair."""
    return _UNSTORABLE.sub("\ufffd", text)


def first_unshowable(text: str, allowed: str = "\n\r\t") -> int | None:
    """Where the first character stands that cannot be shown, or turns others around; None if no
    such is there."""
    return next(
        (
            position
            for position, character in enumerate(text)
            if (unicodedata.category(character) in _FORBIDDEN and character not in allowed)
            or character in _REORDERING
        ),
        None,
    )


def _check(value: str, noun: str, limit: int, *, allowed: str) -> None:
    if len(value) > limit:
        raise _bad(f"The {noun} has {len(value)} characters; at most {limit} are kept.")
    position = first_unshowable(value, allowed)
    if position is not None:
        raise _bad(
            f"The {noun} holds the character U+{ord(value[position]):04X} at position {position},"
            " which cannot be shown; remove it."
        )


def _bad(message: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message)
