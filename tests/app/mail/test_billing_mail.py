"""What billing writes down is what its mail needs to be written (C24)."""

import datetime as dt

from access.permissions import Principal
from operations.money import Money
from tests.app.mail.conftest import Mailing
from tests.operations.ledger import costs, pays_with, settle_all, were_active
from tests.smtp import MailServer
from tests.world import MONDAY

MARCH = dt.date(2026, 3, 1)


async def test_an_invoice_and_a_changed_payment_method_reach_the_finance_manager(
    mailing: Mailing, server: MailServer
) -> None:
    world = mailing.world
    await world.member("Fay", emails=["fay@acme.example"])
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await costs(world, Money(250, "EUR"), MONDAY)
    await pays_with(world, "Fay", at=MONDAY)
    await were_active(world, MARCH, 3)
    await settle_all(world, dt.datetime(2026, 4, 15, tzinfo=dt.UTC))

    await mailing.office.send()

    bodies = {}
    for each in server.arrived:
        assert each.recipients == ["fay@acme.example"]
        body = each.message.get_body(("plain",))
        assert body is not None
        bodies[str(each.message["Subject"])] = body.get_content()
    changed = bodies["The payment method of Acme was changed"]
    assert "Visa ending in 4242" in changed
    assert "nothing on file" in changed
    invoice = bodies["Invoice 1 of March 2026 for Acme"]
    for fact in ("Active members     3", "EUR 2.50", "EUR 7.50"):
        assert fact in invoice
