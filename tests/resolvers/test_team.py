"""The team screen: teams and rights, read and changed through the contract (C11, C15, C23)."""

from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.people import MemberState
from operations import pending
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.giving import IN_30_DAYS, join, open_office
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

REFUSAL = """refusal { __typename code message path
  ... on NotOnDepartmentTeam { members { displayName } }
  ... on LimitReached { limit count }
  ... on PlainRefusal { details } }"""
RIGHTS = """
  given { member { displayName } principal scope on }
  already { member { displayName } principal scope on }
  taken { member { displayName } principal scope on }"""
PLACES = """joined { member { displayName } department { name } }
  left { member { displayName } department { name } }"""
MANAGE = f"""mutation ($departments: [ID!]!, $people: [ID!]!, $give: [DepartmentPermission!],
    $take: [DepartmentPermission!], $without: [DepartmentPermission!], $implied: Boolean = false,
    $key: String) {{
  manageDepartmentTeam(departmentIds: $departments, memberIds: $people, give: $give, take: $take,
      withoutImplied: $without, revokeImplied: $implied, idempotencyKey: $key) {{
    cursor departments {{ name }} {RIGHTS} {PLACES} {REFUSAL} }} }}"""
ADD = f"""mutation ($department: ID!, $people: [ID!]!) {{
  addToDepartmentTeam(departmentId: $department, memberIds: $people) {{
    departments {{ name }} {RIGHTS} {PLACES} {REFUSAL} }} }}"""
REMOVE = ADD.replace("addToDepartmentTeam", "removeFromDepartmentTeam")
GRANT_COURSE = f"""mutation ($course: ID!, $people: [ID!]!, $what: [CoursePermission!]!) {{
  grantCoursePermission(courseId: $course, memberIds: $people, permissions: $what) {{
    course {{ title team {{ nodes {{ member {{ displayName }} permissions }} }} }}
    {RIGHTS} {REFUSAL} }} }}"""
REVOKE_COURSE = GRANT_COURSE.replace("grantCoursePermission", "revokeCoursePermission")
WORKSPACE = f"""mutation ($people: [ID!]!) {{ VERB(memberIds: $people) {{
  workspace {{ name managers {{ totalCount }} }} {RIGHTS} {REFUSAL} }} }}"""
TEAM = """query ($id: ID!, $first: Int, $after: String, $search: String) { node(id: $id) {
  ... on Department { name
    team(first: $first, after: $after, search: $search) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes { since pendingUntil permissions member { displayName email state }
        coursePermissions { permissions course { title } } } } } } }"""
COURSE_TEAM = """query ($id: ID!, $search: String) { course(id: $id) { team(search: $search) {
  totalCount nodes { permissions since pendingUntil member { displayName } } } } }"""
HOLDERS = """{ viewer { workspace {
  managers { totalCount nodes { member { displayName } since pendingUntil } }
  financeManagers { totalCount nodes { member { displayName } since pendingUntil } }
  inviters { totalCount nodes { member { displayName } since pendingUntil } } } } }"""


@pytest.fixture
@furnished
async def office(world: World) -> World:
    await open_office(world)
    return world


def people(ask: Ask, *names: str) -> list[str]:
    return [ask.id("Member", name) for name in names]


def departments(ask: Ask, *names: str) -> list[str]:
    return [ask.id("Department", name) for name in names]


def told(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["member"]["displayName"], row["principal"]) for row in rows}


def names(page: dict[str, Any]) -> list[str]:
    return [row["member"]["displayName"] for row in page["nodes"]]


async def team(ask: Ask, by: str, department: str = "Training", **page: Any) -> dict[str, Any]:
    node = await ask.one(TEAM, by=by, id=ask.id("Department", department), **page)
    found: dict[str, Any] = node["team"]
    return found


