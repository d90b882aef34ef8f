"""Why someone is, or is not, coordinator: the operation's answer, ready for the schema."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from access.permissions import Scope
from models.catalog import Course
from operations import explain
from operations.explain import Cause, SegmentReason, Turned, WhyCoordinator
from operations.refusals import Code, Refused
from resolvers import moments, positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, kind_of, listing_of
from resolvers.pages import asked, page_of
from resolvers.references import Reference, refer
from resolvers.rows import courses_by_id
from resolvers.seal import Cursor
from sync_engine.rules import Explanation

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

LONGEST_NUMBER: Final = 18
"""Digits of a number in the journal."""

LIST: Final = "coordinatorTimeline"

refer(Turned, lambda row, _: Reference(Scope.COURSE, row.course_id))
refer(WhyCoordinator, lambda row, _: Reference(Scope.COURSE, row.course_id))


@dataclass(frozen=True, slots=True)
class Clause:
    """One node of an explained rule, in document order. `depth` is 0 for the whole rule."""

    depth: int
    kind: str
    text: str
    is_true: bool
    attribute: str | None
    operator: str | None
    expected: str | None
    actual: str | None
    sentence: str | None
    changed: Cause | None


async def explain_membership(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID | None = None,
    at: dt.datetime | None = None,
    seq: str | None = None,
    at_least: Cursor | None = None,
) -> WhyCoordinator:
    await positions.at_least(info.context, at_least)
    about = _whom(info.context, member_id)
    async with info.context.read() as db:
        return await explain.membership(
            db,
            by=info.context.signed_in,
            course_id=number_of(course_id, "Course"),
            member_id=about,
            at=moments.exact(at, "at"),
            seq=place_in(seq, "seq"),
        )


async def coordinator_timeline(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    context = info.context
    await positions.at_least(context, at_least)
    about = _whom(context, member_id)
    kind = kind_of(context, LIST)
    wanted = asked(context.seal, kind, first, after)
    async with context.read() as db:
        found = await explain.timeline(
            db,
            by=context.signed_in,
            course_id=number_of(course_id, "Course"),
            member_id=about,
            before_seq=wanted.after[0] if wanted.after else None,
            limit=wanted.size + 1,
        )
    page = page_of([(row, row.seq) for row in found.turns], wanted, 1, context.seal, kind)

    async def count(_: Context) -> int:
        return found.count

    return listing_of(page, [row[0] for row in page.rows], count)


def _whom(context: Context, member_id: str | None) -> int:
    """The person who is meant: oneself, where nobody is named."""
    about = context.signed_in.member_id if member_id is None else number_of(member_id, "Member")
    if about is None:
        raise Refused(Code.BAD_USER_INPUT, "Say with memberId whom the question is about.")
    return about


def place_in(seq: str | None, argument: str) -> int | None:
    """The number of an entry of the journal; raises Refused for anything else."""
    if seq is None:
        return None
    if not (seq.isascii() and seq.isdigit() and len(seq) <= LONGEST_NUMBER):
        raise Refused(Code.BAD_USER_INPUT, f"{argument} is the number of an entry of the journal.")
    return int(seq)


async def seq(root: Parent) -> str:
    return str(root.seq)


async def explained_course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(courses_by_id, root.course_id)


async def clauses(root: Parent) -> list[Clause]:
    reason: SegmentReason = root
    if reason.explanation is None:
        return []
    return list(_flat(reason.explanation, 0, reason.changes))


def _flat(node: Explanation, depth: int, changes: Mapping[str, Cause]) -> Iterator[Clause]:
    yield Clause(
        depth,
        node.kind,
        node.text,
        node.truth,
        node.attribute,
        node.operator,
        node.expected,
        node.actual,
        node.sentence,
        changes.get(node.attribute or ""),
    )
    for child in node.children:
        yield from _flat(child, depth + 1, changes)
