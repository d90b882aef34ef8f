"""Figures of classical test theory from what every single person got, as the books define them."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

Matrix = Sequence[Sequence[Decimal]]
"""What each person (a row) got for each question (a column)."""


def column(matrix: Matrix, question: int) -> list[Decimal]:
    return [row[question] for row in matrix]


def totals(matrix: Matrix) -> list[Decimal]:
    return [sum(row, Decimal(0)) for row in matrix]


def variance(values: Sequence[Decimal]) -> Fraction:
    exact = [Fraction(each) for each in values]
    middle = sum(exact) / len(exact)
    squares = [(each - middle) * (each - middle) for each in exact]
    return Fraction(sum(squares)) / (len(exact) - 1)


def alpha(matrix: Matrix) -> Fraction | None:
    """None where it is not defined."""
    k = len(matrix[0]) if matrix else 0
    if len(matrix) < 2 or k < 2 or not variance(totals(matrix)):
        return None
    inner = sum(variance(column(matrix, each)) for each in range(k))
    return Fraction(k, k - 1) * (1 - inner / variance(totals(matrix)))


def discrimination(matrix: Matrix, question: int, most: Decimal) -> Fraction | None:
    """Everybody is cut into a hundred pieces, those of one score into the average of all of them,
    so that 27 % of them is a whole number. None where it is not defined."""
    if len(matrix) < 2 or len(set(totals(matrix))) < 2 or not most:
        return None
    average: dict[Decimal, list[Decimal]] = defaultdict(list)
    for row, total in zip(matrix, totals(matrix), strict=True):
        average[total].append(row[question])
    shared = {at: sum(map(Fraction, own)) / len(own) for at, own in average.items()}
    pieces = [shared[total] for total in sorted(totals(matrix)) for _ in range(100)]
    size = 27 * len(matrix)
    return Fraction(sum(pieces[-size:]) - sum(pieces[:size])) / (size * Fraction(most))


def correlation(matrix: Matrix, question: int) -> float | None:
    """Of a question with all others together; None where it is not defined."""
    item = column(matrix, question) if matrix else []
    rest = [total - own for total, own in zip(totals(matrix), item, strict=True)]
    if len(set(item)) < 2 or len(set(rest)) < 2:
        return None
    return statistics.correlation([float(x) for x in item], [float(x) for x in rest])
