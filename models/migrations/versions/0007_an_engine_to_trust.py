"""an engine to trust: what ended a membership, and the journal found by it

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

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

PIN_ORIGIN = sa.Enum("UNDO", "HOLD", name="pinorigin", native_enum=False, length=32)

HOLD_STATE = sa.Enum("OPEN", "DECIDED", "RELEASED", name="holdstate", native_enum=False, length=32)

MAIL_KINDS = (
    "'INVITATION', 'INVOICE', 'PAYMENT_METHOD_CHANGED', 'CERTIFICATE_ISSUED',"
    " 'LIVE_SESSION_BOOKED', 'LIVE_SESSION_WAITLISTED', 'LIVE_SESSION_PROMOTED',"
    " 'LIVE_SESSION_CHANGED', 'LIVE_SESSION_CANCELLED', 'LIVE_SESSION_WAITLIST_ENDED',"
    " 'COURSE_INSIGHTS'"
)

BUILDS_ON = (
    'jsonb_path_query_array(rule, \'strict $.** ? (@.attr == "memberOf")'
    '.value.** ? (@.type() == "number")\')'
)

ASKS_ABOVE = (
    "coalesce(jsonb_path_exists(rule,"
    """ 'strict $.** ? (@.attr == "reportsTo" || @.attr == "reportsDirectlyTo")'), false)"""
)

MANAGER = "lower(btrim(attributes ->> 'manager'))"

MANAGER_OF = """
CREATE FUNCTION manager_of(whose integer, said text, self bigint) RETURNS bigint
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
SELECT nullif(coalesce(
    (SELECT m.id FROM directory_person d JOIN member m ON m.id = d.member_id
      WHERE d.id = CASE WHEN lower(btrim(said)) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                        THEN CAST(btrim(said) AS uuid) END
        AND d.workspace_id = whose AND d.deleted_at IS NULL AND m.deleted_at IS NULL),
    (SELECT m.id FROM member m
      WHERE m.workspace_id = whose AND lower(m.user_name) = lower(btrim(said))
        AND m.deleted_at IS NULL)), self)
$$
"""
"""Who is meant by the attribute `manager`: by SCIM id, else by user name; else, and of oneself,
nobody. By indexes, whatever PostgreSQL knows of the tables, as during a first load."""

MANAGER_TRIGGERS = (
    """
CREATE FUNCTION follow_manager() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.manager_id := manager_of(NEW.workspace_id, NEW.attributes ->> 'manager', NEW.id);
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER member_manager BEFORE UPDATE OF attributes ON member FOR EACH ROW
  WHEN (NEW.attributes ->> 'manager' IS DISTINCT FROM OLD.attributes ->> 'manager')
  EXECUTE FUNCTION follow_manager()
""",
    """
CREATE FUNCTION mark_reports_of_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dirty_reports AS d (member_id, workspace_id)
    SELECT id, workspace_id FROM added ORDER BY id
    ON CONFLICT (member_id) DO UPDATE SET has_moved = d.has_moved;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER member_reports_of_new AFTER INSERT ON member REFERENCING NEW TABLE AS added
   FOR EACH STATEMENT EXECUTE FUNCTION mark_reports_of_new()
""",
    """
CREATE FUNCTION mark_reports() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dirty_reports AS d (member_id, workspace_id, has_moved)
    VALUES (NEW.id, NEW.workspace_id, NEW.manager_id IS DISTINCT FROM OLD.manager_id)
    ON CONFLICT (member_id) DO UPDATE SET has_moved = d.has_moved OR excluded.has_moved;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER member_reports AFTER UPDATE OF attributes, user_name, deleted_at, manager_id
    ON member FOR EACH ROW
  WHEN ((NEW.attributes ->> 'manager', NEW.manager_id, NEW.user_name, NEW.deleted_at)
        IS DISTINCT FROM
        (OLD.attributes ->> 'manager', OLD.manager_id, OLD.user_name, OLD.deleted_at))
  EXECUTE FUNCTION mark_reports()
""",
    """
CREATE FUNCTION mark_reports_of_known() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dirty_reports AS d (member_id, workspace_id)
    SELECT id, NEW.workspace_id FROM (
        SELECT NEW.member_id AS id
         UNION SELECT CASE WHEN TG_OP = 'UPDATE' THEN OLD.member_id END) AS these
     WHERE id IS NOT NULL ORDER BY id
    ON CONFLICT (member_id) DO UPDATE SET has_moved = d.has_moved;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER directory_person_reports_of_new AFTER INSERT ON directory_person FOR EACH ROW
  WHEN (NEW.member_id IS NOT NULL) EXECUTE FUNCTION mark_reports_of_known()
