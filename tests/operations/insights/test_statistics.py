"""The figures of classical test theory: against brute force over what every single person got,
against the standard library, and against what was published about a test everybody knows."""

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.insights.statistics import (
    TAIL,
    AtScore,
    Figure,
    Sums,
    Undefined,
    alpha,
    discrimination,
    facility,
    item_rest_correlation,
    mean,
    median,
    places,
    standard_deviation,
    standard_error,
)
from tests.operations.insights import by_person
from tests.operations.insights.by_person import Matrix, column, totals, variance

pytestmark = pytest.mark.spec("X1")

POINTS = st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1), Decimal("2.25"), Decimal(7)])


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    questions = draw(st.integers(1, 5))
    row = st.lists(POINTS, min_size=questions, max_size=questions)
    return draw(st.lists(row, max_size=14))


def sums_of(values: Sequence[Decimal]) -> Sums:
    return Sums(len(values), sum(values, Decimal(0)), sum((x * x for x in values), Decimal(0)))


def by_score(matrix: Matrix, question: int) -> list[AtScore]:
    """The matrix as it is counted in the database: those of one score and revision together."""
    found: dict[tuple[Decimal, int], list[Decimal]] = defaultdict(list)
    for place, (row, total) in enumerate(zip(matrix, totals(matrix), strict=True)):
        found[total, place % 2].append(row[question])
    return [AtScore(total, *sums_of(values)) for (total, _), values in found.items()]


def near(figure: Figure, expected: float | Fraction | None) -> bool:
    assert expected is not None
    assert figure.reason is None
    assert figure.value is not None
    return math.isclose(figure.value, float(expected), rel_tol=1e-12, abs_tol=1e-12)


@given(matrices())
def test_alpha_is_what_the_variances_of_all_answers_say(matrix: Matrix) -> None:
    scores = totals(matrix)
    questions = range(len(matrix[0]) if matrix else 0)
    found = alpha([sums_of(column(matrix, each)) for each in questions], sums_of(scores))
    if len(matrix) < 2:
        assert found == Figure(None, Undefined.TOO_FEW_PEOPLE)
    elif len(questions) < 2:
        assert found == Figure(None, Undefined.TOO_FEW_QUESTIONS)
    elif len(set(scores)) == 1:
        assert found == Figure(None, Undefined.NO_VARIANCE)
    else:
        assert near(found, by_person.alpha(matrix))


@given(matrices())
def test_the_index_of_discrimination_cuts_people_where_ties_are(matrix: Matrix) -> None:
    found = discrimination(by_score(matrix, 0) if matrix else [], Decimal(7))
    if len(matrix) < 2:
        assert found == Figure(None, Undefined.TOO_FEW_PEOPLE)
    elif len(set(totals(matrix))) == 1:
        assert found == Figure(None, Undefined.NO_VARIANCE)
    else:
        assert near(found, by_person.discrimination(matrix, 0, Decimal(7)))


@given(matrices())
def test_a_question_is_correlated_with_the_score_without_it(matrix: Matrix) -> None:
    found = item_rest_correlation(by_score(matrix, 0) if matrix else [])
    item = column(matrix, 0) if matrix else []
    rest = [total - own for total, own in zip(totals(matrix), item, strict=True)]
    if len(matrix) < 2:
        assert found == Figure(None, Undefined.TOO_FEW_PEOPLE)
    elif len(set(item)) == 1 or len(set(rest)) == 1:
        assert found == Figure(None, Undefined.NO_VARIANCE)
    else:
        assert found.value == pytest.approx(by_person.correlation(matrix, 0), abs=1e-9)


@given(st.lists(st.decimals(0, 1000, places=2), max_size=40))
def test_mean_deviation_and_median_are_those_of_the_standard_library(
    values: list[Decimal],
) -> None:
    counted = [(each, values.count(each)) for each in set(values)]
    if values:
        assert near(mean(counted), statistics.mean(map(Fraction, values)))
        assert near(median(counted), statistics.median(map(Fraction, values)))
    else:
        assert mean(counted) == median(counted) == Figure(None, Undefined.NOBODY)
    if len(values) > 1:
        assert near(standard_deviation(counted), float(variance(values)) ** 0.5)
    else:
        assert standard_deviation(counted) == Figure(None, Undefined.TOO_FEW_PEOPLE)


@given(st.lists(st.decimals(0, 100, places=2)), st.integers(1, 20))
def test_everybody_lies_in_one_part_of_the_distribution(values: list[Decimal], bins: int) -> None:
    found = places(values, bins=bins)
    assert len(found) == len(values)
    for value, place in zip(values, found, strict=True):
        lower, upper = Fraction(100 * place, bins), Fraction(100 * (place + 1), bins)
        assert lower <= Fraction(value) < upper or (place == bins - 1 and value == 100)


def test_a_thousand_generated_people_agree_with_the_standard_library() -> None:
    chance = random.Random(5)
    able = [chance.gauss(0, 1) for _ in range(1000)]
    matrix = [
        [Decimal(1 + place % 3) * (chance.gauss(0, 1) < skill - place / 8) for place in range(12)]
        for skill in able
    ]
    scores = [float(each) for each in totals(matrix)]
    whole = sums_of(totals(matrix))
    columns = [[float(each) for each in column(matrix, place)] for place in range(12)]
    found = alpha([sums_of(column(matrix, each)) for each in range(12)], whole)
    inner = sum(statistics.variance(each) for each in columns)
    expected = 12 / 11 * (1 - inner / statistics.variance(scores))
    assert found.value == pytest.approx(expected, abs=1e-12)
    error = statistics.stdev(scores) * (1 - expected) ** 0.5
    assert standard_error(whole, found).value == pytest.approx(error)
    for place, each in enumerate(columns):
        rest = [total - own for total, own in zip(scores, each, strict=True)]
        correlated = item_rest_correlation(by_score(matrix, place))
        assert correlated.value == pytest.approx(statistics.correlation(each, rest), abs=1e-12)
        upper_less_lower = discrimination(by_score(matrix, place), Decimal(1 + place % 3))
        assert near(
            upper_less_lower, by_person.discrimination(matrix, place, Decimal(1 + place % 3))
        )


