"""The outbox of a test's world: looking at whom to invite, and reading what waits to be sent."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text

from app.keyring import Keyring
from models.mail import Mail, MailKind, MailState
from operations import invitations, invitees, mail
from operations.mail import Letter
from tests.world import MONDAY, World


def new_seals() -> Keyring:
    return Keyring({"k1": secrets.token_bytes(32)})


@dataclass
class Outbox:
    """What one world's operations want sent."""

    world: World
    seals: Keyring = field(default_factory=new_seals)

    async def look(self, *, at: dt.datetime = MONDAY) -> None:
        """What the worker's duty does until nothing is left."""
        while await self._expand():
            pass
        while await self._invite(at):
            pass

    async def invited(self) -> list[str]:
        """Whom the mails are to, by name, in the order they were queued."""
        names = {id: name for name, id in self.world.members.items()}
        return [names[id] for each in await self.mails() for id in each.member_ids]

    async def mails(self, *, state: MailState | None = None) -> Sequence[Mail]:
        wanted = select(Mail).where(Mail.workspace_id == self.world.workspace_id)
        if state is not None:
            wanted = wanted.where(Mail.state == state)
        async with self.world.edge.read() as db:
            return (await db.scalars(wanted.order_by(Mail.id))).all()

    async def codes(self, name: str) -> list[str]:
        """The codes in the mails to somebody that were not sent yet, oldest first."""
        found = [
            mail.secret_in(letter_of(each), self.seals)
            for each in await self.mails()
            if each.member_ids == [self.world.members[name]]
        ]
        return [code for code in found if code is not None]

    async def invitation(self, name: str) -> Any:
        """The stored row of somebody's invitation; None without one."""
        async with self.world.edge.read() as db:
            found = await db.execute(
                text("SELECT * FROM invitation WHERE member_id = :id"),
                {"id": self.world.members[name]},
            )
            return found.one_or_none()

    async def notes(self) -> int:
        """How many notes are left."""
        async with self.world.edge.read() as db:
            count = text(
                "SELECT (SELECT count(*) FROM invitation_due)"
                " + (SELECT count(*) FROM invitation_due_segment)"
            )
            return int(await db.scalar(count) or 0)

    async def _expand(self) -> bool:
        async with self.world.edge.transaction() as db:
            return await invitees.expand_segment(db)

    async def _invite(self, at: dt.datetime) -> bool:
        async with self.world.edge.transaction() as db:
            return await invitations.invite_due(db, seals=self.seals, at=at)


def letter_of(row: Mail) -> Letter:
    """A stored mail as it would be claimed."""
    return Letter(
        id=row.id,
        workspace_id=row.workspace_id,
        workspace="Acme",
        key=row.key,
        kind=MailKind(row.kind),
        recipients=tuple(row.recipients),
        member_ids=tuple(row.member_ids),
        parameters=row.parameters,
        cause=row.cause,
        attempt=1,
        created_at=row.created_at,
    )
