"""What must change in marked segments, for the people of one block.

Segments that build on the marked ones are planned with them, so that both are right at once: in no
moment is somebody in the one and not yet in the other.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sync_engine.blocks import Block
from sync_engine.chains import Once, chains_in
from sync_engine.plan import NONE, NOTHING, Pair, Plan, Standing, difference
from sync_engine.prefilter import prefilter
from sync_engine.snapshot import (
    BLOCK,
    IN_SEGMENTS,
    LIVING,
    NAMED,
    Clock,
    array,
    belongs,
    facts_from,
    read_beside,
    settled,
    unapproved,
)
from sync_engine.state import Connection, Frame, Scope, WorkspaceRules

CHANGES_A_PASS: Final = 20_000
"""Once a pass would change more memberships, its further segments wait for the next one."""


@dataclass(frozen=True, slots=True)
class Residents:
    """The people of one block, as one statement saw them."""

    clock: Clock
    rows: list[tuple[Any, ...]]


def read_residents(
    db: Connection,
    block: Block,
    claimed: Collection[int] = (),
    rules: WorkspaceRules | None = None,
    renewed: Callable[[int], WorkspaceRules] | None = None,
) -> Residents | None:
    """The people of a block; None when the workspace is gone. Given `rules`, only those whom the
    segments `claimed` may concern, if that pays. If the rules have changed since, it is tried once
    more with those `renewed` to the epoch that was read."""
    where = block.span | block.place
    narrowing = None if rules is None else prefilter(rules, claimed)
    if narrowing is not None:
        given = where | narrowing.parameters | {"segments": array(claimed)}
        rows = db.execute(BLOCK.replace(LIVING, LIVING + narrowing.condition), given).fetchall()
        epoch = rows[0][1] if rows else narrowing.epoch
        if rows and epoch == narrowing.epoch:
            return _residents(rows)
        if renewed is not None:
            return read_residents(db, block, claimed, renewed(epoch))
    rows = db.execute(BLOCK, where).fetchall()
    return _residents(rows) if rows else None


def _residents(rows: list[tuple[Any, ...]]) -> Residents:
    return Residents(Clock(*rows[0][:3]), [row[3:] for row in rows if row[3] is not None])


def plan_for_block(
    db: Connection,
    block: Block,
    rules: WorkspaceRules,
    residents: Residents,
    claimed: Collection[int],
) -> tuple[Plan, set[int]]:
    """What must change in these segments and in those that build on them, and which of them have
    to wait for another pass."""
    plan = planned(db, block, rules, residents, claimed)
    postponed = _too_many(plan, claimed)
    if not postponed:
        return plan, postponed
    if rules.scope(claimed).segments == set(claimed):
        return _without(plan, postponed), postponed
    # What builds on those that wait must not run ahead of them.
    return planned(db, block, rules, residents, set(claimed) - postponed), postponed


def planned(
    db: Connection,
    block: Block,
    rules: WorkspaceRules,
    residents: Residents,
    claimed: Collection[int],
    *,
    waiting: Collection[Pair] = (),
) -> Plan:
    """The same without regard to how much it is, while the removals `waiting` are held, too.
    Planned again where other threads change meanwhile what has to be read."""
    while True:
        scope = rules.scope(claimed)
        plan = _planned_in(scope, db, block, rules, residents, waiting=waiting)
        if rules.scope(claimed) == scope:
            return plan


def _planned_in(
    scope: Scope,
    db: Connection,
    block: Block,
    rules: WorkspaceRules,
    residents: Residents,
    *,
    waiting: Collection[Pair],
) -> Plan:
    span = block.span | {"segments": array(scope.segments)}
    everywhere = span | {"segments": array(scope.segments | scope.beside)}
    current, beside = _apart(db.execute(IN_SEGMENTS, everywhere), scope)
    named = _by_member(db.execute(NAMED, span))
    pins, held = read_beside(db, span)
    for member_id, too in unapproved(waiting).items():
        held.setdefault(member_id, {}).update(too)

    chains = Once(partial(chains_in, db, block.workspace_id, block.first, block.last))

    def evaluate(frame: Frame) -> Plan:
        followed = rules.following(scope.segments)
        asked = rules.asked_by(followed, frame.catalog)
        wanted: dict[int, set[int]] = {}
        for member_id, state, stored, groups in residents.rows:
            if not belongs(state):
                continue
            facts = facts_from(stored, groups, asked)
            if frame.asks_above:
                facts.update(chains.facts_of(member_id))
            by_name = frame.static.intersection(named.get(member_id, ()))
            if frame.is_flat:
                found = rules.among(followed, facts, residents.clock.today)
                wanted[member_id] = found.union(by_name)
                continue
            standing = Standing(
                current.get(member_id, NOTHING),
                frame.frozen,
                pins.get(member_id, NONE),
                held.get(member_id, NONE),
            )
            settle = partial(_settled, standing, by_name, beside.get(member_id, NOTHING))
            found = rules.among(followed, facts, residents.clock.today, settle)
            wanted[member_id] = found.union(by_name)
        gone = current.keys() - {row[0] for row in residents.rows}
        return difference(wanted, current, frozen=frame.frozen, gone=gone, pins=pins, held=held)

    return rules.steadily(evaluate)


def _settled(
    standing: Standing,
    by_name: AbstractSet[int],
    beside: AbstractSet[int],
    should: set[int],
) -> set[int]:
    return settled(standing, by_name, should) | beside


def _apart(
    rows: Iterable[tuple[Any, ...]], scope: Scope
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Memberships in the segments that are worked on, and in those beside them, by member."""
    found: tuple[dict[int, set[int]], dict[int, set[int]]] = ({}, {})
    for member_id, segment_id in rows:
        which = found[0 if segment_id in scope.segments else 1]
        which.setdefault(member_id, set()).add(segment_id)
    return found


def _too_many(plan: Plan, claimed: Collection[int]) -> set[int]:
    """The segments to leave for another pass, so that about as many changes are left as fit."""
    if len(plan.added) + len(plan.removed) <= CHANGES_A_PASS:
        return set()
    changes = Counter(segment for pairs in (plan.added, plan.removed) for _, segment in pairs)
    room = CHANGES_A_PASS
    postponed: set[int] = set()
    for segment_id in sorted(claimed):
        if room <= 0 and changes[segment_id]:
            postponed.add(segment_id)
        room -= changes[segment_id]
    return postponed


def _without(plan: Plan, postponed: AbstractSet[int]) -> Plan:
    return Plan(
        *(
            [pair for pair in pairs if pair[1] not in postponed]
            for pairs in (plan.added, plan.removed, plan.released, plan.by_rule)
        )
    )


def _by_member(pairs: Iterable[tuple[Any, ...]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for member_id, segment_id in pairs:
        found.setdefault(member_id, set()).add(segment_id)
    return found
