"""How each operation of permissions.csv is asked for, and how one sees that it was done.

A probe says what the operation is asked of, the document, its variables, and by which verb the
journal knows that it was done. Its cases are the scopes it is asked in: one's own, the twin
beside it, the second workspace, and one more for each condition.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.proof import table
from tests.proof.table import HELD_ON, MINE, WITHIN
from tests.proof.town import ABROAD, OWN, TWIN, Town

EVERYWHERE: Final = frozenset({"workspace", "department", "course", "module"})
REACH: Final = {OWN: EVERYWHERE, TWIN: frozenset({"workspace"}), ABROAD: frozenset[str]()}
"""On which scopes a role must be held to be held towards the things of a place."""


@dataclass(frozen=True)
class Case:
    """One thing the operation is asked of. `reach`: roles held on these scopes are held here.

    `only`: who can be asked at all (who is not here cannot stand in this case).
    """

    name: str
    place: str
    facts: frozenset[str] = frozenset()
    reach: frozenset[str] = EVERYWHERE
    thing: str | None = None
    only: frozenset[str] | None = None

    def holds(self, principal: str) -> bool:
        return HELD_ON[principal] in self.reach


def case(
    name: str,
    *facts: str,
    place: str = OWN,
    thing: str | None = None,
    reach: frozenset[str] | None = None,
    only: frozenset[str] | None = None,
) -> Case:
    return Case(
        name, place, frozenset(facts), REACH[place] if reach is None else reach, thing, only
    )


OF_A_SCOPE: Final = (case(OWN, WITHIN), case(TWIN, place=TWIN), case(ABROAD, place=ABROAD))
OF_THE_WORKSPACE: Final = (case(OWN, WITHIN),)
OF_A_THING: Final = (case(OWN, WITHIN), case(ABROAD, place=ABROAD))
MADE: Final = case(
    "made by oneself", MINE, thing="Made", reach=frozenset({"workspace", "department"})
)

Given = Callable[[Town, str, Case], Mapping[str, Any]]
Shown = Callable[[Any, Mapping[str, Any]], bool]


def is_there(value: Any, _: Mapping[str, Any]) -> bool:
    return value is not None


@dataclass(frozen=True)
class Probe:
    """One way to ask for one operation; `document` has one root field.

    `changes`: the verb in the journal; empty for what only reads. `denied_as`: the codes of
    refusals that say the table's no.
    """

    operation: str
    document: str
    given: Given
    cases: tuple[Case, ...] = OF_A_SCOPE
    changes: str = ""
    shown: Shown = is_there
    is_stream: bool = False
    denied_as: frozenset[str] = frozenset({"NOT_FOUND"})

    @property
    def name(self) -> str:
        return self.document.split("{", 2)[1].split("(")[0].strip()

    def expects(self, principal: str, case: Case) -> bool:
        """What the table says."""
        return table.allows(
            self.operation, principal, is_held_here=case.holds(principal), facts=case.facts
        )

    def asked_by(self, case: Case) -> list[str]:
        return [each for each in table.PRINCIPALS if case.only is None or each in case.only]


def of_course(town: Town, _: str, case: Case) -> dict[str, Any]:
    return {"course": town.id("Course", case.place, case.thing)}


def course_and_spare(town: Town, _: str, case: Case) -> dict[str, Any]:
    return {
        "course": town.id("Course", case.place, case.thing),
        "people": [town.spare(ABROAD if case.place == ABROAD else OWN)],
    }


def mutation(name: str, variables: str, call: str) -> str:
    return f"mutation ({variables}) {{ {name}({call}) {{ cursor refusal {{ code }} }} }}"
