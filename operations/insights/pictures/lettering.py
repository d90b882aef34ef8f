"""How wide a text will be, about, and how it is made to fit.

Whoever shows a picture brings the font, so widths are estimates, rather too wide than too narrow.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

NARROW: Final = frozenset("ijltfIr.,:;!|'()[]{}` /\\-·")
BROAD: Final = frozenset("mwMWQOG@%&—…<>=+~^#_")
CUT: Final = "…"

_UNSPEAKABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """What somebody wrote, in one line, without what XML cannot hold, what cannot be seen, and
    what turns its surroundings around."""
    return " ".join(_UNSPEAKABLE.sub(" ", text).split())


def width(text: str, size: float) -> float:
    """How wide a text of this size is, about."""
    return size * sum(map(_share, text))


def fitted(text: str, size: float, room: float) -> str:
    """The text, cut where there is no more room."""
    if width(text, size) <= room:
        return text
    left, kept = room - width(CUT, size), 0
    for character in text:
        left -= size * _share(character)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + CUT


def lines(text: str, size: float, room: float) -> list[str]:
    """The text in lines that fit; words that are longer than a line are cut."""
    found: list[str] = []
    for word in text.split():
        longer = f"{found[-1]} {word}" if found else word
        if found and width(longer, size) <= room:
            found[-1] = longer
        else:
            found.append(fitted(word, size, room))
    return found


@lru_cache(maxsize=4096)
def _share(character: str) -> float:
    """How wide a character is, as a share of its height."""
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.05
    if character in NARROW:
        return 0.38
    if character in BROAD:
        return 0.95
    if character.isupper() or not character.isascii():
        return 0.72
    return 0.62
