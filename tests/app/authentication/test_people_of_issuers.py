"""Somebody an issuer vouches for is one member of one workspace, found once and bound for good."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest
import structlog
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Origin
from app.authentication.bearer import DEACTIVATED, NO_ACCOUNT_YET, NOT_SIGNED_IN
from app.graphql.contracts import Forbidden, Unauthenticated
from app.graphql.errors import RequestRefused
from models.people import Member, MemberState
from tests.app.authentication.elsewhere import Server, serving
from tests.app.authentication.visitors import HOUR, Visitors, about, directory, setting_for
from tests.furnishing import furnished
from tests.world import MONDAY, World

ADA = "ada@acme.example"


@pytest.fixture
@furnished
async def world(world: World) -> World:
    await world.member("Ada", emails=[ADA])
    await world.member("Bo", emails=["bo@acme.example"])
    await world.member("Pia", emails=["pia@acme.example"], state=MemberState.PENDING)
    return world


@pytest.fixture
async def visitors(world: World, server: Server) -> AsyncIterator[Visitors]:
    visitors = Visitors(world, server, setting_for(server))
    yield visitors
    await visitors.issuers.close()


async def refused(visitors: Visitors, token: str, workspace: str | None = None) -> str:
    """Why somebody was not let in: what the log says."""
    with structlog.testing.capture_logs() as logged, pytest.raises(Unauthenticated) as refusal:
        await visitors.enter(token, workspace)
    assert str(refusal.value) == NOT_SIGNED_IN
    return str(logged[-1]["reason"])


async def test_the_first_sign_in_is_matched_by_the_directorys_id_and_bound(
    visitors: Visitors,
) -> None:
    await directory(visitors.world, Ada="ada-1", Bo="bo-1")

    entered = await visitors.enter(visitors.token("ada-1"))

    caller = entered.caller
    ada = visitors.world.members["Ada"]
    assert (caller.member_id, caller.name, caller.origin) == (ada, "Ada", Origin.GRAPHQL)
    assert caller.client == "198.51.100.7"
    assert entered.expires_at == MONDAY + HOUR
    assert [choice.slug for choice in entered.workspaces] == ["acme"]
    assert await visitors.bound() == [(visitors.server.address, "ada-1", ada)]
    assert "identity.linked" in await visitors.world.verbs()
    assert await visitors.bearer.still_valid(entered)


async def test_whoever_is_bound_costs_one_statement(
    visitors: Visitors, statements: list[str]
) -> None:
    await directory(visitors.world, Ada="ada-1")
    await visitors.enter(visitors.token("ada-1"))
    statements.clear()

    await visitors.enter(visitors.token("ada-1"))

    assert len(statements) == 1


async def test_a_new_name_or_id_elsewhere_moves_nobody_to_another_account(
    visitors: Visitors,
) -> None:
    visitors.trust(setting_for(visitors.server, match="userName"))
    first = visitors.token("ada-1", preferred_username="ada@acme.example")
    await visitors.enter(first)

    renamed = visitors.token("ada-1", preferred_username="bo@acme.example")
    entered = await visitors.enter(renamed)

    assert entered.caller.member_id == visitors.world.members["Ada"]


async def test_another_subject_of_the_issuer_does_not_get_a_name_that_belongs_to_somebody(
    visitors: Visitors,
) -> None:
    visitors.trust(setting_for(visitors.server, match="userName"))
    await visitors.enter(visitors.token("ada-1", preferred_username=ADA))

    reason = await refused(visitors, visitors.token("new-ada", preferred_username=ADA))

    assert "bound to another subject of this issuer" in reason
    assert [subject for _, subject, _ in await visitors.bound()] == ["ada-1"]


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ("userName", {"preferred_username": "ADA@Acme.example"}),
        ("email", {"email": "ADA@Acme.example", "email_verified": True}),
    ],
)
async def test_names_and_addresses_match_whatever_their_case(
    visitors: Visitors, match: str, said: dict[str, object]
) -> None:
    visitors.trust(setting_for(visitors.server, match=match))

    entered = await visitors.enter(visitors.token("ada-1", **said))

    assert entered.caller.name == "Ada"


@pytest.mark.parametrize("verified", [False, None, "true", 1, ...])
async def test_an_address_that_is_not_verified_is_nobodys(
    visitors: Visitors, verified: object
) -> None:
    visitors.trust(setting_for(visitors.server, match="email"))

    reason = await refused(visitors, visitors.token("x", email=ADA, email_verified=verified))

    assert "no usable email" in reason
    assert await visitors.bound() == []


@pytest.mark.parametrize("value", [..., None, "", 7, ["ada-1"], "x" * 321, "ada\0"])
async def test_a_token_that_does_not_say_who_is_nobody(visitors: Visitors, value: object) -> None:
    visitors.trust(setting_for(visitors.server, claim="employee"))
    await directory(visitors.world, Ada="ada-1")

    reason = await refused(visitors, visitors.token("ada-1", employee=value))

    assert "no usable employee" in reason


async def test_an_id_that_two_directories_give_to_different_people_is_nobodys(
    visitors: Visitors,
) -> None:
    await directory(visitors.world, "Okta", Ada="7")
    await directory(visitors.world, "Entra", Bo="7")

    assert "fits 2 members of acme: nobody is chosen" in await refused(
        visitors, visitors.token("7")
    )


async def test_an_id_that_two_directories_give_to_one_person_is_that_persons(
    visitors: Visitors,
) -> None:
    await directory(visitors.world, "Okta", Ada="7")
    await directory(visitors.world, "Entra", Ada="7")

    assert (await visitors.enter(visitors.token("7"))).caller.name == "Ada"


async def test_ids_of_other_directories_do_not_count_where_one_is_named(
    visitors: Visitors,
) -> None:
    visitors.trust(setting_for(visitors.server, connection="okta"))
    await directory(visitors.world, "Okta", Ada="7")
    await directory(visitors.world, "Payroll", Bo="7", Ada="8")

    assert (await visitors.enter(visitors.token("7"))).caller.name == "Ada"
    assert "no member fits" in await refused(visitors, visitors.token("8"))


async def test_an_address_that_two_people_have_is_nobodys(visitors: Visitors) -> None:
    await visitors.world.member("Ada Two", emails=[ADA])
    visitors.trust(setting_for(visitors.server, match="email"))

    reason = await refused(visitors, visitors.token("x", email=ADA, email_verified=True))

    assert "fits 2 members" in reason


async def test_two_issuers_may_vouch_for_one_person(visitors: Visitors) -> None:
    async with serving() as server:
        other = Visitors(visitors.world, server, setting_for(server, match="userName"))
        await directory(visitors.world, Ada="ada-1")

        first = await visitors.enter(visitors.token("ada-1"))
        second = await other.enter(other.token("a-9", preferred_username=ADA))

        assert first.caller.member_id == second.caller.member_id
        assert len(await visitors.bound()) == 2
        await other.issuers.close()


async def test_one_issuer_does_not_speak_in_the_name_of_another(visitors: Visitors) -> None:
    async with serving() as server:
        other = Visitors(visitors.world, server, setting_for(server))
        await directory(visitors.world, Ada="ada-1")
        visitors.trust(setting_for(visitors.server), setting_for(server))

        forged = other.token("ada-1", iss=visitors.server.address)

        assert "bad_signature" in await refused(visitors, forged)
        await other.issuers.close()


@pytest.mark.parametrize("match", ["externalId", "userName"])
async def test_somebody_added_has_an_account_from_the_first_sign_in(
    visitors: Visitors, match: str
) -> None:
    visitors.trust(setting_for(visitors.server, match=match))
    await directory(visitors.world, Pia="pia-1")

    entered = await visitors.enter(visitors.token("pia-1", preferred_username="pia@acme.example"))

    assert await visitors.state_of("Pia") == "ACTIVE"
    assert (await visitors.world.verbs())[-2:] == ["identity.linked", "member.activated"]
    assert await visitors.bearer.still_valid(entered)


async def test_an_address_alone_makes_no_account(visitors: Visitors) -> None:
    visitors.trust(setting_for(visitors.server, match="email"))
    token = visitors.token("pia-1", email="pia@acme.example", email_verified=True)

    with pytest.raises(Forbidden, match=NO_ACCOUNT_YET):
        await visitors.enter(token)

    assert await visitors.state_of("Pia") == "PENDING"
    assert await visitors.bound() == []


async def test_the_deactivated_are_told_and_their_streams_end(visitors: Visitors) -> None:
    await directory(visitors.world, Ada="ada-1", Bo="bo-1")
    entered = await visitors.enter(visitors.token("ada-1"))

    await visitors.world.set_state("Ada", MemberState.DEACTIVATED)
    await visitors.world.set_state("Bo", MemberState.DEACTIVATED)

    assert not await visitors.bearer.still_valid(entered)
    for subject in ("ada-1", "bo-1"):
        with pytest.raises(Forbidden, match=DEACTIVATED):
            await visitors.enter(visitors.token(subject))
    assert len(await visitors.bound()) == 1


async def test_the_deleted_are_strangers_and_who_comes_back_is_matched_anew(
    visitors: Visitors,
) -> None:
    visitors.trust(setting_for(visitors.server, match="userName"))
    token = visitors.token("ada-1", preferred_username=ADA)
    await visitors.enter(token)
    await visitors.world.set_state("Ada", MemberState.DEACTIVATED)
    async with visitors.world.edge.transaction() as db:
        await db.execute(update(Member).where(Member.user_name == ADA).values(deleted_at=MONDAY))

    assert "no member fits" in await refused(visitors, token)

    former = visitors.world.members["Ada"]
    await visitors.world.member("Ada")
    entered = await visitors.enter(token)
    assert entered.caller.member_id == visitors.world.members["Ada"] != former
    assert [member for _, _, member in await visitors.bound()] == [entered.caller.member_id]


async def test_an_issuer_speaks_only_for_the_workspaces_it_was_given(
    visitors: Visitors, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    await other.member("Ada")
    await directory(other, Ada="ada-1")

    assert "is nobody in acme" in await refused(visitors, visitors.token("ada-1"))
    assert "is nobody in acme" in await refused(visitors, visitors.token("ada-1"), "umbrella")

    visitors.trust(setting_for(visitors.server, workspaces=["umbrella"]))
    entered = await visitors.enter(visitors.token("ada-1"))
    assert entered.caller.workspace_id == other.workspace_id

    visitors.trust(setting_for(visitors.server))
    assert "is nobody in acme" in await refused(visitors, visitors.token("ada-1"))


async def in_two_places(visitors: Visitors, sessions: async_sessionmaker[AsyncSession]) -> World:
    """Ada works for a second tenant too; a third one she has nothing to do with."""
    other = await World.new(sessions, "umbrella")
    await other.member("Ada")
    third = await World.new(sessions, "hidden")
    await third.member("Ada")
    visitors.trust(
        setting_for(visitors.server, workspaces=["umbrella", "acme", "hidden", "nowhere"])
    )
    await directory(visitors.world, Ada="ada-1")
    await directory(other, Ada="ada-1")
    return other


async def test_in_several_workspaces_one_has_to_be_named_and_only_ones_own_are_told(
    visitors: Visitors, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await in_two_places(visitors, sessions)

    for said in (None, "hidden", "nowhere", "ACME"):
        with pytest.raises(RequestRefused) as choice:
            await visitors.enter(visitors.token("ada-1"), said)
        [error] = choice.value.errors
        assert choice.value.status == 400
        assert error["extensions"] == {
            "code": "WORKSPACE_REQUIRED",
            "workspaces": [
                {"slug": "acme", "name": "Acme"},
                {"slug": "umbrella", "name": "Umbrella"},
            ],
        }
        assert "hidden" not in str(error)
    assert await visitors.bound() == []


@pytest.mark.parametrize("door", ["http", "websocket"])
async def test_one_acts_in_the_workspace_one_names_and_in_no_other(
    visitors: Visitors, sessions: async_sessionmaker[AsyncSession], door: str
) -> None:
    other = await in_two_places(visitors, sessions)
    worlds = {"acme": visitors.world, "umbrella": other}

    for slug, world in worlds.items():
        said = (
            about({"x-coordinator-workspace": slug})
            if door == "http"
            else about({}, params={"workspace": slug})
        )
        entered = await visitors.bearer.authenticate(visitors.token("ada-1"), request_info=said)
        assert (entered.caller.workspace_id, entered.caller.member_id) == (
            world.workspace_id,
            world.members["Ada"],
        )
        assert [choice.slug for choice in entered.workspaces] == ["acme", "umbrella"]
    assert len(await visitors.bound()) == 2


async def test_where_one_is_deactivated_is_no_choice(
    visitors: Visitors, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await in_two_places(visitors, sessions)
    await other.set_state("Ada", MemberState.DEACTIVATED)

    entered = await visitors.enter(visitors.token("ada-1"))

    assert [choice.slug for choice in entered.workspaces] == ["acme"]
    with pytest.raises(Forbidden, match=DEACTIVATED):
        await visitors.enter(visitors.token("ada-1"), "umbrella")
    await visitors.world.set_state("Ada", MemberState.DEACTIVATED)
    with pytest.raises(Forbidden, match=DEACTIVATED):
        await visitors.enter(visitors.token("ada-1"))


@pytest.mark.parametrize(
    ("said", "is_let_in"),
    [
        ("acme", True),
        (["acme"], True),
        (["elsewhere", "acme"], True),
        ("ACME", False),
        ("", False),
        (None, False),
        (7, False),
        ({"acme": True}, False),
        (["ac\0me"], False),
        ([["acme"]], False),
        (["x"] * 50 + ["acme"], False),
        (..., False),
    ],
)
async def test_a_claim_may_name_the_workspace(
    visitors: Visitors, said: object, is_let_in: bool
) -> None:
    visitors.trust(setting_for(visitors.server, workspaces=..., workspace_claim="org"))
    await directory(visitors.world, Ada="ada-1")
    token = visitors.token("ada-1", org=said)

    if is_let_in:
        assert (await visitors.enter(token)).caller.name == "Ada"
    else:
        assert "is nobody" in await refused(visitors, token)


async def test_the_first_sign_in_of_a_month_is_counted_though_the_last_was_just_before(
    visitors: Visitors,
) -> None:
    await directory(visitors.world, Ada="ada-1")
    midnight = dt.datetime(2026, 3, 31, 22, 0, tzinfo=dt.UTC)  # in Stockholm
    for at in (midnight - dt.timedelta(minutes=2), midnight - dt.timedelta(minutes=1), midnight):
        visitors.now = at
        await visitors.enter(visitors.token("ada-1"))

    async with visitors.world.edge.read() as db:
        months = await db.scalars(text("SELECT month::text FROM sign_in_month ORDER BY month"))
        assert list(months) == ["2026-03-01", "2026-04-01"]


async def test_whom_an_issuer_vouches_for_is_told_before_there_is_a_member(
    visitors: Visitors,
) -> None:
    verified = await visitors.bearer.identify(
        visitors.token("new-1", email="new@acme.example"), request_info=about()
    )

    assert (verified.issuer, verified.subject) == (visitors.server.address, "new-1")
    assert verified.claims["email"] == "new@acme.example"
    assert await visitors.bound() == []
    for other in (None, "lmsc_pat_x", "garbage", visitors.token("x", aud="urn:other")):
        with pytest.raises(Unauthenticated):
            await visitors.bearer.identify(other, request_info=about())
