"""team, people, mail, billing

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ON_THE_TEAM = """
INSERT INTO team_member (department_id, member_id, workspace_id)
SELECT DISTINCT coalesce(g.department_id, c.department_id), g.member_id, g.workspace_id
  FROM access_grant g LEFT JOIN course c ON c.id = g.course_id
 WHERE g.department_id IS NOT NULL
    OR g.principal IN ('course_edit', 'course_enroll', 'course_teach') AND c.id IS NOT NULL
"""
"""Whoever holds a grant on a department, or on a course of it, is on its team."""

GIVEN_FUNCTION = """
CREATE FUNCTION access_grant_on_team() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE whose integer;
BEGIN
    SELECT coalesce(NEW.department_id, c.department_id) INTO whose
      FROM (SELECT) AS one LEFT JOIN course c ON c.id = NEW.course_id;
    PERFORM 1 FROM team_member
      WHERE department_id = whose AND member_id = NEW.member_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'member % is not on the team of department %', NEW.member_id, whose
            USING ERRCODE = 'check_violation', CONSTRAINT = 'access_grant_on_team';
    END IF;
    RETURN NEW;
END $$
"""

GIVEN_TRIGGER = """
CREATE TRIGGER access_grant_on_team
BEFORE INSERT OR UPDATE OF member_id, department_id, course_id ON access_grant FOR EACH ROW
WHEN (NEW.department_id IS NOT NULL OR NEW.course_id IS NOT NULL)
EXECUTE FUNCTION access_grant_on_team()
"""

LEFT_FUNCTION = """
CREATE FUNCTION team_member_left_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM access_grant g LEFT JOIN course c ON c.id = g.course_id
                WHERE g.member_id = OLD.member_id
                  AND coalesce(g.department_id, c.department_id) = OLD.department_id)
       AND NOT EXISTS (SELECT FROM team_member
                        WHERE department_id = OLD.department_id AND member_id = OLD.member_id)
    THEN
        RAISE EXCEPTION 'member % left the team of department % and kept rights there',
            OLD.member_id, OLD.department_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'team_member_left_nothing';
    END IF;
    RETURN NULL;
END $$
"""

LEFT_TRIGGER = """
CREATE CONSTRAINT TRIGGER team_member_left_nothing AFTER DELETE ON team_member
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION team_member_left_nothing()
"""

KEPT_BY = (ON_THE_TEAM, GIVEN_FUNCTION, GIVEN_TRIGGER, LEFT_FUNCTION, LEFT_TRIGGER)

OPEN_ACCOUNTS = """
INSERT INTO billing_account (workspace_id, price_minor, currency, next_month, next_close_at)
SELECT id, 500, 'EUR', date_trunc('month', now() AT TIME ZONE time_zone)::date,
       (date_trunc('month', now() AT TIME ZONE time_zone) + interval '1 month')
           AT TIME ZONE time_zone + interval '1 hour'
  FROM workspace
