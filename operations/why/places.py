"""Which place in the journal a question is about: the present, a moment, or a number."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from operations.refusals import Code, Refused

HEAD: Final = text("""
SELECT head, now() AS at FROM workspace_stream WHERE workspace_id = :workspace_id
""")

AT_MOMENT: Final = text("""
SELECT seq FROM journal_entry WHERE workspace_id = :workspace_id AND at <= :at
 ORDER BY at DESC, seq DESC LIMIT 1
""")

OF_NUMBER: Final = text("""
SELECT at FROM journal_entry WHERE workspace_id = :workspace_id AND seq = :seq
""")


@dataclass(frozen=True, slots=True)
class Place:
    """Everything numbered up to `seq` had happened. `at` is None only before the first entry."""

    seq: int
    at: dt.datetime | None
    is_past: bool


async def place_of(
    db: AsyncSession, workspace_id: int, *, at: dt.datetime | None, seq: int | None
) -> Place:
    """The place meant: at a moment, what was numbered until then, that moment included.

    Raises Refused for both at once, for what has not happened yet, and for numbers below 0.
    """
    if at is not None and seq is not None:
        raise Refused(Code.BAD_USER_INPUT, "Say at or seq, not both.")
    head, now = (await db.execute(HEAD, {"workspace_id": workspace_id})).one()
    if at is not None:
        if at > now:
            raise Refused(
                Code.BAD_USER_INPUT,
                f"{at.isoformat()} has not come yet; leave at out to ask about the present.",
            )
        found = await db.scalar(AT_MOMENT, {"workspace_id": workspace_id, "at": at}) or 0
        return Place(found, at, found < head)
    if seq is None or seq == head:
        return Place(head, now, is_past=False)
    if not 0 <= seq < head:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"The journal has the numbers 1 to {head}, and 0 is before all; {seq} is none.",
            {"limit": head, "actual": seq},
        )
    moment = await db.scalar(OF_NUMBER, {"workspace_id": workspace_id, "seq": seq})
    return Place(seq, moment, is_past=True)
