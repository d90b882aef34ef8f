"""Tokens of our own: shown once, stored as a digest, narrow, and over the moment they are ended."""

import datetime as dt
import hashlib
import re
import string
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.identity import Connection, ConnectionKind, TokenKind
from models.people import Member, MemberState
from operations import token_text, tokens
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights, require
from operations.tokens import ResolvedToken, Unusable
from tests.furnishing import furnished
from tests.world import MONDAY, World

HOUR = dt.timedelta(hours=1)


@dataclass
class Desk:
    """A workspace with an administrator, two others, and somewhere to make tokens."""

    world: World

    async def create(self, by: Caller | None = None, **given: Any) -> str:
        wanted: dict[str, Any] = {"kind": TokenKind.PAT, "name": "laptop", "at": MONDAY} | given
        async with self.world.edge.transaction() as db:
            _, shown = await tokens.create(db, by=by or self.world.system, **wanted)
        return shown

    async def revoke(self, token_id: str, by: Caller | None = None) -> None:
        async with self.world.edge.transaction() as db:
            await tokens.revoke(db, by=by or self.world.system, token_id=token_id, at=MONDAY)

    async def resolve(self, presented: str, at: dt.datetime = MONDAY) -> ResolvedToken | Unusable:
        async with self.world.edge.sessions() as db:
            return await tokens.resolve(db, presented, at=at)

    async def connection(self, name: str, kind: ConnectionKind = ConnectionKind.SCIM) -> int:
        async with self.world.edge.transaction() as db:
            made = Connection(workspace_id=self.world.workspace_id, name=name, kind=kind)
            db.add(made)
            await db.flush()
            return made.id


@pytest.fixture
@furnished
async def desk(world: World) -> Desk:
    for name in ("Wanda", "Ada", "Bo"):
        await world.member(name)
    await world.grant("Wanda", Principal.WORKSPACE_MANAGER)
    return Desk(world)


def id_of(shown: str) -> str:
    return shown.split("_")[2]


async def test_a_token_opens_what_it_was_made_for(desk: Desk) -> None:
    ada = desk.world.caller("Ada")

    shown = await desk.create(by=ada, member_id=ada.member_id, expires_at=MONDAY + HOUR)
    found = await desk.resolve(shown)

    assert re.fullmatch(r"lmsc_pat_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", shown)
    assert isinstance(found, ResolvedToken)
    assert (found.kind, found.workspace_id) == (TokenKind.PAT, desk.world.workspace_id)
    assert (found.member_id, found.connection_id, found.holder) == (ada.member_id, None, "Ada")
    assert (found.id, found.expires_at, found.scopes) == (id_of(shown), MONDAY + HOUR, None)


async def test_only_a_digest_of_the_secret_is_stored(desk: Desk) -> None:
    shown = await desk.create(member_id=desk.world.members["Ada"])

    async with desk.world.edge.read() as db:
        stored = (await db.execute(text("SELECT t::text, secret_sha256 FROM token t"))).one()
        told = await db.scalar(text("SELECT string_agg(j::text, '') FROM journal_entry j"))
    secret = shown.split("_")[3][:-6]
    assert stored.secret_sha256 == hashlib.sha256(secret.encode()).digest()
    assert secret not in stored[0]
    assert secret not in told
    assert stored.secret_sha256.hex() not in told


async def test_creating_and_revoking_stand_in_the_journal(desk: Desk) -> None:
    shown = await desk.create(member_id=desk.world.members["Ada"], name="phone")
    await desk.revoke(id_of(shown))
    await desk.revoke(id_of(shown))

    async with desk.world.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT verb, member_id, coalesce(after, before) AS token FROM journal_entry"
                " WHERE verb LIKE 'token.%' ORDER BY seq"
            )
        )
        told = [(row.verb, row.member_id, row.token["id"], row.token["name"]) for row in rows]
    ada = desk.world.members["Ada"]
    assert told == [
        ("token.created", ada, id_of(shown), "phone"),
        ("token.revoked", ada, id_of(shown), "phone"),
    ]


def wrong_checksum(shown: str) -> str:
    last = shown[-1]
    return shown[:-1] + ("a" if last != "a" else "b")


def other_secret(shown: str) -> str:
    body = shown[:-6]
    changed = body[:-1] + ("a" if body[-1] != "a" else "b")
    return changed + token_text.checksum(changed)


