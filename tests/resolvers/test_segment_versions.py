"""Versions of rules through the contract (S6)."""

import pytest

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

VERSIONS = """query ($id: ID!, $first: Int, $after: String) { segment(id: $id) {
  versions(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { version origin restores ruleText rule createdByName createdAt
      createdBy { displayName } } } } }"""
COMPARE = """query ($id: ID!, $before: Int!, $after: Int) {
  compareSegmentVersions(segmentId: $id, before: $before, after: $after) {
    before { version } after { version } sentences
    differences { depth kind part before after pathBefore pathAfter } } }"""
ROLL_BACK = """mutation ($id: ID!, $to: Int!) { rollBackSegment(segmentId: $id, toVersion: $to) {
  segment { version ruleText } refusal { code message } } }"""
EDIT = """mutation ($id: ID!, $rule: String!) { editSegment(segmentId: $id, ruleText: $rule) {
  refusal { code } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    for name in ("Mona", "Dora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.segment("Sellers", "level gt 2", is_usable_by_departments=True)
    ask.settle()
    return world


@pytest.mark.spec("S6")
async def test_versions_are_paged_newest_first(company: World, ask: Ask) -> None:
    segment = ask.id("Segment", "Sellers")
    for rule in ("level gt 3", "level gt 4"):
        await ask.one(EDIT, by="Mona", id=segment, rule=rule)
    await ask.one(ROLL_BACK, by="Mona", id=segment, to=2)

    page = (await ask.one(VERSIONS, by="Mona", id=segment, first=3))["versions"]
    rest = (
        await ask.one(VERSIONS, by="Mona", id=segment, first=3, after=page["pageInfo"]["endCursor"])
    )["versions"]

    assert page["totalCount"] == 4
    told = [(each["version"], each["origin"], each["ruleText"]) for each in page["nodes"]]
    assert told == [
        (4, "ROLLED_BACK", "level gt 3"),
        (3, "EDITED", "level gt 4"),
        (2, "EDITED", "level gt 3"),
    ]
    assert page["nodes"][0]["restores"] == 2
    assert page["nodes"][0]["createdBy"] == {"displayName": "Mona"}
    [first] = rest["nodes"]
    assert (first["version"], first["origin"], first["createdBy"]) == (1, "CREATED", None)
    assert first["createdByName"]


@pytest.mark.spec("S6")
async def test_what_differs_is_told_in_words_and_as_a_tree(company: World, ask: Ask) -> None:
    segment = ask.id("Segment", "Sellers")
    await ask.one(EDIT, by="Mona", id=segment, rule='level gt 3 and country eq "SE"')

    found = await ask.one(COMPARE, by="Mona", id=segment, before=1)

    assert (found["before"]["version"], found["after"]["version"]) == (1, 2)
    assert found["sentences"] == [
        "Changed: level gt 2 is now level gt 3.",
        'Added: country eq "SE".',
    ]
    assert [
        (each["depth"], each["kind"], each["part"], each["pathBefore"], each["pathAfter"])
        for each in found["differences"]
    ] == [
        (0, "CHANGED", "ALL", "", ""),
        (1, "CHANGED", "CLAUSE", "", "/all/0"),
        (1, "ADDED", "CLAUSE", None, "/all/1"),
    ]


async def test_who_may_attach_a_segment_does_not_read_its_rules(company: World, ask: Ask) -> None:
    segment = ask.id("Segment", "Sellers")

    assert await ask.code(VERSIONS, by="Dora", id=segment) == "PERMISSION_DENIED"
    assert await ask.code(COMPARE, by="Dora", id=segment, before=1) == "PERMISSION_DENIED"
    assert await ask.code(ROLL_BACK, by="Dora", id=segment, to=1) == "PERMISSION_DENIED"


async def test_a_version_there_is_not_is_a_refusal(company: World, ask: Ask) -> None:
    refused = await ask.one(ROLL_BACK, by="Mona", id=ask.id("Segment", "Sellers"), to=7)

    assert refused["segment"] is None
    assert refused["refusal"]["code"] == "NOT_FOUND"
