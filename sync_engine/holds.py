"""Removals that wait instead of being done (S11): found, written, and let go.

Two runs in different blocks must not each take what only one of them may. Whoever counts, and
whoever decides, does it behind a lock of the workspace: after the block's, before the rows of
holds and the journal. A run that takes nobody out of a segment that courses follow neither asks
nor waits: the statement that writes memberships refuses, and takes that lock, where it must.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from access.caller import system
from models import journal
from sync_engine import invitees
from sync_engine.changes import GUARD, Judged, Run, write
from sync_engine.plan import Pair, Plan
from sync_engine.snapshot import array
from sync_engine.state import Connection
from sync_engine.withholding import WORKSPACE, Excess, Withheld, withhold

OPENED: Final = "hold.opened"
GREW: Final = "hold.grew"
RELEASED: Final = "hold.released"

OPEN: Final = """
INSERT INTO hold (workspace_id, segment_id, most, people, counted, cause)
VALUES (%(workspace_id)s, nullif(%(segment_id)s, 0), %(most)s, %(people)s, %(counted)s, %(cause)s)
RETURNING id
"""

KEEP: Final = """
WITH kept AS (
    INSERT INTO held_removal (segment_id, member_id, workspace_id, hold_id, cause)
    SELECT segment_id, member_id, %(workspace_id)s, hold_id, cause
      FROM unnest(%(segments)s::integer[], %(members)s::bigint[], %(holds)s::bigint[],
                  %(causes)s::uuid[]) AS r(segment_id, member_id, hold_id, cause)
    RETURNING hold_id
), grown AS (
    SELECT hold_id, count(*) AS more FROM kept GROUP BY hold_id
)
UPDATE hold h SET held = h.held + g.more FROM grown g WHERE h.id = g.hold_id
RETURNING h.id, h.segment_id, h.held, g.more
"""

LET_GO: Final = """
DELETE FROM held_removal h
 USING unnest(%(members)s::bigint[], %(segments)s::integer[]) AS r(member_id, segment_id)
 WHERE h.workspace_id = %(workspace_id)s
   AND h.member_id = r.member_id AND h.segment_id = r.segment_id
RETURNING h.hold_id
"""

END: Final = """
UPDATE hold h
   SET state = CASE WHEN approved + discarded > 0 THEN 'DECIDED' ELSE 'RELEASED' END,
       ended_at = clock_timestamp()
 WHERE h.id = ANY(%(holds)s::bigint[]) AND h.state = 'OPEN'
   AND NOT EXISTS (SELECT FROM held_removal r WHERE r.hold_id = h.id AND NOT r.is_approved)
RETURNING h.id, h.segment_id, h.held, h.state
"""
"""Holds of which nobody waits for a decision any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """A run: what led to each change, how its plan is made again while more removals wait, and the
    states of its people."""

    run: Run
    cause_of: Callable[[Pair], uuid.UUID | None]
    replan: Callable[[Collection[Pair]], Plan]
    states: Mapping[int, str]


class Done(NamedTuple):
    """What was written: the plan as far as it was done, and the journal's head if it was told."""

    plan: Plan
    head: int | None


def write_plan(db: Connection, case: Case, plan: Plan) -> Done:
    """Write what a run found, but for removals that have to wait. Nothing may be written after
    this in the same transaction: the journal is the last lock."""
    run = case.run
    _note(db, case, plan.added)
    if plan.released:
        db.execute(GUARD, {"workspace_id": run.workspace_id})
    else:
        asks = frozenset(segment for _, segment in plan.by_rule)
        written = write(db, run, plan, case.cause_of, Judged(asks=asks))
        if written.is_done:
            return Done(plan, written.head)
    noted = frozenset(plan.added)
    plan, found = withhold(db, run.workspace_id, plan, case.replan)
    _note(db, case, [pair for pair in plan.added if pair not in noted])
    told = [*_keep(db, case, found), *_let_go(db, run, plan.released)]
    judged = Judged(held=len(found.pairs), lost=found.lost, told=told)
    return Done(plan, write(db, run, plan, case.cause_of, judged).head)


def _note(db: Connection, case: Case, added: Collection[Pair]) -> None:
    invitees.note(db, case.run.workspace_id, added, case.cause_of, case.states)


def _keep(db: Connection, case: Case, found: Withheld) -> list[dict[str, Any]]:
    """Write down what waits, and say so: a hold that opens, and one that has doubled."""
    if not found.pairs:
        return []
    run, pairs = case.run, sorted(found.pairs)
    holds = found.open | {id: _open(db, run, id, each) for id, each in found.opened.items()}
    kept = {
        "workspace_id": run.workspace_id,
        "members": array(member for member, _ in pairs),
        "segments": array(segment for _, segment in pairs),
        "holds": array(holds[found.pairs[pair]] for pair in pairs),
        "causes": array(map(case.cause_of, pairs)),
    }
    told = []
    for id, segment_id, held, more in sorted(db.execute(KEEP, kept)):
        excess = found.opened.get(segment_id or WORKSPACE)
        detail = {"holdId": id, "held": held}
        if excess is not None:
            told.append(_entry(run, OPENED, segment_id, detail | asdict(excess)))
        elif held.bit_length() > (held - more).bit_length():
            told.append(_entry(run, GREW, segment_id, detail))
    return told


def _open(db: Connection, run: Run, segment_id: int, excess: Excess) -> int:
    asked = {"workspace_id": run.workspace_id, "segment_id": segment_id, **asdict(excess)}
    [(id,)] = db.execute(OPEN, asked | {"cause": _only(run.causes)})
    return int(id)


def _let_go(db: Connection, run: Run, released: Collection[Pair]) -> list[dict[str, Any]]:
    """Forget removals that do not wait any more, and end holds of which none is left."""
    if not released:
        return []
    gone = {
        "workspace_id": run.workspace_id,
        "members": array(member for member, _ in released),
        "segments": array(segment for _, segment in released),
    }
    counted = Counter(id for (id,) in db.execute(LET_GO, gone))
    ended = db.execute(END, {"holds": array(sorted(counted))}) if counted else ()
    return [
        _entry(run, RELEASED, segment_id, {"holdId": id, "held": held, "state": state})
        for id, segment_id, held, state in sorted(ended)
    ]


def _entry(
    run: Run, verb: str, segment_id: int | None, detail: Mapping[str, Any]
) -> dict[str, Any]:
    return journal.entry(
        system(run.workspace_id),
        verb,
        cause=_only(run.causes),
        segment_id=segment_id,
        detail=detail,
    )


def _only(causes: Collection[uuid.UUID]) -> uuid.UUID | None:
    return next(iter(causes)) if len(causes) == 1 else None
