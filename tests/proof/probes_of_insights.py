"""How courses and quizzes are doing: asked once, and followed."""

from typing import Any, Final

from tests.proof.probing import OF_A_SCOPE, Case, Probe, case, mutation, of_course
from tests.proof.table import ACTIVE, READABLE, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town
from tests.proof.town_grading import QUIZZES

ARCHIVED: Final = case("own, archived", WITHIN, thing="Archive")
FOLLOWED: Final = (case(OWN, READABLE), case(TWIN, place=TWIN), case(ABROAD, place=ABROAD))
QUIZ_CASES: Final = (
    case(OWN, WITHIN, ACTIVE),
    ARCHIVED,
    case(TWIN, ACTIVE, place=TWIN),
    case(ABROAD, ACTIVE, place=ABROAD),
)


def of_quiz(town: Town, who: str, case: Case) -> dict[str, Any]:
    quiz = QUIZZES["Law" if case.place == TWIN else "Selling"]
    return {**of_course(town, who, case), "quiz": town.id("Module", case.place, quiz)}


OF_INSIGHTS: Final = (
    Probe(
        "view_course_insights",
        "query ($course: ID!) { viewCourseInsights(courseId: $course) { isSuppressed } }",
        of_course,
        cases=(*OF_A_SCOPE, ARCHIVED),
    ),
    Probe(
        "view_course_insights",
        mutation("mailCourseInsights", "$course: ID!", "courseId: $course"),
        of_course,
        cases=(*OF_A_SCOPE, ARCHIVED),
        changes="insights.requested",
    ),
    Probe(
        "view_quiz_insights",
        "query ($course: ID!, $quiz: ID!) { viewQuizInsights(courseId: $course, moduleId: $quiz) {"
        " isSuppressed } }",
        of_quiz,
        cases=QUIZ_CASES,
        denied_as=frozenset({"COURSE_NOT_ACTIVE", "NOT_FOUND"}),
    ),
    Probe(
        "subscribe_course_updates",
        "subscription ($course: ID!) { courseInsightsChanged(courseId: $course) { kind } }",
        of_course,
        cases=FOLLOWED,
        is_stream=True,
    ),
)
