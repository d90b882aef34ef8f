"""the beginning

Revision 0001, after .
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COORDINATOR_SOURCE = """
CREATE VIEW coordinator_source AS
SELECT workspace_id, course_id, member_id, 'DIRECT' AS kind, NULL::integer AS segment_id,
       since, cause
  FROM course_role WHERE role = 'COORDINATOR'
UNION ALL
SELECT a.workspace_id, a.course_id, m.member_id, 'SEGMENT', a.segment_id,
       greatest(a.attached_at, m.since),
       CASE WHEN a.attached_at > m.since THEN a.cause ELSE m.cause END
  FROM course_segment a
  JOIN membership m ON m.segment_id = a.segment_id AND m.until IS NULL
 WHERE NOT EXISTS (SELECT FROM coordinator_override o
                    WHERE o.course_id = a.course_id AND o.member_id = m.member_id
                      AND o.kind = 'EXCLUDE')
UNION ALL
SELECT workspace_id, course_id, member_id, 'KEEP', NULL, created_at, cause
  FROM coordinator_override WHERE kind = 'KEEP'
"""

COURSE_COORDINATOR = """
CREATE VIEW course_coordinator AS
SELECT s.workspace_id, s.course_id, s.member_id, bool_or(s.kind = 'DIRECT') AS is_direct,
       min(s.since) AS since
  FROM coordinator_source s
  JOIN member p ON p.id = s.member_id AND p.state = 'ACTIVE'
 WHERE NOT EXISTS (SELECT FROM course_role r
                    WHERE r.course_id = s.course_id AND r.member_id = s.member_id
                      AND r.role = 'INSTRUCTOR')
 GROUP BY s.workspace_id, s.course_id, s.member_id
"""

WITHIN_LIMIT_FUNCTION = """
CREATE FUNCTION course_segment_within_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE allowed smallint;
BEGIN
    PERFORM 1 FROM course WHERE id = NEW.course_id FOR NO KEY UPDATE;
    PERFORM 1 FROM workspace WHERE id = NEW.workspace_id FOR SHARE;
    SELECT coalesce(c.segment_limit, w.segment_limit) INTO allowed
      FROM course c JOIN workspace w ON w.id = c.workspace_id WHERE c.id = NEW.course_id;
    IF NEW.place > allowed THEN
        RAISE EXCEPTION 'course % carries at most % segments', NEW.course_id, allowed
            USING ERRCODE = 'check_violation', CONSTRAINT = 'course_segment_within_limit';
    END IF;
    RETURN NEW;
