"""files that are brought, and insights by mail

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MAIL_KINDS = (
    "'INVITATION', 'INVOICE', 'PAYMENT_METHOD_CHANGED', 'CERTIFICATE_ISSUED',"
    " 'LIVE_SESSION_BOOKED', 'LIVE_SESSION_WAITLISTED', 'LIVE_SESSION_PROMOTED',"
    " 'LIVE_SESSION_CHANGED', 'LIVE_SESSION_CANCELLED', 'LIVE_SESSION_WAITLIST_ENDED'"
)
MORE_KINDS = f"{MAIL_KINDS}, 'COURSE_INSIGHTS'"

ABOUT_COURSES = "SELECT DISTINCT course_id, 0, (member_id >> 10)::integer FROM changed"
MODULES = """
 CROSS JOIN LATERAL (SELECT m.module_id FROM attempt_module m WHERE m.attempt_id = a.id
                      OFFSET 0) AS m"""
OF_RESETS = f"""
SELECT DISTINCT a.course_id, m.module_id, (a.member_id >> 10)::integer
  FROM (SELECT course_id, member_id, min(attempts_before) AS low, max(attempts_before) AS high
          FROM (SELECT course_id, member_id, attempts_before FROM changed
                 UNION ALL
                SELECT course_id, member_id, attempts_before FROM previous) AS either
         GROUP BY course_id, member_id HAVING min(attempts_before) <> max(attempts_before)) AS p
 CROSS JOIN LATERAL (SELECT * FROM attempt a
                      WHERE a.course_id = p.course_id AND a.member_id = p.member_id
                        AND a.number > p.low AND a.number <= p.high OFFSET 0) AS a{MODULES}
"""  # noqa: S608 - made of constants of ours
OF_ENDED_ATTEMPTS = f"""
SELECT DISTINCT a.course_id, m.module_id, (a.member_id >> 10)::integer
  FROM (SELECT id, course_id, member_id, state FROM changed
         UNION ALL
        SELECT id, course_id, member_id, state FROM previous) AS a{MODULES}
 WHERE a.state IN ('RESET', 'ABANDONED')
"""  # noqa: S608 - made of constants of ours
WHO_MOVED = """
  FROM (SELECT id, workspace_id
          FROM (SELECT id, workspace_id, attributes ->> 'department' AS department, deleted_at
                  FROM changed
                 UNION ALL
                SELECT id, workspace_id, attributes ->> 'department', deleted_at
                  FROM previous) AS either
         GROUP BY id, workspace_id
        HAVING min(department) <> max(department) OR count(department) = 1
            OR min(deleted_at) <> max(deleted_at) OR count(deleted_at) = 1) AS moved
"""
"""Before and after are put together, never joined: for bulk changes PostgreSQL would keep the plan
that it made when a single row had changed."""

OF_ENDED_BEFORE = """
SELECT DISTINCT changed.course_id, m.module_id, (changed.member_id >> 10)::integer
  FROM changed
  JOIN previous ON previous.id = changed.id AND previous.state <> changed.state
  JOIN attempt_module m ON m.attempt_id = changed.id
 WHERE changed.state IN ('RESET', 'ABANDONED')
"""
WHO_MOVED_BEFORE = """
  FROM changed
  JOIN previous ON previous.id = changed.id
   AND (previous.attributes ->> 'department', previous.deleted_at)
       IS DISTINCT FROM (changed.attributes ->> 'department', changed.deleted_at)
"""
MARK_QUIZZES = """
INSERT INTO insight_marker (course_id, module_id, block)
SELECT DISTINCT course_id, module_id, block FROM insight_cell WHERE module_id > 0 AND block >= 0
"""
"""What was completed and reset counted in figures of quizzes, and does so no longer; answers that
came at once share the time they took."""


def _mark(table: str, blocks: str, first: str = "") -> None:
    op.execute(
        f"CREATE OR REPLACE FUNCTION mark_insights_update_of_{table}() RETURNS trigger"
        f" LANGUAGE plpgsql AS $$ BEGIN {first}"
        f" INSERT INTO insight_marker (course_id, module_id, block) {blocks};"
        " RETURN NULL; END $$"
    )


def _of_people(moved: str, id: str, workspace: str) -> tuple[str, str]:
    blocks = f"""
SELECT DISTINCT p.course_id, 0, ({id} >> 10)::integer
{moved} CROSS JOIN LATERAL (SELECT p.course_id FROM progress p WHERE p.member_id = {id}
                      OFFSET 0) AS p
"""  # noqa: S608 - made of constants of ours
    first = f"""
PERFORM pg_advisory_xact_lock_shared(1229870419, whose.workspace_id)
   FROM (SELECT DISTINCT {workspace} {moved} ORDER BY 1) AS whose;
"""
    return blocks, first


def upgrade() -> None:
    op.add_column(
        "job", sa.Column("is_applied", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "job", sa.Column("applied_line", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "import_row",
        sa.Column(
            "keys", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.create_index(
        "ix_import_row_keys",
        "import_row",
        ["keys"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": False},
    )
    op.drop_constraint("kind", "mail", type_="check")
    op.create_check_constraint("kind", "mail", f"kind IN ({MORE_KINDS})")
    _mark("progress", f"{ABOUT_COURSES} UNION {OF_RESETS}")
    _mark("attempt", f"{ABOUT_COURSES} UNION {OF_ENDED_ATTEMPTS}")
    _mark("member", *_of_people(WHO_MOVED, "moved.id", "moved.workspace_id"))
    op.execute(MARK_QUIZZES)


def downgrade() -> None:
    op.execute(MARK_QUIZZES)
    _mark("member", *_of_people(WHO_MOVED_BEFORE, "changed.id", "changed.workspace_id"))
    _mark("attempt", f"{ABOUT_COURSES} UNION {OF_ENDED_BEFORE}")
    _mark("progress", ABOUT_COURSES)
    op.drop_constraint("kind", "mail", type_="check")
    op.execute(f"DELETE FROM mail WHERE kind NOT IN ({MAIL_KINDS})")  # noqa: S608
    op.create_check_constraint("kind", "mail", f"kind IN ({MAIL_KINDS})")
    op.drop_index("ix_import_row_keys", table_name="import_row", postgresql_using="gin")
    op.drop_column("import_row", "keys")
    op.drop_column("job", "applied_line")
    op.drop_column("job", "is_applied")
