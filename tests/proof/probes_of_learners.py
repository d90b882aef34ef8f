"""Listing the learners of a course, and following them and its live sessions."""

from collections.abc import Mapping
from typing import Any, Final

from tests.proof import table
from tests.proof.probing import Case, Probe, case, of_course
from tests.proof.table import MY_GROUP, READABLE, SELF, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town
from tests.proof.town_learners import CLASSMATE, GROUPMATE

LEARNER: Final = frozenset({"learner"})
OTHERS: Final = frozenset(table.PRINCIPALS) - LEARNER
CASES: Final = (
    case("own, a classmate", WITHIN),
    case("own, somebody in a group of one's own", WITHIN, MY_GROUP),
    case("own, oneself", WITHIN, SELF, only=LEARNER),
    case(TWIN, place=TWIN),
    case(ABROAD, place=ABROAD),
)
FOLLOWED: Final = (
    case(OWN, READABLE, only=OTHERS),
    case("own, about oneself", SELF, only=LEARNER),
    case(TWIN, place=TWIN),
    case(ABROAD, place=ABROAD),
)


def _whose(town: Town, who: str, case: Case) -> dict[str, Any]:
    """A classmate learns in both places and is in no group; the groupmate is in each own group."""
    other = GROUPMATE if MY_GROUP in case.facts else CLASSMATE
    name = who if SELF in case.facts else other
    return {**of_course(town, who, case), "whose": town.person(name, case.place)}


def _is_listed(page: Any, given: Mapping[str, Any]) -> bool:
    rows = (page or {}).get("nodes") or ()
    return given["whose"] in [each["member"]["id"] for each in rows]


def _is_that_one(row: Any, given: Mapping[str, Any]) -> bool:
    return bool(row) and row["member"]["id"] == given["whose"]


OF_LEARNERS: Final = (
    Probe(
        "list_learners",
        "query ($course: ID!) { listLearners(courseId: $course, first: 100) { nodes { state"
        " member { id } } } }",
        _whose,
        cases=CASES,
        shown=_is_listed,
    ),
    Probe(
        "list_learners",
        "query ($course: ID!, $whose: ID!) { learner(courseId: $course, memberId: $whose) {"
        " state member { id } } }",
        _whose,
        cases=CASES,
        shown=_is_that_one,
    ),
    Probe(
        "subscribe_course_updates",
        "subscription ($course: ID!) { learnersChanged(courseId: $course) { kind } }",
        of_course,
        cases=FOLLOWED,
        is_stream=True,
    ),
    Probe(
        "subscribe_course_updates",
        "subscription ($course: ID!) { liveSessionsChanged(courseId: $course) { kind } }",
        of_course,
        cases=FOLLOWED,
        is_stream=True,
    ),
)
