"""How each operation of permissions.csv is asked for, and how one sees that it was done.

A probe says what the operation is asked of, the document, its variables, and by which verb the
journal knows that it was done. Its cases are the scopes it is asked in: one's own, the twin
beside it, the second workspace, and one more for each condition.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proof import table
from tests.proof.table import CELLS, FACT_OF, HELD_ON, MINE, READABLE, SELF, USABLE, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town

EVERYWHERE: Final = frozenset({"workspace", "department", "course", "module"})
REACH: Final = {OWN: EVERYWHERE, TWIN: frozenset({"workspace"}), ABROAD: frozenset[str]()}
"""On which scopes a role must be held to be held towards the things of a place."""


@dataclass(frozen=True)
class Case:
    """One thing the operation is asked of. `reach`: roles held on these scopes are held here.

    `only`: who can be asked at all (who is not here cannot stand in this case).
    """

    name: str
    place: str
    facts: frozenset[str] = frozenset()
    reach: frozenset[str] = EVERYWHERE
    thing: str | None = None
    only: frozenset[str] | None = None

    def holds(self, principal: str) -> bool:
        return HELD_ON[principal] in self.reach


def case(
    name: str,
    *facts: str,
    place: str = OWN,
    thing: str | None = None,
    reach: frozenset[str] | None = None,
    only: frozenset[str] | None = None,
) -> Case:
    return Case(
        name, place, frozenset(facts), REACH[place] if reach is None else reach, thing, only
    )


OF_A_SCOPE: Final = (case(OWN, WITHIN), case(TWIN, place=TWIN), case(ABROAD, place=ABROAD))
OF_THE_WORKSPACE: Final = (case(OWN, WITHIN),)
OF_A_THING: Final = (case(OWN, WITHIN), case(ABROAD, place=ABROAD))
MADE: Final = case(
    "made by oneself", MINE, thing="Made", reach=frozenset({"workspace", "department"})
)

Given = Callable[[Town, str, Case], Mapping[str, Any]]
Shown = Callable[[Any, Mapping[str, Any]], bool]


def is_there(value: Any, _: Mapping[str, Any]) -> bool:
    return value is not None


@dataclass(frozen=True)
class Probe:
    """One way to ask for one operation; `document` has one root field.

    `changes`: the verb in the journal; empty for what only reads.
    """

    operation: str
    document: str
    given: Given
    cases: tuple[Case, ...] = OF_A_SCOPE
    changes: str = ""
    shown: Shown = is_there
    is_stream: bool = False

    @property
    def name(self) -> str:
        return self.document.split("{", 2)[1].split("(")[0].strip()

    def expects(self, principal: str, case: Case) -> bool:
        """What the table says."""
        return table.allows(
            self.operation, principal, is_held_here=case.holds(principal), facts=case.facts
        )

    def asked_by(self, case: Case) -> list[str]:
        return [each for each in table.PRINCIPALS if case.only is None or each in case.only]


@dataclass
class Probes:
    """All probes, by operation."""

    of: dict[str, list[Probe]] = field(default_factory=dict)

    def add(self, *probes: Probe) -> None:
        for each in probes:
            self.of.setdefault(each.operation, []).append(each)


def of_course(town: Town, _: str, case: Case) -> dict[str, Any]:
    return {"course": town.id("Course", case.place, case.thing)}


def course_and_spare(town: Town, _: str, case: Case) -> dict[str, Any]:
    return {
        "course": town.id("Course", case.place, case.thing),
        "people": [town.spare(ABROAD if case.place == ABROAD else OWN)],
    }


def mutation(name: str, variables: str, call: str) -> str:
    return f"mutation ({variables}) {{ {name}({call}) {{ cursor refusal {{ code }} }} }}"


def asked_often(cell_facts: str) -> frozenset[str]:
    """The principals some cell of which hangs on this fact."""
    return frozenset(
        principal
        for (_, principal), cell in CELLS.items()
        if cell.allow == "cond" and FACT_OF[cell.condition] == cell_facts
    )


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


PROBES: Final = Probes()
PROBES.add(
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
        "deactivate_member",
        mutation("deactivateMember", "$person: ID!", "memberId: $person"),
        lambda town, _, case: {"person": town.spare(case.place)},
        cases=OF_A_THING,
        changes="member.deactivated",
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
