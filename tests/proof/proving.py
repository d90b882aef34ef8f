"""Asking the probes, and judging the answers: what was denied changed nothing, what was allowed is
in the journal."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests.proof.ledger import Ledger
from tests.proof.probing import Case, Probe
from tests.proof.table import PEOPLE
from tests.proof.town import Town

Answer = dict[str, Any]
Asker = Callable[[str, str, Mapping[str, Any], bool], Awaitable[Answer]]
"""Asks, as a principal, a document with variables; the last says whether it is a subscription."""

DONE: Final = "done"
DENIED: Final = "denied"
SAID: Final = frozenset({"code", "coordinate", "requiredAnyOf", "scope", "held", "reason"})
"""What a refusal for want of a permission says (G3)."""

REFUSALS: Final = frozenset({"PERMISSION_DENIED", "NOT_FOUND", "UNAUTHENTICATED"})
AT_ONCE: Final = 12
ATTEMPTS: Final = 3


class Asked(NamedTuple):
    """One question of the proof: a cell of the table in one scope."""

    probe: Probe
    principal: str
    case: Case

    @property
    def is_allowed(self) -> bool:
        return self.probe.expects(self.principal, self.case)

    @property
    def name(self) -> str:
        may = "may" if self.is_allowed else "may not"
        place = f"{self.case.name} ({self.case.place})"
        return f"{self.principal} {may} {self.probe.operation} through {self.probe.name} in {place}"


@dataclass
class Proof:
    """What has been found out so far."""

    requests: int = 0
    cells: set[tuple[str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def questions(probes: Sequence[Probe]) -> list[Asked]:
    return [
        Asked(probe, principal, case)
        for probe in probes
        for case in probe.cases
        for principal in probe.asked_by(case)
    ]


def outcome(probe: Probe, answer: Answer, given: Mapping[str, Any]) -> str:
    """DONE, DENIED, or what else it was."""
    errors = answer.get("errors") or []
    codes = {each["extensions"]["code"] for each in errors}
    if codes - REFUSALS - probe.denied_as:
        return f"errors {sorted(codes)}"
    for each in errors:
        said = each["extensions"]
        if said["code"] == "PERMISSION_DENIED" and said.keys() < SAID:
            return f"a denial that lacks {sorted(SAID - said.keys())}"
    value = next(iter((answer.get("data") or {"": None}).values()))
    refusal = value.get("refusal") if isinstance(value, dict) else None
    if refusal is not None:
        return DENIED if refusal["code"] in probe.denied_as else f"refusal {refusal['code']}"
    return DONE if probe.shown(value, given) else DENIED


async def denied_first(
    asked: Sequence[Asked], town: Town, ask: Asker, ledger: Ledger, proof: Proof
) -> None:
    """Everything the table denies, at once; afterwards the database is as it was.

    The system has duties of its own. If one of them fell between, all is asked again.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(each: Asked) -> None:
        async with gate:
            await _ask(each, town, ask, proof, DENIED)

    changed: list[str] = []
    for _ in range(ATTEMPTS):
        await ledger.settle()
        before = ledger.state()
        await asyncio.gather(*(one(each) for each in asked if not each.is_allowed))
        changed = sorted(name for name, rows in ledger.state().items() if rows != before[name])
        if not changed:
            return
    proof.faults.append(f"What was denied has changed {changed}.")


async def then_allowed(
    asked: Sequence[Asked], town: Town, ask: Asker, ledger: Ledger, proof: Proof
) -> None:
    """Everything the table allows, one after the other; the journal says who did it."""
    before = ledger.heads(town)
    wanted: Counter[tuple[str, int]] = Counter()
    for each in (each for each in asked if each.is_allowed):
        is_done = await _ask(each, town, ask, proof, DONE)
        if is_done and each.probe.changes and each.principal in PEOPLE:
            person = town.here.world.members[each.principal]
            wanted[each.probe.changes, person] += 1
    recorded = ledger.recorded(town, before)
    for (verb, person), times in wanted.items():
        if recorded[verb, person] < times:
            proof.faults.append(
                f"{verb} by {person} was done {times} times and recorded {recorded[verb, person]}."
            )


async def _ask(each: Asked, town: Town, ask: Asker, proof: Proof, wanted: str) -> bool:
    probe = each.probe
    given = probe.given(town, each.principal, each.case)
    named = {name: given[name] for name in given if f"${name}:" in probe.document}
    answer = await ask(each.principal, probe.document, named, probe.is_stream)
    proof.requests += 1
    proof.cells.add((probe.operation, each.principal))
    found = outcome(probe, answer, given)
    if found != wanted:
        proof.faults.append(f"{each.name}: {found}: {answer}")
    return found == wanted
