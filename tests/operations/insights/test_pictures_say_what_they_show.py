"""Lengths in pictures are as the figures, and every figure is said in words, too."""

import datetime as dt
import math
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.insights.pictures import words
from operations.insights.pictures.charts import BAR, PLOT, THIN
from operations.insights.pictures.drawing import PictureKind
from operations.insights.pictures.of_courses import MOST_ROWS, course_pictures
from operations.insights.pictures.of_quizzes import LEVELS, quiz_pictures
from operations.insights.pictures.of_quizzes import THIN as OF_QUESTION
from operations.insights.quizzes import QuizInsights
from operations.insights.statistics import Figure, Undefined
from tests.operations.insights.drawn import (
    NOT_SAID,
    TODAY,
    Drawn,
    course,
    figures,
    hidden_question,
    question,
    quiz,
    scores,
)

WIDE: Final = 368
CLOSE: Final = 0.011
"""Places are written to a hundredth."""

some = st.integers(0, 5_000)
NAMES: Final = ("Sales", "Finance", "Legal", "Support", "Research")


def of_course(kind: PictureKind, insights: object) -> Drawn:
    [picture] = course_pictures(insights, [kind])  # type: ignore[arg-type]
    return Drawn(picture)


def of_quiz(kind: PictureKind, insights: QuizInsights) -> Drawn:
    [picture] = quiz_pictures(insights, [kind])
    return Drawn(picture)


@settings(deadline=None)
@given(some, some, some, some)
def test_states_of_learners_share_one_bar(a: int, b: int, c: int, d: int) -> None:
    drawn = of_course(PictureKind.STATES, course(figures(a, b, c, d)))
    parts = [each for each in drawn.boxes if each.height == BAR]

    whole = a + b + c + d
    if not whole:
        assert [each.width for each in parts] == [WIDE]
        assert drawn.picture.description == "Nobody learns here."
        return
    assert [each.width for each in parts] == [
        pytest.approx(WIDE * number / whole, abs=2 * CLOSE) for number in (a, b, c, d) if number
    ]
    for left, right in pairwise(parts):
        assert right.x == pytest.approx(left.x + left.width, abs=2 * CLOSE)
    for number in (whole, a, b, c, d):
        assert f"{number:,} " in drawn.picture.description
        assert number == whole or f"{number:,}" in drawn.texts


@settings(deadline=None)
@given(st.lists(st.tuples(some, some), max_size=30))
def test_departments_come_largest_first_and_the_rest_are_added_up(
    sizes: list[tuple[int, int]],
) -> None:
    departments = {f"D{place}": figures(*each) for place, each in enumerate(sizes)}
    drawn = of_course(PictureKind.DEPARTMENTS, course(figures(1), dict(departments)))
    largest = sorted(
        ((each.assigned, each.completed, name) for name, each in departments.items()),
        key=lambda each: (-each[0], each[2]),
    )
    known = [each for each in largest if each[0]]
    shown, rest = known[:MOST_ROWS], known[MOST_ROWS:]
    if rest:
        shown.append((sum(each[0] for each in rest), sum(each[1] for each in rest), "rest"))

    bars = drawn.bars("deep")
    assert [each.width for each in bars] == [
        pytest.approx(WIDE * part / whole, abs=CLOSE) for whole, part, _ in shown if part
    ]
    assert len(drawn.bars("hollow")) == len(shown)
    for whole, part, _ in shown:
        assert f": {part:,} of {whole:,} completed (" in drawn.picture.description


@settings(deadline=None)
@given(st.lists(some, min_size=2, max_size=5))
def test_overdue_people_of_departments_are_compared(late: list[int]) -> None:
    departments = {
        name: figures(0, number + 1, overdue=number)
        for name, number in zip(NAMES, late, strict=False)
    }
    insights = course(figures(3, 2, overdue=1), dict(departments))
    drawn = of_course(PictureKind.OVERDUE, insights)

    expected = sorted((each for each in late if each), reverse=True)
    assert [each.width for each in drawn.bars("stripes", THIN)] == [
        pytest.approx(WIDE * each / expected[0], abs=CLOSE) for each in expected
    ]
    for name, each in departments.items():
        assert not each.overdue or f"{name} {each.overdue:,}" in drawn.picture.description
    assert "Of 5 learners: 1 overdue (20 %), 1 open, not overdue (20 %)" in (
        drawn.picture.description
    )


