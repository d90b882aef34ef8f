"""Mail with figures: read and drawn when it goes out, for every kind of mail reader."""

import base64
from email.message import EmailMessage, MIMEPart
from typing import Final
from xml.etree.ElementTree import fromstring

import pytest

from models.catalog import Course
from models.mail import MailState
from operations.insights.mailing import mail_insights
from operations.insights.pictures.of_courses import DRAWN
from tests.app.mail.conftest import Mailing
from tests.app.mail.test_rendering import page_of, text_of
from tests.files import no_longer_coordinates
from tests.smtp import MailServer
from tests.world import MONDAY, World

KINDS: Final = [each.lower() for each in DRAWN]
TITLE: Final = "Safety <script> & http://evil.example"

pytestmark = pytest.mark.spec("X2")


@pytest.fixture
async def asked(mailing: Mailing) -> World:
    """Cora coordinates a course of two learners, and has asked for its figures."""
    world = mailing.world
    for name in ("Cora", "Lea", "Luc"):
        await world.member(
            name, emails=[f"{name.lower()}@acme.example"], department=f"<b>{name} & Sales"
        )
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.enrol("Safety", "Lea", "Luc")
    await ask(world)
    return world


async def ask(world: World) -> None:
    async with world.edge.transaction() as db:
        await mail_insights(
            db, by=world.caller("Cora"), course_id=world.courses["Safety"], at=MONDAY
        )


def parts(message: EmailMessage, kind: str) -> list[MIMEPart]:
    return [each for each in message.walk() if each.get_content_type() == kind]


async def arrived(mailing: Mailing, server: MailServer) -> EmailMessage:
    await mailing.office.send()
    [found] = server.arrived
    message = found.message
    assert isinstance(message, EmailMessage)
    return message


async def test_the_mail_says_and_shows_how_the_course_is_doing(
    asked: World, mailing: Mailing, server: MailServer
) -> None:
    message = await arrived(mailing, server)

    assert message["Subject"] == "How Safety is doing (Acme)"
    assert message["To"] == "cora@acme.example"
    said = " ".join(text_of(message).replace("\u2060", "").split())
    for fact in ("Learners 2", "Not started 2 (100 %)", "Of 2 learners: 0 completed (0 %)"):
        assert fact in said
    assert "<b>Lea & Sales: 0 of 1 completed (0 %)." in said
    page = page_of(message)
    assert "script" not in page.tags
    assert "b" not in page.tags


async def test_pictures_are_in_the_page_for_all_readers_and_attached_to_keep(
    asked: World, mailing: Mailing, server: MailServer
) -> None:
    message = await arrived(mailing, server)

    assert message.get_content_type() == "multipart/mixed"
    page = page_of(message)
    shown = [link.removeprefix("cid:") for link in page.links if link.startswith("cid:")]
    pictures = {each["Content-ID"].strip("<>"): each for each in parts(message, "image/png")}
    assert shown == list(pictures)
    assert [each.get_filename() for each in pictures.values()] == [f"{kind}.png" for kind in KINDS]
    for each in pictures.values():
        assert each.get_content_disposition() == "inline"
        bytes_ = base64.b64decode(str(each.get_payload()))
        assert bytes_.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(bytes_[16:20]) == 960
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    attached = [fromstring(each.get_content()) for each in parts(message, "image/svg+xml")]  # noqa: S314 - our own
    described = ["".join(each[1].itertext()) for each in attached]
    assert len(alternatives) == len(attached) == len(KINDS)
    for alternative, description in zip(alternatives, described, strict=True):
        assert description in (alternative or "").replace("\u2060", "")


async def test_who_lost_the_role_gets_nothing_and_the_mail_is_given_up(
    asked: World, mailing: Mailing, server: MailServer
) -> None:
    await no_longer_coordinates(asked)

    await mailing.office.send()

    assert server.arrived == []
    [row] = await mailing.outbox.mails()
    assert (row.state, row.attempts) == (MailState.FAILED, 1)
    assert row.last_error == "The person may not see the figures, or has another address by now."


async def test_a_mail_that_is_tried_again_says_what_is_true_then(
    asked: World, mailing: Mailing, server: MailServer
) -> None:
    server.replies.append("451 Later")
    await mailing.office.send()
    await asked.member("Mia", emails=["mia@acme.example"])
    await asked.enrol("Safety", "Mia")
    mailing.clock.pass_by(minutes=5)

    message = await arrived(mailing, server)

    assert "Of 3 learners" in text_of(message)


async def test_names_in_figures_do_no_harm(
    asked: World, mailing: Mailing, server: MailServer
) -> None:
    async with asked.edge.transaction() as db:
        course = await db.get_one(Course, asked.courses["Safety"])
        course.title = TITLE

    message = await arrived(mailing, server)

    page = page_of(message)
    assert "script" not in page.tags
    everything = page.text + text_of(message) + "".join(str(each) for each in page.attributes)
    assert "http://evil" not in everything
    assert "evil.example" in everything.replace("\u2060", "")
