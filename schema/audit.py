"""What happened, as auditors read it."""

import datetime as dt

import strawberry

from access.caller import Origin
from access.permissions import Permission
from models import journal
from resolvers import audit, done
from schema.course import Course
from schema.department import Department
from schema.member import Member
from schema.paging import Connection
from schema.requires import SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON
from schema.segment import Segment


@guarded_type(
    requires=SIGNED_IN,
    description="Something that happened: who did what, on what, from where, and because of what.",
    rows=journal.JournalEntry,
)
class AuditEntry:
    at: dt.datetime
    verb: str
    by_name: str
    before: JSON | None
    after: JSON | None
    detail: JSON | None
    reason: str | None
    redacted_at: dt.datetime | None
    seq: str = resolved_by(
        audit.seq, requires=SIGNED_IN, description="Its number in the workspace, without a gap."
    )
    origin: Origin = resolved_by(
        audit.origin, requires=SIGNED_IN, description="Through which door it came."
    )
    cause: str | None = resolved_by(
        audit.cause,
        requires=SIGNED_IN,
        description="The same for all that was done at once and all that followed from it.",
    )
    hash: str = resolved_by(
        audit.hash_of,
        requires=SIGNED_IN,
        description="The hash of the journal up to this entry. Note seq and hash elsewhere, and it"
        " can be shown that nothing up to here was changed.",
    )
    client: str | None = column(
        "client",
        requires=Permission.VIEW_AUDIT_LOG,
        description="The address it was asked from; for those who see the whole journal.",
    )
    by: Member | None = resolved_by(
        audit.by, requires=SIGNED_IN, description="Who did it, if it was a person."
    )
    by_connection_id: strawberry.ID | None = resolved_by(
        audit.by_connection_id,
        requires=SIGNED_IN,
        description="The connection, if it was an identity provider.",
    )
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="The person it was about."
    )
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course it was about, if one may see it."
    )
    segment: Segment | None = resolved_by(
        done.segment,
        requires=SIGNED_IN,
        description="The segment it was about, if one may see it.",
    )
    department: Department | None = resolved_by(
        done.department,
        requires=SIGNED_IN,
        description="The department whose it was at that time.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about what happened.")
class AuditQuery:
    view_audit_log: Connection[AuditEntry] | None = resolved_by(
        audit.view_audit_log,
        requires=any_of(Permission.VIEW_AUDIT_LOG).by_operation(),
        description="What happened, newest first: everything, billing events, or what was in"
        " one's own department or course. Verbs may end in `*`; `since` is included, `until`"
        " is not.",
    )
