"""What an editor wrote, made into content: new questions and choices get their ids, and what does
not fit together is found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from operations.content.problems import CHOICES, QUESTIONS, Path, Problem, ProblemKind
from operations.content.questions import (
    CHOOSING,
    AcceptedNumber,
    AcceptedTexts,
    AssignmentContent,
    Choice,
    Content,
    CorrectChoices,
    Key,
    KeyShown,
    LessonContent,
    Question,
    QuestionKind,
    QuizContent,
    Truth,
)


@dataclass(frozen=True, slots=True)
class WrittenChoice:
    """A choice as an editor writes it; without an id it is a new one."""

    text: str
    is_correct: bool = False
    id: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question as an editor writes it; without an id it is a new one. What does not belong to
    its kind is left out."""

    kind: QuestionKind
    text: str
    points: Decimal = Decimal(1)
    choices: Sequence[WrittenChoice] = ()
    is_true: bool | None = None
    accepted_texts: Sequence[str] = ()
    is_case_sensitive: bool | None = None
    accepted_number: Decimal | None = None
    tolerance: Decimal | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenQuiz:
    """A quiz as an editor writes it."""

    questions: Sequence[WrittenQuestion] = ()
    pass_percent: int = 50
    submission_cap: int | None = None
    shows_key: KeyShown = KeyShown.NEVER


Written: TypeAlias = LessonContent | WrittenQuiz | AssignmentContent

BELONGS: Final = {
    "choices": CHOOSING,
    "isTrue": {QuestionKind.TRUE_FALSE},
    "acceptedTexts": {QuestionKind.SHORT_TEXT},
    "isCaseSensitive": {QuestionKind.SHORT_TEXT},
    "acceptedNumber": {QuestionKind.NUMBER},
    "tolerance": {QuestionKind.NUMBER},
}
"""To which kinds of questions the parts belong that not all have."""


@dataclass(frozen=True, slots=True)
class Understood:
    """The content, the last id given so far, and what does not fit together."""

    content: Content
    last_id: int
    problems: tuple[Problem, ...] = ()


def understood(written: Written, *, known: Sequence[Content], last_id: int) -> Understood:
    """What was written, with ids; those that are named stand in one of `known`."""
    if not isinstance(written, WrittenQuiz):
        return Understood(written, last_id)
    reading = _Reading(known, last_id)
    problems = tuple(reading.problems_of(written))
    if problems:
        return Understood(QuizContent(), last_id, problems)
    questions = tuple(map(reading.question, written.questions))
    content = QuizContent(
        questions, written.pass_percent, written.submission_cap, written.shows_key
    )
    return Understood(content, reading.last_id)


class _Reading:
    """One pass over what was written; ids count up."""

    def __init__(self, known: Sequence[Content], last_id: int) -> None:
        self.last_id = last_id
        self._known: dict[int, tuple[QuestionKind, set[int]]] = {}
        for content in known:
            for each in content.questions if isinstance(content, QuizContent) else ():
                _, choices = self._known.setdefault(each.id, (each.kind, set()))
                choices.update(choice.id for choice in each.choices)

    def problems_of(self, quiz: WrittenQuiz) -> Iterator[Problem]:
        """Ids that are nobody's or twice, and parts that belong to another kind."""
        seen: set[int] = set()
        for place, question in enumerate(quiz.questions[: QUESTIONS + 1]):
            path = ("questions", place)
            yield from _misplaced(question, path)
            if question.id is not None:
                yield from self._named(question, question.id, path, seen)
            yield from self._choices(question, path)

    def _named(
        self, question: WrittenQuestion, id: int, path: Path, seen: set[int]
    ) -> Iterator[Problem]:
        if id not in self._known:
            yield Problem(
                ProblemKind.UNKNOWN_ID,
                (*path, "number"),
                f"There is no question {id} here; leave the number out for a new one.",
            )
        elif (kind := self._known[id][0]) is not question.kind:
            yield Problem(
                ProblemKind.KIND_CHANGED,
                (*path, "kind"),
                f"Question {id} is a {kind} question; leave the number out for another one.",
            )
        if id in seen:
            yield Problem(
                ProblemKind.DUPLICATE, (*path, "number"), f"Question {id} is there twice."
            )
        seen.add(id)

    def _choices(self, question: WrittenQuestion, path: Path) -> Iterator[Problem]:
        _, known = self._known.get(question.id or 0, (None, set[int]()))
        seen: set[int] = set()
        for place, choice in enumerate(question.choices[: CHOICES + 1]):
            here = (*path, "choices", place, "number")
            if choice.id is None:
                continue
            if choice.id not in known:
                yield Problem(
                    ProblemKind.UNKNOWN_ID,
                    here,
                    f"The question has no choice {choice.id}; leave the number out for a new one.",
                )
            if choice.id in seen:
                yield Problem(ProblemKind.DUPLICATE, here, f"Choice {choice.id} is there twice.")
            seen.add(choice.id)

    def question(self, written: WrittenQuestion) -> Question:
        """The question, and those of its choices that are new, with ids."""
        id = self._id(written.id)
        choices = tuple(Choice(self._id(each.id), each.text) for each in written.choices)
        return Question(
            id, written.kind, written.text, written.points, choices, _key(written, choices)
        )

    def _id(self, written: int | None) -> int:
        if written is not None:
            return written
        self.last_id += 1
        return self.last_id


def _misplaced(question: WrittenQuestion, path: Path) -> Iterator[Problem]:
    said = {
        "choices": bool(question.choices),
        "isTrue": question.is_true is not None,
        "acceptedTexts": bool(question.accepted_texts),
        "isCaseSensitive": question.is_case_sensitive is not None,
        "acceptedNumber": question.accepted_number is not None,
        "tolerance": question.tolerance is not None,
    }
    for name, is_said in said.items():
        if is_said and question.kind not in BELONGS[name]:
            yield Problem(
                ProblemKind.MISPLACED,
                (*path, name),
                f"A {question.kind} question has no {name}; leave it out.",
            )


def _key(written: WrittenQuestion, choices: Sequence[Choice]) -> Key | None:
    match written.kind:
        case QuestionKind.SINGLE_CHOICE | QuestionKind.MULTIPLE_CHOICE:
            marked = zip(choices, written.choices, strict=True)
            return CorrectChoices(frozenset(each.id for each, said in marked if said.is_correct))
        case QuestionKind.TRUE_FALSE:
            return Truth(written.is_true)
        case QuestionKind.SHORT_TEXT:
            return AcceptedTexts(tuple(written.accepted_texts), bool(written.is_case_sensitive))
        case QuestionKind.NUMBER:
            return AcceptedNumber(written.accepted_number, written.tolerance or Decimal(0))
        case QuestionKind.ESSAY:
            return None
