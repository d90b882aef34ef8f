"""Telling the world that a rule cannot be evaluated (S5). Its memberships stay as they are."""

from typing import Final

from access.caller import system
from models import journal
from sync_engine.changes import append
from sync_engine.markers import RAISE_EPOCH
from sync_engine.state import Broken, Connection, OnCommit, Rules

BREAK: Final = """
UPDATE segment SET state = 'BROKEN', broken_reason = %(reason)s
 WHERE id = %(segment_id)s AND epoch = %(epoch)s AND state = 'ACTIVE' AND deleted_at IS NULL
RETURNING name
"""

CARRY_EPOCH: Final = "UPDATE segment SET epoch = %(epoch)s WHERE id = %(segment_id)s"


def report(db: Connection, rules: Rules, on_commit: OnCommit) -> None:
    """Set the segments that were found broken to BROKEN, each in a transaction of its own.

    Must be called outside a transaction: it waits for editors of the segment, as editors do for
    each other, and while the engine holds a block it may wait for nobody. A segment that was
    edited in the meantime is left alone.
    """
    for broken in rules.broken():
        head = _report(db, broken)
        if head is not None:
            on_commit(broken.workspace_id, head)


def _report(db: Connection, broken: Broken) -> int | None:
    row = db.execute(
        BREAK,
        {"segment_id": broken.segment_id, "epoch": broken.epoch, "reason": broken.reason},
    ).fetchone()
    if row is None:
        db.rollback()
        return None
    raised = db.execute(RAISE_EPOCH, {"workspace_id": broken.workspace_id}).fetchone()
    epoch = raised[0] if raised else broken.epoch
    db.execute(CARRY_EPOCH, {"segment_id": broken.segment_id, "epoch": epoch})
    told = journal.entry(
        system(broken.workspace_id),
        "segment.broken",
        segment_id=broken.segment_id,
        before={"state": "ACTIVE"},
        after={"state": "BROKEN"},
        reason=broken.reason,
    )
    head = append(db, broken.workspace_id, [told])
    db.commit()
    return head
