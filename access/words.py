"""The words of the permission model: what is allowed, to whom, where, under what condition."""

from enum import StrEnum
from typing import Self


class Permission(StrEnum):
    """One operation of the product. The GraphQL operation is the same word in camelCase."""

    VIEW_BILLING = "view_billing"
    UPDATE_PAYMENT_METHOD = "update_payment_method"
    RECEIVE_BILLING_MAIL = "receive_billing_mail"

    GRANT_WORKSPACE_MANAGER = "grant_workspace_manager"
    GRANT_FINANCE_MANAGER = "grant_finance_manager"
    GRANT_INVITE_PERMISSION = "grant_invite_permission"
    ADD_MEMBER = "add_member"
    RESEND_INVITATION = "resend_invitation"
    LIST_ALL_MEMBERS = "list_all_members"
    SEARCH_MEMBERS_PICKER = "search_members_picker"
    DEACTIVATE_MEMBER = "deactivate_member"
    VIEW_ACTIVE_MEMBERS_REPORT = "view_active_members_report"
    EDIT_ATTRIBUTE_SCHEMA = "edit_attribute_schema"

    CREATE_DEPARTMENT = "create_department"
    MANAGE_DEPARTMENT_TEAM = "manage_department_team"
    GRANT_COURSE_PERMISSION = "grant_course_permission"
    GRANT_MODULE_PERMISSION = "grant_module_permission"

    CREATE_COURSE = "create_course"
    VIEW_COURSE_INFO = "view_course_info"
    EDIT_COURSE_INFO = "edit_course_info"
    ADD_REMOVE_MODULES = "add_remove_modules"
    CHANGE_COURSE_STATE = "change_course_state"

    ASSIGN_INSTRUCTOR = "assign_instructor"
    ASSIGN_DIRECT_COORDINATOR = "assign_direct_coordinator"
    ATTACH_SEGMENT = "attach_segment"
    EXCLUDE_DERIVED_COORDINATOR = "exclude_derived_coordinator"
    VIEW_COORDINATOR_NAMES = "view_coordinator_names"
    VIEW_COORDINATOR_SOURCES = "view_coordinator_sources"

    CREATE_MODULE = "create_module"
    EDIT_MODULE_CONTENT = "edit_module_content"
    PUBLISH_REVERT_MODULE = "publish_revert_module"
    PREVIEW_UNTRACKED = "preview_untracked"

    TAKE_COURSE_TRACKED = "take_course_tracked"
    RETAKE_AFTER_COMPLETION = "retake_after_completion"

    ASSIGN_LEARNER = "assign_learner"
    UNASSIGN_LEARNER = "unassign_learner"
    CREATE_GROUP = "create_group"
    MODIFY_OWN_GROUP = "modify_own_group"
    MODIFY_EXISTING_GROUP = "modify_existing_group"
    ENROLL_FACILITATOR = "enroll_facilitator"
    LIST_LEARNERS = "list_learners"

    MARK_COMPLETE = "mark_complete"
    RESET_PROGRESS = "reset_progress"
    UPDATE_DUE_DATE = "update_due_date"
    GENERATE_CERTIFICATE = "generate_certificate"
    REMOVE_CERTIFICATE = "remove_certificate"
    ACT_ON_OWN_ENROLMENT = "act_on_own_enrolment"
    VIEW_ANSWERS = "view_answers"
    GRADE_ANSWERS = "grade_answers"

    MANAGE_SESSIONS = "manage_sessions"
    MANAGE_SESSION_ROSTER = "manage_session_roster"
    MARK_ATTENDANCE = "mark_attendance"
    SELF_REGISTER_SESSION = "self_register_session"

    VIEW_QUIZ_INSIGHTS = "view_quiz_insights"
    EXPORT_QUIZ_INSIGHTS = "export_quiz_insights"
    VIEW_COURSE_INSIGHTS = "view_course_insights"
    SUBSCRIBE_COURSE_UPDATES = "subscribe_course_updates"
    LIST_COURSES_I_MANAGE = "list_courses_i_manage"

    SEARCH_SEGMENTS_TYPEAHEAD = "search_segments_typeahead"
    CREATE_EDIT_SEGMENT = "create_edit_segment"
    PREVIEW_SEGMENT_CHANGE = "preview_segment_change"
    EXPLAIN_MEMBERSHIP = "explain_membership"
    PAUSE_RESUME_SYNC = "pause_resume_sync"
    APPROVE_HELD_CHANGE = "approve_held_change"

    VIEW_AUDIT_LOG = "view_audit_log"
    INGEST_IDP_EVENT = "ingest_idp_event"
    REPLAY_IDP_EVENT = "replay_idp_event"
    VERIFY_CERTIFICATE_BY_CODE = "verify_certificate_by_code"


