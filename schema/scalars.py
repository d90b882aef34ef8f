"""Scalars and enums of the schema, each with what it means."""

from collections.abc import Mapping

import strawberry
from strawberry.scalars import JSON as JSON  # noqa: PLC0414 - the schema's one name for it
from strawberry.types.scalar import ScalarDefinition

from access.caller import Origin
from models.catalog import CourseKind, CourseState, ModuleKind, RetakePolicy, ScorePolicy
from models.certificates import CertificateState
from models.coordinators import CourseRoleKind, OverrideKind
from models.enrolments import EnrolmentSource
from models.grading import SubmissionState
from models.holds import HoldState, PinOrigin
from models.identity import ConnectionKind, DeliveryStatus, TokenKind
from models.jobs import FileFormat, ImportOutcome, JobKind, JobState
from models.live_sessions import LiveSessionState, RegistrationState
from models.mail import MailKind, MailState
from models.people import MemberState
from models.progress import (
    AttemptOrigin,
    AttemptState,
    DueDateOf,
    ModuleState,
    ProgressState,
    RoleAtStart,
)
from models.segments import AttachmentMode, SegmentKind, SegmentState, VersionOrigin
from operations.certificates.templates import Orientation
from operations.content.problems import ProblemKind
from operations.content.questions import KeyShown, QuestionKind
from operations.coordinators import Held, OnConflict
from operations.explain import Standing, Turn
from operations.explain_permission import Obstacle
from operations.health import EngineLane
from operations.holders import How
from operations.insights.cells import Policy
from operations.insights.pictures.drawing import PictureKind
from operations.insights.statistics import Undefined
from operations.insights.trends import Every
from operations.learning.completing import Completion
from operations.learning.due_dates import DueDateOutcome
from operations.learning.enrolments import AssignmentOutcome, UnassignmentOutcome
from operations.learning.listing_actions import ActionObstacle
from operations.learning.listing_narrowing import CertificateStanding, LearnerKind
from operations.learning.listing_orders import LearnerOrder
from operations.learning.resetting import Reset
from operations.linting import SegmentLintKind
from operations.live_sessions.attendance import Attendance
from operations.live_sessions.roster import RosterOutcome
from operations.newcomers import Outcome
from operations.preview.change import SegmentChangeKind
from operations.refusals import Code
from operations.segment_files.planning import Action
from operations.team import CoursePermission, DepartmentPermission
from operations.undo import Contradiction
from resolvers.concerned import EventKind
from resolvers.coordinators import SourceKind
from resolvers.live_sessions.reading import LiveSessionTime
from resolvers.member_search import InvitationState, MemberOrder, PartInCourse
from resolvers.seal import Cursor as Cursor  # noqa: PLC0414 - the schema's name for it
from sync_engine.rules import AttributeType, DifferenceKind, Owner, Part

FOLLOWING = (
    "SYNC: whoever is in the segment. ADD_ONLY: whoever was when the mode began, or ever since."
    " REMOVE_ONLY: whoever was then and never left. FROZEN: whoever was then."
)

