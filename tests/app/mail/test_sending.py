"""Mail leaves the outbox once, whatever the mail server does."""

import asyncio
import datetime as dt
import logging
import socket
import stat
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.mail import office
from app.mail.folder import Folder
from app.mail.server import server_in
from app.mail.smtp import Smtp
from models.mail import MailState
from models.people import MemberState
from operations import mail
from tests.app.mail.conftest import Mailing, server_of
from tests.mailing import new_seals
from tests.smtp import PASSWORD, USER, MailServer, mail_server, trusting
from tests.world import World

SECONDS = dt.timedelta(seconds=1)


async def test_a_mail_arrives_and_is_written_down(mailing: Mailing, server: MailServer) -> None:
    await mailing.queue("one", "fia@acme.example", "finn@acme.example")

    await mailing.office.send()

    [arrived] = server.arrived
    assert arrived.sender == "no-reply@acme.example"
    assert arrived.recipients == ["fia@acme.example", "finn@acme.example"]
    row = await mailing.row("one")
    assert (row.state, row.attempts, row.sent_at) == (MailState.SENT, 1, mailing.clock.time)
    assert await told(mailing) == [("mail.sent", ["fia@acme.example", "finn@acme.example"])]


async def test_mail_goes_out_in_its_order_over_few_connections(
    mailing: Mailing, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "HANDS", 1)
    for number in range(20):
        await mailing.queue(f"{number:02}", f"p{number:02}@acme.example")

    assert not await mailing.office.send()

    assert [each.recipients[0][:3] for each in server.arrived] == [f"p{n:02}" for n in range(20)]
    assert server.connections == 1


async def test_many_offices_send_every_mail_once(mailing: Mailing, server: MailServer) -> None:
    for number in range(30):
        await mailing.queue(str(number), f"p{number}@acme.example")
    others = [mailing.through(Smtp(server_of(server))) for _ in range(2)]

    await asyncio.gather(*(each.send() for each in (mailing.office, *others)))

    addresses = [each.recipients[0] for each in server.arrived]
    assert sorted(addresses) == sorted(f"p{number}@acme.example" for number in range(30))


async def test_what_is_queued_twice_is_sent_once(mailing: Mailing, server: MailServer) -> None:
    await mailing.queue("same")
    await mailing.queue("same")

    await mailing.office.send()

    assert len(server.arrived) == 1


async def test_a_server_that_says_not_now_is_asked_again(
    mailing: Mailing, server: MailServer
) -> None:
    server.replies = ["451 Greylisted"]
    await mailing.queue("one")

    await mailing.office.send()
    row = await mailing.row("one")
    assert (row.state, row.last_error) == (MailState.QUEUED, "451 Greylisted")
    assert row.next_attempt_at == mailing.clock.time + 30 * SECONDS
    mailing.clock.pass_by(seconds=29)
    await mailing.office.send()
    assert server.arrived == []

    mailing.clock.pass_by(seconds=1)
    await mailing.office.send()

    assert len(server.arrived) == 1
    row = await mailing.row("one")
    assert (row.state, row.attempts, row.last_error) == (MailState.SENT, 2, None)