def other_kind(shown: str) -> str:
    changed = shown[:-6].replace("_pat_", "_svc_")
    return changed + token_text.checksum(changed)


def unknown_id(shown: str) -> str:
    changed = shown[:-6].replace(id_of(shown), "0" * 12)
    return changed + token_text.checksum(changed)


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (wrong_checksum, Unusable.CHECKSUM),
        (other_secret, Unusable.MISMATCH),
        (other_kind, Unusable.UNKNOWN),
        (unknown_id, Unusable.UNKNOWN),
        (lambda shown: shown[:-1], Unusable.MALFORMED),
        (lambda shown: shown[:40], Unusable.MALFORMED),
        (lambda shown: shown + "x", Unusable.MALFORMED),
        (lambda shown: shown + "\n", Unusable.MALFORMED),
        (lambda shown: " " + shown, Unusable.MALFORMED),
        (lambda shown: shown.upper(), Unusable.MALFORMED),
        (lambda shown: shown.replace("_pat_", "_root_"), Unusable.MALFORMED),
        (lambda shown: shown.replace("lmsc", "ghp"), Unusable.MALFORMED),
        (lambda shown: shown[:30] + "٣" + shown[31:], Unusable.MALFORMED),
        (lambda shown: shown[:30] + "\0" + shown[31:], Unusable.MALFORMED),
        (lambda _: "", Unusable.MALFORMED),
        (lambda _: "lmsc_pat_" + "a" * 200_000, Unusable.MALFORMED),
        (lambda _: "lmsc_pat_' OR 1=1 --_" + "a" * 49, Unusable.MALFORMED),
    ],
)
async def test_nothing_but_the_token_itself_opens(desk: Desk, forge: Any, why: Unusable) -> None:
    shown = await desk.create(member_id=desk.world.members["Ada"])

    assert await desk.resolve(forge(shown)) is why


async def test_a_malformed_token_costs_no_query(desk: Desk, statements: list[str]) -> None:
    shown = await desk.create(member_id=desk.world.members["Ada"])
    statements.clear()

    await desk.resolve(wrong_checksum(shown))
    assert statements == []

    await desk.resolve(shown)
    assert len(statements) == 1


async def test_a_token_ends_when_revoked_and_at_its_time(desk: Desk) -> None:
    ada = desk.world.members["Ada"]
    revoked = await desk.create(member_id=ada)
    short = await desk.create(member_id=ada, expires_at=MONDAY + HOUR)

    await desk.revoke(id_of(revoked))

    assert await desk.resolve(revoked) is Unusable.REVOKED
    assert isinstance(
        await desk.resolve(short, MONDAY + HOUR - dt.timedelta(seconds=1)), ResolvedToken
    )
    assert await desk.resolve(short, MONDAY + HOUR) is Unusable.EXPIRED
    async with desk.world.edge.sessions() as db:
        assert not await tokens.is_live(db, id_of(revoked), at=MONDAY)
        assert await tokens.is_live(db, id_of(short), at=MONDAY)
        assert not await tokens.is_live(db, id_of(short), at=MONDAY + HOUR)


async def test_a_token_ends_with_its_member(desk: Desk) -> None:
    shown = await desk.create(member_id=desk.world.members["Ada"])

    await desk.world.set_state("Ada", MemberState.DEACTIVATED)
    assert await desk.resolve(shown) is Unusable.MEMBER_DEACTIVATED

    await desk.world.set_state("Ada", MemberState.ACTIVE)
    assert isinstance(await desk.resolve(shown), ResolvedToken)

    async with desk.world.edge.transaction() as db:
        await db.execute(
            update(Member).where(Member.user_name.like("ada@%")).values(deleted_at=MONDAY)
        )
    assert await desk.resolve(shown) is Unusable.MEMBER_DELETED


async def test_a_connections_token_acts_as_the_connection_while_it_is_enabled(desk: Desk) -> None:
    okta = await desk.connection("Okta")
    shown = await desk.create(kind=TokenKind.SCIM, connection_id=okta)

    found = await desk.resolve(shown)
    assert isinstance(found, ResolvedToken)
    assert (found.member_id, found.connection_id, found.holder) == (None, okta, "Okta")

    async with desk.world.edge.transaction() as db:
        await db.execute(update(Connection).values(is_enabled=False))
    assert await desk.resolve(shown) is Unusable.CONNECTION_DISABLED
    async with desk.world.edge.sessions() as db:
        assert not await tokens.is_live(db, found.id, at=MONDAY)


