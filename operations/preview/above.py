"""Who is above whom, for rules that are not saved yet: of everybody, from what is said of people.

It is put into the lines of `people_by`, as far as a rule asks: so whom it cannot tell apart by that
is still gathered.
"""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from operations.preview.people import BETWEEN, LINE
from sync_engine.chains import Chains
from sync_engine.rules import OF_PEOPLE, Relation, Rule, related_ids

MANAGERS: Final = text("""
WITH said AS MATERIALIZED (
    SELECT id, lower(btrim(attributes ->> 'manager')) AS manager FROM member
     WHERE workspace_id = :workspace_id AND deleted_at IS NULL
       AND attributes ->> 'manager' IS NOT NULL
), known AS MATERIALIZED (
    SELECT CAST(d.id AS text) AS scim_id, m.id
      FROM directory_person d JOIN member m ON m.id = d.member_id AND m.deleted_at IS NULL
     WHERE d.workspace_id = :workspace_id AND d.deleted_at IS NULL
)
SELECT s.id, coalesce(k.id, m.id) AS manager_id
  FROM said s
  LEFT JOIN known k ON k.scim_id = s.manager
  LEFT JOIN member m ON m.workspace_id = :workspace_id AND m.deleted_at IS NULL
                    AND lower(m.user_name) = s.manager
 WHERE coalesce(k.id, m.id) IS NOT NULL
""")
"""Read from what is said, so that nothing waits for the engine."""

BEFORE_VALUES: Final = 4
"""What stands in a line before the values."""

Asked = Mapping[str, AbstractSet[int]]
"""The people rules ask about, by relation."""


def asked_of(rule: Rule) -> Asked:
    found = {name: related_ids(rule, name) for name in OF_PEOPLE}
    return {name: ids for name, ids in found.items() if ids}


async def with_above(
    db: AsyncSession, workspace_id: int, lines: str | None, attributes: Sequence[str], asked: Asked
) -> str | None:
    """The lines of people, with those above them who are asked about."""
    if lines is None or not asked:
        return lines
    rows = await db.execute(MANAGERS, {"workspace_id": workspace_id})
    chains = Chains({row.id: row.manager_id for row in rows})
    places = [(BEFORE_VALUES + attributes.index(name), name, ids) for name, ids in asked.items()]
    return await asyncio.to_thread(_filled, lines, chains, places)


def _filled(lines: str, chains: Chains, places: Sequence[tuple[int, str, AbstractSet[int]]]) -> str:
    return LINE.join(_line(line, chains, places) for line in lines.split(LINE))


def _line(line: str, chains: Chains, places: Sequence[tuple[int, str, AbstractSet[int]]]) -> str:
    id, _, _ = line.partition(BETWEEN)
    above = chains.above(int(id))
    if not above:
        return line
    said = line.split(BETWEEN)
    for place, name, ids in places:
        found = ids & set(above if name == Relation.REPORTS_TO else above[:1])
        if found:
            said[place] = orjson.dumps(list(map(str, sorted(found)))).decode()
    return BETWEEN.join(said)
