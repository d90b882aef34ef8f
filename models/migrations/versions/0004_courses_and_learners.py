"""courses and learners

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MAIL_KINDS = "'INVITATION', 'INVOICE', 'PAYMENT_METHOD_CHANGED'"
MORE_KINDS = (
    f"{MAIL_KINDS}, 'CERTIFICATE_ISSUED', 'LIVE_SESSION_BOOKED', 'LIVE_SESSION_WAITLISTED',"
    " 'LIVE_SESSION_PROMOTED', 'LIVE_SESSION_CHANGED', 'LIVE_SESSION_CANCELLED',"
    " 'LIVE_SESSION_WAITLIST_ENDED'"
)

RETAKE_LIMIT = (
    "(retake_policy = 'LIMITED') = (retake_limit IS NOT NULL)"
    " AND coalesce(retake_limit, 1) BETWEEN 1 AND 1000"
)
GROUP = "(source = 'DIRECT') <= (group_id IS NULL) AND (source = 'GROUP') <= (group_id IS NOT NULL)"

ONCE_BY_HAND = """
UPDATE enrolment e SET ended_at = now()
 WHERE source = 'GROUP' AND ended_at IS NULL
   AND EXISTS (SELECT FROM enrolment d WHERE d.course_id = e.course_id
                  AND d.member_id = e.member_id AND d.source = 'DIRECT' AND d.ended_at IS NULL)
"""
BY_HAND = "UPDATE enrolment SET source = 'DIRECT' WHERE source = 'GROUP'"
"""There were no groups yet that somebody could be enrolled through."""

REVISIONS_STAY = """
CREATE FUNCTION module_revision_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'What was published stays as it was: % is refused.', tg_op
          USING ERRCODE = 'restrict_violation';
END
$$
"""
GUARD_REVISIONS = """
CREATE TRIGGER module_revision_stays BEFORE UPDATE OR DELETE ON module_revision
FOR EACH STATEMENT EXECUTE FUNCTION module_revision_stays()
"""

ANSWERS_STAY = """
CREATE FUNCTION answer_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM submission s
                WHERE s.id = old.submission_id AND s.state <> 'IN_PROGRESS') THEN
        RAISE EXCEPTION 'What was handed in stays as it was.' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN new;
