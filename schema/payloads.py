"""What mutations answer: the things they touched, or a refusal."""

import strawberry

from resolvers import done
from resolvers.answers import Answer
from schema.course import Course
from schema.member import Member
from schema.refusal import Refusal
from schema.requires import SIGNED_IN, column, guarded_type, resolved_by
from schema.scalars import Cursor
from schema.segment import Segment
from schema.viewer import Workspace


@strawberry.interface(description="What every mutation answers.")
class Payload:
    client_mutation_id: str | None = column(
        "client_mutation_id", requires=SIGNED_IN, description="As it was given."
    )
    cursor: Cursor | None = column(
        "cursor",
        requires=SIGNED_IN,
        description="The place in the journal this reached; give it as `atLeast:` to read it.",
    )
    refusal: Refusal | None = column(
        "refusal", requires=SIGNED_IN, description="Why nothing was done, where nothing was."
    )


@guarded_type(requires=SIGNED_IN, description="A course was changed.", rows=Answer)
class CoursePayload(Payload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )
    assigned: list[Member] = resolved_by(
        done.assigned, requires=SIGNED_IN, description="Those who were given a role."
    )
    already: list[Member] = resolved_by(
        done.already, requires=SIGNED_IN, description="Those who held it already."
    )
    kept: list[Member] = resolved_by(
        done.kept, requires=SIGNED_IN, description="Those left as they were, in conflict."
    )
    removed: list[Member] = resolved_by(
        done.removed, requires=SIGNED_IN, description="Those a role was taken from."
    )


@guarded_type(requires=SIGNED_IN, description="A segment was attached or detached.", rows=Answer)
class AttachmentPayload(Payload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )
    segment: Segment | None = resolved_by(
        done.segment, requires=SIGNED_IN, description="The segment."
    )


@guarded_type(requires=SIGNED_IN, description="Something was said beside the rules.", rows=Answer)
class OverridePayload(Payload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")


@guarded_type(requires=SIGNED_IN, description="A segment was changed.", rows=Answer)
class SegmentPayload(Payload):
    segment: Segment | None = resolved_by(
        done.segment, requires=SIGNED_IN, description="The segment, after; null when deleted."
    )


@guarded_type(requires=SIGNED_IN, description="Pins have gone.", rows=Answer)
class UnpinPayload(Payload):
    segment: Segment | None = resolved_by(
        done.segment, requires=SIGNED_IN, description="The segment."
    )
    changed: list[Member] = resolved_by(
        done.changed, requires=SIGNED_IN, description="Those about whom its rule decides again."
    )


@guarded_type(requires=SIGNED_IN, description="A person was changed.", rows=Answer)
class MemberPayload(Payload):
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="The person, after."
    )
    changed: list[Member] = resolved_by(
        done.changed, requires=SIGNED_IN, description="Everybody whose account changed."
    )


@guarded_type(requires=SIGNED_IN, description="The workspace was changed.", rows=Answer)
class WorkspacePayload(Payload):
    workspace: Workspace | None = resolved_by(
        done.workspace, requires=SIGNED_IN, description="The workspace, after."
    )
