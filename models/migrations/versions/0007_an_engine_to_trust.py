"""an engine to trust: what ended a membership, and the journal found by it

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("membership", sa.Column("closing_cause", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_journal_entry_change_set",
        "journal_entry",
        ["workspace_id", "change_set_id"],
        postgresql_where=sa.text("change_set_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_entry_attachment",
        "journal_entry",
        ["workspace_id", "course_id", "segment_id", "seq"],
        postgresql_where=sa.text("course_id IS NOT NULL AND segment_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_entry_group",
        "journal_entry",
        ["detail"],
        postgresql_using="gin",
        postgresql_ops={"detail": "jsonb_path_ops"},
        postgresql_where=sa.text("verb = 'group.changed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_journal_entry_group", table_name="journal_entry", postgresql_using="gin")
    op.drop_index("ix_journal_entry_attachment", table_name="journal_entry")
    op.drop_index("ix_journal_entry_change_set", table_name="journal_entry")
    op.drop_column("membership", "closing_cause")
