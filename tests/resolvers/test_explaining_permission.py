"""`explainPermission` says why somebody may do a thing or not, `allowedActions` what one may."""

from dataclasses import replace
from typing import Any

import pytest

from access.permissions import Permission, Principal
from models.people import MemberState
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

WHY = """query ($operation: Permission!, $on: ID, $member: ID) {
  explainPermission(operation: $operation, on: $on, memberId: $member) {
    isAllowed summary operation on onName sourcePrincipal condition roleCount
    member { displayName }
    roles { principal scope on onName how since byName segment isHere pendingUntil }
    ways { principal condition isConditionMet isHeld obstacles } } }"""


@pytest.fixture
@furnished
async def school(world: World, ask: Ask) -> World:
    """Mo manages everything, Dee Training; Ines instructs Safety, Cy coordinates it through a
    segment, Kit is kept in, Lea learns, Eve may edit one module, Pia has no account yet."""
    for name in ("Mo", "Dee", "Ines", "Kit", "Lea", "Eve", "Dan"):
        await world.member(name, department="Ops")
    await world.member("Cy", department="Sales")
    await world.member("Pia", state=MemberState.PENDING)
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety", instructors=["Ines"], segments_attached=["Sellers"])
    await world.course("Law", department="Legal")
    await world.module("Ladders", courses=["Safety"])
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Dee", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Eve", Principal.MODULE_EDIT, module="Ladders")
    await world.grant("Pia", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.set_state("Dan", MemberState.DEACTIVATED)
    await world.enrol("Safety", "Lea")
    ask.settle()
    return world


async def why(
    ask: Ask, by: str, operation: str, on: tuple[str, str], member: str | None = None
) -> dict[str, Any]:
    whose = {} if member is None else {"member": ask.id("Member", member)}
    answer: dict[str, Any] = await ask.one(WHY, by=by, operation=operation, on=ask.id(*on), **whose)
    return answer


def obstacles(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {each["principal"]: each["obstacles"] for each in answer["ways"]}


async def test_a_role_that_gives_it_is_named_with_its_origin_and_all_others_with_what_they_lack(
    school: World, ask: Ask
) -> None:
    answer = await why(ask, "Cy", "MARK_COMPLETE", ("Course", "Safety"))

    assert answer["isAllowed"] is True
    assert answer["summary"] == (
        "Cy may do MARK_COMPLETE on “Safety”: coordinator_derived of “Safety”, through the"
        " segment “Sellers”."
    )
    [role] = answer["roles"]
    assert (role["principal"], role["how"], role["segment"], role["on"]) == (
        "COORDINATOR_DERIVED",
        "SEGMENT",
        "Sellers",
        ask.id("Course", "Safety"),
    )
    assert answer["member"] == {"displayName": "Cy"}
    assert obstacles(answer) == {
        "WORKSPACE_MANAGER": ["NOT_HELD"],
        "DEPARTMENT_MANAGER": ["NOT_HELD"],
        "INSTRUCTOR": ["NOT_HELD"],
        "COORDINATOR_DIRECT": ["NOT_HELD"],
        "COORDINATOR_DERIVED": [],
    }


@pytest.mark.parametrize(
    ("who", "principal", "how"),
    [
        ("Mo", "WORKSPACE_MANAGER", "GRANT"),
        ("Dee", "DEPARTMENT_MANAGER", "GRANT"),
        ("Ines", "INSTRUCTOR", "BY_HAND"),
        ("Lea", "LEARNER", "ENROLMENT"),
        ("Eve", "MODULE_EDIT", "GRANT"),
    ],
)
async def test_everybody_may_ask_about_oneself(
    school: World, ask: Ask, who: str, principal: str, how: str
) -> None:
    answer = await why(ask, who, "VIEW_COURSE_INFO", ("Course", "Safety"))

    assert answer["isAllowed"] is True
    assert (answer["sourcePrincipal"], answer["roles"][0]["how"]) == (principal, how)


async def test_what_stands_in_the_way_is_said_the_promise_the_account_and_the_condition(
    school: World, ask: Ask
) -> None:
    pending = await why(ask, "Mo", "EDIT_COURSE_INFO", ("Course", "Safety"), "Pia")
    gone = await why(ask, "Mo", "EDIT_COURSE_INFO", ("Course", "Safety"), "Dan")
    learner = await why(ask, "Mo", "RETAKE_AFTER_COMPLETION", ("Course", "Safety"), "Lea")
    nobody = await why(ask, "Mo", "EDIT_COURSE_INFO", ("Course", "Law"), "Lea")

    assert [each["isAllowed"] for each in (pending, gone, learner, nobody)] == [False] * 4
    assert obstacles(pending)["DEPARTMENT_MANAGER"] == ["GRANT_PENDING", "ACCOUNT_PENDING"]
    assert pending["roles"][0]["pendingUntil"] is not None
    assert pending["summary"].endswith("there is no account yet; what was given waits for it.")
    assert obstacles(gone)["DEPARTMENT_MANAGER"] == ["ACCOUNT_DEACTIVATED"]
    assert gone["summary"].endswith("the account is deactivated.")
    assert obstacles(learner)["LEARNER"] == ["CONDITION_NOT_MET"]
    assert learner["condition"] == "RETAKE_POLICY"
    assert nobody["roles"] == []
    assert nobody["summary"].startswith("Lea may not do EDIT_COURSE_INFO on “Law”: it needs one")


async def test_about_others_only_those_may_ask_who_may_give_rights_there(
    school: World, ask: Ask
) -> None:
    about_cy = {
        "operation": "MARK_COMPLETE",
        "on": ask.id("Course", "Safety"),
        "member": ask.id("Member", "Cy"),
    }
    for by in ("Mo", "Dee"):
        assert (await ask.one(WHY, by=by, **about_cy))["isAllowed"] is True
    for by in ("Ines", "Lea", "Eve"):
        [error] = await ask.errors(WHY, by=by, **about_cy)
        assert error["extensions"]["code"] == "PERMISSION_DENIED"
        assert error["extensions"]["requiredAnyOf"] == [["GRANT_COURSE_PERMISSION"]]
        assert error["extensions"]["coordinate"] == "Query.explainPermission"
    whole = about_cy | {"operation": "VIEW_BILLING", "on": None}
    assert await ask.code(WHY, by="Dee", **whole) == "PERMISSION_DENIED"
    assert (await ask.one(WHY, by="Mo", **whole))["isAllowed"] is False


async def test_hidden_missing_and_foreign_things_and_people_are_answered_alike(
    school: World, ask: Ask
) -> None:
    operation = {"operation": "VIEW_COURSE_INFO"}
    things = [ask.id("Course", "Law"), encode("Course", 999), encode("Starship", 1), "no id"]
    answers = [await ask.errors(WHY, by="Dee", on=each, **operation) for each in things]
    people = [encode("Member", 999), encode("Member", 10**17)]
    answers += [
        await ask.errors(WHY, by="Dee", on=ask.id("Course", "Safety"), member=each, **operation)
        for each in people
    ]

    assert {error["extensions"]["code"] for [error] in answers} == {"NOT_FOUND"}
    assert {error["message"] for [error] in answers[:4]} == {"There is no such thing."}


async def test_a_question_of_something_smaller_is_refused_with_what_to_ask_it_of(
    school: World, ask: Ask
) -> None:
    on = ask.id("Department", "Training")
    [error] = await ask.errors(WHY, by="Mo", operation="EDIT_COURSE_INFO", on=on)

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "EDIT_COURSE_INFO is asked of a course, not of a department."


async def test_a_scoped_token_stands_in_the_way_of_its_person_alone(
    school: World, ask: Ask
) -> None:
    limits = frozenset(
        {
            Permission.VIEW_COURSE_INFO,
            Permission.GRANT_COURSE_PERMISSION,
            Permission.SEARCH_MEMBERS_PICKER,
        }
    )
    limited = replace(school.caller("Mo"), limited_to=limits)
    on = ask.id("Course", "Safety")

    mine = await ask.one(WHY, by=limited, operation="MARK_COMPLETE", on=on)
    other = await ask.one(
        WHY, by=limited, operation="MARK_COMPLETE", on=on, member=ask.id("Member", "Cy")
    )

    assert mine["isAllowed"] is False
    assert obstacles(mine)["WORKSPACE_MANAGER"] == ["OUTSIDE_SCOPES"]
    assert mine["summary"].endswith("the token used is limited to other permissions.")
    assert other["isAllowed"] is True
    assert other["roles"][0]["segment"] is None, "why somebody coordinates is outside the token"
    assert "Sellers" not in other["summary"]


async def test_asked_of_a_person_it_is_about_that_person(school: World, ask: Ask) -> None:
    mine = await why(ask, "Lea", "LIST_COURSES_I_MANAGE", ("Member", "Lea"))
    managers = await why(ask, "Mo", "DEACTIVATE_MEMBER", ("Member", "Lea"))

    assert (mine["isAllowed"], mine["condition"]) == (True, "SELF_ONLY")
    assert managers["isAllowed"] is True


@pytest.mark.parametrize("more", [0, 30])
async def test_explaining_costs_the_same_however_many_roles_somebody_has(
    school: World, ask: Ask, statements: list[str], more: int
) -> None:
    for n in range(more):
        await school.course(f"Course {n}", coordinators_by_hand=["Kit"])
    statements.clear()

    answer = await ask.one(
        WHY, by="Mo", operation="SEARCH_MEMBERS_PICKER", member=ask.id("Member", "Kit")
    )

    assert answer["roleCount"] == more
    assert len(statements) == 7


ACTIONS = """{ courses { nodes { title allowedActions { operation isAllowed reason
    sourcePrincipal sourceName } department { allowedActions { operation isAllowed } } } }
  modules { nodes { title allowedActions { operation isAllowed sourceName } } }
  viewer { workspace { allowedActions { operation isAllowed } }
    member { allowedActions { operation isAllowed } } } }"""


def allowed(thing: dict[str, Any]) -> set[str]:
    return {each["operation"] for each in thing["allowedActions"] if each["isAllowed"]}


async def test_every_thing_says_what_one_may_do_to_it(school: World, ask: Ask) -> None:
    answers = {name: await ask(ACTIONS, by=name) for name in ("Mo", "Ines", "Lea", "Eve")}

    instructor = answers["Ines"]["courses"]["nodes"][0]
    assert "ASSIGN_INSTRUCTOR" in allowed(instructor)
    assert "ATTACH_SEGMENT" not in allowed(instructor)
    assert {each["sourceName"] for each in instructor["allowedActions"]} == {"Safety", None}
    assert allowed(instructor["department"]) == {"CREATE_MODULE"}
    assert allowed(answers["Lea"]["courses"]["nodes"][0]) == {
        "VIEW_COURSE_INFO",
        "VIEW_COORDINATOR_NAMES",
        "TAKE_COURSE_TRACKED",
        "LIST_LEARNERS",
        "VIEW_ANSWERS",
        "SELF_REGISTER_SESSION",
        "SUBSCRIBE_COURSE_UPDATES",
        "EXPLAIN_MEMBERSHIP",
    }
    [ladders] = answers["Eve"]["modules"]["nodes"]
    assert allowed(ladders) == {
        "EDIT_MODULE_CONTENT",
        "PUBLISH_REVERT_MODULE",
        "PREVIEW_UNTRACKED",
    }
    assert {each["sourceName"] for each in ladders["allowedActions"]} == {"Ladders", None}
    assert "DEACTIVATE_MEMBER" in allowed(answers["Mo"]["viewer"]["member"])
    assert allowed(answers["Lea"]["viewer"]["member"]) == set()
    assert allowed(answers["Lea"]["viewer"]["workspace"]) == {
        "LIST_COURSES_I_MANAGE",
        "VERIFY_CERTIFICATE_BY_CODE",
    }


async def test_the_actions_of_a_thing_are_those_viewer_can_answers(school: World, ask: Ask) -> None:
    can = """query ($of: [Permission!]!, $on: [ID!]!) {
      viewer { can(operations: $of, on: $on) { operation isAllowed reason condition
        sourcePrincipal sourceScope sourceOn sourceName } } }"""
    same = """query ($id: ID!) { node(id: $id) { ... on Course { allowedActions {
      operation isAllowed reason condition sourcePrincipal sourceScope sourceOn sourceName
    } } } }"""
    for name in ("Mo", "Dee", "Ines", "Cy", "Lea", "Eve"):
        on = ask.id("Course", "Safety")
        actions = (await ask.one(same, by=name, id=on))["allowedActions"]
        of = [each["operation"] for each in actions]
        answer = await ask.one(can, by=name, of=of, on=[on])
        assert answer["can"] == actions


@pytest.mark.parametrize("courses", [1, 12])
async def test_the_actions_of_a_page_cost_the_same_however_long_it_is(
    world: World, ask: Ask, statements: list[str], courses: int
) -> None:
    await world.member("Mo")
    await world.member("Ines")
    for n in range(courses):
        await world.course(f"Course {n}", department=f"Department {n}", instructors=["Ines"])
        await world.module(f"Module {n}", department=f"Department {n}", courses=[f"Course {n}"])
    statements.clear()

    answer = await ask(ACTIONS, by="Ines")

    assert len(answer["courses"]["nodes"]) == len(answer["modules"]["nodes"]) == courses
    assert len(statements) == 8


async def test_departments_are_narrowed_to_those_where_one_may_do_something(
    school: World, ask: Ask
) -> None:
    narrowed = """query ($may: Permission!) { departments(allowing: $may) {
      totalCount nodes { name } } }"""

    found = {}
    for name in ("Mo", "Dee", "Ines", "Lea"):
        for may in ("CREATE_COURSE", "CREATE_MODULE"):
            page = await ask.one(narrowed, by=name, may=may)
            found[name, may] = [each["name"] for each in page["nodes"]]
            assert page["totalCount"] == len(page["nodes"])
    [error] = await ask.errors(narrowed, by="Dee", may="EDIT_COURSE_INFO")

    assert found == {
        ("Mo", "CREATE_COURSE"): ["Legal", "Training"],
        ("Mo", "CREATE_MODULE"): ["Legal", "Training"],
        ("Dee", "CREATE_COURSE"): ["Training"],
        ("Dee", "CREATE_MODULE"): ["Training"],
        ("Ines", "CREATE_COURSE"): [],
        ("Ines", "CREATE_MODULE"): ["Training"],
        ("Lea", "CREATE_COURSE"): [],
        ("Lea", "CREATE_MODULE"): [],
    }
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "EDIT_COURSE_INFO is asked of a course, not of a department."
