"""What somebody answers: how a client says it, checked against the questions, stored as JSON.

An assignment is answered as its only question, number 0, with a text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from models.base import Json
from operations.content.problems import (
    ACCEPTED_LENGTH,
    CHOICES,
    QUESTIONS,
    Path,
    Problem,
    ProblemKind,
)
from operations.content.questions import (
    AssignmentContent,
    Content,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    number_printed,
)
from sync_engine.rules.values import is_storable

ESSAY_LENGTH: Final = 50_000
THE_ASSIGNMENT: Final = 0

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,30})?")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as a client says it: one of these, as the kind of the question wants it. None of
    them takes the answer back."""

    question_id: int
    choice_ids: Sequence[int] | None = None
    is_true: bool | None = None
    text: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """These choices, at least one."""

    ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether the statement was called true."""

    is_true: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A text, not blank."""

    text: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A number."""

    number: Decimal


Given: TypeAlias = Chosen | Judged | Written | Counted

FITTING: Final[Mapping[QuestionKind, str]] = {
    QuestionKind.SINGLE_CHOICE: "choices",
    QuestionKind.MULTIPLE_CHOICE: "choices",
    QuestionKind.TRUE_FALSE: "isTrue",
    QuestionKind.SHORT_TEXT: "text",
    QuestionKind.NUMBER: "number",
    QuestionKind.ESSAY: "text",
}
"""What each kind of question is answered with."""


def questions_of(content: Content) -> tuple[Question, ...]:
    """What is to be answered; nothing in a lesson."""
    match content:
        case QuizContent(questions):
            return questions
        case AssignmentContent(instructions, points):
            return (Question(THE_ASSIGNMENT, QuestionKind.ESSAY, instructions, points),)
        case LessonContent():
            return ()


def understood(
    said: Sequence[Said], questions: Sequence[Question]
) -> tuple[dict[int, Given | None], list[Problem]]:
    """What was answered to which question, None where an answer was taken back; and every problem.

    Blank texts and no choices are no answers.
    """
    asked = {each.id: each for each in questions}
    found: dict[int, Given | None] = {}
    problems = list(_too_many(said, ("answers",), QUESTIONS))
    for place, each in enumerate(said[:QUESTIONS]):
        path = ("answers", place)
        question = asked.get(each.question_id)
        if question is None:
            message = f"There is no question {each.question_id} here."
            problems.append(Problem(ProblemKind.UNKNOWN_ID, (*path, "question"), message))
            continue
        if each.question_id in found:
            message = f"Question {each.question_id} is answered twice."
            problems.append(Problem(ProblemKind.DUPLICATE, (*path, "question"), message))
        here = list(_problems(each, question, path))
        problems += here
        found[each.question_id] = None if here else _given(each)
    return found, problems


def _problems(said: Said, question: Question, path: Path) -> Iterator[Problem]:
    wanted = FITTING[question.kind]
    for name, value in _parts(said).items():
        if value is not None and name != wanted:
            yield Problem(
                ProblemKind.MISPLACED,
                (*path, name),
                f"Question {question.id} is a {question.kind} question; answer with {wanted}.",
            )
    is_single = question.kind is QuestionKind.SINGLE_CHOICE
    is_short = question.kind is QuestionKind.SHORT_TEXT
    path = (*path, wanted)
    match wanted:
        case "choices":
            yield from _choices(said.choice_ids or (), question, 1 if is_single else CHOICES, path)
        case "text":
            yield from _text(said.text or "", ACCEPTED_LENGTH if is_short else ESSAY_LENGTH, path)
        case "number":
            yield from _number(said.number or "", path)


def _parts(said: Said) -> Mapping[str, object]:
    return {
        "choices": said.choice_ids,
        "isTrue": said.is_true,
        "text": said.text,
        "number": said.number,
    }


def _choices(ids: Sequence[int], question: Question, most: int, path: Path) -> Iterator[Problem]:
    yield from _too_many(ids, path, most)
    there = {each.id for each in question.choices}
    seen: set[int] = set()
    for place, id in enumerate(ids[:CHOICES]):
        if id not in there:
            message = f"Question {question.id} has no choice {id}."
            yield Problem(ProblemKind.UNKNOWN_ID, (*path, place), message)
        elif id in seen:
            yield Problem(ProblemKind.DUPLICATE, (*path, place), f"Choice {id} is there twice.")
        seen.add(id)


def _too_many(things: Sequence[object], path: Path, most: int) -> Iterator[Problem]:
    if len(things) > most:
        message = f"At most {most} can be here; these are {len(things)}."
        yield Problem(ProblemKind.TOO_MANY, path, message, most, len(things))


def _text(text: str, limit: int, path: Path) -> Iterator[Problem]:
    if len(text) > limit:
        message = f"This has {len(text)} characters; at most {limit} are kept."
        yield Problem(ProblemKind.TOO_LONG, path, message, limit, len(text))
    elif not is_storable(text):
        message = "It holds a NUL or half a surrogate pair, which is no character; remove it."
        yield Problem(ProblemKind.BAD_CHARACTER, path, message)


def _number(number: str, path: Path) -> Iterator[Problem]:
    if number.strip() and not _NUMBER.fullmatch(number.strip()):
        yield Problem(
            ProblemKind.NOT_A_NUMBER,
            path,
            "A number is digits, with a point before decimals, as in -3.5; a comma could mean"
            " either of two numbers.",
        )


def _given(said: Said) -> Given | None:
    """What was said, which fits its question."""
    if said.choice_ids:
        return Chosen(frozenset(said.choice_ids))
    if said.is_true is not None:
        return Judged(said.is_true)
    if said.text and said.text.strip():
        return Written(said.text)
    if said.number and said.number.strip():
        return Counted(Decimal(said.number.strip()))
    return None


def printed(given: Given | None) -> Json | None:
    """An answer as it is stored; `parsed` gives back an equal one."""
    match given:
        case Chosen(ids):
            return {"choices": sorted(ids)}
        case Judged(is_true):
            return {"isTrue": is_true}
        case Written(text):
            return {"text": text}
        case Counted(number):
            return {"number": number_printed(number)}
        case None:
            return None


def parsed(stored: Mapping[str, Any] | None) -> Given | None:
    """The answer in what `printed` wrote."""
    match stored:
        case None:
            return None
        case {"choices": ids}:
            return Chosen(frozenset(ids))
        case {"isTrue": is_true}:
            return Judged(is_true)
        case {"text": text}:
            return Written(text)
        case {"number": number}:
            return Counted(Decimal(number))
        case _:
            raise ValueError("No answer is stored like this.")
