"""What is different is found, all of it and nothing else (issue 4: diff of two revisions)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from operations.content.comparing import LINES, Change, Comparison, compared, unified
from operations.content.questions import (
    Content,
    CorrectChoices,
    LessonContent,
    QuizContent,
    printed,
)
from tests.content import EVERY_KIND
from tests.operations.content.anything import contents, pairs

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
lines = st.lists(st.sampled_from(["a", "b", "c", "", "-d", "+e", "@@ f"]), max_size=12)


@given(contents)
def test_nothing_is_different_between_equals(content: Content) -> None:
    found = compared(content, content)

    assert found == Comparison()
    assert found.is_equal


@given(pairs)
def test_applied_to_the_one_what_is_different_gives_the_other(
    pair: tuple[Content, Content],
) -> None:
    before, after = pair

    found = compared(before, after)

    assert found.is_equal is (before == after)
    assert applied(found, flat(before)) == flat(after)


@given(lines.map("\n".join), lines.map("\n".join))
@example("a", "a\n")
@example("", "\n")
def test_a_unified_diff_makes_the_one_text_of_the_other(before: str, after: str) -> None:
    found = unified(before, after)

    assert (found == "") is (before == after)
    assert patched(before, found) == after


def test_texts_too_long_to_be_looked_through_are_shown_as_replaced() -> None:
    before = "\n".join(["same", *(f"old {n}" for n in range(LINES + 1)), "end"])
    after = "\n".join(["same", *(f"new {n}" for n in range(LINES + 1)), "end"])

    found = unified(before, after)

    assert found.startswith(f"@@ -2,{LINES + 1} +2,{LINES + 1} @@\n-old 0\n")
    assert patched(before, found) == after


def test_a_lesson_shows_the_lines_that_changed() -> None:
    found = compared(LessonContent("# Ropes\n\nOld.\n"), LessonContent("# Ropes\n\nNew.\n"))

    [change] = found.changes
    assert change.name == "markdown"
    assert change.lines == "@@ -1,4 +1,4 @@\n # Ropes\n \n-Old.\n+New.\n "


def test_a_question_is_the_same_wherever_it_stands() -> None:
    first, second, *others = EVERY_KIND.questions
    reworded = replace(
        first, text="Which of these is a fruit?", key=CorrectChoices(frozenset({12}))
    )
    after = replace(EVERY_KIND, questions=(second, reworded, *others[1:]), pass_percent=70)

    found = compared(EVERY_KIND, after)

    assert found.changes == (Change("passPercent", 60, 70),)
    places = [(each.id, each.place_before, each.place_after) for each in found.questions]
    assert places == [(2, 2, 1), (1, 1, 2), (4, 4, 3), (5, 5, 4), (6, 6, 5), (3, 3, None)]
    reworded_change = found.questions[1]
    assert [each.name for each in reworded_change.changes] == ["text", "choices"]


def test_a_key_that_changed_is_told() -> None:
    third = EVERY_KIND.questions[2]
    after = replace(EVERY_KIND, questions=(replace(third, key=replace(third.key, is_true=False)),))  # type: ignore[type-var]

    found = compared(QuizContent((third,), 60), after)

    assert found.questions[0].changes == (Change("isTrue", True, False),)


def flat(content: Content) -> dict[Any, Any]:
    """Attributes by name, those of questions by number and name; where each question stands."""
    said = printed(content)
    found: dict[Any, Any] = {name: value for name, value in said.items() if name != "questions"}
    for place, question in enumerate(said.get("questions", ()), 1):
        found[question["id"], "place"] = place
        key = dict(question["key"] or {})
        correct = key.pop("choices", ())
        choices = [{**each, "isCorrect": each["id"] in correct} for each in question["choices"]]
        attributes = {**question, **key, "choices": choices or None}
        for name in attributes.keys() - {"id", "key"}:
            found[question["id"], name] = attributes[name]
    return {name: value for name, value in found.items() if value is not None}


def applied(found: Comparison, before: dict[Any, Any]) -> dict[Any, Any]:
    after = before | dict(_told(found))
    return {name: value for name, value in after.items() if value is not None}


def _told(found: Comparison) -> Iterator[tuple[Any, Any]]:
    for change in found.changes:
        yield change.name, change.after
    for question in found.questions:
        yield (question.id, "place"), question.place_after
        for change in question.changes:
            yield (question.id, change.name), change.after


def patched(before: str, diff: str) -> str:
    """A naive `patch`."""
    old, new, at = before.split("\n"), [], 0
    for line in diff.split("\n") if diff else ():
        if hunk := HUNK.fullmatch(line):
            start = int(hunk[1]) - (0 if hunk[2] == "0" else 1)
            new += old[at:start]
            at = start
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            assert old[at] == line[1:]
            at += 1
            new += [line[1:]] if line.startswith(" ") else []
    return "\n".join([*new, *old[at:]])
