"""The operations on people, their rights, money and the log."""

from typing import Any, Final

from tests.proof.probing import (
    OF_A_THING,
    OF_THE_WORKSPACE,
    Case,
    Probe,
    mutation,
)
from tests.proof.town import Town


def nothing(*_: object) -> dict[str, Any]:
    return {}


def somebody_new(town: Town, *_: object) -> dict[str, Any]:
    return {"people": [{"email": f"{town.word()}@new.example"}]}


def a_card(town: Town, _: str, __: Case) -> dict[str, Any]:
    return {"reference": f"pm_{town.word()}"}


OF_PEOPLE: Final = (
    Probe(
        "view_billing",
        "query { viewBilling { currency price { text } } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "update_payment_method",
        mutation(
            "updatePaymentMethod",
            "$reference: String!",
            'provider: "stripe", reference: $reference, brand: "Visa", lastFour: "1111"',
        ),
        a_card,
        cases=OF_THE_WORKSPACE,
        changes="payment_method.changed",
    ),
    Probe(
        "view_active_members_report",
        "query { viewActiveMembersReport { timeZone } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "add_member",
        "query { invitePreview(count: 1) { membersNow } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "add_member",
        mutation("addMember", "$people: [PersonToAdd!]!", "people: $people"),
        somebody_new,
        cases=OF_THE_WORKSPACE,
        changes="member.added",
    ),
    Probe(
        "deactivate_member",
        mutation("deactivateMember", "$person: ID!", "memberId: $person"),
        lambda town, _, case: {"person": town.spare(case.place)},
        cases=OF_A_THING,
        changes="member.deactivated",
    ),
)
