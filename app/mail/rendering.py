"""What a mail looks like: a template of each kind in plain text and one in HTML, filled.

Names of people and workspaces are hostile input. In headers they are one line; in HTML they are
escaped; in both bodies they are short, and nothing in them becomes a link by itself. The text
breaks at 76 columns, except where breaking would make a link useless.
"""

import datetime as dt
import hashlib
import re
import textwrap
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.mail.addresses import header_address, one_line
from app.mail.insights import Enclosed
from operations.mail import Letter

COLUMNS: Final = 76
LONGEST_NAME: Final = 80

_WORD_JOINER: Final = "\u2060"
_LINKING: Final = re.compile(r"([.:/@])(?=\S)")
_INDENTED: Final = "    "


def compose(
    letter: Letter,
    *,
    secret: str | None,
    sender: Address,
    public_url: str,
    at: dt.datetime,
    pictures: Sequence[Enclosed] = (),
) -> EmailMessage:
    """The mail of a letter. Its Message-ID is the same however often it is composed. Pictures are
    shown in the page as PNG, and attached as SVG.

    Raises NoAddress when a recipient is none, and Jinja's UndefinedError when a parameter lacks.
    """
    recipients = [header_address(each) for each in letter.recipients]
    identity = message_id(letter, sender.domain)
    shown = [_Shown(each, identity) for each in pictures]
    given = {**_given(letter, secret, public_url), "pictures": shown}
    name = letter.kind.value.lower()
    subject, _, body = _TEXTS.get_template(f"{name}.txt.jinja").render(given).partition("\n")
    is_ascii = all(each.username.isascii() for each in recipients)
    message = EmailMessage(policy=SMTP if is_ascii else SMTPUTF8)
    message["Subject"] = one_line(subject)
    message["From"] = sender
    message["To"] = recipients
    message["Date"] = format_datetime(at)
    message["Message-ID"] = identity
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(wrapped(body.strip("\n")) + "\n", charset="utf-8")
    html = _PAGES.get_template(f"{name}.html.jinja").render(given, subject=one_line(subject))
    message.add_alternative(html, subtype="html", charset="utf-8")
    _enclose(message, shown)
    return message


class _Shown:
    """A picture as the templates show it; `cid` is where the page finds it in the mail."""

    def __init__(self, enclosed: Enclosed, identity: str) -> None:
        self.png = enclosed.png
        self.svg = enclosed.picture.svg
        self.name = enclosed.picture.kind.value.lower()
        self.title = enclosed.picture.title
        self.description = enclosed.picture.description
        self.cid = f"{self.name}.{identity.strip('<>')}"


def _enclose(message: EmailMessage, shown: Sequence[_Shown]) -> None:
    """Beside the page, what it shows; beside the whole, what can be kept."""
    if not shown:
        return
    *_, page = message.iter_parts()
    for each in shown:
        page.add_related(
            each.png,
            maintype="image",
            subtype="png",
            cid=f"<{each.cid}>",
            disposition="inline",
            filename=f"{each.name}.png",
        )
    for each in shown:
        message.add_attachment(
            each.svg.encode(), maintype="image", subtype="svg+xml", filename=f"{each.name}.svg"
        )


def message_id(letter: Letter, domain: str) -> str:
    """The same for a mail however often it is sent, and for no other, in any installation."""
    origin = f"{letter.workspace_id} {letter.key} {letter.created_at.isoformat()}"
    digest = hashlib.sha256(origin.encode()).hexdigest()[:20]
    return f"<mail-{letter.id:08d}-{digest}@{domain}>"


def wrapped(text: str) -> str:
    """Paragraphs filled anew; lines that begin with four spaces stay as they are."""
    return "\n\n".join(_filled(paragraph) for paragraph in re.split(r"\n\s*\n", text))


def named(name: object) -> str:
    """A name in one line, and not longer than a line."""
    plain = one_line(str(name))
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1].rstrip() + "…"


def unlinked(name: object) -> str:
    """A name as a body shows it: no mail reader makes a link of it."""
    return _LINKING.sub(rf"\1{_WORD_JOINER}", named(name))


def plain(text: object) -> str:
    """What somebody wrote, in one line and whole; no mail reader makes a link of it."""
    return _LINKING.sub(rf"\1{_WORD_JOINER}", one_line(str(text)))


def moment(iso: str) -> str:
    """A moment as people write it: Thursday 24 December 2026, 09:00 (UTC+01:00)."""
    when = dt.datetime.fromisoformat(str(iso))
    return f"{when:%A} {when.day} {when:%B %Y, %H:%M} ({when.tzname()})"


def day(iso: str) -> str:
    """A day as people write it: 22 December 2026."""
    moment = dt.datetime.fromisoformat(str(iso))
    return f"{moment.day} {moment:%B %Y}"


def month(iso: str) -> str:
    """A month as people write it: December 2026."""
    return f"{dt.date.fromisoformat(f'{iso}-01'):%B %Y}"


def _given(letter: Letter, secret: str | None, public_url: str) -> Mapping[str, Any]:
    given: dict[str, Any] = {**letter.parameters, "workspace": letter.workspace}
    given["public_url"] = public_url
    if secret is not None:
        given["secret"] = secret
    return given


def _filled(paragraph: str) -> str:
    lines = paragraph.splitlines()
    if any(line.startswith(_INDENTED) for line in lines):
        return "\n".join(line.rstrip() for line in lines)
    return textwrap.fill(
        " ".join(paragraph.split()), COLUMNS, break_long_words=False, break_on_hyphens=False
    )


def _environment(*, is_html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("app.mail"),
        autoescape=is_html,  # noqa: S701 - plain text is the other kind
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        named=named, unlinked=unlinked, plain=plain, moment=moment, day=day, month=month
    )
    return environment


_TEXTS: Final = _environment(is_html=False)
_PAGES: Final = _environment(is_html=True)