async def test_c15_rights_on_several_departments_are_given_and_told_person_by_person(
    office: World, ask: Ask
) -> None:
    done = await ask.one(
        MANAGE,
        by="Mona",
        departments=departments(ask, "Training", "Legal"),
        people=people(ask, "Tom", "Lea"),
        give=["MANAGE"],
        without=["CREATE"],
    )

    assert done["refusal"] is None
    assert [each["name"] for each in done["departments"]] == ["Training", "Legal"]
    assert told(done["given"]) == {
        (name, principal)
        for name in ("Tom", "Lea")
        for principal in ("DEPARTMENT_MANAGER", "DEPT_ENROLL")
    }
    assert {each["on"] for each in done["given"]} == {*departments(ask, "Training", "Legal")}
    assert {
        (each["member"]["displayName"], each["department"]["name"]) for each in done["joined"]
    } == {("Lea", "Training"), ("Tom", "Legal"), ("Lea", "Legal")}


async def test_c23_the_team_screen_shows_everybody_with_what_they_may_and_changes_it(
    office: World, ask: Ask
) -> None:
    await ask(
        GRANT_COURSE,
        by="Dora",
        course=ask.id("Course", "Safety"),
        people=people(ask, "Tim"),
        what=["TEACH", "EDIT"],
    )
    changed = await ask.one(
        MANAGE,
        by="Dora",
        departments=departments(ask, "Training"),
        people=people(ask, "Tom", "Pia"),
        give=["TEACH", "CREATE"],
    )

    page = await team(ask, "Dora")

    assert changed["refusal"] is None
    assert page["totalCount"] == 4
    shown = {
        row["member"]["displayName"]: (
            row["permissions"],
            [(each["course"]["title"], each["permissions"]) for each in row["coursePermissions"]],
            row["pendingUntil"] is not None,
        )
        for row in page["nodes"]
    }
    assert shown == {
        "Dora": (["MANAGE"], [], False),
        "Pia": (["CREATE", "TEACH"], [], True),
        "Tim": ([], [("Safety", ["EDIT", "TEACH"])], False),
        "Tom": (["CREATE", "TEACH"], [], False),
    }


async def test_a_team_is_paged_by_name_and_searched(office: World, ask: Ask) -> None:
    first = await team(ask, "Dora", first=2)
    rest = await team(ask, "Dora", first=2, after=first["pageInfo"]["endCursor"])
    found = await team(ask, "Dora", search="IM")
    nobody = await team(ask, "Dora", search="%")

    assert (names(first), first["pageInfo"]["hasNextPage"]) == (["Dora", "Tim"], True)
    assert (names(rest), rest["pageInfo"]["hasNextPage"]) == (["Tom"], False)
    assert first["totalCount"] == 3
    assert (names(found), found["totalCount"]) == (["Tim"], 1)
    assert (names(nobody), nobody["totalCount"]) == ([], 0)


async def test_c2_a_team_is_read_by_those_who_manage_it_alone(office: World, ask: Ask) -> None:
    await ask(
        MANAGE,
        by="Mona",
        departments=departments(ask, "Training"),
        people=people(ask, "Tom"),
        give=["CREATE", "ENROLL", "TEACH"],
    )
    training = ask.id("Department", "Training")

    for name in ("Tom", "Tim"):
        answer = await ask.whole(TEAM, by=name, id=training)
        assert answer["data"]["node"] == {"name": "Training", "team": None}
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "PERMISSION_DENIED"
        assert error["extensions"]["requiredAnyOf"] == [["MANAGE_DEPARTMENT_TEAM"]]
        assert error["path"] == ["node", "team"]
    assert await ask.one(TEAM, by="Lars", id=training) is None
    assert names(await team(ask, "Mona")) == ["Dora", "Tim", "Tom"]


async def test_c11_strangers_are_named_by_a_refusal_of_its_own(office: World, ask: Ask) -> None:
    done = await ask.one(
        GRANT_COURSE,
        by="Dora",
        course=ask.id("Course", "Safety"),
        people=people(ask, "Lea", "Tom", "Mona"),
        what=["EDIT"],
    )

    assert done["refusal"]["__typename"] == "NotOnDepartmentTeam"
    assert done["refusal"]["code"] == "NOT_ON_DEPARTMENT_TEAM"
    assert {each["displayName"] for each in done["refusal"]["members"]} == {"Lea", "Mona"}
    assert (done["course"], done["given"]) == (None, [])


