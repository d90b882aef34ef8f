"""Notes about people without an account to whom the engine has just given something.

Whether they are invited for it is decided later, by what is effective then
(`operations.invitations`); here only a note is left that somebody has to look, in the transaction
that gives. It is left whether or not a course follows the segment: an attachment that commits at
this moment could not be seen. Notes are never changed, so the engine waits for nobody here.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from models.people import MemberState
from sync_engine.plan import Pair
from sync_engine.snapshot import array
from sync_engine.state import Connection

NOTE: Final = """
INSERT INTO invitation_due (member_id, workspace_id, cause)
SELECT p.id, %(workspace_id)s, p.cause
  FROM unnest(%(members)s::bigint[], %(causes)s::uuid[]) AS p(id, cause)
 WHERE NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = p.id)
"""

NOTE_PENDING: Final = """
INSERT INTO invitation_due (member_id, workspace_id)
SELECT m.id, m.workspace_id FROM member m
 WHERE m.workspace_id = %(workspace_id)s AND m.id = ANY(%(members)s::bigint[])
   AND m.state = 'PENDING'
   AND NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = m.id)
"""


def note(
    db: Connection,
    workspace_id: int,
    added: Iterable[Pair],
    cause_of: Callable[[Pair], uuid.UUID | None],
    states: Mapping[int, str],
) -> None:
    """Note those of the people added who are PENDING by `states`, with what caused it: in one
    statement, and in none when nobody is."""
    pending = {id for id, state in states.items() if state == MemberState.PENDING}
    due = {pair[0]: cause_of(pair) for pair in added if pair[0] in pending} if pending else {}
    if due:
        db.execute(
            NOTE,
            {"workspace_id": workspace_id, "members": array(due), "causes": array(due.values())},
        )


def note_pending(db: Connection, workspace_id: int, member_ids: Collection[int]) -> None:
    """The same where the states of the people are not known; no statement for nobody."""
    if member_ids:
        given = {"workspace_id": workspace_id, "members": array(sorted(set(member_ids)))}
        db.execute(NOTE_PENDING, given)
