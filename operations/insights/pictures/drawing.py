"""A sheet that pictures are drawn on, from top to bottom, 400 wide: a phone shows it unshrunk.

It comes out as SVG that stands alone or in a page: the words are text, the title and what is drawn
in words are its name to a screen reader, and every id is the picture's own.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from operations.insights.pictures import lettering
from operations.insights.pictures.inks import EDGES, INKS, PATTERNS, Fill, style
from operations.insights.pictures.lettering import plain
from operations.insights.pictures.scales import written

NAMESPACE: Final = "http://www.w3.org/2000/svg"
WIDTH: Final = 400
MARGIN: Final = 16
ROOM: Final = WIDTH - 2 * MARGIN
RIGHT: Final = WIDTH - MARGIN
SIZE: Final = 13
SHOWN_AT: Final = 1.2
"""How much larger than drawn it is shown where nobody says otherwise."""

FONTS: Final = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', Helvetica, Arial, sans-serif"
STYLE: Final = style()


class PictureKind(StrEnum):
    """What is shown: the first four of a course, the others of a quiz."""

    STATES = "STATES"
    TREND = "TREND"
    DEPARTMENTS = "DEPARTMENTS"
    OVERDUE = "OVERDUE"
    SCORES = "SCORES"
    QUESTIONS = "QUESTIONS"
    RELIABILITY = "RELIABILITY"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and everything it shows in words."""

    kind: PictureKind
    title: str
    description: str
    svg: str


class Sheet:
    """What is drawn so far; `y` is how far down that goes."""

    def __init__(self, kind: PictureKind, heading: str, about: str) -> None:
        self._kind = kind
        self._title = plain(f"{heading}: {about}" if about else heading)
        self._body = Element("g")
        self._textured: list[tuple[Element, Fill]] = []
        self.y: float = 28
        self.text(MARGIN, self.y, heading, size=16, weight="600")
        if about:
            self.y += 20
            self.text(MARGIN, self.y, about, ink="quiet", room=ROOM)
        self.y += 16

    def text(
        self,
        x: float,
        y: float,
        said: str,
        *,
        size: float = SIZE,
        ink: str = "text",
        anchor: str = "start",
        weight: str = "400",
        room: float | None = None,
    ) -> None:
        """A line of text on the line `y`; what has no room is cut, and whole where one points."""
        whole = plain(said)
        shown = whole if room is None else lettering.fitted(whole, size, room)
        element = self._ink("text", ink, x=x, y=y)
        if size != SIZE:
            element.set("font-size", written(size))
        if anchor != "start":
            element.set("text-anchor", anchor)
        if weight != "400":
            element.set("font-weight", weight)
        if shown != whole:
            SubElement(element, "title").text = whole
            element[0].tail = shown
        else:
            element.text = shown

    def paragraph(self, said: str) -> None:
        """Quiet words in as many lines as they need."""
        self.y += 8
        for line in lettering.lines(plain(said), SIZE, ROOM):
            self.y += 18
            self.text(MARGIN, self.y, line, ink="quiet")

    def box(self, x: float, y: float, width: float, height: float, fill: Fill) -> None:
        """An area. Its edge is drawn too, so that the smallest is still seen."""
        edge = EDGES[fill]
        if fill in PATTERNS:
            element = self._place("rect", x=x, y=y, width=width, height=height)
            self._textured.append((element, fill))
        else:
            ink = "ground" if fill is Fill.HOLLOW else edge
            element = self._ink("rect", ink, x=x, y=y, width=width, height=height)
        _line(element, edge, 1 if fill is Fill.HOLLOW or fill in PATTERNS else 0.5)

    def rule(self, x1: float, y1: float, x2: float, y2: float, *, ink: str = "grid") -> None:
        """A straight line."""
        _line(self._place("line", x1=x1, y1=y1, x2=x2, y2=y2), ink, 1)

    def parting(self, x: float, y1: float, y2: float) -> None:
        """A line of nothing, between two areas."""
        _line(self._place("line", x1=x, y1=y1, x2=x, y2=y2), "ground", 2)

    def dot(self, x: float, y: float, ink: str) -> None:
        """A round mark."""
        self._ink("circle", ink, cx=x, cy=y, r=3)

    def square(self, x: float, y: float, ink: str) -> None:
        """A square mark."""
        self._ink("rect", ink, x=x - 4, y=y - 4, width=8, height=8)

    def track(self, points: list[tuple[float, float]], ink: str, dashes: str | None = None) -> None:
        """A line from point to point."""
        element = SubElement(self._body, "polyline")
        element.set("points", " ".join(f"{written(x)},{written(y)}" for x, y in points))
        element.set("fill", "none")
        _line(element, ink, 2)
        if dashes is not None:
            element.set("stroke-dasharray", dashes)

    def finished(self, *sentences: str) -> Picture:
        """The picture; `sentences` say everything it shows."""
        description = plain(" ".join(each for each in sentences if each))
        own = self._own_name(description)
        for element, fill in self._textured:
            element.set("fill", f"url(#{own}-{fill})")
        height = written(self.y + 14)
        root = Element("svg", xmlns=NAMESPACE, viewBox=f"0 0 {WIDTH} {height}")
        root.set("width", written(WIDTH * SHOWN_AT))
        root.set("height", written(float(height) * SHOWN_AT))
        root.set("role", "img")
        root.set("aria-labelledby", f"{own}-title {own}-desc")
        root.set("lang", "en")
        root.set("font-family", FONTS)
        root.set("font-size", str(SIZE))
        SubElement(root, "title", id=f"{own}-title").text = self._title
        SubElement(root, "desc", id=f"{own}-desc").text = description
        SubElement(root, "style").text = STYLE
        self._define(SubElement(root, "defs"), own)
        _fill(SubElement(root, "rect", width=str(WIDTH), height=height), "ground")
        root.append(self._body)
        return Picture(self._kind, self._title, description, tostring(root, encoding="unicode"))

    def _own_name(self, description: str) -> str:
        """What no other picture is called, so that many may stand in one page."""
        drawn = tostring(self._body, encoding="unicode")
        said = f"{self._title}\n{description}\n{drawn}".encode()
        return f"{self._kind.lower()}-{hashlib.sha256(said).hexdigest()[:12]}"

    def _define(self, defs: Element, own: str) -> None:
        for fill in sorted({fill for _, fill in self._textured}):
            apart, thick, turned = PATTERNS[fill]
            size = written(apart)
            pattern = SubElement(defs, "pattern", id=f"{own}-{fill}", width=size, height=size)
            pattern.set("patternUnits", "userSpaceOnUse")
            pattern.set("patternTransform", f"rotate({turned})")
            _fill(SubElement(pattern, "rect", width=size, height=size), "ground")
            _fill(SubElement(pattern, "rect", width=written(thick), height=size), EDGES[fill])

    def _place(self, tag: str, **places: float) -> Element:
        return SubElement(self._body, tag, {name: written(place) for name, place in places.items()})

    def _ink(self, tag: str, ink: str, **places: float) -> Element:
        element = self._place(tag, **places)
        _fill(element, ink)
        return element


def _fill(element: Element, ink: str) -> None:
    element.set("fill", INKS[ink].light)
    element.set("class", f"pic-{ink}")


def _line(element: Element, ink: str, thick: float) -> None:
    element.set("stroke", INKS[ink].light)
    element.set("stroke-width", written(thick))
    element.set("class", f"{element.get('class', '')} pic-{ink}-line".strip())
