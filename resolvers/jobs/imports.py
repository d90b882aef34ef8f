"""Files that were brought: how they were read, and what became of each row, or would become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import ImportOutcome, ImportRow, Job
from models.people import Member
from operations.imports import working
from operations.imports.asking import brought_with
from operations.imports.recognizing import TITLES, read_as
from operations.jobs.ending import IMPORTS
from resolvers.context import Context
from resolvers.jobs.reading import readable
from resolvers.listing import Listing
from resolvers.nested import Nested
from resolvers.rows import members_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that was brought, and how many of its rows came to what."""

    file_name: str
    read_as: str | None
    is_applied: bool
    counts: Mapping[ImportOutcome, int]

    @property
    def created(self) -> int:
        return self.counts.get(ImportOutcome.CREATED, 0)

    @property
    def updated(self) -> int:
        return self.counts.get(ImportOutcome.UPDATED, 0)

    @property
    def unchanged(self) -> int:
        return self.counts.get(ImportOutcome.UNCHANGED, 0)

    @property
    def refused(self) -> int:
        return self.counts.get(ImportOutcome.REFUSED, 0)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row says under a title."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RowView:
    """What became of one row; the titles of its file tell the order of its cells."""

    line: int
    outcome: ImportOutcome
    member_id: int | None
    code: str | None
    message: str | None
    cells: Sequence[Cell]


def _of_job(_: Context, owner: Any, outcomes: tuple[ImportOutcome, ...] | None) -> Select[Any]:
    """While it is being done, the rows that are."""
    rows = (
        select(ImportRow, Job.parameters[TITLES].label("titles"))
        .join(Job, Job.id == ImportRow.job_id)
        .where(
            ImportRow.job_id == owner,
            or_(Job.is_applied.is_(False), ImportRow.line <= Job.applied_line),
        )
    )
    return rows if outcomes is None else rows.where(ImportRow.outcome.in_(outcomes))


def _shown(_: int, row: tuple[Any, ...]) -> RowView:
    found: ImportRow = row[0]
    titles = [each for each in row[1] or () if each in found.said]
    return RowView(
        found.line,
        found.outcome,
        found.member_id,
        found.code,
        found.message,
        [Cell(each, found.said[each]) for each in titles],
    )


ROWS: Final = Nested("importRows", ImportRow, (ImportRow.line,), _of_job, _shown)


async def imported(root: Parent, info: Info) -> Imported | None:
    job: Job = root
    if job.kind not in IMPORTS:
        return None
    counts = await info.context.load(counts_by_job, job.id)
    return Imported(brought_with(job).file_name, read_as(job), job.is_applied, counts)


async def rows(
    root: Parent,
    info: Info,
    *,
    outcome: list[ImportOutcome] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Listing | None:
    """Whoever may not do what the file is for any more is not told what became of it."""
    job: Job = root
    if job.kind not in IMPORTS or not await info.context.load(readable, job):
        return None
    wanted = None if outcome is None else tuple(sorted(set(outcome)))
    return await ROWS.page(info.context, job.id, first, after, wanted)


async def member(root: Parent, info: Info) -> Member | None:
    row: RowView = root
    if row.member_id is None:
        return None
    return await info.context.load(members_by_id, row.member_id)


async def counts_by_job(
    db: AsyncSession, _: Context, ids: Sequence[int]
) -> list[Mapping[ImportOutcome, int]]:
    """Of the caller's own jobs."""
    found = await working.counts(db, job_ids=ids)
    return [found.get(id, {}) for id in ids]
