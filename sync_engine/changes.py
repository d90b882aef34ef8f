"""How the engine writes what it decided: memberships, a change set, and one journal entry, last.

`since` and `until` come from the server's clock, read under the lock of the people's block, and
never lie before the end, or the beginning, of the pair's last interval. So the intervals of a
pair neither overlap nor run backwards, even when the server's clock is set back.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from access.caller import system
from models import journal
from sync_engine import grace
from sync_engine.plan import Pair, Plan
from sync_engine.snapshot import Clock, array
from sync_engine.state import Connection

GUARD: Final = "SELECT pg_advisory_xact_lock(%(workspace_id)s, -1)"
"""Of removals (S11). Blocks of people are locked under the same first number, and are never
negative."""

WRITE: Final = f"""
WITH followed AS MATERIALIZED (
    SELECT segment_id FROM course_segment
     WHERE segment_id = ANY(%(asks)s::integer[]) AND mode IN ('SYNC', 'REMOVE_ONLY') LIMIT 1
),
moment AS MATERIALIZED (
    SELECT clock_timestamp() AS at WHERE NOT EXISTS (SELECT FROM followed)
),
added AS MATERIALIZED (
    SELECT * FROM unnest(%(added_members)s::bigint[], %(added_segments)s::integer[],
                         %(added_causes)s::uuid[]) AS a(member_id, segment_id, cause)
),
change AS (
    INSERT INTO change_set (workspace_id, kind, causes, watermark, epoch, today,
                            examined, added, removed, suppressed, held, lost,
                            segment_ids, at)
    SELECT %(workspace_id)s, %(kind)s, %(causes)s::jsonb, %(watermark)s, %(epoch)s, %(today)s,
           %(examined)s, %(added)s, %(removed)s,
           (SELECT count(*) FILTER (WHERE (member_id, segment_id) IN (
                SELECT r.member_id, a.segment_id
                  FROM course_role r JOIN course_segment a ON a.course_id = r.course_id
                 WHERE r.role = 'INSTRUCTOR' AND r.member_id = ANY(%(added_people)s::bigint[])))
              FROM added),
           %(held)s, %(lost)s::bigint[], %(segment_ids)s::integer[], at
      FROM moment
    RETURNING id, at
),
closed AS (
    UPDATE membership m
       SET until = greatest(change.at, m.since), closed_by_id = change.id, closing_cause = r.cause,
           closed_by_rule = r.by_rule
      FROM change, unnest(%(removed_members)s::bigint[], %(removed_segments)s::integer[],
                          %(removed_causes)s::uuid[], %(removed_by_rule)s::boolean[])
                       AS r(member_id, segment_id, cause, by_rule)
     WHERE m.segment_id = r.segment_id AND m.member_id = r.member_id AND m.until IS NULL
),
ended AS MATERIALIZED (
    SELECT p.member_id, h.segment_id, h.until + interval '1 microsecond' AS at
      FROM unnest(%(added_people)s::bigint[]) AS p(member_id)
     CROSS JOIN LATERAL (SELECT segment_id, max(until) AS until FROM membership
                          WHERE member_id = p.member_id GROUP BY segment_id
                         HAVING max(until) IS NOT NULL OFFSET 0) AS h
),
opened AS (
    INSERT INTO membership (member_id, segment_id, since, opened_by_id, cause)
    SELECT a.member_id, a.segment_id, greatest(change.at, ended.at), change.id, a.cause
      FROM change, added a
      LEFT JOIN ended ON ended.member_id = a.member_id AND ended.segment_id = a.segment_id
)
SELECT id,{grace.STATE}FROM change
UNION ALL
SELECT NULL, ({GUARD}) IS NULL, NULL FROM followed
"""  # noqa: S608 - made of constants of ours
"""Where courses follow a segment of `asks`, nothing is written: the guard of removals is locked.

