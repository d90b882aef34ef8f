"""Modules, and the courses and departments that hold them, through the contract (C2, C8-C14)."""

from typing import Any

import pytest
from sqlalchemy import insert

from access.permissions import Principal
from models.catalog import Course, CourseKind, CourseModule, CourseState, Module, ModuleKind
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.giving import open_office
from tests.resolvers.asking import Ask
from tests.world import World

REFUSAL = "refusal { __typename code message path ... on PlainRefusal { details } }"
CREATE = f"""mutation ($department: ID!, $title: String!, $kind: ModuleKind!) {{
  createModule(departmentId: $department, title: $title, kind: $kind) {{
    module {{ id title kind createdAt department {{ name }} }} {REFUSAL} }} }}"""
ARRANGE = f"""mutation ($course: ID!, $add: [ID!], $remove: [ID!], $order: [ID!]) {{
  addRemoveModules(courseId: $course, addModuleIds: $add, removeModuleIds: $remove,
      orderModuleIds: $order) {{
    course {{ modules {{ nodes {{ title }} }} }} added {{ title }} removed {{ title }}
    {REFUSAL} }} }}"""
GRANT = f"""mutation ($module: ID!, $people: [ID!]!) {{
  grantModulePermission(moduleId: $module, memberIds: $people) {{
    module {{ title editors {{ nodes {{ member {{ displayName }} pendingUntil }} }} }}
    given {{ member {{ displayName }} principal scope on }}
    taken {{ member {{ displayName }} principal }} {REFUSAL} }} }}"""
REVOKE = GRANT.replace("grantModulePermission", "revokeModulePermission")
MODULES = """query ($first: Int, $search: String, $kind: [ModuleKind!], $department: ID) {
  modules(first: $first, search: $search, kind: $kind, departmentId: $department) {
    totalCount nodes { title kind } } }"""
MODULE = """query ($id: ID!) { module(id: $id) { title kind department { name }
  courses { totalCount nodes { title } } editors { totalCount } } node(id: $id) { id } }"""
COURSE = """query ($id: ID!, $search: String) { course(id: $id) { title
  modules { totalCount nodes { title } }
  addableModules(search: $search) { totalCount nodes { title } } } }"""
DEPARTMENT = """query ($id: ID!) { node(id: $id) { ... on Department { name
  courses { totalCount nodes { title } } modules { totalCount nodes { title } } } } }"""


@pytest.fixture
@furnished
async def office(world: World) -> World:
    """The office, with Ladders in Safety, Ropes in nothing, and Statutes in Law."""
    await open_office(world)
    await world.module("Ladders", courses=["Safety"])
    await world.module("Ropes", kind=ModuleKind.QUIZ)
    await world.module("Statutes", department="Legal", courses=["Law"])
    return world


def titles(page: dict[str, Any]) -> list[str]:
    return [each["title"] for each in page["nodes"]]


async def test_c8_a_module_is_made_by_whoever_may_create_in_the_department(
    office: World, ask: Ask
) -> None:
    await office.grant("Tom", Principal.DEPT_CREATE, department="Training")
    training = ask.id("Department", "Training")

    made = await ask.one(CREATE, by="Tom", department=training, title=" Knots ", kind="ASSIGNMENT")
    denied = await ask.code(CREATE, by="Tim", department=training, title="Knots", kind="LESSON")
    hidden = await ask.one(
        CREATE, by="Tom", department=ask.id("Department", "Legal"), title="Acts", kind="LESSON"
    )

    assert (made["module"]["title"], made["module"]["kind"]) == ("Knots", "ASSIGNMENT")
    assert made["module"]["department"] == {"name": "Training"}
    assert denied == "PERMISSION_DENIED"
    assert hidden["refusal"]["code"] == "NOT_FOUND"


