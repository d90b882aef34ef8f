"""Operations of the table that nothing in the product does yet. This list may only shrink."""

from typing import Final

PENDING: Final = frozenset(
    {
        "take_course_tracked",
        "retake_after_completion",
        "assign_learner",
        "unassign_learner",
        "create_group",
        "modify_own_group",
        "modify_existing_group",
        "enroll_facilitator",
        "list_learners",
        "edit_module_content",
        "publish_revert_module",
        "preview_untracked",
        "mark_complete",
        "reset_progress",
        "update_due_date",
        "generate_certificate",
        "remove_certificate",
        "act_on_own_enrolment",
        "view_answers",
        "grade_answers",
        "manage_sessions",
        "manage_session_roster",
        "mark_attendance",
        "self_register_session",
        "view_quiz_insights",
        "export_quiz_insights",
        "view_course_insights",
        "preview_segment_change",
        "approve_held_change",
        "verify_certificate_by_code",
    }
)
