"""People."""

import datetime as dt

from access.permissions import Permission
from models import people
from models.people import MemberState
from resolvers import members
from schema.ability import Ability, allowed_actions
from schema.node import Node
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON

LOOK_UP = any_of(Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER).or_self()
ADMINISTER = any_of(Permission.LIST_ALL_MEMBERS).or_self()


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
