"""permissions.csv, cell by cell, against the running system (section 3 of the specification)."""

from collections.abc import Callable

import pytest

from schema.schema import schema
from tests.proof.ledger import Ledger
from tests.proof.pending import PENDING
from tests.proof.probes import PROBES
from tests.proof.proving import Asked, Proof, denied_first, questions, then_allowed
from tests.proof.table import CELLS, OPERATIONS, PRINCIPALS
from tests.proof.town import OWN, Town
from tests.sampling import some
from tests.stories.permissions.over_http import OverHttp

pytestmark = pytest.mark.timeout(120)

PROVEN = [each for each in OPERATIONS if each in PROBES]
"""A third of these in a run, drawn; all with `make proof`."""

BY_OTHER_DOORS = {"ingest_idp_event", "receive_billing_mail"}
"""Proven by tests of their own: what does not come through GraphQL."""


def camel(operation: str) -> str:
    first, *rest = operation.split("_")
    return first + "".join(each.title() for each in rest)


def test_every_operation_is_proven_or_pending() -> None:
    proven = PROBES.keys() | BY_OTHER_DOORS

    assert len(CELLS) == len(OPERATIONS) * len(PRINCIPALS) == 1156
    assert set(OPERATIONS) - proven == PENDING
    assert proven <= set(OPERATIONS)


def test_nothing_pending_is_in_the_schema() -> None:
    """Whoever adds the operation takes it off the list, and adds its probe."""
    roots = (schema._schema.query_type, schema._schema.mutation_type)
    there = {name for root in roots if root is not None for name in root.fields}

    assert {camel(each) for each in PENDING} & there == set()


def in_turns(operation: str) -> list[Asked]:
    """Nobody is left out: everybody asks in their own scope."""
    asked = questions(PROBES[operation])
    own = [each for each in asked if each.case.place == OWN]
    elsewhere = [each for each in asked if each.case.place != OWN]
    return own + some(elsewhere, f"elsewhere {operation}", share=0.1)


@pytest.mark.parametrize("operation", some(PROVEN, "operations over HTTP", share=1 / 3))
async def test_the_operation_is_for_whom_the_table_says(
    operation: str,
    town: Town,
    ask: OverHttp,
    ledger: Ledger,
    record_property: Callable[[str, object], None],
) -> None:
    """Denied elsewhere and to others, without a trace; done where allowed, as the journal says.

    Everybody asks for what is their own; at the twin and abroad, some in turns."""
    asked, proof = in_turns(operation), Proof()
    mark = ledger.mark()

    await denied_first(asked, town, ask, ledger, proof)
    await then_allowed(asked, town, ask, ledger, proof)
    await ledger.settle()
    ledger.restore(town, mark)

    assert proof.faults == []
    assert proof.cells == {(operation, each) for each in PRINCIPALS}
    record_property("cells of permissions.csv proven over HTTP", len(proof.cells))
    record_property("requests these cells took", proof.requests)