async def test_a_final_no_is_taken_for_one_and_other_mail_goes_on(
    mailing: Mailing, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refusing = {"gone@acme.example": "550 5.1.1 No such user"}
    await mailing.queue("bad", "gone@acme.example")
    await mailing.queue("good", "fia@acme.example")

    with caplog.at_level(logging.ERROR, "app.mail.office"):
        await mailing.office.send()

    bad, good = await mailing.row("bad"), await mailing.row("good")
    assert (bad.state, bad.last_error) == (MailState.FAILED, "550 5.1.1 No such user")
    assert good.state is MailState.SENT
    assert sorted(await told(mailing)) == [
        ("mail.failed", ["gone@acme.example"]),
        ("mail.sent", ["fia@acme.example"]),
    ]
    assert "gone@" not in caplog.text


async def test_a_refused_recipient_does_not_keep_mail_from_the_others(
    mailing: Mailing, server: MailServer
) -> None:
    server.refusing = {
        "gone@acme.example": "550 No such user",
        "full@acme.example": "452 Mailbox full",
    }
    await mailing.queue("one", "gone@acme.example", "fia@acme.example", "full@acme.example")

    await mailing.office.send()
    found = {each.key: (each.state, each.recipients) for each in await mailing.outbox.mails()}
    assert found == {
        "one": (MailState.SENT, ["fia@acme.example"]),
        "one/refused-1": (MailState.FAILED, ["gone@acme.example"]),
        "one/again-1": (MailState.QUEUED, ["full@acme.example"]),
    }

    server.refusing.clear()
    mailing.clock.pass_by(minutes=1)
    await mailing.office.send()

    assert [each.recipients for each in server.arrived] == [
        ["fia@acme.example"],
        ["full@acme.example"],
    ]
    assert sorted(await told(mailing)) == [
        ("mail.failed", ["gone@acme.example"]),
        ("mail.sent", ["fia@acme.example"]),
        ("mail.sent", ["full@acme.example"]),
    ]


async def test_an_answer_that_is_lost_makes_a_repeat_one_can_recognize(
    mailing: Mailing, server: MailServer
) -> None:
    server.hangs_up = 1
    await mailing.queue("one")

    await mailing.office.send()
    assert (await mailing.row("one")).state is MailState.QUEUED
    mailing.clock.pass_by(minutes=1)
    await mailing.office.send()

    first, second = [each.message["Message-ID"] for each in server.arrived]
    assert first == second
    assert (await mailing.row("one")).state is MailState.SENT


async def test_a_connection_the_server_closed_meanwhile_costs_no_attempt(
    mailing: Mailing, server: MailServer
) -> None:
    carrier = Smtp(server_of(server))
    await mailing.queue("one")
    async with carrier.line() as line:
        message = await composed(mailing, "one")
        await line.carry(message, ["fia@acme.example"])
        line._connection.close()  # type: ignore[union-attr]
        await line.carry(message, ["fia@acme.example"])

    assert len(server.arrived) == 2


async def composed(mailing: Mailing, key: str) -> EmailMessage:
    async with mailing.world.edge.transaction() as db:
        letter = await mail.claim(db, at=mailing.clock.time)
    assert letter is not None
    assert letter.key == key
    return mailing.office._compose(letter)


async def test_mail_is_given_up_after_sixteen_attempts_in_a_day_and_a_half(
    mailing: Mailing, server: MailServer
) -> None:
    server.replies = ["421 Busy"] * 99
    await mailing.queue("one")
    started = mailing.clock.time
    while (row := await mailing.row("one")).state is MailState.QUEUED:
        mailing.clock.time = max(mailing.clock.time, row.next_attempt_at)
        await mailing.office.send()

    assert row.attempts == 16
    assert dt.timedelta(hours=30) < mailing.clock.time - started < dt.timedelta(hours=48)
    assert await told(mailing) == [("mail.failed", ["fia@acme.example"])]


@pytest.mark.parametrize("wrong", [{"changed_at": "yesterday"}, {"changed_at": None}, {"after": 7}])
async def test_a_mail_that_cannot_be_written_stands_in_nobody_s_way(
    mailing: Mailing, server: MailServer, wrong: dict[str, object]
) -> None:
    await mailing.queue("wrong", **wrong)
    await mailing.queue("right", "finn@acme.example")

    await mailing.office.send()

    assert "finn@acme.example" in [each.recipients[0] for each in server.arrived]
    assert MailState.QUEUED not in {each.state for each in await mailing.outbox.mails()}


async def test_a_mail_whose_office_dies_every_time_is_given_up(
    mailing: Mailing, server: MailServer
) -> None:
    await mailing.queue("one")
    for _ in range(16):
        async with mailing.world.edge.transaction() as db:
            assert await mail.claim(db, at=mailing.clock.time)
        mailing.clock.pass_by(minutes=2)

    await mailing.office.send()

    assert server.arrived == []
    assert (await mailing.row("one")).state is MailState.FAILED


async def test_a_server_that_is_not_there_is_left_alone_for_a_while(mailing: Mailing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    away = mailing.through(Smtp(server_in(f"smtp://127.0.0.1:{port}")))
    away.pause_seconds = 3600
    for number in range(20):
        await mailing.queue(str(number))

    await away.send()
    await away.send()

    tried = [each for each in await mailing.outbox.mails() if each.attempts]
    assert 1 <= len(tried) <= office.HANDS
    assert {each.state for each in tried} == {MailState.QUEUED}


async def test_a_server_that_answers_slowly_holds_no_connection_to_the_database(
    mailing: Mailing, server: MailServer
) -> None:
    server.hold.clear()
    for number in range(8):
        await mailing.queue(str(number))
    sending = asyncio.create_task(mailing.office.send())
    await asyncio.to_thread(server.seen.wait, 5)
    await asyncio.sleep(0.05)

    async with mailing.world.edge.read() as db:
        busy = await db.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
            )
        )
    assert busy == 0
    server.hold.set()
    await sending
    assert len(server.arrived) == 8