async def test_c11_the_answer_to_leaving_lists_what_went_by_person(office: World, ask: Ask) -> None:
    safety = ask.id("Course", "Safety")
    await ask(GRANT_COURSE, by="Dora", course=safety, people=people(ask, "Tim"), what=["ENROLL"])

    done = await ask.one(
        REMOVE,
        by="Dora",
        department=ask.id("Department", "Training"),
        people=people(ask, "Tim", "Tom"),
    )

    assert told(done["taken"]) == {("Tim", "COURSE_ENROLL")}
    assert [(each["scope"], each["on"]) for each in done["taken"]] == [("COURSE", safety)]
    assert {each["member"]["displayName"] for each in done["left"]} == {"Tim", "Tom"}
    assert names(await team(ask, "Dora")) == ["Dora"]


async def test_people_join_a_team_without_any_right(office: World, ask: Ask) -> None:
    done = await ask.one(
        ADD,
        by="Dora",
        department=ask.id("Department", "Training"),
        people=people(ask, "Lea", "Lea", "Tom"),
    )

    assert done["given"] == []
    assert [each["member"]["displayName"] for each in done["joined"]] == ["Lea"]


async def test_rights_on_a_course_are_given_listed_and_taken(office: World, ask: Ask) -> None:
    safety, who = ask.id("Course", "Safety"), people(ask, "Tom", "Tim")

    given = await ask.one(
        GRANT_COURSE, by="Dora", course=safety, people=who, what=["TEACH", "EDIT", "TEACH"]
    )
    again = await ask.one(GRANT_COURSE, by="Dora", course=safety, people=who, what=["EDIT"])
    listed = await ask.one(COURSE_TEAM, by="Dora", id=safety, search="to")
    taken = await ask.one(
        REVOKE_COURSE, by="Dora", course=safety, people=who[:1], what=["EDIT", "ENROLL"]
    )

    assert len(given["given"]) == 4
    assert names(given["course"]["team"]) == ["Tim", "Tom"]
    assert (again["given"], told(again["already"])) == (
        [],
        {("Tom", "COURSE_EDIT"), ("Tim", "COURSE_EDIT")},
    )
    assert listed["team"]["totalCount"] == 1
    assert listed["team"]["nodes"][0]["permissions"] == ["EDIT", "TEACH"]
    assert told(taken["taken"]) == {("Tom", "COURSE_EDIT")}


async def test_c2_the_team_of_a_course_is_read_by_those_who_give_rights_on_it(
    office: World, ask: Ask
) -> None:
    safety = ask.id("Course", "Safety")
    await ask(GRANT_COURSE, by="Dora", course=safety, people=people(ask, "Tom"), what=["EDIT"])

    answer = await ask.whole(COURSE_TEAM, by="Tom", id=safety)

    assert answer["data"]["course"] == {"team": None}
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("grant", "revoke", "principal"),
    [
        ("grantWorkspaceManager", "revokeWorkspaceManager", "WORKSPACE_MANAGER"),
        ("grantFinanceManager", "revokeFinanceManager", "FINANCE_MANAGER"),
        ("grantInvitePermission", "revokeInvitePermission", "INVITE"),
    ],
)
async def test_c4_rights_on_the_workspace_are_given_to_several_and_taken(
    office: World, ask: Ask, grant: str, revoke: str, principal: str
) -> None:
    who = people(ask, "Tom", "Lea", "Pia")

    given = await ask.one(WORKSPACE.replace("VERB", grant), by="Mona", people=who)
    shown = (await ask.one(HOLDERS, by="Mona"))["workspace"]
    taken = await ask.one(WORKSPACE.replace("VERB", revoke), by="Mona", people=who)
    denied = await ask.code(WORKSPACE.replace("VERB", grant), by="Dora", people=who)

    assert (
        told(given["given"])
        == told(taken["taken"])
        == {(name, principal) for name in ("Tom", "Lea", "Pia")}
    )
    assert given["workspace"]["name"] == "Acme"
    [listed] = [each for each in shown.values() if "Tom" in names(each)]
    waiting = {row["member"]["displayName"] for row in listed["nodes"] if row["pendingUntil"]}
    assert waiting == {"Pia"}
    assert denied == "PERMISSION_DENIED"


