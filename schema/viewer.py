"""The person who asks."""

import datetime as dt

import strawberry

from access.caller import Caller
from access.permissions import Condition, Permission, Principal, Scope
from models import workspaces
from resolvers import done, permissions, tokens, viewer
from resolvers import team as team_answers
from resolvers.certificates import reading as certificates
from resolvers.live_sessions import calendars, reading
from schema.ability import Ability, allowed_actions
from schema.certificate import Certificate
from schema.live_session import LiveSession
from schema.member import Member
from schema.node import Node
from schema.paging import Connection
from schema.requires import INHERITED, PUBLIC, SIGNED_IN, column, guarded_type, resolved_by
from schema.team import RightHolder
from schema.token import Token


@guarded_type(
    requires=SIGNED_IN, description="A tenant: nothing is shared.", rows=workspaces.Workspace
)
class Workspace(Node):
    name: str
    slug: str
    time_zone: str
    created_at: dt.datetime
    segment_limit: int | None = column(
        "segment_limit",
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="How many segments a course may carry, where the course does not say.",
    )
    allows_self_action: bool = column(
        "allows_self_action",
        requires=SIGNED_IN,
        description="Whether people may mark complete, reset, re-date and certify themselves.",
    )
    late_placement_days: int = column(
        "late_placement_days",
        requires=SIGNED_IN,
        description="How long after its end people may be placed into a live session.",
    )
    smallest_group: int = column(
        "smallest_group",
        requires=SIGNED_IN,
        description="Figures about fewer people are hidden from whoever may not see the people.",
    )
    kept_days: int = column(
        "kept_days",
        requires=SIGNED_IN,
        description="For how many days files that were made can be fetched.",
    )
    hold_people: int = column(
        "hold_people",
        requires=SIGNED_IN,
        description="Of a segment, or of the workspace, so many derived coordinators may go within"
        " `holdMinutes`, or `holdPercent` of them if that is more. Further ones wait to be"
        " approved.",
    )
    hold_percent: int = column("hold_percent", requires=SIGNED_IN, description="See `holdPeople`.")
    hold_minutes: int = column("hold_minutes", requires=SIGNED_IN, description="See `holdPeople`.")
    grace_days: int = column(
        "grace_days",
        requires=SIGNED_IN,
        description="For how many days people stay coordinators after the last reason for it has"
        " gone. A change holds for who loses it from then on.",
    )
    managers: Connection[RightHolder] | None = resolved_by(
        team_answers.managers,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="Its workspace managers, by name.",
    )
    finance_managers: Connection[RightHolder] | None = resolved_by(
        team_answers.finance_managers,
        requires=Permission.GRANT_FINANCE_MANAGER,
        description="Its finance managers, by name.",
    )
    inviters: Connection[RightHolder] | None = resolved_by(
        team_answers.inviters,
        requires=Permission.GRANT_INVITE_PERMISSION,
        description="Those who may add members without managing the workspace, by name.",
    )
    allowed_actions: list[Ability] | None = allowed_actions()


@guarded_type(requires=SIGNED_IN, description="A right that was given.", rows=viewer.HeldRole)
class HeldRole:
    principal: Principal
    scope: Scope
    on: strawberry.ID


@guarded_type(
    requires=SIGNED_IN,
    description="A workspace the viewer can act in, by naming it: one at a time.",
    rows=viewer.ViewerWorkspace,
)
class ViewerWorkspace:
    slug: str
    name: str
    is_current: bool


@guarded_type(requires=SIGNED_IN, description="Who is signed in.", rows=Caller)
class Viewer:
    name: str = column("name", requires=INHERITED, description="What the viewer is called.")
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="The viewer as a person."
    )
    workspace: Workspace | None = resolved_by(
        viewer.viewer_workspace, requires=SIGNED_IN, description="Where the viewer acts now."
    )
    workspaces: list[ViewerWorkspace] = resolved_by(
        viewer.viewer_workspaces,
        requires=SIGNED_IN,
        description="Every workspace this token is good for; name one by the header "
        "x-coordinator-workspace, on a socket by `workspace` in connection_init.",
    )
    tokens: Connection[Token] | None = resolved_by(
        tokens.own_tokens,
        requires=SIGNED_IN,
        description="The viewer's own tokens, by name; live ones, unless ended are wanted too.",
    )
    live_sessions: Connection[LiveSession] | None = resolved_by(
        reading.of_viewer,
        requires=SIGNED_IN,
        description="The viewer's own calendar: where they have a seat, wait, or teach, and what"
        " of it was called off; soonest first, or PAST, latest first.",
    )
    calendar_feed_since: dt.datetime | None = resolved_by(
        calendars.since,
        requires=SIGNED_IN,
        description="Since when the viewer's calendar has the address it has; null: it has none.",
    )
    certificates: Connection[Certificate] | None = resolved_by(
        certificates.of_viewer,
        requires=SIGNED_IN,
        description="The viewer's own certificates of all courses, newest first.",
    )
    roles: list[HeldRole] = resolved_by(
        viewer.viewer_roles, requires=SIGNED_IN, description="The rights the viewer was given."
    )
    can: list[Ability] | None = resolved_by(
        viewer.can,
        requires=SIGNED_IN,
        description="Every operation on every thing; without `on`, on the workspace.",
    )


@guarded_type(
    requires=PUBLIC,
    description="What one field of this schema asks for.",
    rows=permissions.CatalogEntry,
)
class CatalogEntry:
    coordinate: str
    sentence: str
    is_public: bool
    allows_self: bool
    any_of: list[list[Permission]]
    scope: Scope | None
    when: Condition | None
    conditions: list[Condition]
