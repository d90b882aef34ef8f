"""What is wrong with content: all of it at once, and where.

`unkeepable` is what no draft may be, such as too long; `unfinished` is what a draft may be while
somebody writes, and what keeps it from being published.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

import orjson

from operations.content.questions import (
    CHOOSING,
    AcceptedNumber,
    AcceptedTexts,
    AssignmentContent,
    Content,
    CorrectChoices,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    Truth,
    printed,
)
from operations.wording import first_unshowable

QUESTIONS: Final = 200
CHOICES: Final = 30
ACCEPTED: Final = 50
LESSON_LENGTH: Final = 100_000
TEXT_LENGTH: Final = 10_000
CHOICE_LENGTH: Final = 1_000
ACCEPTED_LENGTH: Final = 500
BYTES: Final = 1_000_000
POINTS: Final = Decimal(1_000)
NUMBER: Final = Decimal(10) ** 15
SUBMISSIONS: Final = 100
POINT_DECIMALS: Final = 2
NUMBER_DECIMALS: Final = 10

Path: TypeAlias = tuple[str | int, ...]


class ProblemKind(StrEnum):
    """What is wrong with a place of content."""

    EMPTY = "EMPTY"
    TOO_LONG = "TOO_LONG"
    TOO_MANY = "TOO_MANY"
    TOO_FEW = "TOO_FEW"
    TOO_LARGE = "TOO_LARGE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    BAD_CHARACTER = "BAD_CHARACTER"
    DUPLICATE = "DUPLICATE"
    MISPLACED = "MISPLACED"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    UNKNOWN_ID = "UNKNOWN_ID"
    KIND_CHANGED = "KIND_CHANGED"
    NO_RIGHT_ANSWER = "NO_RIGHT_ANSWER"
    SEVERAL_RIGHT_ANSWERS = "SEVERAL_RIGHT_ANSWERS"
    UNKNOWN_ATTACHMENT = "UNKNOWN_ATTACHMENT"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: what, where (names of fields and numbers in lists, from 0), said to a
    person, and where it is about a limit, which and how much there is."""

    kind: ProblemKind
    path: Path
    message: str
    limit: int | None = None
    actual: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For the details of a refusal."""
        return {
            "kind": self.kind.value,
            "path": [str(each) for each in self.path],
            "message": self.message,
            "limit": self.limit,
            "actual": self.actual,
        }


def unkeepable(content: Content) -> list[Problem]:
    """What keeps content from being a draft."""
    return list(_unkeepable(content)) or list(_too_large(content))


def unfinished(content: Content) -> list[Problem]:
    """What keeps a draft from being published."""
    match content:
        case LessonContent():
            return list(_empty(content.markdown, ("markdown",), "lesson has no text"))
        case AssignmentContent():
            return [
                *_empty(content.instructions, ("instructions",), "assignment has no instructions"),
                *_worthless(content.points, ("points",), "assignment"),
            ]
        case QuizContent():
            return list(_unfinished_quiz(content))


def _too_large(content: Content) -> Iterator[Problem]:
    size = len(orjson.dumps(printed(content)))
    if size > BYTES:
        yield Problem(
            ProblemKind.TOO_LARGE,
            (),
            f"All of it takes {size} bytes; a module can hold {BYTES}. Make two modules of it.",
            BYTES,
            size,
        )


def _unkeepable(content: Content) -> Iterator[Problem]:
    match content:
        case LessonContent():
            yield from _text(content.markdown, ("markdown",), LESSON_LENGTH)
        case AssignmentContent():
            yield from _text(content.instructions, ("instructions",), LESSON_LENGTH)
            yield from _points(content.points, ("points",))
            yield from _within(content.pass_percent, ("passPercent",), 0, 100)
        case QuizContent():
            yield from _count(content.questions, ("questions",), QUESTIONS)
            yield from _within(content.pass_percent, ("passPercent",), 0, 100)
            if content.submission_cap is not None:
                yield from _within(content.submission_cap, ("submissionCap",), 1, SUBMISSIONS)
            for place, question in enumerate(content.questions[: QUESTIONS + 1]):
                yield from _unkeepable_question(question, ("questions", place))


def _unkeepable_question(question: Question, path: Path) -> Iterator[Problem]:
    yield from _text(question.text, (*path, "text"), TEXT_LENGTH)
    yield from _points(question.points, (*path, "points"))
    yield from _count(question.choices, (*path, "choices"), CHOICES)
    for place, choice in enumerate(question.choices[: CHOICES + 1]):
        yield from _text(choice.text, (*path, "choices", place, "text"), CHOICE_LENGTH)
    match question.key:
        case AcceptedTexts(texts):
            yield from _count(texts, (*path, "acceptedTexts"), ACCEPTED)
            for place, each in enumerate(texts[: ACCEPTED + 1]):
                yield from _text(each, (*path, "acceptedTexts", place), ACCEPTED_LENGTH)
        case AcceptedNumber(number, tolerance):
            if number is not None:
                yield from _number(number, (*path, "acceptedNumber"), -NUMBER)
            yield from _number(tolerance, (*path, "tolerance"), Decimal(0))
        case CorrectChoices() | Truth() | None:
            pass


def _unfinished_quiz(quiz: QuizContent) -> Iterator[Problem]:
    if not quiz.questions:
        yield Problem(ProblemKind.TOO_FEW, ("questions",), "The quiz asks nothing.", 1, 0)
    else:
        yield from _worthless(quiz.points, ("questions",), "quiz")
    for place, question in enumerate(quiz.questions):
        path = ("questions", place)
        yield from _empty(question.text, (*path, "text"), f"question {place + 1} asks nothing")
        if question.kind in CHOOSING:
            yield from _unfinished_choices(question, path)
        yield from _unfinished_key(question, path)


def _unfinished_choices(question: Question, path: Path) -> Iterator[Problem]:
    path = (*path, "choices")
    if len(question.choices) < 2:
        yield Problem(
            ProblemKind.TOO_FEW,
            path,
            f"There are at least 2 choices to choose from; here are {len(question.choices)}.",
            2,
            len(question.choices),
        )
    for place, choice in enumerate(question.choices):
        yield from _empty(choice.text, (*path, place, "text"), f"choice {place + 1} says nothing")
    yield from _twice([each.text for each in question.choices], path, "choice")


def _unfinished_key(question: Question, path: Path) -> Iterator[Problem]:
    match question.key:
        case CorrectChoices(ids):
            yield from _unfinished_marks(question.kind, len(ids), (*path, "choices"))
        case Truth(None):
            yield _unanswered((*path, "isTrue"), "whether the statement is true")
        case AcceptedTexts(texts):
            if not texts:
                yield _unanswered((*path, "acceptedTexts"), "which texts are right")
            for place, each in enumerate(texts):
                yield from _empty(each, (*path, "acceptedTexts", place), "accepted text is empty")
            yield from _twice(texts, (*path, "acceptedTexts"), "accepted text")
        case AcceptedNumber(None):
            yield _unanswered((*path, "acceptedNumber"), "which number is right")
        case Truth() | AcceptedNumber() | None:
            pass


def _unfinished_marks(kind: QuestionKind, marked: int, path: Path) -> Iterator[Problem]:
    if not marked:
        yield Problem(ProblemKind.NO_RIGHT_ANSWER, path, "No choice is marked as correct.")
    if marked > 1 and kind is QuestionKind.SINGLE_CHOICE:
        yield Problem(
            ProblemKind.SEVERAL_RIGHT_ANSWERS,
            path,
            f"One choice is correct where one can be chosen; here are {marked}."
            " Make it a MULTIPLE_CHOICE question, or leave one marked.",
            1,
            marked,
        )


def _unanswered(path: Path, what: str) -> Problem:
    return Problem(ProblemKind.NO_RIGHT_ANSWER, path, f"It is not said {what}.")


def _empty(text: str, path: Path, sentence: str) -> Iterator[Problem]:
    if not text.strip():
        yield Problem(ProblemKind.EMPTY, path, f"The {sentence}.")


def _worthless(points: Decimal, path: Path, noun: str) -> Iterator[Problem]:
    if points <= 0:
        yield Problem(
            ProblemKind.OUT_OF_RANGE,
            path,
            f"The {noun} gives no points, so nobody could pass or fail it.",
        )


def _twice(texts: Sequence[str], path: Path, noun: str) -> Iterator[Problem]:
    """The later ones of those that say the same to whoever reads them."""
    folded = [unicodedata.normalize("NFKC", each).strip() for each in texts]
    counted = Counter(folded)
    seen: set[str] = set()
    for place, each in enumerate(folded):
        if each and counted[each] > 1 and each in seen:
            yield Problem(
                ProblemKind.DUPLICATE,
                (*path, place),
                f"The {noun} “{each[:80]}” is there {counted[each]} times; leave one.",
            )
        seen.add(each)


def _text(text: str, path: Path, limit: int) -> Iterator[Problem]:
    if len(text) > limit:
        yield Problem(
            ProblemKind.TOO_LONG,
            path,
            f"This has {len(text)} characters; at most {limit} are kept.",
            limit,
            len(text),
        )
    elif (found := first_unshowable(text)) is not None:
        yield Problem(
            ProblemKind.BAD_CHARACTER,
            path,
            f"The character U+{ord(text[found]):04X} at position {found} cannot be shown;"
            " remove it.",
        )


def _count(things: Sequence[object], path: Path, limit: int) -> Iterator[Problem]:
    if len(things) > limit:
        yield Problem(
            ProblemKind.TOO_MANY,
            path,
            f"At most {limit} can be here; these are {len(things)}.",
            limit,
            len(things),
        )


def _within(number: int, path: Path, lowest: int, highest: int) -> Iterator[Problem]:
    if not lowest <= number <= highest:
        yield Problem(
            ProblemKind.OUT_OF_RANGE,
            path,
            f"This is {number}; it is {lowest} to {highest}.",
            highest if number > highest else lowest,
            number,
        )


def _points(points: Decimal, path: Path) -> Iterator[Problem]:
    if not _is_kept(points, Decimal(0), POINTS, POINT_DECIMALS):
        yield Problem(
            ProblemKind.OUT_OF_RANGE,
            path,
            f"Points are 0 to {POINTS}, with at most {POINT_DECIMALS} decimals.",
            int(POINTS),
        )


def _number(number: Decimal, path: Path, lowest: Decimal) -> Iterator[Problem]:
    if not _is_kept(number, lowest, NUMBER, NUMBER_DECIMALS):
        yield Problem(
            ProblemKind.OUT_OF_RANGE,
            path,
            f"Numbers have at most {NUMBER_DECIMALS} decimals and are {lowest:f} to {NUMBER:f}.",
        )


def _is_kept(number: Decimal, lowest: Decimal, highest: Decimal, decimals: int) -> bool:
    return number.is_finite() and lowest <= number <= highest and number == round(number, decimals)


def located(problems: Iterable[Problem]) -> str:
    """The problems in one sentence for a person."""
    first, *others = problems
    more = f" And {len(others)} more." if others else ""
    return f"{first.message}{more}"
