"""Rows of enrolments, and what follows from them in `progress`: who is a learner, and until when.

Everything that begins or ends a reason to learn comes through here, in this order: the rows of
progress are locked (`admit`, `hold`), the enrolments change, and `settle` makes progress follow.
The statement after a lock sees what whoever held it before has left, so what follows is exact
however many write at once.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.enrolments import EnrolmentSource
from models.journal import cause_of, record

ADMIT: Final = text("""
INSERT INTO progress (course_id, member_id, workspace_id, is_learner, own_due_at, since)
SELECT :course_id, m.id, :workspace_id, true, g.due_at, :at
  FROM unnest(CAST(:members AS bigint[])) AS m(id)
  LEFT JOIN learner_group g ON g.id = CAST(:group_id AS bigint)
 ORDER BY m.id
ON CONFLICT (course_id, member_id) DO UPDATE SET is_learner = true
""")
"""Who is new to the course is a learner at once; of the others the row is locked."""

HOLD: Final = text("""
SELECT member_id FROM progress
 WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[]))
 ORDER BY member_id FOR NO KEY UPDATE
""")

HOLD_GROUP: Final = text("""
SELECT member_id FROM progress p
 WHERE course_id = :course_id
   AND EXISTS (SELECT FROM enrolment e WHERE e.group_id = :group_id AND e.ended_at IS NULL
                  AND e.course_id = p.course_id AND e.member_id = p.member_id)
 ORDER BY member_id FOR NO KEY UPDATE
""")

INSERT: Final = text("""
INSERT INTO enrolment
       (workspace_id, course_id, member_id, source, group_id, since, enrolled_by_id, cause)
SELECT :workspace_id, :course_id, m.id, :source, CAST(:group_id AS bigint), :at,
       CAST(:by_id AS bigint), :cause
  FROM unnest(CAST(:members AS bigint[])) AS m(id)
 ORDER BY m.id
ON CONFLICT (course_id, member_id, source, group_id) WHERE ended_at IS NULL DO NOTHING
RETURNING member_id
""")

END: Final = text("""
UPDATE enrolment SET ended_at = :at, ended_by_id = CAST(:by_id AS bigint)
 WHERE workspace_id = :workspace_id AND course_id = :course_id AND ended_at IS NULL
   AND member_id = ANY (CAST(:members AS bigint[])) AND source = ANY (CAST(:sources AS text[]))
   AND (:any_group OR group_id IS NOT DISTINCT FROM CAST(:group_id AS bigint))
RETURNING member_id, source, group_id
""")

LIVE: Final = text("""
SELECT e.member_id, e.source, e.group_id
  FROM enrolment e LEFT JOIN learner_group g ON g.id = e.group_id
 WHERE e.workspace_id = :workspace_id AND e.course_id = :course_id AND e.ended_at IS NULL
   AND e.member_id = ANY (CAST(:members AS bigint[]))
   AND (CAST(:maker_id AS bigint) IS NULL OR g.created_by_id = :maker_id)
""")

SETTLE: Final = text("""
UPDATE progress p SET is_learner = now.learns, own_due_at = now.due_at
  FROM unnest(CAST(:members AS bigint[])) AS m(id)
  JOIN progress was ON was.course_id = :course_id AND was.member_id = m.id
 CROSS JOIN LATERAL (
       SELECT count(*) > 0 AS learns, coalesce(was.override_due_at, max(g.due_at)) AS due_at
         FROM enrolment e LEFT JOIN learner_group g ON g.id = e.group_id
        WHERE e.course_id = :course_id AND e.member_id = m.id AND e.ended_at IS NULL) AS now
 WHERE p.course_id = :course_id AND p.member_id = m.id
   AND (p.is_learner, p.own_due_at) IS DISTINCT FROM (now.learns, now.due_at)
""")
"""Who is no learner keeps an override, and is due by it again when they come back (M2)."""


IN_A_GROUP: Final = (EnrolmentSource.GROUP, EnrolmentSource.SELF)
WITHOUT_A_GROUP: Final = (EnrolmentSource.DIRECT, EnrolmentSource.SELF)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody learns in a course: by hand, through a group, or of their own accord."""

    source: EnrolmentSource
    group_id: int | None

    def said(self) -> dict[str, Any]:
        """For the journal."""
        return {"source": self.source.value} | (
            {"groupId": self.group_id} if self.group_id is not None else {}
        )


