"""Segments through the contract: making, editing, pausing, finding, deleting (S1-S7, M28)."""

from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

REFUSAL = """refusal { __typename code message path
  ... on InvalidRule { problems { code message path start end } }
  ... on LimitReached { limit count } ... on InUse { courses { title } segments { id name } } }"""
SEGMENT = "segment { id name kind state version ruleText rule brokenReason description }"
CREATE = f"""mutation ($name: String!, $ruleText: String, $rule: JSON, $people: [ID!],
    $draft: Boolean! = false) {{
  createSegment(name: $name, ruleText: $ruleText, rule: $rule, memberIds: $people,
    isDraft: $draft) {{ cursor {SEGMENT} {REFUSAL} }} }}"""
EDIT = f"""mutation ($id: ID!, $name: String, $ruleText: String) {{
  editSegment(segmentId: $id, name: $name, ruleText: $ruleText) {{ {SEGMENT} {REFUSAL} }} }}"""
DELETE = f"""mutation ($id: ID!, $detach: Boolean!) {{
  deleteSegment(segmentId: $id, detach: $detach) {{ {SEGMENT} {REFUSAL} }} }}"""
TYPE_AHEAD = """query ($text: String!, $course: ID) {
  searchSegmentsTypeahead(text: $text, courseId: $course) {
    isAttached segment { name kind memberCount countedAt } } }"""


def simple(name: str) -> str:
    return f"mutation ($id: ID!) {{ {name}(segmentId: $id) {{ {SEGMENT} {REFUSAL} }} }}"


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    for name in ("Mona", "Dora", "Lea"):
        await world.member(name)
    await world.member("Sam", department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.segment("Sales", 'department eq "Sales"', is_usable_by_departments=True)
    await world.segment("Named", people_named=["Lea"])
    await world.course("Safety")
    await world.attach("Safety", "Sales")
    ask.settle()
    return world


@pytest.mark.spec("M30")
async def test_a_rule_segment_is_made_from_text_and_gives_its_people(
    company: World, ask: Ask
) -> None:
    done = await ask.one(CREATE, by="Mona", name="Swedes", ruleText='country EQ "SE"')
    await company.member("Sven", country="SE")
    ask.settle()

    assert done["refusal"] is None
    assert done["segment"]["ruleText"] == 'country eq "SE"'
    assert (done["segment"]["kind"], done["segment"]["state"]) == ("RULE", "ACTIVE")
    found = await ask.one(
        "query ($id: ID!) { segment(id: $id) { memberCount members { totalCount nodes {"
        " displayName } } freshness { isCurrent } } }",
        by="Mona",
        id=done["segment"]["id"],
    )
    assert found == {
        "memberCount": 1,
        "members": {"totalCount": 1, "nodes": [{"displayName": "Sven"}]},
        "freshness": {"isCurrent": True},
    }


async def test_text_and_document_are_the_same_rule(company: World, ask: Ask) -> None:
    text = await ask.one(CREATE, by="Mona", name="One", ruleText='not (country eq "SE")')
    document = await ask.one(CREATE, by="Mona", name="Two", rule=text["segment"]["rule"])

    assert document["segment"]["ruleText"] == text["segment"]["ruleText"]


async def test_every_problem_of_a_rule_is_named_with_its_place(company: World, ask: Ask) -> None:
    before = await company.verbs()
    rule = 'nosuch eq "x" and alsonot eq 1'

    done = await ask.one(CREATE, by="Mona", name="Wrong", ruleText=rule)
    checked = await ask.one(
        "query ($text: String!) { checkRule(text: $text) {"
        " text problems { code message path start end } } }",
        by="Mona",
        text=rule,
    )

    problems = done["refusal"]["problems"]
    assert done["refusal"]["__typename"] == "InvalidRule"
    assert [rule[each["start"] : each["end"]].split(maxsplit=1)[0] for each in problems] == [
        "nosuch",
        "alsonot",
    ]
    assert checked == {"text": None, "problems": problems}
    assert await company.verbs() == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "Sales", "ruleText": "everyone"}, "NAME_TAKEN"),
        ({"name": " ", "ruleText": "everyone"}, "BAD_USER_INPUT"),
        ({"name": "x" * 201, "ruleText": "everyone"}, "BAD_USER_INPUT"),
        ({"name": "A\u202eB", "ruleText": "everyone"}, "BAD_USER_INPUT"),
        ({"name": "Both", "ruleText": "everyone", "people": ["TWVtYmVyOjE"]}, "BAD_USER_INPUT"),
        ({"name": "Both", "ruleText": "everyone", "rule": {"everyone": True}}, "BAD_USER_INPUT"),
        ({"name": "Empty", "ruleText": ""}, "INVALID_RULE"),
        ({"name": "Odd", "rule": [1, 2]}, "INVALID_RULE"),
        ({"name": "Odd", "rule": 7}, "INVALID_RULE"),
        ({"name": "Deep", "ruleText": "(" * 300 + "everyone" + ")" * 300}, "INVALID_RULE"),
        ({"name": "Nobody", "people": ["TWVtYmVyOjk5OTk5"]}, "NOT_FOUND"),
    ],
)
async def test_a_segment_that_cannot_be_is_refused_and_nothing_is_stored(
    company: World, ask: Ask, given: dict[str, Any], code: str
) -> None:
    before = await company.verbs()

    done = await ask.one(CREATE, by="Mona", **given)

    assert done["refusal"]["code"] == code
    assert done["segment"] is None
    assert await company.verbs() == before


