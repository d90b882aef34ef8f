"""Which removals of a change would not be done, but wait for somebody to approve them (S11).

What the engine would count is counted here by the engine's own functions, as if one run looked at
everybody. A company of more people than a block holds is looked at in several runs, of which the
first may let go what is too much with the others: then it is at most as many.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from operations.preview.change import SegmentChangeKind
from operations.preview.outer import Outside, Waiting
from operations.preview.people import Moved
from sync_engine.plan import Pair, Plan
from sync_engine.rules.index import collector_at_rest
from sync_engine.withholding import Withheld, undecided, waiting_in

BY_RULE: Final = frozenset({SegmentChangeKind.EDIT_RULE, SegmentChangeKind.RESUME})
"""What takes people out by a rule. Whatever is taken away by hand is asked back instead."""

Replan = Callable[[Moved, Waiting], Awaitable[Outside]]
"""Who moves outside while some wait."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A transaction of SQLAlchemy's, as the engine's functions ask one."""

    connection: Connection

    def execute(self, query: str, params: Any, /) -> Sequence[Any]:
        return self.connection.exec_driver_sql(query, params).all()


async def waiting_of(
    db: AsyncSession,
    about: Mapping[str, Any],
    kind: SegmentChangeKind,
    moves: Mapping[int, Moved],
    replan: Replan,
) -> AbstractSet[Pair]:
    """Of those who would leave the segment, or one that builds on it, whose removal would wait. No
    statement where rules take nobody out."""
    if kind not in BY_RULE or not any(each.by_rule for each in moves.values()):
        return frozenset()
    segment_id, workspace_id = about["segment_id"], about["workspace_id"]
    found = Withheld()
    with collector_at_rest():
        plan = _plan(moves)
    connection = await db.connection()

    async def more_of(plan: Plan) -> Mapping[Pair, int]:
        return await connection.run_sync(partial(_more, workspace_id, plan, found))

    async def again() -> Plan:
        waiting: dict[int, set[int]] = {}
        for member, segment in found.pairs:
            waiting.setdefault(segment, set()).add(member)
        own = moves[segment_id].keeping(waiting.pop(segment_id, set()))
        outside = await replan(own, waiting)
        return _plan({segment_id: own, **outside.moves}, released=outside.unneeded)

    while more := await more_of(plan):
        found.pairs.update(more)
        if len(moves) == 1:
            break
        plan = await again()
        if found.forget(plan.released):
            plan = await again()
    return found.pairs.keys()


def _more(workspace_id: int, plan: Plan, found: Withheld, db: Connection) -> Mapping[Pair, int]:
    asked = _Asked(db)
    with collector_at_rest():
        return waiting_in(asked, workspace_id, undecided(asked, workspace_id, plan), found)


def _plan(moves: Mapping[int, Moved], released: frozenset[Pair] = frozenset()) -> Plan:
    def pairs(people: Callable[[Moved], set[int]]) -> list[Pair]:
        return [(id, segment) for segment, found in moves.items() for id in people(found)]

    return Plan(
        added=pairs(lambda found: found.added),
        removed=pairs(lambda found: found.removed),
        released=list(released),
        by_rule=pairs(lambda found: found.by_rule),
    )