""",
    """
CREATE TRIGGER directory_person_reports AFTER UPDATE OF member_id, deleted_at
    ON directory_person FOR EACH ROW
  WHEN ((NEW.member_id, NEW.deleted_at) IS DISTINCT FROM (OLD.member_id, OLD.deleted_at))
  EXECUTE FUNCTION mark_reports_of_known()
""",
)
"""Whoever changes a person, by whatever door, says who the manager is, as far as can be seen, and
leaves a marker: a duty looks again when it has committed. Of somebody new it is the first to say:
it asks about thousands at once."""

SETTINGS = (
    ("grace_days", sa.SmallInteger(), "0", "0 AND 30"),
    ("hold_people", sa.Integer(), "10", "0 AND 1000000000"),
    ("hold_percent", sa.SmallInteger(), "20", "0 AND 100"),
    ("hold_minutes", sa.Integer(), "60", "1 AND 10080"),
)
"""Of a workspace: column, type, what it begins with, and what it may be."""

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
SELECT workspace_id, course_id, member_id, {beside}, NULL, created_at, cause
  FROM coordinator_override WHERE kind {which}
"""

KEPT_ALONE = {"beside": "'KEEP'", "which": "= 'KEEP'"}
OR_ENDING = {"beside": "kind::text", "which": "IN ('KEEP', 'ENDING')"}
"""What is said beside the rules that makes somebody coordinator."""

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
    _upgrade_holds()
    _upgrade_grace()
    _upgrade_health()
    _upgrade_relations()
    _upgrade_reports()
    _upgrade_change_sets()
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
    _downgrade_change_sets()
    _downgrade_reports()
    _downgrade_relations()
    _downgrade_grace()
    _downgrade_health()
    _downgrade_holds()
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
    op.execute(SOURCES.format(current=CURRENT, kept=MODES, **KEPT_ALONE))


def _downgrade_modes() -> None:
    op.execute(SOURCES.format(current="", kept="", **KEPT_ALONE))
    op.drop_index("ix_membership_ended", table_name="membership")
    op.drop_index("ix_course_segment_keeping", table_name="course_segment")
    op.drop_constraint("mode", "course_segment", type_="check")
    op.drop_column("course_segment", "mode_since")
    op.drop_column("course_segment", "mode")


