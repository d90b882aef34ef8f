"""An invitation is sent again on request, and opens one account once (C5, C18)."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.mail import MailState
from models.people import MemberState
from operations import invitations, mail, sign_in_identities
from operations.invitations import Opened
from operations.refusals import Code, Denied, Refused
from operations.sign_in_identities import Identity
from tests.furnishing import furnished
from tests.mailing import Outbox
from tests.operations.inviting import LATER, accept
from tests.world import MONDAY, World

MONTH = dt.timedelta(days=30)


@pytest.fixture
@furnished
async def outbox(world: World) -> Outbox:
    """Pea has been invited on Monday; Max manages the workspace."""
    outbox = Outbox(world)
    await world.member("Max")
    await world.grant("Max", Principal.WORKSPACE_MANAGER)
    await world.member("Pea", state=MemberState.PENDING, emails=["pea@acme.example"])
    await world.grant("Pea", Principal.FINANCE_MANAGER)
    await outbox.look()
    return outbox


async def resend(outbox: Outbox, name: str = "Pea", *, by: str = "Max", at: dt.datetime) -> None:
    async with outbox.world.edge.transaction() as db:
        await invitations.resend(
            db,
            by=outbox.world.caller(by),
            member_id=outbox.world.members[name],
            seals=outbox.seals,
            at=at,
        )


async def refusal(outbox: Outbox, name: str = "Pea", *, at: dt.datetime = LATER) -> Refused:
    before = await outbox.mails()
    with pytest.raises(Refused) as refused:
        await resend(outbox, name, at=at)
    assert len(await outbox.mails()) == len(before)
    return refused.value


async def opens(outbox: Outbox, code: str, *, at: dt.datetime = LATER) -> bool:
    async with outbox.world.edge.read() as db:
        return await invitations.look(db, code=code, at=at) is not None


async def state_of(world: World, name: str) -> str:
    async with world.edge.read() as db:
        found = await db.scalar(
            text("SELECT state FROM member WHERE id = :id"), {"id": world.members[name]}
        )
        return str(found)


async def promised(world: World, name: str = "Pea") -> list[dt.datetime | None]:
    """Until when the person's grants wait; None for those that count."""
    async with world.edge.read() as db:
        rows = await db.scalars(
            text("SELECT pending_until FROM access_grant WHERE member_id = :id"),
            {"id": world.members[name]},
        )
        return list(rows)


async def test_sending_again_replaces_the_link_and_renews_what_waits(outbox: Outbox) -> None:
    [first] = await outbox.codes("Pea")

    await resend(outbox, at=LATER)

    *_, second = await outbox.codes("Pea")
    assert second != first
    assert not await opens(outbox, first)
    assert await opens(outbox, second, at=LATER + MONTH - dt.timedelta(seconds=1))
    stored = await outbox.invitation("Pea")
    assert (stored.sent_count, stored.last_sent_at) == (2, LATER)
    assert stored.expires_at == LATER + MONTH
    assert await promised(outbox.world) == [LATER + MONTH]
    assert (await outbox.world.verbs())[-1] == "invitation.resent"


async def test_a_mail_that_still_waits_is_withdrawn_when_another_takes_its_place(
    outbox: Outbox,
) -> None:
    await resend(outbox, at=LATER)

    old, new = await outbox.mails()
    assert (old.state, new.state) == (MailState.FAILED, MailState.QUEUED)
    assert mail.SEALED not in old.parameters


async def test_an_expired_invitation_can_be_sent_again_to_a_learner(outbox: Outbox) -> None:
    await outbox.world.course("Safety")
    await outbox.world.enrol("Safety", "Pea")
    much_later = MONDAY + MONTH + dt.timedelta(days=1)
    [first] = await outbox.codes("Pea")
    assert not await opens(outbox, first, at=much_later)

    await resend(outbox, at=much_later)

    *_, second = await outbox.codes("Pea")
    assert await opens(outbox, second, at=much_later)
    assert await promised(outbox.world) == [MONDAY + MONTH], "what has lapsed is not revived"


async def test_somebody_never_looked_at_is_invited_by_sending_again_and_then_not_twice(
    outbox: Outbox,
) -> None:
    await outbox.world.member("Quin", state=MemberState.PENDING, emails=["quin@acme.example"])
    await outbox.world.grant("Quin", Principal.INVITE)

    await resend(outbox, "Quin", at=LATER)
    await outbox.look(at=LATER)

    assert await outbox.invited() == ["Pea", "Quin"]


async def test_who_has_no_address_cannot_be_sent_anything(outbox: Outbox) -> None:
    await outbox.world.change("Pea", emails=None)

    assert (await refusal(outbox)).code is Code.NO_ADDRESS


async def test_who_holds_nothing_is_not_invited_again(outbox: Outbox) -> None:
    await outbox.world.take("Pea", Principal.FINANCE_MANAGER)

    assert (await refusal(outbox)).code is Code.NOTHING_GIVEN


async def test_a_promise_that_has_lapsed_is_nothing(outbox: Outbox) -> None:
    assert (await refusal(outbox, at=MONDAY + MONTH)).code is Code.NOTHING_GIVEN