async def test_a_server_that_never_answers_is_given_up_within_its_time(
    mailing: Mailing, server: MailServer
) -> None:
    server.hold.clear()
    hurried = mailing.through(Smtp(server_of(server), seconds=0.3))
    hurried.pause_seconds = 3600
    await mailing.queue("one")

    started = time.monotonic()
    await hurried.send()

    assert time.monotonic() - started < 4
    row = await mailing.row("one")
    assert row.state is MailState.QUEUED
    assert "did not answer in time" in str(row.last_error)


async def test_when_the_database_goes_away_every_hand_has_stopped_before_it_is_told(
    mailing: Mailing, server: MailServer
) -> None:
    for number in range(8):
        await mailing.queue(str(number))
    async with mailing.world.edge.transaction() as db:
        await db.execute(text("ALTER TABLE mail RENAME TO letters"))

    with pytest.raises(DBAPIError):
        await mailing.office.send()

    assert [each.get_name() for each in asyncio.all_tasks() if "_work" in repr(each)] == []
    assert server.arrived == []


async def test_an_office_that_died_is_replaced_once_its_lease_is_over(
    mailing: Mailing, server: MailServer
) -> None:
    await mailing.queue("one")
    async with mailing.world.edge.transaction() as db:
        letter = await mail.claim(db, at=mailing.clock.time)
    assert letter is not None

    await mailing.office.send()
    assert server.arrived == []
    mailing.clock.pass_by(minutes=2)
    await mailing.office.send()

    assert len(server.arrived) == 1


async def test_an_office_that_was_only_slow_does_not_undo_what_another_did(
    mailing: Mailing, server: MailServer
) -> None:
    await mailing.queue("one")
    async with mailing.world.edge.transaction() as db:
        slow = await mail.claim(db, at=mailing.clock.time)
    assert slow is not None
    mailing.clock.pass_by(minutes=2)
    await mailing.office.send()

    async with mailing.world.edge.transaction() as db:
        problem = mail.NotTaken("too late", is_final=True)
        assert not await mail.not_taken(db, letter=slow, problem=problem, at=mailing.clock.time)
        await mail.sent(db, letter=slow, refused={}, at=mailing.clock.time)

    assert (await mailing.row("one")).state is MailState.SENT
    assert len(await told(mailing)) == 1


async def test_it_signs_in_after_starttls(mailing: Mailing, certificate: Path) -> None:
    with mail_server(certificate=certificate, needs_login=True) as server:
        await mailing.queue("one")
        await through(mailing, server, certificate, PASSWORD).send()

        [arrived] = server.arrived
        assert (arrived.was_encrypted, arrived.user) == (True, USER)


async def test_it_speaks_tls_from_the_first_byte(mailing: Mailing, certificate: Path) -> None:
    with mail_server(certificate=certificate, tls_at_once=True) as server:
        await mailing.queue("one")
        carrier = Smtp(server_of(server, tls_at_once=True), tls=trusting(certificate))
        await mailing.through(carrier).send()

        assert len(server.arrived) == 1


async def test_a_wrong_password_keeps_mail_until_somebody_has_set_it_right(
    mailing: Mailing, certificate: Path
) -> None:
    with mail_server(certificate=certificate, needs_login=True) as server:
        await mailing.queue("one")
        await through(mailing, server, certificate, "wrong").send()
        row = await mailing.row("one")
        assert (row.state, str(row.last_error)[:3]) == (MailState.QUEUED, "535")
        assert "wrong" not in str(row.last_error)

        mailing.clock.pass_by(minutes=1)
        await through(mailing, server, certificate, PASSWORD).send()

        assert len(server.arrived) == 1


async def test_a_certificate_nobody_vouches_for_gets_neither_password_nor_mail(
    mailing: Mailing, certificate: Path
) -> None:
    with mail_server(certificate=certificate, needs_login=True) as server:
        await mailing.queue("one")
        carrier = Smtp(server_of(server, starttls=True, user=USER, password=PASSWORD))
        await mailing.through(carrier).send()

        assert (server.arrived, server.logins) == ([], [])
        assert (await mailing.row("one")).state is MailState.QUEUED