def _upgrade_holds() -> None:
    """Decisions about single people, and removals that wait (S11, S12)."""
    for name, type, default, allowed in SETTINGS:
        op.add_column("workspace", sa.Column(name, type, server_default=default, nullable=False))
        op.create_check_constraint(name, "workspace", f"{name} BETWEEN {allowed}")
    op.add_column("change_set", sa.Column("held", sa.Integer(), server_default="0", nullable=False))
    op.add_column("change_set", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("change_set", sa.Column("lost", sa.ARRAY(sa.BigInteger()), nullable=True))
    op.create_index(
        "ix_change_set_lost",
        "change_set",
        ["workspace_id", "at"],
        postgresql_where=sa.text("lost IS NOT NULL"),
    )
    op.add_column("membership", sa.Column("closed_by_rule", sa.Boolean(), nullable=True))
    _create_pins()
    _create_holds()


def _upgrade_relations() -> None:
    """What segments build on (S1)."""
    builds_on = sa.Column("builds_on", postgresql.JSONB(), sa.Computed(BUILDS_ON, persisted=True))
    op.add_column("segment", builds_on)
    op.create_index(
        "ix_segment_builds_on",
        "segment",
        ["workspace_id"],
        postgresql_where=sa.text("builds_on <> '[]'"),
    )


def _downgrade_relations() -> None:
    op.drop_index(
        "ix_segment_builds_on",
        table_name="segment",
        postgresql_where=sa.text("builds_on <> '[]'"),
    )
    op.drop_column("segment", "builds_on")


def _upgrade_reports() -> None:
    """Who is above whom (S1)."""
    op.add_column("member", sa.Column("manager_id", sa.BigInteger(), nullable=True))
    asks_above: sa.Column[bool] = sa.Column(
        "asks_above", sa.Boolean(), sa.Computed(ASKS_ABOVE, persisted=True), nullable=False
    )
    op.add_column("segment", asks_above)
    op.create_index(
        "ix_segment_asks_above",
        "segment",
        ["workspace_id"],
        postgresql_where=sa.text("asks_above"),
    )
    op.execute(MANAGER_OF)
    op.execute(
        "UPDATE member SET manager_id = manager_of(workspace_id, attributes ->> 'manager', id)"
        " WHERE attributes ->> 'manager' IS NOT NULL AND deleted_at IS NULL"
    )
    op.create_index(
        "ix_member_manager",
        "member",
        ["manager_id"],
        postgresql_where=sa.text("manager_id IS NOT NULL"),
    )
    op.create_index(
        "ix_member_manager_said",
        "member",
        ["workspace_id", sa.text(MANAGER)],
        postgresql_where=sa.text("attributes ->> 'manager' IS NOT NULL"),
    )
    op.create_table(
        "dirty_reports",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("has_moved", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("member_id"),
        postgresql_with={
            "fillfactor": "50",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_threshold": "200",
        },
    )
    op.create_index("ix_dirty_reports_workspace", "dirty_reports", ["workspace_id", "since"])
    for statement in MANAGER_TRIGGERS:
        op.execute(statement)


def _downgrade_reports() -> None:
    for trigger in ("manager", "reports_of_new", "reports"):
        op.execute(f"DROP TRIGGER member_{trigger} ON member")
    for trigger in ("directory_person_reports_of_new", "directory_person_reports"):
        op.execute(f"DROP TRIGGER {trigger} ON directory_person")
    for function in (
        "follow_manager()",
        "mark_reports_of_new()",
        "mark_reports()",
        "mark_reports_of_known()",
        "manager_of(integer, text, bigint)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("dirty_reports")
    op.drop_index("ix_member_manager_said", table_name="member")
    op.drop_index("ix_member_manager", table_name="member")
    op.drop_column("member", "manager_id")
    op.drop_index("ix_segment_asks_above", table_name="segment")
    op.drop_column("segment", "asks_above")


def _upgrade_grace() -> None:
    """Coordinators whose role is ending (M40)."""
    _say_kinds("coordinator_override", "'EXCLUDE', 'KEEP', 'ENDING'")
    _say_kinds("mail", f"{MAIL_KINDS}, 'COORDINATOR_ENDING', 'HOLD_OPENED'")
    op.add_column(
        "coordinator_override", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_coordinator_override_ending",
        "coordinator_override",
        ["workspace_id", "member_id"],
        postgresql_where=sa.text("kind = 'ENDING'"),
    )
    op.create_index(
        "ix_coordinator_override_untold",
        "coordinator_override",
        ["created_at"],
        postgresql_where=sa.text("kind = 'ENDING' AND told_at IS NULL"),
    )
    op.execute(SOURCES.format(current=CURRENT, kept=MODES, **OR_ENDING))


def _downgrade_grace() -> None:
    op.execute(SOURCES.format(current=CURRENT, kept=MODES, **KEPT_ALONE))
    op.execute("DELETE FROM coordinator_override WHERE kind = 'ENDING'")
    op.execute("DELETE FROM mail WHERE kind IN ('COORDINATOR_ENDING', 'HOLD_OPENED')")
    op.drop_index("ix_coordinator_override_untold", table_name="coordinator_override")
    op.drop_index("ix_coordinator_override_ending", table_name="coordinator_override")
    op.drop_column("coordinator_override", "told_at")
    _say_kinds("mail", MAIL_KINDS)
    _say_kinds("coordinator_override", "'EXCLUDE', 'KEEP'")


def _say_kinds(table: str, kinds: str) -> None:
    op.drop_constraint("kind", table, type_="check")
    op.create_check_constraint("kind", table, f"kind IN ({kinds})")


def _create_pins() -> None:
    op.create_table(
        "membership_pin",
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("is_in", sa.Boolean(), nullable=False),
        sa.Column("origin", PIN_ORIGIN, nullable=False),
        sa.Column("change_set_id", sa.BigInteger(), nullable=True),
        sa.Column("hold_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint("origin IN ('UNDO', 'HOLD')", name="origin"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["segment.workspace_id", "segment.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("segment_id", "member_id"),
    )
    op.create_index("ix_membership_pin_member", "membership_pin", ["member_id", "segment_id"])
    op.create_index(
        "ix_membership_pin_expires_at",
        "membership_pin",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )


def _create_holds() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("segment_id", sa.Integer(), nullable=True),
        sa.Column("state", HOLD_STATE, server_default="OPEN", nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("held", "approved", "discarded")
        ),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(state = 'OPEN') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint("state IN ('OPEN', 'DECIDED', 'RELEASED')", name="state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_hold_workspace", "hold", ["workspace_id", "id"])
    op.create_index("ix_hold_untold", "hold", ["id"], postgresql_where=sa.text("told_at IS NULL"))
    op.create_index(
        "uq_hold_open",
        "hold",
        ["workspace_id", "segment_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_table(
        "held_removal",
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("hold_id", sa.BigInteger(), nullable=False),
        sa.Column("is_approved", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id", "member_id"),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("ix_held_removal_member", "held_removal", ["member_id", "segment_id"])
    op.create_index("ix_held_removal_hold", "held_removal", ["hold_id", "segment_id", "member_id"])


def _upgrade_change_sets() -> None:
    """Change sets are found by segment and by cause (S12)."""
    op.add_column(
        "change_set",
        sa.Column("segment_ids", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False),
    )
    op.execute(
        "UPDATE change_set c SET segment_ids = ARRAY("
        " SELECT CAST(key AS integer)"
        " FROM journal_entry j, jsonb_object_keys(j.detail -> 'segments') key"
        " WHERE j.workspace_id = c.workspace_id AND j.change_set_id = c.id ORDER BY 1)"
    )
    op.drop_index("ix_change_set_workspace", table_name="change_set")
    op.create_index("ix_change_set_newest", "change_set", ["workspace_id", sa.text("(- id)")])
    op.create_index("ix_change_set_segments", "change_set", ["segment_ids"], postgresql_using="gin")
    op.create_index(
        "ix_change_set_causes",
        "change_set",
        ["causes"],
        postgresql_using="gin",
        postgresql_ops={"causes": "jsonb_path_ops"},
    )


def _downgrade_change_sets() -> None:
    op.drop_index("ix_change_set_newest", table_name="change_set")
    op.create_index("ix_change_set_workspace", "change_set", ["workspace_id", "id"])
    op.drop_index("ix_change_set_causes", table_name="change_set", postgresql_using="gin")
    op.drop_index("ix_change_set_segments", table_name="change_set", postgresql_using="gin")
    op.drop_column("change_set", "segment_ids")


def _downgrade_holds() -> None:
    for table in ("held_removal", "hold", "membership_pin"):
        op.drop_table(table)
    op.drop_column("membership", "closed_by_rule")
    op.drop_index("ix_change_set_lost", table_name="change_set")
    op.drop_column("change_set", "lost")
    op.drop_column("change_set", "undone_at")
    op.drop_column("change_set", "held")
    for name, *_ in SETTINGS:
        op.drop_constraint(name, "workspace", type_="check")
        op.drop_column("workspace", name)


def _upgrade_health() -> None:
    """Turns of workspaces, people the engine fails with, and nightly verification (S13, S15)."""
    op.drop_index("ix_dirty_member_lane", table_name="dirty_member")
    op.create_index("ix_dirty_member_lane", "dirty_member", ["lane", "workspace_id", "since"])
    op.create_index(
        "ix_dirty_segment_oldest",
        "dirty_segment",
        ["workspace_id", "since"],
        postgresql_where=sa.text("block >= 0"),
    )
    op.create_table(
        "parked_member",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column(
            "parked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("member_id"),
    )
    op.create_index("ix_parked_member_workspace", "parked_member", ["workspace_id", "member_id"])
    op.create_index(
        "ix_parked_member_retry_at",
        "parked_member",
        ["retry_at"],
        postgresql_where=sa.text("retry_at IS NOT NULL"),
    )
    _create_verification()


def _create_verification() -> None:
    op.create_table(
        "verification",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column(
            "began_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_block", sa.Integer(), server_default="0", nullable=False),
        sa.Column("blocks", sa.Integer(), server_default="0", nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("pairs_checked", "missing", "extra", "needless", "pending")
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_verification_workspace", "verification", ["workspace_id", "id"])
    op.create_index(
        "uq_verification_running",
        "verification",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _downgrade_health() -> None:
    op.drop_table("verification")
    op.drop_table("parked_member")
    op.drop_index("ix_dirty_segment_oldest", table_name="dirty_segment")
    op.drop_index("ix_dirty_member_lane", table_name="dirty_member")
    op.create_index("ix_dirty_member_lane", "dirty_member", ["lane", "since"])