Reasons = Mapping[int, Sequence[Reason]]
"""By member."""


async def begin(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    reason: Reason,
    at: dt.datetime,
) -> list[int]:
    """These people learn in the course for this reason; returns those who did not already."""
    told = _told(by, course_id, member_ids) | {
        "group_id": reason.group_id,
        "source": reason.source,
        "by_id": by.member_id,
        "cause": cause_of(db),
        "at": at,
    }
    await db.execute(ADMIT, told)
    begun = sorted(await db.scalars(INSERT, told))
    await db.execute(SETTLE, told)
    return begun


async def end(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    sources: Collection[EnrolmentSource],
    group_id: int | None,
    at: dt.datetime,
    any_group: bool = False,
) -> Reasons:
    """End these people's reasons of these sources; those of one group, or of none, or
    (`any_group`) wherever they are. Returns what ended. The rows of progress are held."""
    told = _told(by, course_id, member_ids) | {
        "sources": [each.value for each in sources],
        "group_id": group_id,
        "any_group": any_group,
        "by_id": by.member_id,
        "at": at,
    }
    ended = _by_member(await db.execute(END, told))
    await db.execute(SETTLE, told | {"members": sorted(ended)})
    return ended


def sources_of(group_id: int | None) -> tuple[EnrolmentSource, ...]:
    """By what one can be in a group, or in the course itself."""
    return WITHOUT_A_GROUP if group_id is None else IN_A_GROUP


async def hold(db: AsyncSession, *, course_id: int, member_ids: Collection[int]) -> list[int]:
    """Lock these people's rows of progress; those who have none have no enrolment either."""
    return list(await db.scalars(HOLD, {"course_id": course_id, "members": sorted(member_ids)}))


async def hold_group(db: AsyncSession, *, course_id: int, group_id: int) -> list[int]:
    """Lock the rows of everybody in a group. The group itself must be locked, so that nobody
    joins it meanwhile."""
    return list(await db.scalars(HOLD_GROUP, {"course_id": course_id, "group_id": group_id}))


async def settle(db: AsyncSession, *, course_id: int, member_ids: Collection[int]) -> None:
    """Make progress of these held people follow their enrolments, groups and overrides."""
    await db.execute(SETTLE, {"course_id": course_id, "members": sorted(member_ids)})


async def live(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    maker_id: int | None = None,
) -> Reasons:
    """Why these people learn in the course now; with `maker_id`, only groups made by that person
    are looked at."""
    told = _told(by, course_id, member_ids) | {"maker_id": maker_id}
    return _by_member(await db.execute(LIVE, told))


def record_begun(
    db: AsyncSession, *, by: Caller, course_id: int, member_ids: Collection[int], reason: Reason
) -> None:
    """Say, once of each person, why they learn in the course from now on."""
    for member_id in member_ids:
        record(
            db,
            by=by,
            verb="learner.assigned",
            course_id=course_id,
            member_id=member_id,
            after=reason.said(),
        )


def record_ended(db: AsyncSession, *, by: Caller, course_id: int, ended: Reasons) -> None:
    """Say, once of each person, which reasons have ended."""
    for member_id in sorted(ended):
        record(
            db,
            by=by,
            verb="learner.unassigned",
            course_id=course_id,
            member_id=member_id,
            before={"reasons": [each.said() for each in ended[member_id]]},
        )


def _told(by: Caller, course_id: int, member_ids: Collection[int]) -> dict[str, Any]:
    return {
        "workspace_id": by.workspace_id,
        "course_id": course_id,
        "members": sorted(member_ids),
    }


def _by_member(rows: Any) -> dict[int, list[Reason]]:
    found: dict[int, list[Reason]] = {}
    for member_id, source, group_id in rows:
        found.setdefault(member_id, []).append(Reason(EnrolmentSource(source), group_id))
    for reasons in found.values():
        reasons.sort(key=lambda each: (each.source, each.group_id or 0))
    return found