def test_many_departments_fit_and_none_is_forgotten() -> None:
    departments = {f"D{place:03}": figures(5, 5, overdue=1 + place) for place in range(200)}
    insights = course(figures(1000, 1000), dict(departments))

    overdue = of_course(PictureKind.OVERDUE, insights).picture.description
    completed = of_course(PictureKind.DEPARTMENTS, insights).picture.description
    assert "D199 200" in overdue
    assert f"In 188 more departments: {sum(range(1, 189)):,}." in overdue
    assert "188 more departments: 940 of 1,880 completed (50 %)." in completed


def test_hidden_departments_are_named_and_not_counted() -> None:
    departments = {"Sales": figures(5, 5), "Legal": None, "Board": None}
    drawn = of_course(PictureKind.DEPARTMENTS, course(figures(9, 9), departments))

    assert "Too few people to show: Board and Legal." in drawn.picture.description
    assert len(drawn.bars("veil")) == 1
    assert "too few people to show" in drawn.texts
    assert len(drawn.bars("deep")) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(some, some), min_size=1, max_size=31))
def test_a_trend_goes_as_high_as_its_figures(by_day: list[tuple[int, int]]) -> None:
    days = [TODAY - dt.timedelta(days=back) for back in reversed(range(len(by_day)))]
    started = {day: each for day, (each, _) in zip(days, by_day, strict=True)}
    completed = {day: each for day, (_, each) in zip(days, by_day, strict=True)}
    insights = course(figures(10), started=started, completed=completed)
    drawn = of_course(PictureKind.TREND, insights)

    marks = list(drawn.bars("mid", 8))[1:]
    dots = drawn.all("circle")[1:]
    tops = [each.y + 4 for each in marks], [float(each.attrib["cy"]) for each in dots]
    bottom = max(float(each.attrib["y1"]) for each in drawn.all("line"))
    top = min(float(each.attrib["y1"]) for each in drawn.all("line"))
    assert bottom - top == pytest.approx(PLOT, abs=CLOSE)
    heights = [bottom - each for row in tops for each in row]
    numbers = [*started.values(), *completed.values()]
    unit = max(heights) / max([*numbers, 1])
    assert heights == [pytest.approx(each * unit, abs=0.1) for each in numbers]
    for day in days:
        if started[day] or completed[day]:
            said = f": started {started[day]:,}, completed {completed[day]:,}."
            assert f"{day.day} {day:%B %Y}{said}" in drawn.picture.description


def test_a_long_past_is_told_by_month_and_a_short_one_by_day() -> None:
    def told(back: int) -> str:
        first = TODAY - dt.timedelta(days=back)
        insights = course(figures(9), started={first: 3, TODAY: 2})
        return of_course(PictureKind.TREND, insights).picture.description

    assert told(30).startswith("By day, from 24 October 2026 to 23 November 2026.")
    assert told(31).startswith("By week, from 19 October 2026 to 29 November 2026.")
    assert told(370).startswith("By week")
    assert told(371).startswith("By month, from 1 November 2025 to 30 November 2026.")
    assert told(11_000).startswith("By month")
    assert told(30).endswith("Nothing happened in the others.")


def test_hidden_months_are_veiled_and_leave_a_gap() -> None:
    months = [dt.date(2026, month, 1) for month in range(5, 12)]
    started = dict(zip(months, [20, 30, 4, 40, 7, 50, 60], strict=True))
    insights = course(figures(300), started=started, completed={}, smallest=10)
    drawn = of_course(PictureKind.TREND, insights)

    assert len(drawn.bars("veil", PLOT)) == 2
    assert "July 2026: started too few people to show, completed 0." in drawn.picture.description
    assert "started 4," not in drawn.picture.description
    assert "200 shown" in drawn.texts
    assert len(drawn.all("polyline")) == 2 + 2 + 1


