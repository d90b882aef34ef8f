"""Everything that can be followed."""

import strawberry

from access.permissions import Permission
from resolvers import announcements, done
from schema.course import Coordinator, Course
from schema.course_updates import CourseUpdatesSubscription
from schema.hold_updates import HoldSubscription
from schema.insight_updates import InsightSubscription
from schema.member import Member
from schema.message import Message
from schema.requires import (
    SIGNED_IN,
    any_of,
    column,
    guarded_type,
    resolved_by,
    streamed_by,
)
from schema.segment import Segment

WHY = any_of(Permission.VIEW_COORDINATOR_SOURCES).or_self()


@guarded_type(
    requires=SIGNED_IN,
    description="One message of a stream. What it shows is read when it is sent.",
    rows=announcements.Event,
)
class Event(Message):
    verb: str | None = column(
        "verb", requires=WHY, description="What happened, in the words of the journal."
    )
    course_id: strawberry.ID | None = resolved_by(
        announcements.event_course_id,
        requires=SIGNED_IN,
        description="The course it is about, also when one does not see it any more.",
    )
    member_id: strawberry.ID | None = resolved_by(
        announcements.event_member_id,
        requires=SIGNED_IN,
        description="The person it is about.",
    )
    is_coordinator: bool | None = resolved_by(
        announcements.is_coordinator,
        requires=SIGNED_IN,
        description="Whether `member` coordinates `course` now.",
    )
    coordinator: Coordinator | None = resolved_by(
        announcements.event_coordinator,
        requires=any_of(Permission.VIEW_COORDINATOR_NAMES).or_self(),
        description="The coordinator, if the person is one now.",
    )
    member: Member | None = resolved_by(
        done.member,
        requires=SIGNED_IN,
        description="The person it is about.",
    )
    course: Course | None = resolved_by(
        announcements.event_course,
        requires=SIGNED_IN,
        description="The course it is about, as far as one may still see it.",
    )
    segment: Segment | None = resolved_by(
        announcements.event_segment,
        requires=WHY,
        description="The segment it is about.",
    )


@guarded_type(requires=SIGNED_IN, description="Everything that can be followed.")
class Subscription(CourseUpdatesSubscription, InsightSubscription, HoldSubscription):
    coordinators_changed: Event | None = streamed_by(
        announcements.coordinators_changed,
        requires=any_of(Permission.SUBSCRIBE_COURSE_UPDATES).by_operation(),
        description="Who coordinates a course, as it changes; without gaps `after:` a cursor.",
    )
    courses_i_manage_changed: Event | None = streamed_by(
        announcements.courses_i_manage_changed,
        requires=any_of(Permission.LIST_COURSES_I_MANAGE).by_operation(),
        description="Which courses one coordinates, as it changes; without gaps `after:` a cursor.",
    )
