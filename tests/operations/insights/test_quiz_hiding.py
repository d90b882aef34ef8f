"""What figures of a quiz are about too few people to be told: each figure for itself."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from models.insights import Facet
from operations.insights.cells import Cell
from operations.insights.quiz_answers import Answers
from operations.insights.quiz_figures import TOO_FEW, ItemFigures, Reading, Scores
from operations.insights.quiz_hiding import Hiding
from tests.content import GRADED_BY_ITSELF

pytestmark = pytest.mark.spec("X1")

OLD = replace(GRADED_BY_ITSELF, questions=GRADED_BY_ITSELF.questions[:1])
NEW = replace(GRADED_BY_ITSELF, questions=GRADED_BY_ITSELF.questions[:2])
CONTENTS = {1: OLD, 2: NEW}
SMALLEST = 5


def cell(facet: Facet, key: str, n: int, question: int = 0, **more: Any) -> Cell:
    none = Cell(facet, "", question, key, n, n, 0, Decimal(0), Decimal(0), Decimal(0))
    return none._replace(**more)


def taken(revision: int, n: int, *, is_right: bool, chosen: str, after: int) -> Iterator[Cell]:
    """So many people who did all alike."""
    asked = CONTENTS[revision].questions
    most = sum((each.points for each in asked), Decimal(0))
    score = most if is_right else Decimal(0)
    key = f"{revision}|{score}"
    yield cell(Facet.HANDED_IN, "2026-03-02", n)
    yield cell(Facet.TAKEN, "3", n)
    points, squares = score * n, score * score * n
    yield cell(Facet.TOTAL, key, n, points=points, squares=squares, most=most * n)
    for each in asked:
        own = each.points if is_right else Decimal(0)
        sums = {"points": own * n, "squares": own * own * n, "most": each.points * n}
        yield cell(Facet.ANSWERED, key, n, each.id, **sums)
    yield cell(Facet.PACE, str(after), n, 1)
    yield cell(Facet.CHOSEN, chosen, n, 1, correct=n if is_right else 0)


def told(
    cells: list[Cell], *, smallest: int = SMALLEST
) -> tuple[Scores | None, list[ItemFigures | None]]:
    """The scores and the questions, as they are told to whoever does not see people."""
    reading = Reading(cells, CONTENTS, everybody_once=True, hiding=Hiding.below(smallest, cells))
    return reading.quiz().scores, [each.figures for each in reading.questions()]


def crowd(*parts: tuple[int, int, bool, str]) -> list[Cell]:
    """Cells of so many people each: revision, how many, whether they were right, their choice."""
    return [
        each
        for after, (revision, n, is_right, chosen) in enumerate(parts)
        for each in taken(revision, n, is_right=is_right, chosen=chosen, after=after)
    ]


def shown(figures: ItemFigures | None) -> Answers:
    assert figures is not None
    assert figures.answers is not None
    return figures.answers


def test_nothing_is_hidden_of_enough_people() -> None:
    scores, [first, second] = told(crowd((2, 5, True, "11"), (2, 5, False, "12")))
    assert scores is not None
    assert (scores.lowest, scores.highest) == (0, 100)
    assert [each.count for each in scores.distribution] == [5, *[0] * 8, 5]
    assert scores.reliability.value is not None
    assert first is not None
    assert second is not None
    assert first.median_seconds == 0.5
    assert [each.count for each in shown(first).shown] == [5, 5, 0]


def test_the_lowest_and_the_highest_are_told_where_enough_people_have_them() -> None:
    scores, _ = told(crowd((2, 5, True, "11"), (2, 4, False, "12")))
    assert scores is not None
    assert (scores.lowest, scores.highest) == (None, 100)
    scores, _ = told(crowd((2, 4, True, "11"), (2, 5, False, "12")))
    assert scores is not None
    assert (scores.lowest, scores.highest) == (0, None)


def test_what_few_reached_is_hidden_and_so_is_what_would_give_it_away() -> None:
    scores, _ = told(crowd((2, 9, True, "11"), (2, 4, False, "12")))
    assert scores is not None
    assert [each.count for each in scores.distribution] == [None, *[0] * 8, None]
    assert [each.is_suppressed for each in scores.distribution] == [True, *[False] * 8, True]


def test_scores_of_few_are_hidden_as_a_whole_where_most_wait_for_theirs() -> None:
    waiting = [cell(Facet.HANDED_IN, "2026-03-03", 20), cell(Facet.WAITING, "", 20)]
    scores, figures = told([*waiting, *crowd((2, 4, True, "11"))])
    assert scores is None
    assert figures == [None, None]
    scores, _ = told([*waiting, *crowd((2, 5, True, "11"))])
    assert scores is not None


def test_a_question_asked_of_few_is_hidden_beside_others() -> None:
    _, [first, second] = told(crowd((1, 6, True, "11"), (2, 4, False, "12")))
    assert first is not None
    assert second is None


def test_figures_of_the_newest_test_are_hidden_where_few_took_it() -> None:
    scores, [first, _] = told(crowd((1, 6, True, "11"), (2, 2, False, "12"), (2, 2, True, "11")))
    assert scores is not None
    assert (scores.reliability, scores.standard_error, scores.compared) == (TOO_FEW, TOO_FEW, 4)
    assert first is not None
    assert (first.discrimination, first.point_biserial, first.compared) == (TOO_FEW, TOO_FEW, 4)
    assert first.facility.value is not None


def test_how_long_few_took_to_answer_is_hidden() -> None:
    cells = crowd((2, 6, True, "11"))
    few = [each._replace(n=4) if each.facet is Facet.PACE else each for each in cells]
    _, [first, _] = told(few)
    assert first is not None
    assert first.median_seconds is None


def test_a_choice_few_made_is_hidden_with_the_next_smallest() -> None:
    _, [first, _] = told(crowd((2, 9, True, "11"), (2, 6, False, "12"), (2, 1, False, "13")))
    assert [(each.text, each.count) for each in shown(first).shown] == [
        ("Apple", 9),
        ("Brick", None),
        ("Cloud", None),
    ]


def test_which_answers_are_right_is_not_told_to_who_may_not_see_answers() -> None:
    cells = crowd((2, 9, True, "11"), (2, 6, False, "12"))
    _, [first, _] = told(cells)
    assert {each.is_right for each in shown(first).shown} == {None}
    _, [first, _] = told(cells, smallest=1)
    assert {each.is_right for each in shown(first).shown} == {None}
    [question, _] = Reading(cells, CONTENTS, everybody_once=True).questions()
    assert [each.is_right for each in shown(question.figures).shown] == [True, False, False]


def test_many_tries_of_few_people_are_few() -> None:
    """Everybody is once in the cells that say how many people others are about."""
    firsts = crowd((2, 4, True, "11"))
    tries = [each._replace(n=40, answered=4) for each in firsts]
    hiding = Hiding.below(SMALLEST, firsts)
    reading = Reading(tries, CONTENTS, everybody_once=False, hiding=hiding)
    assert reading.people == 4
    assert reading.quiz().submissions == 40
    assert reading.quiz().scores is None
    later = [each._replace(key=f"{each.key}0") for each in tries if each.facet is Facet.CHOSEN]
    assert hiding.hides(later)
    assert "later" in hiding.hidden({"later": later, "never": []})
