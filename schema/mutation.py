"""Everything that can be done."""

from access.permissions import Permission
from resolvers import (
    attachment_changes,
    connection_changes,
    course_changes,
    member_changes,
    segment_changes,
    workspace_changes,
)
from schema.attempt_mutation import AttemptMutation
from schema.attribute import AttributeMutation
from schema.billing import BillingMutation
from schema.calendar import CalendarMutation
from schema.certificate_mutation import CertificateMutation
from schema.change_set import ChangeSetMutation
from schema.connection import ConnectionPayload, DeliveryPayload
from schema.content_mutation import ContentMutation
from schema.due_date import DueDateMutation
from schema.enrolment import EnrolmentMutation
from schema.group import GroupMutation
from schema.health import HealthMutation
from schema.hold import HoldMutation
from schema.invitation import InvitationMutation
from schema.job import JobMutation
from schema.live_session_mutation import LiveSessionMutation
from schema.module_mutation import ModuleMutation
from schema.payloads import (
    AttachmentPayload,
    CoursePayload,
    MemberPayload,
    OverridePayload,
    SegmentPayload,
    WorkspacePayload,
)
from schema.people import PeopleMutation
from schema.picture import InsightMutation
from schema.requires import SIGNED_IN, any_of, done_by, guarded_type
from schema.segment_file import SegmentFileMutation
from schema.segment_mutation import SegmentMutation
from schema.submission_mutation import SubmissionMutation
from schema.team_mutation import TeamMutation
from schema.token_changes import TokenMutation


