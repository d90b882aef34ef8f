"""The coordinators of courses, as the database sees them: two views, no stored copies.

`coordinator_source` has one row per reason someone is (or would be) coordinator; it ignores
instructors and account states. A role that is ending (M40) is a reason by itself, where there is
no other. `course_coordinator` has one row per effective coordinator: an ACTIVE person with at least
one source who is not an instructor of that course (M23, M35).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
)

views = MetaData()

coordinator_source = Table(
    "coordinator_source",
    views,
    Column("workspace_id", Integer),
    Column("course_id", Integer),
    Column("member_id", BigInteger),
    Column("kind", Text),
    Column("segment_id", Integer),
    Column("since", DateTime(timezone=True)),
    Column("cause", Uuid),
)

course_coordinator = Table(
    "course_coordinator",
    views,
    Column("workspace_id", Integer),
    Column("course_id", Integer),
    Column("member_id", BigInteger),
    Column("is_direct", Boolean),
    Column("since", DateTime(timezone=True)),
)
