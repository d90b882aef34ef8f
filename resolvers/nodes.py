"""Anything by its global id, under the same rule as the field it is normally reached by."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import BigInteger

from access.caller import Caller
from models.catalog import Course, Department
from models.people import Member
from models.segments import Segment
from operations import visible
from operations.refusals import Code, Refused
from resolvers.context import Context
from resolvers.ids import GlobalId, decode

Info = strawberry.Info[Context, None]

MOST_AT_ONCE: Final = 100
LARGEST_INTEGER: Final = 2**31 - 1

SEEN: Final[Mapping[str, Any]] = {
    "Course": (Course, visible.courses),
    "Department": (Department, visible.departments),
    "Segment": (Segment, visible.segments),
    "Member": (Member, visible.members),
}


async def node(info: Info, id: strawberry.ID) -> Any:
    return (await nodes(info, ids=[id]))[0]


async def nodes(info: Info, *, ids: list[strawberry.ID]) -> list[Any]:
    """One answer per id, in order; null alike for what is missing, hidden, or no id at all."""
    if len(ids) > MOST_AT_ONCE:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"At most {MOST_AT_ONCE} nodes can be asked for at once; these are {len(ids)}.",
            {"limit": MOST_AT_ONCE, "actual": len(ids)},
        )
    wanted = [decode(each) for each in ids]
    found: dict[GlobalId, Any] = {}
    for type_name in SEEN:
        numbers = {each.number for each in wanted if each and each.type_name == type_name}
        found |= await _seen(info.context, info.context.signed_in, type_name, sorted(numbers))
    return [found.get(each) if each else None for each in wanted]


async def _seen(
    context: Context, caller: Caller, type_name: str, numbers: Sequence[int]
) -> dict[GlobalId, Any]:
    kind, rows_of = SEEN[type_name]
    is_big = isinstance(kind.__table__.c.id.type, BigInteger)
    fitting = [number for number in numbers if is_big or number <= LARGEST_INTEGER]
    if not fitting:
        return {}
    async with context.read() as db:
        rows = await db.scalars(rows_of(caller).where(kind.id.in_(fitting)))
        return {GlobalId(type_name, row.id): row for row in rows}
