"""Adding people to the workspace."""

import strawberry

from access.permissions import Permission
from operations import newcomers as operation
from operations.newcomers import Outcome
from resolvers import done, newcomers
from resolvers.answers import Answer
from schema.billing import Money
from schema.member import Member
from schema.payloads import Payload
from schema.refusal import Refusal
from schema.requires import SIGNED_IN, any_of, column, done_by, guarded_type, resolved_by

strawberry.input(
    newcomers.PersonToAdd,
    name="PersonToAdd",
    description="Somebody to be added. The user name is the address if none is said. Attributes, "
    "and a user name that is not the address, need EDIT_ATTRIBUTE_SCHEMA: they can decide roles.",
)


@guarded_type(
    requires=SIGNED_IN,
    description="What became of one person of a call.",
    rows=newcomers.AddedPerson,
)
class AddedPerson:
    index: int = column("index", requires=SIGNED_IN, description="The place in `people`, from 0.")
    outcome: Outcome = column("outcome", requires=SIGNED_IN, description="What became of them.")
    member: Member | None = resolved_by(
        done.member,
        requires=SIGNED_IN,
        description="Who was added, or was there already; nobody is added by a dry run.",
    )
    refusal: Refusal | None = column(
        "refusal", requires=SIGNED_IN, description="Why not, and what of it was the reason."
    )


@guarded_type(requires=SIGNED_IN, description="People were added.", rows=Answer)
class AddMemberPayload(Payload):
    results: list[AddedPerson] = resolved_by(
        newcomers.results, requires=SIGNED_IN, description="One for each person, in their order."
    )


@guarded_type(
    requires=Permission.ADD_MEMBER,
    description="How many people there are and may be, before anything is stored. "
    "Billed is who signs in during a month; `possiblyActive` says how many could at most.",
    rows=operation.Preview,
)
class InvitePreview:
    members_now: int
    members_after: int
    active_this_month: int
    possibly_active_now: int
    possibly_active_after: int
    possibly_billed_now: Money | None = resolved_by(
        newcomers.possibly_billed_now,
        requires=Permission.VIEW_BILLING,
        description="What the month would cost if everybody who may sign in did.",
    )
    possibly_billed_after: Money | None = resolved_by(
        newcomers.possibly_billed_after,
        requires=Permission.VIEW_BILLING,
        description="The same, with those who would be added.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked before people are added.")
class PeopleQuery:
    invite_preview: InvitePreview | None = resolved_by(
        newcomers.invite_preview,
        requires=any_of(Permission.ADD_MEMBER).by_operation(),
        description="What adding so many people, or these, would do; nothing is stored.",
    )


@guarded_type(requires=SIGNED_IN, description="Adding people.")
class PeopleMutation:
    add_member: AddMemberPayload | None = done_by(
        newcomers.add_member,
        requires=Permission.ADD_MEMBER,
        description="Add up to 500 people, PENDING; nobody is invited by it. What is wrong with "
        "one does not keep the others out. `dryRun` gives the same answer and stores nothing.",
    )
