"""How a course is doing, followed."""

from access.permissions import Permission
from resolvers.insights import following
from schema.course_updates import CourseMessage
from schema.insights import CourseInsights
from schema.requires import SIGNED_IN, any_of, guarded_type, resolved_by, streamed_by

VIEWS = Permission.VIEW_COURSE_INSIGHTS


@guarded_type(
    requires=SIGNED_IN,
    description="One message about how a course is doing: after COUNTS_CHANGED it may be "
    "otherwise. What it shows is read when it is sent.",
    rows=following.InsightEvent,
)
class InsightEvent(CourseMessage):
    insights: CourseInsights | None = resolved_by(
        following.event_insights,
        requires=any_of(VIEWS).by_operation(),
        description="How the course is doing now, of all learners. Null in messages that say "
        "nothing of it.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be followed of how courses are doing.")
class InsightSubscription:
    course_insights_changed: InsightEvent | None = streamed_by(
        following.course_insights_changed,
        requires=any_of((VIEWS, Permission.SUBSCRIBE_COURSE_UPDATES)).by_operation(),
        description="How a course is doing, as it changes; much at once is one message, at most "
        "one a second. What time alone changes (something is overdue, a certificate expires) is "
        "not told. Without gaps `after:` a cursor.",
    )
