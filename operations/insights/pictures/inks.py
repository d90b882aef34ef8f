"""The inks of pictures, light and dark, and what areas are filled with.

Two fills that can lie side by side differ by at least 3:1 in contrast for everybody (WCAG 2.2,
1.4.11), also for those who lack a kind of cone, and in gray; so lightness alone tells them apart,
and hues only help. There is no room for more than three steps of 3:1, so the others are textures:
stripes are what went wrong, a veil is what is not told. And everything is named beside it.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Ink(NamedTuple):
    """One color of a picture on light and on dark ground."""

    light: str
    dark: str


class Fill(StrEnum):
    """What an area is filled with. DEEP and MID are even; HOLLOW is an outline around nothing;
    STRIPES and VEIL are patterns."""

    DEEP = "deep"
    MID = "mid"
    HOLLOW = "hollow"
    STRIPES = "stripes"
    VEIL = "veil"


INKS: Final = {
    "ground": Ink("#ffffff", "#14191f"),
    "text": Ink("#1b232b", "#e8ecf0"),
    "quiet": Ink("#55616d", "#aab4be"),
    "grid": Ink("#d5dbe1", "#3a434d"),
    "deep": Ink("#052a52", "#d5ebff"),
    "mid": Ink("#c2750a", "#a06d08"),
    "stripes": Ink("#8c1d40", "#ff9db5"),
    "veil": Ink("#77828d", "#8b96a1"),
}

EDGES: Final = {
    Fill.DEEP: "deep",
    Fill.MID: "mid",
    Fill.HOLLOW: "text",
    Fill.STRIPES: "stripes",
    Fill.VEIL: "veil",
}
"""The ink of each fill: of its area, or of its outline and texture."""

PATTERNS: Final = {Fill.STRIPES: (5, 2.4, 45), Fill.VEIL: (6, 1, -45)}
"""Of each texture: how far lines are apart, how thick they are, and how they are turned."""


def style() -> str:
    """The style sheet of every picture: the same words, so that many may stand in one page. Light
    is what the drawing says by itself, for programs that read no style sheets."""
    dark = "".join(
        f".pic-{name}{{fill:{ink.dark}}}.pic-{name}-line{{stroke:{ink.dark}}}"
        for name, ink in INKS.items()
    )
    return f"@media (prefers-color-scheme:dark){{{dark}}}"
