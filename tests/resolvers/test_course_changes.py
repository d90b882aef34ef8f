"""Creating and editing courses, their staff and their segments, through the contract."""

from typing import Any

import pytest

from access.permissions import Principal
from models.people import MemberState
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

REFUSAL = """refusal { __typename code message path
  ... on RoleConflict { choices conflicts { held wanted member { displayName } } }
  ... on LimitReached { limit count }
  ... on InUse { courses { id title } }
  ... on PlainRefusal { details } }"""
STAFF = """course { title description kind state instructors { displayName }
  coordinators { nodes { isDirect member { displayName } } } segments { segment { name } } }
  assigned { displayName } already { displayName } kept { displayName } removed { displayName }"""

CREATE = f"""mutation ($department: ID!, $title: String!, $kind: CourseKind = SELF_PACED,
    $instructors: [ID!], $coordinators: [ID!], $segments: [ID!], $onConflict: OnConflict) {{
  createCourse(departmentId: $department, title: $title, kind: $kind, instructorIds: $instructors,
      coordinatorIds: $coordinators, segmentIds: $segments, onConflict: $onConflict) {{
    cursor {STAFF} {REFUSAL} }} }}"""
EDIT = f"""mutation ($course: ID!, $title: String, $addInstructors: [ID!],
    $removeInstructors: [ID!], $addCoordinators: [ID!], $removeCoordinators: [ID!],
    $attach: [ID!], $detach: [ID!], $onConflict: OnConflict) {{
  editCourseInfo(courseId: $course, title: $title, addInstructorIds: $addInstructors,
      removeInstructorIds: $removeInstructors, addCoordinatorIds: $addCoordinators,
      removeCoordinatorIds: $removeCoordinators, attachSegmentIds: $attach,
      detachSegmentIds: $detach, onConflict: $onConflict) {{ cursor {STAFF} {REFUSAL} }} }}"""
ASSIGN_COORDINATOR = f"""mutation ($course: ID!, $people: [ID!]!, $onConflict: OnConflict) {{
  assignDirectCoordinator(courseId: $course, memberIds: $people, onConflict: $onConflict) {{
    {STAFF} {REFUSAL} }} }}"""
ASSIGN_INSTRUCTOR = ASSIGN_COORDINATOR.replace("assignDirectCoordinator", "assignInstructor")
REMOVE_COORDINATOR = f"""mutation ($course: ID!, $people: [ID!]!) {{
  removeDirectCoordinator(courseId: $course, memberIds: $people) {{ {STAFF} {REFUSAL} }} }}"""
REMOVE_INSTRUCTOR = REMOVE_COORDINATOR.replace("removeDirectCoordinator", "removeInstructor")
ATTACH = f"""mutation ($course: ID!, $segment: ID!) {{
  attachSegment(courseId: $course, segmentId: $segment) {{
    course {{ segments {{ place segment {{ name }} }} }} segment {{ name }} {REFUSAL} }} }}"""
DETACH = ATTACH.replace("attachSegment", "detachSegment")
CONFLICTS = """query ($course: ID!) { course(id: $course) {
  roleConflicts { member { displayName } sources { kind segment { name } } } } }"""


@pytest.fixture
@furnished
async def staffed(world: World, ask: Ask) -> World:
    """Mona manages the workspace, Dora the department, Dave may create in it, Eddie may edit
    Safety; Ines instructs it, Cora coordinates it by hand, Sam and Sue through Sales."""
    people = ("Mona", "Dora", "Dave", "Eddie", "Ines", "Cora", "Lea")
    for name in people:
        await world.member(name)
    for name in ("Sam", "Sue"):
        await world.member(name, department="Sales")
    await world.segment("Sales", 'department eq "Sales"', is_usable_by_departments=True)
    await world.segment("Private", "everyone")
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.attach("Safety", "Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Dave", Principal.DEPT_CREATE, department="Training")
    await world.grant("Eddie", Principal.COURSE_EDIT, course="Safety")
    ask.settle()
    return world