async def test_c12_modules_are_added_removed_and_ordered(office: World, ask: Ask) -> None:
    await office.grant("Tom", Principal.COURSE_EDIT, course="Safety")
    safety = ask.id("Course", "Safety")
    ladders, ropes = ask.id("Module", "Ladders"), ask.id("Module", "Ropes")

    found = await ask.one(COURSE, by="Tom", id=safety, search="rop")
    added = await ask.one(
        ARRANGE, by="Tom", course=safety, add=[ropes, ladders], order=[ropes, ladders]
    )
    removed = await ask.one(ARRANGE, by="Tom", course=safety, remove=[ladders])

    assert titles(found["addableModules"]) == ["Ropes"]
    assert [each["title"] for each in added["added"]] == ["Ropes"]
    assert titles(added["course"]["modules"]) == ["Ropes", "Ladders"]
    assert [each["title"] for each in removed["removed"]] == ["Ladders"]
    assert titles(removed["course"]["modules"]) == ["Ropes"]


async def test_modules_of_another_department_are_named_as_the_caller_named_them(
    office: World, ask: Ask
) -> None:
    statutes = ask.id("Module", "Statutes")

    seen = await ask.one(ARRANGE, by="Mona", course=ask.id("Course", "Safety"), add=[statutes])
    hidden = await ask.one(ARRANGE, by="Dora", course=ask.id("Course", "Safety"), add=[statutes])

    assert seen["refusal"]["code"] == "NOT_IN_DEPARTMENT"
    assert seen["refusal"]["details"] == {
        "moduleIds": [statutes],
        "departmentIds": [ask.id("Department", "Training")],
    }
    assert hidden["refusal"]["code"] == "NOT_FOUND"
    assert hidden["refusal"]["details"] == {"moduleIds": [statutes]}


async def test_c2_what_can_be_added_is_shown_to_those_who_may_add_it(
    office: World, ask: Ask
) -> None:
    await office.grant("Tom", Principal.COURSE_TEACH, course="Safety")

    answer = await ask.whole(COURSE, by="Tom", id=ask.id("Course", "Safety"))

    assert titles(answer["data"]["course"]["modules"]) == ["Ladders"]
    assert answer["data"]["course"]["addableModules"] is None
    assert answer["errors"][0]["extensions"]["requiredAnyOf"] == [["ADD_REMOVE_MODULES"]]


async def test_c14_module_edit_is_given_shown_and_taken(office: World, ask: Ask) -> None:
    ladders = ask.id("Module", "Ladders")
    who = [ask.id("Member", name) for name in ("Lea", "Pia")]

    given = await ask.one(GRANT, by="Dora", module=ladders, people=who)
    alone = await ask.one(MODULES, by="Lea")
    taken = await ask.one(REVOKE, by="Dora", module=ladders, people=who[:1])
    nothing = await ask.one(MODULES, by="Lea")

    assert {each["member"]["displayName"] for each in given["given"]} == {"Lea", "Pia"}
    assert {(each["principal"], each["scope"], each["on"]) for each in given["given"]} == {
        ("MODULE_EDIT", "MODULE", ladders)
    }
    editors = {
        each["member"]["displayName"]: each["pendingUntil"] is not None
        for each in given["module"]["editors"]["nodes"]
    }
    assert editors == {"Lea": False, "Pia": True}
    assert (titles(alone), alone["totalCount"]) == (["Ladders"], 1)
    assert [each["member"]["displayName"] for each in taken["taken"]] == ["Lea"]
    assert (titles(nothing), nothing["totalCount"]) == ([], 0)


async def test_c2_who_edits_a_module_is_told_to_those_who_give_that_right(
    office: World, ask: Ask
) -> None:
    await office.grant("Lea", Principal.MODULE_EDIT, module="Ladders")

    answer = await ask.whole(MODULE, by="Lea", id=ask.id("Module", "Ladders"))

    assert answer["data"]["module"]["title"] == "Ladders"
    assert answer["data"]["module"]["editors"] is None
    assert answer["errors"][0]["extensions"]["requiredAnyOf"] == [["GRANT_MODULE_PERMISSION"]]
    code = await ask.code(
        GRANT, by="Lea", module=ask.id("Module", "Ladders"), people=[ask.id("Member", "Tom")]
    )
    assert code == "PERMISSION_DENIED"