SECTION_7 = [
    *(12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28),
    *(7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35, 18, 136, 32, 308),
]
"""Five questions of section 7 of the Law School Admission Test, 1,000 people: how many gave each
pattern of right and wrong answers, 00000 to 11111.

Bock, R. D., & Lieberman, M. (1970). Fitting a response model for n dichotomously scored items.
Psychometrika 35, 179-197, table 1.
"""


def section_7() -> Matrix:
    patterns = [[Decimal(digit) for digit in f"{number:05b}"] for number in range(32)]
    return [row for row, n in zip(patterns, SECTION_7, strict=True) for _ in range(n)]


def test_the_published_analysis_of_the_law_school_admission_test_is_found_again() -> None:
    """The figures `itemstats` gives in the reference manual of the R package mirt 1.45
    (Chalmers, R. P. (2012). Journal of Statistical Software 48(6), 1-29)."""
    matrix = section_7()
    whole = sums_of(totals(matrix))
    items = [sums_of(column(matrix, each)) for each in range(5)]
    reliability = alpha(items, whole)
    error = standard_error(whole, reliability)
    scores = [(each, 1) for each in totals(matrix)]
    wholes = (mean(scores), standard_deviation(scores), reliability, error)
    assert [_rounded(each) for each in wholes] == [3.707, 1.199, 0.453, 0.886]
    means = [facility(each.points, Decimal(each.n)) for each in items]
    assert [_rounded(each) for each in means] == [0.828, 0.658, 0.772, 0.606, 0.843]
    correlated = [item_rest_correlation(by_score(matrix, each)) for each in range(5)]
    assert [_rounded(each) for each in correlated] == [0.246, 0.247, 0.313, 0.223, 0.175]


def _rounded(figure: Figure) -> float:
    assert figure.value is not None
    return round(figure.value, 3)


def test_alpha_of_right_and_wrong_is_formula_20_of_kuder_and_richardson() -> None:
    matrix = section_7()
    scores = [int(each) for each in totals(matrix)]
    p = [Fraction(sum(column(matrix, each)) / 1000) for each in range(5)]
    around = Fraction(sum(scores), 1000)
    whole = sum((each - around) ** 2 for each in scores) / 1000
    expected = Fraction(5, 4) * (1 - sum(each * (1 - each) for each in p) / whole)
    items = [sums_of(column(matrix, each)) for each in range(5)]
    assert near(alpha(items, sums_of(totals(matrix))), expected)


def test_what_was_not_asked_of_everybody_has_no_reliability() -> None:
    whole = sums_of([Decimal(1), Decimal(2), Decimal(3)])
    asked_of_all, asked_of_two = whole, sums_of([Decimal(1), Decimal(0)])
    found = alpha([asked_of_all, asked_of_two], whole)
    assert found == Figure(None, Undefined.QUESTIONS_DIFFER)
    assert standard_error(whole, found) == found


def test_questions_that_contradict_each_other_leave_no_error_of_measurement() -> None:
    matrix = [[Decimal(1), Decimal(0)], [Decimal(0), Decimal(1)], [Decimal(1), Decimal(1)]]
    whole = sums_of(totals(matrix))
    reliability = alpha([sums_of(column(matrix, 0)), sums_of(column(matrix, 1))], whole)
    assert reliability.value is not None
    assert reliability.value < 0
    assert standard_error(whole, reliability) == Figure(None, Undefined.NEGATIVE_RELIABILITY)


def test_questions_that_say_the_same_leave_no_error_at_all() -> None:
    matrix = [[Decimal(each), Decimal(each)] for each in (0, 1, 1, 0)]
    whole = sums_of(totals(matrix))
    reliability = alpha([sums_of(column(matrix, 0)), sums_of(column(matrix, 1))], whole)
    assert reliability == Figure(1.0)
    assert standard_error(whole, reliability) == Figure(0.0)


def test_a_question_without_points_has_no_facility() -> None:
    assert facility(Decimal(0), Decimal(0)) == Figure(None, Undefined.NO_POINTS)
    two = [AtScore(Decimal(1), 1, Decimal(0), Decimal(0))]
    two.append(AtScore(Decimal(2), 1, Decimal(0), Decimal(0)))
    assert discrimination(two, Decimal(0)) == Figure(None, Undefined.NO_POINTS)


def test_the_groups_are_those_of_kelley() -> None:
    assert Decimal("0.27") == TAIL
    hundred = [
        AtScore(Decimal(each), 1, Decimal(each >= 73), Decimal(each >= 73)) for each in range(100)
    ]
    assert discrimination(hundred, Decimal(1)) == Figure(1.0)


def test_sums_are_exact_where_floats_are_not() -> None:
    large = [(Decimal("99999999.99"), 50_000), (Decimal("99999999.98"), 50_000)]
    assert near(standard_deviation(large), 0.005 * (100_000 / 99_999) ** 0.5)
    thirds = [(Fraction(100, 3), 2), (Fraction(200, 6), 5)]
    assert standard_deviation(thirds) == Figure(0.0)
