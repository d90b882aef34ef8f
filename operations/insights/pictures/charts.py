"""What pictures are made of: bars, columns, lines and their keys. Lengths are as the figures."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from operations.insights.pictures import lettering
from operations.insights.pictures.drawing import MARGIN, RIGHT, ROOM, SIZE, Sheet
from operations.insights.pictures.inks import Fill
from operations.insights.pictures.scales import Scale, counted
from operations.insights.pictures.words import HIDDEN, count, percent, sentence, short

BAR: Final = 36
THIN: Final = 12
PLOT: Final = 150
SMALL: Final = 11
GAP: Final = 14
MOST_MARKED: Final = 31
"""A line of more points has no marks on it."""


class Share(NamedTuple):
    """A part of a whole."""

    name: str
    number: int
    fill: Fill


class Row(NamedTuple):
    """A bar with its name and its figure; without a length it is hidden, or `said` why not."""

    name: str
    said: str
    length: float | None
    fill: Fill = Fill.DEEP


class Line(NamedTuple):
    """What went on over time; None where it is hidden."""

    name: str
    ink: str
    numbers: Sequence[int | None]
    dashes: str | None = None


def stacked(sheet: Sheet, shares: Sequence[Share]) -> None:
    """One bar of all parts, each in proportion, and a key with their figures."""
    whole = sum(each.number for each in shares)
    top = sheet.y
    if whole:
        _parts(sheet, shares, Scale(0, whole, MARGIN, RIGHT), top)
    else:
        sheet.box(MARGIN, top, ROOM, BAR, Fill.HOLLOW)
        nobody = (MARGIN + RIGHT) / 2
        sheet.text(nobody, top + 23, "Nobody learns here.", anchor="middle", ink="quiet")
    sheet.y = top + BAR + 6
    for each in shares:
        sheet.y += 22
        share = percent(each.number, whole) if whole else ""
        keyed(sheet, each.name, each.fill)
        sheet.text(RIGHT - 64, sheet.y, count(each.number), anchor="end")
        sheet.text(RIGHT, sheet.y, share, anchor="end", ink="quiet")


def _parts(sheet: Sheet, shares: Sequence[Share], scale: Scale, top: float) -> None:
    """The parts side by side, and where two meet, a line of the ground."""
    before, narrowest = 0, 4.0
    meet = []
    for each in shares:
        if each.number:
            start, end = scale(before), scale(before + each.number)
            sheet.box(start, top, end - start, BAR, each.fill)
            before += each.number
            meet.append((end, end - start))
    for (place, left), (_, right) in pairwise(meet):
        if min(left, right) >= narrowest:
            sheet.parting(place, top - 1, top + BAR + 1)


def keyed(sheet: Sheet, name: str, fill: Fill) -> None:
    """What a fill means."""
    sheet.box(MARGIN, sheet.y - 12, 14, 14, fill)
    sheet.text(MARGIN + 24, sheet.y, name)


def rows(sheet: Sheet, of: Sequence[Row], scale: Scale, *, framed: bool) -> None:
    """Bars below each other, each under its name. `framed`: the whole of the scale is outlined, of
    which the bar is a part."""
    for each in of:
        sheet.y += 24
        room = ROOM - lettering.width(each.said, SIZE) - GAP
        sheet.text(MARGIN, sheet.y, each.name, room=room)
        sheet.text(RIGHT, sheet.y, each.said, anchor="end", ink="quiet")
        top = sheet.y + 7
        if each.length is None:
            sheet.box(MARGIN, top, ROOM, THIN, Fill.VEIL)
        else:
            if framed:
                sheet.box(MARGIN, top, ROOM, THIN, Fill.HOLLOW)
            if each.length:
                sheet.box(scale(0), top, scale.length(each.length), THIN, each.fill)
        sheet.y = top + THIN


def columns(
    sheet: Sheet, numbers: Sequence[int | None], marks: Sequence[tuple[float, str]]
) -> None:
    """Columns side by side; `marks` are words at shares of the way along. What is hidden is veiled
    from top to bottom."""
    most = max((each for each in numbers if each is not None), default=0)
    height, left = _grid(sheet, most)
    wide = (RIGHT - left) / len(numbers)
    for place, number in enumerate(numbers):
        x, base = left + place * wide, height.start
        if number is None:
            sheet.box(x + 2, height.end, wide - 4, base - height.end, Fill.VEIL)
            continue
        tall = height.length(number)
        if number:
            sheet.box(x + 2, base - tall, wide - 4, tall, Fill.DEEP)
        sheet.text(x + wide / 2, base - tall - 5, short(number), size=SMALL, anchor="middle")
    _along(sheet, Scale(0, 1, left, RIGHT), marks)
    if None in numbers:
        sheet.y += 24
        keyed(sheet, sentence(HIDDEN).rstrip("."), Fill.VEIL)


def lines(sheet: Sheet, of: Sequence[Line], marks: Sequence[tuple[float, str]]) -> None:
    """Lines over the same time, with a key above."""
    length = len(of[0].numbers)
    veiled = {place for line in of for place, number in enumerate(line.numbers) if number is None}
    for line in of:
        _key(sheet, line)
    if veiled:
        sheet.y += 22
        keyed(sheet, sentence(HIDDEN).rstrip("."), Fill.VEIL)
    sheet.y += 14
    height, left = _grid(sheet, max((each or 0 for line in of for each in line.numbers), default=0))
    wide = (RIGHT - left) / max(length, 1)
    along = Scale(0, max(length, 1), left, RIGHT)
    for place in sorted(veiled):
        sheet.box(along(place), height.end, wide, height.start - height.end, Fill.VEIL)
    for line in of:
        _drawn(sheet, line, along, height)
    _along(sheet, along, [(each * length, said) for each, said in marks])


def _key(sheet: Sheet, line: Line) -> None:
    sheet.y += 22
    middle = sheet.y - 5
    sheet.track([(MARGIN, middle), (MARGIN + 26, middle)], line.ink, line.dashes)
    _mark(sheet, line, MARGIN + 13, middle)
    sheet.text(MARGIN + 36, sheet.y, line.name)
    known = count(sum(each or 0 for each in line.numbers))
    said = f"{known} shown" if None in line.numbers else known
    sheet.text(RIGHT, sheet.y, said, anchor="end")


def _drawn(sheet: Sheet, line: Line, along: Scale, height: Scale) -> None:
    """In as many pieces as what is hidden leaves."""
    piece: list[tuple[float, float]] = []
    for place, number in enumerate([*line.numbers, None]):
        if number is not None:
            piece.append((along(place + 0.5), height(number)))
            continue
        if len(piece) > 1:
            sheet.track(piece, line.ink, line.dashes)
        if len(piece) == 1 or len(line.numbers) <= MOST_MARKED:
            for x, y in piece:
                _mark(sheet, line, x, y)
        piece = []


def _mark(sheet: Sheet, line: Line, x: float, y: float) -> None:
    mark = sheet.dot if line.dashes is None else sheet.square
    mark(x, y, line.ink)


def _grid(sheet: Sheet, most: int) -> tuple[Scale, float]:
    """Lines at the marks of counts up to `most`; the heights, and where the plot begins."""
    marks = counted(most)
    top = sheet.y + 12
    height = Scale(0, marks[-1], top + PLOT, top)
    left = MARGIN + max(lettering.width(short(each), SMALL) for each in marks) + 6
    for each in marks:
        sheet.rule(left, height(each), RIGHT, height(each), ink="grid" if each else "quiet")
        sheet.text(left - 6, height(each) + 4, short(each), size=SMALL, anchor="end", ink="quiet")
    sheet.y = top + PLOT
    return height, left


def _along(sheet: Sheet, scale: Scale, marks: Sequence[tuple[float, str]]) -> None:
    """Words under a plot, inside of it; those without room are left out."""
    sheet.y += 16
    free = -1.0
    for place, said in marks:
        wide = lettering.width(said, SMALL)
        start = min(max(scale(place) - wide / 2, scale.start - 10), RIGHT - wide)
        if start > free:
            sheet.text(start, sheet.y, said, size=SMALL, ink="quiet")
            free = start + wide + 10
