"""The list of all members: everyone, with what they hold, narrowed, ordered, paged (C17)."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal, allows
from models.people import MemberState
from resolvers.ids import encode
from resolvers.member_search import MemberOrder
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

NAMES = """query (%s) { listAllMembers(%s) { totalCount nodes { displayName } } }"""
WHOLE = """query { listAllMembers(first: 50) { totalCount nodes {
  displayName userName email state lastSignInAt createdAt activatedAt groups
  invitation { state invitedAt lastSentAt sentCount expiresAt }
  grants { totalCount nodes { principal scope onName since pendingUntil on { __typename id }
    givenBy { displayName } } }
  courses { totalCount nodes { part since course { title } } } } } }"""
PICK = """query ($text: String) { searchMembersPicker(text: $text) { displayName state } }"""

TYPES = {
    "search": "String",
    "state": "[MemberState!]",
    "signedInBefore": "DateTime",
    "signedInSince": "DateTime",
    "neverSignedIn": "Boolean",
    "holding": "[Principal!]",
    "departmentId": "ID",
    "group": "String",
    "courseId": "ID",
    "partInCourse": "[PartInCourse!]",
    "invitation": "[InvitationState!]",
    "orderBy": "MemberOrder",
    "first": "Int",
    "after": "String",
}


NARROWED: list[tuple[dict[str, Any], list[str]]] = [
    ({"search": "LEA@MAIL"}, ["Lea"]),
    ({"search": "acme.example", "state": ["ACTIVE"], "first": 2}, ["Cora", "Ines"]),
    ({"state": ["PENDING", "DEACTIVATED"]}, ["Dan", "Pia"]),
    ({"state": []}, []),
    ({"signedInBefore": "2026-02-28T09:00:00Z"}, ["Cora"]),
    ({"signedInSince": "2026-02-28T09:00:00Z"}, ["Ines", "Lea"]),
    (
        {"signedInSince": "2026-02-28T09:00:00Z", "signedInBefore": "2026-03-01T09:00:00Z"},
        ["Lea"],
    ),
    ({"neverSignedIn": True, "state": ["ACTIVE"]}, ["Ivo", "Mona", "Tom"]),
    ({"neverSignedIn": False}, ["Cora", "Ines", "Lea"]),
    ({"holding": ["INVITE", "WORKSPACE_MANAGER"]}, ["Ivo", "Mona"]),
    ({"holding": ["COURSE_TEACH"]}, ["Tom"]),
    ({"holding": []}, []),
    ({"group": "TEAM  leads"}, []),
    ({"group": " team LEADS "}, ["Lea"]),
    ({"partInCourse": ["LEARNER", "INSTRUCTOR"]}, ["Ines", "Lea"]),
    ({"partInCourse": ["COORDINATOR"]}, ["Cora"]),
    ({"partInCourse": []}, []),
    ({"invitation": ["INVITED"]}, ["Pia"]),
    ({"invitation": ["EXPIRED", "ACCEPTED"]}, []),
    ({"invitation": []}, []),
    ({"orderBy": "LATEST_SIGN_IN", "first": 4}, ["Ines", "Lea", "Cora", "Mona"]),
    ({"orderBy": "EARLIEST_SIGN_IN", "neverSignedIn": False}, ["Cora", "Lea", "Ines"]),
    ({"orderBy": "NEWEST", "first": 2}, ["Pia", "Dan"]),
    ({"orderBy": "OLDEST", "first": 2}, ["Mona", "Ivo"]),
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"holding": ["LEARNER"]}, "BAD_USER_INPUT"),
    ({"search": "a\x00"}, "BAD_USER_INPUT"),
    ({"search": "x" * 300}, "BAD_USER_INPUT"),
    ({"group": "a\x00"}, "BAD_USER_INPUT"),
    ({"courseId": "x"}, "BAD_USER_INPUT"),
    ({"courseId": encode("Course", 999_999)}, "NOT_FOUND"),
    ({"departmentId": encode("Department", 999_999)}, "NOT_FOUND"),
    ({"first": 101}, "BAD_USER_INPUT"),
]


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    """Mona manages, Ivo may invite, Cora coordinates Safety, Ines instructs it, Lea learns it,
    Dan has left, Pia has not come yet, Tom teaches one course of Training."""
    for name in ("Mona", "Ivo", "Cora", "Ines", "Lea", "Tom"):
        await world.member(name, emails=[f"{name.lower()}@mail.example"])
    await world.member("Dan", state=MemberState.DEACTIVATED)
    await world.member("Pia", state=MemberState.PENDING)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Ivo", Principal.INVITE)
    await world.course("Safety", coordinators_by_hand=["Cora"], instructors=["Ines"])
    await world.grant("Tom", Principal.COURSE_TEACH, course="Safety")
    await world.enrol("Safety", "Lea")
    async with world.edge.transaction() as db:
        for days, name in ((1, "Ines"), (3, "Cora"), (2, "Lea")):
            await db.execute(
                text("UPDATE member SET last_sign_in_at = :at WHERE id = :id"),
                {"at": MONDAY - dt.timedelta(days=days), "id": world.members[name]},
            )
        await db.execute(
            text("""WITH made AS (
                INSERT INTO connection (workspace_id, name, kind) VALUES (:w, 'Directory', 'SCIM')
                RETURNING id), grouped AS (
                INSERT INTO directory_group (workspace_id, connection_id, display_name, folded_name)
                SELECT :w, id, 'Team Leads', 'team leads' FROM made RETURNING id)
                INSERT INTO directory_group_member SELECT id, :m, :w FROM grouped"""),
            {"w": world.workspace_id, "m": world.members["Lea"]},
        )
        await db.execute(
            text("""INSERT INTO invitation (member_id, workspace_id, invited_at, expires_at)
                    VALUES (:m, :w, :at, now() + interval '1 day')"""),
            {"m": world.members["Pia"], "w": world.workspace_id, "at": MONDAY},
        )
    ask.settle()
    return world


async def names(ask: Ask, by: str = "Mona", **said: Any) -> list[str]:
    """Whom the list shows, and that its count says the same."""
    declared = ", ".join(f"${name}: {TYPES[name]}" for name in said)
    given = ", ".join(f"{name}: ${name}" for name in said)
    document = NAMES % (declared, given) if said else NAMES.replace("(%s)", "")
    found = await ask.one(document, by=by, **said)
    shown = [each["displayName"] for each in found["nodes"]]
    assert "first" in said or found["totalCount"] == len(shown)
    return shown


async def test_c17_everybody_is_there_with_what_they_hold(company: World, ask: Ask) -> None:
    listed = await ask.one(WHOLE, by="Mona")

    found = {each["displayName"]: each for each in listed["nodes"]}
    assert listed["totalCount"] == 8
    assert list(found) == sorted(found)
    assert {found[name]["state"] for name in ("Dan", "Pia", "Lea")} == {
        "DEACTIVATED",
        "PENDING",
        "ACTIVE",
    }
    assert found["Lea"]["groups"] == ["Team Leads"]
    assert found["Lea"]["lastSignInAt"] is not None
    assert found["Lea"]["courses"]["nodes"][0]["part"] == "LEARNER"
    assert found["Ines"]["courses"]["nodes"][0]["part"] == "INSTRUCTOR"
    assert found["Cora"]["courses"]["nodes"][0]["course"] == {"title": "Safety"}
    assert found["Lea"]["invitation"]["state"] == "NOT_INVITED"
    sent = found["Pia"]["invitation"]
    assert (sent["state"], sent["sentCount"]) == ("INVITED", 1)
    assert sent["invitedAt"].startswith("2026-03-02")
    assert found["Pia"]["activatedAt"] is None
    [teaching] = found["Tom"]["grants"]["nodes"]
    assert (teaching["principal"], teaching["scope"], teaching["onName"]) == (
        "COURSE_TEACH",
        "COURSE",
        "Safety",
    )
    assert teaching["on"] == {"__typename": "Course", "id": ask.id("Course", "Safety")}
    assert found["Dan"]["grants"] == {"totalCount": 0, "nodes": []}


async def test_c21_a_learner_from_two_sources_is_one_learner_since_the_first(
    company: World, ask: Ask
) -> None:
    async with company.edge.transaction() as db:
        await db.execute(
            text("""INSERT INTO enrolment (workspace_id, course_id, member_id, source, since)
                    SELECT workspace_id, course_id, member_id, 'SELF', since + interval '1 day'
                      FROM enrolment"""),
        )
    document = """query { listAllMembers(search: "Lea") { nodes {
      courses { totalCount nodes { part } } } } }"""

    [lea] = (await ask.one(document, by="Mona"))["nodes"]

    assert lea["courses"] == {"totalCount": 1, "nodes": [{"part": "LEARNER"}]}


async def test_c17_who_may_invite_lists_everyone_and_what_courses_are_called_to_nobody(
    company: World, ask: Ask
) -> None:
    listed = await ask.one(WHOLE, by="Ivo")

    found = {each["displayName"]: each for each in listed["nodes"]}
    assert listed["totalCount"] == 8
    [teaching] = found["Tom"]["grants"]["nodes"]
    assert (teaching["principal"], teaching["onName"], teaching["on"]) == (
        "COURSE_TEACH",
        None,
        None,
    )
    assert {each["courses"]["totalCount"] for each in found.values()} == {0}


async def test_c17_people_read_what_is_known_of_themselves(company: World, ask: Ask) -> None:
    fields = (
        "lastSignInAt groups invitation { state } grants { totalCount } courses { nodes { part } }"
    )
    document = f"query ($id: ID!) {{ member(id: $id) {{ {fields} }} }}"

    oneself = await ask.one(document, by="Lea", id=ask.id("Member", "Lea"))
    another = await ask.whole(document, by="Cora", id=ask.id("Member", "Lea"))

    assert oneself["groups"] == ["Team Leads"]
    assert oneself["courses"]["nodes"] == [{"part": "LEARNER"}]
    assert set(another["data"]["member"].values()) == {None}
    assert {each["extensions"]["code"] for each in another["errors"]} == {"PERMISSION_DENIED"}


async def test_c17_the_list_is_narrowed_and_ordered_in_the_database(
    company: World, ask: Ask
) -> None:
    for said, expected in NARROWED:
        assert await names(ask, **said) == expected, said


async def test_c17_it_is_narrowed_to_a_course_and_to_a_team(company: World, ask: Ask) -> None:
    safety, training = ask.id("Course", "Safety"), ask.id("Department", "Training")

    assert await names(ask, courseId=safety) == ["Cora", "Ines", "Lea"]
    assert await names(ask, courseId=safety, partInCourse=["LEARNER"]) == ["Lea"]
    assert await names(ask, departmentId=training) == ["Tom"]


async def test_c17_pages_have_everybody_once_in_every_order(company: World, ask: Ask) -> None:
    document = """query ($after: String, $order: MemberOrder!) {
      listAllMembers(first: 3, after: $after, orderBy: $order) {
        nodes { displayName } pageInfo { hasNextPage endCursor } } }"""
    for order in MemberOrder:
        shown: list[str] = []
        page: dict[str, Any] = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
        while page["pageInfo"]["hasNextPage"] and len(shown) < 9:
            after = page["pageInfo"]["endCursor"]
            page = await ask.one(document, by="Mona", after=after, order=order.name)
            shown += [each["displayName"] for each in page["nodes"]]

        assert sorted(shown) == sorted(company.members), order


async def test_c17_a_page_cursor_of_one_order_is_none_of_another(company: World, ask: Ask) -> None:
    document = """query ($after: String) { listAllMembers(first: 1, after: $after) {
      pageInfo { endCursor } } }"""
    page = await ask.one(document, by="Mona")
    after = page["pageInfo"]["endCursor"]

    code = await ask.code(
        document.replace("first: 1", "first: 1, orderBy: NEWEST"), by="Mona", after=after
    )

    assert code == "BAD_USER_INPUT"


async def test_c17_what_the_list_cannot_be_narrowed_to_is_refused(company: World, ask: Ask) -> None:
    for said, code in REFUSED:
        declared = ", ".join(f"${name}: {TYPES[name]}" for name in said)
        given = ", ".join(f"{name}: ${name}" for name in said)

        assert await ask.code(NAMES % (declared, given), by="Mona", **said) == code, said


async def test_c17_narrowing_by_what_one_may_not_know_is_refused(company: World, ask: Ask) -> None:
    """Ivo lists everybody, and is told nothing about courses and teams by it (F3)."""
    await company.course("Welding")
    course = "query ($id: ID) { listAllMembers(courseId: $id) { totalCount } }"
    team = "query ($id: ID) { listAllMembers(departmentId: $id) { totalCount } }"
    safety, training = ask.id("Course", "Safety"), ask.id("Department", "Training")

    hidden = await ask.errors(course, by="Ivo", id=safety)
    missing = await ask.errors(course, by="Ivo", id=encode("Course", 999_999))
    hidden_team = await ask.errors(team, by="Ivo", id=training)
    missing_team = await ask.errors(team, by="Ivo", id=encode("Department", 999_999))
    by_part = await names(ask, by="Ivo", partInCourse=["LEARNER"])
    await company.enrol("Safety", "Ivo")
    learner = await ask.code(course, by="Ivo", id=safety)
    instructors = await names(ask, by="Ivo", courseId=safety, partInCourse=["INSTRUCTOR"])
    own_team = await ask.code(team, by="Ivo", id=training)

    assert hidden == missing
    assert hidden[0]["extensions"]["code"] == "NOT_FOUND"
    assert hidden_team == missing_team
    assert by_part == []
    assert learner == "PERMISSION_DENIED"
    assert instructors == ["Ines"]
    assert own_team == "PERMISSION_DENIED"


async def test_c17_others_do_not_list_and_cannot_ask_when_somebody_signed_in(
    company: World, ask: Ask
) -> None:
    for name in ("Cora", "Ines", "Lea", "Tom"):
        for document in (
            "{ listAllMembers { totalCount } }",
            "{ listAllMembers(neverSignedIn: true) { totalCount } }",
        ):
            assert await ask.code(document, by=name) == "PERMISSION_DENIED", name


async def test_m3_the_picker_shows_at_most_20_who_can_be_chosen_best_first(
    company: World, ask: Ask
) -> None:
    for n in range(30):
        await company.member(f"Alina {n:02}")
    await company.member("Linda")

    by_piece = await ask.one(PICK, by="Cora", text="LIN")
    everybody = await ask.one(PICK, by="Cora")
    by_address = await ask.one(PICK, by="Cora", text="lea@mail")
    left = await ask.one(PICK, by="Cora", text="Dan")
    waiting = await ask.one(PICK, by="Cora", text="Pia")

    assert by_piece[0]["displayName"] == "Linda"
    assert len(by_piece) == len(everybody) == 20
    assert [each["displayName"] for each in by_address] == ["Lea"]
    assert left == []
    assert waiting == [{"displayName": "Pia", "state": "PENDING"}]
    assert await ask.code(PICK, by="Mona", text="a\x00") == "BAD_USER_INPUT"


async def test_c1_whoever_the_matrix_lets_pick_or_list_does_and_nobody_else(
    company: World, ask: Ask
) -> None:
    """One person for each principal that can be given, and what the same table says."""
    places: dict[Principal, dict[str, str]] = {
        Principal.WORKSPACE_MANAGER: {},
        Principal.FINANCE_MANAGER: {},
        Principal.INVITE: {},
        **{
            each: {"department": "Training"}
            for each in Principal
            if each.value in {"department_manager", "dept_create", "dept_enroll", "dept_teach"}
        },
        **{
            each: {"course": "Safety"}
            for each in Principal
            if each.value in {"course_edit", "course_enroll", "course_teach"}
        },
    }
    holders: dict[Principal, str] = {
        Principal.INSTRUCTOR: "Ines",
        Principal.COORDINATOR_DIRECT: "Cora",
        Principal.LEARNER: "Lea",
    }
    for principal, place in places.items():
        holders[principal] = principal.value
        await company.member(principal.value)
        await company.grant(principal.value, principal, **place)
    await company.member("Derived", department="Sales")
    await company.segment("Sales", 'department eq "Sales"')
    await company.attach("Safety", "Sales")
    holders[Principal.COORDINATOR_DERIVED] = "Derived"
    ask.settle()

    for principal, name in holders.items():
        picks = allows({principal}, Permission.SEARCH_MEMBERS_PICKER)
        lists = allows({principal}, Permission.LIST_ALL_MEMBERS)
        picker = await ask.whole(PICK, by=name, text="Mona")
        whole = await ask.whole("{ listAllMembers { totalCount } }", by=name)
        visible = await ask.one("{ members(first: 100) { totalCount } }", by=name)

        assert (picker["data"]["searchMembersPicker"] is not None) is picks, name
        assert (whole["data"]["listAllMembers"] is not None) is lists, name
        assert (visible["totalCount"] > 1) is (picks or lists), name


async def test_c17_two_tenants_have_lists_of_their_own(
    company: World, ask: Ask, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    await other.member("Eve")
    await other.grant("Eve", Principal.WORKSPACE_MANAGER)
    await other.course("Secret")
    strange = encode("Course", other.courses["Secret"])
    document = "query ($id: ID) { listAllMembers(courseId: $id) { totalCount } }"

    theirs = await Ask(other).one("{ listAllMembers { nodes { displayName } } }", by="Eve")
    picked = await Ask(other).one(PICK, by="Eve", text="Lea")

    assert theirs["nodes"] == [{"displayName": "Eve"}]
    assert picked == []
    assert await names(ask, search="Eve") == []
    assert await ask.code(document, by="Mona", id=strange) == "NOT_FOUND"


@pytest.mark.parametrize("by", ["Mona", "Ivo"])
async def test_c17_the_list_with_everything_costs_the_same_for_1_and_for_50_members(
    company: World, ask: Ask, statements: list[str], by: str
) -> None:
    document = WHOLE.replace("query {", "query ($first: Int!) {").replace("50", "$first")
    for n in range(50):
        name = f"Person {n:02}"
        await company.member(name)
        await company.grant(name, Principal.COURSE_TEACH, course="Safety")
    await company.enrol("Safety", *(f"Person {n:02}" for n in range(50)))
    counts = []
    for first in (1, 50):
        statements.clear()
        answer = await ask.one(
            document.replace("listAllMembers(", 'listAllMembers(search: "Person", '),
            by=by,
            first=first,
        )
        counts.append(len(statements))
        assert len(answer["nodes"]) == first

    assert counts[0] == counts[1]
