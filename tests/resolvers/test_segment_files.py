"""Segments as a file, and rules looked at, through the contract (S16, S17)."""

import pytest

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

EXPORT = "{ exportSegments }"
PLAN = """query ($file: String!, $prune: Boolean!) {
  planSegments(document: $file, prune: $prune) { basedOn
    steps { action segmentName courseTitle line before after sentences }
    problems { line segment message } } }"""
APPLY = """mutation ($file: String!, $basedOn: String!, $key: String) {
  applySegments(document: $file, basedOn: $basedOn, idempotencyKey: $key) { cursor
    steps { action segmentName courseTitle }
    refusal { code message ... on InvalidFile { problems { line message } } } } }"""
LINT = """query ($id: ID, $text: String, $rule: JSON) {
  lintSegment(segmentId: $id, ruleText: $text, rule: $rule) { text document isNeverTrue
    isAlwaysTrue isComplete people examined
    findings { kind message path start end because segment { name } } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    for name in ("Mona", "Dora"):
        await world.member(name, department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.segment("Sellers", 'department eq "Sales"', is_usable_by_departments=True)
    await world.course("Safety")
    ask.settle()
    return world


@pytest.mark.spec("S17")
async def test_a_file_is_exported_planned_and_applied(company: World, ask: Ask) -> None:
    document = (await ask.one(EXPORT, by="Mona")).replace("courses = []", 'courses = ["Safety"]')

    plan = await ask.one(PLAN, by="Mona", file=document, prune=True)
    done = await ask.one(APPLY, by="Mona", file=document, basedOn=plan["basedOn"], key="once")
    again = await ask.one(APPLY, by="Mona", file=document, basedOn=plan["basedOn"], key="once")
    old = await ask.one(APPLY, by="Mona", file=document, basedOn=plan["basedOn"])
    ask.settle()

    [step] = plan["steps"]
    assert (step["action"], step["segmentName"], step["courseTitle"], step["line"]) == (
        "ATTACH",
        "Sellers",
        "Safety",
        9,
    )
    assert done["refusal"] is None
    assert done["steps"] == again["steps"] != []
    assert done["cursor"] == again["cursor"]
    assert old["refusal"]["code"] == "PLAN_OUTDATED"
    assert await company.coordinators_of("Safety") == {"Mona", "Dora"}
    assert (await ask.one(PLAN, by="Mona", file=document, prune=True))["steps"] == []


@pytest.mark.spec("S17")
async def test_what_is_wrong_with_a_file_is_data(company: World, ask: Ask) -> None:
    document = 'format = 1\n[[segment]]\nname = "A"\nrule = "levl gt 3"\n'

    plan = await ask.one(PLAN, by="Mona", file=document, prune=False)
    done = await ask.one(APPLY, by="Mona", file=document, basedOn="x")

    assert (plan["basedOn"], plan["steps"]) == (None, [])
    assert [each["line"] for each in plan["problems"]] == [4]
    assert done["refusal"]["code"] == "INVALID_FILE"
    assert done["refusal"]["problems"][0]["line"] == 4


async def test_who_may_attach_segments_neither_reads_nor_writes_files_of_them(
    company: World, ask: Ask
) -> None:
    denied = "PERMISSION_DENIED"

    assert await ask.code(EXPORT, by="Dora") == denied
    assert await ask.code(PLAN, by="Dora", file="", prune=False) == denied
    assert await ask.code(APPLY, by="Dora", file="", basedOn="") == denied
    assert await ask.code(LINT, by="Dora", text="everyone") == denied


@pytest.mark.spec("S16")
async def test_a_rule_or_that_of_a_segment_is_looked_at(company: World, ask: Ask) -> None:
    text = 'department in ["Sales"] and (level gt 3 and level lt 2 or department present)'

    of_text = await ask.one(LINT, by="Mona", text=text)
    of_segment = await ask.one(LINT, by="Mona", id=ask.id("Segment", "Sellers"))
    of_rule = await ask.one(LINT, by="Mona", rule={"all": [{"everyone": True}]})

    told = [
        (each["kind"], text[each["start"] : each["end"]], each["path"])
        for each in of_text["findings"]
    ]
    assert told == [
        ("IMPLIED", "(level gt 3 and level lt 2 or department present)", "/all/1"),
    ]
    assert (of_text["people"], of_text["examined"], of_text["isComplete"]) == (2, 2, True)
    assert of_segment["findings"] == []
    assert of_segment["text"] == 'department eq "Sales"'
    assert (of_rule["isAlwaysTrue"], of_rule["findings"]) == (True, [])
