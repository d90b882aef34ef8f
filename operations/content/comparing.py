"""What is different between two contents of one kind: attribute by attribute, and as text.

Questions are the same question when they have the same id, wherever they stand.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.base import Json
from operations.content.questions import Content, printed

LINES: Final = 10_000
"""Longer texts than this, without what they have in common at both ends, are shown as replaced:
finding out what stayed takes time that grows with the square."""

CONTEXT: Final = 3
TEXTS: Final = frozenset({"markdown", "instructions", "text"})


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute that is not the same: its values as stored, and of a longer text the lines
    that differ, as a unified diff."""

    name: str
    before: object
    after: object
    lines: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """One question that is not the same, or not in the same place; places count from 1, and None
    is nowhere."""

    id: int
    place_before: int | None
    place_after: int | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different; empty between equals."""

    changes: tuple[Change, ...] = ()
    questions: tuple[QuestionChange, ...] = ()

    @property
    def is_equal(self) -> bool:
        return not self.changes and not self.questions


def compared(before: Content, after: Content) -> Comparison:
    """What makes `after` of `before`."""
    old, new = printed(before), printed(after)
    was, is_now = _by_id(old.pop("questions", ())), _by_id(new.pop("questions", ()))
    questions = (_question(id, was, is_now) for id in dict.fromkeys([*is_now, *was]))
    return Comparison(
        changes=_changes(old, new),
        questions=tuple(each for each in questions if each is not None),
    )


def unified(before: str, after: str) -> str:
    """A unified diff of two texts, without the lines that name files; empty between equals."""
    if before == after:
        return ""
    old, new = before.split("\n"), after.split("\n")
    start, end = _common(old, new)
    gone, come = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(gone), len(come)) > LINES:
        head = f"@@ -{start + 1},{len(gone)} +{start + 1},{len(come)} @@"
        return "\n".join([head, *(f"-{line}" for line in gone), *(f"+{line}" for line in come)])
    lines = difflib.unified_diff(old, new, lineterm="", n=CONTEXT)
    return "\n".join([*lines][2:])


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and then at the end."""
    most = min(len(old), len(new))
    start = next((n for n in range(most) if old[n] != new[n]), most)
    end = next((n for n in range(most - start) if old[-1 - n] != new[-1 - n]), most - start)
    return start, end


def _by_id(questions: Sequence[Json]) -> dict[int, tuple[int, Json]]:
    return {each["id"]: (place, each) for place, each in enumerate(questions, 1)}


def _question(
    id: int, was: Mapping[int, tuple[int, Json]], is_now: Mapping[int, tuple[int, Json]]
) -> QuestionChange | None:
    place_before, before = was.get(id, (None, {}))
    place_after, after = is_now.get(id, (None, {}))
    changes = _changes(_flat(before), _flat(after))
    if not changes and place_before == place_after:
        return None
    return QuestionChange(id, place_before, place_after, changes)


def _flat(question: Json) -> dict[str, Any]:
    """The attributes of a question, those of its key beside the others, without the id."""
    own = {name: value for name, value in question.items() if name not in {"id", "key", "choices"}}
    key: Json = dict(question.get("key") or {})
    correct = key.pop("choices", ())
    if question.get("choices"):
        own["choices"] = [
            {**each, "isCorrect": each["id"] in correct} for each in question["choices"]
        ]
    return own | key


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    return tuple(
        Change(name, before.get(name), after.get(name), _lines(name, before, after))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )


def _lines(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    if name not in TEXTS:
        return None
    return unified(before.get(name) or "", after.get(name) or "")
