"""What figures of a quiz are hidden from those who may not view the answers of single people.

They are told nothing about fewer people than the workspace's `smallest_group`. What is asked for
is compared with what they are told anyway: a group overlaps others, and a time can be chosen so
that one person is in it or not, so neither can be had; departments, further tries and staff can,
unless they are so few that the difference is about somebody.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.insights import Facet
from operations.insights import suppression
from operations.insights.cells import Cell, Narrow, Policy, Unit
from operations.insights.sources import LONGEST_SLICE

K = TypeVar("K", bound=Hashable)

Name = tuple[Facet, int, str]

AUDIENCE: Final = text("""
SELECT department, count(*) FILTER (WHERE NOT is_staff) AS people,
       count(*) FILTER (WHERE NOT is_staff AND tries > 1) AS again,
       count(*) FILTER (WHERE is_staff) AS staff
  FROM (
    SELECT left(coalesce(m.attributes ->> 'department', ''), :longest) AS department,
           a.role <> 'LEARNER' AS is_staff, count(*) AS tries
      FROM submission s
      JOIN progress p ON p.course_id = s.course_id AND p.member_id = s.member_id
      JOIN attempt a ON a.id = s.attempt_id AND a.number > p.attempts_before
                    AND a.state NOT IN ('RESET', 'ABANDONED')
      JOIN member m ON m.id = s.member_id
     WHERE s.workspace_id = :workspace_id AND s.course_id = :course_id
       AND s.module_id = :module_id AND s.state <> 'IN_PROGRESS'
     GROUP BY s.member_id, department, is_staff
       ) AS one
 GROUP BY department
""")


def name_of(cell: Cell) -> Name:
    """What tells this cell from the others of its quiz; times are told all together."""
    is_time = cell.facet in {Facet.PACE, Facet.TAKEN}
    return cell.facet, cell.question_id, "" if is_time else cell.key


@dataclass(frozen=True, slots=True)
class Hiding:
    """How few are too few, and how many different people each cell is about, at least. Nothing is
    hidden while `smallest` is 0."""

    smallest: int = 0
    sizes: Mapping[Name, int] = field(default_factory=dict)

    @classmethod
    def below(cls, smallest: int, firsts: Iterable[Cell]) -> "Hiding":
        """Hide what is about fewer. `firsts`: cells in which everybody is once."""
        sizes: Counter[Name] = Counter()
        for each in firsts:
            sizes[name_of(each)] += each.n
        return cls(smallest, sizes)

    @property
    def shows_key(self) -> bool:
        """Whether it is said which answers are right: only beside the answers themselves."""
        return not self.smallest

    def hides(self, cells: Collection[Cell]) -> bool:
        """Whether a figure about all these is about too few."""
        return bool(self.smallest and cells) and self._people(cells) < self.smallest

    def hidden(self, parts: Mapping[K, Collection[Cell]]) -> frozenset[K]:
        """Which parts of a whole are hidden, so that none can be worked out from the others."""
        if not self.smallest:
            return frozenset()
        sizes = {key: max(self._people(cells), bool(cells)) for key, cells in parts.items()}
        return suppression.hidden(sizes, self.smallest)

    def _people(self, cells: Iterable[Cell]) -> int:
        return sum(self.sizes.get(name, 0) for name in {name_of(each) for each in cells})


async def is_safe(db: AsyncSession, *, unit: Unit, to: Narrow, smallest: int) -> bool:
    """Whether what `to` leaves may be told besides everything else one is told. No statement, or
    one."""
    if (to.group_id, to.since, to.until) != (None, None, None):
        return False
    columns = ["people"]
    if to.policy is not Policy.FIRST:
        columns.append("again")
    if to.includes_staff:
        columns.append("staff")
    if to.department is None and columns == ["people"]:
        return True
    rows = (await db.execute(AUDIENCE, unit._asdict() | {"longest": LONGEST_SLICE})).all()
    return all(
        _is_apart({row.department: getattr(row, each) for row in rows}, to.department, smallest)
        for each in columns
    )


def _is_apart(sizes: Mapping[str, int], department: str | None, smallest: int) -> bool:
    if department is None:
        return not suppression.is_small(sum(sizes.values()), smallest)
    return department[:LONGEST_SLICE] not in suppression.hidden(sizes, smallest)
