"""The cells of permissions.csv that are no operation of GraphQL: what providers deliver, and who
gets the mail about money."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests.proof.ledger import Ledger
from tests.proof.probes import PROBES
from tests.proof.table import CELLS, PRINCIPALS
from tests.proof.town import City, Town
from tests.stories.permissions.over_http import OverHttp, stranger, tokens_in
from tests.stories.running import System

pytestmark = pytest.mark.timeout(120)

SCIM_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


async def test_only_an_identity_provider_delivers(
    town: Town,
    ask: OverHttp,
    system: System,
    ledger: Ledger,
    record_property: Callable[[str, object], None],
) -> None:
    await ledger.settle()
    before = ledger.state()
    told = {}
    for who in sorted(PRINCIPALS, key=lambda each: each == "idp_service"):
        if who == "idp_service":
            assert ledger.state() == before
        body = {"schemas": [SCIM_USER], "userName": f"{who}@delivered.example", "active": True}
        async with stranger() as http:
            response = await http.post(
                f"{system.url}/scim/v2/Users", json=body, headers=ask.headers(who)
            )
        told[who] = response.status_code

    may = {who for who in PRINCIPALS if CELLS["ingest_idp_event", who].allow == "yes"}
    assert {who for who, status in told.items() if status == 201} == may
    assert {status for who, status in told.items() if who not in may} <= {401, 403}
    record_property("cells of permissions.csv proven over HTTP", len(told))
    record_property("requests these cells took", len(told))


async def test_mail_about_money_goes_to_finance_and_to_managers_only_while_there_is_none(
    town: Town,
    ask: OverHttp,
    system: System,
    outside: Engine,
    record_property: Callable[[str, object], None],
) -> None:
    """C6: the condition of the only cell that hangs on nobody being in finance, both ways."""
    [probe] = PROBES["update_payment_method"]
    there = OverHttp(ask.http, ask.url, tokens_in(system, town.abroad))
    for asking in (ask, there):
        given = {"reference": f"pm_{town.word()}"}
        answer = await asking("workspace_manager", probe.document, given)
        assert answer["data"]["updatePaymentMethod"]["refusal"] is None

    with_finance = recipients(outside, town.here)
    without = recipients(outside, town.abroad)

    cells = {who: CELLS["receive_billing_mail", who].allow for who in PRINCIPALS}
    assert with_finance & cells.keys() == {who for who, each in cells.items() if each == "yes"}
    assert without & cells.keys() == {who for who, each in cells.items() if each == "cond"}
    record_property("cells of permissions.csv proven over HTTP", len(cells))
    record_property("requests these cells took", 2)


def recipients(outside: Engine, city: City) -> set[str]:
    """The names of those the newest mail of a workspace is for."""
    with outside.begin() as db:
        ids = db.scalar(
            text("SELECT member_ids FROM mail WHERE workspace_id = :w ORDER BY id DESC LIMIT 1"),
            {"w": city.world.workspace_id},
        )
    return {name for name, id in city.world.members.items() if id in (ids or ())}
