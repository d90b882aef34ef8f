"""The operations on what learners answered: viewing and grading it."""

from collections.abc import Mapping
from typing import Any, Final

from tests.proof.probing import OF_A_SCOPE, Case, Probe, case, mutation, of_course
from tests.proof.table import SELF, WITHIN
from tests.proof.town import TWIN, Town
from tests.proof.town_grading import OF_LEARNER, submission_for


def _submission(town: Town, who: str, case: Case) -> dict[str, Any]:
    course = "Law" if case.place == TWIN else "Selling"
    name = OF_LEARNER if SELF in case.facts else submission_for(who, course)
    return {"submission": town.city(case.place).id("Submission", name)}


def _has_rows(course: Any, _: Mapping[str, Any]) -> bool:
    return any(page and page["nodes"] for page in (course or {}).values())


OF_GRADING: Final = (
    Probe(
        "view_answers",
        "query ($submission: ID!) { submission(id: $submission) { answers { text points } } }",
        _submission,
        cases=(*OF_A_SCOPE, case("one's own", SELF, WITHIN, only=frozenset({"learner"}))),
    ),
    Probe(
        "view_answers",
        "query ($course: ID!) { course(id: $course) { submissions { nodes { id } } } }",
        of_course,
        shown=_has_rows,
    ),
    Probe(
        "view_answers",
        "query ($course: ID!) { course(id: $course) { gradebook { nodes { percent } } } }",
        of_course,
        shown=_has_rows,
    ),
    Probe(
        "grade_answers",
        "query ($course: ID!) { course(id: $course) { submissionsToGrade { nodes { id } } } }",
        of_course,
        shown=lambda course, _: bool(course and course["submissionsToGrade"]),
    ),
    Probe(
        "grade_answers",
        mutation(
            "gradeAnswers",
            "$submission: ID!",
            "submissionId: $submission, atVersion: 1, grades: [{question: 6, points: 3}]",
        ),
        _submission,
        changes="submission.graded",
    ),
)
