"""Who loses the last reason for being coordinator stays one for some days (M40).

Operations that take a reason away, or give one, note it (`taken`, `given`); it is settled as the
last thing before the journal, behind a lock that every such change of the workspace takes
(`sync_engine.grace`). What somebody says by hand about one person, like an exclusion, is done at
once and only needs the lock (`guard`).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from access.caller import Caller
from models.journal import cause_of, record
from models.segments import AttachmentMode
from sync_engine.grace import (
    ENDING,
    GIVE_TO_FOLLOWERS,
    GUARD,
    REGAINED,
    STATE,
    TAKE_ON_COURSES,
    after_ending,
    after_regaining,
    place,
)

_NOTED: Final = "grace.noted"
_STATE: Final = f"SELECT {STATE}"


@dataclass(frozen=True, slots=True)
class Followed:
    """How an attachment was followed until just now, and in one sentence what became of it."""

    course_id: int
    segment_id: int
    mode: AttachmentMode
    since: dt.datetime
    reason: str


@dataclass(slots=True)
class _Noted:
    by: Caller
    taken: list[Followed] = field(default_factory=list)
    given: set[int] = field(default_factory=set)


def taken(db: AsyncSession, *, by: Caller, followed: Followed) -> None:
    """This transaction takes an attachment away, or lets it be followed otherwise."""
    _noted(db, by).taken.append(followed)


def given(db: AsyncSession, *, by: Caller, course_id: int) -> None:
    """This transaction may make people coordinators of a course whose role there was ending."""
    _noted(db, by).given.add(course_id)


def _noted(db: AsyncSession, by: Caller) -> _Noted:
    noted: _Noted = db.info.setdefault(_NOTED, _Noted(by))
    return noted


async def guard(db: AsyncSession, *, workspace_id: int) -> None:
    """Until it ends, this transaction alone decides whose role is ending. After this it may lock
    rows of overrides, and the journal, and nothing that others hold while they wait for this."""
    connection = await db.connection()
    await connection.exec_driver_sql(GUARD, {"workspace_id": workspace_id})


async def settle(db: AsyncSession) -> None:
    """Give grace for what was taken, and end it for what was given."""
    noted: _Noted | None = db.info.pop(_NOTED, None)
    if noted is None:
        return
    await db.flush()
    connection = await db.connection()
    about: dict[str, Any] = {"workspace_id": noted.by.workspace_id}
    state: Any = (await connection.exec_driver_sql(_STATE, about)).one()
    gives_grace, is_ending = state
    if not gives_grace and not is_ending:
        return
    await guard(db, workspace_id=noted.by.workspace_id)
    if gives_grace and noted.taken:
        await _give(db, connection, noted)
    if noted.given:
        on_courses = about | {"courses": sorted(noted.given)}
        rows: Iterable[Any] = await connection.exec_driver_sql(TAKE_ON_COURSES, on_courses)
        for row in sorted(rows, key=place):
            record(db, by=noted.by, verb=REGAINED, **after_regaining(*row))


async def _give(db: AsyncSession, connection: AsyncConnection, noted: _Noted) -> None:
    asked = {
        "workspace_id": noted.by.workspace_id,
        "cause": cause_of(db),
        "courses": [each.course_id for each in noted.taken],
        "segments": [each.segment_id for each in noted.taken],
        "modes": [each.mode.value for each in noted.taken],
        "moments": [each.since for each in noted.taken],
        "reasons": [each.reason for each in noted.taken],
    }
    rows: Iterable[Any] = await connection.exec_driver_sql(GIVE_TO_FOLLOWERS, asked)
    for *row, _ in sorted(rows, key=place, reverse=True):
        record(db, by=noted.by, verb=ENDING, is_first=True, **after_ending(*row))
