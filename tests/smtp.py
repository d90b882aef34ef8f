"""A real SMTP server to send to, which does what a test tells it."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "coordinator", "open: sesame/@"


@dataclass
class Arrived:
    """A mail as the server took it."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    was_encrypted: bool
    user: str | None


@dataclass
class MailServer:
    """`says` is asked for the answer to each mail, and to each recipient of `refusing`."""

    host: str = "127.0.0.1"
    port: int = 0
    arrived: list[Arrived] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    """Answers to the next mails, in their order; then all are taken."""

    refusing: dict[str, str] = field(default_factory=dict)
    """Answers to recipients."""

    seen: threading.Event = field(default_factory=threading.Event)
    """Set once a mail was handed over, before it is answered."""

    hold: threading.Event = field(default_factory=threading.Event)
    """While cleared, answers to mails wait."""

    hangs_up: int = 0
    """So many mails are taken, and the line is cut instead of an answer."""

    logins: list[str] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.hold.set()

    def subjects(self) -> list[str]:
        return [str(each.message["Subject"]) for each in self.arrived]

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, session: Session, __: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refusing:
            return self.refusing[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        reply = self.replies.pop(0) if self.replies else "250 Taken"
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.SMTPUTF8)
        if reply.startswith("2"):
            login: LoginPassword | None = session.auth_data
            self.arrived.append(
                Arrived(
                    str(envelope.mail_from),
                    list(envelope.rcpt_tos),
                    message,
                    session.ssl is not None,
                    login.login.decode() if login else None,
                )
            )
        self.seen.set()
        await asyncio.to_thread(self.hold.wait)
        if self.hangs_up:
            self.hangs_up -= 1
            cast(asyncio.Transport, server.transport).abort()
        return reply

    def authenticate(
        self, _: SMTP, __: Session, ___: Envelope, mechanism: str, auth_data: Any
    ) -> AuthResult:
        assert isinstance(auth_data, LoginPassword)
        self.logins.append(auth_data.password.decode())
        is_right = auth_data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, auth_data=auth_data, handled=False)


class _Controller(Controller):
    """aiosmtpd's, which says which port it got."""

    def __init__(self, server: MailServer, **options: Any) -> None:
        super().__init__(server, hostname=server.host, port=0, **options)

    def _trigger_server(self) -> None:
        sockets = self.server.sockets  # type: ignore[union-attr]
        self.port = sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(
    *, certificate: Path | None = None, needs_login: bool = False, tls_at_once: bool = False
) -> Iterator[MailServer]:
    """A server on a free port; with a certificate it offers STARTTLS, or begins with TLS."""
    server = MailServer()
    options: dict[str, Any] = {"auth_required": needs_login, "enable_SMTPUTF8": True}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        options["ssl_context" if tls_at_once else "tls_context"] = context
        options["require_starttls"] = not tls_at_once
    if needs_login:
        options["authenticator"] = server.authenticate
    controller = _Controller(server, **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        server.hold.set()
        controller.stop()


def make_certificate(directory: Path) -> Path:
    """A key and the certificate it signed for itself, for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "mail.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def trusting(certificate: Path) -> ssl.SSLContext:
    """What a client needs to believe that certificate."""
    return ssl.create_default_context(cafile=certificate)
