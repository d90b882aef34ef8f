"""One subject of an issuer is one member of a workspace, whoever says so at the same moment."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.invitations import SignInIdentity
from models.people import MemberState
from operations import sign_in_identities
from operations.refusals import Code, Refused
from operations.sign_in_identities import (
    Choice,
    Ended,
    Identity,
    MatchedBy,
    Nobody,
    NotInvited,
    Place,
    Search,
    WorkspaceNeeded,
    chosen,
)
from tests.furnishing import furnished
from tests.world import MONDAY, World

ADA = Identity("https://id.example.com", "ada-1")
OTHER = Identity("https://id.example.com", "ada-2")
ELSEWHERE = Identity("https://login.example.net", "ada-1")


@pytest.fixture
@furnished
async def world(world: World) -> World:
    for name in ("Ada", "Bo"):
        await world.member(name)
    return world


async def bind(world: World, name: str, identity: Identity) -> None:
    async with world.edge.transaction() as db:
        await sign_in_identities.bind(
            db,
            by=world.caller(name),
            member_id=world.members[name],
            identity=identity,
            at=MONDAY,
        )


async def refused(world: World, name: str, identity: Identity) -> str:
    with pytest.raises(Refused) as refusal:
        await bind(world, name, identity)
    assert refusal.value.code is Code.CONFLICT
    return refusal.value.message


async def bound(world: World) -> list[tuple[str, str, str]]:
    names = {number: name for name, number in world.members.items()}
    async with world.edge.read() as db:
        rows = await db.execute(
            select(SignInIdentity.member_id, SignInIdentity.issuer, SignInIdentity.subject)
            .where(SignInIdentity.workspace_id == world.workspace_id)
            .order_by(SignInIdentity.id)
        )
        return [(names[member], issuer, subject) for member, issuer, subject in rows]


async def test_binding_again_changes_nothing(world: World) -> None:
    await bind(world, "Ada", ADA)
    before = await world.verbs()

    await bind(world, "Ada", ADA)

    assert await bound(world) == [("Ada", ADA.issuer, ADA.subject)]
    assert await world.verbs() == before
    assert before[-1] == "identity.linked"


async def test_a_subject_of_somebody_is_not_moved_to_somebody_else(world: World) -> None:
    await bind(world, "Ada", ADA)

    assert "belongs to another member" in await refused(world, "Bo", ADA)
    assert await bound(world) == [("Ada", ADA.issuer, ADA.subject)]


async def test_a_member_is_one_subject_of_an_issuer_and_may_be_one_of_another(
    world: World,
) -> None:
    await bind(world, "Ada", ADA)
    await bind(world, "Ada", ELSEWHERE)

    assert "somebody else of the same identity provider" in await refused(world, "Ada", OTHER)
    assert len(await bound(world)) == 2


async def test_the_same_subject_is_somebody_in_each_workspace(
    world: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    await other.member("Ada")

    await bind(world, "Ada", ADA)
    await bind(other, "Ada", ADA)

    assert await bound(world) == await bound(other) == [("Ada", ADA.issuer, ADA.subject)]
    with pytest.raises(Refused, match="no such member"):
        async with world.edge.transaction() as db:
            await sign_in_identities.bind(
                db,
                by=world.caller("Ada"),
                member_id=other.members["Ada"],
                identity=OTHER,
                at=MONDAY,
            )


@pytest.mark.parametrize(
    "pairs",
    [
        [("Ada", ADA), ("Bo", ADA)],
        [("Ada", ADA), ("Ada", OTHER)],
        [("Ada", ADA), ("Ada", ADA)],
    ],
)
async def test_of_two_first_sign_ins_at_once_one_decides(
    world: World, pairs: Sequence[tuple[str, Identity]]
) -> None:
    outcomes = await asyncio.gather(
        *(bind(world, name, identity) for name, identity in pairs), return_exceptions=True
    )

    conflicts = [each for each in outcomes if each is not None]
    assert len(conflicts) == (0 if pairs[0] == pairs[1] else 1)
    assert all(isinstance(each, Refused) for each in conflicts)
    assert len(await bound(world)) == 1


async def test_unbinding_ends_what_is_open_and_lets_the_next_sign_in_decide(
    world: World,
) -> None:
    await bind(world, "Ada", ADA)
    async with world.edge.transaction() as db:
        gone = await sign_in_identities.unbind(db, by=world.system, member_id=world.members["Ada"])
        epoch = await db.scalar(text("SELECT access_epoch FROM member WHERE display_name = 'Ada'"))
    assert (gone, epoch) == ([ADA], 2)
    assert (await world.verbs())[-1] == "identity.removed"

    async with world.edge.transaction() as db:
        assert (
            await sign_in_identities.unbind(db, by=world.system, member_id=world.members["Ada"])
            == []
        )
    await bind(world, "Ada", OTHER)


def place(slug: str, state: str = "ACTIVE", member: int = 1, **facts: bool) -> Place:
    said = {"is_bound": True, "is_claimed": False} | facts
    return Place(1, slug, slug.title(), "UTC", member, "Ada", MemberState(state), 1, None, **said)


EMAIL = Search(MatchedBy.EMAIL, "ada@acme.example")
NAME = Search(MatchedBy.USER_NAME, "ada")


@pytest.mark.parametrize(
    ("places", "search", "workspace", "slug"),
    [
        ([place("acme")], None, None, "acme"),
        ([place("acme")], None, "acme", "acme"),
        ([place("acme"), place("two")], None, "two", "two"),
        ([place("acme"), place("two", "DEACTIVATED")], None, None, "acme"),
        ([place("acme"), place("two", is_bound=False, is_claimed=True)], NAME, None, "acme"),
        ([place("acme", "PENDING", is_bound=False)], NAME, None, "acme"),
        ([place("acme", "PENDING")], EMAIL, None, "acme"),
        (
            [place("acme"), place("two", member=2, is_bound=False), place("two", is_bound=False)],
            NAME,
            None,
            "acme",
        ),
    ],
)
def test_where_one_acts_is_clear(
    places: list[Place], search: Search | None, workspace: str | None, slug: str
) -> None:
    assert chosen(places, search=search, workspace=workspace)[0].slug == slug


@pytest.mark.parametrize(
    ("places", "search", "workspace", "why"),
    [
        ([], None, None, Nobody),
        ([], NAME, "acme", Nobody),
        ([place("acme", is_bound=False, is_claimed=True)], NAME, None, Nobody),
        (
            [place("acme", is_bound=False), place("acme", member=2, is_bound=False)],
            NAME,
            None,
            Nobody,
        ),
        ([place("acme", "PENDING", is_bound=False)], EMAIL, None, NotInvited),
        ([place("acme", "DEACTIVATED")], None, None, Ended),
        ([place("acme", "DEACTIVATED")], None, "acme", Ended),
        ([place("acme"), place("two", "DEACTIVATED")], None, "two", Ended),
        ([place("acme"), place("two")], None, None, WorkspaceNeeded),
        ([place("acme"), place("two")], None, "three", WorkspaceNeeded),
        ([place("acme")], None, "three", WorkspaceNeeded),
    ],
)
def test_where_one_acts_is_not_clear(
    places: list[Place], search: Search | None, workspace: str | None, why: type[Exception]
) -> None:
    with pytest.raises(why):
        chosen(places, search=search, workspace=workspace)


def test_the_choices_are_workspaces_one_can_act_in() -> None:
    places = [place("acme"), place("three", "DEACTIVATED"), place("two")]

    with pytest.raises(WorkspaceNeeded) as needed:
        chosen(places, search=None, workspace="three-and-a-half")

    assert needed.value.choices == (Choice("acme", "Acme"), Choice("two", "Two"))
