"""Who is above whom, as rules see it: read only where some rule of the workspace asks.

It is read after the markers were claimed, as all else is; being read later than the facts, it can
only be newer. Who is deactivated is above others all the same; who is deleted is above nobody.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sync_engine.rules import Facts, Relation
from sync_engine.state import Connection

MOST_STEPS: Final = 32
"""Whoever is further up is above nobody down there."""

_UP: Final = """
WITH RECURSIVE up(id, manager_id) AS (
    SELECT p.id, m.id
      FROM member p JOIN member m ON m.id = p.manager_id AND m.deleted_at IS NULL
     WHERE p.workspace_id = %(workspace_id)s AND {whom}
     UNION
    SELECT p.id, m.id
      FROM up u
      JOIN member p ON p.id = u.manager_id
      JOIN member m ON m.id = p.manager_id AND m.deleted_at IS NULL
)
SELECT id, manager_id FROM up
"""

ABOVE_PEOPLE: Final = _UP.format(whom="p.id = ANY(%(ids)s::bigint[])")
ABOVE_BLOCK: Final = _UP.format(whom="p.id BETWEEN %(first)s AND %(last)s")


@dataclass(frozen=True, slots=True)
class Chains:
    """Managers by the id of those below them: of some people, and of all who are above these."""

    managers: Mapping[int, int]

    def above(self, member_id: int) -> list[int]:
        """Who is above a person, the nearest first. Nobody is above themselves."""
        found: list[int] = []
        above = self.managers.get(member_id)
        while above is not None and above != member_id and above not in found:
            found.append(above)
            above = self.managers.get(above) if len(found) < MOST_STEPS else None
        return found

    def facts_of(self, member_id: int) -> Facts:
        """What rules that ask about it see."""
        above = [str(each) for each in self.above(member_id)]
        if not above:
            return {}
        return {
            Relation.REPORTS_TO.value: frozenset(above),
            Relation.REPORTS_DIRECTLY_TO.value: frozenset(above[:1]),
        }


def chains_of(db: Connection, workspace_id: int, member_ids: Iterable[int]) -> Chains:
    """Those of these people."""
    about = {"workspace_id": workspace_id, "ids": sorted(member_ids)}
    return Chains(dict(db.execute(ABOVE_PEOPLE, about).fetchall()))


def chains_in(db: Connection, workspace_id: int, first: int, last: int) -> Chains:
    """Those of a block."""
    about = {"workspace_id": workspace_id, "first": first, "last": last}
    return Chains(dict(db.execute(ABOVE_BLOCK, about).fetchall()))


NOBODY: Final = Chains({})


@dataclass(slots=True)
class Once:
    """Chains that are read when the first one asks."""

    read: Callable[[], Chains]
    found: Chains | None = field(default=None)

    def facts_of(self, member_id: int) -> Facts:
        if self.found is None:
            self.found = self.read()
        return self.found.facts_of(member_id)
