"""The post office: takes mail out of the outbox, one after the other, and sees it off.

No database connection is held while a mail server is spoken to. A server that does not answer is
left alone for a while: the mail that was tried waits for its next attempt, all other mail just
stays where it is. Several hands work at once, each on a line of its own, so one slow recipient's
server delays a few mails and not all.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from functools import partial
from typing import Final

from jinja2 import TemplateError

from app.authentication.clock import utc_now
from app.keyring import CannotOpen
from app.mail import insights
from app.mail.addresses import sender_in
from app.mail.carriers import Carrier, CouldNotCarry, Line
from app.mail.folder import Folder
from app.mail.insights import Enclosed, Filled
from app.mail.rendering import compose
from app.mail.server import server_in
from app.mail.smtp import Smtp
from app.settings import Settings
from models.mail import MailKind
from operations import invitations, invitees, mail
from operations.connections import Seals
from operations.edge import Edge
from operations.mail import Letter, NotTaken
from sync_engine.duties import TURN_SECONDS
from sync_engine.outage import Outage

HANDS: Final = 4
PAUSE_SECONDS: Final = 30.0
"""How long a server that does not answer is left alone."""

PARTING_SECONDS: Final = 4.0
"""How long a process that is told to end waits for a mail server's answer."""

NO_LONGER: Final = "The person has an account by now, or is gone; the link would open nothing."

log = logging.getLogger(__name__)


def _outage() -> Outage:
    return Outage("The mail server", log, meanwhile="mail waits and is tried again")


@dataclass(slots=True)
class PostOffice:
    """What sending mail works with in one process. `now` is the wall clock."""

    edge: Edge
    seals: Seals
    carrier: Carrier
    sender: Address
    public_url: str
    now: Callable[[], dt.datetime] = utc_now
    pause_seconds: float = PAUSE_SECONDS
    _closed_until: float = 0.0
    _is_ending: bool = False
    _cut_off: Callable[[], object] | None = None
    _outage: Outage = field(default_factory=_outage)

    async def invite(self) -> bool:
        """Look at whom to invite, a batch; true when there may be more to look at."""
        async with self.edge.transaction() as db:
            if await invitees.expand_segment(db):
                return True
        async with self.edge.transaction() as db:
            return await invitations.invite_due(db, seals=self.seals, at=self.now())

    async def send(self) -> bool:
        """See mail off until none is due, or the turn is over; true when more may be due."""
        until = time.monotonic() + TURN_SECONDS
        work = asyncio.gather(*(self._work(until) for _ in range(HANDS)), return_exceptions=True)
        loop = asyncio.get_running_loop()

        def cut_off() -> None:
            loop.call_later(PARTING_SECONDS, work.cancel)

        self._cut_off = partial(loop.call_soon_threadsafe, cut_off)
        try:
            results = await work
        except asyncio.CancelledError:
            return False
        finally:
            self._cut_off = None
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return any(results)

    def end(self) -> None:
        """Begin no more mail, and wait only a moment for the answer to what is on its way: from
        any thread. What is cut off is as if the process had died, and claimed again."""
        self._is_ending = True
        if (cut_off := self._cut_off) is not None:
            cut_off()

    async def _work(self, until: float) -> bool:
        async with self.carrier.line() as line:
            while time.monotonic() < until:
                if self._is_ending or time.monotonic() < self._closed_until:
                    return False
                letter = await self._claim()
                if letter is None:
                    return False
                await self._see_off(letter, line)
        return True

    async def _claim(self) -> Letter | None:
        at = self.now()
        async with self.edge.transaction() as db:
            letter = await mail.claim(db, at=at)
            while letter is not None and letter.kind is MailKind.INVITATION:
                [member_id] = letter.member_ids
                if await invitees.is_open(
                    db, workspace_id=letter.workspace_id, member_id=member_id, at=at
                ):
                    break
                problem = NotTaken(NO_LONGER, is_final=True)
                await mail.not_taken(db, letter=letter, problem=problem, at=at)
                letter = await mail.claim(db, at=at)
            return letter

    async def _see_off(self, letter: Letter, line: Line) -> None:
        try:
            found = await self._filled(letter)
            message = self._compose(found.letter, found.pictures)
            refused = await line.carry(message, letter.recipients)
        except CouldNotCarry as failure:
            if failure.is_away:
                self._outage.failed(failure)
                self._closed_until = time.monotonic() + self.pause_seconds
            else:
                self._outage.worked()
            await self._note_failure(letter, failure.problem)
            return
        self._outage.worked()
        async with self.edge.transaction() as db:
            await mail.sent(db, letter=letter, refused=refused, at=self.now())

    async def _note_failure(self, letter: Letter, problem: NotTaken) -> None:
        async with self.edge.transaction() as db:
            is_over = await mail.not_taken(db, letter=letter, problem=problem, at=self.now())
        if is_over:
            # The reason may repeat an address; it stands with the mail and in the journal.
            log.error("mail %s (%s) was given up", letter.id, letter.kind)

    async def _filled(self, letter: Letter) -> Filled:
        """The letter with what is read only now; raises CouldNotCarry for who may not read it."""
        if letter.kind is not MailKind.COURSE_INSIGHTS:
            return Filled(letter, ())
        found = await insights.filled(self.edge, letter, at=self.now())
        if found is None:
            raise CouldNotCarry(insights.NO_LONGER, is_final=True)
        return found

    def _compose(self, letter: Letter, pictures: Sequence[Enclosed] = ()) -> EmailMessage:
        """The mail; raises CouldNotCarry for one that can never be sent."""
        if letter.attempt > mail.ATTEMPTS:
            raise CouldNotCarry("It was begun again and again, and never came to an end.")
        try:
            return compose(
                letter,
                secret=mail.secret_in(letter, self.seals),
                sender=self.sender,
                public_url=self.public_url,
                at=self.now(),
                pictures=pictures,
            )
        except (CannotOpen, TemplateError, LookupError, TypeError, ValueError) as problem:
            raise CouldNotCarry(f"It cannot be written: {problem}", is_final=True) from None


def post_office(settings: Settings, edge: Edge) -> PostOffice:
    """The post office these settings describe. Raises CannotStart when they are wrong."""
    return PostOffice(
        edge,
        settings.keys(),
        carrier_for(settings),
        sender_in(settings.mail_sender),
        settings.base_url,
    )


def carrier_for(settings: Settings) -> Carrier:
    """An SMTP server; without one, a folder."""
    if settings.smtp_url is None:
        return Folder(settings.mail_directory)
    return Smtp(server_in(settings.smtp_url.get_secret_value()))
