"""Excluding and keeping (M37), and why someone is or is not coordinator (S10)."""

import datetime as dt
from typing import Any

import pytest

from access.permissions import Principal
from models.people import MemberState
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

OVERRIDE = """mutation ($course: ID!, $member: ID!, $reason: String!, $until: DateTime) {
  excludeCoordinator(courseId: $course, memberId: $member, reason: $reason, expiresAt: $until) {
    cursor member { displayName } course { coordinators { nodes { member { displayName }
      isDirect sources { kind segment { name } } } } }
    refusal { __typename code message } } }"""
KEEP = OVERRIDE.replace("excludeCoordinator", "keepCoordinator")
LIFT = """mutation ($course: ID!, $member: ID!) {
  liftOverride(courseId: $course, memberId: $member) { refusal { code } } }"""
WHY = """query ($course: ID!, $member: ID) {
  explainMembership(courseId: $course, memberId: $member) {
    standing isCoordinator summary byHand { role since } byHandCause { verb byName }
    override { kind reason expiresAt } course { title } member { displayName }
    segments { name isMember since sentences cause { verb byName origin before after }
      clauses { depth kind text isTrue attribute operator expected actual } }
    freshness { isCurrent } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    """Ines instructs Safety and is in Sales too; Cora coordinates by hand, Sam through Sales."""
    for name in ("Mona", "Cora", "Lea"):
        await world.member(name)
    for name in ("Ines", "Sam"):
        await world.member(name, department="Sales", country="SE", title="Secret of state")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales" and country eq "SE"')
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.attach("Safety", "Sales")
    ask.settle()
    return world


def about(ask: Ask, member: str, **more: Any) -> dict[str, Any]:
    return {"course": ask.id("Course", "Safety"), "member": ask.id("Member", member), **more}


def tomorrow() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()


@pytest.mark.spec("M37")
async def test_a_derived_coordinator_is_excluded_with_a_reason_and_comes_back(
    company: World, ask: Ask
) -> None:
    excluded = await ask.one(
        OVERRIDE, by="Ines", **about(ask, "Sam", reason="On leave", until=tomorrow())
    )
    meanwhile = await company.coordinators_of("Safety")
    why = await ask.one(WHY, by="Mona", **about(ask, "Sam"))
    lifted = await ask.one(LIFT, by="Ines", **about(ask, "Sam"))

    assert excluded["refusal"] is None
    assert excluded["member"] == {"displayName": "Sam"}
    assert meanwhile == {"Cora"}
    assert (why["standing"], why["isCoordinator"]) == ("EXCLUDED", False)
    assert why["override"]["reason"] == "On leave"
    assert lifted == {"refusal": None}
    assert await company.coordinators_of("Safety") == {"Cora", "Sam"}


@pytest.mark.spec("M37")
async def test_someone_is_kept_beside_the_segments_and_shown_so(company: World, ask: Ask) -> None:
    kept = await ask.one(KEEP, by="Mona", **about(ask, "Lea", reason="Knows the people"))
    why = await ask.one(WHY, by="Lea", course=ask.id("Course", "Safety"))

    [lea] = [
        each
        for each in kept["course"]["coordinators"]["nodes"]
        if each["member"]["displayName"] == "Lea"
    ]
    assert lea["sources"] == [{"kind": "KEEP", "segment": None}]
    assert not lea["isDirect"]
    assert (why["standing"], why["isCoordinator"]) == ("KEPT", True)


@pytest.mark.parametrize(
    ("by", "given", "code"),
    [
        ("Ines", {"reason": " "}, "BAD_USER_INPUT"),
        ("Ines", {"reason": "x" * 1_001}, "BAD_USER_INPUT"),
        ("Ines", {"reason": "x", "until": "2020-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ("Ines", {"reason": "x", "until": "2099-01-01T00:00:00"}, "BAD_USER_INPUT"),
        ("Ines", {"reason": "x", "until": "9999-12-31T23:59:59-01:00"}, "BAD_USER_INPUT"),
        ("Lea", {"reason": "x"}, "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_said_is_refused_and_nothing_changes(
    company: World, ask: Ask, by: str, given: dict[str, Any], code: str
) -> None:
    before = await company.verbs()

    done = await ask.one(OVERRIDE, by=by, **about(ask, "Sam", **given))

    assert done["refusal"]["code"] == code
    assert await company.verbs() == before


async def test_an_instructor_cannot_be_kept_as_coordinator(company: World, ask: Ask) -> None:
    done = await ask.one(KEEP, by="Mona", **about(ask, "Ines", reason="x"))

    assert done["refusal"]["__typename"] == "RoleConflict"


async def test_a_coordinator_excludes_nobody(company: World, ask: Ask) -> None:
    code = await ask.code(OVERRIDE, by="Cora", **about(ask, "Sam", reason="x"))

    assert code == "PERMISSION_DENIED"
    assert await company.coordinators_of("Safety") == {"Cora", "Sam"}


@pytest.mark.spec("S10")
async def test_a_derived_coordinator_is_explained_by_clause_value_and_cause(
    company: World, ask: Ask
) -> None:
    await company.change("Lea", department="Sales", country="SE", title="Director")
    ask.settle()

    why = await ask.one(WHY, by="Lea", course=ask.id("Course", "Safety"))

    assert (why["standing"], why["isCoordinator"]) == ("DERIVED", True)
    assert why["summary"] == "Lea is coordinator of “Safety” through “Sales”."
    [reason] = why["segments"]
    assert reason["isMember"]
    assert [(each["attribute"], each["actual"]) for each in reason["clauses"][1:]] == [
        ("department", "“Sales”"),
        ("country", "“SE”"),
    ]
    assert {each["isTrue"] for each in reason["clauses"]} == {True}
    assert reason["cause"]["verb"] == "member.changed"
    assert reason["cause"]["byName"] == "LMS Coordinator"
    assert reason["cause"]["after"] == {"department": "Sales", "country": "SE"}


async def test_a_cause_tells_an_instructor_only_what_the_rule_looks_at(
    company: World, ask: Ask
) -> None:
    why = await ask.bytes(WHY, by="Ines", **about(ask, "Sam"))

    assert b"DERIVED" in why
    assert b"Secret of state" not in why


@pytest.mark.spec("S10")
@pytest.mark.parametrize(
    ("member", "standing", "is_coordinator"),
    [
        ("Cora", "DIRECT", True),
        ("Ines", "INSTRUCTOR", False),
        ("Lea", "NO_SOURCE", False),
        ("Gone", "ACCOUNT_NOT_ACTIVE", False),
    ],
)
async def test_every_standing_is_named(
    company: World, ask: Ask, member: str, standing: str, is_coordinator: bool
) -> None:
    await company.member("Gone", department="Sales", country="SE")
    ask.settle()
    await company.set_state("Gone", MemberState.DEACTIVATED)
    ask.settle()

    why = await ask.one(WHY, by="Mona", **about(ask, member))

    assert (why["standing"], why["isCoordinator"]) == (standing, is_coordinator)
    assert (member in await company.coordinators_of("Safety")) is is_coordinator
    if member == "Lea":
        [reason] = why["segments"]
        assert [each["isTrue"] for each in reason["clauses"]] == [False, False, False]
    if member == "Cora":
        assert why["byHandCause"] == {"verb": "coordinator.assigned", "byName": "LMS Coordinator"}


async def test_others_are_explained_to_managers_and_instructors_alone(
    company: World, ask: Ask
) -> None:
    by_coordinator = await ask.errors(WHY, by="Cora", **about(ask, "Sam"))
    about_oneself = await ask.one(WHY, by="Sam", course=ask.id("Course", "Safety"))

    assert by_coordinator[0]["extensions"]["code"] == "PERMISSION_DENIED"
    assert about_oneself["standing"] == "DERIVED"


async def test_a_hidden_course_is_explained_to_nobody(company: World, ask: Ask) -> None:
    from resolvers.ids import encode

    told = {
        await ask.bytes(WHY, by="Lea", course=course, member=None)
        for course in (ask.id("Course", "Safety"), encode("Course", 999))
    }

    assert len(told) == 1
    assert b"NOT_FOUND" in told.pop()


@pytest.mark.spec("M26")
async def test_reasons_are_for_managers_instructors_and_the_person(
    company: World, ask: Ask
) -> None:
    document = """query ($id: ID!) { course(id: $id) { coordinators { nodes {
      member { displayName } sources { kind } } } } }"""
    course = ask.id("Course", "Safety")

    by_instructor = await ask.whole(document, by="Ines", id=course)
    by_coordinator = await ask.whole(document, by="Sam", id=course)

    assert "errors" not in by_instructor
    nodes = by_coordinator["data"]["course"]["coordinators"]["nodes"]
    assert [(each["member"]["displayName"], each["sources"]) for each in nodes] == [
        ("Cora", None),
        ("Sam", [{"kind": "SEGMENT"}]),
    ]
    assert [each["path"] for each in by_coordinator["errors"]] == [
        ["course", "coordinators", "nodes", 0, "sources"]
    ]
