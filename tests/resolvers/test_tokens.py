"""Tokens of one's own through the API: shown once, listed without secrets, ended at once."""

from typing import Any

import pytest

from access.caller import Caller, Origin
from access.permissions import Permission, Principal
from models.identity import TokenKind
from operations import tokens
from operations.tokens import LIVE_TOKENS_PER_MEMBER
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

CREATE = """
mutation ($kind: TokenKind! = PAT, $name: String! = "laptop", $member: ID, $at: DateTime,
          $scopes: [Permission!], $key: String) {
  createToken(kind: $kind, name: $name, memberId: $member, scopes: $scopes, expiresAt: $at,
              idempotencyKey: $key) {
    secret cursor refusal { code message ... on LimitReached { limit count } }
    token { id kind name scopes expiresAt revokedAt member { displayName } connectionId }
  }
}
"""
REVOKE = """
mutation ($id: ID!) {
  revokeToken(tokenId: $id) { refusal { code } token { id revokedAt } }
}
"""
MINE = """
query ($ended: Boolean! = false, $first: Int, $after: String) {
  viewer { tokens(includeEnded: $ended, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id name scopes } } }
}
"""
ALL = """
query ($ended: Boolean! = false, $member: ID, $kind: [TokenKind!], $first: Int, $after: String) {
  tokens(includeEnded: $ended, memberId: $member, kind: $kind, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id name kind member { displayName } } }
}
"""
LATER = "2999-01-01T00:00:00Z"