async def test_c3_the_last_workspace_manager_stays_one(office: World, ask: Ask) -> None:
    done = await ask.one(
        WORKSPACE.replace("VERB", "revokeWorkspaceManager"), by="Mona", people=people(ask, "Mona")
    )

    assert (done["refusal"]["code"], done["taken"]) == ("CONFLICT", [])
    assert done["refusal"]["details"]["memberIds"] == people(ask, "Mona")


async def test_c2_who_manages_is_told_to_workspace_managers_alone(office: World, ask: Ask) -> None:
    await office.grant("Tom", Principal.FINANCE_MANAGER)

    for name in ("Tom", "Dora", "Lea"):
        answer = await ask.whole(HOLDERS, by=name)
        assert answer["data"]["viewer"]["workspace"] == {
            "managers": None,
            "financeManagers": None,
            "inviters": None,
        }
        assert len(answer["errors"]) == 3


async def test_departments_are_made_and_renamed(office: World, ask: Ask) -> None:
    made = await ask.one(
        'mutation { createDepartment(name: " Cranes ") { department { id name } } }',
        by="Mona",
    )
    rename = """mutation ($id: ID!, $name: String!) {
      renameDepartment(departmentId: $id, name: $name) {
        department { name } refusal { code } } }"""
    renamed = await ask.one(rename, by="Mona", id=made["department"]["id"], name="Hoists")
    taken = await ask.one(rename, by="Mona", id=made["department"]["id"], name="legal")

    assert made["department"]["name"] == "Cranes"
    assert renamed["department"]["name"] == "Hoists"
    assert taken == {"department": None, "refusal": {"code": "NAME_TAKEN"}}
    assert (
        await ask.code(rename, by="Dora", id=ask.id("Department", "Training"), name="Mine")
        == "PERMISSION_DENIED"
    )


async def test_a_repeated_key_tells_what_was_given_the_first_time(office: World, ask: Ask) -> None:
    asked = {
        "departments": departments(ask, "Training"),
        "people": people(ask, "Tom", "Lea"),
        "give": ["TEACH"],
        "key": "once",
    }

    first = await ask.one(MANAGE, by="Dora", **asked)
    again = await ask.one(MANAGE, by="Dora", **asked)

    assert len(first["given"]) == 2
    assert again == first


@pytest.mark.parametrize(
    ("say", "code", "path"),
    [
        ({"people": []}, "BAD_USER_INPUT", None),
        ({"departments": []}, "BAD_USER_INPUT", None),
        ({"give": []}, "BAD_USER_INPUT", None),
        ({"people": ["nonsense"]}, "BAD_USER_INPUT", ["memberIds", "0"]),
        ({"people": [encode("Course", 1)]}, "BAD_USER_INPUT", ["memberIds", "0"]),
        ({"departments": [encode("Member", 1)]}, "BAD_USER_INPUT", ["departmentIds", "0"]),
        ({"people": [encode("Member", 2_000_000_000)]}, "NOT_FOUND", None),
        ({"departments": [encode("Department", 2_000_000_000)]}, "NOT_FOUND", None),
        ({"people": [encode("Member", n) for n in range(1, 502)]}, "LIMIT_REACHED", None),
    ],
)
async def test_bad_input_is_refused_with_a_reason_and_nothing_is_done(
    office: World, ask: Ask, say: dict[str, Any], code: str, path: list[str] | None
) -> None:
    asked = {
        "departments": departments(ask, "Training"),
        "people": people(ask, "Tom"),
        "give": ["TEACH"],
    }
    before = await office.verbs()

    done = await ask.one(MANAGE, by="Mona", **asked | say)

    assert (done["refusal"]["code"], done["refusal"]["path"]) == (code, path)
    assert await office.verbs() == before


async def test_unknown_people_are_named_as_the_caller_named_them(office: World, ask: Ask) -> None:
    unknown = encode("Member", 2_000_000_000)

    done = await ask.one(
        ADD,
        by="Dora",
        department=ask.id("Department", "Training"),
        people=[*people(ask, "Lea"), unknown],
    )

    assert done["refusal"]["details"] == {"memberIds": [unknown]}


