"""Figures to draw, made up, and pictures read back as a program that shows them would."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element, fromstring

from operations.content.questions import QuestionKind
from operations.insights.cells import EVERYBODY
from operations.insights.courses import (
    AttendanceFigures,
    CertificateFigures,
    CourseInsights,
    Figures,
    Part,
)
from operations.insights.pictures.drawing import NAMESPACE, Picture
from operations.insights.quiz_figures import Bin, ItemFigures, QuestionInsights, QuizFigures, Scores
from operations.insights.quizzes import QuizInsights
from operations.insights.statistics import Figure
from operations.insights.trends import Days

TODAY: Final = dt.date(2026, 11, 23)
NOW: Final = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
ORIGIN: Final = uuid.UUID(int=7)
NOT_SAID: Final = Figure(None)


def figures(
    completed: int = 0,
    in_progress: int = 0,
    not_started: int = 0,
    failed: int = 0,
    overdue: int = 0,
) -> Figures:
    return Figures(
        completed + in_progress + not_started + failed,
        not_started,
        in_progress,
        completed,
        failed,
        overdue,
        None,
        CertificateFigures(0, 0, 0, 0),
        AttendanceFigures(0, 0, 0, 0),
    )


def course(
    of: Figures | None = None,
    departments: Mapping[str, Figures | None] | None = None,
    *,
    started: Mapping[dt.date, int] | None = None,
    completed: Mapping[dt.date, int] | None = None,
    smallest: int = 0,
    title: str = "Safety",
) -> CourseInsights:
    return CourseInsights(
        1,
        ORIGIN,
        1,
        NOW,
        of,
        tuple(Part(name, None, each) for name, each in (departments or {}).items()),
        None,
        None if of is None else Days(started or {}, completed or {}, of.assigned, TODAY),
        smallest,
        title,
    )


def hidden_course() -> CourseInsights:
    return CourseInsights(1, ORIGIN, 1, NOW, None, title="Safety")


def scores(
    distribution: Sequence[int | None] = (), alpha: Figure = NOT_SAID, error: Figure = NOT_SAID
) -> Scores:
    graded = sum(each or 0 for each in distribution)
    bins = tuple(Bin(i * 10, i * 10 + 10, count) for i, count in enumerate(distribution))
    return Scores(graded, graded, 50.0, 50.0, 10.0, 0.0, 100.0, bins, graded, alpha, error, None)


def quiz(
    of: Scores | None = None,
    questions: Sequence[QuestionInsights] | None = (),
    title: str = "Final test",
) -> QuizInsights:
    shown = None if of is None else QuizFigures(of.graded, 0, of.graded, of)
    return QuizInsights(1, 2, ORIGIN, 1, NOW, EVERYBODY, shown, tuple(questions or ()), title)


def hidden_quiz() -> QuizInsights:
    return QuizInsights(1, 2, ORIGIN, 1, NOW, EVERYBODY, title="Final test")


def question(
    id: int, facility: Figure = NOT_SAID, discrimination: Figure = NOT_SAID, text: str = "Why?"
) -> QuestionInsights:
    item = ItemFigures(9, 9, 9, facility, 9, discrimination, NOT_SAID, None, None)
    return QuestionInsights(id, QuestionKind.SINGLE_CHOICE, text, Decimal(1), False, item)


def hidden_question(id: int, text: str = "Why?") -> QuestionInsights:
    return QuestionInsights(id, QuestionKind.SINGLE_CHOICE, text, Decimal(1), False, None)


@dataclass(frozen=True)
class Box:
    """A rectangle, and what it is filled with."""

    fill: str
    x: float
    y: float
    width: float
    height: float


class Drawn:
    """A picture as a program reads it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.root = fromstring(picture.svg)  # noqa: S314 - it is our own

    @property
    def height(self) -> float:
        left, top, width, height = map(float, self.root.attrib["viewBox"].split())
        assert (left, top, width) == (0, 0, 400)
        return height

    @property
    def ids(self) -> list[str]:
        return [each.attrib["id"] for each in self.root.iter() if "id" in each.attrib]

    def all(self, tag: str, within: Element | None = None) -> list[Element]:
        return list((self.root if within is None else within).iter(f"{{{NAMESPACE}}}{tag}"))

    @property
    def texts(self) -> list[str]:
        """What is read on it."""
        return ["".join(each.itertext()) for each in self.all("text")]

    @property
    def boxes(self) -> list[Box]:
        [body] = [each for each in self.root if each.tag == f"{{{NAMESPACE}}}g"]
        return [
            Box(
                _fill_of(each),
                *(float(each.attrib[name]) for name in ("x", "y", "width", "height")),
            )
            for each in self.all("rect", body)
        ]

    def bars(self, fill: str, height: float | None = None) -> list[Box]:
        return [
            each
            for each in self.boxes
            if each.fill == fill and (height is None or each.height == height)
        ]


def _fill_of(element: Element) -> str:
    """By what it looks like."""
    fill = element.attrib["fill"]
    if fill.startswith("url(#"):
        return fill.removesuffix(")").rpartition("-")[2]
    name = element.attrib["class"].split()[0].removeprefix("pic-")
    return "hollow" if name == "ground" else name
