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


def downgrade() -> None:
    op.drop_constraint("kind", "mail", type_="check")
    op.execute(f"DELETE FROM mail WHERE kind NOT IN ({MAIL_KINDS})")  # noqa: S608
    op.create_check_constraint("kind", "mail", f"kind IN ({MAIL_KINDS})")
    op.drop_index("ix_import_row_keys", table_name="import_row", postgresql_using="gin")
    op.drop_column("import_row", "keys")
    op.drop_column("job", "applied_line")
    op.drop_column("job", "is_applied")
