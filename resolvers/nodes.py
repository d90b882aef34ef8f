"""Anything by its global id, under the same rule as the field it is normally reached by."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import strawberry
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.billing import Invoice
from models.catalog import Course, Department, Module
from models.certificates import Certificate
from models.content import Attachment
from models.grading import Submission
from models.groups import LearnerGroup
from models.holds import Hold
from models.jobs import Job
from models.live_sessions import LiveSession
from models.people import Member
from models.progress import Attempt
from models.segments import ChangeSet, Segment
from models.workspaces import Workspace
from operations import change_sets, invoices, visible
from operations.certificates import reading as certificates
from operations.content import attachments
from operations.holds import reading as holds
from operations.jobs import asking
from operations.learning import attempts_seen, groups, submissions
from operations.live_sessions import locking
from operations.refusals import Code, Refused
from resolvers.context import Context
from resolvers.ids import GlobalId, decode

Info = strawberry.Info[Context, None]

MOST_AT_ONCE: Final = 100

SEEN: Final[Mapping[str, tuple[Any, Callable[[Caller], Select[Any]]]]] = {
    "Workspace": (Workspace, visible.workspaces),
    "Department": (Department, visible.departments),
    "Course": (Course, visible.courses),
    "Module": (Module, visible.modules),
    "Attachment": (Attachment, attachments.seen_by),
    "LearnerGroup": (LearnerGroup, groups.seen),
    "Submission": (Submission, submissions.seen_by),
    "Segment": (Segment, visible.segments),
    "Member": (Member, visible.members),
    "Invoice": (Invoice, invoices.seen_by),
    "Attempt": (Attempt, attempts_seen.seen_by),
    "Certificate": (Certificate, certificates.seen_by),
    "LiveSession": (LiveSession, locking.seen_by),
    "Job": (Job, asking.seen_by),
    "Hold": (Hold, holds.seen_by),
    "ChangeSet": (ChangeSet, change_sets.seen_by),
}
"""By the type name in a global id: the rows, and which of them a caller may see."""


async def node(info: Info, id: strawberry.ID) -> Any:
    return (await nodes(info, ids=[id]))[0]


async def nodes(info: Info, *, ids: list[strawberry.ID]) -> list[Any]:
    """One answer per id, in order; null alike for what is missing, hidden, or no id at all."""
    refuse_too_many(len(ids), "nodes")
    wanted = [decode(each) for each in ids]
    async with info.context.read() as db:
        found = await seen(db, info.context.signed_in, [each for each in wanted if each])
    return [found.get(each) if each else None for each in wanted]


async def seen(db: AsyncSession, caller: Caller, ids: Collection[GlobalId]) -> dict[GlobalId, Any]:
    """The rows of those ids the caller may see; one statement for each kind of thing named."""
    found: dict[GlobalId, Any] = {}
    for type_name, (kind, rows_of) in SEEN.items():
        numbers = {id.number for id in ids if id.type_name == type_name and id.is_storable}
        if numbers:
            rows = await db.scalars(rows_of(caller).where(kind.id.in_(sorted(numbers))))
            found |= {GlobalId(type_name, row.id): row for row in rows}
    return found


def refuse_too_many(actual: int, noun: str) -> None:
    """Raises Refused for more than 100 of something."""
    if actual > MOST_AT_ONCE:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"At most {MOST_AT_ONCE} {noun} can be asked about at once; these are {actual}.",
            {"limit": MOST_AT_ONCE, "actual": actual},
        )
