"""Who learns in a course and why; who could; and what one may join by oneself."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import enrolments as stored
from models.catalog import CourseKind
from models.enrolments import EnrolmentSource
from operations.learning import enrolment_rows
from operations.learning import enrolments as operation
from operations.learning.enrolments import AssignmentOutcome, UnassignmentOutcome
from resolvers import done
from resolvers.answers import Answer
from resolvers.learning import enrolment_changes
from resolvers.learning import enrolments as answered
from schema.group import LearnerGroup
from schema.member import Member
from schema.paging import Connection
from schema.payloads import Payload
from schema.requires import SIGNED_IN, any_of, column, done_by, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course


@guarded_type(
    requires=SIGNED_IN, description="Why somebody learns in a course.", rows=stored.Enrolment
)
class Enrolment:
    source: EnrolmentSource
    since: dt.datetime
    group: LearnerGroup | None = resolved_by(
        answered.reason_group, requires=SIGNED_IN, description="The group, where it is one."
    )
    enrolled_by: Member | None = resolved_by(
        answered.enrolled_by, requires=SIGNED_IN, description="Who assigned them."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="One reason to learn in a course, among those that ended or remain.",
    rows=enrolment_rows.Reason,
)
class EnrolmentReason:
    source: EnrolmentSource
    group: LearnerGroup | None = resolved_by(
        answered.reason_group, requires=SIGNED_IN, description="The group, where it is one."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What became, or by a dry run would become, of one id.",
    rows=operation.Assignment,
)
class AssignedLearner:
    outcome: AssignmentOutcome
    member_id: strawberry.ID = resolved_by(
        answered.member_id, requires=SIGNED_IN, description="The id that was named."
    )
    member: Member | None = resolved_by(
        answered.member, requires=SIGNED_IN, description="The person."
    )


@guarded_type(requires=SIGNED_IN, description="What became of one id.", rows=operation.Unassignment)
class UnassignedLearner:
    outcome: UnassignmentOutcome
    ended: list[EnrolmentReason] = column(
        "ended", requires=SIGNED_IN, description="Why they learned there, and do no longer."
    )
    remaining: list[EnrolmentReason] = column(
        "remaining", requires=SIGNED_IN, description="Why they learn there still."
    )
    member_id: strawberry.ID = resolved_by(
        answered.member_id, requires=SIGNED_IN, description="The id that was named."
    )
    member: Member | None = resolved_by(
        answered.member, requires=SIGNED_IN, description="The person."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="Somebody who could be assigned, and what `assignLearner` would answer now.",
    rows=answered.Candidate,
)
class Candidate:
    member: Member
    outcome: AssignmentOutcome


@guarded_type(
    requires=SIGNED_IN,
    description="A group people may join by themselves.",
    rows=answered.OpenGroup,
)
class OpenGroup:
    group_id: strawberry.ID
    name: str
    due_at: dt.datetime | None


@guarded_type(
    requires=SIGNED_IN,
    description="A course people may join by themselves, as everybody in the workspace sees it.",
    rows=answered.OpenCourse,
)
class OpenCourse:
    course_id: strawberry.ID
    title: str
    description: str
    kind: CourseKind
    due_at: dt.datetime | None
    allows_self_enrolment: bool = column(
        "allows_self_enrolment",
        requires=SIGNED_IN,
        description="Whether one may join it without a group.",
    )
    groups: list[OpenGroup] = resolved_by(
        answered.open_groups, requires=SIGNED_IN, description="The groups one may join, by name."
    )
    is_learner: bool = resolved_by(
        answered.is_learner, requires=SIGNED_IN, description="Whether one learns in it already."
    )


@guarded_type(requires=SIGNED_IN, description="People were assigned to a course.", rows=Answer)
class AssignLearnerPayload(Payload):
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course."
    )
    results: list[AssignedLearner] = resolved_by(
        answered.assignments, requires=SIGNED_IN, description="One for each id, in their order."
    )


@guarded_type(requires=SIGNED_IN, description="People were unassigned from a course.", rows=Answer)
class UnassignLearnerPayload(Payload):
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course."
    )
    results: list[UnassignedLearner] = resolved_by(
        answered.unassignments, requires=SIGNED_IN, description="One for each id, in their order."
    )


@guarded_type(requires=SIGNED_IN, description="One joined or left a course oneself.", rows=Answer)
class SelfEnrolmentPayload(Payload):
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, as long as one sees it."
    )
    result: UnassignedLearner | None = resolved_by(
        answered.unassignment, requires=SIGNED_IN, description="What became of it, on leaving."
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked before people are enrolled.")
class EnrolmentQuery:
    candidates: Connection[Candidate] | None = resolved_by(
        answered.candidates,
        requires=any_of(Permission.ASSIGN_LEARNER).by_operation(),
        description="Those who could be assigned to a course, or in it to a group, by name.",
    )
    open_courses: Connection[OpenCourse] | None = resolved_by(
        answered.open_courses,
        requires=SIGNED_IN,
        description="The active courses every member of the workspace may join, by title.",
    )


@guarded_type(requires=SIGNED_IN, description="Making people learners, and none.")
class EnrolmentMutation:
    assign_learner: AssignLearnerPayload | None = done_by(
        enrolment_changes.assign_learner,
        requires=Permission.ASSIGN_LEARNER,
        description="Make up to 500 people learners, by hand or through a group, with an answer for"
        " each. `dryRun` gives the same answer and writes nothing.",
    )
    unassign_learner: UnassignLearnerPayload | None = done_by(
        enrolment_changes.unassign_learner,
        requires=Permission.UNASSIGN_LEARNER,
        description="End what makes up to 500 people learners: by hand and by themselves, or with a"
        " group, through it. Attempts, scores and certificates stay.",
    )
    enrol_myself: SelfEnrolmentPayload | None = done_by(
        enrolment_changes.enrol_myself,
        requires=SIGNED_IN,
        description="Join an active course, or a group of it, that is open to everybody.",
    )
    leave_course: SelfEnrolmentPayload | None = done_by(
        enrolment_changes.leave_course,
        requires=SIGNED_IN,
        description="Leave what one joined oneself; what others have given stays.",
    )
