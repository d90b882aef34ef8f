"""The operations on courses and their staff, on segments, and on what providers deliver."""

from collections.abc import Mapping
from typing import Any, Final

from tests.proof import table
from tests.proof.probing import (
    MADE,
    OF_A_SCOPE,
    OF_A_THING,
    OF_THE_WORKSPACE,
    Case,
    Probe,
    case,
    course_and_spare,
    mutation,
    of_course,
)
from tests.proof.table import CELLS, READABLE, SELF, USABLE, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN

NEXT_STATE: Final = {"department_manager": "ARCHIVED", "instructor": "ARCHIVED"}
"""Those who may change a state are asked in turn, and each finds another one there."""

COORDINATORS: Final = frozenset({"coordinator_direct", "coordinator_derived"})
SEES_COURSES: Final = frozenset(
    principal
    for (operation, principal), cell in CELLS.items()
    if operation == "view_course_info" and cell.allow == "yes"
)


def _sources_of(principal: str, case: Case) -> str:
    """Whose reasons are asked for: one's own, or those of another coordinator of the place."""
    if SELF in case.facts:
        return principal
    if case.place == TWIN:
        return "Cleo"
    return "coordinator_derived" if principal == "coordinator_direct" else "coordinator_direct"


def _reasons_given(course: Any, given: Mapping[str, Any]) -> bool:
    rows = ((course or {}).get("coordinators") or {}).get("nodes") or ()
    return any(each["sources"] for each in rows if each["member"]["id"] == given["whose"])


