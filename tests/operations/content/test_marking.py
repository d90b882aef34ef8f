"""Marking, entered twice: a second marker, written from the sentences of the specification and with
nothing of the first, must give the same points to whatever is answered to whatever is asked."""

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.content.given import Said, parsed, printed, understood
from operations.content.marking import Mark, mark, passes
from operations.content.questions import (
    AcceptedNumber,
    AcceptedTexts,
    Choice,
    CorrectChoices,
    Key,
    Question,
    QuestionKind,
    Truth,
)

pytestmark = pytest.mark.spec("H2")

CHOICES = tuple(Choice(id, str(id)) for id in range(1, 6))
WORDS = st.sampled_from(
    [
        "Straße",
        "STRASSE",
        " strasse ",
        "Å",
        "\u212b",
        "\uff21bc",
        "abc",
        "a  b",
        "a b",
        "a\u00a0b",
    ]
)
TEXTS = st.one_of(WORDS, st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
NUMBERS = st.decimals(-1000, 1000, allow_nan=False, allow_infinity=False, places=3)
POINTS = st.decimals(0, 100, allow_nan=False, allow_infinity=False, places=2)


def _questions() -> st.SearchStrategy[Question]:
    def of(kind: QuestionKind, key: st.SearchStrategy[Any]) -> st.SearchStrategy[Question]:
        choices = CHOICES if "CHOICE" in kind else ()
        return st.builds(
            Question, st.just(7), st.just(kind), st.just("?"), POINTS, st.just(choices), key
        )

    ids = st.sampled_from([each.id for each in CHOICES])
    return st.one_of(
        of(QuestionKind.SINGLE_CHOICE, ids.map(lambda id: CorrectChoices(frozenset({id})))),
        of(QuestionKind.MULTIPLE_CHOICE, st.frozensets(ids, min_size=1).map(CorrectChoices)),
        of(QuestionKind.TRUE_FALSE, st.booleans().map(Truth)),
        of(
            QuestionKind.SHORT_TEXT,
            st.builds(
                AcceptedTexts,
                st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
                st.booleans(),
            ),
        ),
        of(QuestionKind.NUMBER, st.builds(AcceptedNumber, NUMBERS, NUMBERS.map(abs))),
        of(QuestionKind.ESSAY, st.none()),
    )


QUESTIONS = _questions()


@st.composite
def _asked_and_said(draw: st.DrawFn) -> tuple[Question, Said]:
    question = draw(QUESTIONS)
    match question.kind:
        case QuestionKind.SINGLE_CHOICE:
            return question, Said(7, choice_ids=[draw(st.integers(1, 5))])
        case QuestionKind.MULTIPLE_CHOICE:
            chosen = draw(st.lists(st.integers(1, 5), unique=True))
            return question, Said(7, choice_ids=chosen)
        case QuestionKind.TRUE_FALSE:
            return question, Said(7, is_true=draw(st.none() | st.booleans()))
        case QuestionKind.NUMBER:
            assert isinstance(question.key, AcceptedNumber)
            number, tolerance = question.key.number, question.key.tolerance
            near = st.sampled_from([number, number + tolerance, number - tolerance])  # type: ignore[operator]
            return question, Said(7, number=f"{draw(near | NUMBERS):f}")
        case _:
            return question, Said(7, text=draw(TEXTS))


def naive(question: Question, said: Said) -> tuple[Decimal, bool | None] | None:
    """The points and whether it is right, straight from the client's words."""
    key: Key | None = question.key
    blank = not (said.choice_ids or said.is_true is not None or (said.text or "").strip())
    if blank and said.number is None:
        return Decimal(0), None if key is None else False
    if isinstance(key, CorrectChoices):
        right = sorted(set(said.choice_ids or [])) == sorted(key.ids)
    elif isinstance(key, Truth):
        right = said.is_true == key.is_true
    elif isinstance(key, AcceptedTexts):
        plain = [_plain(each, fold=not key.is_case_sensitive) for each in key.texts]
        right = _plain(said.text or "", fold=not key.is_case_sensitive) in plain
    elif isinstance(key, AcceptedNumber):
        distance = abs(Fraction(said.number or "") - Fraction(key.number or 0))
        right = distance <= Fraction(key.tolerance)
    else:
        return None
    return (question.points if right else Decimal(0)), right


def _plain(text: str, *, fold: bool) -> str:
    text = unicodedata.normalize("NFKC", text)
    if fold:
        text = unicodedata.normalize("NFKC", text.casefold())
    return re.sub(r"\s+", " ", text).strip()


@settings(max_examples=300)
@given(_asked_and_said())
def test_two_markers_agree(asked: tuple[Question, Said]) -> None:
    question, said = asked
    if "\x00" in (said.text or ""):
        return
    found, problems = understood([said], [question])
    assert problems == []

    marked = mark(question, parsed(printed(found[7])))

    expected = naive(question, said)
    assert marked == (None if expected is None else Mark(*expected))


@given(_asked_and_said())
def test_what_is_given_is_stored_without_loss(asked: tuple[Question, Said]) -> None:
    question, said = asked
    found, _ = understood([said], [question])

    assert parsed(printed(found[7])) == found[7]


@pytest.mark.parametrize(
    ("answered", "is_right"),
    [
        ("Zürich", True),
        ("  ZU\u0308RICH ", True),
        ("\uff3aürich", True),
        ("Zurich", False),
        ("", False),
    ],
)
def test_a_short_text_is_right_however_it_is_typed(answered: str, is_right: bool) -> None:
    question = Question(1, QuestionKind.SHORT_TEXT, "?", Decimal(2), key=AcceptedTexts(("Zürich",)))
    found, _ = understood([Said(1, text=answered)], [question])

    assert mark(question, found[1]) == Mark(Decimal(2) if is_right else Decimal(0), is_right)


@pytest.mark.parametrize(
    ("answered", "is_right"),
    [("3.14", True), ("3.15", True), ("3.13", True), ("+3.150", True), ("3.1500000000001", False)],
)
def test_a_number_is_right_to_its_tolerance_and_no_further(answered: str, is_right: bool) -> None:
    key = AcceptedNumber(Decimal("3.14"), Decimal("0.01"))
    question = Question(1, QuestionKind.NUMBER, "?", Decimal(1), key=key)
    found, problems = understood([Said(1, number=answered)], [question])

    assert problems == []
    marked = mark(question, found[1])
    assert marked is not None
    assert marked.is_correct is is_right


@pytest.mark.parametrize("answered", ["3,14", "1 000", "1e3", "NaN", "Infinity", "٣", "0x10", "."])
def test_what_could_mean_two_numbers_is_none(answered: str) -> None:
    question = Question(1, QuestionKind.NUMBER, "?", Decimal(1), key=AcceptedNumber(Decimal(3)))

    _, [problem] = understood([Said(1, number=answered)], [question])

    assert problem.kind == "NOT_A_NUMBER"


@pytest.mark.parametrize(
    ("score", "most", "percent", "is_enough"),
    [("6", "10", 60, True), ("5.99", "10", 60, False), ("0", "3", 0, True), ("1", "3", 33, True)],
)
def test_one_passes_with_the_share_that_is_asked_for(
    score: str, most: str, percent: int, is_enough: bool
) -> None:
    assert passes(Decimal(score), Decimal(most), percent) is is_enough