"""
"""Workspaces from before are billed from the month of this migration on, at the default price."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "invitation_due",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_due")),
    )
    op.create_table(
        "invitation_due_segment",
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("after_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_invitation_due_segment")),
    )
    op.add_column("member", sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE member SET activated_at = created_at WHERE state <> 'PENDING'")
    op.create_index(
        "ix_member_email",
        "member",
        ["workspace_id", sa.literal_column("lower(email)")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_member_pending",
        "member",
        ["workspace_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'PENDING' AND deleted_at IS NULL"),
    )
    op.create_table(
        "billing_account",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payment_provider", sa.Text(), nullable=True),
        sa.Column("payment_reference", sa.Text(), nullable=True),
        sa.Column("payment_brand", sa.Text(), nullable=True),
        sa.Column("payment_last_four", sa.Text(), nullable=True),
        sa.Column("next_month", sa.Date(), nullable=False),
        sa.Column("next_close_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("updated_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "payment_last_four ~ '^[0-9]{4}$'", name=op.f("ck_billing_account_last_four")
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_billing_account_price")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_billing_account_currency")),
        sa.CheckConstraint(
            "num_nonnulls(payment_provider, payment_reference, payment_brand, payment_last_four)"
            " IN (0, 4)",
            name=op.f("ck_billing_account_payment_method"),
        ),
        sa.CheckConstraint(
            "extract(day from next_month) = 1", name=op.f("ck_billing_account_next_month")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_billing_account_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_billing_account")),
    )
    op.create_index("ix_billing_account_next_close_at", "billing_account", ["next_close_at"])
    op.execute(OPEN_ACCOUNTS)
    op.create_table(
        "invoice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("active_members", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bill_to", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column(
            "issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_invoice_number")),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_invoice_month")),
        sa.CheckConstraint(
            "total_minor = active_members * price_minor", name=op.f("ck_invoice_total")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_invoice_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("workspace_id", "month", name=op.f("uq_invoice_workspace_id_month")),
        sa.UniqueConstraint("workspace_id", "number", name=op.f("uq_invoice_workspace_id_number")),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "INVITATION",
                "INVOICE",
                "PAYMENT_METHOD_CHANGED",
                name="mailkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("recipients", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column(
            "parameters",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("QUEUED", "SENT", "FAILED", name="mailstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('INVITATION', 'INVOICE', 'PAYMENT_METHOD_CHANGED')", name=op.f("ck_mail_kind")
        ),
        sa.CheckConstraint("state IN ('QUEUED', 'SENT', 'FAILED')", name=op.f("ck_mail_state")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_mail_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("workspace_id", "key", name=op.f("uq_mail_workspace_id_key")),
    )
    op.create_index("ix_mail_kind", "mail", ["workspace_id", "kind", "id"], unique=False)
    op.create_index(
        "ix_mail_queued",
        "mail",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'QUEUED'"),
    )
    op.create_table(
        "sign_in_month",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_sign_in_month_workspace_id")
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "month", "member_id", name=op.f("pk_sign_in_month")
        ),
    )
    op.create_table(
        "invitation",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("code_sha256", sa.LargeBinary(), nullable=True),
        sa.Column(
            "invited_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_count", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "last_sent_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_invitation_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_invitation")),
    )
    op.create_index(
        "uq_invitation_code",
        "invitation",
        ["code_sha256"],
        unique=True,
        postgresql_where=sa.text("code_sha256 IS NOT NULL"),
    )
    op.create_table(
        "module",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "LESSON", "QUIZ", "ASSIGNMENT", name="modulekind", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('LESSON', 'QUIZ', 'ASSIGNMENT')", name=op.f("ck_module_kind")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "department_id"],
            ["department.workspace_id", "department.id"],
            name=op.f("fk_module_workspace_id_department_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_module")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_module_workspace_id_id")),
    )
    op.create_index("ix_module_department", "module", ["department_id", "id"], unique=False)
    op.create_index(
        "ix_module_title",
        "module",
        ["workspace_id", sa.literal_column("lower(title)"), "id"],
        unique=False,
    )
    op.create_index("ix_token_member", "token", ["member_id"], unique=False)
    op.create_index(
        "ix_token_name",
        "token",
        ["workspace_id", sa.literal_column("lower(name)"), "id"],
        unique=False,
    )
    op.create_table(
        "sign_in_identity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "bound_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_sign_in_identity_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_identity")),
    )
    op.create_index("ix_sign_in_identity_member", "sign_in_identity", ["member_id"], unique=False)
    op.create_index(
        "uq_sign_in_identity",
        "sign_in_identity",
        ["issuer", "subject", "workspace_id"],
        unique=True,
    )
    op.create_table(
        "team_member",
        sa.Column("department_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "department_id"],
            ["department.workspace_id", "department.id"],
            name=op.f("fk_team_member_workspace_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_team_member_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("department_id", "member_id", name=op.f("pk_team_member")),
    )
    op.create_index(
        "ix_team_member_member", "team_member", ["member_id", "department_id"], unique=False
    )
    op.create_table(
        "course_module",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_course_module_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "module_id"],
            ["module.workspace_id", "module.id"],
            name=op.f("fk_course_module_workspace_id_module_id"),
        ),
        sa.PrimaryKeyConstraint("course_id", "module_id", name=op.f("pk_course_module")),
        sa.UniqueConstraint(
            "course_id",
            "place",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_course_module_course_id_place"),
        ),
    )
    op.create_index(
        "ix_course_module_module", "course_module", ["module_id", "course_id"], unique=False
    )
    op.create_table(
        "enrolment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "DIRECT", "GROUP", "SELF", name="enrolmentsource", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("enrolled_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "source IN ('DIRECT', 'GROUP', 'SELF')", name=op.f("ck_enrolment_source")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_enrolment_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_enrolment_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
    )
    op.create_index(
        "ix_enrolment_member",
        "enrolment",
        ["member_id", "course_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "uq_enrolment_live",
        "enrolment",
        ["course_id", "member_id", "source"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.add_column(
        "access_grant", sa.Column("pending_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_access_grant_module",
        "access_grant",
        ["module_id"],
        unique=False,
        postgresql_where=sa.text("module_id IS NOT NULL"),
    )
    op.create_index(
        "ix_access_grant_pending_until",
        "access_grant",
        ["pending_until"],
        unique=False,
        postgresql_where=sa.text("pending_until IS NOT NULL"),
    )
    op.create_index(
        "ix_access_grant_workspace",
        "access_grant",
        ["workspace_id", "principal"],
        unique=False,
        postgresql_where=sa.text("num_nonnulls(department_id, course_id, module_id) = 0"),
    )
    op.create_foreign_key(
        op.f("fk_access_grant_workspace_id_module_id"),
        "access_grant",
        "module",
        ["workspace_id", "module_id"],
        ["workspace_id", "id"],
    )
    for statement in KEPT_BY:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER team_member_left_nothing ON team_member")
    op.execute("DROP FUNCTION team_member_left_nothing")
    op.execute("DROP TRIGGER access_grant_on_team ON access_grant")
    op.execute("DROP FUNCTION access_grant_on_team")
    op.drop_constraint(
        op.f("fk_access_grant_workspace_id_module_id"), "access_grant", type_="foreignkey"
    )
    op.drop_index(
        "ix_access_grant_workspace",
        table_name="access_grant",
        postgresql_where=sa.text("num_nonnulls(department_id, course_id, module_id) = 0"),
    )
    op.drop_index(
        "ix_access_grant_pending_until",
        table_name="access_grant",
        postgresql_where=sa.text("pending_until IS NOT NULL"),
    )
    op.drop_index(
        "ix_access_grant_module",
        table_name="access_grant",
        postgresql_where=sa.text("module_id IS NOT NULL"),
    )
    op.drop_column("access_grant", "pending_until")
    op.drop_index(
        "uq_enrolment_live", table_name="enrolment", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(
        "ix_enrolment_member", table_name="enrolment", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_table("enrolment")
    op.drop_index("ix_course_module_module", table_name="course_module")
    op.drop_table("course_module")
    op.drop_index("ix_team_member_member", table_name="team_member")
    op.drop_table("team_member")
    op.drop_index("ix_token_name", table_name="token")
    op.drop_index("ix_token_member", table_name="token")
    op.drop_index("uq_sign_in_identity", table_name="sign_in_identity")
    op.drop_index("ix_sign_in_identity_member", table_name="sign_in_identity")
    op.drop_table("sign_in_identity")
    op.drop_index("ix_module_title", table_name="module")
    op.drop_index("ix_module_department", table_name="module")
    op.drop_table("module")
    op.drop_index(
        "uq_invitation_code",
        table_name="invitation",
        postgresql_where=sa.text("code_sha256 IS NOT NULL"),
    )
    op.drop_table("invitation")
    op.drop_table("sign_in_month")
    op.drop_index("ix_mail_queued", table_name="mail", postgresql_where=sa.text("state = 'QUEUED'"))
    op.drop_index("ix_mail_kind", table_name="mail")
    op.drop_table("mail")
    op.drop_table("invoice")
    op.drop_table("billing_account")
    op.drop_index(
        "ix_member_email",
        table_name="member",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_column("member", "activated_at")
    op.drop_index(
        "ix_member_pending",
        table_name="member",
        postgresql_where=sa.text("state = 'PENDING' AND deleted_at IS NULL"),
    )
    op.drop_table("invitation_due_segment")
    op.drop_table("invitation_due")
