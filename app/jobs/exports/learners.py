"""The people on a course as a file: the rows and columns of `listLearners`."""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from access.permissions import Scope
from app.jobs.exports.export import Export
from app.jobs.exports.zones import zone_of
from app.workbooks import Column, Kind, Sheet
from models.catalog import Course
from models.certificates import CertificateState
from models.groups import LearnerGroup
from models.jobs import Job
from operations.certificates.reading import state_at
from operations.learning import groups, listing
from operations.learning.listing import Cut, Learner
from operations.learning.listing_narrowing import CertificateStanding
from operations.learning.listing_orders import Order
from resolvers.context import Context
from resolvers.jobs.asked import LearnersAsked, asked_in
from resolvers.learning.learner_search import LOOKS_UP
from resolvers.learning.learners import Whose, owner_of, tallies, whose_list
from resolvers.references import Reference

PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """Groups by number, and whose of them the caller may know the people of: None, everybody's."""

    groups: Mapping[int, str]
    maker_id: int | None

    def names(self, row: Learner) -> str:
        return ", ".join(
            self.groups[id]
            for id, by_id in row.facts.groups
            if id in self.groups and self.maker_id in {None, by_id}
        )


Cell = Callable[[Learner], Any]

_ACCOUNT: Final[tuple[tuple[Column, Cell], ...]] = (
    (Column("User name", width=30), lambda row: row.member.user_name),
    (Column("E-mail", width=30), lambda row: row.member.email),
    (Column("Account"), lambda row: row.member.state.value),
)
_LEARNING: Final[tuple[tuple[Column, Cell], ...]] = (
    (Column("Kind", width=12), lambda row: row.kind.value),
    (Column("State", width=14), lambda row: row.state.value),
    (Column("Score", Kind.PERCENT), lambda row: row.percent),
    (Column("Due", Kind.MOMENT), lambda row: row.due_at),
    (Column("Due date of", width=12), lambda row: None if row.due_of is None else row.due_of.value),
    (Column("Overdue", Kind.YES_NO), lambda row: row.is_overdue),
    (Column("Attempts", Kind.INTEGER), lambda row: row.attempts),
    (Column("On the course since", Kind.MOMENT), lambda row: row.since),
    (Column("Last active", Kind.MOMENT), lambda row: row.last_activity_at),
    (Column("Completed", Kind.MOMENT), lambda row: row.completed_at),
)


async def learners(context: Context, job: Job, _: frozenset[str]) -> Export:
    """Raises NOT_FOUND, Denied like the list itself."""
    asked = asked_in(job, LearnersAsked)
    owner = await owner_of(context, asked.course_id, asked.group_id)
    whose = await whose_list(context, owner, asked.search, asked.filter)
    here = Reference(Scope.WORKSPACE, job.workspace_id)
    await context.prepare([here])
    looks_up = any(context.rights.decide(each, *here[:2]).allowed for each in LOOKS_UP)
    tally = await context.load(tallies, whose)
    by = context.signed_in
    async with context.read() as db:
        course = await db.get_one(Course, owner.course_id)
        zone = await zone_of(db, by.workspace_id)
        named = await db.scalars(groups.seen(by).where(LearnerGroup.course_id == course.id))
        seen = _Seen(
            {group.id: group.name for group in named},
            None if whose.is_whole else by.member_id,
        )
    columns = [
        (Column("Name", width=30), lambda row: row.member.display_name),
        *(_ACCOUNT if looks_up else ()),
        *_LEARNING,
        (Column("Groups", width=30), seen.names),
        (Column("Certificate", width=14), _standing),
        (Column("Certified", Kind.MOMENT), _issued_at),
        (Column("Certified until", Kind.MOMENT), _holds_until),
    ]
    order = Order(asked.order_by, asked.descending)
    cells = [cell for _, cell in columns]
    sheet = Sheet(
        "Learners",
        [column for column, _ in columns],
        _rows(context, whose, order, cells),
        frozen_columns=1,
    )
    return Export(
        f"Learners of {course.title}",
        [sheet],
        zone,
        total=sum(tally.values()),
        shows=(LOOKS_UP,) if looks_up else (),
    )


async def _rows(
    context: Context, whose: Whose, order: Order, cells: list[Cell]
) -> AsyncIterator[list[Any]]:
    after: tuple[Any, ...] | None = None
    while True:
        async with context.read() as db:
            found = await listing.pages(
                db,
                by=context.signed_in,
                owners=[whose.owner],
                shown=whose.shown,
                order=order,
                cut=Cut(PAGE, after),
            )
            page = found[whose.owner]
            rows = [[cell(each.learner) for cell in cells] for each in page]
        for row in rows:
            yield row
        if len(page) < PAGE:
            return
        after = page[-1].place


def _standing(row: Learner) -> str:
    if row.certificate is None:
        return CertificateStanding.NONE.value
    return state_at(row.certificate, dt.datetime.now(dt.UTC)).value


def _issued_at(row: Learner) -> Any:
    return None if row.certificate is None else row.certificate.issued_at


def _holds_until(row: Learner) -> Any:
    certificate = row.certificate
    holds = certificate is not None and certificate.state is CertificateState.ISSUED
    return certificate.expires_at if certificate is not None and holds else None