async def test_a_connection_has_two_live_tokens_so_that_they_can_be_rotated(desk: Desk) -> None:
    okta = await desk.connection("Okta")
    first = await desk.create(kind=TokenKind.SCIM, connection_id=okta)
    await desk.create(kind=TokenKind.SCIM, connection_id=okta)

    with pytest.raises(Refused, match="has 2 live tokens, and 2 are the limit") as refusal:
        await desk.create(kind=TokenKind.SCIM, connection_id=okta)
    assert refusal.value.code is Code.LIMIT_REACHED

    await desk.revoke(id_of(first))
    third = await desk.create(kind=TokenKind.SCIM, connection_id=okta)
    assert isinstance(await desk.resolve(third), ResolvedToken)


async def test_people_make_list_and_revoke_their_own_tokens(desk: Desk) -> None:
    ada, bo = desk.world.caller("Ada"), desk.world.caller("Bo")
    shown = await desk.create(by=ada, member_id=ada.member_id)
    await desk.create(by=bo, member_id=bo.member_id)

    async with desk.world.edge.read() as db:
        mine = await tokens.list_tokens(db, by=ada)
    await desk.revoke(id_of(shown), by=ada)

    assert [token.id for token in mine] == [id_of(shown)]
    assert await desk.resolve(shown) is Unusable.REVOKED


async def test_other_peoples_tokens_are_a_workspace_managers_business(desk: Desk) -> None:
    ada, bo, wanda = (desk.world.caller(name) for name in ("Ada", "Bo", "Wanda"))
    hers = await desk.create(by=ada, member_id=ada.member_id)

    for attempt in (
        desk.create(by=bo, member_id=ada.member_id),
        desk.create(by=bo, member_id=bo.member_id, kind=TokenKind.SERVICE),
        desk.create(by=bo, kind=TokenKind.SCIM, connection_id=await desk.connection("Okta")),
        desk.revoke(id_of(hers), by=bo),
    ):
        with pytest.raises(Denied):
            await attempt
    async with desk.world.edge.read() as db:
        with pytest.raises(Denied):
            await tokens.list_tokens(db, by=bo, everybodys=True)
    assert isinstance(await desk.resolve(hers), ResolvedToken)

    program = await desk.create(by=wanda, member_id=ada.member_id, kind=TokenKind.SERVICE)
    await desk.revoke(id_of(hers), by=wanda)
    async with desk.world.edge.read() as db:
        everybodys = await tokens.list_tokens(db, by=wanda, everybodys=True)
    assert {token.id for token in everybodys} == {id_of(hers), id_of(program)}


