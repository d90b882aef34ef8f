"""Departments."""

from models import catalog
from schema.ability import Ability, allowed_actions
from schema.node import Node
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type


@guarded_type(
    requires=SIGNED_IN,
    description="A part of the workspace that owns courses.",
    rows=catalog.Department,
)
class Department(Node):
    name: str = column("name", requires=INHERITED, description="Unique in the workspace.")
    allowed_actions: list[Ability] | None = allowed_actions()