OF_COURSES: Final = (
    Probe(
        "create_course",
        mutation(
            "createCourse",
            "$department: ID!, $title: String!",
            "departmentId: $department, title: $title, kind: SELF_PACED",
        ),
        lambda town, _, case: {
            "department": town.id("Department", case.place),
            "title": town.word(),
        },
        changes="course.created",
    ),
    Probe(
        "view_course_info",
        "query ($course: ID!) { course(id: $course) { id title } }",
        of_course,
    ),
    Probe(
        "edit_course_info",
        mutation(
            "editCourseInfo",
            "$course: ID!, $text: String!",
            "courseId: $course, description: $text",
        ),
        lambda town, who, case: {**of_course(town, who, case), "text": town.word()},
        cases=(*OF_A_SCOPE, MADE),
        changes="course.edited",
    ),
    Probe(
        "change_course_state",
        mutation(
            "changeCourseState",
            "$course: ID!, $state: CourseState!",
            "courseId: $course, state: $state",
        ),
        lambda town, who, case: {
            "course": town.id("Course", case.place, case.thing or "Flux"),
            "state": NEXT_STATE.get(who, "DRAFT"),
        },
        cases=(case(OWN), case(TWIN, place=TWIN, thing="Law"), case(ABROAD, place=ABROAD), MADE),
        changes="course.edited",
    ),
    Probe(
        "assign_instructor",
        mutation(
            "assignInstructor",
            "$course: ID!, $people: [ID!]!",
            "courseId: $course, memberIds: $people",
        ),
        course_and_spare,
        changes="instructor.assigned",
    ),
    Probe(
        "assign_direct_coordinator",
        mutation(
            "assignDirectCoordinator",
            "$course: ID!, $people: [ID!]!",
            "courseId: $course, memberIds: $people",
        ),
        course_and_spare,
        changes="coordinator.assigned",
    ),
    Probe(
        "attach_segment",
        mutation(
            "attachSegment",
            "$course: ID!, $segment: ID!",
            "courseId: $course, segmentId: $segment",
        ),
        lambda town, who, case: {
            "course": town.id("Course", case.place),
            "segment": town.city(case.place).id(
                "Segment",
                f"{'Open' if USABLE in case.facts else 'Closed'} {who == 'department_manager':d}",
            ),
        },
        cases=(
            case("own, a usable segment", USABLE),
            case("own, another segment"),
            case(TWIN, USABLE, place=TWIN),
            case(ABROAD, USABLE, place=ABROAD),
        ),
        changes="segment.attached",
    ),
    Probe(
        "exclude_derived_coordinator",
        mutation(
            "excludeCoordinator",
            "$course: ID!, $person: ID!",
            'courseId: $course, memberId: $person, reason: "On leave."',
        ),
        lambda town, who, case: {
            **of_course(town, who, case),
            "person": town.spare(ABROAD if case.place == ABROAD else OWN),
        },
        changes="coordinator.excluded",
    ),
    Probe(
        "view_coordinator_names",
        "query ($course: ID!) { course(id: $course) { coordinators { nodes { member {"
        " displayName } } } } }",
        of_course,
        shown=lambda course, _: bool(course and course["coordinators"]),
    ),
    Probe(
        "view_coordinator_sources",
        "query ($course: ID!) { course(id: $course) { coordinators { nodes { member { id }"
        " sources { kind } } } } }",
        lambda town, who, case: {
            "course": town.id("Course", case.place),
            "whose": town.person(_sources_of(who, case), case.place),
        },
        cases=(
            case("own, another's", WITHIN),
            case(TWIN, place=TWIN),
            case(ABROAD, place=ABROAD),
            case("own, one's own", SELF, only=COORDINATORS),
        ),
        shown=_reasons_given,
    ),
    Probe(
        "replay_idp_event",
        mutation("replayIdpEvent", "$delivery: ID!", "deliveryId: $delivery"),
        lambda town, _, case: {"delivery": town.delivery(case.place)},
        cases=OF_A_THING,
        changes="delivery.replayed",
    ),
    Probe(
        "list_courses_i_manage",
        "query { coursesIManage(includeArchived: true) { nodes { title coordinators { nodes {"
        " member { id } } } } } }",
        lambda town, who, _: {"me": town.person(who) if who in table.PEOPLE else None},
        cases=(case("one's own", SELF),),
        shown=lambda page, given: (
            page is not None
            and all(
                given["me"] in [each["member"]["id"] for each in course["coordinators"]["nodes"]]
                for course in page["nodes"]
            )
        ),
    ),
    Probe(
        "search_segments_typeahead",
        "query ($text: String!) { searchSegmentsTypeahead(text: $text) { segment { name } } }",
        lambda _town, _who, case: {"text": "Open" if USABLE in case.facts else "Closed"},
        cases=(case("a usable segment", USABLE), case("another segment")),
        shown=lambda hits, _: bool(hits),
    ),
    Probe(
        "create_edit_segment",
        mutation("createSegment", "$name: String!, $rule: String!", "name: $name, ruleText: $rule"),
        lambda town, *_: {"name": town.word(), "rule": 'department eq "Nobody"'},
        cases=OF_THE_WORKSPACE,
        changes="segment.created",
    ),
    Probe(
        "create_edit_segment",
        mutation(
            "editSegment",
            "$segment: ID!, $text: String!",
            "segmentId: $segment, description: $text",
        ),
        lambda town, _, case: {
            "segment": town.id("Segment", case.place, "Idle"),
            "text": town.word(),
        },
        cases=OF_A_THING,
        changes="segment.edited",
    ),
    Probe(
        "preview_segment_change",
        "query ($course: ID!, $segment: ID!) { previewSegmentChange(change: ATTACH, courseId:"
        " $course, segmentId: $segment) { basedOn gainCount courses { title } } }",
        lambda town, _, case: {
            "course": town.id("Course", case.place),
            "segment": town.city(case.place).id("Segment", "Open 0"),
        },
        cases=OF_A_SCOPE,
    ),
    Probe(
        "preview_segment_change",
        "query ($segment: ID!) { previewSegmentChange(change: EDIT_RULE, segmentId: $segment,"
        ' ruleText: "everyone") { basedOn gainCount } }',
        lambda town, _, case: {"segment": town.id("Segment", case.place, "Idle")},
        cases=(case(OWN), case(ABROAD, place=ABROAD)),
    ),
    Probe(
        "pause_resume_sync",
        mutation("pauseSegment", "$segment: ID!", "segmentId: $segment"),
        lambda town, _, case: {"segment": town.id("Segment", case.place, "Idle")},
        cases=OF_A_THING,
        changes="segment.paused",
    ),
    Probe(
        "explain_membership",
        "query ($course: ID!, $person: ID!) { explainMembership(courseId: $course, memberId:"
        " $person) { summary } }",
        lambda town, who, case: {
            "course": town.id("Course", case.place),
            "person": town.person(who if SELF in case.facts else "Cleo", case.place),
        },
        cases=(*OF_A_SCOPE, case("about oneself", SELF, WITHIN, only=SEES_COURSES)),
    ),
    Probe(
        "subscribe_course_updates",
        "subscription ($course: ID!) { coordinatorsChanged(courseId: $course) { kind } }",
        of_course,
        cases=(case(OWN, READABLE), case(TWIN, place=TWIN), case(ABROAD, place=ABROAD)),
        is_stream=True,
    ),
)
