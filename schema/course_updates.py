"""What can be followed of one course: its learners and its live sessions."""

import strawberry

from access.permissions import Permission
from resolvers import announcements, course_announcements, done
from schema.learner import Learner
from schema.live_session import LiveSession
from schema.member import Member
from schema.message import Message
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    guarded_type,
    resolved_by,
    streamed_by,
)

HEARS = any_of(Permission.SUBSCRIBE_COURSE_UPDATES)


@guarded_type(requires=SIGNED_IN, description="What every message about a course says.")
class CourseMessage(Message):
    verb: str | None = column(
        "verb",
        requires=INHERITED,
        description="What happened, in the words of the journal; of many, the last.",
    )
    course_id: strawberry.ID | None = resolved_by(
        announcements.event_course_id, requires=SIGNED_IN, description="The course it is about."
    )
    member_id: strawberry.ID | None = resolved_by(
        announcements.event_member_id,
        requires=SIGNED_IN,
        description="The person it is about; null: more than one, or everybody.",
    )
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="The person it is about."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One message about the learners of a course. What it shows is read when it is "
    "sent.",
    rows=course_announcements.LearnerEvent,
)
class LearnerEvent(CourseMessage):
    learner: Learner | None = resolved_by(
        course_announcements.event_learner,
        requires=any_of(Permission.LIST_LEARNERS).or_self().by_rows(),
        description="The person on the course now, whether learning there or no longer.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One message about the live sessions of a course, or who comes to them. What it "
    "shows is read when it is sent.",
    rows=course_announcements.LiveSessionEvent,
)
class LiveSessionEvent(CourseMessage):
    live_session_id: strawberry.ID | None = resolved_by(
        course_announcements.event_live_session_id,
        requires=SIGNED_IN,
        description="The live session it is about.",
    )
    live_session: LiveSession | None = resolved_by(
        course_announcements.event_live_session,
        requires=SIGNED_IN,
        description="The live session it is about, as far as one may see it.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be followed of a course.")
class CourseUpdatesSubscription:
    learners_changed: LearnerEvent | None = streamed_by(
        course_announcements.learners_changed,
        requires=HEARS.by_operation(),
        description="Who learns in a course, how far, until when; a learner hears of themself. "
        "Without gaps `after:` a cursor.",
    )
    live_sessions_changed: LiveSessionEvent | None = streamed_by(
        course_announcements.live_sessions_changed,
        requires=HEARS.by_operation(),
        description="The live sessions of a course and who comes; of others a learner hears "
        "nothing. Without gaps `after:` a cursor.",
    )
