"""The figures of classical test theory, from counts and sums. Pure.

Nothing here sees a person: what goes in are sums over those who are alike, which add up, so the
figures are the same however the sums were made. Sums are exact; only what is said in the end is
rounded, to a float. Where a figure is not defined it is None with the reason: never NaN.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple, TypeVar

Value = TypeVar("Value", Decimal, Fraction, int)

EXACT: Final = Context(prec=90)
"""More digits than any sum or product of sums here has."""

TAIL: Final = Decimal("0.27")
"""The share of people in the upper and in the lower group. Kelley, T. L. (1939). The selection of
upper and lower groups for the validation of test items. Journal of Educational Psychology 30,
17-24."""


class Undefined(StrEnum):
    """Why there is no such figure. NO_VARIANCE: everybody has the same. QUESTIONS_DIFFER: not
    everybody was asked this. NEGATIVE_RELIABILITY: the questions contradict each other."""

    NOBODY = "NOBODY"
    TOO_FEW_PEOPLE = "TOO_FEW_PEOPLE"
    TOO_FEW_QUESTIONS = "TOO_FEW_QUESTIONS"
    NO_POINTS = "NO_POINTS"
    NO_VARIANCE = "NO_VARIANCE"
    QUESTIONS_DIFFER = "QUESTIONS_DIFFER"
    NEGATIVE_RELIABILITY = "NEGATIVE_RELIABILITY"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, or why there is none."""

    value: float | None
    reason: Undefined | None = None


class Sums(NamedTuple):
    """Of how many, the sum of what they have, and the sum of its squares."""

    n: int
    points: Decimal
    squares: Decimal

    @property
    def spread(self) -> Decimal:
        """n² times the variance of these n, exactly."""
        with localcontext(EXACT):
            return self.n * self.squares - self.points * self.points


class AtScore(NamedTuple):
    """Those whose whole score is this: how many, and sums of what they got for one question."""

    score: Decimal
    n: int
    points: Decimal
    squares: Decimal


def added(parts: Iterable[Sums]) -> Sums:
    """The sums of all parts."""
    n, points, squares = 0, Decimal(0), Decimal(0)
    with localcontext(EXACT):
        for each in parts:
            n, points, squares = n + each.n, points + each.points, squares + each.squares
    return Sums(n, points, squares)


def mean(weighted: Iterable[tuple[Value, int]]) -> Figure:
    """The arithmetic mean of values that occur so often."""
    n, total, _ = _moments(weighted)
    return Figure(float(total / n)) if n else Figure(None, Undefined.NOBODY)


def standard_deviation(weighted: Iterable[tuple[Value, int]]) -> Figure:
    """The standard deviation of a sample: Bessel's n - 1 in the denominator."""
    n, total, squares = _moments(weighted)
    if n < 2:
        return Figure(None, Undefined.TOO_FEW_PEOPLE)
    return Figure(math.sqrt((n * squares - total * total) / (n * (n - 1))))


def facility(points: Decimal, most: Decimal) -> Figure:
    """The share of the points that was reached: of a question that gives all or nothing the share
    of people who were right, the difficulty p of classical test theory. From 0, hard, to 1.

    Lord, F. M., & Novick, M. R. (1968). Statistical theories of mental test scores, chapter 15;
    where there are more points than one, the mean in relation to the most that can be had.
    """
    return _share(points, most, Undefined.NO_POINTS)


