"""What the cells of a quiz amount to: the figures of the quiz and of each of its questions. Pure.

Totals of different tests do not compare. Revisions that ask the same questions for the same points
are one test; reliability is of the newest test somebody took, and how a question separates people
of the newest one it was in. Everything else is of all submissions that count.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from models.insights import Facet
from operations.content.given import questions_of
from operations.content.markdown import words_of
from operations.content.questions import Choice, Content, Question, QuestionKind
from operations.insights import statistics
from operations.insights.cells import Cell
from operations.insights.quiz_answers import Answers, answers_of
from operations.insights.quiz_hiding import Hiding
from operations.insights.statistics import AtScore, Figure, Sums, Undefined

BINS: Final = 10
NOTHING_HIDDEN: Final = Hiding()
TOO_FEW: Final = Figure(None, Undefined.TOO_FEW_PEOPLE)
Test = frozenset[tuple[int, Decimal]]
"""The questions of a test, and the points of each."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How many submissions reached so many percent: `since` included, `until` only at the top."""

    since: int
    until: int
    count: int | None

    @property
    def is_suppressed(self) -> bool:
        return self.count is None


@dataclass(frozen=True, slots=True)
class Scores:
    """What was reached, in percent of the most that could be. `compared`: how many submissions
    are of the newest test, of which `reliability` and `standard_error` are."""

    graded: int
    passed: int
    mean: float | None
    median: float | None
    standard_deviation: float | None
    lowest: float | None
    highest: float | None
    distribution: tuple[Bin, ...]
    compared: int
    reliability: Figure
    standard_error: Figure
    median_minutes: float | None

    @property
    def pass_rate(self) -> float | None:
        return self.passed / self.graded if self.graded else None


@dataclass(frozen=True, slots=True)
class QuizFigures:
    """A quiz. `submissions` are all that were handed in, by so many `people`; `waiting` are those
    of them that have no grade yet, and count in nothing else. `scores` is None where hidden."""

    submissions: int
    waiting: int
    people: int
    scores: Scores | None

    @property
    def is_suppressed(self) -> bool:
        return self.scores is None


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """How a question did. `correct` is None of an essay. `compared`: how many submissions are of
    the newest test it was in, of which `discrimination` and `point_biserial` are."""

    presented: int
    answered: int
    correct: int | None
    facility: Figure
    compared: int
    discrimination: Figure
    point_biserial: Figure
    median_seconds: float | None
    answers: Answers | None


