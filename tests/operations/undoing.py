"""What tests of undoing read: rows, never what the product says of them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text

from operations import undo
from operations.undo import Undone
from tests.world import MONDAY, World

Pair = tuple[int, int]

NOW_IN = "SELECT member_id, segment_id FROM membership WHERE until IS NULL"
MOVED_BY = """
SELECT member_id, segment_id, opened_by_id = :id AS joined FROM membership
 WHERE opened_by_id = :id OR closed_by_id = :id
"""
CONTRADICTED = """
SELECT m.member_id, m.segment_id,
       CASE WHEN s.deleted_at IS NOT NULL THEN 'SEGMENT_GONE'
            WHEN p.deleted_at IS NOT NULL THEN 'PERSON_GONE'
            WHEN EXISTS (SELECT FROM membership n
                          WHERE n.member_id = m.member_id AND n.segment_id = m.segment_id
                            AND (n.opened_by_id > :id OR n.closed_by_id > :id))
            THEN 'MOVED_SINCE'
            WHEN p.state = 'DEACTIVATED' THEN 'DEACTIVATED' END AS why
  FROM membership m JOIN member p ON p.id = m.member_id JOIN segment s ON s.id = m.segment_id
 WHERE m.opened_by_id = :id OR m.closed_by_id = :id
"""
"""The pairs of a change set that cannot be put back: change sets are numbered in their order."""


def read(engine: Engine, statement: str, **about: Any) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(text(statement), about))


def now_in(engine: Engine) -> set[Pair]:
    return {(row[0], row[1]) for row in read(engine, NOW_IN)}


def moved_by(engine: Engine, id: int) -> dict[Pair, bool]:
    """The pairs a change set moved, and whether it put them in."""
    return {(row[0], row[1]): bool(row[2]) for row in read(engine, MOVED_BY, id=id)}


def contradicted(engine: Engine, id: int) -> dict[Pair, str]:
    rows = read(engine, CONTRADICTED, id=id)
    return {(row[0], row[1]): row[2] for row in rows if row[2] is not None}


def pinned(engine: Engine) -> dict[Pair, bool]:
    rows = read(engine, "SELECT member_id, segment_id, is_in FROM membership_pin")
    return {(row[0], row[1]): row[2] for row in rows}


def newest(engine: Engine) -> int:
    """The change set that was made last."""
    return int(read(engine, "SELECT max(id) FROM change_set")[0][0])


def named(details: Mapping[str, Any]) -> dict[Pair, str]:
    """The pairs a refusal names."""
    return {(each["memberId"], each["segmentId"]): each["why"] for each in details["pairs"]}


async def take_back(
    world: World,
    id: int,
    *,
    by: str | None = None,
    reason: str = "It was a mistake of the provider.",
    expires_at: dt.datetime | None = None,
    at: dt.datetime = MONDAY,
) -> Undone:
    async with world.edge.transaction() as db:
        return await undo.undo(
            db,
            by=world.caller(by) if by else world.system,
            change_set_id=id,
            reason=reason,
            expires_at=expires_at,
            at=at,
        )
