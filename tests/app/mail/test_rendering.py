"""Mail is readable by people and by the programs of their mail, and names in it do no harm."""

import datetime as dt
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from app.mail.addresses import NoAddress, checked, header_address, sender_in, wire_address
from app.mail.rendering import compose, message_id
from models.mail import MailKind
from operations.mail import Letter

AT = dt.datetime(2026, 11, 22, 19, 0, tzinfo=dt.UTC)
CODE = "pZx1vU-0u2Ww3sLQkVx9YcT7b6aA1mN_oP4qRstUv5w"
PARAMETERS: dict[MailKind, dict[str, Any]] = {
    MailKind.INVITATION: {"name": "Pea", "expires_on": "2026-12-22"},
    MailKind.INVOICE: {
        "number": 7,
        "month": "2026-10",
        "active_members": 1234,
        "price": "EUR 1.20",
        "total": "EUR 1,480.80",
        "invoice_id": 3,
    },
    MailKind.PAYMENT_METHOD_CHANGED: {
        "before": None,
        "after": "Visa ending in 4242",
        "changed_by": "Fia",
        "changed_at": AT.isoformat(),
    },
    MailKind.CERTIFICATE_ISSUED: {
        "name": "Pea",
        "learner": "Pea",
        "course": "Fire Safety",
        "serial": "ACME-000123",
        "issued_on": "2026-11-22",
        "expires_on": "2027-11-22",
        "code": "7K3M-9XQ2-ABCD-EFGH-JKMN-PQRS-TVWX",
    },
    MailKind.COURSE_INSIGHTS: {
        "name": "Pea",
        "course": "Fire Safety",
        "at": AT.isoformat(),
        "rows": [["Learners", "1,234"], ["Completed", "617 (50 %)"]],
    },
    MailKind.HOLD_OPENED: {
        "name": "Mona",
        "segment": "Sales people",
        "held": 37,
        "most": 10,
        "people": 42,
    },
    MailKind.COORDINATOR_ENDING: {
        "name": "Pea",
        "rows": [["Fire Safety", "2026-12-02"], ["First Aid", "2026-12-03"]],
        "more": 3,
    },
}
LINK = "https://meet.acme.example/room-7?pwd=a_b"
LIVE_SESSION = {
    "name": "Pea",
    "course": "Fire Safety",
    "title": "How to put out fires",
    "starts_at": "2027-03-28T01:30:00+01:00",
    "ends_at": "2027-03-28T03:30:00+02:00",
    "time_zone": "Europe/Stockholm",
    "place": "Room 7",
    "link": LINK,
    "reason": "The fire is out. " * 20,
}
ABOUT_LIVE_SESSIONS = [each for each in MailKind if each.name.startswith("LIVE_SESSION")]
PARAMETERS |= dict.fromkeys(ABOUT_LIVE_SESSIONS, LIVE_SESSION)
OF_LIVE_SESSIONS = [
    "Pea",
    "Fire Safety",
    "How to put out fires",
    "Sunday 28 March 2027, 01:30 (UTC+01:00)",
    "Sunday 28 March 2027, 03:30 (UTC+02:00)",
    "Europe/Stockholm",
    "Room 7",
    LINK,
]
HOSTILE = "Zoë <script>alert(1)</script>\r\nBcc: all@evil.example\u202e http://evil.example/x"


def letter(kind: MailKind, *recipients: str, workspace: str = "Acme", **parameters: Any) -> Letter:
    to = recipients or ("pea@acme.example",)
    return Letter(
        7,
        1,
        workspace,
        "a key",
        kind,
        to,
        tuple(range(len(to))),
        PARAMETERS[kind] | parameters,
        None,
        1,
        AT,
    )


def sent(composed: Letter, *, at: dt.datetime = AT) -> EmailMessage:
    """The mail as it arrives."""
    message = compose(
        composed,
        secret=CODE if composed.kind is MailKind.INVITATION else None,
        sender=sender_in("Acme’s LMS <no-reply@lms.acme.example>"),
        public_url="https://lms.acme.example",
        at=at,
    )
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(message: EmailMessage) -> Reader:
    body = message.get_body(("html",))
    assert body is not None
    return Reader(str(body.get_content()))


@pytest.mark.parametrize("kind", list(MailKind))
def test_every_kind_has_a_text_and_a_page_that_say_the_same_facts(kind: MailKind) -> None:
    message = sent(letter(kind))

    facts = {
        MailKind.INVITATION: ["Pea", "Acme", "22 December 2026", CODE],
        MailKind.INVOICE: ["October 2026", "1234", "EUR 1.20", "EUR 1,480.80"],
        MailKind.PAYMENT_METHOD_CHANGED: ["nothing on file", "Visa ending in 4242", "Fia"],
        MailKind.CERTIFICATE_ISSUED: [
            "Pea",
            "Fire Safety",
            "ACME-000123",
            "22 November 2026",
            "22 November 2027",
        ],
        MailKind.COURSE_INSIGHTS: [
            "Pea",
            "Fire Safety",
            "Sunday 22 November 2026, 19:00 (UTC)",
            "617 (50 %)",
        ],
        MailKind.HOLD_OPENED: ["Mona", "Sales people", "37", "10", "42"],
        MailKind.COORDINATOR_ENDING: ["Pea", "Fire Safety", "2 December 2026", "First Aid"],
        **dict.fromkeys(ABOUT_LIVE_SESSIONS, OF_LIVE_SESSIONS),
    }[kind]
    in_one_line = " ".join(text_of(message).split())
    for fact in facts:
        assert fact in in_one_line
        assert fact in page_of(message).text


