"""What runs of the engine changed, and how it is taken back (S12)."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import segments as stored
from operations.undo import Contradiction
from resolvers import answers, done
from resolvers import change_sets as answered
from resolvers.answers import Answer
from schema.explanation import Cause
from schema.member import Member
from schema.node import Node
from schema.paging import Connection
from schema.payloads import Payload
from schema.refusal import Refusal
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded_type,
    resolved_by,
)

if TYPE_CHECKING:
    from schema.segment import Segment

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=MANAGE,
    description="Somebody whom a change set put into a segment, or took out of it.",
    rows=stored.Membership,
)
class MovedPerson:
    since: dt.datetime = column("since", requires=INHERITED, description="In it from then on.")
    until: dt.datetime | None = column(
        "until", requires=INHERITED, description="In it until then; null where that goes on."
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="Who.")
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        done.any_segment, requires=SIGNED_IN, description="Which segment, if it is there."
    )


@guarded_type(
    requires=MANAGE,
    description="What one run of the engine changed, and why. Everything numbered up to `watermark`"
    " is reflected in it, for the people it looked at.",
    rows=stored.ChangeSet,
)
class ChangeSet(Node):
    at: dt.datetime
    examined: int = column("examined", requires=INHERITED, description="People looked at.")
    added: int = column("added", requires=INHERITED, description="Memberships it opened.")
    removed: int = column("removed", requires=INHERITED, description="Memberships it closed.")
    suppressed: int = column(
        "suppressed",
        requires=INHERITED,
        description="Of those it opened, how many another role beat at once.",
    )
    held: int = column(
        "held", requires=INHERITED, description="Removals that wait for approval instead."
    )
    undone_at: dt.datetime | None = column(
        "undone_at", requires=INHERITED, description="When it was taken back."
    )
    is_undone: bool = resolved_by(
        answered.is_undone, requires=SIGNED_IN, description="Whether it was taken back."
    )
    watermark: str = resolved_by(
        answered.watermark, requires=SIGNED_IN, description="A number of the journal."
    )
    summary: str | None = resolved_by(
        answered.summary, requires=MANAGE, description="What it did, and because of what."
    )
    cause_count: int = resolved_by(
        answered.cause_count, requires=SIGNED_IN, description="How many changes led to it."
    )
    causes: list[Cause] | None = resolved_by(
        answered.causes,
        requires=MANAGE,
        description="The changes that led to it, and who made them; at most 20 of them.",
    )
    segments: list[Annotated["Segment", strawberry.lazy("schema.segment")]] | None = resolved_by(
        answered.segments,
        requires=MANAGE,
        description="The segments whose people it changed, as far as they are there.",
    )
    additions: Connection[MovedPerson] | None = resolved_by(
        answered.additions, requires=MANAGE, description="Whom it put into which segment."
    )
    removals: Connection[MovedPerson] | None = resolved_by(
        answered.removals, requires=MANAGE, description="Whom it took out of which segment."
    )


@guarded_type(requires=SIGNED_IN, description="Somebody who cannot be put back.")
class ContradictedPair:
    why: Contradiction
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="Who.")
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        done.any_segment, requires=SIGNED_IN, description="Which segment, if it is there."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What happened since stands against undoing; nothing was done.",
    rows=answers.UndoContradicted,
)
class UndoContradicted(Refusal):
    pairs: list[ContradictedPair] = resolved_by(
        answered.contradicted, requires=SIGNED_IN, description="The first 50 of them."
    )
    count: int = resolved_by(
        answered.contradicted_count, requires=SIGNED_IN, description="How many there are."
    )


@guarded_type(requires=SIGNED_IN, description="A change set was taken back.", rows=Answer)
class UndoPayload(Payload):
    change_set: ChangeSet | None = resolved_by(
        answered.undone, requires=SIGNED_IN, description="The change set, after."
    )
    pinned_in: int | None = column(
        "pinned_in", requires=SIGNED_IN, description="How many it had removed are back."
    )
    pinned_out: int | None = column(
        "pinned_out", requires=SIGNED_IN, description="How many it had added are out again."
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about runs of the engine.")
class ChangeSetQuery:
    change_sets: Connection[ChangeSet] | None = resolved_by(
        answered.list_change_sets,
        requires=any_of(MANAGE).by_operation(),
        description="What the engine changed, newest first: in a segment, of a person, or because"
        " of the entry of the journal that has the number `causeSeq`.",
    )
    change_set: ChangeSet | None = resolved_by(
        answered.change_set,
        requires=any_of(MANAGE).by_operation(),
        description="What one run of the engine changed.",
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be done.")
class ChangeSetMutation:
    undo_change_set: UndoPayload | None = done_by(
        answered.undo_change_set,
        requires=MANAGE,
        description="Pin whom a change set added out, and whom it removed in, until `expiresAt`"
        " if that is said: all of them, or, where somebody has moved since, nobody.",
    )
