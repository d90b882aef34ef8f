"""Modules."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import SHOW_A_MODULE, Permission
from models import catalog
from models.catalog import ModuleKind
from resolvers import modules as answered
from resolvers import team as team_answers
from resolvers.content import reading as content_answers
from schema.ability import Ability, allowed_actions
from schema.content import EDITS, LOOKS, Attachment, ModuleDraft, ModuleRevision
from schema.node import Node
from schema.paging import Connection
from schema.requires import SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.team import RightHolder

if TYPE_CHECKING:
    from schema.course import Course
    from schema.department import Department

SEES_MODULES = any_of(*SHOW_A_MODULE).by_rows()
SEES_COURSES = any_of(Permission.VIEW_COURSE_INFO).by_rows()


@guarded_type(
    requires=SIGNED_IN,
    description="A piece of content of a department, which its courses use.",
    rows=catalog.Module,
)
class Module(Node):
    title: str
    kind: ModuleKind
    created_at: dt.datetime
    revision: int | None = column(
        "revision",
        requires=SIGNED_IN,
        description="The number of the newest published revision; null: there is nothing to take.",
    )
    draft: ModuleDraft | None = resolved_by(
        content_answers.draft, requires=EDITS, description="What the next revision would be."
    )
    revisions: Connection[ModuleRevision] | None = resolved_by(
        content_answers.revisions, requires=LOOKS, description="What was published, newest first."
    )
    attachments: Connection[Attachment] | None = resolved_by(
        content_answers.attachments, requires=LOOKS, description="Its files, oldest first."
    )
    department: Annotated["Department", strawberry.lazy("schema.department")] | None = resolved_by(
        answered.department, requires=SIGNED_IN, description="Its owner, as far as one may see it."
    )
    courses: Connection[Annotated["Course", strawberry.lazy("schema.course")]] | None = resolved_by(
        answered.courses_using,
        requires=SEES_COURSES,
        description="The courses that use it, as far as one may see them, by title.",
    )
    editors: Connection[RightHolder] | None = resolved_by(
        team_answers.editors,
        requires=Permission.GRANT_MODULE_PERMISSION,
        description="Those who were given Module Edit on it, by name.",
    )
    allowed_actions: list[Ability] | None = allowed_actions()


@guarded_type(requires=SIGNED_IN, description="What can be asked about modules.")
class ModuleQuery:
    module: Module | None = resolved_by(
        answered.module, requires=SEES_MODULES, description="One module."
    )
    modules: Connection[Module] | None = resolved_by(
        answered.modules,
        requires=SEES_MODULES,
        description="The modules one may see, by title.",
    )
