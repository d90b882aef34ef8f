"""Mail through an SMTP server: encrypted, signed in where told to, and never waiting for long."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from app.mail.addresses import sender_of, wire_address
from app.mail.carriers import CouldNotCarry
from app.mail.server import Server
from operations.mail import NotTaken

CONVERSATION_SECONDS: Final = 40.0
"""For one mail, connecting included: well within `operations.mail.LEASE`, and, with the turn that
begins it, within what a worker allows a duty."""

STEP_SECONDS: Final = 15.0
MAILS_A_CONNECTION: Final = 50
GOODBYE_SECONDS: Final = 2.0

_LAST_TEMPORARY: Final = 499
_TOO_LARGE: Final = 552


class Smtp:
    """Carries mail to one server. `tls` is for a certificate the system does not know."""

    def __init__(
        self,
        server: Server,
        *,
        tls: ssl.SSLContext | None = None,
        seconds: float = CONVERSATION_SECONDS,
    ) -> None:
        self._server = server
        self._tls = tls
        self._seconds = seconds

    @asynccontextmanager
    async def line(self) -> AsyncIterator["SmtpLine"]:
        """A connection of one's own."""
        line = SmtpLine(self._server, self._tls, self._seconds)
        try:
            yield line
        finally:
            await line.hang_up()


class SmtpLine:
    """One connection at a time; a new one after a mishap, or when the old one has done enough."""

    def __init__(self, server: Server, tls: ssl.SSLContext | None, seconds: float) -> None:
        self._server = server
        self._tls = tls
        self._seconds = seconds
        self._connection: aiosmtplib.SMTP | None = None
        self._carried = 0

    async def carry(self, message: EmailMessage, to: Sequence[str]) -> Mapping[str, NotTaken]:
        """Hand a mail over. Raises CouldNotCarry."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._speak(message, to)
        except (OSError, ValueError, aiosmtplib.SMTPException) as problem:
            await self.hang_up()
            raise _told(problem, self._server) from None

    async def hang_up(self) -> None:
        """Say goodbye, without waiting long for the answer."""
        connection, self._connection, self._carried = self._connection, None, 0
        if connection is None:
            return
        with contextlib.suppress(OSError, aiosmtplib.SMTPException):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await connection.quit()
        connection.close()

    async def _speak(self, message: EmailMessage, to: Sequence[str]) -> Mapping[str, NotTaken]:
        if self._carried >= MAILS_A_CONNECTION:
            await self.hang_up()
        connection = await self._connected()
        recipients = {wire_address(each): each for each in to}
        refused, _ = await connection.send_message(
            message, sender=sender_of(message), recipients=list(recipients)
        )
        self._carried += 1
        return {
            recipients[address]: NotTaken(_answer(reply.code, reply.message), _is_final(reply.code))
            for address, reply in refused.items()
        }

    async def _connected(self) -> aiosmtplib.SMTP:
        """The connection, if it still holds: one that a server has closed meanwhile is replaced
        before anything is said on it."""
        if self._connection is not None:
            with contextlib.suppress(aiosmtplib.SMTPException):
                await self._connection.rset()
                return self._connection
            await self.hang_up()
        self._connection = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.tls_at_once,
            start_tls=self._server.starttls,
            tls_context=self._tls,
            timeout=min(STEP_SECONDS, self._seconds),
        )
        await self._connection.connect()
        return self._connection


def _told(problem: Exception, server: Server) -> CouldNotCarry:
    """What went wrong, and whether it would go wrong again.

    A server that refuses us, and not this mail, is as good as away: somebody will see to it.
    """
    match problem:
        case aiosmtplib.SMTPRecipientsRefused():
            replies = [(each.code, each.message) for each in problem.recipients]
            is_final = all(_is_final(code) for code, _ in replies)
            return CouldNotCarry(_shown(_answer(*reply) for reply in replies), is_final=is_final)
        case aiosmtplib.SMTPDataError():
            reason = _answer(problem.code, problem.message)
            return CouldNotCarry(reason, is_final=_is_final(problem.code))
        case aiosmtplib.SMTPResponseException() if problem.code == _TOO_LARGE:
            return CouldNotCarry(_answer(problem.code, problem.message), is_final=True)
        case aiosmtplib.SMTPResponseException():
            return CouldNotCarry(_answer(problem.code, problem.message), is_away=True)
        case aiosmtplib.SMTPNotSupported() if "SMTPUTF8" in problem.message:
            return CouldNotCarry(f"{server}: {problem}", is_final=True)
        case TimeoutError():
            return CouldNotCarry(f"{server} did not answer in time", is_away=True)
        case ValueError() if not isinstance(problem, OSError):
            return CouldNotCarry(f"The mail cannot be sent: {problem}", is_final=True)
        case _:  # the line: also a certificate nobody vouches for, which is both of them
            said = str(problem) or type(problem).__name__
            return CouldNotCarry(f"{server}: {said}", is_away=True)


def _is_final(code: int) -> bool:
    return code > _LAST_TEMPORARY


def _answer(code: int, message: str) -> str:
    return f"{code} {message}"


def _shown(reasons: Iterable[str]) -> str:
    return "; ".join(sorted(set(reasons)))
