"""How courses are doing: figures people act on, exact as of one place in the journal."""

import datetime as dt

from access.permissions import Permission
from operations.insights import courses, trends
from resolvers.insights import asked, pictures
from resolvers.insights import courses as answers
from schema.group import LearnerGroup
from schema.picture import Picture
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import Cursor

VIEWS = Permission.VIEW_COURSE_INSIGHTS


@guarded_type(
    requires=SIGNED_IN,
    description="Certificates, by what has become of them.",
    rows=courses.CertificateFigures,
)
class CertificateFigures:
    valid: int
    expired: int
    revoked: int
    superseded: int


@guarded_type(
    requires=SIGNED_IN, description="Places at live sessions.", rows=courses.AttendanceFigures
)
class AttendanceFigures:
    registered: int = column(
        "registered",
        requires=INHERITED,
        description="All but those that wait for a seat and those that were cancelled.",
    )
    attended: int
    partly_attended: int
    absent: int
    rate: float | None = column(
        "rate",
        requires=INHERITED,
        description="The share of `attended` of those of which it is known how it came out.",
    )


@guarded_type(
    requires=SIGNED_IN, description="What a number of learners amounts to.", rows=courses.Figures
)
class CourseFigures:
    assigned: int = column("assigned", requires=INHERITED, description="How many learn.")
    not_started: int
    in_progress: int = column(
        "in_progress", requires=INHERITED, description="Those who wait to be graded among them."
    )
    completed: int
    failed: int
    overdue: int = column(
        "overdue",
        requires=INHERITED,
        description="How many have something left to do after the date that holds for them: their "
        "own, else the latest of their groups', else the course's.",
    )
    completion_rate: float | None = column(
        "completion_rate",
        requires=INHERITED,
        description="The share of `completed` of `assigned`; null: nobody learns.",
    )
    median_minutes_to_complete: float | None = column(
        "median_minutes_to_complete",
        requires=INHERITED,
        description="Whole minutes from the start to the end of the attempt that completed it: "
        "half of them took no longer. Null: nobody has, or too few to say.",
    )
    certificates: CertificateFigures = column(
        "certificates", requires=INHERITED, description="Their certificates."
    )
    attendance: AttendanceFigures = column(
        "attendance", requires=INHERITED, description="Their places at live sessions."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="The learners of one department, or of one group.",
    rows=courses.Part,
)
class PartInsights:
    department: str | None = column(
        "department",
        requires=INHERITED,
        description="What people say their department is; empty: nothing. Null: it is a group.",
    )
    group: LearnerGroup | None = resolved_by(
        answers.group, requires=SIGNED_IN, description="The group, if it is one."
    )
    is_suppressed: bool = column(
        "is_suppressed",
        requires=INHERITED,
        description="The figures are hidden: they, or what is left without them, are about too "
        "few people.",
    )
    figures: CourseFigures | None = column(
        "figures", requires=INHERITED, description="What they amount to."
    )


@guarded_type(requires=SIGNED_IN, description="Some days in a row.", rows=trends.Bucket)
class TrendBucket:
    since: dt.date = column("since", requires=INHERITED, description="The first day.")
    until: dt.date = column(
        "until", requires=INHERITED, description="The day after the last: the next one's first."
    )
    started: int | None = column(
        "started",
        requires=INHERITED,
        description="How many began in these days. Null: too few to say.",
    )
    completed: int | None = column(
        "completed",
        requires=INHERITED,
        description="How many completed in these days. Null: too few to say.",
    )
    completion_rate: float | None = column(
        "completion_rate",
        requires=INHERITED,
        description="The share of those who learn now that had completed when they were over.",
    )


@guarded_type(
    requires=VIEWS,
    description="How a course is doing: everything in it is of one moment, and of one place in "
    "the journal.",
    rows=courses.CourseInsights,
)
class CourseInsights:
    position: Cursor = resolved_by(
        asked.position,
        requires=SIGNED_IN,
        description="Everything up to here is in it, and nothing else. Subscribe "
        "`courseInsightsChanged(after:)` it, and nothing is missed.",
    )
    at: dt.datetime = column(
        "at", requires=INHERITED, description="The moment by which dates are over, or not."
    )
    is_suppressed: bool = column(
        "is_suppressed",
        requires=INHERITED,
        description="Figures are hidden: they are about too few people, or narrowed so that they "
        "could tell of one. It never is so for those who may list the learners.",
    )
    figures: CourseFigures | None = column(
        "figures", requires=INHERITED, description="What the learners amount to."
    )
    by_department: list[PartInsights] | None = column(
        "by_department",
        requires=INHERITED,
        description="The same for each department; everybody is in one. What is narrowed to a "
        "group is not divided.",
    )
    by_group: list[PartInsights] | None = column(
        "by_group",
        requires=INHERITED,
        description="The same for each group that has learners; some are in several, some in "
        "none. What is narrowed to a department is not divided.",
    )
    trend: list[TrendBucket] | None = resolved_by(
        answers.trend,
        requires=SIGNED_IN,
        description="How many began and how many completed, in the time zone of the workspace; "
        "at most 400 buckets, without gaps, up to today. Without `since`, from the first in which "
        "something happened. Who may not list the learners is told months.",
    )
    pictures: list[Picture] | None = resolved_by(
        pictures.of_course,
        requires=SIGNED_IN,
        description="The same as pictures: learners by state, what was started and completed over "
        "time, completed and overdue by department. Those of `kinds`, else all.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about how courses are doing.")
class InsightQuery:
    view_course_insights: CourseInsights | None = resolved_by(
        answers.view_course_insights,
        requires=any_of(VIEWS).by_operation(),
        description="How a course is doing. It can be narrowed to a group, to a department (empty: "
        "those who are in none) and to those enrolled from `since` on and before `until`. Staff "
        "who take the course count only when asked for.",
    )