@dataclass(frozen=True, slots=True)
class QuestionInsights:
    """A question, as it was worded last; `is_gone` where the newest revision does not ask it."""

    id: int
    kind: QuestionKind
    text: str
    points: Decimal
    is_gone: bool
    figures: ItemFigures | None

    @property
    def is_suppressed(self) -> bool:
        return self.figures is None

    @property
    def words(self) -> str:
        """What is asked, without marks, in one line."""
        return words_of(self.text)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it was worded last, with all choices it ever had."""

    question: Question
    choices: Sequence[Choice]
    is_gone: bool


class Reading:
    """Cells of a quiz, and what its revisions say, by number. `everybody_once`: nobody has two
    submissions in them. `hiding` says what stays hidden."""

    def __init__(
        self,
        found: Iterable[Cell],
        contents: Mapping[int, Content],
        *,
        everybody_once: bool,
        hiding: Hiding = NOTHING_HIDDEN,
    ) -> None:
        self._cells: defaultdict[tuple[Facet, int], list[Cell]] = defaultdict(list)
        for cell in found:
            self._cells[cell.facet, cell.question_id].append(cell)
        self._contents = contents
        self._everybody_once = everybody_once
        self._hiding = hiding
        self._tests: Mapping[int, Test] = {
            number: frozenset((each.id, each.points) for each in questions_of(content))
            for number, content in contents.items()
        }

    @property
    def people(self) -> int:
        """How many different people handed in what is counted."""
        handed_in = self._cells[Facet.HANDED_IN, 0]
        return sum(each.n if self._everybody_once else each.answered for each in handed_in)

    def quiz(self) -> QuizFigures:
        totals = self._cells[Facet.TOTAL, 0]
        return QuizFigures(
            submissions=_count(self._cells[Facet.HANDED_IN, 0]),
            waiting=_count(self._cells[Facet.WAITING, 0]),
            people=self.people,
            scores=None if self._hiding.hides(totals) else self._scores(totals),
        )

    def questions(self) -> tuple[QuestionInsights, ...]:
        """Those of the newest revision in their order, then those that are gone and were asked."""
        return tuple(
            self._question(id, asked)
            for id, asked in self._asked().items()
            if not asked.is_gone or self._cells[Facet.ANSWERED, id]
        )

    def _asked(self) -> Mapping[int, _Asked]:
        newest = max(self._contents, default=0)
        questions: dict[int, tuple[Question, bool]] = {}
        choices: defaultdict[int, dict[int, Choice]] = defaultdict(dict)
        for number in sorted(self._contents, reverse=True):
            for question in questions_of(self._contents[number]):
                questions.setdefault(question.id, (question, number != newest))
                for choice in question.choices:
                    choices[question.id].setdefault(choice.id, choice)
        return {
            id: _Asked(question, tuple(choices[id].values()), is_gone)
            for id, (question, is_gone) in questions.items()
        }

    def _scores(self, cells: Sequence[Cell]) -> Scores:
        percents = [(_percent(each), each.n) for each in cells if each.most]
        newest = self._newest_test(cells)
        reliability, error = self._reliability(newest)
        return Scores(
            graded=_count(cells),
            passed=sum(each.correct for each in cells),
            mean=statistics.mean(percents).value,
            median=statistics.median(percents).value,
            standard_deviation=statistics.standard_deviation(percents).value,
            lowest=self._end(cells, min),
            highest=self._end(cells, max),
            distribution=self._distribution(cells),
            compared=_count(newest),
            reliability=reliability,
            standard_error=error,
            median_minutes=_median(self._cells[Facet.TAKEN, 0]),
        )

    def _newest_test(self, cells: Collection[Cell]) -> list[Cell]:
        """Those of the newest test that any of these are of."""
        newest = max((revision_of(each) for each in cells), default=0)
        wanted = self._tests.get(newest)
        return [each for each in cells if self._tests.get(revision_of(each)) == wanted]

    def _reliability(self, whole: Collection[Cell]) -> tuple[Figure, Figure]:
        """Of the newest test, and its standard error in percent."""
        if self._hiding.hides(whole):
            return TOO_FEW, TOO_FEW
        revisions = {revision_of(each) for each in whole}
        test = self._tests[max(revisions)] if revisions else frozenset()
        items = [
            statistics.added(
                _sums(each)
                for each in self._cells[Facet.ANSWERED, id]
                if revision_of(each) in revisions
            )
            for id, _ in sorted(test)
        ]
        sums = statistics.added(map(_sums, whole))
        reliability = statistics.alpha(items, sums)
        error = statistics.standard_error(sums, reliability)
        if error.value is None:
            return reliability, error
        most = sum(points for _, points in test)
        return reliability, Figure(100 * error.value / float(most))

    def _end(self, cells: Collection[Cell], end: Callable[..., Fraction]) -> float | None:
        """The lowest or the highest percent, where enough people have it."""
        percents = {each.key: _percent(each) for each in cells if each.most}
        if not percents:
            return None
        found = end(percents.values())
        there = [each for each in cells if percents.get(each.key) == found]
        return None if self._hiding.hides(there) else float(found)

    def _distribution(self, cells: Collection[Cell]) -> tuple[Bin, ...]:
        bins: dict[int, list[Cell]] = {place: [] for place in range(BINS)}
        for each in cells:
            if each.most:
                [place] = statistics.places([_percent(each)], bins=BINS)
                bins[place].append(each)
        hidden = self._hiding.hidden(bins)
        width = 100 // BINS
        return tuple(
            Bin(place * width, (place + 1) * width, None if place in hidden else _count(found))
            for place, found in bins.items()
        )

    def _question(self, id: int, asked: _Asked) -> QuestionInsights:
        cells = self._cells[Facet.ANSWERED, id]
        question = asked.question
        return QuestionInsights(
            id=id,
            kind=question.kind,
            text=question.text,
            points=question.points,
            is_gone=asked.is_gone,
            figures=None if self._hiding.hides(cells) else self._item(asked, cells),
        )

    def _item(self, asked: _Asked, cells: Sequence[Cell]) -> ItemFigures:
        question = asked.question
        answered = sum(each.answered for each in cells)
        compared = self._newest_test(cells)
        discrimination, correlation = self._separating(question.id, compared)
        pace = self._cells[Facet.PACE, question.id]
        is_essay = question.kind is QuestionKind.ESSAY
        return ItemFigures(
            presented=_count(cells),
            answered=answered,
            correct=None if is_essay else sum(each.correct for each in cells),
            facility=statistics.facility(
                sum((each.points for each in cells), Decimal(0)),
                sum((each.most for each in cells), Decimal(0)),
            ),
            compared=_count(compared),
            discrimination=discrimination,
            point_biserial=correlation,
            median_seconds=None if self._hiding.hides(pace) else _median(pace),
            answers=answers_of(
                question,
                asked.choices,
                self._cells[Facet.CHOSEN, question.id],
                answered=answered,
                hiding=self._hiding,
            ),
        )

    def _separating(self, id: int, compared: Collection[Cell]) -> tuple[Figure, Figure]:
        """How the question separates people, by groups and by correlation."""
        if self._hiding.hides(compared):
            return TOO_FEW, TOO_FEW
        classes = [AtScore(_score(each), *_sums(each)) for each in compared]
        test = dict(self._tests[revision_of(next(iter(compared)))]) if compared else {}
        most = test.get(id, Decimal(0))
        return (
            statistics.discrimination(classes, most),
            statistics.item_rest_correlation(classes),
        )


def _count(cells: Iterable[Cell]) -> int:
    return sum(each.n for each in cells)


def _sums(cell: Cell) -> Sums:
    return Sums(cell.n, cell.points, cell.squares)


def _percent(cell: Cell) -> Fraction:
    """What share of its most a total has: all of a cell have the same."""
    return 100 * Fraction(cell.points) / Fraction(cell.most)


def revision_of(cell: Cell) -> int:
    """Which revision the submissions of a TOTAL or ANSWERED cell are of."""
    return int(cell.key.partition("|")[0])


def _score(cell: Cell) -> Decimal:
    return Decimal(cell.key.partition("|")[2])


def _median(cells: Iterable[Cell]) -> float | None:
    """Of whole numbers that are the keys."""
    return statistics.median((int(each.key), each.n) for each in cells).value