def members(ask: Ask, *names: str) -> list[str]:
    return [ask.id("Member", name) for name in names]


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["displayName"] for row in rows}


def coordinating(course: dict[str, Any]) -> set[str]:
    return {each["member"]["displayName"] for each in course["coordinators"]["nodes"]}


@pytest.mark.spec("M22", "M27")
async def test_a_course_is_created_with_its_staff_and_segments_in_one_step(
    staffed: World, ask: Ask
) -> None:
    done = await ask.one(
        CREATE,
        by="Dora",
        department=ask.id("Department", "Training"),
        title="  First Aid ",
        kind="INSTRUCTOR_LED",
        instructors=members(ask, "Lea"),
        coordinators=members(ask, "Cora", "Ines"),
        segments=[ask.id("Segment", "Sales")],
    )

    assert done["refusal"] is None
    assert done["course"]["title"] == "First Aid"
    assert (done["course"]["kind"], done["course"]["state"]) == ("INSTRUCTOR_LED", "DRAFT")
    assert names(done["course"]["instructors"]) == {"Lea"}
    assert coordinating(done["course"]) == {"Cora", "Ines", "Sam", "Sue"}
    assert names(done["assigned"]) == {"Lea", "Cora", "Ines"}
    assert (await staffed.verbs())[-6:] == [
        "grant.given",
        "course.created",
        "coordinator.assigned",
        "coordinator.assigned",
        "instructor.assigned",
        "segment.attached",
    ]


@pytest.mark.spec("M22")
@pytest.mark.parametrize(
    ("by", "extra", "code"),
    [
        ("Dave", {"coordinators": ["Lea"]}, "ASSIGN_DIRECT_COORDINATOR"),
        ("Dave", {"instructors": ["Lea"]}, "ASSIGN_INSTRUCTOR"),
        ("Dave", {"segments": ["Sales"]}, "ATTACH_SEGMENT"),
        ("Ines", {}, "CREATE_COURSE"),
    ],
)
async def test_nobody_gives_by_creating_what_they_may_not_give_otherwise(
    staffed: World, ask: Ask, by: str, extra: dict[str, list[str]], code: str
) -> None:
    before = await staffed.verbs()
    nouns = {"coordinators": "Member", "instructors": "Member", "segments": "Segment"}
    given = {key: [ask.id(nouns[key], name) for name in value] for key, value in extra.items()}

    [error] = await ask.errors(
        CREATE, by=by, department=ask.id("Department", "Training"), title="First Aid", **given
    )

    assert error["path"] == ["createCourse"]
    assert error["extensions"]["code"] == "PERMISSION_DENIED"
    assert error["extensions"]["requiredAnyOf"] == [[code]]
    assert await staffed.verbs() == before


@pytest.mark.spec("G3")
async def test_a_permission_failure_has_the_one_shape_of_refusals(staffed: World, ask: Ask) -> None:
    [error] = await ask.errors(EDIT, by="Cora", course=ask.id("Course", "Safety"), title="Mine")

    assert error["path"] == ["editCourseInfo"]
    assert error["extensions"] == {
        "code": "PERMISSION_DENIED",
        "coordinate": "Mutation.editCourseInfo",
        "requiredAnyOf": [["EDIT_COURSE_INFO"]],
        "scope": "COURSE",
        "held": ["COORDINATOR_DIRECT"],
        "reason": "No role held here allows EDIT_COURSE_INFO.",
    }
    assert error["message"] == "No role held here allows EDIT_COURSE_INFO."