async def test_teams_of_departments_cost_the_same_statements_for_1_and_for_50_of_each(
    office: World, ask: Ask, statements: list[str]
) -> None:
    who = [f"P{n:02}" for n in range(50)]
    for name in who:
        await office.member(name, state=MemberState.PENDING if name < "P25" else MemberState.ACTIVE)
    for n in range(48):
        await office.department(f"D{n:02}")
    await office.course("Cranes", department="D00")
    await join(office, *who, department="D00")
    for department in list(office.departments)[3:]:
        await join(office, *who[:2], department=department)
    await ask(
        MANAGE,
        by="Mona",
        departments=departments(ask, "D00"),
        people=people(ask, *who),
        give=["TEACH"],
    )
    await ask(
        GRANT_COURSE,
        by="Mona",
        course=ask.id("Course", "Cranes"),
        people=people(ask, *who),
        what=["EDIT", "TEACH"],
    )
    document = """query ($first: Int, $people: Int, $search: String) {
      departments(first: $first) { totalCount nodes { name
        team(first: $people, search: $search) { totalCount nodes { since pendingUntil permissions
          member { displayName email state }
          coursePermissions { permissions course { title kind } } } } } } }"""
    counts: list[int] = []
    shown: list[int] = []

    for first, some, search in ((1, 1, None), (1, 50, None), (50, 8, None), (50, 8, "P")):
        statements.clear()
        page = await ask.one(document, by="Mona", first=first, people=some, search=search)
        counts.append(len(statements))
        shown.append(sum(len(each["team"]["nodes"]) for each in page["nodes"]))

    assert shown == [1, 50, 8 + 47 * 2 + 4, 8 + 47 * 2]
    assert len(set(counts)) == 1, counts


async def test_course_teams_and_managers_cost_the_same_statements_for_1_and_for_50(
    office: World, ask: Ask, statements: list[str]
) -> None:
    who = [f"P{n:02}" for n in range(50)]
    for name in who:
        await office.member(name)
        await office.grant(name, Principal.WORKSPACE_MANAGER)
        await office.grant(name, Principal.COURSE_EDIT, course="Safety")
    course = """query ($id: ID!, $first: Int) { course(id: $id) { team(first: $first) {
      totalCount nodes { permissions member { displayName state } } } } }"""
    workspace = """query ($first: Int) { viewer { workspace { managers(first: $first) {
      totalCount nodes { since member { displayName state } } } } } }"""
    id = ask.id("Course", "Safety")

    for document, given in ((course, {"id": id}), (workspace, {})):
        counts = []
        for first in (1, 50):
            statements.clear()
            await ask(document, by="Mona", first=first, **given)
            counts.append(len(statements))
        assert counts[0] == counts[1]


async def test_what_waits_is_shown_until_it_lapses(office: World, ask: Ask) -> None:
    await office.grant("Pia", Principal.DEPT_TEACH, department="Training")
    before = await team(ask, "Dora", search="Pia")
    async with office.edge.transaction() as db:
        await pending.lapse(db, at=IN_30_DAYS, limit=10)

    after = await team(ask, "Dora", search="Pia")

    [waiting], [left] = before["nodes"], after["nodes"]
    assert waiting["pendingUntil"].startswith(IN_30_DAYS.date().isoformat())
    assert (waiting["permissions"], left["permissions"]) == (["TEACH"], [])
    assert left["pendingUntil"] is None
    assert MONDAY < IN_30_DAYS


async def test_whom_a_provider_has_deleted_is_on_no_list(office: World, ask: Ask) -> None:
    for name in ("Tom", "Tim"):
        await office.grant(name, Principal.WORKSPACE_MANAGER)
        await office.grant(name, Principal.COURSE_EDIT, course="Safety")
    async with office.edge.transaction() as db:
        await db.execute(
            text("UPDATE member SET deleted_at = now(), state = 'DEACTIVATED' WHERE id = :id"),
            {"id": office.members["Tom"]},
        )

    holders = await ask.one(HOLDERS, by="Mona")
    course = await ask.one(COURSE_TEAM, by="Mona", id=ask.id("Course", "Safety"))

    for page in (
        await team(ask, "Dora"),
        holders["workspace"]["managers"],
        course["team"],
    ):
        assert "Tim" in names(page)
        assert "Tom" not in names(page)
        assert page["totalCount"] == len(page["nodes"])
