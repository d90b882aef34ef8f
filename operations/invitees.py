"""Who may have to be invited: notes that somebody has to look (C18).

Whoever gives something before there is an account leaves a note in its own transaction:
`consider` for people, `consider_segments` where a whole segment begins to give something.
`operations.invitations` looks afterwards. It decides by what is effective when it looks, not by
what the note was left for: a grant that is gone by then, a course archived, a change that is held,
all invite nobody. A note for nothing is dropped; whatever makes it be for something leaves another
(an address that comes later does: `people.write_attributes`).

Nothing here knows people, grants or rights, so that all of them can leave notes.
"""

import datetime as dt
from collections.abc import Collection
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.journal import cause_of

NOTED_A_PASS: Final = 2_000
"""People without an account who are looked at in one transaction, so that its work has a bound."""

PENDING: Final = (
    "EXISTS (SELECT FROM invitation_due) OR EXISTS (SELECT FROM invitation_due_segment)"
)
"""SQL: whether `invite_due` has something to look at."""

CONSIDER: Final = text("""
INSERT INTO invitation_due (member_id, workspace_id, cause)
SELECT m.id, m.workspace_id, :cause FROM member m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY(:ids) AND m.state = 'PENDING'
   AND NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = m.id)
""")

CONSIDER_SEGMENTS: Final = text("""
INSERT INTO invitation_due_segment (segment_id, workspace_id, cause)
SELECT s.id, s.workspace_id, :cause FROM segment s
 WHERE s.workspace_id = :workspace_id AND s.id = ANY(:ids)
 ORDER BY s.id
ON CONFLICT (segment_id) DO UPDATE SET cause = excluded.cause, after_id = 0
""")

ON_COURSE: Final = text("""
SELECT array(SELECT segment_id FROM course_segment
              WHERE workspace_id = :workspace_id AND course_id = :course_id) AS segments,
       array(SELECT r.member_id FROM course_role r
              WHERE r.workspace_id = :workspace_id AND r.course_id = :course_id
              UNION SELECT o.member_id FROM coordinator_override o
                     WHERE o.workspace_id = :workspace_id AND o.course_id = :course_id
                       AND o.kind = 'KEEP'
              UNION SELECT g.member_id FROM access_grant g
                     WHERE g.workspace_id = :workspace_id AND g.course_id = :course_id
              UNION SELECT e.member_id FROM enrolment e
                      JOIN member m ON m.id = e.member_id AND m.state = 'PENDING'
                     WHERE e.workspace_id = :workspace_id AND e.course_id = :course_id
                       AND e.ended_at IS NULL) AS people
""")

TAKE_SEGMENT: Final = text("""
SELECT segment_id, workspace_id, after_id, cause FROM invitation_due_segment
 ORDER BY marked_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")

EXPAND: Final = text("""
WITH next AS MATERIALIZED (
    SELECT m.id FROM member m
     WHERE m.workspace_id = :workspace_id AND m.id > :after_id
       AND m.state = 'PENDING' AND m.deleted_at IS NULL
     ORDER BY m.id LIMIT :most
), noted AS (
    INSERT INTO invitation_due (member_id, workspace_id, cause)
    SELECT n.id, :workspace_id, :cause FROM next n
     WHERE EXISTS (SELECT FROM membership s WHERE s.member_id = n.id
                      AND s.segment_id = :segment_id)
       AND NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = n.id)
)
SELECT count(*) AS people, max(id) AS last FROM next
""")
"""Whoever was ever in it: a mode may give them something although they have left."""

EXPANDED: Final = text("DELETE FROM invitation_due_segment WHERE segment_id = :segment_id")

GO_ON: Final = text("""
UPDATE invitation_due_segment SET after_id = :last WHERE segment_id = :segment_id
""")

IS_OPEN: Final = text("""
SELECT EXISTS (SELECT FROM invitation i JOIN member m ON m.id = i.member_id
                WHERE i.workspace_id = :workspace_id AND i.member_id = :member_id
                  AND i.code_sha256 IS NOT NULL
                  AND i.expires_at > :at AND m.state = 'PENDING' AND m.deleted_at IS NULL)
""")

CLOSE: Final = text("""
UPDATE invitation SET code_sha256 = NULL, accepted_at = :at
 WHERE workspace_id = :workspace_id AND member_id = ANY(:ids) AND accepted_at IS NULL
""")


async def consider(db: AsyncSession, *, workspace_id: int, member_ids: Collection[int]) -> None:
    """These people were given a grant, a role or an enrolment: whoever of them has no account and
    was never invited will be. Nothing is asked when there is nobody."""
    if member_ids:
        given = {"workspace_id": workspace_id, "ids": list(member_ids), "cause": cause_of(db)}
        await db.execute(CONSIDER, given)


async def consider_segments(
    db: AsyncSession, *, workspace_id: int, segment_ids: Collection[int]
) -> None:
    """These segments begin to give something to the people they hold: one row each, however many
    people. Who they are is looked up after the commit, so that nobody whom the engine adds
    meanwhile is missed."""
    if segment_ids:
        given = {"workspace_id": workspace_id, "ids": list(segment_ids), "cause": cause_of(db)}
        await db.execute(CONSIDER_SEGMENTS, given)


async def consider_course(db: AsyncSession, *, workspace_id: int, course_id: int) -> None:
    """An archived course gives again what it gave: to everybody who holds something on it."""
    asked = {"workspace_id": workspace_id, "course_id": course_id}
    held = (await db.execute(ON_COURSE, asked)).one()
    await consider_segments(db, workspace_id=workspace_id, segment_ids=held.segments)
    await consider(db, workspace_id=workspace_id, member_ids=held.people)


async def expand_segment(db: AsyncSession) -> bool:
    """Note those of a noted segment one by one, a pass of them; false when none is noted."""
    noted = (await db.execute(TAKE_SEGMENT)).one_or_none()
    if noted is None:
        return False
    found = (await db.execute(EXPAND, {**noted._mapping, "most": NOTED_A_PASS})).one()
    if found.people < NOTED_A_PASS:
        await db.execute(EXPANDED, {"segment_id": noted.segment_id})
    else:
        await db.execute(GO_ON, {"segment_id": noted.segment_id, "last": found.last})
    return True


async def is_open(db: AsyncSession, *, workspace_id: int, member_id: int, at: dt.datetime) -> bool:
    """Whether the person's link would still open something: else its mail need not go out."""
    asked = {"workspace_id": workspace_id, "member_id": member_id, "at": at}
    return bool(await db.scalar(IS_OPEN, asked))


async def close(
    db: AsyncSession, *, workspace_id: int, member_ids: Collection[int], at: dt.datetime
) -> None:
    """The accounts exist now, whichever way they came about: the links open nothing any more."""
    told = {"workspace_id": workspace_id, "ids": list(member_ids), "at": at}
    await db.execute(CLOSE, told)
