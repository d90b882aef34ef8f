"""Operations of the table that nothing in the product does yet. This list may only shrink."""

from typing import Final

PENDING: Final = frozenset(
    {
        "list_learners",
        "generate_certificate",
        "remove_certificate",
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
