"""Idempotency keys, client mutation ids, and the cursors that mutations return (G8, U2)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

ASSIGN = """mutation ($course: ID!, $people: [ID!]!, $key: String, $mark: String) {
  assignDirectCoordinator(courseId: $course, memberIds: $people, idempotencyKey: $key,
      clientMutationId: $mark) {
    clientMutationId cursor refusal { code message }
    assigned { displayName } already { displayName } } }"""
COURSE = "query ($id: ID!, $after: Cursor) { course(id: $id, atLeast: $after) { title } }"


@pytest.fixture
@furnished
async def company(world: World) -> World:
    for name in ("Mona", "Lea", "Cora", "Stranger"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety")
    return world


def asked(ask: Ask, *people: str, **more: Any) -> dict[str, Any]:
    members = [ask.id("Member", name) for name in people]
    return {"course": ask.id("Course", "Safety"), "people": members, **more}


@pytest.mark.spec("G8")
async def test_a_repeat_gives_the_first_answer_cursor_included(company: World, ask: Ask) -> None:
    first = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1", mark="one"))
    ask.settle()
    await company.course("Something else meanwhile")
    again = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1", mark="two"))

    assert (first["clientMutationId"], again["clientMutationId"]) == ("one", "two")
    assert {**again, "clientMutationId": "one"} == first
    assert first["assigned"] == [{"displayName": "Lea"}]
    assert (await company.verbs()).count("coordinator.assigned") == 1


async def test_a_repeat_of_what_changed_nothing_gives_the_first_answer_too(
    company: World, ask: Ask
) -> None:
    await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea"))

    first = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1"))
    await company.course("Something else meanwhile")
    again = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1"))

    assert again == first
    assert first["already"] == [{"displayName": "Lea"}]


@pytest.mark.spec("G8")
async def test_repeats_at_the_same_time_are_done_once(company: World, ask: Ask) -> None:
    answers = await asyncio.gather(
        *(ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", "Cora", key="k-1")) for _ in range(5))
    )

    assert [each == answers[0] for each in answers] == [True] * 5
    assert (await company.verbs()).count("coordinator.assigned") == 2


async def test_a_key_used_for_another_request_is_a_conflict(company: World, ask: Ask) -> None:
    await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1"))
    before = await company.verbs()

    other = await ask.one(ASSIGN, by="Mona", **asked(ask, "Cora", key="k-1"))
    elsewhere = await ask.one(
        ASSIGN.replace("assignDirectCoordinator", "assignInstructor"),
        by="Mona",
        **asked(ask, "Lea", key="k-1"),
    )

    assert other["refusal"]["code"] == elsewhere["refusal"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert await company.verbs() == before


async def test_a_key_belongs_to_one_person(company: World, ask: Ask) -> None:
    await company.grant("Cora", Principal.WORKSPACE_MANAGER)
    await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1"))

    other = await ask.one(ASSIGN, by="Cora", **asked(ask, "Cora", key="k-1"))

    assert other["assigned"] == [{"displayName": "Cora"}]


async def test_a_refused_request_may_be_tried_again_under_its_key(company: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")
    await ask.one(
        "mutation ($course: ID!, $people: [ID!]!) {"
        " assignInstructor(courseId: $course, memberIds: $people) { cursor } }",
        by="Mona",
        **asked(ask, "Lea"),
    )
    refused = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1"))
    await ask.one(
        "mutation ($course: ID!, $people: [ID!]!) {"
        " removeInstructor(courseId: $course, memberIds: $people) { cursor } }",
        by="Mona",
        **asked(ask, "Lea"),
    )
    again = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key="k-1"))

    assert refused["refusal"]["code"] == "ROLE_CONFLICT"
    assert again["assigned"] == [{"displayName": "Lea"}]
    assert course


async def test_a_denied_request_leaves_its_key_unused(company: World, ask: Ask) -> None:
    await company.course("Other", coordinators_by_hand=["Lea"])
    await company.grant("Lea", Principal.COURSE_EDIT, course="Safety")

    denied = await ask.code(ASSIGN, by="Lea", **asked(ask, "Cora", key="k-1"))
    await company.grant("Lea", Principal.WORKSPACE_MANAGER)
    allowed = await ask.one(ASSIGN, by="Lea", **asked(ask, "Cora", key="k-1"))

    assert denied == "PERMISSION_DENIED"
    assert allowed["assigned"] == [{"displayName": "Cora"}]


@pytest.mark.parametrize("key", ["", "x" * 201, "line\nbreak"])
async def test_a_key_has_1_to_200_printable_characters(company: World, ask: Ask, key: str) -> None:
    done = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea", key=key))

    assert done["refusal"]["code"] == "BAD_USER_INPUT"
    assert await company.coordinators_of("Safety") == set()


@pytest.mark.spec("U2")
async def test_what_a_mutation_returned_can_be_read(company: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")
    done = await ask.one(ASSIGN, by="Mona", **asked(ask, "Lea"))
    ask.settle()

    read = await ask.one(COURSE, by="Lea", id=course, after=done["cursor"])

    assert read == {"title": "Safety"}


async def test_a_query_waits_until_the_engine_has_reflected_the_place(
    company: World, ask: Ask
) -> None:
    """The person moves to Sales; the one who asks `atLeast` that finds them coordinating."""
    await company.segment("Sales", 'department eq "Sales"')
    await company.attach("Safety", "Sales")
    ask.settle()
    change = """mutation ($member: ID!) {
      changeMemberAttributes(memberId: $member, changes: {department: "Sales"}) {
        cursor refusal { message } } }"""
    done = await ask.one(change, by="Mona", member=ask.id("Member", "Lea"))
    assert done["refusal"] is None

    asking = asyncio.create_task(
        ask.one(
            "query ($after: Cursor) { coursesIManage(atLeast: $after) { nodes { title } } }",
            by="Lea",
            after=done["cursor"],
        )
    )
    await asyncio.sleep(0.1)
    was_waiting = not asking.done()
    await asyncio.to_thread(ask.settle)

    assert was_waiting
    assert (await asking)["nodes"] == [{"title": "Safety"}]


async def test_a_query_does_not_wait_for_an_engine_that_stands_still(
    company: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resolvers import positions

    monkeypatch.setattr(positions, "LONGEST_WAIT", 0.2)
    await company.change("Lea", department="Sales")
    place = (await ask.one("{ courses { position } }", by="Mona"))["position"]

    [error] = await ask.errors(COURSE, by="Mona", id=ask.id("Course", "Safety"), after=place)

    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "was not reflected within 0.2 s" in error["message"]


async def test_a_place_of_an_earlier_history_has_expired(company: World, ask: Ask) -> None:
    place = (await ask.one("{ courses { position } }", by="Mona"))["position"]
    async with company.edge.transaction() as db:
        await db.execute(text("UPDATE workspace_stream SET epoch = gen_random_uuid()"))

    code = await ask.code(COURSE, by="Mona", id=ask.id("Course", "Safety"), after=place)

    assert code == "CURSOR_EXPIRED"


@pytest.mark.parametrize("which", ["garbage", "empty", "changed", "of a page", "beyond the end"])
async def test_a_place_that_was_not_issued_here_is_refused(
    company: World, ask: Ask, which: str
) -> None:
    page = await ask.one("{ courses { position edges { cursor } } }", by="Mona")
    place = ask.seal.read_position(page["position"])
    later = type(place)(place.epoch, place.workspace_id, place.seq + 1)
    cursors = {
        "garbage": "not ours at all",
        "empty": "",
        "changed": page["position"][:-1] + ("A" if page["position"][-1] != "A" else "B"),
        "of a page": page["edges"][0]["cursor"],
        "beyond the end": ask.seal.position(later),
    }
    ask.settle()

    code = await ask.code(COURSE, by="Mona", id=ask.id("Course", "Safety"), after=cursors[which])

    assert code == "BAD_USER_INPUT"


async def test_a_place_of_another_workspace_is_refused(
    company: World, ask: Ask, sessions: Any
) -> None:
    other = await World.new(sessions, "rival")
    await other.member("Rita")
    place = (await Ask(other).one("{ courses { position } }", by="Rita"))["position"]

    [error] = await ask.errors(COURSE, by="Mona", id=ask.id("Course", "Safety"), after=place)

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "This cursor belongs to another workspace."