@pytest.mark.parametrize(
    "document",
    [
        CREATE,
        EDIT,
        DELETE,
        simple("pauseSegment"),
        simple("resumeSegment"),
        simple("recomputeSegment"),
    ],
)
async def test_only_workspace_managers_change_segments(
    company: World, ask: Ask, document: str
) -> None:
    before = await company.verbs()
    told = {
        await ask.bytes(
            document, by="Dora", id=id, name="X", ruleText="everyone", detach=True, draft=False
        )
        for id in (ask.id("Segment", "Sales"), encode("Segment", 999))
    }

    assert len(told) == 1, "whether it exists is not told"
    assert b"PERMISSION_DENIED" in told.pop()
    assert await company.verbs() == before


@pytest.mark.spec("S6")
async def test_an_edited_rule_is_a_new_version_and_only_the_difference_moves(
    company: World, ask: Ask
) -> None:
    await company.member("Tim", department="Support")

    done = await ask.one(
        EDIT,
        by="Mona",
        id=ask.id("Segment", "Sales"),
        ruleText='department in ["Sales", "Support"]',
    )
    ask.settle()

    assert done["segment"]["version"] == 2
    assert await company.coordinators_of("Safety") == {"Sam", "Tim"}


@pytest.mark.spec("S5")
async def test_a_paused_segment_keeps_what_it_gave_and_catches_up_when_resumed(
    company: World, ask: Ask
) -> None:
    sales = ask.id("Segment", "Sales")

    paused = await ask.one(simple("pauseSegment"), by="Mona", id=sales)
    again = await ask.one(simple("pauseSegment"), by="Mona", id=sales)
    await company.change("Sam", department="Legal")
    ask.settle()
    meanwhile = await company.coordinators_of("Safety")
    resumed = await ask.one(simple("resumeSegment"), by="Mona", id=sales)
    ask.settle()

    assert paused["segment"]["state"] == again["segment"]["state"] == "PAUSED"
    assert meanwhile == {"Sam"}
    assert resumed["segment"]["state"] == "ACTIVE"
    assert await company.coordinators_of("Safety") == set()


async def test_a_draft_gives_nothing_and_cannot_be_paused(company: World, ask: Ask) -> None:
    draft = await ask.one(CREATE, by="Mona", name="Draft", ruleText="everyone", draft=True)
    ask.settle()

    refused = await ask.one(simple("pauseSegment"), by="Mona", id=draft["segment"]["id"])
    recomputed = await ask.one(simple("recomputeSegment"), by="Mona", id=draft["segment"]["id"])

    assert refused["refusal"]["code"] == "SEGMENT_STATE"
    assert recomputed["segment"]["state"] == "DRAFT"