END $$
"""

WITHIN_LIMIT_TRIGGER = """
CREATE TRIGGER course_segment_within_limit BEFORE INSERT OR UPDATE OF place ON course_segment
FOR EACH ROW EXECUTE FUNCTION course_segment_within_limit()
"""

CREATE = (COORDINATOR_SOURCE, COURSE_COORDINATOR, WITHIN_LIMIT_FUNCTION, WITHIN_LIMIT_TRIGGER)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "change_set",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("causes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("watermark", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("today", sa.Date(), nullable=False),
        sa.Column("examined", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("suppressed", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_set")),
    )
    op.create_index("ix_change_set_workspace", "change_set", ["workspace_id", "id"], unique=False)
    op.create_table(
        "dirty_member",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_dirty_member")),
        postgresql_with={
            "fillfactor": "50",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_threshold": "200",
        },
    )
    op.create_index("ix_dirty_member_lane", "dirty_member", ["lane", "since"], unique=False)
    op.create_index(
        "ix_dirty_member_workspace", "dirty_member", ["workspace_id", "since"], unique=False
    )
    op.create_table(
        "dirty_segment",
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("segment_id", "block", name=op.f("pk_dirty_segment")),
        postgresql_with={
            "fillfactor": "50",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_threshold": "200",
        },
    )
    op.create_index(
        "ix_dirty_segment_workspace",
        "dirty_segment",
        ["workspace_id", "block", "since"],
        unique=False,
    )
    op.create_table(
        "journal_entry",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("by_member_id", sa.BigInteger(), nullable=True),
        sa.Column("by_connection_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("segment_id", sa.Integer(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("change_set_id", sa.BigInteger(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "seq", name=op.f("pk_journal_entry")),
    )
    op.create_index("ix_journal_entry_at", "journal_entry", ["workspace_id", "at"], unique=False)
    op.create_index(
        "ix_journal_entry_cause", "journal_entry", ["workspace_id", "cause"], unique=False
    )
    op.create_table(
        "lineage",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_lineage_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage")),
    )
    op.create_table(
        "membership",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "segment_id", "since", name=op.f("pk_membership")),
        postgresql_with={
            "fillfactor": "90",
            "autovacuum_vacuum_scale_factor": "0.02",
            "autovacuum_vacuum_insert_scale_factor": "0.05",
        },
    )
    op.create_index(
        "uq_membership_current",
        "membership",
        ["segment_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
        postgresql_include=["since"],
    )
    op.create_table(
        "tick_window",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("old", sa.Date(), nullable=False),
        sa.Column("new", sa.Date(), nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tick_window")),
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("segment_limit", sa.SmallInteger(), server_default="10", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "segment_limit BETWEEN 1 AND 50", name=op.f("ck_workspace_segment_limit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("slug", name=op.f("uq_workspace_slug")),
    )
    op.create_table(
        "attribute_definition",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_attribute_definition_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_attribute_definition")),
    )
    op.create_table(
        "connection",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("SCIM", "WEBHOOK", name="connectionkind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("is_enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("dropped_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "dropped",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('SCIM', 'WEBHOOK')", name=op.f("ck_connection_kind")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_connection_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_connection_workspace_id_id")),
    )
    op.create_index(
        "uq_connection_name",
        "connection",
        ["workspace_id", sa.literal_column("lower(name)")],
        unique=True,
    )
    op.create_table(
        "department",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_department_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_department_workspace_id_id")),
    )
    op.create_index(
        "uq_department_name",
        "department",
        ["workspace_id", sa.literal_column("lower(name)")],
        unique=True,
    )
    op.create_table(
        "engine_state",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("today", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_engine_state_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_engine_state")),
        postgresql_with={"fillfactor": "20"},
    )
    op.create_table(
        "idempotent_answer",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_idempotent_answer_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "caller", "key", name=op.f("pk_idempotent_answer")),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING", "ACTIVE", "DEACTIVATED", name="memberstate", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("access_epoch", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('PENDING', 'ACTIVE', 'DEACTIVATED')", name=op.f("ck_member_state")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_member_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_member_workspace_id_id")),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "ix_member_name",
        "member",
        ["workspace_id", sa.literal_column("lower(display_name)"), "id"],
        unique=False,
    )
    op.create_index(
        "uq_member_user_name",
        "member",
        ["workspace_id", sa.literal_column("lower(user_name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "segment",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "kind",
            sa.Enum("STATIC", "RULE", name="segmentkind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "DRAFT",
                "ACTIVE",
                "PAUSED",
                "BROKEN",
                name="segmentstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("broken_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("is_usable_by_departments", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("member_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("(kind = 'RULE') = (rule IS NOT NULL)", name=op.f("ck_segment_rule")),
        sa.CheckConstraint(
            "(state = 'BROKEN') = (broken_reason IS NOT NULL)", name=op.f("ck_segment_broken")
        ),
        sa.CheckConstraint("kind IN ('STATIC', 'RULE')", name=op.f("ck_segment_kind")),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'ACTIVE', 'PAUSED', 'BROKEN')", name=op.f("ck_segment_state")
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_segment_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_segment_workspace_id_id")),
    )
    op.create_index("ix_segment_epoch", "segment", ["workspace_id", "epoch"], unique=False)
    op.create_index(
        "uq_segment_name",
        "segment",
        ["workspace_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "workspace_stream",
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("head", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_workspace_stream_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_workspace_stream")),
        postgresql_with={"fillfactor": "20"},
    )
    op.create_table(
        "connection_secret",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
            name=op.f("fk_connection_secret_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_secret")),
    )
    op.create_table(
        "course",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "SELF_PACED", "INSTRUCTOR_LED", name="coursekind", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "DRAFT", "ACTIVE", "ARCHIVED", name="coursestate", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("segment_limit", sa.SmallInteger(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('SELF_PACED', 'INSTRUCTOR_LED')", name=op.f("ck_course_kind")),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'ACTIVE', 'ARCHIVED')", name=op.f("ck_course_state")
        ),
        sa.CheckConstraint("segment_limit BETWEEN 1 AND 50", name=op.f("ck_course_segment_limit")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "department_id"],
            ["department.workspace_id", "department.id"],
            name=op.f("fk_course_workspace_id_department_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_course_workspace_id_id")),
    )
    op.create_index("ix_course_department", "course", ["department_id", "id"], unique=False)
    op.create_index(
        "ix_course_title",
        "course",
        ["workspace_id", sa.literal_column("lower(title)"), "id"],
        unique=False,
    )
    op.create_table(
        "directory_group",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column(
            "clock",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connection_id"],
            ["connection.workspace_id", "connection.id"],
            name=op.f("fk_directory_group_workspace_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_group")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_directory_group_workspace_id_id")),
    )
    op.create_index(
        "uq_directory_group_name",
        "directory_group",
        ["connection_id", sa.literal_column("lower(display_name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_directory_group_external_id",
        "directory_group",
        ["connection_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_table(
        "directory_person",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column(
            "resource",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "attribute_clock",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("live_key", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tombstone_key", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connection_id"],
            ["connection.workspace_id", "connection.id"],
            name=op.f("fk_directory_person_workspace_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_directory_person_workspace_id_member_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_person")),
    )
    op.create_index("ix_directory_person_member", "directory_person", ["member_id"], unique=False)
    op.create_index(
        "uq_directory_person_external_id",
        "directory_person",
        ["connection_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "uq_directory_person_user_name",
        "directory_person",
        ["connection_id", sa.literal_column("lower(user_name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "inbox_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "RECEIVED",
                "APPLIED",
                "SUPERSEDED",
                "PARKED",
                "QUARANTINED",
                "DISCARDED",
                name="deliverystatus",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('RECEIVED', 'APPLIED', 'SUPERSEDED', 'PARKED', 'QUARANTINED', 'DISCARDED')",
            name=op.f("ck_inbox_delivery_status"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connection_id"],
            ["connection.workspace_id", "connection.id"],
            name=op.f("fk_inbox_delivery_workspace_id_connection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_delivery")),
        sa.UniqueConstraint(
            "connection_id", "delivery_id", name=op.f("uq_inbox_delivery_connection_id_delivery_id")
        ),
    )
    op.create_index("ix_inbox_delivery_status", "inbox_delivery", ["status", "id"], unique=False)
    op.create_index(
        "ix_inbox_delivery_waits_for",
        "inbox_delivery",
        ["connection_id", "waits_for"],
        unique=False,
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_table(
        "member_moment",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_member_moment_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("member_id", "attribute", name=op.f("pk_member_moment")),
    )
    op.create_index(
        "ix_member_moment_on",
        "member_moment",
        ["workspace_id", "attribute", "on_date", "member_id"],
        unique=False,
    )
    op.create_table(
        "segment_person",
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_segment_person_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["segment.workspace_id", "segment.id"],
            name=op.f("fk_segment_person_workspace_id_segment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("segment_id", "member_id", name=op.f("pk_segment_person")),
    )
    op.create_index(
        "ix_segment_person_member", "segment_person", ["member_id", "segment_id"], unique=False
    )
    op.create_table(
        "segment_version",
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["segment_id"],
            ["segment.id"],
            name=op.f("fk_segment_version_segment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("segment_id", "version", name=op.f("pk_segment_version")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("PAT", "SERVICE", "SCIM", name="tokenkind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("connection_id", sa.Integer(), nullable=True),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('PAT', 'SERVICE', 'SCIM')", name=op.f("ck_token_kind")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connection_id"],
            ["connection.workspace_id", "connection.id"],
            name=op.f("fk_token_workspace_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_token_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_token_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("module_id", sa.Integer(), nullable=True),
        sa.Column("granted_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "num_nonnulls(department_id, course_id, module_id) <= 1",
            name=op.f("ck_access_grant_one_scope"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_access_grant_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "department_id"],
            ["department.workspace_id", "department.id"],
            name=op.f("fk_access_grant_workspace_id_department_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_access_grant_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
    )
    op.create_index(
        "ix_access_grant_course",
        "access_grant",
        ["course_id"],
        unique=False,
        postgresql_where=sa.text("course_id IS NOT NULL"),
    )
    op.create_index(
        "ix_access_grant_department",
        "access_grant",
        ["department_id"],
        unique=False,
        postgresql_where=sa.text("department_id IS NOT NULL"),
    )
    op.create_index(
        "uq_access_grant",
        "access_grant",
        ["member_id", "principal", "department_id", "course_id", "module_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "coordinator_override",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("EXCLUDE", "KEEP", name="overridekind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('EXCLUDE', 'KEEP')", name=op.f("ck_coordinator_override_kind")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_coordinator_override_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_coordinator_override_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("course_id", "member_id", name=op.f("pk_coordinator_override")),
    )
    op.create_index(
        "ix_coordinator_override_expires_at",
        "coordinator_override",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_coordinator_override_member",
        "coordinator_override",
        ["member_id", "course_id"],
        unique=False,
    )
    op.create_table(
        "course_role",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "INSTRUCTOR", "COORDINATOR", name="courserolekind", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("given_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "role IN ('INSTRUCTOR', 'COORDINATOR')", name=op.f("ck_course_role_role")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_course_role_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_course_role_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("course_id", "member_id", name=op.f("pk_course_role")),
    )
    op.create_index(
        "ix_course_role_member", "course_role", ["member_id", "course_id"], unique=False
    )
    op.create_table(
        "course_segment",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column(
            "attached_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("attached_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint("place BETWEEN 1 AND 50", name=op.f("ck_course_segment_place")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_course_segment_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["segment.workspace_id", "segment.id"],
            name=op.f("fk_course_segment_workspace_id_segment_id"),
        ),
        sa.PrimaryKeyConstraint("course_id", "segment_id", name=op.f("pk_course_segment")),
        sa.UniqueConstraint("course_id", "place", name=op.f("uq_course_segment_course_id_place")),
    )
    op.create_index(
        "ix_course_segment_segment", "course_segment", ["segment_id", "course_id"], unique=False
    )
    op.create_table(
        "directory_group_member",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "group_id"],
            ["directory_group.workspace_id", "directory_group.id"],
            name=op.f("fk_directory_group_member_workspace_id_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_directory_group_member_workspace_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "member_id", name=op.f("pk_directory_group_member")),
    )
    op.create_index(
        "ix_directory_group_member_member",
        "directory_group_member",
        ["member_id", "group_id"],
        unique=False,
    )

    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP VIEW course_coordinator")
    op.execute("DROP VIEW coordinator_source")
    op.execute("DROP TRIGGER course_segment_within_limit ON course_segment")
    op.execute("DROP FUNCTION course_segment_within_limit")
    op.drop_index("ix_directory_group_member_member", table_name="directory_group_member")
    op.drop_table("directory_group_member")
    op.drop_index("ix_course_segment_segment", table_name="course_segment")
    op.drop_table("course_segment")
    op.drop_index("ix_course_role_member", table_name="course_role")
    op.drop_table("course_role")
    op.drop_index("ix_coordinator_override_member", table_name="coordinator_override")
    op.drop_index(
        "ix_coordinator_override_expires_at",
        table_name="coordinator_override",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.drop_table("coordinator_override")
    op.drop_index("uq_access_grant", table_name="access_grant", postgresql_nulls_not_distinct=True)
    op.drop_index(
        "ix_access_grant_department",
        table_name="access_grant",
        postgresql_where=sa.text("department_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_access_grant_course",
        table_name="access_grant",
        postgresql_where=sa.text("course_id IS NOT NULL"),
    )
    op.drop_table("access_grant")
    op.drop_table("token")
    op.drop_table("segment_version")
    op.drop_index("ix_segment_person_member", table_name="segment_person")
    op.drop_table("segment_person")
    op.drop_index("ix_member_moment_on", table_name="member_moment")
    op.drop_table("member_moment")
    op.drop_index(
        "ix_inbox_delivery_waits_for",
        table_name="inbox_delivery",
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    op.drop_index("ix_inbox_delivery_status", table_name="inbox_delivery")
    op.drop_table("inbox_delivery")
    op.drop_index(
        "uq_directory_person_user_name",
        table_name="directory_person",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index(
        "uq_directory_person_external_id",
        table_name="directory_person",
        postgresql_where=sa.text("external_id IS NOT NULL AND deleted_at IS NULL"),
    )
    op.drop_index("ix_directory_person_member", table_name="directory_person")
    op.drop_table("directory_person")
    op.drop_index(
        "uq_directory_group_external_id",
        table_name="directory_group",
        postgresql_where=sa.text("external_id IS NOT NULL AND deleted_at IS NULL"),
    )
    op.drop_index(
        "uq_directory_group_name",
        table_name="directory_group",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_table("directory_group")
    op.drop_index("ix_course_title", table_name="course")
    op.drop_index("ix_course_department", table_name="course")
    op.drop_table("course")
    op.drop_table("connection_secret")
    op.drop_table("workspace_stream")
    op.drop_index("uq_segment_name", table_name="segment")
    op.drop_index("ix_segment_epoch", table_name="segment")
    op.drop_table("segment")
    op.drop_index(
        "uq_member_user_name", table_name="member", postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.drop_index("ix_member_name", table_name="member")
    op.drop_table("member")
    op.drop_table("idempotent_answer")
    op.drop_table("engine_state")
    op.drop_index("uq_department_name", table_name="department")
    op.drop_table("department")
    op.drop_index("uq_connection_name", table_name="connection")
    op.drop_table("connection")
    op.drop_table("attribute_definition")
    op.drop_table("workspace")
    op.drop_table("tick_window")
    op.drop_index(
        "uq_membership_current",
        table_name="membership",
        postgresql_where=sa.text("until IS NULL"),
        postgresql_include=["since"],
    )
    op.drop_table("membership")
    op.drop_table("lineage")
    op.drop_index("ix_journal_entry_cause", table_name="journal_entry")
    op.drop_index("ix_journal_entry_at", table_name="journal_entry")
    op.drop_table("journal_entry")
    op.drop_index("ix_dirty_segment_workspace", table_name="dirty_segment")
    op.drop_table("dirty_segment")
    op.drop_index("ix_dirty_member_workspace", table_name="dirty_member")
    op.drop_index("ix_dirty_member_lane", table_name="dirty_member")
    op.drop_table("dirty_member")
    op.drop_index("ix_change_set_workspace", table_name="change_set")
    op.drop_table("change_set")