async def test_tokens_of_another_workspace_do_not_exist(
    desk: Desk, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = Desk(await World.new(sessions, "umbrella"))
    await other.world.member("Mallory")
    await other.world.grant("Mallory", Principal.WORKSPACE_MANAGER)
    mallory = other.world.caller("Mallory")
    hers = await desk.create(member_id=desk.world.members["Ada"])
    okta = await desk.connection("Okta")

    for attempt in (
        desk.revoke(id_of(hers), by=mallory),
        desk.create(by=mallory, member_id=desk.world.members["Ada"]),
        desk.create(by=mallory, kind=TokenKind.SCIM, connection_id=okta),
    ):
        with pytest.raises(Refused) as refusal:
            await attempt
        assert refusal.value.code is Code.NOT_FOUND
    async with desk.world.edge.read() as db:
        assert await tokens.list_tokens(db, by=mallory, everybodys=True) == []
    found = await desk.resolve(hers)
    assert isinstance(found, ResolvedToken)
    assert found.workspace_id == desk.world.workspace_id


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": ""}, "a name of 1 to 100 characters; this one has 0"),
        ({"name": "x" * 101}, "this one has 101"),
        ({"scopes": ["assign_learner", "fly"]}, "unknown: fly"),
        ({"expires_at": MONDAY}, "would have expired already"),
        ({"member_id": None}, "name exactly one"),
        ({"connection_id": 1}, "name exactly one"),
        ({"kind": TokenKind.SCIM}, "acts as a connection, not as a member"),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(
    desk: Desk, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as refusal:
        await desk.create(**{"member_id": desk.world.members["Ada"]} | given)

    assert refusal.value.code is Code.BAD_USER_INPUT
    async with desk.world.edge.read() as db:
        assert await db.scalar(text("SELECT count(*) FROM token")) == 0


async def test_only_a_scim_token_acts_as_a_connection_and_only_as_a_scim_one(desk: Desk) -> None:
    okta = await desk.connection("Okta")
    hook = await desk.connection("Hook", ConnectionKind.WEBHOOK)

    wrong: tuple[dict[str, Any], ...] = (
        {"kind": TokenKind.PAT, "connection_id": okta},
        {"kind": TokenKind.SCIM, "connection_id": hook},
    )
    for given in wrong:
        with pytest.raises(Refused, match="only a SCIM token acts as a connection"):
            await desk.create(**given)
    with pytest.raises(Refused, match="has no scopes"):
        await desk.create(kind=TokenKind.SCIM, connection_id=okta, scopes=["assign_learner"])


async def test_nobody_gets_a_token_who_could_not_use_it(desk: Desk) -> None:
    await desk.world.set_state("Bo", MemberState.DEACTIVATED)

    with pytest.raises(Refused, match="Bo is deactivated") as refusal:
        await desk.create(member_id=desk.world.members["Bo"])

    assert refusal.value.code is Code.CONFLICT


async def test_a_scoped_token_leaves_a_person_only_those_permissions(desk: Desk) -> None:
    wanda = desk.world.members["Wanda"]
    shown = await desk.create(member_id=wanda, scopes=["list_all_members"])
    found = await desk.resolve(shown)
    assert isinstance(found, ResolvedToken)
    caller = Caller(
        found.workspace_id,
        "Wanda",
        desk.world.caller("Wanda").origin,
        member_id=wanda,
        limited_to=found.scopes,
    )

    async with desk.world.edge.read() as db:
        rights = Rights(caller)
        await rights.prepare(db)
        allowed = {
            each
            for each in (Permission.LIST_ALL_MEMBERS, Permission.DEACTIVATE_MEMBER)
            if rights.decide(each, Scope.WORKSPACE, found.workspace_id).allowed
        }
        with pytest.raises(Denied, match="limited to other permissions than DEACTIVATE_MEMBER"):
            await require(db, caller, Permission.DEACTIVATE_MEMBER)
    assert allowed == {Permission.LIST_ALL_MEMBERS}


async def test_a_scoped_token_makes_and_ends_no_tokens(desk: Desk) -> None:
    ada = desk.world.caller("Ada")
    scoped = replace(ada, limited_to=frozenset({Permission.LIST_LEARNERS}))
    shown = await desk.create(member_id=ada.member_id)

    for scopes in ([], ["list_learners"], ["assign_learner"]):
        with pytest.raises(Refused, match="makes and ends no tokens"):
            await desk.create(by=scoped, member_id=ada.member_id, scopes=scopes)
    async with desk.world.edge.transaction() as db:
        with pytest.raises(Refused, match="makes and ends no tokens"):
            await tokens.revoke(db, by=scoped, token_id=shown.split("_")[2], at=MONDAY)
    assert isinstance(await desk.resolve(shown, MONDAY), ResolvedToken)


async def test_use_is_noted_to_the_minute(desk: Desk) -> None:
    shown = await desk.create(member_id=desk.world.members["Ada"])
    noted = []
    for seconds in (0, 59, 60, 61, 125):
        at = MONDAY + dt.timedelta(seconds=seconds)
        found = await desk.resolve(shown, at)
        assert isinstance(found, ResolvedToken)
        async with desk.world.edge.transaction() as db:
            await tokens.note_use(db, token_id=found.id, at=at)
            last = await db.scalar(text("SELECT last_used_at FROM token"))
        noted.append((found.use_is_unnoted, (last - MONDAY).total_seconds()))

    assert noted == [(True, 0), (False, 0), (True, 60), (False, 60), (True, 125)]


def test_the_checksum_is_the_crc_of_all_before_it() -> None:
    import zlib

    body = "lmsc_pat_AbCdEf012345_" + "x" * 43

    number = 0
    for digit in token_text.checksum(body):
        number = number * 62 + (string.digits + string.ascii_letters).index(digit)

    assert number == zlib.crc32(body.encode())


async def test_who_may_not_make_tokens_for_others_does_not_learn_who_exists(desk: Desk) -> None:
    for member_id in (desk.world.members["Bo"], 987_654):
        with pytest.raises(Denied):
            await desk.create(by=desk.world.caller("Ada"), member_id=member_id)