class Principal(StrEnum):
    """A way to stand towards a workspace, department, course or module; one person has several."""

    WORKSPACE_MANAGER = "workspace_manager"
    FINANCE_MANAGER = "finance_manager"
    DEPARTMENT_MANAGER = "department_manager"
    DEPT_CREATE = "dept_create"
    DEPT_ENROLL = "dept_enroll"
    DEPT_TEACH = "dept_teach"
    COURSE_EDIT = "course_edit"
    COURSE_ENROLL = "course_enroll"
    COURSE_TEACH = "course_teach"
    MODULE_EDIT = "module_edit"
    INSTRUCTOR = "instructor"
    COORDINATOR_DIRECT = "coordinator_direct"
    COORDINATOR_DERIVED = "coordinator_derived"
    INVITE = "invite"
    LEARNER = "learner"
    ANONYMOUS = "anonymous"
    IDP_SERVICE = "idp_service"


class Scope(StrEnum):
    """What a permission is asked of. Each contains the next: a right held outside holds inside."""

    WORKSPACE = "workspace"
    DEPARTMENT = "department"
    COURSE = "course"
    MODULE = "module"

    @property
    def depth(self) -> int:
        """0 for the workspace, 3 for a module."""
        return _DEPTHS[self]

    def contains(self, other: "Scope") -> bool:
        """Whether `other` is this scope or lies inside it."""
        return self.depth <= other.depth


_DEPTHS = {scope: depth for depth, scope in enumerate(Scope)}


class Condition(StrEnum):
    """Why a right may hold only sometimes.

    `letter` stands for it in the matrix, `fact` is the field of Facts that must be true, `clause`
    completes the sentence "... is allowed".
    """

    letter: str
    fact: str
    clause: str

    def __new__(cls, value: str, letter: str, fact: str, clause: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.letter, member.fact, member.clause = letter, fact, clause
        return member

    SELF_ONLY = ("self_only", "s", "is_self", "only about oneself")
    COURSE_IS_ACTIVE = (
        "course_is_active",
        "a",
        "course_is_active",
        "only while the course is active",
    )
    OWN_CONTENT = (
        "own_content",
        "o",
        "is_own_content",
        "only on courses and modules one has created",
    )
    OWN_GROUPS = ("own_groups", "g", "is_own_group", "only inside groups one has created")
    NO_FINANCE_MANAGER = (
        "no_finance_manager",
        "f",
        "finance_manager_is_absent",
        "only while the workspace has no finance manager",
    )
    SEGMENT_IS_USABLE = (
        "segment_is_usable",
        "u",
        "segment_is_usable",
        "only with segments marked usable by department managers",
    )
    RETAKE_POLICY = (
        "retake_policy",
        "r",
        "retake_is_open",
        "only as far as the retake policy of the course goes",
    )
    READABLE_FIELDS_ONLY = (
        "readable_fields_only",
        "v",
        "field_is_readable",
        "only for the fields one may read",
    )
    BILLING_EVENTS_ONLY = (
        "billing_events_only",
        "b",
        "is_billing_event",
        "only for billing events",
    )
    WITHIN_OWN_SCOPE = (
        "within_own_scope",
        "w",
        "is_within_own_scope",
        "only inside the department or course where the role is held",
    )


GRANTED_ON = {
    Principal.WORKSPACE_MANAGER: Scope.WORKSPACE,
    Principal.FINANCE_MANAGER: Scope.WORKSPACE,
    Principal.INVITE: Scope.WORKSPACE,
    Principal.DEPARTMENT_MANAGER: Scope.DEPARTMENT,
    Principal.DEPT_CREATE: Scope.DEPARTMENT,
    Principal.DEPT_ENROLL: Scope.DEPARTMENT,
    Principal.DEPT_TEACH: Scope.DEPARTMENT,
    Principal.COURSE_EDIT: Scope.COURSE,
    Principal.COURSE_ENROLL: Scope.COURSE,
    Principal.COURSE_TEACH: Scope.COURSE,
    Principal.MODULE_EDIT: Scope.MODULE,
}
"""What can be given as a grant, and on what. The other principals follow from something else."""
