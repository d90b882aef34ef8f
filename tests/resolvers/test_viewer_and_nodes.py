"""Who asks, what they may do, and anything by its global id."""

import pytest

from access.permissions import Permission, Principal
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

NODES = """query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename
  ... on Course { title } ... on Member { displayName } ... on Segment { name }
  ... on Department { name } ... on Workspace { slug } } }"""
KINDS = ("Course", "Member", "Segment", "Department", "Workspace")


@pytest.fixture
@furnished
async def company(world: World) -> World:
    for name in ("Mona", "Cora", "Lea"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Lea", Principal.FINANCE_MANAGER)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.segment("Sales", "everyone")
    return world


def everything(ask: Ask) -> list[str]:
    return [
        ask.id("Course", "Safety"),
        ask.id("Member", "Mona"),
        ask.id("Segment", "Sales"),
        ask.id("Department", "Training"),
        encode("Workspace", ask.world.workspace_id),
    ]


async def test_the_viewer_is_told_who_where_and_with_which_rights(company: World, ask: Ask) -> None:
    viewer = await ask.one(
        """{ viewer { name member { displayName } workspace { name slug timeZone segmentLimit }
          roles { principal scope on } } }""",
        by="Mona",
    )

    assert viewer == {
        "name": "Mona",
        "member": {"displayName": "Mona"},
        "workspace": {
            "name": "Acme",
            "slug": "acme",
            "timeZone": "Europe/Stockholm",
            "segmentLimit": 10,
        },
        "roles": [
            {
                "principal": "WORKSPACE_MANAGER",
                "scope": "WORKSPACE",
                "on": encode("Workspace", company.workspace_id),
            }
        ],
    }


@pytest.mark.parametrize("written", ["literal", "variable"])
async def test_what_one_may_do_is_answered_with_reason_and_source(
    company: World, ask: Ask, written: str
) -> None:
    fields = "{ operation isAllowed reason sourcePrincipal sourceScope sourceOn }"
    on = [ask.id("Course", "Safety"), ask.id("Segment", "Sales")]
    document = f"""query ($operations: [Permission!]!, $on: [ID!]) {{
      viewer {{ can(operations: $operations, on: $on) {fields} }} }}"""
    if written == "literal":
        document = document.replace("$operations: [Permission!]!, ", "").replace(
            "operations: $operations", "operations: [ASSIGN_LEARNER]"
        )

    answers = (await ask.one(document, by="Cora", operations=["ASSIGN_LEARNER"], on=on))["can"]

    assert answers == [
        {
            "operation": "ASSIGN_LEARNER",
            "isAllowed": True,
            "reason": "ASSIGN_LEARNER is allowed to coordinator_direct.",
            "sourcePrincipal": "COORDINATOR_DIRECT",
            "sourceScope": "COURSE",
            "sourceOn": on[0],
        },
        {
            "operation": "ASSIGN_LEARNER",
            "isAllowed": False,
            "reason": "There is no such thing.",
            "sourcePrincipal": None,
            "sourceScope": None,
            "sourceOn": None,
        },
    ]


@pytest.mark.spec("G2")
async def test_the_permission_catalog_says_what_every_field_asks_for(
    company: World, ask: Ask
) -> None:
    entries = await ask.one(
        "{ permissionCatalog { coordinate sentence anyOf scope when isPublic allowsSelf } }",
        by="Lea",
    )

    found = {each["coordinate"]: each for each in entries}
    assert found["Coordinator.sources"]["anyOf"] == [["VIEW_COORDINATOR_SOURCES"]]
    assert found["Coordinator.sources"]["when"] == "SELF_ONLY"
    assert found["Mutation.attachSegment"]["when"] == "SEGMENT_IS_USABLE"
    assert found["Query.permissionCatalog"]["isPublic"]


@pytest.mark.spec("G8")
async def test_everything_with_an_id_is_found_by_it(company: World, ask: Ask) -> None:
    ids = everything(ask)

    found = await ask.one(NODES, by="Mona", ids=ids)

    assert [each["id"] for each in found] == ids
    assert [each["__typename"] for each in found] == list(KINDS)
    single = NODES.replace("nodes(ids", "node(id").replace("[ID!]", "ID")
    assert await ask.one(single, by="Mona", ids=ids[0]) == found[0]


async def test_a_node_is_seen_by_whom_its_own_field_shows_it_to(company: World, ask: Ask) -> None:
    expected = {
        "Mona": [True] * 5,
        "Cora": [True, True, False, True, True],
        "Lea": [False, False, False, False, True],
    }
    fields = ("course", "member", "segment")
    for by, sees in expected.items():
        found = await ask.one(NODES, by=by, ids=everything(ask))
        assert [each is not None for each in found] == sees, by
        for field, id, seen in zip(fields, everything(ask), sees, strict=False):
            document = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}"
            direct = await ask.whole(document, by=by, id=id)
            assert (direct["data"][field] is not None) is seen, (by, field)


async def test_hidden_missing_foreign_and_meaningless_ids_are_all_nothing(
    company: World, ask: Ask
) -> None:
    ids = [
        ask.id("Course", "Safety"),
        ask.id("Segment", "Sales"),
        *(encode(kind, number) for kind in KINDS for number in (999, 2**31, 2**63, 10**39)),
        encode("Query", 1),
        encode("Starship", 1),
        "garbage",
        "",
        "å",
    ]

    found = await ask.one(NODES, by="Lea", ids=ids)

    assert found == [None] * len(ids)


async def test_more_than_100_nodes_are_refused_and_nothing_else_suffers(
    company: World, ask: Ask
) -> None:
    answer = await ask.whole(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } viewer { name } }",
        by="Mona",
        ids=["x"] * 101,
    )

    assert answer["data"] == {"nodes": None, "viewer": {"name": "Mona"}}
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "limit": 100, "actual": 101}


@pytest.mark.parametrize("field", ["course", "member", "segment"])
async def test_a_direct_field_tells_hidden_from_missing_in_no_byte(
    company: World, ask: Ask, field: str
) -> None:
    kind = field.title()
    hidden = {"course": "Safety", "member": "Mona", "segment": "Sales"}[field]
    document = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}"
    numbers = (999, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**39)

    told = {await ask.bytes(document, by="Lea", id=ask.id(kind, hidden))}
    told |= {await ask.bytes(document, by="Lea", id=encode(kind, number)) for number in numbers}
    meaningless = await ask.code(document, by="Lea", id="garbage")
    another = await ask.code(document, by="Lea", id=encode("Department", 1))

    assert len(told) == 1
    assert b"NOT_FOUND" in told.pop()
    assert meaningless == another == "BAD_USER_INPUT"


async def test_every_operation_may_be_asked_about_at_once(company: World, ask: Ask) -> None:
    operations = [each.name for each in Permission]

    answers = (
        await ask.one(
            "query ($o: [Permission!]!) { viewer { can(operations: $o) { isAllowed } } }",
            by="Mona",
            o=operations,
        )
    )["can"]

    assert len(answers) == 68
