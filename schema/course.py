"""Courses, their staff, and the segments attached to them."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import catalog
from models import segments as stored
from models.catalog import CourseKind, CourseState, RetakePolicy, ScorePolicy
from models.segments import AttachmentMode
from resolvers import coordinators as staff
from resolvers import courses as course_answers
from resolvers import endings
from resolvers import modules as module_answers
from resolvers import team as team_answers
from resolvers.certificates import reading as certificate_answers
from resolvers.coordinators import SourceKind
from resolvers.learning import attempts as attempt_answers
from resolvers.learning import due_dates as due_date_answers
from resolvers.learning import figures
from resolvers.learning import gradebook as gradebook_answers
from resolvers.learning import groups as group_answers
from resolvers.learning import learners as learner_answers
from resolvers.learning import submissions as submission_answers
from resolvers.live_sessions import reading as live_session_answers
from schema.ability import Ability, allowed_actions
from schema.attempt import Attempt, OwnProgress
from schema.certificate import CertificateTemplate
from schema.department import Department
from schema.freshness import Freshness
from schema.live_session import LiveSession
from schema.member import Member
from schema.module import Module
from schema.node import Node
from schema.paging import Connection
from schema.requires import SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.team import CourseTeamMember

if TYPE_CHECKING:
    from schema.due_date import DueDateChange
    from schema.gradebook import GradebookRow
    from schema.group import LearnerGroup
    from schema.learner import LearnerConnection
    from schema.segment import Segment
    from schema.submission import Submission


NAMES = Permission.VIEW_COORDINATOR_NAMES
SOURCES = Permission.VIEW_COORDINATOR_SOURCES


@guarded_type(
    requires=SIGNED_IN,
    description="One reason someone is coordinator.",
    rows=staff.Source,
)
class CoordinatorSource:
    kind: SourceKind
    since: dt.datetime
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        staff.source_segment,
        requires=SIGNED_IN,
        description="The segment, where it is one.",
    )


@guarded_type(
    requires=NAMES,
    description="An effective coordinator of a course.",
    rows=staff.Coordinator,
)
class Coordinator:
    member: Member
    is_direct: bool
    since: dt.datetime
    ends_at: dt.datetime | None = resolved_by(
        endings.of_coordinator,
        requires=NAMES,
        description="When the role ends, where nothing gives it any more; null: it goes on.",
    )
    sources: list[CoordinatorSource] | None = resolved_by(
        staff.sources,
        requires=SOURCES,
        description="Every reason, for managers, instructors, and the person.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="An instructor who would be coordinator, were they not instructor.",
    rows=staff.Suppressed,
)
class SuppressedCoordinator:
    member: Member
    sources: list[CoordinatorSource]


@guarded_type(
    requires=SIGNED_IN,
    description="A segment on one of the numbered places of a course.",
    rows=stored.CourseSegment,
)
class CourseSegment:
    place: int
    attached_at: dt.datetime
    mode: AttachmentMode
    mode_since: dt.datetime
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        course_answers.attached_segment, requires=SIGNED_IN, description="The segment."
    )
    attached_by: Member | None = resolved_by(
        course_answers.attached_by, requires=SIGNED_IN, description="Who attached it."
    )


@guarded_type(requires=Permission.VIEW_COURSE_INFO, description="A course.", rows=catalog.Course)
class Course(Node):
    title: str
    description: str
    kind: CourseKind
    state: CourseState
    created_at: dt.datetime
    retake_policy: RetakePolicy
    retake_limit: int | None = column(
        "retake_limit",
        requires=Permission.VIEW_COURSE_INFO,
        description="How many further attempts LIMITED allows.",
    )
    score_policy: ScorePolicy
    due_at: dt.datetime | None = column(
        "due_at",
        requires=Permission.VIEW_COURSE_INFO,
        description="For whoever has no date of their own, or of a group.",
    )
    allows_self_enrolment: bool
    attendance_completes: bool
    certifies_completion: bool
    certificate_days: int | None = column(
        "certificate_days",
        requires=Permission.VIEW_COURSE_INFO,
        description="How long a certificate is valid; null: for good.",
    )
    department: Department | None = resolved_by(
        course_answers.department, requires=Permission.VIEW_COURSE_INFO, description="Its owner."
    )
    instructors: list[Member] | None = resolved_by(
        course_answers.instructors,
        requires=Permission.VIEW_COURSE_INFO,
        description="Those responsible for content and people, by name.",
    )
    coordinators: Connection[Coordinator] | None = resolved_by(
        staff.coordinators,
        requires=NAMES,
        description="Those who look after its people: by hand, through segments, or kept; and those"
        " whose role is ending.",
    )
    my_role_ends_at: dt.datetime | None = resolved_by(
        endings.of_caller,
        requires=Permission.VIEW_COURSE_INFO,
        description="When one’s own coordinator role ends, where nothing gives it any more; null:"
        " it goes on, or one has none.",
    )
    team: Connection[CourseTeamMember] | None = resolved_by(
        team_answers.course_team,
        requires=Permission.GRANT_COURSE_PERMISSION,
        description="Those who were given rights on this course alone, by name.",
    )
    modules: Connection[Module] | None = resolved_by(
        module_answers.of_course,
        requires=Permission.VIEW_COURSE_INFO,
        description="What it consists of, in order.",
    )
    addable_modules: Connection[Module] | None = resolved_by(
        module_answers.addable,
        requires=Permission.ADD_REMOVE_MODULES,
        description="The modules of its department that it does not hold, by title.",
    )
    live_sessions: Connection[LiveSession] | None = resolved_by(
        live_session_answers.of_course,
        requires=Permission.VIEW_COURSE_INFO,
        description="Its live sessions, soonest first; of those that are over, latest first.",
    )
    groups: Connection[Annotated["LearnerGroup", strawberry.lazy("schema.group")]] | None = (
        resolved_by(
            group_answers.of_course,
            requires=Permission.VIEW_COURSE_INFO,
            description="Its learner groups, by name; who is in them is for those who may know.",
        )
    )
    due_date_changes: (
        Connection[Annotated["DueDateChange", strawberry.lazy("schema.due_date")]] | None
    ) = resolved_by(
        due_date_answers.of_course,
        requires=Permission.UPDATE_DUE_DATE,
        description="How the due date of the course itself was changed, newest first.",
    )
    role_conflicts: list[SuppressedCoordinator] | None = resolved_by(
        staff.role_conflicts,
        requires=Permission.ASSIGN_INSTRUCTOR,
        description="Derived coordinators suppressed by their instructor role.",
    )
    segments: list[CourseSegment] | None = resolved_by(
        course_answers.segments,
        requires=Permission.ASSIGN_DIRECT_COORDINATOR,
        description="The segments whose people coordinate it, by place.",
    )
    segment_limit: int | None = resolved_by(
        course_answers.effective_limit,
        requires=Permission.ASSIGN_DIRECT_COORDINATOR,
        description="How many segments it may carry.",
    )
    freshness: Freshness | None = resolved_by(
        course_answers.course_freshness,
        requires=NAMES,
        description="How current its derived coordinators are.",
    )
    learners: Annotated["LearnerConnection", strawberry.lazy("schema.learner")] | None = (
        resolved_by(
            learner_answers.of_course,
            requires=any_of(Permission.LIST_LEARNERS).by_rows(),
            description="The people on it, as far as one may list them.",
        )
    )
    certificate_template: CertificateTemplate | None = resolved_by(
        certificate_answers.template_of_course,
        requires=Permission.EDIT_COURSE_INFO,
        description="What its certificates say, in the newest version.",
    )
    my_progress: OwnProgress | None = resolved_by(
        attempt_answers.own_progress,
        requires=Permission.VIEW_COURSE_INFO,
        description="How one stands oneself.",
    )
    my_attempts: Connection[Attempt] | None = resolved_by(
        attempt_answers.mine,
        requires=Permission.VIEW_COURSE_INFO,
        description="Every attempt of one's own there ever was, by number.",
    )
    submissions: (
        Connection[Annotated["Submission", strawberry.lazy("schema.submission")]] | None
    ) = resolved_by(
        submission_answers.of_course,
        requires=any_of(Permission.VIEW_ANSWERS).or_self().by_rows(),
        description="What was handed in, by module and person; of oneself, what was begun too.",
    )
    submissions_to_grade: (
        Connection[Annotated["Submission", strawberry.lazy("schema.submission")]] | None
    ) = resolved_by(
        submission_answers.to_grade_of_course,
        requires=Permission.GRADE_ANSWERS,
        description="What waits to be graded, oldest first.",
    )
    gradebook: Connection[Annotated["GradebookRow", strawberry.lazy("schema.gradebook")]] | None = (
        resolved_by(
            gradebook_answers.of_course,
            requires=Permission.VIEW_ANSWERS,
            description="Its learners, by name, at each of its quizzes and assignments.",
        )
    )
    learner_count: int | None = resolved_by(
        figures.learner_count,
        requires=Permission.LIST_LEARNERS,
        description="How many people learn in it now.",
    )
    overdue_count: int | None = resolved_by(
        figures.overdue_count,
        requires=Permission.LIST_LEARNERS,
        description="How many of them are overdue.",
    )
    to_grade_count: int | None = resolved_by(
        figures.to_grade_count,
        requires=Permission.LIST_LEARNERS,
        description="How many submissions wait for somebody to grade them.",
    )
    next_live_session: LiveSession | None = resolved_by(
        figures.next_live_session,
        requires=Permission.VIEW_COURSE_INFO,
        description="The next live session that has not begun.",
    )
    allowed_actions: list[Ability] | None = allowed_actions()
