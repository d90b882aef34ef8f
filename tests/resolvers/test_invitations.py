"""Administrators see what became of an invitation, and have it sent again (C18)."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.people import MemberState
from tests.furnishing import furnished
from tests.mailing import Outbox
from tests.resolvers.asking import KEYS, Ask
from tests.world import World

RESEND = """mutation ($id: ID!) { resendInvitation(memberId: $id) {
  cursor member { displayName invitation { state sentCount } }
  refusal { code message ... on PlainRefusal { details } } } }"""
SHOWN = """query ($id: ID!) { member(id: $id) {
  invitation { state invitedAt lastSentAt sentCount expiresAt mail problem } } }"""


@pytest.fixture
@furnished
async def outbox(world: World) -> Outbox:
    """Pea was invited an hour ago. Max manages, Ivo may invite, Lea may neither."""
    outbox = Outbox(world, KEYS)
    for name in ("Max", "Ivo", "Lea"):
        await world.member(name)
    await world.grant("Max", Principal.WORKSPACE_MANAGER)
    await world.grant("Ivo", Principal.INVITE)
    await world.member("Pea", state=MemberState.PENDING, emails=["pea@acme.example"])
    await world.course("Safety")
    await world.enrol("Safety", "Pea")
    await outbox.look(at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    return outbox


async def resend(ask: Ask, name: str = "Pea", *, by: str = "Max") -> Any:
    return await ask.one(RESEND, by=by, id=ask.id("Member", name))


async def shown(ask: Ask, name: str, *, by: str = "Max") -> Any:
    return (await ask.one(SHOWN, by=by, id=ask.id("Member", name)))["invitation"]


@pytest.mark.parametrize("by", ["Max", "Ivo"])
async def test_who_may_send_it_again_does(outbox: Outbox, ask: Ask, by: str) -> None:
    answer = await resend(ask, by=by)

    assert answer["refusal"] is None
    assert answer["member"] == {
        "displayName": "Pea",
        "invitation": {"state": "INVITED", "sentCount": 2},
    }
    assert await outbox.invited() == ["Pea", "Pea"]


async def test_who_may_not_is_told_so_and_nothing_is_sent(outbox: Outbox, ask: Ask) -> None:
    code = await ask.code(RESEND, by="Lea", id=ask.id("Member", "Pea"))

    assert code == "PERMISSION_DENIED"
    assert await outbox.invited() == ["Pea"]


async def test_a_second_time_within_a_minute_is_refused_with_the_seconds_left(
    outbox: Outbox, ask: Ask
) -> None:
    await resend(ask)

    refusal = (await resend(ask))["refusal"]

    assert refusal["code"] == "TOO_SOON"
    assert 50 < refusal["details"]["secondsLeft"] <= 60
    assert len(await outbox.invited()) == 2


async def test_the_reason_is_data_when_there_is_an_account(outbox: Outbox, ask: Ask) -> None:
    assert (await resend(ask, "Lea"))["refusal"]["code"] == "ACCOUNT_EXISTS"
    assert await outbox.invited() == ["Pea"]


async def test_what_became_of_it_is_shown(outbox: Outbox, ask: Ask) -> None:
    invited = await shown(ask, "Pea")
    assert (invited["state"], invited["sentCount"]) == ("INVITED", 1)
    assert invited["invitedAt"] == invited["lastSentAt"] < invited["expiresAt"]
    assert (await shown(ask, "Lea"))["state"] == "NOT_INVITED"

    await _set(outbox.world, "expires_at = now()")
    assert (await shown(ask, "Pea"))["state"] == "EXPIRED"

    await outbox.world.set_state("Pea", MemberState.ACTIVE)
    assert (await shown(ask, "Pea"))["state"] == "ACCEPTED"


async def test_a_mail_that_cannot_be_delivered_is_shown_with_the_reason(
    outbox: Outbox, ask: Ask
) -> None:
    invited = await shown(ask, "Pea")
    assert (invited["mail"], invited["problem"]) == ("QUEUED", None)
    async with outbox.world.edge.transaction() as db:
        await db.execute(text("UPDATE mail SET state = 'FAILED', last_error = '550 No such user'"))

    invited = await shown(ask, "Pea")

    assert (invited["mail"], invited["problem"]) == ("FAILED", "550 No such user")


async def test_it_is_shown_to_nobody_else(outbox: Outbox, ask: Ask) -> None:
    await outbox.world.course("Hygiene", instructors=["Lea"])

    answer = await ask.whole(SHOWN, by="Lea", id=ask.id("Member", "Pea"))

    assert answer["data"]["member"] == {"invitation": None}
    assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_DENIED"


async def _set(world: World, change: str) -> None:
    async with world.edge.transaction() as db:
        await db.execute(text(f"UPDATE invitation SET {change}"))