@guarded_type(requires=SIGNED_IN, description="Everything that can be done.")
class Mutation(
    ChangeSetMutation,
    CertificateMutation,
    TokenMutation,
    ContentMutation,
    BillingMutation,
    PeopleMutation,
    TeamMutation,
    ModuleMutation,
    EnrolmentMutation,
    GroupMutation,
    HealthMutation,
    HoldMutation,
    DueDateMutation,
    InsightMutation,
    JobMutation,
    LiveSessionMutation,
    CalendarMutation,
    InvitationMutation,
    AttributeMutation,
    SegmentFileMutation,
    SegmentMutation,
    AttemptMutation,
    SubmissionMutation,
):
    create_course: CoursePayload | None = done_by(
        course_changes.create_course,
        requires=Permission.CREATE_COURSE,
        description="A new course, with its staff and segments, in one step.",
    )
    edit_course_info: CoursePayload | None = done_by(
        course_changes.edit_course_info,
        requires=Permission.EDIT_COURSE_INFO,
        description="Change a course; staff and segments need their own permissions.",
    )
    change_course_state: CoursePayload | None = done_by(
        course_changes.change_course_state,
        requires=Permission.CHANGE_COURSE_STATE,
        description="Draft, active, archived.",
    )
    set_course_segment_limit: CoursePayload | None = done_by(
        course_changes.set_course_segment_limit,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="How many segments this course may carry; null follows the workspace.",
    )
    set_workspace_segment_limit: WorkspacePayload | None = done_by(
        workspace_changes.set_workspace_segment_limit,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="How many segments a course may carry, 1 to 50.",
    )
    edit_workspace_settings: WorkspacePayload | None = done_by(
        workspace_changes.edit_workspace_settings,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="Whether people may act on their own enrolment, and how late somebody may be"
        " placed into a live session.",
    )
    assign_instructor: CoursePayload | None = done_by(
        course_changes.assign_instructor,
        requires=Permission.ASSIGN_INSTRUCTOR,
        description="Make people instructors of a course.",
    )
    remove_instructor: CoursePayload | None = done_by(
        course_changes.remove_instructor,
        requires=Permission.ASSIGN_INSTRUCTOR,
        description="End instructor roles; suppressed coordinator roles come back.",
    )
    assign_direct_coordinator: CoursePayload | None = done_by(
        course_changes.assign_direct_coordinator,
        requires=Permission.ASSIGN_DIRECT_COORDINATOR,
        description="Make people coordinators of a course by hand.",
    )
    remove_direct_coordinator: CoursePayload | None = done_by(
        course_changes.remove_direct_coordinator,
        requires=Permission.ASSIGN_DIRECT_COORDINATOR,
        description="End coordinator roles given by hand.",
    )
    attach_segment: AttachmentPayload | None = done_by(
        attachment_changes.attach_segment,
        requires=Permission.ATTACH_SEGMENT,
        description="Let the people of a segment coordinate a course: `mode` says how it is"
        " followed, SYNC where nothing is said.",
    )
    change_attachment_mode: AttachmentPayload | None = done_by(
        attachment_changes.change_attachment_mode,
        requires=Permission.ATTACH_SEGMENT,
        description="Let a course follow an attached segment otherwise from now on. Each mode looks"
        " at who was in the segment when it began, not at whom the mode before it gave the role.",
    )
    detach_segment: AttachmentPayload | None = done_by(
        attachment_changes.detach_segment,
        requires=Permission.ATTACH_SEGMENT,
        description="Take a segment off a course.",
    )
    exclude_coordinator: OverridePayload | None = done_by(
        course_changes.exclude_coordinator,
        requires=Permission.EXCLUDE_DERIVED_COORDINATOR,
        description="Someone is no coordinator, whatever the segments say.",
    )
    keep_coordinator: OverridePayload | None = done_by(
        course_changes.keep_coordinator,
        requires=Permission.EXCLUDE_DERIVED_COORDINATOR,
        description="Someone is coordinator, beside what the segments say.",
    )
    lift_override: OverridePayload | None = done_by(
        course_changes.lift_override,
        requires=Permission.EXCLUDE_DERIVED_COORDINATOR,
        description="Let the segments alone decide about someone again.",
    )
    create_segment: SegmentPayload | None = done_by(
        segment_changes.create_segment,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="A new segment, by rule or by name.",
    )
    edit_segment: SegmentPayload | None = done_by(
        segment_changes.edit_segment,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="Change a segment; a new rule is applied as a difference.",
    )
    pause_segment: SegmentPayload | None = done_by(
        segment_changes.pause_segment,
        requires=Permission.PAUSE_RESUME_SYNC,
        description="Freeze what a segment gives.",
    )
    resume_segment: SegmentPayload | None = done_by(
        segment_changes.resume_segment,
        requires=Permission.PAUSE_RESUME_SYNC,
        description="Let a segment follow its rule: again, or, from a draft, for the first time.",
    )
    recompute_segment: SegmentPayload | None = done_by(
        segment_changes.recompute_segment,
        requires=Permission.PAUSE_RESUME_SYNC,
        description="Have every membership of a segment looked at again.",
    )
    delete_segment: SegmentPayload | None = done_by(
        segment_changes.delete_segment,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="Delete a segment; in use, only with `detach: true`.",
    )
    name_segment_people: SegmentPayload | None = done_by(
        segment_changes.name_segment_people,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="Name more people in a static segment.",
    )
    unname_segment_people: SegmentPayload | None = done_by(
        segment_changes.unname_segment_people,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="Take people out of a static segment.",
    )
    change_member_attributes: MemberPayload | None = done_by(
        member_changes.change_member_attributes,
        requires=any_of(Permission.EDIT_ATTRIBUTE_SCHEMA).or_self(),
        description="Set attributes by hand; one's own, those that members own.",
    )
    deactivate_member: MemberPayload | None = done_by(
        member_changes.deactivate_member,
        requires=Permission.DEACTIVATE_MEMBER,
        description="End someone's access at once.",
    )
    reactivate_member: MemberPayload | None = done_by(
        member_changes.reactivate_member,
        requires=Permission.DEACTIVATE_MEMBER,
        description="Give access back.",
    )
    create_connection: ConnectionPayload | None = done_by(
        connection_changes.create_connection,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="Connect an identity provider; a webhook one comes with its secret.",
    )
    rotate_connection_secret: ConnectionPayload | None = done_by(
        connection_changes.rotate_connection_secret,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="A new secret; the one before stays good for a while.",
    )
    create_connection_token: ConnectionPayload | None = done_by(
        connection_changes.create_connection_token,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="A token for a SCIM connection; two can be live.",
    )
    set_connection_enabled: ConnectionPayload | None = done_by(
        connection_changes.set_connection_enabled,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="Let a provider speak, or no longer.",
    )
    replay_idp_event: DeliveryPayload | None = done_by(
        connection_changes.replay_idp_event,
        requires=Permission.REPLAY_IDP_EVENT,
        description="Apply a quarantined, parked or discarded delivery again.",
    )
    discard_idp_event: DeliveryPayload | None = done_by(
        connection_changes.discard_idp_event,
        requires=Permission.REPLAY_IDP_EVENT,
        description="Give a quarantined or parked delivery up; it stays listed.",
    )
