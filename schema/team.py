"""People on teams, and people who were given a right."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from operations.team import CoursePermission, DepartmentPermission
from resolvers import done
from resolvers import team as answered
from schema.member import Member
from schema.requires import SIGNED_IN, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course

MANAGES = Permission.MANAGE_DEPARTMENT_TEAM


@guarded_type(
    requires=SIGNED_IN,
    description="What somebody was given on one course.",
    rows=answered.CourseRights,
)
class CoursePermissions:
    permissions: list[CoursePermission]
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="The course."
    )


@guarded_type(
    requires=MANAGES,
    description="Somebody on the team of a department, with rights there or with none.",
    rows=answered.OnTeam,
)
class TeamMember:
    member: Member
    since: dt.datetime
    permissions: list[DepartmentPermission] | None = resolved_by(
        answered.permissions,
        requires=MANAGES,
        description="What was given on the whole department; MANAGE comprises the others.",
    )
    course_permissions: list[CoursePermissions] | None = resolved_by(
        answered.on_courses,
        requires=MANAGES,
        description="What was given on single courses of the department.",
    )
    pending_until: dt.datetime | None = resolved_by(
        answered.pending_until,
        requires=MANAGES,
        description="Without an account: when the first of all this lapses.",
    )


@guarded_type(
    requires=Permission.GRANT_COURSE_PERMISSION,
    description="Somebody with rights on one course.",
    rows=answered.OnCourse,
)
class CourseTeamMember:
    member: Member
    since: dt.datetime
    pending_until: dt.datetime | None
    permissions: list[CoursePermission]


@guarded_type(
    requires=SIGNED_IN, description="Somebody a right was given to.", rows=answered.Holder
)
class RightHolder:
    member: Member
    since: dt.datetime
    pending_until: dt.datetime | None
