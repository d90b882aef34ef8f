"""Sheets of how a quiz and its questions did, with charts of it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from app.workbooks.columns import Column, Is, Kind, Look
from app.workbooks.sheets import Chart, Sheet
from operations.content.questions import QuestionKind
from operations.insights.quiz_figures import QuestionInsights, QuizFigures, Scores
from operations.insights.quizzes import QuizInsights
from operations.insights.statistics import Figure, Undefined

KINDS: Final = {
    QuestionKind.SINGLE_CHOICE: "Single choice",
    QuestionKind.MULTIPLE_CHOICE: "Multiple choice",
    QuestionKind.TRUE_FALSE: "True or false",
    QuestionKind.SHORT_TEXT: "Short text",
    QuestionKind.NUMBER: "Number",
    QuestionKind.ESSAY: "Essay",
}
HIDDEN: Final = "Hidden: about too few people"
SCORES: Final = "Scores"
_WHY: Final = {each: each.value.replace("_", " ").capitalize() for each in Undefined}

_QUESTION: Final = (
    Column("No.", width=6),
    Column("Question", width=48, wraps=True),
    Column("Kind", width=16),
    Column("Points", Kind.NUMBER, 8),
    Column("Asked", Kind.INTEGER, 9),
    Column("Answered", Kind.INTEGER, 11),
    Column("Correct", Kind.INTEGER, 10),
    Column("Facility", Kind.PERCENT, 10, Look.SCALE),
    Column("Discrimination", Kind.FIGURE, 16, Look.SCALE),
    Column("Point-biserial", Kind.FIGURE, 15, Look.SCALE),
    Column("Compared", Kind.INTEGER, 11),
    Column("Median time", Kind.DURATION, 13),
    Column("Asked now", Kind.YES_NO, 10),
    Column("Note", width=36, wraps=True),
)
_NUMBER: Final = 0
_FACILITY: Final = 7
_DISCRIMINATION: Final = 8


def figure_sheets(insights: QuizInsights, *, shows_key: bool) -> list[Sheet]:
    """The questions first, with all charts; then the quiz, its scores, and what was answered.
    `shows_key`: whether to say which answers are right."""
    questions = insights.questions or ()
    scores = insights.figures.scores if insights.figures else None
    return [
        Sheet(
            "Questions",
            _QUESTION,
            [_question(number, each) for number, each in enumerate(questions, 1)],
            charts=_charts(scores),
            frozen_columns=2,
        ),
        _quiz(insights),
        _distribution(scores),
        _answered(questions, shows_key),
    ]


def _charts(scores: Scores | None) -> list[Chart]:
    charts = [
        Chart(
            "Facility: the share of the points that was reached",
            _NUMBER,
            _FACILITY,
            across="Question",
            least=0,
            most=1,
            number_format="0%",
        ),
        Chart(
            "Discrimination: upper less lower 27 %",
            _NUMBER,
            _DISCRIMINATION,
            across="Question",
            least=-1,
            most=1,
            number_format="0.0",
        ),
    ]
    if scores is not None:
        across, up = "Percent of the points", "Submissions"
        charts.append(Chart("Scores", 0, 1, of=SCORES, across=across, up=up, least=0))
    return charts


def _question(number: int, each: QuestionInsights) -> list[Any]:
    text = " ".join(each.text.split())
    known = [f"{number}", text, KINDS[each.kind], each.points]
    found = each.figures
    if found is None:
        return [*known, *[None] * 8, not each.is_gone, HIDDEN]
    facility = found.facility.value
    return [
        *known,
        found.presented,
        found.answered,
        found.correct,
        None if facility is None else 100 * facility,
        found.discrimination.value,
        found.point_biserial.value,
        found.compared,
        found.median_seconds,
        not each.is_gone,
        _note(
            facility=found.facility,
            discrimination=found.discrimination,
            correlation=found.point_biserial,
        ),
    ]


def _note(**figures: Figure) -> str | None:
    reasons: dict[Undefined, list[str]] = {}
    for name, figure in figures.items():
        if figure.reason is not None:
            reasons.setdefault(figure.reason, []).append(name)
    notes = [f"{_WHY[reason]}: no {' nor '.join(names)}" for reason, names in reasons.items()]
    return "; ".join(notes) or None


def _quiz(insights: QuizInsights) -> Sheet:
    columns = [
        Column("Figure", width=34),
        Column("Value", Kind.ANY, 16),
        Column("Note", width=40, wraps=True),
    ]
    return Sheet("Quiz", columns, list(_of_quiz(insights.figures)), has_filter=False)


def _of_quiz(quiz: QuizFigures | None) -> Iterator[tuple[str, Is, str | None]]:
    if quiz is None:
        yield "Figures", Is(Kind.TEXT, None), HIDDEN
        return
    yield "Handed in", Is(Kind.INTEGER, quiz.submissions), None
    yield "People", Is(Kind.INTEGER, quiz.people), None
    yield "Waiting for a grade", Is(Kind.INTEGER, quiz.waiting), None
    scores = quiz.scores
    if scores is None:
        yield "Scores", Is(Kind.TEXT, None), HIDDEN
        return
    yield "Graded", Is(Kind.INTEGER, scores.graded), None
    yield "Passed", Is(Kind.INTEGER, scores.passed), None
    rate = None if scores.pass_rate is None else 100 * scores.pass_rate
    yield "Pass rate", Is(Kind.PERCENT, rate), None
    yield "Mean score", Is(Kind.PERCENT, scores.mean), None
    yield "Median score", Is(Kind.PERCENT, scores.median), None
    yield "Standard deviation of scores", Is(Kind.PERCENT, scores.standard_deviation), None
    yield "Lowest score", Is(Kind.PERCENT, scores.lowest), None
    yield "Highest score", Is(Kind.PERCENT, scores.highest), None
    minutes = scores.median_minutes
    yield "Median time", Is(Kind.DURATION, None if minutes is None else 60 * minutes), None
    yield "Compared", Is(Kind.INTEGER, scores.compared), "Submissions of the newest test"
    reliability, error = scores.reliability, scores.standard_error
    alpha = "Reliability (Cronbach’s alpha)"
    yield alpha, Is(Kind.FIGURE, reliability.value), _note(reliability=reliability)
    name = "Standard error of measurement"
    yield name, Is(Kind.PERCENT, error.value), _note(error=error)


def _distribution(scores: Scores | None) -> Sheet:
    columns = [
        Column("Score", width=16),
        Column("Submissions", Kind.INTEGER, 14, Look.BAR),
        Column("Note", width=30),
    ]
    rows = [
        [f"{each.since}–{each.until} %", each.count, HIDDEN if each.is_suppressed else None]
        for each in (scores.distribution if scores else ())
    ]
    return Sheet(SCORES, columns, rows)


def _answered(questions: Sequence[QuestionInsights], shows_key: bool) -> Sheet:
    columns = [
        Column("No.", width=6),
        Column("Question", width=48, wraps=True),
        Column("Answer", width=40, wraps=True),
        Column("Given by", Kind.INTEGER, 11),
        Column("Share", Kind.PERCENT, 12, Look.BAR),
        Column("Note", width=30),
    ]
    rows = [
        [f"{number}", " ".join(each.text.split()), *row]
        for number, each in enumerate(questions, 1)
        for row in _answers(each)
    ]
    if shows_key:
        columns.insert(5, Column("Right", Kind.YES_NO, 10, Look.VERDICT))
    else:
        rows = [[*row[:5], *row[6:]] for row in rows]
    return Sheet("Answers", columns, rows)


def _answers(each: QuestionInsights) -> Iterator[list[Any]]:
    """Answer, given by, share, right, note."""
    answers = each.figures.answers if each.figures else None
    if answers is None:
        return
    for one in answers.shown:
        share = None if one.share is None else 100 * one.share
        note = HIDDEN if one.is_suppressed else None
        yield [one.text, one.count, share, one.is_right, note]
    if answers.others:
        answered = each.figures.answered if each.figures else 0
        share = 100 * answers.others / answered if answered else None
        yield ["Other answers", answers.others, share, None, None]
