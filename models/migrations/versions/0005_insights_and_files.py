"""insights and files

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FACETS = (
    "'STANDING', 'DUE', 'STARTED', 'FINISHED', 'TAKEN', 'CERTIFIED', 'ATTENDED', 'ANSWERED',"
    " 'TOTAL', 'PACE', 'CHOSEN', 'WAITING', 'HANDED_IN'"
)
KINDS = "'QUIZ_INSIGHTS', 'LEARNERS', 'MEMBERS', 'AUDIT', 'IMPORT_MEMBERS', 'IMPORT_ASSIGNMENTS'"

ABOUT_COURSES = "SELECT DISTINCT course_id, 0, (member_id >> 10)::integer FROM changed"
ABOUT_QUIZZES = "SELECT DISTINCT course_id, module_id, (member_id >> 10)::integer FROM changed"
OF_REGISTRATIONS = """
SELECT DISTINCT s.course_id, 0, (changed.member_id >> 10)::integer
  FROM changed JOIN live_session s ON s.id = changed.live_session_id
"""
OF_ENDED_ATTEMPTS = """
SELECT DISTINCT changed.course_id, m.module_id, (changed.member_id >> 10)::integer
  FROM changed
  JOIN previous ON previous.id = changed.id AND previous.state <> changed.state
  JOIN attempt_module m ON m.attempt_id = changed.id
 WHERE changed.state IN ('RESET', 'ABANDONED')
"""
WHO_MOVED = """
  FROM changed
  JOIN previous ON previous.id = changed.id
   AND (previous.attributes ->> 'department', previous.deleted_at)
       IS DISTINCT FROM (changed.attributes ->> 'department', changed.deleted_at)
"""
OF_PEOPLE = f"""
SELECT DISTINCT p.course_id, 0, (changed.id >> 10)::integer
{WHO_MOVED}  JOIN progress p ON p.member_id = changed.id
"""
WHOSE_PEOPLE = f"""
PERFORM pg_advisory_xact_lock_shared(1229870419, moved.workspace_id)
   FROM (SELECT DISTINCT changed.workspace_id {WHO_MOVED} ORDER BY 1) AS moved;
"""
"""Whoever folds courses of a workspace has this lock alone: else they could count somebody as of
before a move that has not seen yet on which courses the person is."""
OF_TIME_ZONES = """
SELECT DISTINCT cell.course_id, cell.module_id, cell.block
  FROM changed
  JOIN previous ON previous.id = changed.id AND previous.time_zone <> changed.time_zone
  JOIN insight_unit unit ON unit.workspace_id = changed.id
  JOIN insight_cell cell
    ON (cell.course_id, cell.module_id) = (unit.course_id, unit.module_id) AND cell.block >= 0