def median(weighted: Iterable[tuple[Value, int]]) -> Figure:
    """The exact median of values that occur so often: of an even number the mean of the middle
    two."""
    found = sorted((value, n) for value, n in weighted if n)
    total = sum(n for _, n in found)
    if not total:
        return Figure(None, Undefined.NOBODY)
    lower, upper = _nth(found, (total - 1) // 2), _nth(found, total // 2)
    return Figure(float((Fraction(lower) + Fraction(upper)) / 2))


def discrimination(classes: Sequence[AtScore], most: Decimal) -> Figure:
    """How much better the upper 27 % by score do at the question than the lower 27 %: the
    difference of their facilities, from -1 to 1.

    Johnson, A. P. (1951). Notes on a suggested index of item validity: the U-L index. Journal of
    Educational Psychology 42, 499-504; with the groups of Kelley (1939). A group is exactly 27 %
    of the people, and those who share the score at its border are in it with equal fractions, so
    that no tie is broken by chance.
    """
    total = sum(each.n for each in classes)
    if total < 2:
        return Figure(None, Undefined.TOO_FEW_PEOPLE)
    if not most:
        return Figure(None, Undefined.NO_POINTS)
    upwards = _upwards(classes)
    if len(upwards) < 2:
        return Figure(None, Undefined.NO_VARIANCE)
    with localcontext(EXACT):
        size = TAIL * total
        lower, upper = _first(upwards, size), _first(upwards[::-1], size)
        return Figure(float((upper - lower) / (size * most)))


def item_rest_correlation(classes: Sequence[AtScore]) -> Figure:
    """The product-moment correlation of the points of the question with the score without it; of
    a question that is right or wrong the point-biserial correlation, corrected for itself.

    Henrysson, S. (1963). Correction of item-total correlations in item analysis. Psychometrika 28,
    211-218.
    """
    item = added(Sums(each.n, each.points, each.squares) for each in classes)
    if item.n < 2:
        return Figure(None, Undefined.TOO_FEW_PEOPLE)
    with localcontext(EXACT):
        # The rest is the score less the question: its sums follow from those of both.
        scores = sum((each.score * each.n for each in classes), Decimal(0))
        squares = sum((each.score * each.score * each.n for each in classes), Decimal(0))
        products = sum((each.score * each.points for each in classes), Decimal(0))
        rest = Sums(item.n, scores - item.points, squares - 2 * products + item.squares)
        together = item.n * (products - item.squares) - item.points * rest.points
        if not item.spread or not rest.spread:
            return Figure(None, Undefined.NO_VARIANCE)
        return Figure(float(together / (item.spread * rest.spread).sqrt()))


def alpha(items: Sequence[Sums], whole: Sums) -> Figure:
    """Coefficient alpha, the reliability as internal consistency: k/(k-1) times one less the
    share of the variance of the score that the variances of its k questions make up.

    Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika
    16, 297-334. Where every question is right or wrong it is formula 20 of Kuder, G. F., &
    Richardson, M. W. (1937). The theory of the estimation of test reliability. Psychometrika 2,
    151-160. It is the same whether variances are divided by n or n - 1.
    """
    if whole.n < 2:
        return Figure(None, Undefined.TOO_FEW_PEOPLE)
    if len(items) < 2:
        return Figure(None, Undefined.TOO_FEW_QUESTIONS)
    if any(each.n != whole.n for each in items):
        return Figure(None, Undefined.QUESTIONS_DIFFER)
    if not whole.spread:
        return Figure(None, Undefined.NO_VARIANCE)
    with localcontext(EXACT):
        k = Decimal(len(items))
        inner = sum((each.spread for each in items), Decimal(0))
        return Figure(float(k / (k - 1) * (1 - inner / whole.spread)))


def standard_error(whole: Sums, reliability: Figure) -> Figure:
    """The standard error of measurement, in the unit of the score: the standard deviation times
    the root of one less the reliability.

    Lord & Novick (1968), chapter 3. A reliability below zero is none, and gives no error.
    """
    if reliability.value is None:
        return reliability
    if reliability.value < 0:
        return Figure(None, Undefined.NEGATIVE_RELIABILITY)
    with localcontext(EXACT):
        deviation = (whole.spread / (whole.n * (whole.n - 1))).sqrt()
    return Figure(float(deviation) * math.sqrt(max(0.0, 1 - reliability.value)))


def places(percents: Iterable[Value], *, bins: int) -> list[int]:
    """In which of so many equal parts of 0 to 100 each lies. A part begins with its lower end; the
    last one has its upper end too."""
    return [min(int(Fraction(each) * bins / 100), bins - 1) for each in percents]


def _moments(weighted: Iterable[tuple[Value, int]]) -> tuple[int, Fraction, Fraction]:
    """How many values there are, their sum, and the sum of their squares."""
    n, total, squares = 0, Fraction(0), Fraction(0)
    for value, times in weighted:
        exact = Fraction(value)
        n, total, squares = n + times, total + exact * times, squares + exact * exact * times
    return n, total, squares


def _share(part: Decimal, whole: Decimal, reason: Undefined) -> Figure:
    if not whole:
        return Figure(None, reason)
    with localcontext(EXACT):
        return Figure(float(part / whole))


def _nth(sorted_: Sequence[tuple[Value, int]], place: int) -> Value:
    """The value at a place, from 0, when each is written down as often as it occurs."""
    for value, n in sorted_:
        if place < n:
            return value
        place -= n
    raise IndexError(place)


def _upwards(classes: Iterable[AtScore]) -> list[AtScore]:
    """By score, everybody who has it together."""
    found: defaultdict[Decimal, list[Sums]] = defaultdict(list)
    for each in classes:
        if each.n:
            found[each.score].append(Sums(each.n, each.points, each.squares))
    return [AtScore(score, *added(found[score])) for score in sorted(found)]


def _first(classes: Sequence[AtScore], size: Decimal) -> Decimal:
    """The points of so many people from the beginning; of those on the border a part."""
    points, left = Decimal(0), size
    for each in classes:
        taken = min(left, Decimal(each.n))
        points += each.points * taken / each.n
        left -= taken
        if not left:
            break
    return points