async def test_someone_allowed_to_create_makes_a_course_and_may_then_edit_it(
    staffed: World, ask: Ask
) -> None:
    made = await ask.one(
        CREATE.replace("course { title", "course { id title").replace(
            "segments { segment { name } }", ""
        ),
        by="Dave",
        department=ask.id("Department", "Training"),
        title="First Aid",
    )
    edited = await ask.one(
        "mutation ($course: ID!) { editCourseInfo(courseId: $course, description: null,"
        ' title: "Aid") { refusal { code message } course { title description } } }',
        by="Dave",
        course=made["course"]["id"],
    )
    mended = await ask.one(
        'mutation ($course: ID!) { editCourseInfo(courseId: $course, title: "Aid") {'
        " course { title description } } }",
        by="Dave",
        course=made["course"]["id"],
    )

    assert edited["refusal"]["code"] == "BAD_USER_INPUT", "null is not the same as left out"
    assert mended["course"] == {"title": "Aid", "description": ""}


async def test_editing_changes_information_staff_and_segments_together(
    staffed: World, ask: Ask
) -> None:
    done = await ask.one(
        EDIT,
        by="Mona",
        course=ask.id("Course", "Safety"),
        title="Safety first",
        addInstructors=members(ask, "Cora"),
        removeCoordinators=members(ask, "Cora"),
        removeInstructors=members(ask, "Ines"),
        addCoordinators=members(ask, "Lea"),
        attach=[ask.id("Segment", "Private")],
        detach=[ask.id("Segment", "Sales")],
    )

    assert done["refusal"] is None
    assert done["course"]["title"] == "Safety first"
    assert names(done["course"]["instructors"]) == {"Cora"}
    assert [each["segment"]["name"] for each in done["course"]["segments"]] == ["Private"]
    assert "Lea" in coordinating(done["course"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"addCoordinators": ["Lea", "Ines"]}, "ROLE_CONFLICT"),
        ({"removeCoordinators": ["Sam"]}, "DERIVED_MEMBERSHIP"),
        ({"title": " "}, "BAD_USER_INPUT"),
        ({"addInstructors": ["Gone"]}, "MEMBER_DEACTIVATED"),
        ({"attach": ["Fantasy"]}, "NOT_FOUND"),
    ],
)
async def test_one_part_refused_is_all_refused(
    staffed: World, ask: Ask, change: dict[str, Any], code: str
) -> None:
    await staffed.member("Gone")
    await staffed.set_state("Gone", MemberState.DEACTIVATED)
    staffed.segments["Fantasy"] = 999
    before = await staffed.verbs()
    noun = {"attach": "Segment"}
    given = {
        key: value
        if isinstance(value, str)
        else [ask.id(noun.get(key, "Member"), name) for name in value]
        for key, value in change.items()
    }

    done = await ask.one(
        EDIT, by="Mona", course=ask.id("Course", "Safety"), **{"title": "Other", **given}
    )

    assert done["refusal"]["code"] == code
    assert (done["course"], done["cursor"]) == (None, None)
    assert await staffed.verbs() == before
    seen = await ask.one(
        "query ($id: ID!) { course(id: $id) { title } }", by="Mona", id=ask.id("Course", "Safety")
    )
    assert seen["title"] == "Safety"


