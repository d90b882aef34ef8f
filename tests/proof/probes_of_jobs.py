"""Files: asked for by who may see what is in them, done by who may do what they say."""

from typing import Any, Final

from tests.proof import table
from tests.proof.probes_of_insights import QUIZ_CASES, of_quiz
from tests.proof.probes_of_learners import LEARNER, OTHERS
from tests.proof.probes_of_learning import IN_MY_GROUP
from tests.proof.probing import OF_THE_WORKSPACE, Case, Probe, case, mutation, of_course
from tests.proof.table import BILLING, MY_GROUP, SELF, WITHIN
from tests.proof.town import ABROAD, NAMES, OWN, TWIN, Town

LISTS: Final = (
    case("own, whose rows name the groups", WITHIN, MY_GROUP),
    case(TWIN, place=TWIN),
    case(ABROAD, place=ABROAD),
    IN_MY_GROUP,
)
LEARNERS: Final = (
    case("own, of all groups", MY_GROUP, only=OTHERS),
    case("own, about oneself", SELF, only=LEARNER),
    case(TWIN, place=TWIN),
    case(ABROAD, place=ABROAD),
)


def _nothing(_: Town, __: str, ___: Case) -> dict[str, Any]:
    return {}


def _of_people(town: Town, who: str, _: Case) -> dict[str, Any]:
    return {"job": town.here.id("Job", f"people of {_person(who)}")}


def _of_a_course(town: Town, who: str, case: Case) -> dict[str, Any]:
    """What the asker has brought; of the other workspace, what somebody of the same name has."""
    course = NAMES[TWIN if case.place == TWIN else OWN]["course"]
    name = f"list of {_person(who)} for {course}"
    if case == IN_MY_GROUP:
        name = f"group list of {_person(who)}"
    return {"job": town.city(case.place).id("Job", name)}


def _person(who: str) -> str:
    return who if who in table.PEOPLE else "learner"


APPLY: Final = mutation("applyImport", "$job: ID!", "jobId: $job")

OF_JOBS: Final = (
    Probe("add_member", APPLY, _of_people, cases=OF_THE_WORKSPACE, changes="import.confirmed"),
    Probe("assign_learner", APPLY, _of_a_course, cases=LISTS, changes="import.confirmed"),
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
