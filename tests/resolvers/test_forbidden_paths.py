"""A field one may not read is read on no path: by alias, fragment, edge, node, the answer of a
mutation, or an event; and what stands beside it is read all the same (F2, F3, F10, F14)."""

from typing import Any

import pytest

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.resolvers.following import Follow
from tests.world import World

HIDDEN = "roleConflicts { member { id } } segmentLimit"


@pytest.fixture
@furnished
async def safety(world: World, ask: Ask) -> str:
    """A course that Ed may edit and Cora coordinates; its staff is neither's to arrange."""
    for name in ("Ed", "Cora"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.grant("Ed", Principal.COURSE_EDIT, course="Safety")
    return ask.id("Course", "Safety")


PATHS = {
    "field": "query ($id: ID!) { course(id: $id) { it: id HIDDEN } }",
    "alias": "query ($id: ID!) { a: course(id: $id) { it: id x: segmentLimit HIDDEN } }",
    "list": "{ courses { nodes { it: id HIDDEN } } }",
    "edge": "{ courses { edges { node { it: id HIDDEN } } } }",
    "node": "query ($id: ID!) { node(id: $id) { it: id ... on Course { HIDDEN } } }",
    "nodes": (
        "query ($id: ID!) { nodes(ids: [$id]) { it: id ...F } } fragment F on Course { HIDDEN }"
    ),
    "department": "{ departments { nodes { courses { nodes { it: id HIDDEN } } } } }",
    "explanation": (
        "query ($id: ID!) { explainMembership(courseId: $id) { course { it: id HIDDEN } } }"
    ),
    "payload": (
        'mutation ($id: ID!) { editCourseInfo(courseId: $id, title: "Safety first") {'
        " course { it: id HIDDEN } } }"
    ),
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_forbidden_field_is_null_on_every_path_and_its_neighbors_are_not(
    safety: str, ask: Ask, path: str
) -> None:
    document = PATHS[path].replace("HIDDEN", HIDDEN)

    answer = await ask.whole(document, by="Ed", **({"id": safety} if "$id" in document else {}))

    row = only_object_with(answer["data"], "it")
    assert row.pop("it") == safety
    assert set(row.values()) == {None}
    assert {error["path"][-1] for error in answer["errors"]} == set(row)
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "PERMISSION_DENIED"
        assert error["extensions"]["coordinate"].startswith("Course.")
        assert error["extensions"]["held"] == ["COURSE_EDIT"]
        assert error["extensions"]["scope"] == "COURSE"


async def test_an_event_shows_no_more_than_a_query(
    safety: str, world: World, ask: Ask, follow: Follow
) -> None:
    document = """subscription ($course: ID!) { coordinatorsChanged(courseId: $course) {
        kind verb segment { name } course { it: id roleConflicts { member { id } } } } }"""
    await world.member("New")
    await world.segment("Named", people_named=["New"])

    async with follow(document, by="Cora", course=safety) as heard:
        await heard.whole()
        await world.attach("Safety", "Named")
        answer = await heard.whole()

    event = answer["data"]["coordinatorsChanged"]
    assert event["course"] == {"it": safety, "roleConflicts": None}
    assert (event["verb"], event["segment"]) == (None, None)
    assert {error["extensions"]["coordinate"] for error in answer["errors"]} == {
        "Course.roleConflicts",
        "Event.verb",
        "Event.segment",
    }


async def test_nothing_is_found_by_what_one_may_not_read(
    safety: str, world: World, ask: Ask
) -> None:
    """Cora may pick people, and not see what is known about them or when they signed in."""
    forbidden = ["attributes", "lastSignInAt"]
    for field in forbidden:
        errors = await ask.errors(f"{{ members {{ nodes {{ {field} }} }} }}", by="Cora")
        assert {error["extensions"]["code"] for error in errors} == {"PERMISSION_DENIED"}

    arguments = await ask.one(
        '{ __type(name: "Query") { fields(includeDeprecated: true) { name args { name } } } }',
        by="Cora",
    )
    by_name = {each["name"]: {arg["name"] for arg in each["args"]} for each in arguments["fields"]}
    assert by_name["searchMembersPicker"].isdisjoint(
        {"signedInBefore", "signedInSince", "neverSignedIn", "holding", "attribute"}
    )
    everybody = "{ listAllMembers(neverSignedIn: true) { totalCount } }"
    assert await ask.code(everybody, by="Cora") == "PERMISSION_DENIED"


def only_object_with(value: Any, key: str) -> dict[str, Any]:
    """The one object of an answer that has this key."""
    found: list[dict[str, Any]] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found += [each] if key in each else []
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    [one] = found
    return one