async def test_modules_are_found_by_title_kind_and_department(office: World, ask: Ask) -> None:
    everything = await ask.one(MODULES, by="Mona")
    searched = await ask.one(MODULES, by="Mona", search="STAT")
    quizzes = await ask.one(MODULES, by="Mona", kind=["QUIZ"])
    legal = await ask.one(MODULES, by="Mona", department=ask.id("Department", "Legal"))
    mine = await ask.one(MODULES, by="Dora")

    assert titles(everything) == ["Ladders", "Ropes", "Statutes"]
    assert titles(searched) == titles(legal) == ["Statutes"]
    assert titles(quizzes) == ["Ropes"]
    assert (titles(mine), mine["totalCount"]) == (["Ladders", "Ropes"], 2)


@pytest.mark.parametrize("by", ["Lea", "Lars"])
async def test_c2_hidden_modules_are_missing_on_every_path(
    office: World, ask: Ask, by: str
) -> None:
    for id in (ask.id("Module", "Ropes"), encode("Module", 2_000_000_000)):
        answer = await ask.whole(MODULE, by=by, id=id)
        assert answer["data"] == {"module": None, "node": None}
        assert answer["errors"][0]["message"] == "There is no such module."
        done = await ask.one(GRANT, by=by, module=id, people=[ask.id("Member", "Tom")])
        assert done["refusal"]["message"] == "There is no such module."


async def test_c2_a_department_and_a_module_show_what_of_theirs_one_may_see(
    office: World, ask: Ask
) -> None:
    await office.grant("Tom", Principal.COURSE_EDIT, course="Hygiene")
    training = ask.id("Department", "Training")

    all_ = await ask.one(DEPARTMENT, by="Dora", id=training)
    some = await ask.one(DEPARTMENT, by="Tom", id=training)
    module = await ask(MODULE, by="Dora", id=ask.id("Module", "Ladders"))

    assert titles(all_["courses"]) == ["Hygiene", "Safety"]
    assert titles(all_["modules"]) == ["Ladders", "Ropes"]
    assert (titles(some["courses"]), some["courses"]["totalCount"]) == (["Hygiene"], 1)
    assert (titles(some["modules"]), some["modules"]["totalCount"]) == ([], 0)
    assert titles(module["module"]["courses"]) == ["Safety"]


async def test_modules_courses_and_departments_cost_the_same_statements_for_1_and_for_50(
    office: World, ask: Ask, statements: list[str]
) -> None:
    at = {"workspace_id": office.workspace_id, "department_id": office.departments["Training"]}
    async with office.edge.transaction() as db:
        module_ids = list(
            await db.scalars(
                insert(Module).returning(Module.id),
                [at | {"title": f"M{n:02}", "kind": ModuleKind.LESSON} for n in range(50)],
            )
        )
        course_ids = list(
            await db.scalars(
                insert(Course).returning(Course.id),
                [
                    at
                    | {
                        "title": f"C{n:02}",
                        "kind": CourseKind.SELF_PACED,
                        "state": CourseState.ACTIVE,
                    }
                    for n in range(50)
                ],
            )
        )
        places = {"workspace_id": office.workspace_id}
        await db.execute(
            insert(CourseModule),
            [
                places | {"course_id": course, "module_id": module, "place": place}
                for course in course_ids
                for place, module in enumerate(module_ids[:5], start=1)
            ],
        )
    documents = (
        """query ($first: Int, $below: Int) { modules(first: $first) { totalCount nodes {
          title department { name } courses(first: $below) { totalCount nodes { title } }
          editors(first: $below) { totalCount nodes { member { displayName } } } } } }""",
        """query ($first: Int, $below: Int) { courses(first: $first) { totalCount nodes {
          title modules(first: $below) { totalCount nodes { title kind department { name } } }
          addableModules(first: $below) { totalCount nodes { title } } } } }""",
        """query ($first: Int, $below: Int) { departments(first: $first) { totalCount nodes {
          name courses(first: $below) { totalCount nodes { title } }
          modules(first: $below) { totalCount nodes { title } } } } }""",
    )

    for document in documents:
        counts = []
        for first, below in ((1, 1), (50, 5), (2, 50)):
            statements.clear()
            await ask(document, by="Mona", first=first, below=below)
            counts.append(len(statements))
        assert len(set(counts)) == 1, (document, counts)