ENUMS = (
    (Origin, "Origin", "Through which door a change came."),
    (CourseKind, "CourseKind", "How a course is taught."),
    (CourseState, "CourseState", "Where a course is in its life."),
    (ModuleKind, "ModuleKind", "What a piece of content is."),
    (DepartmentPermission, "DepartmentPermission", "What can be given on a department."),
    (CoursePermission, "CoursePermission", "What can be given on one course."),
    (QuestionKind, "QuestionKind", "How a question is answered."),
    (KeyShown, "KeyShown", "When takers see the right answers of what they handed in."),
    (ProblemKind, "ContentProblemKind", "What is wrong with a place of content."),
    (EnrolmentSource, "EnrolmentSource", "By hand, through a learner group, or by oneself."),
    (AssignmentOutcome, "AssignmentOutcome", "CONFLICT: instructs the course."),
    (UnassignmentOutcome, "UnassignmentOutcome", "STILL_ENROLLED: there are other reasons."),
    (DueDateOf, "DueDateOf", "Whose due date it is."),
    (ProgressState, "ProgressState", "COMPLETED as soon as one attempt that counts is."),
    (LearnerKind, "LearnerKind", "STAFF took it as instructor or coordinator; FORMER: neither."),
    (LearnerOrder, "LearnerOrder", "PROGRESS: the score. Who has no due date comes after all."),
    (CertificateStanding, "CertificateStanding", "What became of the newest certificate."),
    (ActionObstacle, "ActionObstacle", "Why something cannot be done about somebody now."),
    (DueDateOutcome, "DueDateOutcome", "What became of a due date that was to be changed."),
    (CourseRoleKind, "CourseRole", "The two exclusive staff roles of one course."),
    (OverrideKind, "OverrideKind", "What is said beside the rules about one person."),
    (Policy, "AttemptPolicy", "Which submissions of a person at a quiz count."),
    (Undefined, "UndefinedBecause", "Why a figure has no value."),
    (PictureKind, "PictureKind", "What is shown: the first four of a course, others of a quiz."),
    (Every, "Every", "How long each part of a trend is; weeks begin on Monday."),
    (ConnectionKind, "ConnectionKind", "Through which door a provider speaks."),
    (DeliveryStatus, "DeliveryStatus", "What became of a delivery."),
    (CertificateState, "CertificateState", "Only an ISSUED certificate is valid."),
    (Orientation, "CertificateOrientation", "How the page is held."),
    (EngineLane, "EngineLane", "INTERACTIVE goes first. REPORTS: who is above whom."),
    (HoldState, "HoldState", "OPEN → DECIDED or RELEASED."),
    (MailKind, "MailKind", "What a mail is about."),
    (MailState, "MailState", "QUEUED: on its way. FAILED: given up, or there was nobody."),
    (TokenKind, "TokenKind", "PAT: a person's. SERVICE: a program's. SCIM: a connection's."),
    (MemberState, "MemberState", "PENDING: added, no account yet."),
    (SegmentKind, "SegmentKind", "STATIC names people, RULE follows attributes."),
    (SegmentState, "SegmentState", "Only ACTIVE ones are evaluated; others keep what they gave."),
    (AttachmentMode, "AttachmentMode", FOLLOWING),
    (Held, "HeldCourseRole", "A role someone holds on a course already."),
    (OnConflict, "OnConflict", "What to do with people who hold the other role."),
    (SourceKind, "CoordinatorSourceKind", "By hand, through a segment, kept in, or ending."),
    (Turn, "CoordinatorTurn", "What became of the coordinator role."),
    (Standing, "CoordinatorStanding", "How a person stands to the coordinator role of a course."),
    (How, "RoleOrigin", "By what a role is held. EVERYBODY: every active member holds it."),
    (Obstacle, "PermissionObstacle", "Why a role does not give a permission."),
    (EventKind, "EventKind", "What an event of a subscription says."),
    (AttributeType, "AttributeType", "STRING compares folded, IDENTIFIER and REFERENCE exactly."),
    (Owner, "AttributeOwner", "Who writes an attribute."),
    (PartInCourse, "PartInCourse", "What somebody is on a course now."),
    (InvitationState, "InvitationState", "EXPIRED: the last link is too old."),
    (MemberOrder, "MemberOrder", "Who never signed in is last of LATEST, first of EARLIEST."),
    (Outcome, "AddedOutcome", "What became of a person who was to be added."),
    (LiveSessionState, "LiveSessionState", "That it is over follows from its times."),
    (LiveSessionTime, "LiveSessionTime", "UPCOMING: not over, soonest first. PAST: latest first."),
    (RegistrationState, "RegistrationState", "The last three say how it came out."),
    (Attendance, "Attendance", "Whether somebody was there."),
    (RosterOutcome, "RosterOutcome", "What became of one person who was to be placed or marked."),
    (AttemptState, "AttemptState", "The first three are open, the others ends."),
    (AttemptOrigin, "AttemptOrigin", "MANUAL: somebody completed the course for the person."),
    (RoleAtStart, "RoleAtStart", "As what somebody began an attempt."),
    (SubmissionState, "SubmissionState", "SUBMITTED waits for a person; GRADED has all points."),
    (ModuleState, "ModuleState", "How far an attempt is with a module; SUBMITTED is to be graded."),
    (RetakePolicy, "RetakePolicy", "How often learners begin again; LIMITED has a number."),
    (ScorePolicy, "ScorePolicy", "Which finished attempt a person's score is of."),
    (Completion, "CompletionOutcome", "What became of a person who was to be completed."),
    (Reset, "ResetOutcome", "What became of a person whose progress was to be reset."),
    (JobKind, "JobKind", "What long work makes, or reads."),
    (JobState, "JobState", "CHECKED: an import was tried. EXPIRED: the file is gone."),
    (ImportOutcome, "ImportOutcome", "What becomes of a row of a file that is brought."),
    (FileFormat, "FileFormat", "A workbook for Excel, or text separated by commas."),
    (VersionOrigin, "SegmentVersionOrigin", "What made a version of a rule."),
    (SegmentLintKind, "SegmentLintKind", "UNKNOWN_VALUE, NO_VALUES: now, of nobody."),
    (Action, "SegmentFileAction", "What one step of applying a file does."),
    (DifferenceKind, "DifferenceKind", "What became of a part of a rule."),
    (Part, "RulePart", "What a part of a rule is."),
    (PinOrigin, "PinOrigin", "What led to a pin: undoing, or a held removal that was discarded."),
    (Contradiction, "UndoContradiction", "Why somebody cannot be put back where they were."),
    (SegmentChangeKind, "SegmentChangeKind", "What would be done to a segment."),
    (Code, "RefusalCode", "Why something cannot be done as things stand."),
)

for kind, name, description in ENUMS:
    strawberry.enum(kind, name=name, description=description)

SCALARS: Mapping[object, ScalarDefinition] = {
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in a workspace's journal. Opaque: hand it back as it came.",
        serialize=str,
        parse_value=str,
    ),
}
