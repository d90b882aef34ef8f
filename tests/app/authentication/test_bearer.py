"""Whoever presents a good token is let in as exactly one person; nobody else learns anything."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Origin
from access.permissions import Permission
from app.authentication.authenticated import Authenticated
from app.authentication.bearer import NOT_SIGNED_IN, Bearer
from app.authentication.issuer import LocalIssuer
from app.authentication.trusting import trusted
from app.graphql.contracts import Forbidden, RequestInfo, Unauthenticated
from app.graphql.errors import RequestRefused
from models.identity import Connection, ConnectionKind, TokenKind
from models.people import Member, MemberState
from operations import tokens
from tests.world import MONDAY, World

HOUR = dt.timedelta(hours=1)


@dataclass
class Gate:
    """A workspace's door, with a clock that stands still until it is moved."""

    world: World
    local: LocalIssuer
    now: dt.datetime = MONDAY
    bearer: Bearer = field(init=False)

    def __post_init__(self) -> None:
        issuers = trusted([], self.local, self._seconds)
        self.bearer = Bearer(self.world.edge, issuers, lambda: self.now)

    def _seconds(self) -> float:
        return self.now.timestamp()

    async def enter(self, credentials: str | None, **headers: str) -> Authenticated:
        about = RequestInfo("r1", "http", "198.51.100.7", headers)
        return await self.bearer.authenticate(credentials, request_info=about)

    def jwt(self, name: str, workspace_id: int | None = None) -> str:
        return self.local.mint(
            workspace_id=workspace_id or self.world.workspace_id,
            member_id=self.world.members[name],
            ttl=HOUR,
            at=self.now,
        )

    async def own(self, kind: TokenKind = TokenKind.PAT, **given: Any) -> str:
        async with self.world.edge.transaction() as db:
            _, shown = await tokens.create(
                db, by=self.world.system, kind=kind, name="nightly export", at=self.now, **given
            )
        return shown

    async def revoke(self, shown: str) -> None:
        async with self.world.edge.transaction() as db:
            await tokens.revoke(db, by=self.world.system, token_id=shown.split("_")[2], at=self.now)

    async def connection(self) -> int:
        async with self.world.edge.transaction() as db:
            made = Connection(
                workspace_id=self.world.workspace_id, name="Okta", kind=ConnectionKind.SCIM
            )
            db.add(made)
            await db.flush()
            return made.id

    async def state_of(self, name: str) -> Any:
        async with self.world.edge.read() as db:
            found = await db.get(Member, self.world.members[name])
            assert found is not None
            return found.state, found.last_sign_in_at


@pytest.fixture
async def gate(sessions: async_sessionmaker[AsyncSession], tmp_path: Path) -> Gate:
    world = await World.new(sessions)
    await world.member("Ada")
    await world.member("Pia", state=MemberState.PENDING)
    return Gate(world, LocalIssuer.open(tmp_path))


async def test_a_jwt_lets_its_member_in(gate: Gate) -> None:
    entered = await gate.enter(gate.jwt("Ada"))

    caller = entered.caller
    assert (caller.workspace_id, caller.member_id) == (
        gate.world.workspace_id,
        gate.world.members["Ada"],
    )
    assert (caller.name, caller.origin, caller.limited_to) == ("Ada", Origin.GRAPHQL, None)
    assert (entered.expires_at, entered.token_id) == (MONDAY + HOUR, None)


async def test_a_persons_own_token_lets_that_person_in(gate: Gate) -> None:
    shown = await gate.own(member_id=gate.world.members["Ada"], scopes=["list_learners"])

    entered = await gate.enter(shown)

    assert (entered.caller.name, entered.caller.member_id) == ("Ada", gate.world.members["Ada"])
    assert entered.caller.limited_to == frozenset({Permission.LIST_LEARNERS})
    assert (entered.token_id, entered.expires_at) == (shown.split("_")[2], None)


async def test_a_program_is_named_beside_the_person_it_acts_for(gate: Gate) -> None:
    shown = await gate.own(TokenKind.SERVICE, member_id=gate.world.members["Ada"])

    assert (await gate.enter(shown)).caller.name == "nightly export (for Ada)"


