"""What a mail with figures of a course says: read, drawn and made into pictures when it is sent."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from app.pictures.raster import png
from operations.edge import Edge
from operations.insights import mailing
from operations.insights.courses import CourseInsights, Figures
from operations.insights.pictures.drawing import Picture
from operations.insights.pictures.of_courses import course_pictures
from operations.insights.pictures.words import HIDDEN, count, percent
from operations.mail import Letter

NO_LONGER: Final = "The person may not see the figures, or has another address by now."


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A picture as it goes with a mail: for readers that show SVG, and for all others."""

    picture: Picture
    png: bytes


@dataclass(frozen=True, slots=True)
class Filled:
    """A letter with its figures, and its pictures."""

    letter: Letter
    pictures: Sequence[Enclosed]


async def filled(edge: Edge, letter: Letter, *, at: dt.datetime) -> Filled | None:
    """The letter with the figures of this moment; None where its reader may not see them."""
    async with edge.read() as db:
        insights = await mailing.figures_for(db, letter=letter, at=at)
    if insights is None:
        return None
    drawn = await asyncio.to_thread(_drawn, insights)
    told = {**letter.parameters, **_said(insights)}
    return Filled(replace(letter, parameters=told), drawn)


def _drawn(insights: CourseInsights) -> list[Enclosed]:
    return [Enclosed(each, png(each.svg)) for each in course_pictures(insights)]


def _said(insights: CourseInsights) -> dict[str, Any]:
    figures = insights.figures
    return {
        "course": insights.title,
        "at": insights.at.isoformat(),
        "rows": [["Learners", HIDDEN]] if figures is None else _rows(figures),
    }


def _rows(figures: Figures) -> list[list[str]]:
    """Names and figures, one below the other."""

    def part(number: int) -> str:
        return f"{count(number)} ({percent(number, figures.assigned)})"

    if not figures.assigned:
        return [["Learners", "nobody"]]
    rows = [
        ["Learners", count(figures.assigned)],
        ["Not started", part(figures.not_started)],
        ["In progress", part(figures.in_progress)],
        ["Failed", part(figures.failed)],
        ["Overdue", part(figures.overdue)],
        ["Completed", part(figures.completed)],
    ]
    if figures.median_minutes_to_complete is not None:
        rows.insert(
            -1, ["Half complete it within", f"{figures.median_minutes_to_complete:,.0f} minutes"]
        )
    return rows