async def test_a_rule_of_an_attribute_that_is_gone_is_still_shown(company: World, ask: Ask) -> None:
    async with company.edge.transaction() as db:
        await db.execute(text("DELETE FROM attribute_definition WHERE name = 'department'"))
        await db.execute(
            text("UPDATE segment SET state = 'BROKEN', broken_reason = :why WHERE id = :id"),
            {"id": company.segments["Sales"], "why": "no department"},
        )

    shown = await ask.one(
        "query ($id: ID!) { segment(id: $id) { state brokenReason ruleText rule } }",
        by="Mona",
        id=ask.id("Segment", "Sales"),
    )
    why = await ask.one(
        "query ($c: ID!, $m: ID!) { explainMembership(courseId: $c, memberId: $m) {"
        " isCoordinator segments { state sentences clauses { text } } } }",
        by="Mona",
        c=ask.id("Course", "Safety"),
        m=ask.id("Member", "Sam"),
    )

    assert (shown["state"], shown["brokenReason"]) == ("BROKEN", "no department")
    assert shown["ruleText"] is None
    assert shown["rule"] is not None
    assert why["isCoordinator"]
    [reason] = why["segments"]
    assert (reason["state"], reason["clauses"]) == ("BROKEN", [])
    assert "keeps what it gave" in reason["sentences"][0]


async def test_a_segment_in_use_is_deleted_only_with_its_attachments(
    company: World, ask: Ask
) -> None:
    sales = ask.id("Segment", "Sales")

    refused = await ask.one(DELETE, by="Mona", id=sales, detach=False)
    kept = await company.coordinators_of("Safety")
    deleted = await ask.one(DELETE, by="Mona", id=sales, detach=True)
    gone = await ask.code("query ($id: ID!) { segment(id: $id) { name } }", by="Mona", id=sales)

    assert refused["refusal"]["code"] == "SEGMENT_IN_USE"
    assert refused["refusal"]["courses"] == [{"title": "Safety"}]
    assert kept == {"Sam"}
    assert (deleted["refusal"], deleted["segment"]) == (None, None)
    assert await company.coordinators_of("Safety") == set()
    assert gone == "NOT_FOUND"


async def test_people_are_named_and_unnamed_in_a_static_segment(company: World, ask: Ask) -> None:
    document = f"""mutation ($id: ID!, $people: [ID!]!) {{
      nameSegmentPeople(segmentId: $id, memberIds: $people) {{ {SEGMENT} {REFUSAL} }} }}"""
    named, sam = ask.id("Segment", "Named"), [ask.id("Member", "Sam")]
    members = "query ($id: ID!) { segment(id: $id) { members { nodes { displayName } } } }"

    await ask.one(document, by="Mona", id=named, people=sam)
    ask.settle()
    with_sam = await ask.one(members, by="Mona", id=named)
    await ask.one(document.replace("nameS", "unnameS"), by="Mona", id=named, people=sam)
    ask.settle()
    without = await ask.one(members, by="Mona", id=named)
    by_rule = await ask.one(document, by="Mona", id=ask.id("Segment", "Sales"), people=sam)

    assert with_sam["members"]["nodes"] == [{"displayName": "Lea"}, {"displayName": "Sam"}]
    assert without["members"]["nodes"] == [{"displayName": "Lea"}]
    assert by_rule["refusal"]["code"] == "SEGMENT_STATE"


