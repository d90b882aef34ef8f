"""an engine to trust: what ended a membership, and the journal found by it

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ORIGIN = sa.Enum(
    "CREATED", "EDITED", "ROLLED_BACK", name="versionorigin", native_enum=False, length=32
)


def upgrade() -> None:
    _upgrade_versions()
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
    _downgrade_versions()
    op.drop_index("ix_journal_entry_group", table_name="journal_entry", postgresql_using="gin")
    op.drop_index("ix_journal_entry_attachment", table_name="journal_entry")
    op.drop_index("ix_journal_entry_change_set", table_name="journal_entry")
    op.drop_column("membership", "closing_cause")


def _upgrade_versions() -> None:
    """What made a version of a rule."""
    op.add_column("segment_version", sa.Column("origin", ORIGIN, nullable=True))
    op.add_column("segment_version", sa.Column("restores", sa.Integer(), nullable=True))
    op.add_column("segment_version", sa.Column("created_by_name", sa.Text(), nullable=True))
    op.add_column("segment_version", sa.Column("cause", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE segment_version SET origin = CASE WHEN version = 1 THEN 'CREATED' ELSE 'EDITED' END"
    )
    op.alter_column("segment_version", "origin", nullable=False)
    op.create_check_constraint(
        "origin", "segment_version", "origin IN ('CREATED', 'EDITED', 'ROLLED_BACK')"
    )
    op.create_check_constraint(
        "restores", "segment_version", "(origin = 'ROLLED_BACK') = (restores IS NOT NULL)"
    )


def _downgrade_versions() -> None:
    op.drop_constraint("restores", "segment_version", type_="check")
    op.drop_constraint("origin", "segment_version", type_="check")
    for column in ("cause", "created_by_name", "restores", "origin"):
        op.drop_column("segment_version", column)