async def test_who_has_an_account_is_not_invited(outbox: Outbox) -> None:
    assert (await refusal(outbox, "Max")).code is Code.ACCOUNT_EXISTS


async def test_who_is_deactivated_is_not_invited(outbox: Outbox) -> None:
    await outbox.world.set_state("Pea", MemberState.DEACTIVATED)

    assert (await refusal(outbox)).code is Code.MEMBER_DEACTIVATED


async def test_sending_again_has_to_wait_a_minute(outbox: Outbox) -> None:
    refused = await refusal(outbox, at=MONDAY + dt.timedelta(seconds=20))

    assert (refused.code, refused.details) == (Code.TOO_SOON, {"secondsLeft": 40.0})
    await resend(outbox, at=MONDAY + dt.timedelta(seconds=60))


async def test_people_of_another_workspace_do_not_exist(
    outbox: Outbox, sessions: async_sessionmaker[AsyncSession]
) -> None:
    twin = Outbox(await World.new(sessions, "twin"))
    await twin.world.member("Mia")
    await twin.world.grant("Mia", Principal.WORKSPACE_MANAGER)
    twin.world.members["Pea"] = outbox.world.members["Pea"]

    with pytest.raises(Refused) as refused:
        await resend(twin, by="Mia", at=LATER)

    assert refused.value.code is Code.NOT_FOUND


async def test_sending_again_is_a_right_of_its_own(outbox: Outbox) -> None:
    await outbox.world.member("Ida")
    with pytest.raises(Denied):
        await resend(outbox, by="Ida", at=LATER)

    await outbox.world.grant("Ida", Principal.INVITE)
    await resend(outbox, by="Ida", at=LATER)


async def test_accepting_makes_the_account_and_what_was_given_counts(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")

    opened = await accept(outbox, code)

    assert (opened.display_name, opened.workspace) == ("Pea", "Acme")
    assert await state_of(outbox.world, "Pea") == MemberState.ACTIVE
    assert await promised(outbox.world) == [None]
    assert (await outbox.invitation("Pea")).accepted_at == LATER
    verbs = await outbox.world.verbs()
    assert verbs[-2:] == ["member.activated", "invitation.accepted"]


async def test_a_link_opens_once(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")
    await accept(outbox, code)

    with pytest.raises(Refused) as refused:
        await accept(outbox, code)

    assert refused.value.code is Code.NOT_FOUND


async def test_of_many_who_open_a_link_at_once_one_does(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")

    outcomes = await asyncio.gather(
        *(accept(outbox, code) for _ in range(8)), return_exceptions=True
    )

    assert sum(isinstance(each, Opened) for each in outcomes) == 1
    assert (await outbox.world.verbs()).count("invitation.accepted") == 1


@pytest.mark.parametrize("code", ["", "x", "\x00", "é" * 43, "A" * 43])
async def test_a_link_nobody_sent_opens_nothing(outbox: Outbox, code: str) -> None:
    assert not await opens(outbox, code)


async def test_a_link_opens_nothing_once_it_has_expired(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")
    assert await opens(outbox, code, at=MONDAY + MONTH - dt.timedelta(seconds=1))

    with pytest.raises(Refused):
        await accept(outbox, code, at=MONDAY + MONTH)

    assert await state_of(outbox.world, "Pea") == MemberState.PENDING


async def test_a_link_opens_nothing_for_who_was_deactivated(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")
    await outbox.world.set_state("Pea", MemberState.DEACTIVATED)

    assert not await opens(outbox, code)


async def test_an_account_that_came_about_otherwise_ends_the_link(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")
    await outbox.world.set_state("Pea", MemberState.ACTIVE)

    assert not await opens(outbox, code)
    assert (await outbox.invitation("Pea")).accepted_at == MONDAY


async def test_accepting_binds_who_the_person_is_to_an_issuer(outbox: Outbox) -> None:
    [code] = await outbox.codes("Pea")

    await accept(outbox, code, identity=Identity("https://id.example", "pea-1"))

    async with outbox.world.edge.read() as db:
        rows = await db.execute(text("SELECT issuer, subject, member_id FROM sign_in_identity"))
        found = [tuple(row) for row in rows]
    assert found == [("https://id.example", "pea-1", outbox.world.members["Pea"])]


async def test_an_identity_of_somebody_else_is_refused_and_the_link_stays_good(
    outbox: Outbox,
) -> None:
    [code] = await outbox.codes("Pea")
    identity = Identity("https://id.example", "max-1")
    async with outbox.world.edge.transaction() as db:
        await sign_in_identities.bind(
            db,
            by=outbox.world.system,
            member_id=outbox.world.members["Max"],
            identity=identity,
            at=MONDAY,
        )

    with pytest.raises(Refused) as refused:
        await accept(outbox, code, identity=identity)

    assert refused.value.code is Code.CONFLICT
    assert await state_of(outbox.world, "Pea") == MemberState.PENDING
    assert await opens(outbox, code)
