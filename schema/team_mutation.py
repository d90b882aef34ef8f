"""What can be done with departments, their teams, and rights given to people."""

import strawberry

from access.permissions import Permission, Principal, Scope
from resolvers import done, team_changes
from resolvers.answers import Answer
from schema.course import Course
from schema.department import Department
from schema.member import Member
from schema.module import Module
from schema.payloads import Payload
from schema.requires import SIGNED_IN, done_by, guarded_type, resolved_by
from schema.viewer import Workspace


@guarded_type(
    requires=SIGNED_IN, description="One person's one right.", rows=team_changes.PersonalRight
)
class PersonalRight:
    principal: Principal
    scope: Scope
    on: strawberry.ID
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")


@guarded_type(
    requires=SIGNED_IN, description="A person and a department's team.", rows=team_changes.Place
)
class TeamPlace:
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")
    department: Department | None = resolved_by(
        done.department, requires=SIGNED_IN, description="The department."
    )


@strawberry.interface(description="What became of rights that were to be given or taken.")
class RightsPayload(Payload):
    given: list[PersonalRight] = resolved_by(
        team_changes.given, requires=SIGNED_IN, description="The rights that were given."
    )
    already: list[PersonalRight] = resolved_by(
        team_changes.held_already,
        requires=SIGNED_IN,
        description="Those that were to be given and were held, or promised, already.",
    )
    taken: list[PersonalRight] = resolved_by(
        team_changes.taken, requires=SIGNED_IN, description="Those that are gone."
    )


@guarded_type(
    requires=SIGNED_IN, description="Rights on the workspace were given or taken.", rows=Answer
)
class WorkspaceRightsPayload(RightsPayload):
    workspace: Workspace | None = resolved_by(
        done.workspace, requires=SIGNED_IN, description="The workspace, after."
    )


@guarded_type(
    requires=SIGNED_IN, description="Rights on a course were given or taken.", rows=Answer
)
class CourseRightsPayload(RightsPayload):
    course: Course | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course, after."
    )


@guarded_type(
    requires=SIGNED_IN, description="Rights on a module were given or taken.", rows=Answer
)
class ModuleRightsPayload(RightsPayload):
    module: Module | None = resolved_by(
        done.module, requires=SIGNED_IN, description="The module, after."
    )


@guarded_type(
    requires=SIGNED_IN, description="Departments, or their teams, were changed.", rows=Answer
)
class TeamPayload(RightsPayload):
    departments: list[Department] = resolved_by(
        done.departments, requires=SIGNED_IN, description="The departments, after."
    )
    joined: list[TeamPlace] = resolved_by(
        team_changes.joined, requires=SIGNED_IN, description="Who was put on a team."
    )
    left: list[TeamPlace] = resolved_by(
        team_changes.left, requires=SIGNED_IN, description="Who was taken off a team."
    )


@guarded_type(requires=SIGNED_IN, description="A department was made or renamed.", rows=Answer)
class DepartmentPayload(Payload):
    department: Department | None = resolved_by(
        team_changes.department, requires=SIGNED_IN, description="The department, after."
    )


@guarded_type(requires=SIGNED_IN, description="What can be done with teams and rights.")
class TeamMutation:
    grant_workspace_manager: WorkspaceRightsPayload | None = done_by(
        team_changes.grant_workspace_manager,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="Make people workspace managers.",
    )
    revoke_workspace_manager: WorkspaceRightsPayload | None = done_by(
        team_changes.revoke_workspace_manager,
        requires=Permission.GRANT_WORKSPACE_MANAGER,
        description="Make people workspace managers no longer; not the last active one.",
    )
    grant_finance_manager: WorkspaceRightsPayload | None = done_by(
        team_changes.grant_finance_manager,
        requires=Permission.GRANT_FINANCE_MANAGER,
        description="Make people finance managers.",
    )
    revoke_finance_manager: WorkspaceRightsPayload | None = done_by(
        team_changes.revoke_finance_manager,
        requires=Permission.GRANT_FINANCE_MANAGER,
        description="Make people finance managers no longer.",
    )
    grant_invite_permission: WorkspaceRightsPayload | None = done_by(
        team_changes.grant_invite_permission,
        requires=Permission.GRANT_INVITE_PERMISSION,
        description="Let people add members.",
    )
    revoke_invite_permission: WorkspaceRightsPayload | None = done_by(
        team_changes.revoke_invite_permission,
        requires=Permission.GRANT_INVITE_PERMISSION,
        description="Let people add members no longer.",
    )
    create_department: DepartmentPayload | None = done_by(
        team_changes.create_department,
        requires=Permission.CREATE_DEPARTMENT,
        description="A new department.",
    )
    rename_department: DepartmentPayload | None = done_by(
        team_changes.rename_department,
        requires=Permission.CREATE_DEPARTMENT,
        description="Call a department something else.",
    )
    manage_department_team: TeamPayload | None = done_by(
        team_changes.manage_department_team,
        requires=Permission.MANAGE_DEPARTMENT_TEAM,
        description="Give and take rights on whole departments, for several people at once. MANAGE"
        " brings CREATE and ENROLL, except those named in `withoutImplied`; taking it leaves them,"
        " unless `revokeImplied`.",
    )
    add_to_department_team: TeamPayload | None = done_by(
        team_changes.add_to_department_team,
        requires=Permission.MANAGE_DEPARTMENT_TEAM,
        description="Put people on a team, without any right.",
    )
    remove_from_department_team: TeamPayload | None = done_by(
        team_changes.remove_from_department_team,
        requires=Permission.MANAGE_DEPARTMENT_TEAM,
        description="Take people off a team; their rights on the department and its courses go"
        " along, and are listed.",
    )
    grant_course_permission: CourseRightsPayload | None = done_by(
        team_changes.grant_course_permission,
        requires=Permission.GRANT_COURSE_PERMISSION,
        description="Give rights on a course to people on the team of its department.",
    )
    revoke_course_permission: CourseRightsPayload | None = done_by(
        team_changes.revoke_course_permission,
        requires=Permission.GRANT_COURSE_PERMISSION,
        description="Take rights on a course back.",
    )
    grant_module_permission: ModuleRightsPayload | None = done_by(
        team_changes.grant_module_permission,
        requires=Permission.GRANT_MODULE_PERMISSION,
        description="Let people edit, publish and revert one module.",
    )
    revoke_module_permission: ModuleRightsPayload | None = done_by(
        team_changes.revoke_module_permission,
        requires=Permission.GRANT_MODULE_PERMISSION,
        description="Let people edit one module no longer.",
    )
