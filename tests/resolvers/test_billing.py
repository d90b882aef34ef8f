"""Money over the schema: what managers of finance see, and what stays shut to them (C6, C24)."""

import datetime as dt
import logging
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from access.permissions import Permission, Principal, Scope, scope_of
from models.people import MemberState
from operations.money import Money
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.ledger import CARD, costs, issued, pays_with, settle_all, were_active
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

MAY_DAY = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)

MONEY = "{ minorUnits currency decimal text }"
INVOICE = f"""{{ id number month activeMembers currency issuedAt pdfUrl
  price {MONEY} total {MONEY} }}"""
VIEW = f"""query ($first: Int, $after: String) {{ viewBilling {{
  currency price {MONEY} paymentMethod {{ provider brand lastFour }}
  invoices(first: $first, after: $after) {{
    totalCount position pageInfo {{ hasNextPage endCursor }} nodes {INVOICE} }}
  billingMail(first: $first) {{
    totalCount position nodes {{ kind state recipients at sentAt problem invoice {INVOICE} }} }}
  contacts {{ name address principal reason }}
}} }}"""
PAY = """
mutation ($provider: String!, $reference: String!, $brand: String!, $lastFour: String!,
          $key: String) {
  updatePaymentMethod(provider: $provider, reference: $reference, brand: $brand,
                      lastFour: $lastFour, idempotencyKey: $key) {
    cursor
    billing { paymentMethod { provider brand lastFour } }
    refusal { code message path ... on PlainRefusal { details } }
  }
}
"""
VISA = {"provider": "stripe", "reference": "pm_1NXWPnG9mEhFgH", "brand": "Visa", "lastFour": "4242"}