async def test_course_edit_alone_edits_information_and_names_no_coordinators(
    staffed: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")
    before = await staffed.verbs()

    errors = await ask.errors(
        EDIT, by="Eddie", course=course, title="Mine", addCoordinators=members(ask, "Lea")
    )
    unchanged = await staffed.verbs()
    alone = await ask.whole(EDIT, by="Eddie", course=course, title="Safety at work")

    assert errors[0]["extensions"]["requiredAnyOf"] == [["ASSIGN_DIRECT_COORDINATOR"]]
    assert unchanged == before
    assert alone["data"]["editCourseInfo"]["course"]["title"] == "Safety at work"
    assert [each["path"][-1] for each in alone["errors"]] == ["segments"]


@pytest.mark.spec("G7", "M24")
async def test_a_conflict_names_everybody_and_asks_what_shall_be(staffed: World, ask: Ask) -> None:
    course, people = ask.id("Course", "Safety"), members(ask, "Cora", "Sam", "Lea")

    refused = await ask.one(ASSIGN_INSTRUCTOR, by="Ines", course=course, people=people)

    assert refused["refusal"]["__typename"] == "RoleConflict"
    assert refused["refusal"]["choices"] == ["KEEP_EXISTING", "SWITCH"]
    assert refused["refusal"]["conflicts"] == [
        {"held": "COORDINATOR", "wanted": "INSTRUCTOR", "member": {"displayName": "Cora"}},
        {"held": "DERIVED_COORDINATOR", "wanted": "INSTRUCTOR", "member": {"displayName": "Sam"}},
    ]
    assert await staffed.coordinators_of("Safety") == {"Cora", "Sam", "Sue"}


@pytest.mark.parametrize("written", ["literal", "variable"])
async def test_conflicts_are_kept_or_switched_as_said(
    staffed: World, ask: Ask, written: str
) -> None:
    """The choice says the same as a literal of the document and as a variable."""
    course, people = ask.id("Course", "Safety"), members(ask, "Cora", "Sam", "Lea")

    async def assign(choice: str) -> Any:
        if written == "variable":
            return await ask.one(
                ASSIGN_INSTRUCTOR, by="Mona", course=course, people=people, onConflict=choice
            )
        document = ASSIGN_INSTRUCTOR.replace("$onConflict: OnConflict", "").replace(
            "$onConflict", choice
        )
        return await ask.one(document, by="Mona", course=course, people=people)

    kept = await assign("KEEP_EXISTING")
    after_keeping = await staffed.coordinators_of("Safety")
    switched = await assign("SWITCH")

    assert (names(kept["assigned"]), names(kept["kept"])) == ({"Lea"}, {"Cora", "Sam"})
    assert after_keeping == {"Cora", "Sam", "Sue"}
    assert (names(switched["assigned"]), names(switched["already"])) == ({"Cora", "Sam"}, {"Lea"})
    assert await staffed.coordinators_of("Safety") == {"Sue"}


async def test_someone_in_both_lists_is_named_and_nothing_is_stored(
    staffed: World, ask: Ask
) -> None:
    before = await staffed.verbs()

    done = await ask.one(
        CREATE,
        by="Mona",
        department=ask.id("Department", "Training"),
        title="Both",
        instructors=members(ask, "Lea"),
        coordinators=members(ask, "Lea"),
        onConflict="SWITCH",
    )

    assert done["refusal"]["code"] == "ROLE_CONFLICT"
    assert done["refusal"]["conflicts"] == [
        {"held": None, "wanted": None, "member": {"displayName": "Lea"}}
    ]
    assert await staffed.verbs() == before


@pytest.mark.spec("M35")
async def test_an_instructor_role_suppresses_a_derived_one_which_comes_back(
    staffed: World, ask: Ask
) -> None:
    course, sam = ask.id("Course", "Safety"), members(ask, "Sam")

    made = await ask.one(
        ASSIGN_INSTRUCTOR, by="Mona", course=course, people=sam, onConflict="SWITCH"
    )
    shown = await ask.one(CONFLICTS, by="Ines", course=course)
    ended = await ask.one(REMOVE_INSTRUCTOR, by="Mona", course=course, people=sam)

    assert coordinating(made["course"]) == {"Cora", "Sue"}
    assert shown["roleConflicts"] == [
        {
            "member": {"displayName": "Sam"},
            "sources": [{"kind": "SEGMENT", "segment": {"name": "Sales"}}],
        }
    ]
    assert names(ended["removed"]) == {"Sam"}
    assert coordinating(ended["course"]) == {"Cora", "Sam", "Sue"}
    after = await ask.one(CONFLICTS, by="Mona", course=course)
    assert after["roleConflicts"] == []


@pytest.mark.spec("M37")
async def test_a_derived_coordinator_is_not_removed_by_hand(staffed: World, ask: Ask) -> None:
    done = await ask.one(
        REMOVE_COORDINATOR,
        by="Ines",
        course=ask.id("Course", "Safety"),
        people=members(ask, "Sam", "Cora"),
    )

    assert done["refusal"]["code"] == "DERIVED_MEMBERSHIP"
    assert done["refusal"]["details"] == {
        "memberIds": members(ask, "Sam"),
        "instead": ["excludeCoordinator", "liftOverride"],
    }
    assert await staffed.coordinators_of("Safety") == {"Cora", "Sam", "Sue"}


async def test_naming_the_same_person_twice_is_naming_once(staffed: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")

    twice = await ask.one(
        ASSIGN_COORDINATOR, by="Mona", course=course, people=members(ask, "Lea", "Lea")
    )
    nobody = await ask.one(ASSIGN_COORDINATOR, by="Mona", course=course, people=[])
    again = await ask.one(ASSIGN_COORDINATOR, by="Mona", course=course, people=members(ask, "Lea"))

    assert names(twice["assigned"]) == {"Lea"}
    assert (nobody["refusal"], nobody["assigned"]) == (None, [])
    assert names(again["already"]) == {"Lea"}
    assert (await staffed.verbs()).count("coordinator.assigned") == 2


async def test_more_people_than_a_call_may_name_are_refused_with_the_limit(
    staffed: World, ask: Ask
) -> None:
    people = [encode("Member", 10_000 + n) for n in range(501)]

    done = await ask.one(
        ASSIGN_COORDINATOR, by="Mona", course=ask.id("Course", "Safety"), people=people
    )

    assert done["refusal"]["__typename"] == "LimitReached"
    assert (done["refusal"]["limit"], done["refusal"]["count"]) == (500, 501)


async def test_a_segment_is_attached_once_and_one_too_many_is_refused_with_limit_and_count(
    staffed: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")
    limited = await ask.one(
        "mutation ($course: ID!) { setCourseSegmentLimit(courseId: $course, limit: 1) {"
        " course { segmentLimit } refusal { code } } }",
        by="Mona",
        course=course,
    )
    again = await ask.one(ATTACH, by="Mona", course=course, segment=ask.id("Segment", "Sales"))
    full = await ask.one(ATTACH, by="Mona", course=course, segment=ask.id("Segment", "Private"))

    assert limited == {"course": {"segmentLimit": 1}, "refusal": None}
    assert again["refusal"] is None
    assert again["course"]["segments"] == [{"place": 1, "segment": {"name": "Sales"}}]
    assert full["refusal"]["__typename"] == "LimitReached"
    assert (full["refusal"]["limit"], full["refusal"]["count"]) == (1, 1)
    assert (await staffed.verbs()).count("segment.attached") == 1


async def test_a_segment_is_detached_and_its_people_stop(staffed: World, ask: Ask) -> None:
    course, segment = ask.id("Course", "Safety"), ask.id("Segment", "Sales")

    done = await ask.one(DETACH, by="Dora", course=course, segment=segment)
    again = await ask.one(DETACH, by="Dora", course=course, segment=segment)

    assert done["course"]["segments"] == []
    assert await staffed.coordinators_of("Safety") == {"Cora"}
    assert again["refusal"] is None
    assert (await staffed.verbs()).count("segment.detached") == 1


async def test_a_segment_one_may_not_use_is_one_that_does_not_exist(
    staffed: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")
    told = [
        await ask.bytes(ATTACH, by="Dora", course=course, segment=segment)
        for segment in (ask.id("Segment", "Private"), encode("Segment", 999))
    ]
    denied = await ask.code(ATTACH, by="Ines", course=course, segment=encode("Segment", 999))

    assert told[0] == told[1]
    assert b"NOT_FOUND" in told[0]
    assert denied == "PERMISSION_DENIED", "who may attach none learns nothing about any"


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (EDIT, {"title": "Other"}),
        (ASSIGN_INSTRUCTOR, {"people": []}),
        (REMOVE_COORDINATOR, {"people": []}),
        (ATTACH, {"segment": "U2VnbWVudDox"}),
    ],
)
async def test_a_course_one_may_not_see_does_not_exist_for_mutations(
    staffed: World, ask: Ask, document: str, variables: dict[str, Any]
) -> None:
    hidden = ask.id("Course", "Safety")
    told = [
        await ask.bytes(document, by="Lea", course=course, **variables)
        for course in (hidden, encode("Course", 999), encode("Course", 2**31))
    ]

    assert told[0] == told[1] == told[2]
    assert b"There is no such course." in told[0]
    assert b"errors" not in told[0]


async def test_a_department_one_may_not_see_does_not_exist(staffed: World, ask: Ask) -> None:
    await staffed.department("Secret")
    told = [
        await ask.bytes(CREATE, by="Dave", department=department, title="X")
        for department in (ask.id("Department", "Secret"), encode("Department", 999))
    ]

    assert told[0] == told[1]


async def test_a_limit_below_use_is_refused_with_the_courses_unless_forced(
    staffed: World, ask: Ask
) -> None:
    await staffed.attach("Safety", "Private")
    document = f"""mutation ($force: Boolean!) {{ setWorkspaceSegmentLimit(limit: 1, force: $force)
      {{ workspace {{ segmentLimit }} {REFUSAL} }} }}"""

    refused = await ask.one(document, by="Mona", force=False)
    forced = await ask.one(document, by="Mona", force=True)
    outside = await ask.one(document.replace("limit: 1", "limit: 51"), by="Mona", force=True)
    denied = await ask.code(document, by="Dora", force=True)

    assert refused["refusal"]["code"] == "LIMIT_BELOW_USE"
    assert refused["refusal"]["courses"] == [{"id": ask.id("Course", "Safety"), "title": "Safety"}]
    assert forced == {"workspace": {"segmentLimit": 1}, "refusal": None}
    assert outside["refusal"]["code"] == "BAD_USER_INPUT"
    assert denied == "PERMISSION_DENIED"


async def test_the_state_of_a_course_is_changed_by_those_who_may(staffed: World, ask: Ask) -> None:
    document = """mutation ($course: ID!, $state: CourseState!) {
      changeCourseState(courseId: $course, state: $state) { course { state } } }"""
    course = ask.id("Course", "Safety")

    archived = await ask.one(document, by="Ines", course=course, state="ARCHIVED")
    denied = await ask.code(document, by="Cora", course=course, state="ACTIVE")

    assert archived["course"]["state"] == "ARCHIVED"
    assert denied == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("id", "code"),
    [("garbage", "BAD_USER_INPUT"), ("", "BAD_USER_INPUT"), ("x" * 5_000, "BAD_USER_INPUT")],
)
async def test_an_id_that_is_none_is_named_with_its_argument(
    staffed: World, ask: Ask, id: str, code: str
) -> None:
    done = await ask.one(
        ASSIGN_COORDINATOR,
        by="Mona",
        course=ask.id("Course", "Safety"),
        people=[*members(ask, "Lea"), id],
    )

    assert done["refusal"]["code"] == code
    assert len(done["refusal"]["message"]) < 200
    assert await staffed.coordinators_of("Safety") == {"Cora", "Sam", "Sue"}


async def test_an_id_of_another_kind_is_named_with_its_argument(staffed: World, ask: Ask) -> None:
    done = await ask.one(
        ASSIGN_COORDINATOR,
        by="Mona",
        course=ask.id("Course", "Safety"),
        people=[*members(ask, "Lea"), ask.id("Segment", "Sales")],
    )

    assert done["refusal"]["code"] == "BAD_USER_INPUT"
    assert done["refusal"]["path"] == ["memberIds", "1"]