@pytest.mark.parametrize("kind", list(MailKind))
def test_headers_say_that_no_person_wrote_it(kind: MailKind) -> None:
    message = sent(letter(kind))

    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == AT
    assert message["From"].addresses[0].display_name == "Acme’s LMS"
    assert message["To"] == "pea@acme.example"
    assert "Acme" in message["Subject"]
    assert "Reply-To" not in message


@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.parametrize("workspace", ["Acme", "A company with quite a long name, " * 6, HOSTILE])
def test_the_text_is_read_in_78_columns(kind: MailKind, workspace: str) -> None:
    text = text_of(sent(letter(kind, workspace=workspace)))

    assert [line for line in text.splitlines() if len(line) > 78 and "https://" not in line] == []


@pytest.mark.parametrize("kind", list(MailKind))
def test_names_do_no_harm(kind: MailKind) -> None:
    names = dict.fromkeys(("name", "changed_by", "course", "title", "place", "reason"), HOSTILE)
    given = {name: names[name] for name in PARAMETERS[kind].keys() & names.keys()}

    message = sent(letter(kind, workspace=HOSTILE, **given))

    assert message["Bcc"] is None
    assert message["To"] == "pea@acme.example"
    assert "\n" not in str(message["Subject"])
    page = page_of(message)
    assert "script" not in page.tags
    for link in page.links:
        assert link.startswith("https://lms.acme.example") or link == LINK
    assert "http://evil" not in page.text + text_of(message)
    assert "\u202e" not in page.text + text_of(message) + str(message["Subject"])


@pytest.mark.parametrize("kind", list(MailKind))
def test_the_page_is_for_everybody(kind: MailKind) -> None:
    page = page_of(sent(letter(kind)))

    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    assert not {"img", "script", "form", "iframe", "link"} & set(page.tags)
    layout = ("table", "role", "presentation")
    data = page.tags.count("caption")
    assert page.attributes.count(layout) == page.tags.count("table") - data
    assert page.tags.count("th") == sum(each[1:] == ("scope", "row") for each in page.attributes)


@pytest.mark.parametrize("kind", list(MailKind))
def test_a_parameter_that_lacks_is_noticed(kind: MailKind) -> None:
    complete = letter(kind)
    lacking = dict(list(complete.parameters.items())[:1])

    with pytest.raises(UndefinedError):
        sent(replace(complete, parameters=lacking))


@pytest.mark.parametrize("kind", ABOUT_LIVE_SESSIONS)
def test_whoever_gets_no_link_reads_of_none(kind: MailKind) -> None:
    message = sent(letter(kind, link=None, place=None))

    assert "join" not in text_of(message) + page_of(message).text
    assert page_of(message).links == ["https://lms.acme.example"]


def test_who_is_called_off_reads_the_whole_reason() -> None:
    message = sent(letter(MailKind.LIVE_SESSION_CANCELLED))

    said = " ".join(text_of(message).replace("\u2060", "").split())
    assert LIVE_SESSION["reason"].strip() in said


def test_the_message_id_is_the_mail_s_own() -> None:
    first = sent(letter(MailKind.INVOICE))
    again = sent(letter(MailKind.INVOICE), at=AT + dt.timedelta(days=1))
    other = message_id(letter(MailKind.INVITATION, workspace="Other"), "a.example")

    assert first["Message-ID"] == again["Message-ID"]
    assert other.endswith("@a.example>")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "pea",
        "@acme.example",
        "pea@",
        "pea@acme.example, all@acme.example",
        "pea@acme.example\r\nRCPT TO:<all@acme.example>",
        "pea\n@acme.example",
        "<pea@acme.example>",
        "pea@acme.example\x00",
        "pea@acme@example",
        "pea smith@acme.example",
        "pea@acme.example\u2028",
        "p\u202ea@acme.example",
        "pea@[127.0.0.1]",
        "pea@acme..example",
        "a" * 321 + "@acme.example",
    ],
)
def test_what_is_not_one_address_is_not_written_to(address: str) -> None:
    with pytest.raises(NoAddress):
        sent(letter(MailKind.INVOICE, "fia@acme.example", address))


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("pea@acme.example", "pea@acme.example"),
        ("o'brien+lms@acme.example", "o'brien+lms@acme.example"),
        ("åsa@bücher.example", "åsa@xn--bcher-kva.example"),
    ],
)
def test_addresses_of_the_world_are_written_to(address: str, wire: str) -> None:
    assert wire_address(address) == wire
    assert str(header_address(address).addr_spec) == wire


@given(st.text(), st.text(), st.text())
@settings(max_examples=150, deadline=None)
def test_no_name_breaks_a_mail(name: str, workspace: str, address: str) -> None:
    try:
        recipient = checked(address + "@acme.example")
    except NoAddress:
        recipient = "pea@acme.example"

    message = sent(letter(MailKind.INVITATION, recipient, workspace=workspace, name=name))

    assert set(message.keys()) == {
        "Subject",
        "From",
        "To",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
    }
    assert f"https://lms.acme.example/invitation/{CODE}" in text_of(message)
    assert {"script", "img", "iframe"}.isdisjoint(page_of(message).tags)
