"""The shapes of content, one for each kind of module, and how they are stored as JSON.

What makes an answer right lies in the `key` of a question and nowhere else: `for_taker` takes it
away, and with it all that would give an answer away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from models.base import Json
from models.catalog import ModuleKind


class QuestionKind(StrEnum):
    """How a question is answered: with one choice, any number of choices, yes or no, a line of
    text, a number, or at length."""

    SINGLE_CHOICE = "SINGLE_CHOICE"
    MULTIPLE_CHOICE = "MULTIPLE_CHOICE"
    TRUE_FALSE = "TRUE_FALSE"
    SHORT_TEXT = "SHORT_TEXT"
    NUMBER = "NUMBER"
    ESSAY = "ESSAY"


class KeyShown(StrEnum):
    """When whoever took a quiz is shown the right answers of what they handed in. AFTER_PASSING:
    where it is graded and enough."""

    NEVER = "NEVER"
    AFTER_SUBMISSION = "AFTER_SUBMISSION"
    AFTER_PASSING = "AFTER_PASSING"


CHOOSING: Final = frozenset({QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE})


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several answers to choose from. Ids are of the module and never used again."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class CorrectChoices:
    """The choices that make a right answer: these and no others."""

    ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether the statement is true; not said yet while None."""

    is_true: bool | None


@dataclass(frozen=True, slots=True)
class AcceptedTexts:
    """The texts that are a right answer."""

    texts: tuple[str, ...]
    is_case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class AcceptedNumber:
    """The number that is right, and how far beside it is still right; not said yet while None."""

    number: Decimal | None
    tolerance: Decimal = Decimal(0)


Key: TypeAlias = CorrectChoices | Truth | AcceptedTexts | AcceptedNumber


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a quiz; its text is Markdown. Ids are of the module and never used again.

    Without a key nobody but a person can say whether an answer is right: of an essay, or because
    it is shown to whoever takes the quiz.
    """

    id: int
    kind: QuestionKind
    text: str
    points: Decimal = Decimal(1)
    choices: tuple[Choice, ...] = ()
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class LessonContent:
    """Something to read."""

    markdown: str = ""

    @property
    def kind(self) -> ModuleKind:
        return ModuleKind.LESSON


@dataclass(frozen=True, slots=True)
class QuizContent:
    """Questions, the share of the points one passes with, and how often one may submit within an
    attempt; without a cap, as often as one likes.

    A question gives all of its points or none: no part of them for some of several right choices.
    """

    questions: tuple[Question, ...] = ()
    pass_percent: int = 50
    submission_cap: int | None = None
    shows_key: KeyShown = KeyShown.NEVER

    @property
    def kind(self) -> ModuleKind:
        return ModuleKind.QUIZ

    @property
    def points(self) -> Decimal:
        """The most one can reach."""
        return sum((each.points for each in self.questions), Decimal(0))


@dataclass(frozen=True, slots=True)
class AssignmentContent:
    """Something to do and hand in, which a person grades. The instructions are Markdown."""

    instructions: str = ""
    points: Decimal = Decimal(100)
    pass_percent: int = 50

    @property
    def kind(self) -> ModuleKind:
        return ModuleKind.ASSIGNMENT


Content: TypeAlias = LessonContent | QuizContent | AssignmentContent


def empty(kind: ModuleKind) -> Content:
    """What a module of this kind says before anybody has written anything."""
    match kind:
        case ModuleKind.LESSON:
            return LessonContent()
        case ModuleKind.QUIZ:
            return QuizContent()
        case ModuleKind.ASSIGNMENT:
            return AssignmentContent()


def for_taker(content: Content) -> Content:
    """The same, without anything that tells the right answers."""
    match content:
        case QuizContent():
            return replace(content, questions=tuple(map(without_key, content.questions)))
        case LessonContent() | AssignmentContent():
            return content


def without_key(question: Question) -> Question:
    """The question as whoever answers it sees it."""
    return replace(question, key=None)


def printed(content: Content) -> Json:
    """The content as it is stored; `parsed` gives back an equal one."""
    return {"kind": content.kind.value} | _said(content)


def _said(content: Content) -> Json:
    match content:
        case LessonContent():
            return {"markdown": content.markdown}
        case QuizContent():
            return {
                "questions": [_question_printed(each) for each in content.questions],
                "passPercent": content.pass_percent,
                "submissionCap": content.submission_cap,
                "showsKey": content.shows_key.value,
            }
        case AssignmentContent():
            return {
                "instructions": content.instructions,
                "points": number_printed(content.points),
                "passPercent": content.pass_percent,
            }


def parsed(stored: Mapping[str, Any]) -> Content:
    """The content in what `printed` wrote."""
    match ModuleKind(stored["kind"]):
        case ModuleKind.LESSON:
            return LessonContent(stored["markdown"])
        case ModuleKind.QUIZ:
            return QuizContent(
                tuple(_question_in(each) for each in stored["questions"]),
                stored["passPercent"],
                stored["submissionCap"],
                KeyShown(stored["showsKey"]),
            )
        case ModuleKind.ASSIGNMENT:
            return AssignmentContent(
                stored["instructions"], Decimal(stored["points"]), stored["passPercent"]
            )


def number_printed(number: Decimal) -> str:
    """A number in digits alone, without zeros that say nothing: equal numbers print alike."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _question_printed(question: Question) -> Json:
    return {
        "id": question.id,
        "kind": question.kind.value,
        "text": question.text,
        "points": number_printed(question.points),
        "choices": [{"id": each.id, "text": each.text} for each in question.choices],
        "key": None if question.key is None else _key_printed(question.key),
    }


def _key_printed(key: Key) -> Json:
    match key:
        case CorrectChoices(ids):
            return {"choices": sorted(ids)}
        case Truth(is_true):
            return {"isTrue": is_true}
        case AcceptedTexts(texts, is_case_sensitive):
            return {"texts": list(texts), "isCaseSensitive": is_case_sensitive}
        case AcceptedNumber(number, tolerance):
            said = None if number is None else number_printed(number)
            return {"number": said, "tolerance": number_printed(tolerance)}


def _question_in(stored: Mapping[str, Any]) -> Question:
    kind = QuestionKind(stored["kind"])
    key = stored["key"]
    return Question(
        id=stored["id"],
        kind=kind,
        text=stored["text"],
        points=Decimal(stored["points"]),
        choices=tuple(Choice(each["id"], each["text"]) for each in stored["choices"]),
        key=None if key is None else _key_in(kind, key),
    )


def _key_in(kind: QuestionKind, stored: Mapping[str, Any]) -> Key | None:
    match kind:
        case QuestionKind.SINGLE_CHOICE | QuestionKind.MULTIPLE_CHOICE:
            return CorrectChoices(frozenset(stored["choices"]))
        case QuestionKind.TRUE_FALSE:
            return Truth(stored["isTrue"])
        case QuestionKind.SHORT_TEXT:
            return AcceptedTexts(tuple(stored["texts"]), stored["isCaseSensitive"])
        case QuestionKind.NUMBER:
            number = stored["number"]
            said = None if number is None else Decimal(number)
            return AcceptedNumber(said, Decimal(stored["tolerance"]))
        case QuestionKind.ESSAY:
            return None