@pytest.fixture
@furnished
async def office(world: World, ask: Ask) -> Ask:
    for name in ("Mona", "Ada", "Bo"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    return ask


async def made(office: Ask, by: str | Caller, **asked: Any) -> dict[str, Any]:
    answer = await office.one(CREATE, by=by, **asked)
    assert answer["refusal"] is None, answer
    found: dict[str, Any] = answer
    return found


async def names(office: Ask, document: str, by: str, **asked: Any) -> list[str]:
    [found] = (await office(document, by=by, **asked)).values()
    return [each["name"] for each in (found.get("tokens") or found)["nodes"]]


async def test_one_makes_a_token_for_oneself_and_sees_its_secret_once(office: Ask) -> None:
    first = await made(office, "Ada", scopes=["LIST_LEARNERS"], at=LATER, key="once")
    again = await made(office, "Ada", scopes=["LIST_LEARNERS"], at=LATER, key="once")

    token = first["token"]
    assert first["secret"].split("_")[:3] == ["lmsc", "pat", token["id"]]
    assert (again["secret"], again["token"]) == (None, token)
    assert {name: token[name] for name in ("kind", "name", "scopes", "expiresAt")} == {
        "kind": "PAT",
        "name": "laptop",
        "scopes": ["LIST_LEARNERS"],
        "expiresAt": "2999-01-01T00:00:00+00:00",
    }
    assert token["member"] == {"displayName": "Ada"}
    assert (await office.one(MINE, by="Ada"))["tokens"]["nodes"] == [
        {"id": token["id"], "name": "laptop", "scopes": ["LIST_LEARNERS"]}
    ]


async def test_managers_make_them_for_programs_and_for_others_and_nobody_else_does(
    office: Ask,
) -> None:
    ada = office.id("Member", "Ada")

    program = await made(office, "Mona", kind="SERVICE", name="export", member=ada)
    person = await made(office, "Mona", name="phone", member=ada)

    assert program["secret"].startswith("lmsc_svc_")
    assert person["token"]["member"] == {"displayName": "Ada"}
    for asked in ({"member": ada}, {"kind": "SERVICE"}, {"kind": "SERVICE", "member": ada}):
        assert await office.code(CREATE, by="Bo", **asked) == "PERMISSION_DENIED"
    assert await names(office, ALL, "Mona") == ["export", "phone"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"kind": "SCIM"}, "BAD_USER_INPUT"),
        ({"name": " "}, "BAD_USER_INPUT"),
        ({"name": "x" * 101}, "BAD_USER_INPUT"),
        ({"at": "2001-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"member": "garbage"}, "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_made_is_refused_with_a_reason(
    office: Ask, asked: dict[str, Any], code: str
) -> None:
    refusal = (await office.one(CREATE, by="Mona", **asked))["refusal"]

    assert refusal["code"] == code
    assert await names(office, ALL, "Mona") == []


async def test_a_person_has_so_many_live_tokens_and_no_more(office: Ask) -> None:
    ada = office.world.caller("Ada")
    async with office.world.edge.transaction() as db:
        made_so_far = [
            await tokens.create(
                db, by=ada, kind=TokenKind.PAT, name=f"t{n}", member_id=ada.member_id, at=MONDAY
            )
            for n in range(LIVE_TOKENS_PER_MEMBER)
        ]

    refusal = (await office.one(CREATE, by="Ada"))["refusal"]
    assert (refusal["code"], refusal["limit"], refusal["count"]) == ("LIMIT_REACHED", 50, 50)
    assert "revoke one first" in refusal["message"]

    await office.one(REVOKE, by="Ada", id=made_so_far[-1][0].id)
    await made(office, "Ada")
    await made(office, "Bo")


async def test_a_limited_token_makes_none(office: Ask) -> None:
    world = office.world
    limited = Caller(
        world.workspace_id,
        "Ada",
        Origin.GRAPHQL,
        member_id=world.members["Ada"],
        limited_to=frozenset({Permission.LIST_LEARNERS}),
    )

    refusals = [
        (await office.one(CREATE, by=limited, scopes=scopes))["refusal"]
        for scopes in (None, [], ["LIST_LEARNERS"])
    ]

    assert [each["code"] for each in refusals] == ["BAD_USER_INPUT"] * 3


async def test_one_ends_ones_own_and_managers_end_any(office: Ask) -> None:
    first, second = [await made(office, "Ada", name=name) for name in ("own", "other")]

    ended = await office.one(REVOKE, by="Ada", id=first["token"]["id"])
    again = await office.one(REVOKE, by="Ada", id=first["token"]["id"])
    assert ended["token"]["revokedAt"] == again["token"]["revokedAt"] is not None
    assert await office.code(REVOKE, by="Bo", id=second["token"]["id"]) == "PERMISSION_DENIED"
    assert await names(office, MINE, "Ada") == ["other"]
    assert await names(office, MINE, "Ada", ended=True) == ["other", "own"]

    await office.one(REVOKE, by="Mona", id=second["token"]["id"])
    assert await names(office, MINE, "Ada") == []
    assert (await office.one(REVOKE, by="Mona", id="nothing"))["refusal"]["code"] == "NOT_FOUND"


async def test_the_tokens_of_all_are_for_managers_by_person_and_kind(office: Ask) -> None:
    for name in ("Ada", "Bo"):
        await made(office, name, name=f"of {name}")
    await made(office, "Mona", kind="SERVICE", name="export", member=office.id("Member", "Bo"))

    assert await names(office, ALL, "Mona") == ["export", "of Ada", "of Bo"]
    assert await names(office, ALL, "Mona", member=office.id("Member", "Bo")) == [
        "export",
        "of Bo",
    ]
    assert await names(office, ALL, "Mona", kind=["SERVICE"]) == ["export"]
    assert await office.code(ALL, by="Ada") == "PERMISSION_DENIED"
    assert await names(office, MINE, "Ada") == ["of Ada"]


async def test_pages_of_tokens_go_on_where_the_last_one_ended(office: Ask) -> None:
    for n in range(5):
        await made(office, "Ada", name=f"t{n}")

    seen: list[list[str]] = []
    after, goes_on = None, True
    while goes_on:
        page = (await office.one(MINE, by="Ada", first=2, after=after))["tokens"]
        assert page["totalCount"] == 5
        seen.append([each["name"] for each in page["nodes"]])
        after, goes_on = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert seen == [["t0", "t1"], ["t2", "t3"], ["t4"]]


@pytest.mark.parametrize("count", [1, 20])
async def test_a_page_costs_as_many_statements_however_many_there_are(
    office: Ask, statements: list[str], count: int
) -> None:
    for n in range(count):
        await made(office, "Ada" if n % 2 else "Bo", name=f"t{n}")
    statements.clear()

    assert len(await names(office, ALL, "Mona")) == count

    assert len(statements) == 5, statements


async def test_another_tenants_tokens_do_not_exist(office: Ask, world: World) -> None:
    other = await World.new(world.edge.sessions, "umbrella")
    await other.member("Mona")
    await other.grant("Mona", Principal.WORKSPACE_MANAGER)
    theirs = await made(Ask(other), "Mona")

    assert await names(office, ALL, "Mona") == []
    refusal = (await office.one(REVOKE, by="Mona", id=theirs["token"]["id"]))["refusal"]
    assert refusal["code"] == "NOT_FOUND"
    foreign = Ask(other).id("Member", "Mona")
    assert await names(office, ALL, "Mona", member=foreign) == []
    assert (await office.one(CREATE, by="Mona", member=foreign))["refusal"]["code"] == "NOT_FOUND"


async def test_the_viewers_workspace_is_the_one_it_acts_in(office: Ask) -> None:
    found = await office.one("{ viewer { workspaces { slug name isCurrent } } }", by="Ada")

    assert found["workspaces"] == [{"slug": "acme", "name": "Acme", "isCurrent": True}]


@pytest.mark.parametrize(
    ("at", "said"),
    [("2999-01-01T00:00:00", "time zone"), ("9999-12-31T23:59:59-01:00", "9999")],
)
async def test_an_end_that_is_no_moment_is_refused_and_nothing_is_made(
    office: Ask, at: str, said: str
) -> None:
    answer = await office.one(CREATE, by="Ada", at=at)

    assert answer["refusal"]["code"] == "BAD_USER_INPUT"
    assert said in answer["refusal"]["message"]
    assert await names(office, MINE, "Ada") == []