"""
MARKS = {
    ("progress", "INSERT"): ABOUT_COURSES,
    ("progress", "UPDATE"): ABOUT_COURSES,
    ("attempt", "INSERT"): ABOUT_COURSES,
    ("attempt", "UPDATE"): f"{ABOUT_COURSES} UNION {OF_ENDED_ATTEMPTS}",
    ("enrolment", "INSERT"): ABOUT_COURSES,
    ("enrolment", "UPDATE"): ABOUT_COURSES,
    ("enrolment", "DELETE"): ABOUT_COURSES,
    ("certificate", "INSERT"): ABOUT_COURSES,
    ("certificate", "UPDATE"): ABOUT_COURSES,
    ("live_registration", "INSERT"): OF_REGISTRATIONS,
    ("live_registration", "UPDATE"): OF_REGISTRATIONS,
    ("live_registration", "DELETE"): OF_REGISTRATIONS,
    ("submission", "INSERT"): ABOUT_QUIZZES,
    ("submission", "UPDATE"): ABOUT_QUIZZES,
    ("submission", "DELETE"): ABOUT_QUIZZES,
    ("member", "UPDATE"): OF_PEOPLE,
    ("workspace", "UPDATE"): OF_TIME_ZONES,
}
"""What leaves a marker, and of which blocks. Once a statement, however many rows it changes."""

ROWS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed OLD TABLE AS previous",
    "DELETE": "OLD TABLE AS changed",
}


def _mark(table: str, event: str, blocks: str) -> None:
    name = f"mark_insights_{event.lower()}_of_{table}"
    first = WHOSE_PEOPLE if table == "member" else ""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {first}"
        f" INSERT INTO insight_marker (course_id, module_id, block) {blocks};"
        " RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {ROWS[event]}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_table(
        "insight_cell",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "facet",
            sa.Enum(
                "STANDING",
                "DUE",
                "STARTED",
                "FINISHED",
                "TAKEN",
                "CERTIFIED",
                "ATTENDED",
                "ANSWERED",
                "TOTAL",
                "PACE",
                "CHOSEN",
                "WAITING",
                "HANDED_IN",
                name="facet",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("slice", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("counts", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("correct", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("points", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("squares", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("most", sa.Numeric(), server_default="0", nullable=False),
        sa.CheckConstraint(
            f"facet IN ({FACETS})",
            name=op.f("ck_insight_cell_facet"),
        ),
        sa.PrimaryKeyConstraint(
            "course_id",
            "module_id",
            "block",
            "facet",
            "slice",
            "question_id",
            "key",
            "counts",
            "is_staff",
            name=op.f("pk_insight_cell"),
        ),
    )
    op.create_table(
        "insight_marker",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_marker")),
        postgresql_with={
            "fillfactor": "50",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_threshold": "200",
        },
    )
    op.create_index(
        "ix_insight_marker_unit",
        "insight_marker",
        ["course_id", "module_id", "block"],
        unique=False,
    )
    op.create_table(
        "insight_unit",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("folded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("course_id", "module_id", name=op.f("pk_insight_unit")),
    )
    op.create_index(
        op.f("ix_insight_unit_workspace_id"), "insight_unit", ["workspace_id"], unique=False
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "QUIZ_INSIGHTS",
                "LEARNERS",
                "MEMBERS",
                "AUDIT",
                "IMPORT_MEMBERS",
                "IMPORT_ASSIGNMENTS",
                name="jobkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "format",
            sa.Enum("XLSX", "CSV", name="fileformat", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "QUEUED",
                "RUNNING",
                "CHECKED",
                "DONE",
                "FAILED",
                "CANCELED",
                "EXPIRED",
                name="jobstate",
                native_enum=False,
                length=32,
            ),
            server_default="QUEUED",
            nullable=False,
        ),
        sa.Column("requested_by_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column(
            "parameters",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("runs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("input_key", sa.Text(), nullable=True),
        sa.Column("output_key", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'FAILED') = (problem IS NOT NULL)", name=op.f("ck_job_problem")
        ),
        sa.CheckConstraint("format IN ('XLSX', 'CSV')", name=op.f("ck_job_format")),
        sa.CheckConstraint(
            f"kind IN ({KINDS})",
            name=op.f("ck_job_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'RUNNING', 'CHECKED', 'DONE', 'FAILED', 'CANCELED', 'EXPIRED')",
            name=op.f("ck_job_state"),
        ),
        sa.CheckConstraint("done >= 0 AND total >= 0", name=op.f("ck_job_progress")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "course_id"],
            ["course.workspace_id", "course.id"],
            name=op.f("fk_job_workspace_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "requested_by_id"],
            ["member.workspace_id", "member.id"],
            name=op.f("fk_job_workspace_id_requested_by_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_job_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_kept",
        "job",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_job_requester", "job", ["workspace_id", "requested_by_id", "id"], unique=False
    )
    op.create_index(
        "ix_job_waiting",
        "job",
        ["lease_until", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )
    op.create_table(
        "import_row",
        sa.Column("job_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "CREATED",
                "UPDATED",
                "UNCHANGED",
                "REFUSED",
                name="importoutcome",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('CREATED', 'UPDATED', 'UNCHANGED', 'REFUSED')",
            name=op.f("ck_import_row_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_import_row_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "line", name=op.f("pk_import_row")),
    )
    op.create_index(
        "ix_import_row_refused",
        "import_row",
        ["job_id", "line"],
        unique=False,
        postgresql_where=sa.text("outcome = 'REFUSED'"),
    )
    op.add_column(
        "workspace",
        sa.Column("smallest_group", sa.SmallInteger(), server_default="5", nullable=False),
    )
    op.add_column(
        "workspace", sa.Column("kept_days", sa.SmallInteger(), server_default="7", nullable=False)
    )
    op.create_check_constraint("smallest_group", "workspace", "smallest_group BETWEEN 1 AND 1000")
    op.create_check_constraint("kept_days", "workspace", "kept_days BETWEEN 1 AND 365")
    for (table, event), blocks in MARKS.items():
        _mark(table, event, blocks)


def downgrade() -> None:
    for table, event in MARKS:
        name = f"mark_insights_{event.lower()}_of_{table}"
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_constraint("kept_days", "workspace", type_="check")
    op.drop_constraint("smallest_group", "workspace", type_="check")
    op.drop_column("workspace", "kept_days")
    op.drop_column("workspace", "smallest_group")
    op.drop_index(
        "ix_import_row_refused",
        table_name="import_row",
        postgresql_where=sa.text("outcome = 'REFUSED'"),
    )
    op.drop_table("import_row")
    op.drop_index(
        "ix_job_waiting",
        table_name="job",
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )
    op.drop_index("ix_job_requester", table_name="job")
    op.drop_index(
        "ix_job_kept", table_name="job", postgresql_where=sa.text("expires_at IS NOT NULL")
    )
    op.drop_table("job")
    op.drop_index(op.f("ix_insight_unit_workspace_id"), table_name="insight_unit")
    op.drop_table("insight_unit")
    op.drop_index("ix_insight_marker_unit", table_name="insight_marker")
    op.drop_table("insight_marker")
    op.drop_table("insight_cell")
