"""The door for invoices: who gets the PDF; nobody else learns it is there (C2, C6, C24)."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.people import MemberState
from resolvers.ids import encode
from tests.app.serving import Web, running, settings_for
from tests.operations.ledger import issued, settle_all, were_active
from tests.pdf import words
from tests.world import World

MAY_DAY = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        yield started


async def company(sessions: async_sessionmaker[AsyncSession], slug: str) -> World:
    """Mo manages the workspace, Fay its finances, Dan a department; there is one invoice."""
    world = await World.new(sessions, slug)
    for name in ("Mo", "Fay", "Dan", "Ada"):
        await world.member(name)
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    await were_active(world, dt.date(2026, 3, 1), 3)
    await settle_all(world, MAY_DAY)
    return world


@pytest.fixture
async def firm(sessions: async_sessionmaker[AsyncSession]) -> World:
    return await company(sessions, "acme")


async def path_of(world: World) -> str:
    [invoice] = await issued(world)
    return f"/invoices/{encode('Invoice', invoice.id)}.pdf"


async def fetch(web: Web, path: str, world: World | None = None, name: str = "") -> httpx.Response:
    headers = {}
    if world is not None:
        token = web.here.local_issuer.mint(
            workspace_id=world.workspace_id,
            member_id=world.members[name],
            ttl=dt.timedelta(hours=1),
            at=dt.datetime.now(dt.UTC),
        )
        headers["authorization"] = f"Bearer {token}"
    return await web.client.get(path, headers=headers)


@pytest.mark.parametrize("name", ["Fay", "Mo"])
async def test_managers_of_finance_and_of_the_workspace_get_the_pdf(
    web: Web, firm: World, name: str
) -> None:
    """C6, C24: view_billing of permissions.csv"""
    answer = await fetch(web, await path_of(firm), firm, name)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="invoice-acme-1.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = words(answer.content)
    assert "Invoice 1" in page
    assert "EUR 15.00" in page


async def test_the_same_invoice_is_the_same_bytes(web: Web, firm: World) -> None:
    path = await path_of(firm)

    first = await fetch(web, path, firm, "Fay")
    second = await fetch(web, path, firm, "Mo")

    assert first.content == second.content


@pytest.mark.parametrize(
    "credentials", [None, "Bearer x", "Bearer lmsc_pat_000000000000", "Basic x"]
)
async def test_without_a_good_token_it_is_401_whatever_is_asked_for(
    web: Web, firm: World, credentials: str | None
) -> None:
    headers = {} if credentials is None else {"authorization": credentials}
    for path in (await path_of(firm), "/invoices/nothing.pdf"):
        answer = await web.client.get(path, headers=headers)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/json"


async def test_missing_foreign_and_forbidden_invoices_are_the_same_404(
    web: Web, firm: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    """C2"""
    other = await company(sessions, "other")
    own, foreign = await path_of(firm), await path_of(other)
    [invoice] = await issued(firm)
    asked = [
        (own, firm, "Ada"),
        (own, firm, "Dan"),
        (foreign, firm, "Fay"),
        (foreign, firm, "Mo"),
        *(
            (f"/invoices/{id}.pdf", firm, "Fay")
            for id in (
                encode("Invoice", 999_999),
                encode("Invoice", 2**63),
                encode("Member", invoice.id),
                str(invoice.id),
                "%00",
                "é",
                "x" * 2_000,
            )
        ),
    ]

    answers = [await fetch(web, *each) for each in asked]

    assert {each.status_code for each in answers} == {404}
    assert {each.content for each in answers} == {b'{"error":"There is no such invoice."}'}


async def test_the_permission_is_asked_at_that_moment(web: Web, firm: World) -> None:
    path = await path_of(firm)
    assert (await fetch(web, path, firm, "Fay")).status_code == 200

    async with firm.edge.transaction() as db:
        await db.execute(text("DELETE FROM access_grant WHERE principal = 'finance_manager'"))
    assert (await fetch(web, path, firm, "Fay")).status_code == 404

    await firm.set_state("Mo", MemberState.DEACTIVATED)
    assert (await fetch(web, path, firm, "Mo")).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_an_invoice_can_only_be_read(web: Web, firm: World, method: str) -> None:
    answer = await web.client.request(method, await path_of(firm))

    assert answer.status_code == 405
