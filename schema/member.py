"""People."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission, Principal, Scope
from models import people
from models.mail import MailState
from models.people import MemberState
from resolvers import invitations, member_rights, members
from resolvers.member_search import InvitationState, PartInCourse
from schema.ability import Ability, allowed_actions
from schema.node import Node
from schema.paging import Connection
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON

if TYPE_CHECKING:
    from schema.course import Course

LOOK_UP = any_of(Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER).or_self()
ADMINISTER = any_of(Permission.LIST_ALL_MEMBERS).or_self()


@guarded_type(
    requires=SIGNED_IN,
    description="A right a person was given.",
    rows=member_rights.GivenRight,
)
class MemberGrant:
    principal: Principal
    scope: Scope
    on: Node | None = resolved_by(
        member_rights.on,
        requires=SIGNED_IN,
        description="What it was given on, where one may see that.",
    )
    on_name: str | None = resolved_by(
        member_rights.on_name,
        requires=SIGNED_IN,
        description="What that is called, where one may see it.",
    )
    since: dt.datetime
    pending_until: dt.datetime | None = column(
        "pending_until",
        requires=SIGNED_IN,
        description="It waits for the account, and lapses then; null: it counts.",
    )
    given_by: Annotated["Member", strawberry.lazy("schema.member")] | None = resolved_by(
        member_rights.given_by, requires=SIGNED_IN, description="Who gave it."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="What a person is on a course.",
    rows=member_rights.CoursePart,
)
class MemberCourse:
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = column(
        "course", requires=SIGNED_IN, description="The course."
    )
    part: PartInCourse
    since: dt.datetime


@guarded_type(
    requires=SIGNED_IN,
    description="What became of a person's invitation. It is sent once, with the first thing the "
    "person is given, and again only on request.",
    rows=invitations.Invited,
)
class Invitation:
    state: InvitationState
    invited_at: dt.datetime | None
    last_sent_at: dt.datetime | None
    sent_count: int
    expires_at: dt.datetime | None
    mail: MailState | None = column(
        "mail", requires=SIGNED_IN, description="Whether the last mail has gone out."
    )
    problem: str | None = column(
        "problem", requires=SIGNED_IN, description="What the mail server said against it."
    )


@guarded_type(requires=SIGNED_IN, description="A person of the workspace.", rows=people.Member)
class Member(Node):
    display_name: str = column(
        "display_name", requires=INHERITED, description="What the person is called."
    )
    user_name: str | None = column(
        "user_name", requires=LOOK_UP, description="The name the person signs in with."
    )
    email: str | None = column("email", requires=LOOK_UP, description="The first e-mail address.")
    state: MemberState | None = column(
        "state", requires=LOOK_UP, description="Whether the account is active."
    )
    attributes: JSON | None = column(
        "attributes",
        requires=ADMINISTER,
        description="What is known about the person, by attribute name, as it was received.",
    )
    last_sign_in_at: dt.datetime | None = column(
        "last_sign_in_at", requires=ADMINISTER, description="When the person last signed in."
    )
    is_sync_pending: bool | None = resolved_by(
        members.is_sync_pending,
        requires=LOOK_UP,
        description="Whether a change of this person waits to be reflected in segments.",
    )
    allowed_actions: list[Ability] | None = allowed_actions(
        "What can be done to a person, whether allowed or not."
    )
    created_at: dt.datetime | None = column(
        "created_at", requires=ADMINISTER, description="When the person was added."
    )
    activated_at: dt.datetime | None = column(
        "activated_at", requires=ADMINISTER, description="When the account came to be."
    )
    invitation: Invitation | None = resolved_by(
        invitations.of_member,
        requires=ADMINISTER,
        description="What became of the person's invitation.",
    )
    groups: list[str] | None = resolved_by(
        member_rights.groups,
        requires=ADMINISTER,
        description="The groups of the directory the person is in, by name.",
    )
    grants: Connection[MemberGrant] | None = resolved_by(
        member_rights.grants,
        requires=ADMINISTER,
        description="Every right the person was given; roles that follow from others are none.",
    )
    courses: Connection[MemberCourse] | None = resolved_by(
        member_rights.courses,
        requires=ADMINISTER,
        description="The courses the person has a part in, as far as one may know it.",
    )
