"""How courses and quizzes are doing: asked once, and followed."""

from typing import Final

from tests.proof.probing import OF_A_SCOPE, Probe, case, of_course
from tests.proof.table import READABLE, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN

ARCHIVED: Final = case("own, archived", WITHIN, thing="Archive")
FOLLOWED: Final = (case(OWN, READABLE), case(TWIN, place=TWIN), case(ABROAD, place=ABROAD))

OF_INSIGHTS: Final = (
    Probe(
        "view_course_insights",
        "query ($course: ID!) { viewCourseInsights(courseId: $course) { isSuppressed } }",
        of_course,
        cases=(*OF_A_SCOPE, ARCHIVED),
    ),
    Probe(
        "subscribe_course_updates",
        "subscription ($course: ID!) { courseInsightsChanged(courseId: $course) { kind } }",
        of_course,
        cases=FOLLOWED,
        is_stream=True,
    ),
)