@pytest.fixture
@furnished
async def firm(world: World) -> World:
    """Mo manages the workspace and Fay its finances; Dan manages Training; Lea learns nothing yet.
    March and April cost something."""
    for name in ("Mo", "Fay", "Dan", "Lea"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"])
    await world.segment("Sales", 'department eq "Sales"', is_usable_by_departments=True)
    await world.course("Safety", coordinators_by_hand=["Lea"], segments_attached=["Sales"])
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    await pays_with(world, "Mo", at=MONDAY)
    await costs(world, Money(450, "SEK"), MONDAY)
    await were_active(world, dt.date(2026, 3, 1), 3)
    await were_active(world, dt.date(2026, 4, 1), 4)
    await settle_all(world, MAY_DAY)
    return world


# --- What is seen --------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["Fay", "Mo"])
async def test_billing_shows_price_payment_method_invoices_mail_and_contacts(
    firm: World, ask: Ask, by: str
) -> None:
    """C6, C24"""
    seen = await ask.one(VIEW, by=by)

    price = {"minorUnits": "450", "currency": "SEK", "decimal": "4.50", "text": "SEK 4.50"}
    assert (seen["currency"], seen["price"]) == ("SEK", price)
    assert seen["paymentMethod"] == {"provider": "stripe", "brand": "Visa", "lastFour": "4242"}
    assert seen["invoices"]["totalCount"] == 2
    april, march = seen["invoices"]["nodes"]
    assert (april["number"], april["month"], april["activeMembers"]) == (2, "2026-04-01", 4)
    assert april["total"]["text"] == "SEK 18.00"
    assert (march["number"], march["price"], march["currency"]) == (1, price, "SEK")
    assert march["pdfUrl"] == f"/invoices/{march['id']}.pdf"
    assert [each["kind"] for each in seen["billingMail"]["nodes"]] == [
        "INVOICE",
        "INVOICE",
        "PAYMENT_METHOD_CHANGED",
    ]
    newest = seen["billingMail"]["nodes"][0]
    assert newest["invoice"] == april
    assert (newest["state"], newest["recipients"]) == ("QUEUED", ["fay@acme.example"])
    assert seen["contacts"] == [
        {
            "name": "Fay",
            "address": "fay@acme.example",
            "principal": "FINANCE_MANAGER",
            "reason": "RECEIVE_BILLING_MAIL is allowed to finance_manager.",
        }
    ]


async def test_the_token_of_a_payment_method_is_shown_to_nobody(firm: World, ask: Ask) -> None:
    """C24: it leaves neither through the schema nor through the journal."""
    for by in ("Fay", "Mo"):
        assert b"pm_1NXW" not in await ask.bytes(VIEW, by=by)
    async with firm.edge.read() as db:
        journal = await db.scalars(text("SELECT to_jsonb(j)::text FROM journal_entry j"))
        assert not [entry for entry in journal if "pm_1NXW" in entry]


async def test_invoices_are_paged_newest_first(firm: World, ask: Ask) -> None:
    first = (await ask.one(VIEW, by="Fay", first=1))["invoices"]
    rest = (await ask.one(VIEW, by="Fay", first=1, after=first["pageInfo"]["endCursor"]))[
        "invoices"
    ]

    assert [each["number"] for each in (*first["nodes"], *rest["nodes"])] == [2, 1]
    assert first["pageInfo"]["hasNextPage"]
    assert not rest["pageInfo"]["hasNextPage"]


async def test_contacts_change_with_the_last_finance_manager(firm: World, ask: Ask) -> None:
    """C6"""
    await firm.set_state("Fay", MemberState.DEACTIVATED)

    [contact] = (await ask.one(VIEW, by="Mo"))["contacts"]

    assert (contact["name"], contact["principal"]) == ("Mo", "WORKSPACE_MANAGER")
    assert "only while the workspace has no finance manager, which holds" in contact["reason"]


# --- What is not seen ----------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["Dan", "Lea"])
async def test_nobody_else_sees_or_changes_any_of_it(firm: World, ask: Ask, by: str) -> None:
    """C2, C6"""
    [invoice, _] = await issued(firm)
    id = encode("Invoice", invoice.id)

    assert await ask.code("{ viewBilling { currency } }", by=by) == "PERMISSION_DENIED"
    assert await ask.code(PAY, by=by, **VISA) == "PERMISSION_DENIED"
    assert await ask.one("query ($id: ID!) { node(id: $id) { id } }", by=by, id=id) is None


async def test_invoices_of_another_workspace_do_not_exist(
    firm: World, ask: Ask, sessions: Any
) -> None:
    """C2: two tenants never meet."""
    other = await World.new(sessions, "other")
    await other.member("Oda")
    await other.grant("Oda", Principal.FINANCE_MANAGER)
    await were_active(other, dt.date(2026, 3, 1), 9)
    await settle_all(other, MAY_DAY)
    [foreign] = await issued(other)
    [own, _] = await issued(firm)
    node = "query ($id: ID!) { node(id: $id) { id } }"

    assert await ask.one(node, by="Fay", id=encode("Invoice", foreign.id)) is None
    assert await ask.one(node, by="Fay", id=encode("Invoice", own.id)) is not None
    theirs = await Ask(other).one(VIEW, by="Oda")
    assert [each["activeMembers"] for each in theirs["invoices"]["nodes"]] == [9]
    assert theirs["billingMail"]["nodes"][0]["recipients"] == []
    assert theirs["billingMail"]["nodes"][0]["problem"].startswith("There was nobody")


async def test_a_manager_of_finance_opens_nothing_but_money(firm: World, ask: Ask) -> None:
    """C6: no course, learner, answer, insight or list of people, on any path."""
    own = ask.id("Member", "Fay")
    lists = await ask.whole(
        """{ courses { totalCount nodes { id } } coursesIManage { totalCount nodes { id } }
             segments { totalCount nodes { id } }
             searchSegmentsTypeahead(text: "e") { segment { id } }
             members { totalCount nodes { id } } departments { totalCount nodes { id } } }""",
        by="Fay",
    )
    assert "errors" not in lists, lists["errors"]
    assert lists["data"]["courses"] == {"totalCount": 0, "nodes": []}
    assert lists["data"]["coursesIManage"] == {"totalCount": 0, "nodes": []}
    assert lists["data"]["segments"] == {"totalCount": 0, "nodes": []}
    assert lists["data"]["searchSegmentsTypeahead"] == []
    assert lists["data"]["departments"] == {"totalCount": 0, "nodes": []}
    assert lists["data"]["members"] == {"totalCount": 1, "nodes": [{"id": own}]}

    hidden = [
        ask.id("Course", "Safety"),
        ask.id("Segment", "Sales"),
        ask.id("Department", "Training"),
        *(ask.id("Member", name) for name in ("Mo", "Dan", "Lea")),
    ]
    found = await ask.one("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", by="Fay", ids=hidden)
    assert found == [None] * len(hidden)
    for field, id in (("course", hidden[0]), ("segment", hidden[1]), ("member", hidden[3])):
        document = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}"
        assert await ask.code(document, by="Fay", id=id) == "NOT_FOUND"
    code = "{ refusal { code } }"
    for operation in (
        "query (%s) { explainMembership(courseId: $id, memberId: $who) { summary } }",
        f"mutation (%s) {{ assignInstructor(courseId: $id, memberIds: [$who]) {code} }}",
        f"mutation (%s) {{ assignDirectCoordinator(courseId: $id, memberIds: [$who]) {code} }}",
        f"mutation (%s) {{ editCourseInfo(courseId: $id, title: $who) {code} }}",
    ):
        document = operation % (
            "$id: ID!, $who: String!" if "title" in operation else "$id: ID!, $who: ID!"
        )
        answer = await ask.whole(document, by="Fay", id=hidden[0], who=own)
        assert "Safety" not in str(answer)
        assert "PERMISSION_DENIED" in str(answer) or "NOT_FOUND" in str(answer)


