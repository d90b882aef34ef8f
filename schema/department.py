"""Departments."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import catalog
from resolvers import modules as module_answers
from resolvers import team as team_answers
from schema.ability import Ability, allowed_actions
from schema.module import SEES_COURSES, SEES_MODULES, Module
from schema.node import Node
from schema.paging import Connection
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type, resolved_by
from schema.team import TeamMember

if TYPE_CHECKING:
    from schema.course import Course


@guarded_type(
    requires=SIGNED_IN,
    description="A part of the workspace that owns courses and modules and has a team.",
    rows=catalog.Department,
)
class Department(Node):
    name: str = column("name", requires=INHERITED, description="Unique in the workspace.")
    allowed_actions: list[Ability] | None = allowed_actions()
    team: Connection[TeamMember] | None = resolved_by(
        team_answers.team,
        requires=Permission.MANAGE_DEPARTMENT_TEAM,
        description="Everybody on its team, by name; `search` looks at names.",
    )
    courses: Connection[Annotated["Course", strawberry.lazy("schema.course")]] | None = resolved_by(
        module_answers.courses_of_department,
        requires=SEES_COURSES,
        description="Its courses, as far as one may see them, by title.",
    )
    modules: Connection[Module] | None = resolved_by(
        module_answers.of_department,
        requires=SEES_MODULES,
        description="Its modules, as far as one may see them, by title.",
    )