@settings(deadline=None)
@given(st.lists(st.none() | some, min_size=10, max_size=10))
def test_scores_stand_as_high_as_they_are_many(distribution: list[int | None]) -> None:
    insights = quiz(scores(distribution))
    drawn = of_quiz(PictureKind.SCORES, insights)
    if not any(distribution):
        assert drawn.picture.description == "Nothing has been graded yet."
        return

    columns = drawn.bars("deep")
    counts = [each for each in distribution if each]
    unit = max(each.height for each in columns) / max(counts)
    assert [each.height for each in columns] == [
        pytest.approx(each * unit, abs=2 * CLOSE) for each in counts
    ]
    assert len(drawn.bars("veil", PLOT)) == distribution.count(None)
    for place, number in enumerate(distribution):
        said = "too few people to show" if number is None else f"{number:,}"
        told = f"{place * 10} to {place * 10 + 10} percent: {said}." in drawn.picture.description
        assert told is (number != 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), min_size=1, max_size=50))
def test_questions_are_as_long_as_their_figures(values: list[tuple[float, float]]) -> None:
    questions = [
        question(place, Figure(each[0]), Figure(each[1]))
        for place, each in enumerate(values, start=1)
    ]
    drawn = of_quiz(PictureKind.QUESTIONS, quiz(scores([1] * 10), questions))

    facilities, separations = drawn.bars("deep", OF_QUESTION), drawn.bars("mid", OF_QUESTION)
    lowest = math.floor(4 * min(0, *(each for _, each in values))) / 4
    unit = (WIDE - 44) / (1 - lowest)
    for (facility, separation), first, second in zip(values, facilities, separations, strict=True):
        assert first.width == pytest.approx(facility * unit, abs=2 * CLOSE)
        assert second.width == pytest.approx(abs(separation) * unit, abs=2 * CLOSE)
        zero = first.x
        assert second.x == pytest.approx(
            zero if separation >= 0 else zero - second.width, abs=2 * CLOSE
        )
    for place, (facility, separation) in enumerate(values, start=1):
        said = f"facility {words.decimal(facility)}, discrimination {words.decimal(separation)}."
        assert f"{place}. Why?: {said}" in drawn.picture.description


def test_what_is_not_defined_says_why() -> None:
    unknown = Figure(None, Undefined.NO_VARIANCE)
    drawn = of_quiz(
        PictureKind.QUESTIONS,
        quiz(scores([1] * 10), [question(1, NOT_SAID, unknown), hidden_question(2)]),
    )

    said = drawn.picture.description
    assert "1. Why?: facility not known (not known), discrimination not known (everybody" in said
    assert "2. Why?: too few people to show." in said
    assert drawn.bars("deep", OF_QUESTION) == drawn.bars("mid", OF_QUESTION) == []
    assert len(drawn.bars("veil")) == 1


@pytest.mark.parametrize(
    ("alpha", "word"), [*zip((0.95, 0.8, 0.79, 0.5, -3.0), LEVELS, strict=True)]
)
def test_reliability_is_said_in_words(alpha: float, word: tuple[float, str]) -> None:
    insights = quiz(scores([5] * 10, Figure(alpha), Figure(6.04)))
    drawn = of_quiz(PictureKind.RELIABILITY, insights)

    said = drawn.picture.description
    assert f"Cronbach’s alpha is {words.decimal(alpha)}, {word[1]}." in said
    assert "by up to 6.0 percent of the points" in said
    widths = [each.width for each in drawn.bars("deep")]
    assert widths == ([pytest.approx(WIDE * alpha, abs=CLOSE)] if alpha > 0 else [])


def test_a_reliability_that_is_not_defined_says_why() -> None:
    insights = quiz(scores([5] * 10, Figure(None, Undefined.TOO_FEW_QUESTIONS)))

    said = of_quiz(PictureKind.RELIABILITY, insights).picture.description
    assert "Cronbach’s alpha is not defined: too few questions to say." in said


def test_some_are_never_none_and_not_quite_all_are_never_all() -> None:
    assert [words.percent(each, 1000) for each in (0, 1, 10, 990, 999, 1000)] == [
        *("0 %", "<1 %", "1 %", "99 %", ">99 %", "100 %")
    ]
    assert words.percent(0, 0) == "0 %"
    assert [words.short(each) for each in (9_999, 12_345, 100_000, 4_560_000)] == [
        *("9,999", "12.3k", "100k", "4.56M")
    ]
    assert [words.decimal(each) for each in (-0.001, -0.25)] == ["0.00", "−0.25"]
