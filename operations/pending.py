"""Rights given to people without an account: they wait for it, or lapse (C5).

While `pending_until` is set a grant gives nothing. It is cleared in the transaction that makes the
person ACTIVE, which `people.set_state` does for every door; a grant whose time is over by then is
gone, whether or not the sweeper has been there before.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, system
from models.journal import record

WAITS: Final = dt.timedelta(days=30)

LAPSED: Final = "EXISTS (SELECT FROM access_grant WHERE pending_until <= now())"
"""Whether `lapse` has something to do."""

_LAPSED: Final = """
WITH gone AS (
    DELETE FROM access_grant WHERE {which}
    RETURNING workspace_id, member_id, principal, department_id AS on_department_id, course_id,
              module_id, pending_until
){further}
SELECT gone.*, coalesce(gone.on_department_id, m.department_id) AS department_id
  FROM gone LEFT JOIN module m ON m.id = gone.module_id
 ORDER BY gone.workspace_id, gone.member_id, gone.principal, gone.course_id, gone.module_id
"""

TAKE_EFFECT: Final = text(
    _LAPSED.format(
        which="workspace_id = :workspace_id AND member_id = ANY(:ids) AND pending_until <= :at",
        further=""", effective AS (
    UPDATE access_grant SET pending_until = NULL
     WHERE workspace_id = :workspace_id AND member_id = ANY(:ids) AND pending_until > :at
)""",
    )
)
LAPSE: Final = text(
    _LAPSED.format(
        which="""id IN (SELECT id FROM access_grant WHERE pending_until <= :at
                 ORDER BY pending_until LIMIT :limit FOR UPDATE SKIP LOCKED)""",
        further="",
    )
)
RENEW: Final = text("""
UPDATE access_grant SET pending_until = :until
 WHERE workspace_id = :workspace_id AND member_id = :member_id AND pending_until > :at
RETURNING id
""")


async def take_effect(
    db: AsyncSession, *, by: Caller, member_ids: Collection[int], at: dt.datetime
) -> None:
    """These people, locked, have an account now: what was given counts, unless it had lapsed."""
    about = {"workspace_id": by.workspace_id, "ids": list(member_ids), "at": at}
    gone = (await db.execute(TAKE_EFFECT, about)).all()
    _record_lapsed(db, gone)


async def lapse(db: AsyncSession, *, at: dt.datetime, limit: int) -> int:
    """Take away what has waited too long, of all workspaces, up to `limit`; how many."""
    gone = (await db.execute(LAPSE, {"at": at, "limit": limit})).all()
    _record_lapsed(db, gone)
    return len(gone)


async def renew(db: AsyncSession, *, workspace_id: int, member_id: int, at: dt.datetime) -> int:
    """Let what waits for a locked person wait anew, as when an invitation is sent again; how many.

    What has lapsed stays so: it must be given again.
    """
    about = {"workspace_id": workspace_id, "member_id": member_id, "at": at, "until": at + WAITS}
    return len((await db.execute(RENEW, about)).all())


def _record_lapsed(db: AsyncSession, gone: Iterable[Row[Any]]) -> None:
    for row in gone:
        record(
            db,
            by=system(row.workspace_id),
            verb="grant.lapsed",
            department_id=row.department_id,
            course_id=row.course_id,
            member_id=row.member_id,
            before={
                "principal": row.principal,
                "departmentId": row.on_department_id,
                "moduleId": row.module_id,
                "pendingUntil": row.pending_until.isoformat(),
            },
        )
