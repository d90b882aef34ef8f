"""the journal proves itself

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FOUND_BY = (
    *("by_member_id", "by_connection_id"),
    *("department_id", "course_id", "segment_id", "member_id"),
)

NOTHING_BEFORE = f"'\\x{'00' * 32}'"

LINK = """
CREATE FUNCTION journal_link(so_far bytea, before bytea, digest bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(coalesce(so_far, before) || digest);
END
$$
"""
CHAIN = """
CREATE AGGREGATE journal_chain(before bytea, digest bytea) (SFUNC = journal_link, STYPE = bytea)
"""
"""The hash after these digests, in order, when `before` was the hash before the first of them."""

EXISTING = f"""
WITH salted AS MATERIALIZED (
    SELECT entry.*, course.department_id AS of_course, gen_random_uuid() AS new_salt
      FROM journal_entry AS entry
      LEFT JOIN course
        ON course.workspace_id = entry.workspace_id AND course.id = entry.course_id
), digested AS MATERIALIZED (
    SELECT workspace_id, seq, of_course, new_salt,
           sha256(convert_to(json_build_object('workspace_id', workspace_id,
           'seq', seq, 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'verb', verb, 'origin', origin, 'client', client, 'by_member_id', by_member_id,
           'by_connection_id', by_connection_id, 'by_name', by_name, 'cause', cause,
           'department_id', of_course, 'course_id', course_id, 'segment_id', segment_id,
           'member_id', member_id, 'change_set_id', change_set_id, 'before', before,
           'after', after, 'detail', detail, 'reason', reason, 'salt', new_salt)::text, 'UTF8')
           ) AS new_digest
      FROM salted
), chained AS MATERIALIZED (
    SELECT digested.*, journal_chain({NOTHING_BEFORE}::bytea, new_digest)
           OVER (PARTITION BY workspace_id ORDER BY seq ROWS UNBOUNDED PRECEDING) AS new_hash
      FROM digested
)
UPDATE journal_entry AS entry
   SET department_id = of_course, salt = new_salt, digest = new_digest, hash = new_hash
  FROM chained
 WHERE entry.workspace_id = chained.workspace_id AND entry.seq = chained.seq
"""  # noqa: S608 (a constant of this file)
"""Chain what is there. No course has changed its department so far: what it has now, it had."""

HEADS = """
UPDATE workspace_stream AS stream SET hash = entry.hash
  FROM journal_entry AS entry
 WHERE entry.workspace_id = stream.workspace_id AND entry.seq = stream.head
"""

REFUSE = """
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The journal is append-only: % is refused.', tg_op
          USING ERRCODE = 'restrict_violation';
END
$$
"""
GUARD = """
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()
"""
ALWAYS = "ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_is_append_only"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("LOCK TABLE journal_entry, workspace_stream IN ACCESS EXCLUSIVE MODE")
    op.add_column("journal_entry", sa.Column("department_id", sa.Integer(), nullable=True))
    op.add_column("journal_entry", sa.Column("client", sa.Text(), nullable=True))
    op.add_column("journal_entry", sa.Column("salt", sa.Uuid(), nullable=True))
    op.add_column("journal_entry", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("journal_entry", sa.Column("hash", sa.LargeBinary(), nullable=True))
    op.add_column(
        "journal_entry", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "workspace_stream",
        sa.Column("hash", sa.LargeBinary(), server_default=sa.text(NOTHING_BEFORE), nullable=False),
    )
    op.execute(LINK)
    op.execute(CHAIN)
    op.execute(EXISTING)
    op.execute(HEADS)
    op.alter_column("journal_entry", "digest", nullable=False)
    op.alter_column("journal_entry", "hash", nullable=False)
    _make_indexes()
    op.execute(REFUSE)
    op.execute(GUARD)
    op.execute(ALWAYS)


def _make_indexes() -> None:
    op.create_index(
        "ix_journal_entry_verb",
        "journal_entry",
        ["workspace_id", "verb", "seq"],
        postgresql_ops={"verb": "text_pattern_ops"},
    )
    op.create_index(
        "ix_journal_entry_reason",
        "journal_entry",
        ["workspace_id", "seq"],
        postgresql_where=sa.text("reason IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_entry_billing_mail",
        "journal_entry",
        ["workspace_id", "seq"],
        postgresql_where=sa.text("detail ->> 'kind' IN ('INVOICE', 'PAYMENT_METHOD_CHANGED')"),
    )
    for column in FOUND_BY:
        op.create_index(
            f"ix_journal_entry_{column.removesuffix('_id')}",
            "journal_entry",
            ["workspace_id", column, "seq"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def downgrade() -> None:
    op.execute("DROP TRIGGER journal_is_append_only ON journal_entry")
    op.execute("DROP FUNCTION journal_is_append_only()")
    for name in (
        "verb",
        "reason",
        "billing_mail",
        *(each.removesuffix("_id") for each in FOUND_BY),
    ):
        op.drop_index(f"ix_journal_entry_{name}", table_name="journal_entry")
    op.drop_column("workspace_stream", "hash")
    for name in ("redacted_at", "hash", "digest", "salt", "client", "department_id"):
        op.drop_column("journal_entry", name)
    op.execute("DROP AGGREGATE journal_chain(bytea, bytea)")
    op.execute("DROP FUNCTION journal_link(bytea, bytea, bytea)")
