"""Somebody is added, a segment is attached, a mail arrives, its link is opened as a browser does
it, and a dashboard sees a new coordinator (C5, C18)."""

import asyncio
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from access.permissions import Principal
from tests.stories.dashboards import COORDINATORS, over_socket
from tests.stories.running import Company, Found

PATIENCE = 20.0

ADD = """
mutation ($people: [PersonToAdd!]!) {
  addMember(people: $people) { results { outcome member { id state invitation { state } } } }
}
"""
ATTACH = """
mutation ($course: ID!, $segment: ID!) {
  attachSegment(courseId: $course, segmentId: $segment) { refusal { message } }
}
"""
STATE = "query ($id: ID!) { member(id: $id) { state invitation { state sentCount } } }"
ME = "{ viewer { member { displayName } } coursesIManage { nodes { title } } }"


class Form(HTMLParser):
    """The one form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.method, self.action, self.buttons = "", "", 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.method, self.action = given.get("method") or "get", given.get("action") or ""
        self.buttons += tag == "button"


async def ask(company: Company, document: str, *, token: str, **variables: Any) -> Any:
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(
            company.system.graphql,
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {token}"},
        )
    said = answer.json()
    assert "errors" not in said, said
    return said["data"]


def mails_to(company: Company, address: str) -> list[EmailMessage]:
    """What has been delivered to somebody so far."""
    folder: Path = company.system.settings.data_dir / "mail"
    found = [
        message_from_bytes(each.read_bytes(), policy=policy.default)
        for each in sorted(folder.glob("*.eml"))
    ]
    return [each for each in found if each["To"] == address]


async def mail_to(company: Company, address: str) -> EmailMessage:
    """The first mail to somebody."""
    until = time.monotonic() + PATIENCE
    while not (found := mails_to(company, address)):
        assert time.monotonic() < until, "no mail came"
        await asyncio.sleep(0.02)
    return found[0]


def link_in(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    [link] = [line.strip() for line in body.get_content().splitlines() if "/invitation/" in line]
    return str(link)


async def test_an_attached_segment_invites_a_newcomer_who_becomes_coordinator(
    found: Found,
) -> None:
    company = await found()
    world = company.world
    await world.member("Mo")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety")
    mo = company.token("Mo")
    address = f"pia@{world.slug}.example"

    person = {"email": address, "displayName": "Pia", "attributes": {"department": "Sales"}}
    [added] = (await ask(company, ADD, token=mo, people=[person]))["addMember"]["results"]
    pia = added["member"]
    assert (pia["state"], pia["invitation"]["state"]) == ("PENDING", "NOT_INVITED")
    await asyncio.sleep(1)
    assert mails_to(company, address) == []

    course, segment = company.id("Course", "Safety"), company.id("Segment", "Sellers")
    await ask(company, ATTACH, token=mo, course=course, segment=segment)
    message = await mail_to(company, address)
    known = (await ask(company, STATE, token=mo, id=pia["id"]))["member"]
    assert known == {"state": "PENDING", "invitation": {"state": "INVITED", "sentCount": 1}}

    async with (
        over_socket(company, mo, COORDINATORS, course=course) as dashboard,
        httpx.AsyncClient(base_url=company.system.url, headers={"accept": "text/html"}) as browser,
    ):
        ready = await dashboard.next()
        assert ready is not None
        assert ready["kind"] == "READY"
        page = await browser.get(urlsplit(link_in(message)).path)
        form = Form(page.text)
        assert (page.status_code, form.method, form.buttons) == (200, "post", 1)
        welcome = await browser.post(urljoin(str(page.url), form.action))
        assert welcome.status_code == 200
        event = await asyncio.wait_for(dashboard.next(), PATIENCE)
        assert event is not None
        assert (event["kind"], event["isCoordinator"]) == ("CHANGED", True)
        assert event["memberId"] == pia["id"]
        again = await browser.post(urljoin(str(page.url), form.action))
        assert again.status_code == 404

    token = welcome.text.split("<textarea", 1)[1].split(">", 1)[1].split("<", 1)[0]
    me = await ask(company, ME, token=token)
    assert me["viewer"]["member"] == {"displayName": "Pia"}
    assert me["coursesIManage"]["nodes"] == [{"title": "Safety"}]
    known = (await ask(company, STATE, token=mo, id=pia["id"]))["member"]
    assert known == {"state": "ACTIVE", "invitation": {"state": "ACCEPTED", "sentCount": 1}}
    assert len(mails_to(company, address)) == 1