@pytest.mark.spec("M28")
async def test_one_character_finds_usable_segments_with_all_that_a_hit_tells(
    company: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")

    by_manager = await ask.one(TYPE_AHEAD, by="Mona", text="a", course=course)
    by_department = await ask.one(TYPE_AHEAD, by="Dora", text="S", course=course)
    by_nobody = await ask.one(TYPE_AHEAD, by="Lea", text="s", course=course)

    assert [(hit["segment"]["name"], hit["isAttached"]) for hit in by_manager] == [
        ("Named", False),
        ("Sales", True),
    ]
    [sales] = by_department
    assert sales["segment"]["memberCount"] == 1
    assert sales["segment"]["kind"] == "RULE"
    assert sales["segment"]["countedAt"] is not None
    assert by_nobody == []


@pytest.mark.spec("M28")
async def test_type_ahead_gives_20_hits_beginnings_first_and_percent_means_percent(
    company: World, ask: Ask
) -> None:
    for n in range(25):
        await company.segment(f"The x {n:02}", "everyone")
    await company.segment("X marks 100%_", "everyone")

    hits = await ask.one(TYPE_AHEAD, by="Mona", text="x")
    percent = await ask.one(TYPE_AHEAD, by="Mona", text="%")
    both = await ask.one(TYPE_AHEAD, by="Mona", text="%_")
    nothing = await ask.code(TYPE_AHEAD, by="Mona", text="  ")

    assert len(hits) == 20
    assert hits[0]["segment"]["name"] == "X marks 100%_"
    assert [hit["segment"]["name"] for hit in percent] == ["X marks 100%_"]
    assert percent == both
    assert nothing == "BAD_USER_INPUT"


@pytest.mark.spec("S13")
async def test_freshness_says_what_waits_and_when_nothing_does(company: World, ask: Ask) -> None:
    document = """query ($course: ID!) { course(id: $course) {
      freshness { isCurrent asOfEvent asOfTime waitingPeople waitingBlocks } }
      segments { position nodes { name freshness { isCurrent waitingPeople } } } }"""
    course = ask.id("Course", "Safety")

    settled = await ask(document, by="Mona", course=course)
    await company.change("Sam", department="Legal")
    waiting = await ask(document, by="Mona", course=course)
    ask.settle()
    after = await ask(document, by="Mona", course=course)

    fresh = settled["course"]["freshness"]
    assert (fresh["isCurrent"], fresh["waitingPeople"], fresh["waitingBlocks"]) == (True, 0, 0)
    assert fresh["asOfEvent"] == settled["segments"]["position"]
    stale = waiting["course"]["freshness"]
    assert (stale["isCurrent"], stale["waitingPeople"]) == (False, 1)
    place = ask.seal.read_position(stale["asOfEvent"])
    assert place.seq < ask.seal.read_position(waiting["segments"]["position"]).seq
    assert {each["freshness"]["isCurrent"] for each in waiting["segments"]["nodes"]} == {False}
    assert after["course"]["freshness"]["isCurrent"]
    assert await company.coordinators_of("Safety") == set()


async def test_a_department_manager_sees_usable_segments_and_not_their_rules(
    company: World, ask: Ask
) -> None:
    answer = await ask.whole(
        "{ segments { totalCount nodes { name memberCount ruleText members { totalCount } } } }",
        by="Dora",
    )

    assert answer["data"]["segments"] == {
        "totalCount": 1,
        "nodes": [{"name": "Sales", "memberCount": 1, "ruleText": None, "members": None}],
    }
    assert [each["path"][-1] for each in answer["errors"]] == ["ruleText", "members"]
    assert {each["extensions"]["code"] for each in answer["errors"]} == {"PERMISSION_DENIED"}


@pytest.mark.spec("S1")
async def test_segments_that_build_on_each_other_are_named_both_ways(
    company: World, ask: Ask
) -> None:
    both = 'memberOf has "Sales" and memberOf hasNone ["Named"]'
    await company.segment("Swedes in sales", both)
    await company.segment("Others", 'not (memberOf has "sales")')
    shown = await ask.one(
        """query { segments { nodes { name ruleText buildsOn { name } usedBy { name } } } }""",
        by="Mona",
    )
    refused = await ask.one(DELETE, by="Mona", id=ask.id("Segment", "Sales"), detach=True)
    circle = await ask.one(
        EDIT, by="Mona", id=ask.id("Segment", "Sales"), ruleText='memberOf has "Others"'
    )
    denied = await ask.code("query { segments { nodes { usedBy { name } } } }", by="Dora")

    found = {each.pop("name"): each for each in shown["nodes"]}
    assert found["Swedes in sales"] == {
        "ruleText": both,
        "buildsOn": [{"name": "Named"}, {"name": "Sales"}],
        "usedBy": [],
    }
    assert found["Others"]["ruleText"] == 'not (memberOf has "Sales")'
    assert found["Sales"]["usedBy"] == [{"name": "Others"}, {"name": "Swedes in sales"}]
    assert refused["refusal"]["code"] == "SEGMENT_IN_USE"
    assert refused["refusal"]["segments"] == [
        {"id": ask.id("Segment", name), "name": name} for name in ("Swedes in sales", "Others")
    ]
    [problem] = circle["refusal"]["problems"]
    assert (problem["code"], problem["start"], problem["end"]) == ("CIRCULAR", 13, 21)
    assert denied == "PERMISSION_DENIED"
