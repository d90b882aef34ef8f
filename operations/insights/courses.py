"""How a course is doing (X2): exact as of one place in the journal (X3), for those who may know."""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.insights import Facet
from models.workspaces import Workspace, WorkspaceStream
from operations.insights import cells, statistics, suppression, trends
from operations.insights.asking import ask
from operations.insights.cells import DEPARTMENT, GROUP, Cell, Narrow, Unit
from operations.insights.sources import LONGEST_SLICE
from operations.insights.trends import Bucket, Days, Every
from operations.learning import groups
from operations.refusals import not_found

FACETS: Final = (
    *(Facet.STANDING, Facet.DUE, Facet.STARTED, Facet.FINISHED),
    *(Facet.TAKEN, Facet.CERTIFIED, Facet.ATTENDED),
)
SEES: Final = Permission.LIST_LEARNERS
"""Who may list the learners is told figures about few of them, too."""


@dataclass(frozen=True, slots=True)
class CertificateFigures:
    """Certificates, by what has become of them at that moment."""

    valid: int
    expired: int
    revoked: int
    superseded: int


@dataclass(frozen=True, slots=True)
class AttendanceFigures:
    """Places at live sessions. `registered` are all but those waiting and those cancelled; the
    next three say how it came out. `rate` is the share of `attended` of these."""

    registered: int
    attended: int
    partly_attended: int
    absent: int

    @property
    def rate(self) -> float | None:
        known = self.attended + self.partly_attended + self.absent
        return self.attended / known if known else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a number of learners amounts to. In progress is also who waits to be graded; overdue,
    who still has something to do after the date that holds for them."""

    assigned: int
    not_started: int
    in_progress: int
    completed: int
    failed: int
    overdue: int
    median_minutes_to_complete: float | None
    certificates: CertificateFigures
    attendance: AttendanceFigures

    @property
    def completion_rate(self) -> float | None:
        return self.completed / self.assigned if self.assigned else None


@dataclass(frozen=True, slots=True)
class Part:
    """The learners of one department ("": of none), or of one group; no figures where hidden."""

    department: str | None
    group_id: int | None
    figures: Figures | None

    @property
    def is_suppressed(self) -> bool:
        return self.figures is None


@dataclass(frozen=True, slots=True)
class CourseInsights:
    """How a course is doing `at` a moment, everything up to entry `seq` of the journal included.

    Where figures are hidden they are None. What is narrowed to a group or a department is divided
    no further; `by_group` is None where groups are hidden as a whole.
    """

    course_id: int
    epoch: uuid.UUID
    seq: int
    at: dt.datetime
    figures: Figures | None
    by_department: tuple[Part, ...] | None = None
    by_group: tuple[Part, ...] | None = None
    days: Days | None = None
    smallest: int = 0
    title: str = ""

    @property
    def is_suppressed(self) -> bool:
        return self.figures is None

    def trend(
        self, every: Every, since: dt.date | None = None, until: dt.date | None = None
    ) -> list[Bucket] | None:
        """See `trends.trend`. Whoever does not see people is told months, without small ones."""
        if self.days is None:
            return None
        if not self.smallest:
            return trends.trend(self.days, every, since=since, until=until)
        return _without_small(trends.trend(self.days, Every.MONTH), self.smallest)


async def course_insights(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    to: Narrow,
    at: dt.datetime,
    facets: Collection[Facet] = FACETS,
) -> CourseInsights:
    """How a course is doing, of the people `to` leaves. Read in one snapshot; of figures that none
    of the `facets` is about nothing is said, which looks like zeros.

    Whoever may not list the learners is told about the whole course and its departments alone:
    groups overlap, and a time can be chosen so that it tells one person from another. Raises
    NOT_FOUND, Denied.
    """
    sees_people = await ask(db, by, course_id, asked=Permission.VIEW_COURSE_INSIGHTS, sees=SEES)
    about = await _about(db, by, course_id)
    if to.group_id is not None:
        await groups.of_course(db, by=by, course_id=course_id, group_id=to.group_id)
    insights = CourseInsights(course_id, about.epoch, about.head, at, None, title=about.title)
    is_hidden = not sees_people and to != Narrow(department=to.department)
    if is_hidden:
        return insights
    found = await cells.of_course(
        db,
        Unit(by.workspace_id, course_id),
        facets=facets,
        to=to if sees_people else Narrow(),
        at=at,
        due_at=about.due_at,
    )
    today = at.astimezone(ZoneInfo(about.time_zone)).date()
    insights = _read(insights, found, today)
    return insights if sees_people else _suppressed(insights, to.department, about.smallest_group)


async def _about(db: AsyncSession, by: Caller, course_id: int) -> Any:
    """What the figures hang on, and the place in the journal they are of."""
    found = await db.execute(
        select(
            Course.title,
            Course.due_at,
            Workspace.time_zone,
            Workspace.smallest_group,
            WorkspaceStream.epoch,
            WorkspaceStream.head,
        )
        .join(Workspace, Workspace.id == Course.workspace_id)
        .join(WorkspaceStream, WorkspaceStream.workspace_id == Course.workspace_id)
        .where(Course.workspace_id == by.workspace_id, Course.id == course_id)
    )
    row = found.one_or_none()
    if row is None:
        raise not_found("course")
    return row


def _read(insights: CourseInsights, found: Iterable[Cell], today: dt.date) -> CourseInsights:
    """The insights these cells amount to. Everybody is in exactly one department; of one group
    there is nothing else. Days, and the times taken of all, are in the slice ''."""
    slices: defaultdict[str, _Sums] = defaultdict(lambda: defaultdict(Counter))
    for cell in found:
        slices[cell.slice][cell.facet][cell.key] += cell.n
    of_all = slices.pop("", None) or defaultdict(Counter)
    departments = sorted(each for each in slices if each.startswith(DEPARTMENT))
    in_groups = sorted(int(each.removeprefix(GROUP)) for each in slices.keys() - departments)
    everybody = _added(slices[each] for each in departments or slices)
    figures = _figures(everybody | of_all)
    return replace(
        insights,
        figures=figures,
        by_department=tuple(
            Part(each.removeprefix(DEPARTMENT), None, _figures(slices[each]))
            for each in departments
        ),
        by_group=tuple(Part(None, each, _figures(slices[f"{GROUP}{each}"])) for each in in_groups),
        days=Days(
            _by_day(of_all[Facet.STARTED]),
            _by_day(of_all[Facet.FINISHED]),
            figures.assigned,
            today,
        ),
    )


def _figures(of: "_Sums") -> Figures:
    standing, certificates = of[Facet.STANDING], of[Facet.CERTIFIED]
    return Figures(
        assigned=standing.total(),
        not_started=standing["NOT_STARTED"],
        in_progress=standing["IN_PROGRESS"],
        completed=standing["COMPLETED"],
        failed=standing["FAILED"],
        overdue=of[Facet.DUE]["OVER"],
        median_minutes_to_complete=_median(of[Facet.TAKEN]),
        certificates=CertificateFigures(
            certificates["ISSUED"],
            certificates["EXPIRED"],
            certificates["REVOKED"],
            certificates["SUPERSEDED"],
        ),
        attendance=_attendance(of[Facet.ATTENDED]),
    )


_Sums = defaultdict[Facet, Counter[str]]
"""By facet and key, how many."""


def _added(parts: Iterable[_Sums]) -> _Sums:
    found: _Sums = defaultdict(Counter)
    for part in parts:
        for facet, counter in part.items():
            found[facet].update(counter)
    return found


def _attendance(of: Mapping[str, int]) -> AttendanceFigures:
    attended, partly, absent = (of.get(each, 0) for each in ("ATTENDED", "PARTIAL", "NO_SHOW"))
    booked = of.get("BOOKED", 0)
    return AttendanceFigures(booked + attended + partly + absent, attended, partly, absent)


def _by_day(of: Mapping[str, int]) -> dict[dt.date, int]:
    return {dt.date.fromisoformat(day): n for day, n in of.items()}


def _median(of: Mapping[str, int]) -> float | None:
    return statistics.median((Decimal(minutes), n) for minutes, n in of.items()).value


def _suppressed(found: CourseInsights, department: str | None, smallest: int) -> CourseInsights:
    """What may be said to whoever does not see the people."""
    parts = {each.department: each.figures for each in found.by_department or ()}
    sizes = {name: each.assigned for name, each in parts.items() if each is not None}
    small = suppression.hidden(sizes, smallest)
    shown = tuple(
        Part(name, None, None if name in small else _coarse(each, smallest))
        for name, each in parts.items()
    )
    if department is not None:
        department = department[:LONGEST_SLICE]
        [figures] = [each.figures for each in shown if each.department == department] or [None]
        own = tuple(each for each in shown if each.department == department)
        return replace(found, figures=figures, by_department=own, by_group=None, days=None)
    if found.figures is None or suppression.is_small(found.figures.assigned, smallest):
        return replace(found, figures=None, by_department=None, by_group=None, days=None)
    figures = _coarse(found.figures, smallest)
    return replace(found, figures=figures, by_department=shown, by_group=None, smallest=smallest)


def _coarse(figures: Figures | None, smallest: int) -> Figures | None:
    """Without the median of too few."""
    if figures is None or not suppression.is_small(figures.completed, smallest):
        return figures
    return replace(figures, median_minutes_to_complete=None)


def _without_small(buckets: list[Bucket], smallest: int) -> list[Bucket]:
    """The rates say what completed, so they go with it."""
    started = suppression.hidden({each.since: each.started or 0 for each in buckets}, smallest)
    completed = suppression.hidden({each.since: each.completed or 0 for each in buckets}, smallest)
    return [
        replace(
            each,
            started=None if each.since in started else each.started,
            completed=None if each.since in completed else each.completed,
            completion_rate=None,
        )
        for each in buckets
    ]
