"""What can be done with modules."""

from access.permissions import Permission
from resolvers import done, module_changes
from resolvers.answers import Answer
from schema.course import Course
from schema.module import Module
from schema.payloads import Payload
from schema.requires import SIGNED_IN, done_by, guarded_type, resolved_by


@guarded_type(requires=SIGNED_IN, description="A module was made.", rows=Answer)
class ModulePayload(Payload):
    module: Module | None = resolved_by(
        done.module, requires=SIGNED_IN, description="The module, after."
    )


@guarded_type(requires=SIGNED_IN, description="A course holds other modules.", rows=Answer)
class CourseModulesPayload(Payload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )
    added: list[Module] = resolved_by(
        done.added_modules, requires=SIGNED_IN, description="Those it did not hold before."
    )
    removed: list[Module] = resolved_by(
        done.removed_modules, requires=SIGNED_IN, description="Those it holds no longer."
    )


@guarded_type(requires=SIGNED_IN, description="What can be done with modules.")
class ModuleMutation:
    create_module: ModulePayload | None = done_by(
        module_changes.create_module,
        requires=Permission.CREATE_MODULE,
        description="A new module of a department; whoever makes it may edit it.",
    )
    add_remove_modules: CourseModulesPayload | None = done_by(
        module_changes.add_remove_modules,
        requires=Permission.ADD_REMOVE_MODULES,
        description="Put modules of its department into a course, take others out, order them;"
        " the order names all that are in it then.",
    )
