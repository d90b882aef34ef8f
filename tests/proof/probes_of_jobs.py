"""Files: asked for by who may see what is in them."""

from typing import Any, Final

from tests.proof.probes_of_insights import QUIZ_CASES, of_quiz
from tests.proof.probes_of_learners import LEARNER, OTHERS
from tests.proof.probing import OF_THE_WORKSPACE, Case, Probe, case, mutation, of_course
from tests.proof.table import BILLING, MY_GROUP, SELF, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town

LEARNERS: Final = (
    case("own, of all groups", MY_GROUP, only=OTHERS),
    case("own, about oneself", SELF, only=LEARNER),
    case(TWIN, place=TWIN),
    case(ABROAD, place=ABROAD),
)


def _nothing(_: Town, __: str, ___: Case) -> dict[str, Any]:
    return {}


OF_JOBS: Final = (
    Probe(
        "export_quiz_insights",
        mutation(
            "exportQuizInsights", "$course: ID!, $quiz: ID!", "courseId: $course, moduleId: $quiz"
        ),
        of_quiz,
        cases=QUIZ_CASES,
        changes="export.requested",
        denied_as=frozenset({"COURSE_NOT_ACTIVE", "NOT_FOUND"}),
    ),
    Probe(
        "list_learners",
        mutation("exportLearners", "$course: ID!", "courseId: $course"),
        of_course,
        cases=LEARNERS,
        changes="export.requested",
    ),
    Probe(
        "list_all_members",
        "mutation { exportMembers(format: CSV) { cursor refusal { code } } }",
        _nothing,
        cases=OF_THE_WORKSPACE,
        changes="export.requested",
    ),
    Probe(
        "view_audit_log",
        "mutation { exportAuditLog(format: CSV) { cursor refusal { code } } }",
        _nothing,
        cases=(case(OWN, WITHIN, BILLING),),
        changes="export.requested",
    ),
)