END
$$
"""
GUARD_ANSWERS = """
CREATE TRIGGER answer_stays BEFORE UPDATE OF given ON answer
FOR EACH ROW WHEN (old.given IS DISTINCT FROM new.given) EXECUTE FUNCTION answer_stays()
"""
GRADES_STAY = """
CREATE FUNCTION grade_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A grade stays as it was given.' USING ERRCODE = 'restrict_violation';
END
$$
"""
GUARD_GRADES = """
CREATE TRIGGER grade_stays BEFORE UPDATE ON grade
FOR EACH STATEMENT EXECUTE FUNCTION grade_stays()
"""

PROGRESS = """
INSERT INTO progress (course_id, member_id, workspace_id, is_learner, since)
SELECT course_id, member_id, workspace_id, bool_or(ended_at IS NULL), min(since)
  FROM enrolment GROUP BY course_id, member_id, workspace_id
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "certificate_register",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("head", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_certificate_register_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_certificate_register")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_calendar_feed_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_calendar_feed_secret_sha256")),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column(
            "uploaded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("uploaded_by_id", sa.BigInteger(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("size >= 0", name=op.f("ck_attachment_size")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "module_id"],
            ["module.workspace_id", "module.id"],
            name=op.f("fk_attachment_workspace_id_module_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("module_id", "id", name=op.f("uq_attachment_module_id_id")),
    )
    op.create_table(
        "certificate_template",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_certificate_template_version")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_certificate_template_workspace_id_course_id"),
        ),
        sa.PrimaryKeyConstraint("course_id", "version", name=op.f("pk_certificate_template")),
    )
    op.create_table(
        "learner_group",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("allows_self_enrolment", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_learner_group_workspace_id_course_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learner_group")),
        sa.UniqueConstraint("course_id", "id", name=op.f("uq_learner_group_course_id_id")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_learner_group_workspace_id_id")),
    )
    op.create_index(
        "ix_learner_group_creator", "learner_group", ["created_by_id", "course_id"], unique=False
    )
    op.create_index(
        "uq_learner_group_name",
        "learner_group",
        ["course_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "live_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("has_waitlist", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("registration_closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "SCHEDULED", "CANCELLED", name="livesessionstate", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queue", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("waitlist_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('SCHEDULED', 'CANCELLED')", name=op.f("ck_live_session_state")
        ),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_live_session_capacity")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_live_session_times")),
        sa.CheckConstraint(
            "registration_closes_at <= starts_at", name=op.f("ck_live_session_cut_off")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_live_session_workspace_id_course_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_session")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_live_session_workspace_id_id")),
    )
    op.create_index(
        "ix_live_session_course", "live_session", ["course_id", "starts_at", "id"], unique=False
    )
    op.create_index(
        "ix_live_session_waitlist",
        "live_session",
        ["starts_at"],
        unique=False,
        postgresql_where=sa.text("waitlist_ended_at IS NULL"),
    )
    op.create_table(
        "module_draft",
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_id", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "edited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("edited_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_module_draft_version")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "module_id"],
            ["module.workspace_id", "module.id"],
            name=op.f("fk_module_draft_workspace_id_module_id"),
        ),
        sa.PrimaryKeyConstraint("module_id", name=op.f("pk_module_draft")),
    )
    op.create_table(
        "module_revision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("published_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_module_revision_number")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "module_id"],
            ["module.workspace_id", "module.id"],
            name=op.f("fk_module_revision_workspace_id_module_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_module_revision")),
        sa.UniqueConstraint(
            "module_id", "number", name=op.f("uq_module_revision_module_id_number")
        ),
    )
    op.execute(REVISIONS_STAY)
    op.execute(GUARD_REVISIONS)
    op.create_table(
        "revision_attachment",
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attachment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["module_id", "attachment_id"],
            ["attachment.module_id", "attachment.id"],
            name=op.f("fk_revision_attachment_module_id_attachment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["module_id", "number"],
            ["module_revision.module_id", "module_revision.number"],
            name=op.f("fk_revision_attachment_module_id_number"),
        ),
        sa.PrimaryKeyConstraint(
            "module_id", "number", "attachment_id", name=op.f("pk_revision_attachment")
        ),
    )
    op.create_index(
        "ix_revision_attachment_attachment", "revision_attachment", ["attachment_id"], unique=False
    )
    op.create_table(
        "progress",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("is_learner", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "NOT_STARTED",
                "IN_PROGRESS",
                "SUBMITTED",
                "COMPLETED",
                "FAILED",
                name="progressstate",
                native_enum=False,
                length=32,
            ),
            server_default="NOT_STARTED",
            nullable=False,
        ),
        sa.Column("percent", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("override_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("own_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED', 'COMPLETED', 'FAILED')",
            name=op.f("ck_progress_state"),
        ),
        sa.CheckConstraint(
            "attempts >= attempts_before AND attempts_before >= 0",
            name=op.f("ck_progress_attempts"),
        ),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_progress_percent")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_progress_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_progress_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("course_id", "member_id", name=op.f("pk_progress")),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "ix_progress_learner",
        "progress",
        ["course_id", "state", "member_id"],
        unique=False,
        postgresql_where=sa.text("is_learner"),
    )
    op.create_index("ix_progress_member", "progress", ["member_id", "course_id"], unique=False)
    op.create_index(
        "ix_member_deleted",
        "member",
        ["workspace_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "NOT_STARTED",
                "IN_PROGRESS",
                "SUBMITTED",
                "COMPLETED",
                "FAILED",
                "RESET",
                "ABANDONED",
                name="attemptstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "origin",
            sa.Enum(
                "SELF", "MANUAL", "ATTENDANCE", name="attemptorigin", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "role",
            sa.Enum(
                "LEARNER",
                "COORDINATOR",
                "INSTRUCTOR",
                name="roleatstart",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("score", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("max_score", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.CheckConstraint(
            "(state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')) = (ended_at IS NULL)",
            name=op.f("ck_attempt_ended_at"),
        ),
        sa.CheckConstraint(
            "origin IN ('SELF', 'MANUAL', 'ATTENDANCE')", name=op.f("ck_attempt_origin")
        ),
        sa.CheckConstraint(
            "role IN ('LEARNER', 'COORDINATOR', 'INSTRUCTOR')", name=op.f("ck_attempt_role")
        ),
        sa.CheckConstraint(
            "state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED', 'COMPLETED', 'FAILED',"
            " 'RESET', 'ABANDONED')",
            name=op.f("ck_attempt_state"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_attempt_number")),
        sa.CheckConstraint("score >= 0 AND score <= max_score", name=op.f("ck_attempt_score")),
        sa.ForeignKeyConstraint(
            ["course_id", "member_id"],
            ["progress.course_id", "progress.member_id"],
            name=op.f("fk_attempt_course_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint(
            "course_id", "member_id", "number", name=op.f("uq_attempt_course_id_member_id_number")
        ),
    )
    op.create_index("ix_attempt_member", "attempt", ["member_id", "course_id"], unique=False)
    op.create_index(
        "ix_attempt_staff_open",
        "attempt",
        ["workspace_id", "id"],
        unique=False,
        postgresql_where=sa.text(
            "state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED') AND role <> 'LEARNER'"
        ),
    )
    op.create_index(
        "uq_attempt_open",
        "attempt",
        ["course_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')"),
    )
    op.create_table(
        "due_date_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column(
            "of",
            sa.Enum("COURSE", "GROUP", "LEARNER", name="duedateof", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("changed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(of = 'GROUP') = (group_id IS NOT NULL)"
            " AND (of = 'LEARNER') = (member_id IS NOT NULL)",
            name=op.f("ck_due_date_change_whose"),
        ),
        sa.CheckConstraint(
            "of IN ('COURSE', 'GROUP', 'LEARNER')", name=op.f("ck_due_date_change_of")
        ),
        sa.ForeignKeyConstraint(
            ["course_id", "group_id"],
            ["learner_group.course_id", "learner_group.id"],
            name=op.f("fk_due_date_change_course_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_due_date_change_workspace_id_course_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_date_change")),
    )
    op.create_index(
        "ix_due_date_change_course",
        "due_date_change",
        ["course_id", "member_id", "id"],
        unique=False,
    )
    op.create_table(
        "group_facilitator",
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "group_id"],
            ["learner_group.workspace_id", "learner_group.id"],
            name=op.f("fk_group_facilitator_workspace_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_group_facilitator_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "member_id", name=op.f("pk_group_facilitator")),
    )
    op.create_index(
        "ix_group_facilitator_member", "group_facilitator", ["member_id", "group_id"], unique=False
    )
    op.create_table(
        "live_registration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("live_session_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "WAITLISTED",
                "BOOKED",
                "CANCELLED_BY_USER",
                "CANCELLED_SESSION",
                "NO_SHOW",
                "PARTIAL",
                "ATTENDED",
                name="registrationstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.Column("is_overbooked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("minutes_attended", sa.Integer(), nullable=True),
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("registered_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state = 'WAITLISTED') = (place IS NOT NULL)", name=op.f("ck_live_registration_place")
        ),
        sa.CheckConstraint(
            "state IN ('WAITLISTED', 'BOOKED', 'CANCELLED_BY_USER', 'CANCELLED_SESSION',"
            " 'NO_SHOW', 'PARTIAL', 'ATTENDED')",
            name=op.f("ck_live_registration_state"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "live_session_id"],
            ["live_session.workspace_id", "live_session.id"],
            name=op.f("fk_live_registration_workspace_id_live_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_live_registration_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_registration")),
        sa.UniqueConstraint(
            "live_session_id",
            "member_id",
            name=op.f("uq_live_registration_live_session_id_member_id"),
        ),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "ix_live_registration_member",
        "live_registration",
        ["member_id", "live_session_id"],
        unique=False,
    )
    op.create_index(
        "uq_live_registration_place",
        "live_registration",
        ["live_session_id", "place"],
        unique=True,
        postgresql_where=sa.text("state = 'WAITLISTED'"),
    )
    op.create_table(
        "live_session_staff",
        sa.Column("live_session_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "live_session_id"],
            ["live_session.workspace_id", "live_session.id"],
            name=op.f("fk_live_session_staff_workspace_id_live_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_live_session_staff_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("live_session_id", "member_id", name=op.f("pk_live_session_staff")),
    )
    op.create_index(
        "ix_live_session_staff_member",
        "live_session_staff",
        ["member_id", "live_session_id"],
        unique=False,
    )
    op.create_table(
        "attempt_module",
        sa.Column("attempt_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "NOT_STARTED",
                "IN_PROGRESS",
                "SUBMITTED",
                "COMPLETED",
                "FAILED",
                name="modulestate",
                native_enum=False,
                length=32,
            ),
            server_default="NOT_STARTED",
            nullable=False,
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submissions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("score", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("max_score", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.CheckConstraint(
            "state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED', 'COMPLETED', 'FAILED')",
            name=op.f("ck_attempt_module_state"),
        ),
        sa.CheckConstraint(
            "score >= 0 AND score <= max_score", name=op.f("ck_attempt_module_score")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
            name=op.f("fk_attempt_module_attempt_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["module_id", "revision"],
            ["module_revision.module_id", "module_revision.number"],
            name=op.f("fk_attempt_module_module_id_revision"),
        ),
        sa.PrimaryKeyConstraint("attempt_id", "module_id", name=op.f("pk_attempt_module")),
        sa.UniqueConstraint("attempt_id", "place", name=op.f("uq_attempt_module_attempt_id_place")),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "ix_attempt_module_module", "attempt_module", ["module_id", "attempt_id"], unique=False
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ISSUED",
                "SUPERSEDED",
                "REVOKED",
                "EXPIRED",
                name="certificatestate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column(
            "printed", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("issued_by_id", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'ISSUED') = (ended_at IS NULL)", name=op.f("ck_certificate_ended_at")
        ),
        sa.CheckConstraint(
            "state IN ('ISSUED', 'SUPERSEDED', 'REVOKED', 'EXPIRED')",
            name=op.f("ck_certificate_state"),
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_certificate_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["course_id", "member_id"],
            ["progress.course_id", "progress.member_id"],
            name=op.f("fk_certificate_course_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("code", name=op.f("uq_certificate_code")),
        sa.UniqueConstraint(
            "workspace_id", "serial", name=op.f("uq_certificate_workspace_id_serial")
        ),
    )
    op.create_index(
        "ix_certificate_expires_at",
        "certificate",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'ISSUED' AND expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_certificate_member", "certificate", ["member_id", "course_id", "id"], unique=False
    )
    op.create_index(
        "uq_certificate_issued",
        "certificate",
        ["course_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("state = 'ISSUED'"),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "IN_PROGRESS",
                "SUBMITTED",
                "GRADED",
                name="submissionstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("max_score", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("is_passed", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('IN_PROGRESS', 'SUBMITTED', 'GRADED')", name=op.f("ck_submission_state")
        ),
        sa.CheckConstraint(
            "(state = 'IN_PROGRESS') = (submitted_at IS NULL)"
            " AND (state = 'GRADED') = (score IS NOT NULL)"
            " AND (state = 'GRADED') = (is_passed IS NOT NULL)",
            name=op.f("ck_submission_state_says"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_submission_number")),
        sa.CheckConstraint("score >= 0 AND score <= max_score", name=op.f("ck_submission_score")),
        sa.ForeignKeyConstraint(
            ["attempt_id", "module_id"],
            ["attempt_module.attempt_id", "attempt_module.module_id"],
            name=op.f("fk_submission_attempt_id_module_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "attempt_id",
            "module_id",
            "number",
            name=op.f("uq_submission_attempt_id_module_id_number"),
        ),
    )
    op.create_index(
        "ix_submission_course", "submission", ["course_id", "module_id", "member_id"], unique=False
    )
    op.create_index(
        "ix_submission_to_grade",
        "submission",
        ["course_id", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'SUBMITTED'"),
    )
    op.create_index(
        "uq_submission_open",
        "submission",
        ["attempt_id", "module_id"],
        unique=True,
        postgresql_where=sa.text("state = 'IN_PROGRESS'"),
    )
    op.create_table(
        "answer",
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("question_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("given", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("is_correct", sa.Boolean(), nullable=True),
        sa.Column("points", sa.Numeric(precision=8, scale=2), nullable=True),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.CheckConstraint("points >= 0", name=op.f("ck_answer_points")),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submission.id"],
            name=op.f("fk_answer_submission_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission_id", "question_id", name=op.f("pk_answer")),
    )
    op.create_table(
        "grade",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Numeric(precision=8, scale=2), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.Column(
            "graded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("graded_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint("points >= 0", name=op.f("ck_grade_points")),
        sa.ForeignKeyConstraint(
            ["submission_id", "question_id"],
            ["answer.submission_id", "answer.question_id"],
            name=op.f("fk_grade_submission_id_question_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade")),
    )
    op.create_index(
        "ix_grade_answer", "grade", ["submission_id", "question_id", "id"], unique=False
    )
    for each in (ANSWERS_STAY, GUARD_ANSWERS, GRADES_STAY, GUARD_GRADES):
        op.execute(each)
    op.add_column(
        "course",
        sa.Column(
            "retake_policy",
            sa.Enum(
                "NONE", "LIMITED", "UNLIMITED", name="retakepolicy", native_enum=False, length=32
            ),
            server_default="NONE",
            nullable=False,
        ),
    )
    op.add_column("course", sa.Column("retake_limit", sa.SmallInteger(), nullable=True))
    op.add_column(
        "course",
        sa.Column(
            "score_policy",
            sa.Enum("BEST", "LAST", "FIRST", name="scorepolicy", native_enum=False, length=32),
            server_default="BEST",
            nullable=False,
        ),
    )
    op.add_column("course", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "course",
        sa.Column("allows_self_enrolment", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "course",
        sa.Column("attendance_completes", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "course",
        sa.Column("certifies_completion", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("course", sa.Column("certificate_days", sa.Integer(), nullable=True))
    op.add_column("enrolment", sa.Column("group_id", sa.BigInteger(), nullable=True))
    op.add_column("enrolment", sa.Column("ended_by_id", sa.BigInteger(), nullable=True))
    op.drop_index(
        op.f("uq_enrolment_live"), table_name="enrolment", postgresql_where="(ended_at IS NULL)"
    )
    op.create_index(
        "uq_enrolment_live",
        "enrolment",
        ["course_id", "member_id", "source", "group_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_enrolment_group",
        "enrolment",
        ["group_id", "member_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL AND group_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("fk_enrolment_course_id_group_id"),
        "enrolment",
        "learner_group",
        ["course_id", "group_id"],
        ["course_id", "id"],
    )
    op.add_column("module", sa.Column("revision", sa.Integer(), nullable=True))
    op.add_column(
        "workspace",
        sa.Column("allows_self_action", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "workspace",
        sa.Column("late_placement_days", sa.SmallInteger(), server_default="90", nullable=False),
    )
    op.execute(ONCE_BY_HAND)
    op.execute(BY_HAND)
    op.execute(PROGRESS)
    op.create_check_constraint("group", "enrolment", GROUP)
    op.create_check_constraint("retake_limit", "course", RETAKE_LIMIT)
    op.create_check_constraint("certificate_days", "course", "certificate_days BETWEEN 1 AND 36500")
    op.create_check_constraint(
        "retake_policy", "course", "retake_policy IN ('NONE', 'LIMITED', 'UNLIMITED')"
    )
    op.create_check_constraint(
        "score_policy", "course", "score_policy IN ('BEST', 'LAST', 'FIRST')"
    )
    op.create_check_constraint(
        "late_placement_days", "workspace", "late_placement_days BETWEEN 0 AND 3650"
    )
    op.drop_constraint("kind", "mail", type_="check")
    op.create_check_constraint("kind", "mail", f"kind IN ({MORE_KINDS})")


def downgrade() -> None:
    op.drop_constraint("kind", "mail", type_="check")
    op.execute(f"DELETE FROM mail WHERE kind NOT IN ({MAIL_KINDS})")  # noqa: S608
    op.create_check_constraint("kind", "mail", f"kind IN ({MAIL_KINDS})")
    op.drop_constraint("late_placement_days", "workspace", type_="check")
    op.drop_constraint("score_policy", "course", type_="check")
    op.drop_constraint("retake_policy", "course", type_="check")
    op.drop_constraint("certificate_days", "course", type_="check")
    op.drop_constraint("retake_limit", "course", type_="check")
    op.drop_constraint("group", "enrolment", type_="check")
    op.execute("DELETE FROM enrolment WHERE group_id IS NOT NULL")
    op.drop_column("workspace", "late_placement_days")
    op.drop_column("workspace", "allows_self_action")
    op.drop_column("module", "revision")
    op.drop_constraint(op.f("fk_enrolment_course_id_group_id"), "enrolment", type_="foreignkey")
    op.drop_index(
        "ix_enrolment_group",
        table_name="enrolment",
        postgresql_where=sa.text("ended_at IS NULL AND group_id IS NOT NULL"),
    )
    op.drop_index(
        "uq_enrolment_live",
        table_name="enrolment",
        postgresql_where=sa.text("ended_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        op.f("uq_enrolment_live"),
        "enrolment",
        ["course_id", "member_id", "source"],
        unique=True,
        postgresql_where="(ended_at IS NULL)",
    )
    op.drop_column("enrolment", "ended_by_id")
    op.drop_column("enrolment", "group_id")
    op.drop_column("course", "certificate_days")
    op.drop_column("course", "certifies_completion")
    op.drop_column("course", "attendance_completes")
    op.drop_column("course", "allows_self_enrolment")
    op.drop_column("course", "due_at")
    op.drop_column("course", "score_policy")
    op.drop_column("course", "retake_limit")
    op.drop_column("course", "retake_policy")
    op.drop_index("ix_grade_answer", table_name="grade")
    op.drop_table("grade")
    op.execute("DROP FUNCTION grade_stays()")
    op.drop_table("answer")
    op.execute("DROP FUNCTION answer_stays()")
    op.drop_index(
        "uq_submission_open",
        table_name="submission",
        postgresql_where=sa.text("state = 'IN_PROGRESS'"),
    )
    op.drop_index(
        "ix_submission_to_grade",
        table_name="submission",
        postgresql_where=sa.text("state = 'SUBMITTED'"),
    )
    op.drop_index("ix_submission_course", table_name="submission")
    op.drop_table("submission")
    op.drop_index(
        "uq_certificate_issued",
        table_name="certificate",
        postgresql_where=sa.text("state = 'ISSUED'"),
    )
    op.drop_index("ix_certificate_member", table_name="certificate")
    op.drop_index(
        "ix_certificate_expires_at",
        table_name="certificate",
        postgresql_where=sa.text("state = 'ISSUED' AND expires_at IS NOT NULL"),
    )
    op.drop_table("certificate")
    op.drop_index("ix_attempt_module_module", table_name="attempt_module")
    op.drop_table("attempt_module")
    op.drop_index("ix_live_session_staff_member", table_name="live_session_staff")
    op.drop_table("live_session_staff")
    op.drop_index(
        "uq_live_registration_place",
        table_name="live_registration",
        postgresql_where=sa.text("state = 'WAITLISTED'"),
    )
    op.drop_index("ix_live_registration_member", table_name="live_registration")
    op.drop_table("live_registration")
    op.drop_index("ix_group_facilitator_member", table_name="group_facilitator")
    op.drop_table("group_facilitator")
    op.drop_index("ix_due_date_change_course", table_name="due_date_change")
    op.drop_table("due_date_change")
    op.drop_index(
        "uq_attempt_open",
        table_name="attempt",
        postgresql_where=sa.text("state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')"),
    )
    op.drop_index(
        "ix_attempt_staff_open",
        table_name="attempt",
        postgresql_where=sa.text(
            "state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED') AND role <> 'LEARNER'"
        ),
    )
    op.drop_index("ix_attempt_member", table_name="attempt")
    op.drop_table("attempt")
    op.drop_index("ix_progress_member", table_name="progress")
    op.drop_index(
        "ix_progress_learner", table_name="progress", postgresql_where=sa.text("is_learner")
    )
    op.drop_table("progress")
    op.drop_index(
        "ix_member_deleted", table_name="member", postgresql_where=sa.text("deleted_at IS NOT NULL")
    )
    op.drop_index("ix_revision_attachment_attachment", table_name="revision_attachment")
    op.drop_table("revision_attachment")
    op.drop_table("module_revision")
    op.execute("DROP FUNCTION module_revision_stays()")
    op.drop_table("module_draft")
    op.drop_index(
        "ix_live_session_waitlist",
        table_name="live_session",
        postgresql_where=sa.text("waitlist_ended_at IS NULL"),
    )
    op.drop_index("ix_live_session_course", table_name="live_session")
    op.drop_table("live_session")
    op.drop_index(
        "uq_learner_group_name",
        table_name="learner_group",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_index("ix_learner_group_creator", table_name="learner_group")
    op.drop_table("learner_group")
    op.drop_table("certificate_template")
    op.drop_table("attachment")
    op.drop_table("calendar_feed")
    op.drop_table("certificate_register")
