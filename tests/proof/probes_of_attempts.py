"""The operations of those who take courses, and of those who complete and reset them for others."""

from collections.abc import Mapping
from typing import Any, Final

from tests.proof import table
from tests.proof.probing import OF_A_SCOPE, Case, Probe, case, mutation, of_course
from tests.proof.table import RETAKE, SELF, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town
from tests.proof.town_attempts import AGAIN, ONCE, student_of

NOT_SAID: Final = frozenset({"NOT_FOUND", "RETAKE_NOT_ALLOWED"})
GIVEN: Final = "$course: ID!, $people: [ID!]!"
OF_PEOPLE: Final = "courseId: $course, memberIds: $people"
BY_ONESELF: Final = (
    case(OWN, SELF, WITHIN),
    case(TWIN, SELF, place=TWIN),
    case(ABROAD, SELF, place=ABROAD),
)


def _someone(who: str) -> str:
    return who if who in table.PEOPLE else "learner"


def _course_and_student(town: Town, who: str, case: Case) -> dict[str, Any]:
    student = town.person(student_of(_someone(who)), case.place)
    return {**of_course(town, who, case), "people": [student]}


def _course_and_module(town: Town, who: str, case: Case) -> dict[str, Any]:
    return {**of_course(town, who, case), "module": town.id("Module", case.place)}


def _course_and_oneself(town: Town, who: str, case: Case) -> dict[str, Any]:
    return {**of_course(town, who, case), "people": [town.person(_someone(who))]}


def _was_done_to_oneself(answer: Any, _: Mapping[str, Any]) -> bool:
    """Only the guard of oneself says SELF_ACTION."""
    results = (answer or {}).get("results") or ()
    return any(each["outcome"] != "SELF_ACTION" for each in results)


def _with_results(name: str) -> str:
    asked = f"{name}({OF_PEOPLE})"
    return f"mutation ({GIVEN}) {{ {asked} {{ refusal {{ code }} results {{ outcome }} }} }}"


OF_ATTEMPTS: Final = (
    Probe(
        "take_course_tracked",
        mutation(
            "takeCourseTracked",
            "$course: ID!, $module: ID!",
            "courseId: $course, moduleId: $module",
        ),
        _course_and_module,
        cases=BY_ONESELF,
        changes="attempt.started",
    ),
    Probe(
        "retake_after_completion",
        mutation("retakeAfterCompletion", "$course: ID!", "courseId: $course"),
        of_course,
        cases=(
            case("own, as often as one likes", SELF, RETAKE, WITHIN, thing=AGAIN),
            case("own, once", SELF, WITHIN, thing=ONCE),
            case(TWIN, SELF, RETAKE, place=TWIN),
            case(ABROAD, SELF, RETAKE, place=ABROAD, thing=AGAIN),
        ),
        changes="attempt.started",
        denied_as=NOT_SAID,
    ),
    Probe(
        "mark_complete",
        mutation("markComplete", GIVEN, OF_PEOPLE),
        _course_and_student,
        cases=OF_A_SCOPE,
        changes="attempt.completed",
    ),
    Probe(
        "reset_progress",
        mutation("resetProgress", GIVEN, OF_PEOPLE),
        _course_and_student,
        cases=OF_A_SCOPE,
        changes="attempt.reset",
    ),
    *(
        Probe(
            "act_on_own_enrolment",
            _with_results(name),
            _course_and_oneself,
            cases=BY_ONESELF,
            shown=_was_done_to_oneself,
        )
        for name in ("markComplete", "resetProgress")
    ),
)
