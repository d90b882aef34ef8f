"""A month of money, end to end: people sign in, the month ends, an invoice goes out, and only those
who look after money ever see any of it (C6, C24)."""

import asyncio
import datetime as dt
import email
import email.policy
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from access.permissions import Principal
from app.actors import SETTLE_MONTHS
from operations import activity
from operations.billing import month_after
from sync_engine.bell import Bell
from tests.pdf import words
from tests.stories.running import Company, Found, System

BILLING = """{ viewBilling {
  price { text } paymentMethod { brand lastFour }
  invoices { nodes { id number month activeMembers total { text } pdfUrl } }
  billingMail { nodes { kind state recipients invoice { number } } }
} }"""
PAY = """mutation ($reference: String!) {
  updatePaymentMethod(provider: "stripe", reference: $reference, brand: "Visa", lastFour: "4242") {
    cursor refusal { code message path } billing { paymentMethod { brand lastFour } } } }"""
CARD = "5555555555554444"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def client(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=system.url, timeout=30) as opened:
        yield opened


async def ask(
    client: httpx.AsyncClient, token: str, query: str, **variables: Any
) -> dict[str, Any]:
    answer = await client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
    )
    body: dict[str, Any] = answer.json()
    return body


async def the_month_ends(company: Company, people: int) -> dt.date:
    """So many people have signed in during the last month, which nobody has settled yet."""
    world = company.world
    now = dt.datetime.now(dt.UTC)
    present = activity.month_of(now, "Europe/Stockholm")
    last = (present - dt.timedelta(days=1)).replace(day=1)
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO sign_in_month (workspace_id, month, member_id, first_at)"
                " SELECT :id, :month, n, now() FROM generate_series(1000001, 1000000 + :n) n"
            ),
            {"id": world.workspace_id, "month": last, "n": people},
        )
        await db.execute(
            text(
                "UPDATE billing_account SET next_month = :month, next_close_at = :at"
                " WHERE workspace_id = :id"
            ),
            {"id": world.workspace_id, "month": last, "at": now - dt.timedelta(days=40)},
        )
    assert month_after(last) == present
    Bell(company.system.settings.redis_address).tell(wakes=[SETTLE_MONTHS])
    return last


async def until_sent(client: httpx.AsyncClient, token: str, count: int) -> dict[str, Any]:
    """What billing shows once so many mails are out."""
    shown: dict[str, Any] = {}
    for _ in range(600):
        shown = (await ask(client, token, BILLING))["data"]["viewBilling"]
        if [each["state"] for each in shown["billingMail"]["nodes"]] == ["SENT"] * count:
            return shown
        await asyncio.sleep(0.1)
    raise AssertionError(f"{count} mails should have been sent: {shown}")


def mail_to(system: System, address: str) -> list[EmailMessage]:
    """What has been written to an address, oldest first."""
    folder: Path = system.settings.data_dir / "mail"
    found = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(folder.rglob("*.eml"))
    ]
    return [each for each in found if address in str(each["to"])]


@pytest.mark.spec("C24")
async def test_a_month_becomes_an_invoice_a_mail_and_a_pdf_for_finance_alone(
    found: Found, client: httpx.AsyncClient
) -> None:
    """C6, C24"""
    company = await found()
    world = company.world
    for name in ("Mo", "Fay", "Dan"):
        await world.member(name, emails=[f"{name.lower()}@{world.slug}.example"])
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    fay, mo, dan = (company.token(name) for name in ("Fay", "Mo", "Dan"))

    paid = (await ask(client, fay, PAY, reference="pm_1NXWPnG9mEhFgH"))["data"]
    assert paid["updatePaymentMethod"]["refusal"] is None
    month = await the_month_ends(company, 7)
    shown = await until_sent(client, fay, 2)

    [invoice] = shown["invoices"]["nodes"]
    assert (invoice["number"], invoice["month"]) == (1, month.isoformat())
    assert (invoice["activeMembers"], invoice["total"]["text"]) == (7, "EUR 35.00")
    newest, oldest = shown["billingMail"]["nodes"]
    assert newest == {
        "kind": "INVOICE",
        "state": "SENT",
        "recipients": [f"fay@{world.slug}.example"],
        "invoice": {"number": 1},
    }
    assert oldest["kind"] == "PAYMENT_METHOD_CHANGED"

    changed, brought = mail_to(company.system, f"fay@{world.slug}.example")
    assert "Visa ending in 4242" in str(changed.get_body(("plain",)))
    assert "EUR 35.00" in str(brought.get_body(("plain",)))
    assert mail_to(company.system, f"mo@{world.slug}.example") == []

    for token, status in ((fay, 200), (mo, 200), (dan, 404)):
        page = await client.get(invoice["pdfUrl"], headers={"authorization": f"Bearer {token}"})
        assert page.status_code == status, company.system.log.read_text()[-3000:]
        assert (b"%PDF" in page.content) == (status == 200)
    page = await client.get(invoice["pdfUrl"], headers={"authorization": f"Bearer {fay}"})
    assert "Total EUR 35.00 Payment method Visa ending in 4242" in words(page.content)
    assert (await client.get(invoice["pdfUrl"])).status_code == 401
    [refused] = (await ask(client, dan, BILLING))["errors"]
    assert refused["extensions"]["code"] == "PERMISSION_DENIED"


async def test_the_number_of_a_card_leaves_no_trace_in_a_running_system(
    found: Found, client: httpx.AsyncClient
) -> None:
    """C24: neither in what is stored nor in what any process wrote."""
    company = await found()
    await company.world.member("Fay", emails=["fay@acme.example"])
    await company.world.grant("Fay", Principal.FINANCE_MANAGER)

    answer = await ask(client, company.token("Fay"), PAY, reference=CARD)

    refusal = answer["data"]["updatePaymentMethod"]["refusal"]
    assert (refusal["code"], refusal["path"]) == ("CARD_NUMBER", ["reference"])
    assert CARD not in str(answer)
    home = company.system.log.parent
    written = [path for path in home.rglob("*") if path.suffix in (".log", ".eml")]
    assert company.system.log in written
    assert [path for path in written if CARD.encode() in path.read_bytes()] == []
    async with company.world.edge.read() as db:
        stored = await db.scalars(
            text("SELECT to_jsonb(j)::text FROM journal_entry j WHERE workspace_id = :id"),
            {"id": company.world.workspace_id},
        )
        assert [entry for entry in stored if CARD in entry] == []
