"""The figures of a course, counted again: every row is read, and counted by hand, in Python."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text

from operations.insights.cells import Narrow
from operations.insights.courses import Figures
from operations.insights.trends import Every
from tests.world import World

TABLES: Final = {
    "people": "SELECT * FROM progress p WHERE course_id = :course",
    "members": "SELECT id, attributes ->> 'department' AS department, deleted_at FROM member"
    " WHERE workspace_id = :workspace",
    "attempts": "SELECT * FROM attempt WHERE course_id = :course ORDER BY number",
    "certificates": "SELECT * FROM certificate WHERE course_id = :course",
    "enrolments": "SELECT * FROM enrolment WHERE course_id = :course AND ended_at IS NULL",
    "places": "SELECT r.* FROM live_registration r JOIN live_session s"
    " ON s.id = r.live_session_id WHERE s.course_id = :course",
    "due": "SELECT due_at FROM course WHERE id = :course",
    "zone": "SELECT time_zone FROM workspace WHERE id = :workspace",
}
GONE: Final = ("RESET", "ABANDONED")

Row = Any
ByDay = Mapping[dt.date, int]


@dataclass(frozen=True)
class Person:
    """One person on the course, with everything that counts of them."""

    progress: Row
    department: str
    groups: frozenset[int]
    attempts: Sequence[Row]
    certificates: Sequence[Row]
    places: Sequence[Row]

    @property
    def is_staff(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].role != "LEARNER"

    @property
    def started_at(self) -> dt.datetime | None:
        times = [each.started_at for each in self.attempts if each.started_at is not None]
        return min(times, default=None)

    @property
    def minutes(self) -> int | None:
        """Of the attempt that completed it first."""
        done = [each for each in self.attempts if each.state == "COMPLETED"]
        if not done or self.progress.completed_at is None:
            return None
        first = min(done, key=lambda each: (each.ended_at, each.number))
        if first.started_at is None:
            return None
        return int((first.ended_at - first.started_at).total_seconds() // 60)


@dataclass(frozen=True)
class Counted:
    """Everybody there, and what is needed to count them."""

    people: Sequence[Person]
    due_at: dt.datetime | None
    zone: ZoneInfo

    @classmethod
    async def of(cls, world: World, course: str = "Safety") -> "Counted":
        told = {"course": world.courses[course], "workspace": world.workspace_id}
        async with world.edge.read() as db:
            rows = {
                name: (await db.execute(text(query), told)).all() for name, query in TABLES.items()
            }
        members = {each.id: each for each in rows["members"]}
        grouped: dict[str, defaultdict[int, list[Row]]] = {}
        for name in ("attempts", "certificates", "enrolments", "places"):
            grouped[name] = defaultdict(list)
            for row in rows[name]:
                grouped[name][row.member_id].append(row)
        people = [
            Person(
                row,
                members[row.member_id].department or "",
                frozenset(
                    each.group_id for each in grouped["enrolments"][row.member_id] if each.group_id
                ),
                [
                    each
                    for each in grouped["attempts"][row.member_id]
                    if each.number > row.attempts_before and each.state not in GONE
                ],
                grouped["certificates"][row.member_id],
                grouped["places"][row.member_id],
            )
            for row in rows["people"]
            if members[row.member_id].deleted_at is None
        ]
        return cls(people, rows["due"][0].due_at, ZoneInfo(rows["zone"][0].time_zone))

    def among(self, to: Narrow) -> "Counted":
        """Those that are left."""
        asked: list[Callable[[Person], bool]] = [
            lambda each: each.progress.is_learner or each.is_staff,
            lambda each: to.includes_staff or not each.is_staff,
            lambda each: to.group_id is None or to.group_id in each.groups,
            lambda each: to.department is None or to.department == each.department,
            lambda each: to.since is None or each.progress.since >= to.since,
            lambda each: to.until is None or each.progress.since < to.until,
        ]
        left = [each for each in self.people if all(question(each) for question in asked)]
        return Counted(left, self.due_at, self.zone)

    @property
    def departments(self) -> list[str]:
        return sorted({each.department for each in self.people})

    @property
    def groups(self) -> list[int]:
        return sorted({group for each in self.people for group in each.groups})

    def figures(self, at: dt.datetime) -> dict[str, Any]:
        states = Counter(each.progress.state for each in self.people)
        certificates = Counter(
            "EXPIRED" if each.state == "ISSUED" and each.expires_at and each.expires_at <= at
            else each.state
            for person in self.people
            for each in person.certificates
        )  # fmt: skip
        places = Counter(each.state for person in self.people for each in person.places)
        minutes = [each.minutes for each in self.people if each.minutes is not None]
        known = places["ATTENDED"] + places["PARTIAL"] + places["NO_SHOW"]
        return {
            "assigned": len(self.people),
            "not_started": states["NOT_STARTED"],
            "in_progress": states["IN_PROGRESS"] + states["SUBMITTED"],
            "completed": states["COMPLETED"],
            "failed": states["FAILED"],
            "overdue": sum(self._is_overdue(each.progress, at) for each in self.people),
            "rate": states["COMPLETED"] / len(self.people) if self.people else None,
            "minutes": median(minutes) if minutes else None,
            "certificates": [
                certificates[each] for each in ("ISSUED", "EXPIRED", "REVOKED", "SUPERSEDED")
            ],
            "attendance": [
                known + places["BOOKED"],
                *(places[each] for each in ("ATTENDED", "PARTIAL", "NO_SHOW")),
            ],
            "attendance rate": places["ATTENDED"] / known if known else None,
        }

    def _is_overdue(self, progress: Row, at: dt.datetime) -> bool:
        due_at = progress.own_due_at or self.due_at
        is_done = progress.state in {"SUBMITTED", "COMPLETED"}
        return due_at is not None and due_at < at and not is_done

    def trend(self, every: Every) -> dict[dt.date, list[int]]:
        """Of each bucket in which something happened: how many began and how many completed."""
        found: defaultdict[dt.date, list[int]] = defaultdict(lambda: [0, 0])
        for person in self.people:
            for place, moment in enumerate((person.started_at, person.progress.completed_at)):
                if moment is not None:
                    found[self._bucket(moment, every)][place] += 1
        return dict(found)

    def _bucket(self, moment: dt.datetime, every: Every) -> dt.date:
        day = moment.astimezone(self.zone).date()
        match every:
            case Every.DAY:
                return day
            case Every.WEEK:
                year, week, _ = day.isocalendar()
                return dt.date.fromisocalendar(year, week, 1)
            case Every.MONTH:
                return dt.date(day.year, day.month, 1)


def said(figures: Figures | None) -> dict[str, Any]:
    """The product's answer, in the same form."""
    assert figures is not None
    certificates, attendance = figures.certificates, figures.attendance
    return {
        "assigned": figures.assigned,
        "not_started": figures.not_started,
        "in_progress": figures.in_progress,
        "completed": figures.completed,
        "failed": figures.failed,
        "overdue": figures.overdue,
        "rate": figures.completion_rate,
        "minutes": figures.median_minutes_to_complete,
        "certificates": [
            certificates.valid,
            certificates.expired,
            certificates.revoked,
            certificates.superseded,
        ],
        "attendance": [
            attendance.registered,
            attendance.attended,
            attendance.partly_attended,
            attendance.absent,
        ],
        "attendance rate": attendance.rate,
    }
