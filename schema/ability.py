"""Whether one may do a thing, and why: the answer every thing gives about itself."""

from typing import Any

import strawberry

from access.permissions import Condition, Permission, Principal, Scope
from resolvers import permissions
from schema.requires import SIGNED_IN, guarded_type, resolved_by


@guarded_type(
    requires=SIGNED_IN,
    description="Whether one may do a thing, why, and by which role held where.",
    rows=permissions.Ability,
)
class Ability:
    operation: Permission
    on: strawberry.ID
    is_allowed: bool
    reason: str
    condition: Condition | None
    source_principal: Principal | None
    source_scope: Scope | None
    source_on: strawberry.ID | None
    source_name: str | None = resolved_by(
        permissions.source_name,
        requires=SIGNED_IN,
        description="What the thing is called on which the role is held, where one may see it.",
    )


def allowed_actions(description: str = "Every operation on it, whether allowed or not.") -> Any:
    """The field of a thing that says what one may do to it."""
    return resolved_by(permissions.allowed_actions, requires=SIGNED_IN, description=description)
