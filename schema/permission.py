"""Why somebody may do a thing, or may not."""

import datetime as dt

import strawberry

from access.permissions import Condition, Permission, Principal, Scope
from operations import explain_permission as stored
from operations.explain_permission import Obstacle
from operations.holders import HeldRole, How
from resolvers import done
from resolvers import explaining_permission as answers
from schema.member import Member
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by

EXPLAINS = any_of(*stored.GIVEN_WITH.values()).or_self().by_operation()


@guarded_type(
    requires=SIGNED_IN, description="A role somebody holds that could count.", rows=HeldRole
)
class CountingRole:
    principal: Principal
    scope: Scope
    on_name: str
    how: How
    since: dt.datetime
    by_name: str | None
    segment: str | None
    is_here: bool
    pending_until: dt.datetime | None
    on: strawberry.ID = resolved_by(
        answers.role_on, requires=SIGNED_IN, description="What it is held on."
    )


@guarded_type(
    requires=SIGNED_IN,
    description="A role that would give the permission, and what stands in its way.",
    rows=stored.Way,
)
class PermissionWay:
    principal: Principal
    condition: Condition | None
    is_condition_met: bool
    is_held: bool
    obstacles: list[Obstacle]


@guarded_type(
    requires=SIGNED_IN,
    description="Why somebody may do a thing, or may not, for the present.",
    rows=stored.WhyPermission,
)
class PermissionExplanation:
    is_allowed: bool
    summary: str
    condition: Condition | None
    role_count: int
    operation: Permission = column("permission", requires=INHERITED, description="What was asked.")
    source_principal: Principal | None = column(
        "principal",
        requires=INHERITED,
        description="The role that gives it, or the nearest one, whose condition is not met.",
    )
    roles: list[CountingRole] = column(
        "roles",
        requires=INHERITED,
        description="The roles held that the matrix gives it to, nearest first; at most 200.",
    )
    ways: list[PermissionWay] = column(
        "ways", requires=INHERITED, description="Every role the matrix gives it to."
    )
    on: strawberry.ID = resolved_by(
        answers.explained_on,
        requires=SIGNED_IN,
        description="What rights were looked for on: for a person or a segment, the workspace.",
    )
    on_name: str = resolved_by(
        answers.explained_on_name, requires=SIGNED_IN, description="What that is called."
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")


@guarded_type(requires=SIGNED_IN, description="What can be asked about permissions.")
class PermissionQuery:
    explain_permission: PermissionExplanation | None = resolved_by(
        answers.explain_permission,
        requires=EXPLAINS,
        description="Why somebody may do a thing, or may not; without `on`, to the workspace.",
    )