async def test_what_a_manager_of_finance_can_do_is_what_the_table_says(
    firm: World, ask: Ask
) -> None:
    """C6, G5"""
    document = """query ($operations: [Permission!]!, $on: [ID!]) {
      viewer { can(operations: $operations, on: $on) { operation isAllowed } } }"""
    places = {
        Scope.WORKSPACE: None,
        Scope.DEPARTMENT: [ask.id("Department", "Training")],
        Scope.COURSE: [ask.id("Course", "Safety")],
    }
    allowed = set()
    for scope, on in places.items():
        asked = [each.name for each in Permission if scope_of(each) is scope]
        answer = await ask.one(document, by="Fay", operations=asked, on=on)
        assert len(answer["can"]) == len(asked)
        allowed |= {each["operation"] for each in answer["can"] if each["isAllowed"]}

    assert allowed == {
        "VIEW_BILLING",
        "UPDATE_PAYMENT_METHOD",
        "RECEIVE_BILLING_MAIL",
        "VIEW_ACTIVE_MEMBERS_REPORT",
        # What anybody may: the public check, and one's own list, which is empty.
        "VERIFY_CERTIFICATE_BY_CODE",
        "LIST_COURSES_I_MANAGE",
    }


async def test_a_workspace_manager_is_told_why_billing_mail_does_not_come_now(
    firm: World, ask: Ask
) -> None:
    """C6, G5: the cell of receive_billing_mail with a condition, both ways."""
    document = """{ viewer { can(operations: [RECEIVE_BILLING_MAIL]) {
      isAllowed condition reason } } }"""
    [with_finance] = (await ask.one(document, by="Mo"))["can"]
    await firm.set_state("Fay", MemberState.DEACTIVATED)
    [without] = (await ask.one(document, by="Mo"))["can"]

    assert (with_finance["isAllowed"], without["isAllowed"]) == (False, True)
    assert with_finance["condition"] == without["condition"] == "NO_FINANCE_MANAGER"
    assert "only while the workspace has no finance manager" in with_finance["reason"]


async def test_a_manager_of_finance_sees_the_report_that_is_billed(firm: World, ask: Ask) -> None:
    """C6, C20, C24: the figures of the report are those of the invoices."""
    report = await ask.one(
        """{ viewActiveMembersReport(from: "2026-03-01", to: "2026-04-01") {
             months { month activeMembers } } }""",
        by="Fay",
    )
    invoices = (await ask.one(VIEW, by="Fay"))["invoices"]["nodes"]

    assert {each["month"]: each["activeMembers"] for each in report["months"]} == {
        each["month"]: each["activeMembers"] for each in invoices
    }


# --- What is changed -----------------------------------------------------------------------------


async def test_a_manager_of_finance_changes_the_payment_method_once_per_key(
    firm: World, ask: Ask
) -> None:
    """C6, C24, G8"""
    changed = VISA | {"reference": "pm_99999AAAAAAAAAzzzz", "brand": "Amex", "lastFour": "0005"}

    first = await ask.one(PAY, by="Fay", key="one", **changed)
    second = await ask.one(PAY, by="Fay", key="one", **changed)

    assert first["refusal"] is None
    assert first == second
    assert first["billing"]["paymentMethod"]["brand"] == "Amex"
    assert (await firm.verbs()).count("payment_method.changed") == 2


@pytest.mark.parametrize("argument", ["provider", "reference", "brand", "lastFour"])
async def test_the_number_of_a_card_reaches_nothing_that_lasts(
    firm: World, ask: Ask, argument: str, caplog: pytest.LogCaptureFixture
) -> None:
    """C24: not the answer, not the log, not the journal, not a table."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        answer = await ask.bytes(PAY, by="Fay", key="a key", **VISA | {argument: CARD})

    assert b'"CARD_NUMBER"' in answer
    assert f'"path":["{argument}"]'.encode() in answer
    assert CARD.encode() not in answer
    assert CARD not in caplog.text
    assert CARD not in str(logged)
    async with firm.edge.read() as db:
        tables = await db.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        for table in tables.all():
            held = await db.scalar(
                text(f'SELECT count(*) FROM "{table}" AS row WHERE row::text LIKE :card'),
                {"card": f"%{CARD}%"},
            )
            assert held == 0, table


# --- What it costs -------------------------------------------------------------------------------


async def test_billing_costs_as_many_statements_for_1_as_for_50_invoices(
    firm: World, ask: Ask, statements: list[str]
) -> None:
    """G6"""
    month = dt.date(2026, 5, 1)
    for _ in range(50):
        await were_active(firm, month, 1)
        month = (month + dt.timedelta(days=32)).replace(day=1)
    await settle_all(firm, dt.datetime(2031, 1, 1, tzinfo=dt.UTC))

    statements.clear()
    one = await ask.one(VIEW, by="Fay", first=1)
    few = len(statements)
    statements.clear()
    fifty = await ask.one(VIEW, by="Fay", first=50)
    many = len(statements)

    assert len(one["invoices"]["nodes"]) == len(one["billingMail"]["nodes"]) == 1
    assert len(fifty["invoices"]["nodes"]) == len(fifty["billingMail"]["nodes"]) == 50
    assert few == many == 10