It is planned once a connection, perhaps when nothing had ended yet: `ended` has no condition that
an index of what has ended would serve, or each person would be looked for among all that has.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one transaction of the engine looked at, and why."""

    workspace_id: int
    kind: str
    clock: Clock
    examined: int
    causes: frozenset[uuid.UUID]


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of removals: how many are `held`, and who has `lost` the last segment (S11);
    and what else is `told`. With `asks` nothing is written where courses follow one of these
    segments: then removals have to be counted first."""

    asks: AbstractSet[int] = frozenset()
    held: int = 0
    lost: Collection[int] = ()
    told: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """Whether it was written, and the journal's head if anything was told."""

    is_done: bool
    head: int | None


def write(
    db: Connection,
    run: Run,
    plan: Plan,
    cause_of: Callable[[Pair], uuid.UUID | None],
    judged: Judged = Judged(),
) -> Written:
    """Write a difference; `cause_of` says what opened or closed each pair.

    Nothing may be written after this in the same transaction: the journal is the last lock.
    """
    if not (plan.added or plan.removed or judged.held):
        return Written(True, append(db, run.workspace_id, judged.told) if judged.told else None)
    causes = sorted(map(str, run.causes))
    # Columns that are shorter than the others are filled up with NULL by unnest.
    uncaused = "{}"
    parameters = {
        "workspace_id": run.workspace_id,
        "kind": run.kind,
        "causes": json.dumps({"causes": causes}),
        "watermark": run.clock.watermark,
        "epoch": run.clock.epoch,
        "today": run.clock.today,
        "examined": run.examined,
        "added": len(plan.added),
        "removed": len(plan.removed),
        "added_members": array(member for member, _ in plan.added),
        "added_segments": array(segment for _, segment in plan.added),
        "added_causes": array(map(cause_of, plan.added)) if run.causes else uncaused,
        "segment_ids": array(sorted({segment for _, segment in (*plan.added, *plan.removed)})),
        "added_people": array(sorted({member for member, _ in plan.added})),
        "removed_members": array(member for member, _ in plan.removed),
        "removed_segments": array(segment for _, segment in plan.removed),
        "removed_causes": array(map(cause_of, plan.removed)) if run.causes else uncaused,
        "removed_by_rule": array(map(frozenset(plan.by_rule).__contains__, plan.removed)),
        "held": judged.held,
        "lost": array(judged.lost) if judged.lost else None,
        "asks": array(sorted(judged.asks)),
    }
    [(change_set_id, *graceful)] = db.execute(WRITE, parameters).fetchall()
    if change_set_id is None:
        return Written(False, None)
    if not (plan.added or plan.removed):
        return Written(True, append(db, run.workspace_id, judged.told) if judged.told else None)
    roles = grace.settle(db, run.workspace_id, grace.Moved(change_set_id, plan, cause_of), graceful)
    told = journal.entry(
        system(run.workspace_id),
        "membership.changed",
        cause=next(iter(run.causes)) if len(causes) == 1 else None,
        change_set_id=change_set_id,
        detail={"segments": by_segment(plan), "causes": causes},
    )
    entries = [*roles.ending, told, *roles.regained, *judged.told]
    return Written(True, append(db, run.workspace_id, entries))


def append(db: Connection, workspace_id: int, entries: Sequence[Mapping[str, Any]]) -> int:
    """Number and write journal entries, as the last statement before commit; the new head."""
    parameters = journal.append_parameters(workspace_id, entries)
    return int(max(seq for (seq,) in db.execute(journal.APPEND, parameters)))


def by_segment(plan: Plan) -> dict[str, dict[str, list[int]]]:
    """Who was added to and removed from each segment, as the journal tells it."""
    added, removed = _by_segment(plan.added), _by_segment(plan.removed)
    return {
        str(each): {"added": added.get(each, []), "removed": removed.get(each, [])}
        for each in dict.fromkeys((*added, *removed))
    }


def _by_segment(pairs: Iterable[Pair]) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for member_id, segment_id in pairs:
        found[segment_id].append(member_id)
    return found