async def test_a_connections_token_opens_scim_and_nothing_else(gate: Gate) -> None:
    okta = await gate.connection()
    scim = await gate.own(TokenKind.SCIM, connection_id=okta)
    pat = await gate.own(member_id=gate.world.members["Ada"])

    entered = await gate.bearer.authenticate_connection(scim)

    assert (entered.caller.connection_id, entered.caller.member_id) == (okta, None)
    assert (entered.caller.origin, entered.caller.name) == (Origin.SCIM, "Okta")
    with pytest.raises(Unauthenticated, match=NOT_SIGNED_IN):
        await gate.enter(scim)
    for other in (pat, gate.jwt("Ada"), None, ""):
        with pytest.raises(Unauthenticated, match=NOT_SIGNED_IN):
            await gate.bearer.authenticate_connection(other)


async def test_every_refusal_sounds_the_same_and_only_the_log_says_why(gate: Gate) -> None:
    ada = gate.world.members["Ada"]
    revoked, short = (
        await gate.own(member_id=ada),
        await gate.own(member_id=ada, expires_at=MONDAY + HOUR / 2),
    )
    await gate.revoke(revoked)
    old = gate.jwt("Ada")
    gate.now += HOUR * 2
    nobody = gate.local.mint(workspace_id=1, member_id=10**9, ttl=HOUR, at=gate.now)
    presented = [None, "", "x", "a.b.c", old, nobody, revoked, short, short[:-1], short + "x"]

    said, reasons = set(), []
    with structlog.testing.capture_logs() as logged:
        for each in presented:
            with pytest.raises(Unauthenticated) as refusal:
                await gate.enter(each)
            said.add(str(refusal.value))
        reasons = [entry["reason"] for entry in logged]

    assert said == {NOT_SIGNED_IN}
    assert len(reasons) == len(presented) - 1
    assert len(set(reasons)) >= 6
    assert not any(token in str(logged) for token in presented if token and len(token) > 9)


async def test_a_deactivated_person_is_refused_at_once_though_the_token_still_lives(
    gate: Gate,
) -> None:
    jwt, pat = gate.jwt("Ada"), await gate.own(member_id=gate.world.members["Ada"])
    await gate.enter(jwt)
    await gate.enter(pat)

    await gate.world.set_state("Ada", MemberState.DEACTIVATED)

    for each in (jwt, pat):
        with pytest.raises(Forbidden, match="deactivated"):
            await gate.enter(each)


async def test_a_deleted_person_is_a_stranger(gate: Gate) -> None:
    jwt, pat = gate.jwt("Ada"), await gate.own(member_id=gate.world.members["Ada"])
    await gate.world.set_state("Ada", MemberState.DEACTIVATED)
    async with gate.world.edge.transaction() as db:
        await db.execute(
            update(Member).where(Member.user_name.like("ada@%")).values(deleted_at=MONDAY)
        )

    for each in (jwt, pat):
        with pytest.raises(Unauthenticated, match=NOT_SIGNED_IN):
            await gate.enter(each)


