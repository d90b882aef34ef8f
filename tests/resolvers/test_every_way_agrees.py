"""Whichever way one asks, the answer is the same, and it is what the matrix says (C2, G4, G5).

A small generated workspace: people with every right that exists now, alone and in pairs, and
courses of two departments. For every person and course the direct field, the list and its count,
`node`, the fields behind rights of their own, `viewer.can`, and what mutations do are compared
with the matrix, read with what the test itself knows to be held.
"""

import random
from typing import Any, NamedTuple

import pytest

from access.permissions import Facts, Permission, Principal, allows
from models.catalog import CourseState
from tests.resolvers.asking import Ask
from tests.world import World

WORKSPACE = (Principal.WORKSPACE_MANAGER, Principal.FINANCE_MANAGER, Principal.INVITE)
DEPARTMENT = (
    Principal.DEPARTMENT_MANAGER,
    Principal.DEPT_CREATE,
    Principal.DEPT_ENROLL,
    Principal.DEPT_TEACH,
)
COURSE = (Principal.COURSE_EDIT, Principal.COURSE_ENROLL, Principal.COURSE_TEACH)
ROLES = (Principal.INSTRUCTOR, Principal.COORDINATOR_DIRECT, Principal.COORDINATOR_DERIVED)
EVERYTHING = (*WORKSPACE, *DEPARTMENT, *COURSE, *ROLES)

COURSES = {"Sell": "Sales", "Price": "Sales", "Law": "Legal", "Ethics": "Legal"}

ASKED = (
    Permission.VIEW_COURSE_INFO,
    Permission.EDIT_COURSE_INFO,
    Permission.CHANGE_COURSE_STATE,
    Permission.ASSIGN_INSTRUCTOR,
    Permission.ASSIGN_DIRECT_COORDINATOR,
    Permission.EXCLUDE_DERIVED_COORDINATOR,
    Permission.VIEW_QUIZ_INSIGHTS,
)

SEEN = """query ($ids: [ID!]!, $operations: [Permission!]!) {
  courses { totalCount nodes { id coordinators { totalCount } roleConflicts { __typename }
    segmentLimit } }
  nodes(ids: $ids) { id }
  viewer { can(operations: $operations, on: $ids) { operation on isAllowed } } }"""

DONE = {
    Permission.EDIT_COURSE_INFO: "editCourseInfo(courseId: $id)",
    Permission.CHANGE_COURSE_STATE: "changeCourseState(courseId: $id, state: $state)",
    Permission.ASSIGN_INSTRUCTOR: "removeInstructor(courseId: $id, memberIds: $nobody)",
    Permission.ASSIGN_DIRECT_COORDINATOR: (
        "removeDirectCoordinator(courseId: $id, memberIds: $nobody)"
    ),
    Permission.EXCLUDE_DERIVED_COORDINATOR: "liftOverride(courseId: $id, memberId: $one)",
}
"""Mutations that change nothing here, each asking for one permission."""


class Right(NamedTuple):
    principal: Principal
    course: str

    def holds_for(self, course: str) -> bool:
        if self.principal in WORKSPACE:
            return True
        if self.principal in DEPARTMENT:
            return COURSES[self.course] == COURSES[course]
        return self.course == course


@pytest.fixture
async def held(world: World, ask: Ask) -> dict[str, list[Right]]:
    """Twenty people: one for each right, some with two, one without any."""
    chance = random.Random(20_261_122)
    rights = {
        f"P{n:02}": [Right(each, chance.choice(list(COURSES)))] for n, each in enumerate(EVERYTHING)
    }
    grants = [each for each in EVERYTHING if each not in ROLES]
    for n in range(len(EVERYTHING), 19):
        pair = chance.sample(grants, 1) + chance.sample(ROLES, 1)
        rights[f"P{n:02}"] = [Right(each, chance.choice(list(COURSES))) for each in pair]
    rights["Nobody"] = []
    for name, its in rights.items():
        derived = [right for right in its if right.principal is Principal.COORDINATOR_DERIVED]
        await world.member(name, department=derived[0].course if derived else None)
    for title, department in COURSES.items():
        of = {
            role: [name for name, its in rights.items() if Right(role, title) in its]
            for role in ROLES
        }
        await world.segment(title, f'department eq "{title}"')
        await world.course(
            title,
            department=department,
            state=CourseState.ACTIVE if title != "Law" else CourseState.ARCHIVED,
            instructors=of[Principal.INSTRUCTOR],
            coordinators_by_hand=of[Principal.COORDINATOR_DIRECT],
            segments_attached=[title],
        )
    for name, its in rights.items():
        for principal, course in its:
            if principal not in ROLES:
                on = {"department": COURSES[course]} if principal in DEPARTMENT else {}
                on = {"course": course} if principal in COURSE else on
                await world.grant(name, principal, **on)
    ask.settle()
    return rights


