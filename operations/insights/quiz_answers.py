"""What was answered to a question of a quiz, and how often. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from operations.content.questions import (
    CHOOSING,
    Choice,
    CorrectChoices,
    Question,
    QuestionKind,
    Truth,
)
from operations.insights.cells import Cell
from operations.insights.quiz_hiding import Hiding

MOST: Final = 20
"""So many different texts or numbers are shown, the most frequent ones."""

TRUTHS: Final = ("true", "false")


@dataclass(frozen=True, slots=True)
class AnswerShare:
    """One of the answers, and how many gave it; `share` is of all who answered. `is_right`: of a
    choice, whether it is part of the right answer; of a text or number, whether it got the points.
    None where it sometimes did, and for those who may not view answers."""

    text: str
    count: int | None
    share: float | None
    is_right: bool | None

    @property
    def is_suppressed(self) -> bool:
        return self.count is None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered: every choice, or the most frequent texts and numbers. `others` is how
    many gave one that is not shown."""

    shown: tuple[AnswerShare, ...]
    others: int


@dataclass(frozen=True, slots=True)
class _Counted:
    """The cells of a question by what was answered, how many answered at all, which answers stay
    hidden, and whether it is said which are right."""

    cells: Mapping[str, Collection[Cell]]
    answered: int
    hidden: frozenset[str]
    shows_key: bool

    def of(self, key: str, words: str, is_right: bool | None) -> AnswerShare:
        is_right = is_right if self.shows_key else None
        if key in self.hidden:
            return AnswerShare(words, None, None, is_right)
        n = self.count(key)
        return AnswerShare(words, n, n / self.answered if self.answered else None, is_right)

    def count(self, key: str) -> int:
        return sum(each.n for each in self.cells.get(key, ()))


def answers_of(
    question: Question,
    choices: Sequence[Choice],
    cells: Collection[Cell],
    *,
    answered: int,
    hiding: Hiding,
) -> Answers | None:
    """What was answered to a question that ever had these choices; None of an essay."""
    if question.kind is QuestionKind.ESSAY:
        return None
    by_key: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_key[cell.key].append(cell)
    counted = _Counted(by_key, answered, hiding.hidden(by_key), hiding.shows_key)
    if question.kind in CHOOSING:
        return Answers(tuple(_of_choices(question, choices, counted)), 0)
    if question.kind is QuestionKind.TRUE_FALSE:
        return Answers(tuple(_of_truths(question, counted)), 0)
    return _most_frequent(counted)


def _of_choices(
    question: Question, choices: Sequence[Choice], counted: _Counted
) -> Iterator[AnswerShare]:
    """Those there are, and those that are gone and were chosen."""
    there = {each.id for each in question.choices}
    right = question.key.ids if isinstance(question.key, CorrectChoices) else frozenset()
    for each in choices:
        if each.id in there or str(each.id) in counted.cells:
            yield counted.of(str(each.id), each.text, each.id in right)


def _of_truths(question: Question, counted: _Counted) -> Iterator[AnswerShare]:
    truth = question.key.is_true if isinstance(question.key, Truth) else None
    for word in TRUTHS:
        yield counted.of(word, word, None if truth is None else truth is (word == "true"))


def _most_frequent(counted: _Counted) -> Answers:
    """What few wrote is not even shown without its count: it could name somebody."""
    keys = sorted(counted.cells.keys() - counted.hidden, key=lambda key: (-counted.count(key), key))
    shown = tuple(counted.of(key, key, _was_right(counted.cells[key])) for key in keys[:MOST])
    return Answers(shown, counted.answered - sum(each.count or 0 for each in shown))


def _was_right(cells: Collection[Cell]) -> bool | None:
    right, all = sum(each.correct for each in cells), sum(each.n for each in cells)
    return right == all if right in {0, all} else None