async def test_a_token_is_good_in_its_own_workspace_only(
    gate: Gate, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    await other.member("Ada")
    own = await gate.enter(await gate.own(member_id=gate.world.members["Ada"]))

    with pytest.raises(Unauthenticated):
        await gate.enter(gate.jwt("Ada", workspace_id=other.workspace_id))

    assert own.caller.workspace_id == gate.world.workspace_id != other.workspace_id


async def test_a_first_arrival_makes_the_account(gate: Gate) -> None:
    entered = await gate.enter(gate.jwt("Pia"))

    assert await gate.state_of("Pia") == (MemberState.ACTIVE, MONDAY)
    assert (await gate.world.verbs())[-1] == "member.activated"
    assert await gate.bearer.still_valid(entered)


async def test_a_pending_persons_own_token_makes_the_account_too(gate: Gate) -> None:
    entered = await gate.enter(await gate.own(member_id=gate.world.members["Pia"]))

    assert (await gate.state_of("Pia"))[0] is MemberState.ACTIVE
    assert await gate.bearer.still_valid(entered)


async def test_sign_ins_are_noted_to_the_quarter_of_an_hour(gate: Gate) -> None:
    noted = []
    for minutes in (0, 14, 15, 29, 31):
        gate.now = MONDAY + dt.timedelta(minutes=minutes)
        await gate.enter(gate.jwt("Ada"))
        noted.append(((await gate.state_of("Ada"))[1] - MONDAY).total_seconds() / 60)

    assert noted == [0, 0, 15, 15, 31]


async def test_a_known_visitor_costs_one_statement(gate: Gate, statements: list[str]) -> None:
    jwt, pat = gate.jwt("Ada"), await gate.own(member_id=gate.world.members["Ada"])
    for each in (jwt, pat):
        await gate.enter(each)
        statements.clear()
        await gate.enter(each)
        assert len(statements) == 1


async def test_use_of_an_own_token_is_noted(gate: Gate) -> None:
    await gate.enter(await gate.own(member_id=gate.world.members["Ada"]))

    async with gate.world.edge.read() as db:
        assert await db.scalar(text("SELECT last_used_at FROM token")) == MONDAY


async def test_a_stream_is_over_when_its_token_is_revoked(gate: Gate) -> None:
    shown = await gate.own(member_id=gate.world.members["Ada"])
    other = await gate.enter(gate.jwt("Ada"))
    entered = await gate.enter(shown)
    assert await gate.bearer.still_valid(entered)

    await gate.revoke(shown)

    assert not await gate.bearer.still_valid(entered)
    assert await gate.bearer.still_valid(other)


async def test_a_stream_is_over_when_its_person_is_deactivated_even_if_only_for_a_moment(
    gate: Gate,
) -> None:
    streams = [
        await gate.enter(gate.jwt("Ada")),
        await gate.enter(await gate.own(member_id=gate.world.members["Ada"])),
    ]

    await gate.world.set_state("Ada", MemberState.DEACTIVATED)
    assert [await gate.bearer.still_valid(each) for each in streams] == [False, False]

    await gate.world.set_state("Ada", MemberState.ACTIVE)
    assert [await gate.bearer.still_valid(each) for each in streams] == [False, False]
    assert await gate.bearer.still_valid(await gate.enter(gate.jwt("Ada")))


async def test_a_stream_is_over_when_its_token_expires(gate: Gate) -> None:
    entered = await gate.enter(gate.jwt("Ada"))

    gate.now += HOUR

    assert not await gate.bearer.still_valid(entered)


async def test_a_connection_is_over_when_it_is_disabled(gate: Gate) -> None:
    scim = await gate.own(TokenKind.SCIM, connection_id=await gate.connection())
    entered = await gate.bearer.authenticate_connection(scim)
    assert await gate.bearer.still_valid(entered)

    async with gate.world.edge.transaction() as db:
        await db.execute(update(Connection).values(is_enabled=False))

    assert not await gate.bearer.still_valid(entered)
    with pytest.raises(Unauthenticated):
        await gate.bearer.authenticate_connection(scim)


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("sv-SE,sv;q=0.9,en;q=0.8", "sv-SE"),
        ("de", "de"),
        ("*", "en"),
        ("", "en"),
        ("../../etc", "en"),
        ("x" * 5_000, "en"),
    ],
)
async def test_the_language_asked_for_first_is_remembered(
    gate: Gate, header: str, locale: str
) -> None:
    entered = await gate.enter(gate.jwt("Ada"), **{"accept-language": header})

    assert entered.locale == locale


@pytest.mark.parametrize("kind", ["signed here", "our own"])
async def test_a_token_of_one_workspace_is_good_where_it_is_named_or_none_is(
    gate: Gate, sessions: async_sessionmaker[AsyncSession], kind: str
) -> None:
    await World.new(sessions, "umbrella")
    token = (
        gate.jwt("Ada")
        if kind == "signed here"
        else await gate.own(member_id=gate.world.members["Ada"])
    )

    entered = await gate.enter(token, **{"x-coordinator-workspace": "acme"})

    assert [choice.slug for choice in entered.workspaces] == ["acme"]
    for other in ("umbrella", "nowhere"):
        with pytest.raises(RequestRefused) as refusal:
            await gate.enter(token, **{"x-coordinator-workspace": other})
        assert str(refusal.value) == "The token is not good in that workspace, but in: acme."