async def test_a_server_without_starttls_gets_neither_where_it_was_asked_for(
    mailing: Mailing, server: MailServer
) -> None:
    await mailing.queue("one")
    carrier = Smtp(server_of(server, starttls=True, user=USER, password=PASSWORD))

    await mailing.through(carrier).send()

    assert (server.arrived, server.logins) == ([], [])
    assert "STARTTLS" in str((await mailing.row("one")).last_error)


def through(
    mailing: Mailing, server: MailServer, certificate: Path, password: str
) -> office.PostOffice:
    return mailing.through(
        Smtp(
            server_of(server, starttls=True, user=USER, password=password),
            tls=trusting(certificate),
        )
    )


async def test_an_invitation_arrives_with_its_link_and_the_code_is_forgotten(
    mailing: Mailing, server: MailServer
) -> None:
    await invite(mailing)
    [code] = await mailing.outbox.codes("Pea")

    await mailing.office.send()

    [arrived] = server.arrived
    body = arrived.message.get_body(("plain",))
    assert body is not None
    assert f"https://lms.acme.example/invitation/{code}\r\n" in body.get_content()
    assert await mailing.outbox.codes("Pea") == []


async def test_an_invitation_that_opens_nothing_any_more_stays_here(
    mailing: Mailing, server: MailServer
) -> None:
    await invite(mailing)
    await mailing.world.set_state("Pea", MemberState.ACTIVE)

    await mailing.office.send()

    assert server.arrived == []
    [row] = await mailing.outbox.mails()
    assert (row.state, row.last_error) == (MailState.FAILED, office.NO_LONGER)
    assert mail.SEALED not in row.parameters


async def test_a_code_under_a_key_that_is_lost_is_given_up_and_not_sent_empty(
    mailing: Mailing, server: MailServer
) -> None:
    await invite(mailing)
    mailing.office.seals = new_seals()

    await mailing.office.send()

    assert server.arrived == []
    assert (await mailing.outbox.mails())[0].state is MailState.FAILED


async def invite(mailing: Mailing) -> None:
    await mailing.world.member("Pea", state=MemberState.PENDING, emails=["pea@acme.example"])
    await mailing.world.course("Safety", coordinators_by_hand=["Pea"])
    while await mailing.office.invite():
        pass


async def test_without_a_server_every_mail_is_a_file_only_its_owner_reads(
    mailing: Mailing, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "mail"
    await mailing.queue("one", "åsa@acme.example")

    await mailing.through(Folder(folder)).send()

    [file] = files_in(folder)
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "To: åsa@acme.example\r\n".encode() in file.read_bytes()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]


async def test_a_mail_that_is_written_twice_is_one_file(mailing: Mailing, tmp_path: Path) -> None:
    await mailing.queue("one")
    folder = Folder(tmp_path)
    message = await composed(mailing, "one")

    for _ in range(2):
        await folder.carry(message, ["fia@acme.example"])

    assert len(files_in(tmp_path)) == 1


async def test_a_folder_that_cannot_be_written_keeps_the_mail(
    mailing: Mailing, tmp_path: Path
) -> None:
    (tmp_path / "mail").write_text("not a folder")
    await mailing.queue("one")

    await mailing.through(Folder(tmp_path / "mail")).send()

    assert (await mailing.row("one")).state is MailState.QUEUED
    assert files_in(tmp_path) == [tmp_path / "mail"]


async def test_two_workspaces_read_only_their_own(
    mailing: Mailing, server: MailServer, sessions: async_sessionmaker[AsyncSession]
) -> None:
    twin = await World.new(sessions, "twin")
    await mailing.queue("one")
    async with twin.edge.transaction() as db:
        assert not await mail.withdraw(
            db, workspace_id=twin.workspace_id, key="one", reason="not mine"
        )

    await mailing.office.send()

    assert len(server.arrived) == 1
    assert "mail.sent" not in await twin.verbs()


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def told(mailing: Mailing) -> list[tuple[str, list[str]]]:
    """What the journal says of mail, with the recipients."""
    async with mailing.world.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT verb, detail->'recipients' FROM journal_entry"
                " WHERE workspace_id = :id AND verb LIKE 'mail.%' ORDER BY seq"
            ),
            {"id": mailing.world.workspace_id},
        )
        return [(verb, recipients) for verb, recipients in rows]