def expected(rights: list[Right], permission: Permission, course: str) -> bool:
    here = {each.principal for each in rights if each.holds_for(course)}
    facts = Facts(course_is_active=course != "Law", is_within_own_scope=True)
    return allows(here, permission, facts)


async def test_every_way_to_ask_gives_the_answer_of_the_matrix(
    held: dict[str, list[Right]], ask: Ask
) -> None:
    ids = {title: ask.id("Course", title) for title in COURSES}

    for name, rights in held.items():
        answer = await ask.whole(
            SEEN, by=name, ids=list(ids.values()), operations=[each.name for each in ASKED]
        )
        data: dict[str, Any] = answer["data"]
        listed = {each["id"]: each for each in data["courses"]["nodes"]}
        can = {(each["on"], each["operation"]): each["isAllowed"] for each in data["viewer"]["can"]}
        assert data["courses"]["totalCount"] == len(listed), name
        for n, (title, id) in enumerate(ids.items()):
            sees = expected(rights, Permission.VIEW_COURSE_INFO, title)
            direct = await ask.whole("query ($id: ID!) { course(id: $id) { id } }", by=name, id=id)
            ways = {
                "list": id in listed,
                "node": data["nodes"][n] is not None,
                "field": direct["data"]["course"] is not None,
                "can": can[id, "VIEW_COURSE_INFO"],
            }
            assert set(ways.values()) == {sees}, (name, title, ways)
            for permission in ASKED:
                assert can[id, permission.name] is expected(rights, permission, title), (
                    name,
                    title,
                    permission,
                )
            if sees:
                row = listed[id]
                names = expected(rights, Permission.VIEW_COORDINATOR_NAMES, title)
                staff = can[id, "ASSIGN_INSTRUCTOR"]
                by_hand = can[id, "ASSIGN_DIRECT_COORDINATOR"]
                assert (row["coordinators"] is not None) is names, (name, title)
                assert (row["roleConflicts"] is not None) is staff, (name, title)
                assert (row["segmentLimit"] is not None) is by_hand, (name, title)


async def test_what_one_may_do_is_done_and_nothing_else(
    held: dict[str, list[Right]], ask: Ask
) -> None:
    await ask.world.member("Somebody")
    somebody = ask.id("Member", "Somebody")
    before = await ask.world.verbs()

    for name, rights in held.items():
        for title in COURSES:
            sees = expected(rights, Permission.VIEW_COURSE_INFO, title)
            state = "ARCHIVED" if title == "Law" else "ACTIVE"
            variables = {
                "id": ask.id("Course", title),
                "state": state,
                "nobody": [somebody],
                "one": somebody,
            }
            mutations = " ".join(
                f"{permission.value}: {call} {{ refusal {{ code }} course {{ id }} }}"
                for permission, call in DONE.items()
            )
            answer = await ask.whole(
                f"""mutation ($id: ID!, $state: CourseState!, $nobody: [ID!]!, $one: ID!) {{
                  {mutations} }}""",
                by=name,
                **variables,
            )
            for permission in DONE:
                outcome = answer["data"][permission.value]
                code = outcome and outcome["refusal"] and outcome["refusal"]["code"]
                may = expected(rights, permission, title)
                told = "done" if outcome and not code else code or "PERMISSION_DENIED"
                wanted = "done" if may else "PERMISSION_DENIED" if sees else "NOT_FOUND"
                assert told == wanted, (name, title, permission, answer)

    assert await ask.world.verbs() == before
