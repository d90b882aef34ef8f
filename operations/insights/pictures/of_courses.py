"""Pictures of how a course is doing."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from operations.insights.courses import CourseInsights, Figures, Part
from operations.insights.pictures import charts
from operations.insights.pictures.charts import Line, Row, Share
from operations.insights.pictures.drawing import MARGIN, RIGHT, Picture, PictureKind, Sheet
from operations.insights.pictures.inks import Fill
from operations.insights.pictures.scales import Scale
from operations.insights.pictures.words import HIDDEN, count, joined, named, percent, sentence
from operations.insights.trends import LONGEST, Bucket, ByDay, Every

MOST_ROWS: Final = 12
NO_DEPARTMENT: Final = "No department"
ALL_HIDDEN: Final = f"The figures are hidden: {HIDDEN}."
LONGEST_BY_DAY: Final = dt.timedelta(days=31)
LONGEST_BY_WEEK: Final = dt.timedelta(weeks=53)
DASHES: Final = "6 4"


def course_pictures(
    insights: CourseInsights, kinds: Collection[PictureKind] = tuple(PictureKind)
) -> list[Picture]:
    """The pictures of these kinds that there are of a course, in their order."""
    return [draw(insights) for kind, draw in DRAWN.items() if kind in kinds]


def _states(insights: CourseInsights) -> Picture:
    sheet = Sheet(PictureKind.STATES, "Learners by state", insights.title)
    if (figures := insights.figures) is None:
        return _hidden(sheet)
    shares = [
        Share("Completed", figures.completed, Fill.DEEP),
        Share("In progress", figures.in_progress, Fill.MID),
        Share("Not started", figures.not_started, Fill.HOLLOW),
        Share("Failed", figures.failed, Fill.STRIPES),
    ]
    charts.stacked(sheet, shares)
    return sheet.finished(_of_all(figures, shares))


def _of_all(figures: Figures, shares: Sequence[Share]) -> str:
    if not figures.assigned:
        return "Nobody learns here."
    said = [f"{count(each.number)} {each.name.lower()}" for each in shares]
    shown = [
        f"{each} ({percent(share.number, figures.assigned)})"
        for each, share in zip(said, shares, strict=True)
    ]
    return f"Of {count(figures.assigned, 'learner')}: {joined(shown)}."


def _trend(insights: CourseInsights) -> Picture:
    sheet = Sheet(PictureKind.TREND, "Started and completed", insights.title)
    if (found := _buckets(insights)) is None:
        return _hidden(sheet)
    every, buckets = found
    if not buckets:
        sheet.paragraph("Nobody has started yet.")
        return sheet.finished("Nobody has started yet.")
    charts.lines(
        sheet,
        [
            Line("Started", "mid", [each.started for each in buckets], DASHES),
            Line("Completed", "deep", [each.completed for each in buckets]),
        ],
        _dates(every, buckets),
    )
    return sheet.finished(*_told(every, buckets))


def _buckets(insights: CourseInsights) -> tuple[Every, list[Bucket]] | None:
    """Days of the last month, weeks of the last year, else months: as many as can be told apart.
    None where they are hidden."""
    if (days := insights.days) is None:
        return None
    earliest = (days.today - dt.timedelta(days=28 * (LONGEST - 1))).replace(day=1)
    started, completed = _since(earliest, days.started), _since(earliest, days.completed)
    recent = replace(insights, days=replace(days, started=started, completed=completed))
    every = _every(min([*started, *completed], default=days.today), days.today)
    every = Every.MONTH if insights.smallest else every
    buckets = recent.trend(every)
    return None if buckets is None else (every, buckets)


def _since(earliest: dt.date, by_day: ByDay) -> ByDay:
    return {day: number for day, number in by_day.items() if day >= earliest}


def _every(first: dt.date, today: dt.date) -> Every:
    if today - first < LONGEST_BY_DAY:
        return Every.DAY
    return Every.WEEK if today - first < LONGEST_BY_WEEK else Every.MONTH


def _told(every: Every, buckets: Sequence[Bucket]) -> list[str]:
    """What every bucket says; those in which nothing happened are not named."""
    first, last = _day(buckets[0].since), _day(buckets[-1].until - dt.timedelta(days=1))
    told = [f"By {every.lower()}, from {first} to {last}."]
    for each in buckets:
        if each.started != 0 or each.completed != 0:
            started, completed = _said(each.started), _said(each.completed)
            told.append(f"{_name(every, each.since)}: started {started}, completed {completed}.")
    if len(told) - 1 < len(buckets):
        told.append(f"Nothing happened in the {'others' if len(told) > 1 else 'time'}.")
    return told


def _said(number: int | None) -> str:
    return HIDDEN if number is None else count(number)


def _dates(every: Every, buckets: Sequence[Bucket]) -> list[tuple[float, str]]:
    """The first bucket, some between, and the last, at their middles."""
    wanted = min(len(buckets), 4)
    places = sorted({round(i * (len(buckets) - 1) / max(wanted - 1, 1)) for i in range(wanted)})
    return [
        ((place + 0.5) / len(buckets), _short_name(every, buckets[place].since)) for place in places
    ]


def _departments(insights: CourseInsights) -> Picture:
    sheet = Sheet(PictureKind.DEPARTMENTS, "Completed, by department", insights.title)
    if (parts := insights.by_department) is None:
        return _hidden(sheet)
    known, hidden = _apart(parts)
    known.sort(key=lambda each: (-each[1].assigned, each[0]))
    shown = [(name, each.completed, each.assigned) for name, each in known[:MOST_ROWS]]
    if rest := known[MOST_ROWS:]:
        sums = (sum(each.completed for _, each in rest), sum(each.assigned for _, each in rest))
        shown.append((f"{count(len(rest), 'more department')}", *sums))
    charts.rows(
        sheet,
        [
            Row(
                name,
                f"{count(part)} of {count(whole)} · {percent(part, whole)}",
                part / whole if whole else 0,
            )
            for name, part, whole in shown
        ],
        Scale(0, 1, MARGIN, RIGHT),
        framed=True,
    )
    _veiled(sheet, hidden)
    return sheet.finished(
        *(
            f"{name}: {count(part)} of {count(whole)} completed ({percent(part, whole)})."
            for name, part, whole in shown
        ),
        _too_few(hidden),
        "" if known or hidden else _nobody(sheet),
    )


def _overdue(insights: CourseInsights) -> Picture:
    sheet = Sheet(PictureKind.OVERDUE, "Overdue", insights.title)
    if (figures := insights.figures) is None:
        return _hidden(sheet)
    in_time = max(figures.assigned - figures.completed - figures.overdue, 0)
    shares = [
        Share("Overdue", figures.overdue, Fill.STRIPES),
        Share("Open, not overdue", in_time, Fill.HOLLOW),
        Share("Completed", figures.completed, Fill.DEEP),
    ]
    charts.stacked(sheet, shares)
    known, hidden = _apart(insights.by_department or ())
    late = sorted(
        ((name, each.overdue) for name, each in known if each.overdue),
        key=lambda each: (-each[1], each[0]),
    )
    shown, rest = late[:MOST_ROWS], late[MOST_ROWS:]
    if len(known) + len(hidden) > 1 and shown:
        sheet.y += 12
        charts.rows(
            sheet,
            [Row(name, count(number), number, Fill.STRIPES) for name, number in shown],
            Scale(0, shown[0][1], MARGIN, RIGHT),
            framed=False,
        )
    more = ""
    if rest:
        others = sum(number for _, number in rest)
        more = f"In {count(len(rest), 'more department')}: {count(others)}."
        sheet.paragraph(more)
    _veiled(sheet, hidden)
    by_department = joined([f"{name} {count(number)}" for name, number in shown])
    return sheet.finished(
        _of_all(figures, shares),
        f"Overdue by department: {by_department}." if shown else "",
        more,
        _too_few(hidden),
    )


def _apart(parts: Sequence[Part]) -> tuple[list[tuple[str, Figures]], list[str]]:
    """Those that may be shown, with their names, and the names of the others."""
    names = [named(each.department or "") or NO_DEPARTMENT for each in parts]
    known = [
        (name, each.figures)
        for name, each in zip(names, parts, strict=True)
        if each.figures is not None and each.figures.assigned
    ]
    hidden = [name for name, each in zip(names, parts, strict=True) if each.figures is None]
    return known, sorted(hidden)


def _veiled(sheet: Sheet, hidden: Sequence[str]) -> None:
    """One row for all that are hidden: how many they are together is not told either."""
    if hidden:
        names = hidden[0] if len(hidden) == 1 else count(len(hidden), "department")
        charts.rows(sheet, [Row(names, HIDDEN, None)], Scale(0, 1, MARGIN, RIGHT), framed=False)


def _too_few(hidden: Sequence[str]) -> str:
    shown = [*hidden[:MOST_ROWS]]
    if len(hidden) > MOST_ROWS:
        shown.append(f"{len(hidden) - MOST_ROWS} more")
    return f"{sentence(HIDDEN).rstrip('.')}: {joined(shown)}." if hidden else ""


def _nobody(sheet: Sheet) -> str:
    sheet.paragraph("Nobody learns here.")
    return "Nobody learns here."


def _hidden(sheet: Sheet) -> Picture:
    """What is shown instead of figures that are about too few."""
    sheet.box(MARGIN, sheet.y, RIGHT - MARGIN, charts.BAR, Fill.VEIL)
    sheet.y += charts.BAR + 4
    sheet.paragraph(ALL_HIDDEN)
    return sheet.finished(ALL_HIDDEN)


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _name(every: Every, since: dt.date) -> str:
    return f"{since:%B %Y}" if every is Every.MONTH else _day(since)


def _short_name(every: Every, since: dt.date) -> str:
    return f"{since:%b %Y}" if every is Every.MONTH else f"{since.day} {since:%b}"


DRAWN: Final[Mapping[PictureKind, Callable[[CourseInsights], Picture]]] = {
    PictureKind.STATES: _states,
    PictureKind.TREND: _trend,
    PictureKind.DEPARTMENTS: _departments,
    PictureKind.OVERDUE: _overdue,
}
