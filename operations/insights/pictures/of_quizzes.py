"""Pictures of how a quiz is doing."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from operations.insights.pictures import charts
from operations.insights.pictures.drawing import MARGIN, RIGHT, SIZE, Picture, PictureKind, Sheet
from operations.insights.pictures.inks import Fill
from operations.insights.pictures.lettering import width
from operations.insights.pictures.scales import Scale
from operations.insights.pictures.words import HIDDEN, count, decimal, named, percent, sentence
from operations.insights.quiz_figures import ItemFigures, QuestionInsights, Scores
from operations.insights.quizzes import QuizInsights
from operations.insights.statistics import Figure, Undefined

ALL_HIDDEN: Final = f"The figures are hidden: {HIDDEN}."
NOTHING_GRADED: Final = "Nothing has been graded yet."
WHY: Final[Mapping[Undefined, str]] = {
    Undefined.NOBODY: "nobody was asked",
    Undefined.TOO_FEW_PEOPLE: "too few people to say",
    Undefined.TOO_FEW_QUESTIONS: "too few questions to say",
    Undefined.NO_POINTS: "it gives no points",
    Undefined.NO_VARIANCE: "everybody has the same",
    Undefined.QUESTIONS_DIFFER: "not everybody was asked the same",
    Undefined.NEGATIVE_RELIABILITY: "the questions contradict each other",
}
UNKNOWN: Final = "not known"

LEVELS: Final = (
    (0.9, "very high: good enough to decide about single people"),
    (0.8, "high: good enough to compare groups, and with care single people"),
    (0.7, "acceptable: good enough to compare groups"),
    (0.5, "low: compare groups with care, and no single people"),
    (float("-inf"), "too low: scores say little about who knows more"),
)
"""What a reliability is good for: the usual marks (Nunnally and Bernstein, Psychometric Theory,
3rd edition, 1994, pages 264–265), and below them, how far they are missed."""

THIN: Final = 9
SLACK: Final = 44
"""Room for the figures beside the bars of questions."""


def quiz_pictures(
    insights: QuizInsights, kinds: Collection[PictureKind] = tuple(PictureKind)
) -> list[Picture]:
    """The pictures of these kinds that there are of a quiz, in their order."""
    return [draw(insights) for kind, draw in DRAWN.items() if kind in kinds]


def _scores(insights: QuizInsights) -> Picture:
    sheet = Sheet(PictureKind.SCORES, "Scores", insights.title)
    scores = _shown(insights)
    if scores is None or not scores.graded:
        return _without(sheet, scores)
    bins = scores.distribution
    marks = [(place / 5, f"{place * 20} %") for place in range(6)]
    charts.columns(sheet, [each.count for each in bins], marks)
    summary = _summary(scores)
    sheet.paragraph(summary)
    told = [
        f"{each.since} to {each.until} percent: {_said(each.count)}."
        for each in bins
        if each.count != 0
    ]
    return sheet.finished("How many reached how many percent.", *told, summary)


def _summary(scores: Scores) -> str:
    passed = f"{count(scores.passed)} passed ({percent(scores.passed, scores.graded)})"
    figures = [
        f"{name} {decimal(number, 1)} percent"
        for name, number in (
            ("mean", scores.mean),
            ("median", scores.median),
            ("standard deviation", scores.standard_deviation),
            ("lowest", scores.lowest),
            ("highest", scores.highest),
        )
        if number is not None
    ]
    graded = f"{count(scores.graded, 'submission')} graded, {passed}."
    return " ".join([graded, sentence(", ".join(figures))]).strip()


def _questions(insights: QuizInsights) -> Picture:
    sheet = Sheet(PictureKind.QUESTIONS, "Questions", insights.title)
    questions = insights.questions
    if questions is None:
        return _without(sheet, None)
    if not questions:
        sheet.paragraph("There are no questions.")
        return sheet.finished("There are no questions.")
    for name, fill in (("Facility: how easy it is", Fill.DEEP), (_SEPARATES, Fill.MID)):
        sheet.y += 22
        charts.keyed(sheet, name, fill)
    scale = Scale(_lowest(questions), 1, MARGIN, RIGHT - SLACK)
    sheet.y += 12
    named_questions = [(_name(place, each), each) for place, each in enumerate(questions, 1)]
    for name, each in named_questions:
        _question(sheet, name, each.figures, scale)
    return sheet.finished(*(_told(name, each.figures) for name, each in named_questions))


_SEPARATES: Final = "Discrimination: how well it separates people"


def _lowest(questions: Sequence[QuestionInsights]) -> float:
    """Where the scale begins: below 0, in quarters, where a question separates people the wrong
    way around."""
    values = [each.figures.discrimination.value for each in questions if each.figures is not None]
    lowest = min((each for each in values if each is not None), default=0)
    return max(math.floor(4 * lowest) / 4, -1) if lowest < 0 else 0


def _question(sheet: Sheet, name: str, figures: ItemFigures | None, scale: Scale) -> None:
    sheet.y += 26
    sheet.text(MARGIN, sheet.y, name, room=RIGHT - MARGIN)
    sheet.y += 8
    if figures is None:
        sheet.box(MARGIN, sheet.y, scale.end - MARGIN, THIN, Fill.VEIL)
        sheet.y += THIN + 14
        sheet.text(MARGIN, sheet.y, sentence(HIDDEN), ink="quiet")
        return
    top = sheet.y
    for figure, fill in ((figures.facility, Fill.DEEP), (figures.discrimination, Fill.MID)):
        _bar(sheet, figure, fill, scale)
        sheet.y += THIN + 6
    sheet.rule(scale(0), top - 3, scale(0), sheet.y - 3, ink="quiet")


def _bar(sheet: Sheet, figure: Figure, fill: Fill, scale: Scale) -> None:
    """A bar from zero and its figure, or why there is none."""
    line = sheet.y + THIN
    if figure.value is None:
        sheet.text(scale(0) + 4, line, _why(figure), ink="quiet", room=RIGHT - scale(0) - 4)
        return
    start = min(scale(0), scale(figure.value))
    sheet.box(start, sheet.y, scale.length(figure.value), THIN, fill)
    sheet.text(RIGHT, line, decimal(figure.value), anchor="end", ink="quiet")


def _told(name: str, figures: ItemFigures | None) -> str:
    if figures is None:
        return f"{name}: {HIDDEN}."
    return (
        f"{name}: facility {_worded(figures.facility)},"
        f" discrimination {_worded(figures.discrimination)}."
    )


def _name(place: int, question: QuestionInsights) -> str:
    gone = " (no longer asked)" if question.is_gone else ""
    return f"{place}. {named(question.words)}{gone}"


def _reliability(insights: QuizInsights) -> Picture:
    sheet = Sheet(PictureKind.RELIABILITY, "Reliability", insights.title)
    scores = _shown(insights)
    if scores is None or not scores.graded:
        return _without(sheet, scores)
    alpha = scores.reliability.value
    if alpha is None:
        words = f"Cronbach’s alpha is not defined: {_why(scores.reliability)}."
    else:
        _dial(sheet, alpha)
        words = f"Cronbach’s alpha is {decimal(alpha)}, {_level(alpha)}."
    words += f" Of {count(scores.compared, 'submission')} at the newest test."
    error = scores.standard_error.value
    if error is not None:
        words += (
            " Measured again, somebody’s score would usually differ by up to"
            f" {decimal(error, 1)} percent of the points, by chance alone."
        )
    sheet.paragraph(words)
    return sheet.finished(words)


def _dial(sheet: Sheet, alpha: float) -> None:
    """Where alpha lies from 0 to 1, and where the levels begin."""
    scale = Scale(0, 1, MARGIN, RIGHT)
    top = sheet.y + 8
    sheet.box(MARGIN, top, RIGHT - MARGIN, charts.THIN, Fill.HOLLOW)
    if alpha > 0:
        sheet.box(MARGIN, top, scale.length(min(alpha, 1)), charts.THIN, Fill.DEEP)
    sheet.y = top + charts.THIN + 18
    for mark in (0, 0.5, 0.7, 0.8, 0.9, 1):
        said = decimal(mark, 1)
        half = width(said, SIZE) / 2
        middle = min(max(scale(mark), MARGIN + half), RIGHT - half)
        sheet.rule(scale(mark), top + charts.THIN, scale(mark), top + charts.THIN + 5, ink="quiet")
        sheet.text(middle, sheet.y, said, anchor="middle", ink="quiet")


def _level(alpha: float) -> str:
    return next(said for least, said in LEVELS if alpha >= least)


def _shown(insights: QuizInsights) -> Scores | None:
    return None if insights.figures is None else insights.figures.scores


def _without(sheet: Sheet, scores: Scores | None) -> Picture:
    """Nothing to draw: it is hidden, or there is nothing yet."""
    if scores is None:
        sheet.box(MARGIN, sheet.y, RIGHT - MARGIN, charts.BAR, Fill.VEIL)
        sheet.y += charts.BAR + 4
    said = ALL_HIDDEN if scores is None else NOTHING_GRADED
    sheet.paragraph(said)
    return sheet.finished(said)


def _said(number: int | None) -> str:
    return HIDDEN if number is None else count(number)


def _worded(figure: Figure) -> str:
    return f"not known ({_why(figure)})" if figure.value is None else decimal(figure.value)


def _why(figure: Figure) -> str:
    return UNKNOWN if figure.reason is None else WHY[figure.reason]


DRAWN: Final[Mapping[PictureKind, Callable[[QuizInsights], Picture]]] = {
    PictureKind.SCORES: _scores,
    PictureKind.QUESTIONS: _questions,
    PictureKind.RELIABILITY: _reliability,
}
