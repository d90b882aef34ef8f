"""`coordinator token` makes, lists and ends tokens on the database it finds."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
@furnished
async def world(world: World) -> World:
    await world.member("Ada")
    return world


def token(database_url: str, *arguments: str, **given: str) -> Answer:
    return run("token", *arguments, given={"DATABASE_URL": database_url, **given})


async def test_a_token_is_made_listed_and_ended(world: World, database_url: str) -> None:
    made = token(database_url, "create", "laptop", "--member", "ADA@acme.example")
    assert made.code == 0, made.err
    _, kind, id, _ = made.out.strip().split("_")
    assert kind == "pat"

    listed = token(database_url, "list")
    ended = token(database_url, "revoke", id)
    again = token(database_url, "revoke", "000000000000")

    assert id in listed.out
    assert "laptop" in listed.out
    assert made.out.strip() not in listed.out
    assert ended.out == f"Token {id} is revoked.\n"
    assert (again.code, again.err) == (1, "There is no such token.\n")
    assert (await world.verbs())[-2:] == ["token.created", "token.revoked"]


async def test_a_minted_token_is_a_signed_one(
    world: World, database_url: str, tmp_path: str
) -> None:
    minted = token(
        *(database_url, "mint", str(world.members["Ada"])),
        *("--hours", "1", "--data-dir", str(tmp_path)),
    )

    assert minted.code == 0, minted.err
    assert minted.out.count(".") == 2
    assert minted.out.startswith("ey")


async def test_wrong_names_are_answered_with_what_there_is(
    world: World, database_url: str, sessions: async_sessionmaker[AsyncSession]
) -> None:
    stranger = token(database_url, "mint", "nobody@acme.example")
    workspace = token(database_url, "list", "--workspace", "acne")
    await World.new(sessions, "globex")
    unsaid = token(database_url, "list")

    assert (stranger.code, stranger.err) == (
        2,
        "There is no member 'nobody@acme.example'; give a user name or a numeric id.\n",
    )
    assert workspace.err == "There is no workspace 'acne'; there are: acme.\n"
    assert unsaid.err == "Say which workspace with --workspace; there are: acme, globex.\n"


async def test_a_token_for_nobody_is_wrong_usage(world: World, database_url: str) -> None:
    answer = token(database_url, "create", "laptop")

    assert answer.code == 2
    assert "Say either --member or --connection." in answer.err


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {
                "COORDINATOR_ISSUERS": (
                    '[{"issuer": "https://id.example.com", "audience": "urn:lms",'
                    ' "workspaces": "acme", "match": "userName"}]'
                )
            },
            "people sign in at https://id.example.com, so tokens minted here are no longer taken",
        ),
        ({"COORDINATOR_LOCAL_ISSUER": "0"}, "COORDINATOR_LOCAL_ISSUER turns it off"),
    ],
)
async def test_where_there_is_no_local_issuer_minting_says_why(
    world: World, database_url: str, given: dict[str, str], reason: str
) -> None:
    answer = token(database_url, "mint", "ada@acme.example", **given)

    assert answer.code == 2
    assert answer.err == (
        f"There is no local issuer: {reason}. Sign in at an identity provider, make a token with "
        "`coordinator token create`, or set COORDINATOR_LOCAL_ISSUER=1.\n"
    )
