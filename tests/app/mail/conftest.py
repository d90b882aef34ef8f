"""A company, a mail server that does as it is told, and a post office between them."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.mail.addresses import sender_in
from app.mail.carriers import Carrier
from app.mail.office import PostOffice
from app.mail.server import Server, server_in
from app.mail.smtp import Smtp
from models.mail import Mail, MailKind
from operations import mail
from tests.mailing import Outbox
from tests.smtp import MailServer, mail_server, make_certificate
from tests.world import World

CHANGED = {
    "before": "Visa ending in 1111",
    "after": "Visa ending in 4242",
    "changed_by": "Fia",
    "changed_at": "2026-03-02T09:00:00+00:00",
}


@dataclass
class Clock:
    """The time the post office reads; tests move it."""

    time: dt.datetime

    def __call__(self) -> dt.datetime:
        return self.time

    def pass_by(self, **much: float) -> None:
        self.time += dt.timedelta(**much)


@dataclass
class Mailing:
    """One company's outbox, and the office that empties it."""

    outbox: Outbox
    office: PostOffice
    clock: Clock

    @property
    def world(self) -> World:
        return self.outbox.world

    async def queue(self, key: str, *addresses: str, **parameters: Any) -> None:
        """A mail about a payment method."""
        async with self.world.edge.transaction() as db:
            await mail.queue(
                db,
                workspace_id=self.world.workspace_id,
                key=key,
                kind=MailKind.PAYMENT_METHOD_CHANGED,
                recipients=list(enumerate(addresses or ("fia@acme.example",), start=1)),
                parameters=CHANGED | parameters,
            )

    async def row(self, key: str) -> Mail:
        [found] = [each for each in await self.outbox.mails() if each.key == key]
        return found

    def through(self, carrier: Carrier) -> PostOffice:
        """Another office for the same outbox."""
        return PostOffice(
            self.office.edge,
            self.office.seals,
            carrier,
            self.office.sender,
            self.office.public_url,
            self.clock,
            pause_seconds=0,
        )


def server_of(server: MailServer, **changes: Any) -> Server:
    return replace(server_in(f"smtp://127.0.0.1:{server.port}"), **changes)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
async def mailing(sessions: async_sessionmaker[AsyncSession], server: MailServer) -> Mailing:
    """A server that is away is tried again at once: tests have no patience."""
    outbox = Outbox(await World.new(sessions))
    clock = Clock(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
    office = PostOffice(
        outbox.world.edge,
        outbox.seals,
        Smtp(server_of(server)),
        sender_in("LMS Coordinator <no-reply@acme.example>"),
        "https://lms.acme.example",
        clock,
        pause_seconds=0,
    )
    return Mailing(outbox, office, clock)
