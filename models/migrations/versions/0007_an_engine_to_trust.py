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

MODE = sa.Enum(
    *("SYNC", "ADD_ONLY", "REMOVE_ONLY", "FROZEN"),
    name="attachmentmode",
    native_enum=False,
    length=32,
)

SOURCES = """
CREATE OR REPLACE VIEW coordinator_source AS
SELECT workspace_id, course_id, member_id, 'DIRECT' AS kind, NULL::integer AS segment_id,
       since, cause
  FROM course_role WHERE role = 'COORDINATOR'
UNION ALL
SELECT a.workspace_id, a.course_id, m.member_id, 'SEGMENT', a.segment_id,
       greatest(a.attached_at, m.since),
       CASE WHEN a.attached_at > m.since THEN a.cause ELSE m.cause END
  FROM course_segment a
  JOIN membership m ON m.segment_id = a.segment_id AND m.until IS NULL{current}
 WHERE NOT EXISTS (SELECT FROM coordinator_override o
                    WHERE o.course_id = a.course_id AND o.member_id = m.member_id
                      AND o.kind = 'EXCLUDE')
UNION ALL{kept}
SELECT workspace_id, course_id, member_id, 'KEEP', NULL, created_at, cause
  FROM coordinator_override WHERE kind = 'KEEP'
"""

CURRENT = """
   AND (a.mode = 'SYNC' OR m.since <= a.mode_since)"""
"""Of memberships that go on: all of them; or those that held when the mode began."""

KEPT = """
SELECT a.workspace_id, a.course_id, m.member_id, 'SEGMENT', a.segment_id,
       greatest(a.attached_at, m.since),
       CASE WHEN a.attached_at > m.since THEN a.cause ELSE m.cause END
  FROM course_segment a
  JOIN membership m ON m.segment_id = a.segment_id AND {which}
   AND NOT EXISTS (SELECT FROM membership e
                    WHERE e.member_id = m.member_id AND e.segment_id = m.segment_id
                      AND e.since < m.since AND e.until > a.mode_since)
 WHERE EXISTS (SELECT FROM member p WHERE p.id = m.member_id AND p.deleted_at IS NULL)
   AND NOT EXISTS (SELECT FROM coordinator_override o
                    WHERE o.course_id = a.course_id AND o.member_id = m.member_id
                      AND o.kind = 'EXCLUDE')
UNION ALL"""
"""What modes add to these, the first of each person. The deleted are in no membership that goes on,
so here they are left out by name."""

ENDED = """a.mode IN ('ADD_ONLY', 'FROZEN')
   AND m.until > a.mode_since AND (a.mode = 'ADD_ONLY' OR m.since <= a.mode_since)"""
"""Memberships that have ended since the mode began."""

LATER = """a.mode = 'ADD_ONLY'
   AND m.until IS NULL AND m.since > a.mode_since"""
"""Memberships that go on, and have begun since the mode did."""

MODES = KEPT.format(which=ENDED) + KEPT.format(which=LATER)


def upgrade() -> None:
    _upgrade_versions()
    _upgrade_modes()
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
    _downgrade_modes()
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


def _upgrade_modes() -> None:
    """How attachments follow their segments (S8)."""
    op.add_column("course_segment", sa.Column("mode", MODE, server_default="SYNC", nullable=False))
    op.add_column("course_segment", sa.Column("mode_since", sa.DateTime(timezone=True)))
    op.execute("UPDATE course_segment SET mode_since = attached_at")
    op.alter_column(
        "course_segment",
        "mode_since",
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )
    op.create_check_constraint(
        "mode", "course_segment", "mode IN ('SYNC', 'ADD_ONLY', 'REMOVE_ONLY', 'FROZEN')"
    )
    op.create_index(
        "ix_course_segment_keeping",
        "course_segment",
        ["segment_id", "course_id"],
        postgresql_where=sa.text("mode IN ('ADD_ONLY', 'FROZEN')"),
    )
    op.create_index(
        "ix_membership_ended",
        "membership",
        ["segment_id", "until"],
        postgresql_where=sa.text("until IS NOT NULL"),
    )
    op.execute(SOURCES.format(current=CURRENT, kept=MODES))


def _downgrade_modes() -> None:
    op.execute(SOURCES.format(current="", kept=""))
    op.drop_index("ix_membership_ended", table_name="membership")
    op.drop_index("ix_course_segment_keeping", table_name="course_segment")
    op.drop_constraint("mode", "course_segment", type_="check")
    op.drop_column("course_segment", "mode_since")
    op.drop_column("course_segment", "mode")
