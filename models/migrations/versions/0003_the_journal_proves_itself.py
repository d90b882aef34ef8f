"""the journal proves itself

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OF_COURSES = """
UPDATE journal_entry SET department_id = course.department_id
  FROM course
 WHERE course.workspace_id = journal_entry.workspace_id AND course.id = journal_entry.course_id
"""
"""No course has changed its department so far: what it has now, it had then."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("journal_entry", sa.Column("department_id", sa.Integer(), nullable=True))
    op.execute(OF_COURSES)


def downgrade() -> None:
    op.drop_column("journal_entry", "department_id")
