"""The inks of pictures are told apart by everybody: on light and dark ground, with any kind of
cones, on gray paper.

How colors look to those who lack a kind of cone: Machado, Oliveira and Fernandes, A
Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE Transactions on
Visualization and Computer Graphics 15 (6), 2009, the matrices for severity 1.0, of linear RGB.
Contrast: WCAG 2.2, relative luminance and contrast ratio; 3:1 for graphics (1.4.11), 4.5:1 for
text (1.4.3).
"""

from itertools import combinations
from typing import Final

import pytest

from operations.insights.pictures.drawing import STYLE
from operations.insights.pictures.inks import EDGES, INKS, PATTERNS, Fill

Color = tuple[float, float, float]

EYES: Final = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "gray": ((0.2126, 0.7152, 0.0722),) * 3,
}
GROUNDS: Final = (0, 1)
"""Light and dark: the places of an ink's two colors."""

SIDE_BY_SIDE: Final = (Fill.DEEP, Fill.MID, Fill.HOLLOW, Fill.STRIPES)
"""What can be the parts of one bar."""

seen = pytest.mark.parametrize("eyes", EYES)
on_each_ground = pytest.mark.parametrize("ground", GROUNDS, ids=["light", "dark"])


def linear(color: str) -> Color:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return decoded(red), decoded(green), decoded(blue)


def decoded(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def luminance(color: str, eyes: str) -> float:
    light = linear(color)
    red, green, blue = (
        min(max(sum(a * b for a, b in zip(row, light, strict=True)), 0), 1) for row in EYES[eyes]
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str, eyes: str) -> float:
    low, high = sorted((luminance(one, eyes), luminance(other, eyes)))
    return (high + 0.05) / (low + 0.05)


def colors(fill: Fill, ground: int) -> list[str]:
    """What an area consists of; of what is hollow, the inside."""
    ink, none = INKS[EDGES[fill]][ground], INKS["ground"][ground]
    if fill is Fill.HOLLOW:
        return [none]
    return [ink, none] if fill in PATTERNS else [ink]


def differ(one: Fill, other: Fill, ground: int, eyes: str) -> bool:
    """Whether something in one of them stands out from everything in the other."""
    sides = colors(one, ground), colors(other, ground)
    return any(
        all(contrast(each, another, eyes) >= 3 for another in there)
        for here, there in (sides, sides[::-1])
        for each in here
    )


def test_the_formulas_are_those_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff", "usual") == pytest.approx(21)
    assert contrast("#777777", "#ffffff", "usual") == pytest.approx(4.48, abs=0.005)
    assert not differ(Fill.DEEP, Fill.DEEP, 0, "usual")
    for eyes in EYES:
        assert luminance("#ffffff", eyes) == pytest.approx(1, abs=0.001)


@seen
@on_each_ground
def test_fills_side_by_side_are_told_apart(ground: int, eyes: str) -> None:
    alike = [
        pair
        for pair in combinations(SIDE_BY_SIDE, 2)
        if not differ(*pair, ground=ground, eyes=eyes)
    ]

    assert alike == []
    even = [INKS[each][ground] for each in ("deep", "mid", "ground")]
    assert min(contrast(*pair, eyes) for pair in combinations(even, 2)) >= 3


@seen
@on_each_ground
def test_every_edge_and_every_word_stands_out_from_the_ground(ground: int, eyes: str) -> None:
    behind = INKS["ground"][ground]

    assert min(contrast(INKS[each][ground], behind, eyes) for each in EDGES.values()) >= 3
    assert min(contrast(INKS[each][ground], behind, eyes) for each in ("text", "quiet")) >= 4.5


def test_every_ink_has_its_dark_color_in_the_style_sheet() -> None:
    for name, ink in INKS.items():
        assert f".pic-{name}{{fill:{ink.dark}}}" in STYLE
        assert f".pic-{name}-line{{stroke:{ink.dark}}}" in STYLE
