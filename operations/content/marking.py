"""How many points an answer gets, as far as that can be said without a person. Pure.

All of a question's points or none. Texts are compared after NFKC, without regard to case unless
the question says so, and to white space around and the amount of it within. Numbers are decimal:
one exactly as far off as is tolerated is right. What is not answered gets nothing.
"""

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final
from unicodedata import normalize

from operations.content.given import Chosen, Counted, Given, Judged, Written
from operations.content.questions import (
    AcceptedNumber,
    AcceptedTexts,
    CorrectChoices,
    Key,
    Question,
    Truth,
)
from sync_engine.rules.values import folded

EXACT: Final = Context(prec=100)
"""More digits than any two numbers here have together: differences are not rounded."""

NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Mark:
    """The points, and whether the answer is right; None where no answer is the right one."""

    points: Decimal
    is_correct: bool | None


def mark(question: Question, given: Given | None) -> Mark | None:
    """The mark of an answer; None where a person has to look at it."""
    if given is None:
        return Mark(NOTHING, None if question.key is None else False)
    is_correct = None if question.key is None else _is_right(question.key, given)
    if is_correct is None:
        return None
    return Mark(question.points if is_correct else NOTHING, is_correct)


def passes(score: Decimal, max_score: Decimal, percent: int) -> bool:
    """Whether these points are at least that share of the most one can reach."""
    return 100 * score >= percent * max_score


def _is_right(key: Key, given: Given) -> bool | None:
    """None where the key does not say what is right."""
    match key, given:
        case CorrectChoices(right), Chosen(ids):
            return ids == right
        case Truth(is_true), Judged(said):
            return None if is_true is None else said is is_true
        case AcceptedTexts(texts, is_case_sensitive), Written(text):
            return _comparable(text, is_case_sensitive) in {
                _comparable(each, is_case_sensitive) for each in texts
            }
        case AcceptedNumber(number, tolerance), Counted(said):
            if number is None:
                return None
            return EXACT.abs(EXACT.subtract(said, number)) <= tolerance
        case _:
            return False


def _comparable(text: str, is_case_sensitive: bool) -> str:
    plain = normalize("NFKC", text) if is_case_sensitive else folded(text)
    return " ".join(plain.split())
