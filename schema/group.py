"""Learner groups of courses, and what can be done with them."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import groups as stored
from resolvers import done
from resolvers.answers import Answer
from resolvers.learning import due_dates, gradebook, group_changes, learners
from resolvers.learning import groups as answered
from schema.ability import Ability, allowed_actions
from schema.due_date import DueDateChange
from schema.member import Member
from schema.node import Node
from schema.paging import Connection
from schema.payloads import Payload
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded_type,
    resolved_by,
)

if TYPE_CHECKING:
    from schema.course import Course
    from schema.gradebook import GradebookRow
    from schema.learner import LearnerConnection

INFO = Permission.VIEW_COURSE_INFO
MODIFIES = any_of(Permission.MODIFY_OWN_GROUP, Permission.MODIFY_EXISTING_GROUP)


@guarded_type(
    requires=INFO,
    description="Learners and facilitators of one course, with settings of their own.",
    rows=stored.LearnerGroup,
)
class LearnerGroup(Node):
    name: str
    due_at: dt.datetime | None = column(
        "due_at",
        requires=INHERITED,
        description="Until when its learners have to be done. Of several groups the latest holds;"
        " a learner's own date goes before, the course's comes after.",
    )
    allows_self_enrolment: bool = column(
        "allows_self_enrolment",
        requires=INHERITED,
        description="Whether everybody in the workspace may join it while the course is active.",
    )
    created_at: dt.datetime
    is_own: bool = resolved_by(
        answered.is_own,
        requires=SIGNED_IN,
        description="Whether one has made it oneself: then `modifyOwnGroup` and `removeGroup`.",
    )
    created_by: Member | None = resolved_by(
        done.created_by, requires=INFO, description="Who made it."
    )
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        answered.course, requires=INFO, description="The course it belongs to."
    )
    facilitators: Connection[Member] | None = resolved_by(
        answered.facilitators,
        requires=INFO,
        description="Those who look after it, by name. Being one gives no right.",
    )
    learners: Annotated["LearnerConnection", strawberry.lazy("schema.learner")] | None = (
        resolved_by(
            learners.of_group,
            requires=any_of(Permission.LIST_LEARNERS).by_rows(),
            description="The people who learn in it, as far as one may list them.",
        )
    )
    learner_count: int | None = resolved_by(
        answered.learner_count,
        requires=Permission.LIST_LEARNERS,
        description="How many people learn in it.",
    )
    due_date_changes: Connection[DueDateChange] | None = resolved_by(
        due_dates.of_group,
        requires=any_of(Permission.UPDATE_DUE_DATE, Permission.MODIFY_OWN_GROUP),
        description="How its due date was changed, newest first.",
    )
    gradebook: Connection[Annotated["GradebookRow", strawberry.lazy("schema.gradebook")]] | None = (
        resolved_by(
            gradebook.of_group,
            requires=Permission.VIEW_ANSWERS,
            description="Its learners, by name, at each quiz and assignment of the course.",
        )
    )
    allowed_actions: list[Ability] | None = allowed_actions()


@guarded_type(requires=SIGNED_IN, description="A group was made, changed or removed.", rows=Answer)
class GroupPayload(Payload):
    group: LearnerGroup | None = resolved_by(
        done.group, requires=SIGNED_IN, description="The group, after; null when removed."
    )
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="Its course."
    )


@guarded_type(requires=SIGNED_IN, description="Others look after a group.", rows=Answer)
class FacilitatorPayload(Payload):
    group: LearnerGroup | None = resolved_by(
        done.group, requires=SIGNED_IN, description="The group, after."
    )
    assigned: list[Member] = resolved_by(
        done.assigned, requires=SIGNED_IN, description="Those who did not look after it before."
    )
    already: list[Member] = resolved_by(
        done.already, requires=SIGNED_IN, description="Those who did."
    )
    removed: list[Member] = resolved_by(
        done.removed, requires=SIGNED_IN, description="Those who do no longer."
    )


@guarded_type(requires=SIGNED_IN, description="What can be done with learner groups.")
class GroupMutation:
    create_group: GroupPayload | None = done_by(
        group_changes.create_group,
        requires=Permission.CREATE_GROUP,
        description="A new group of a course, with no learners so far.",
    )
    modify_own_group: GroupPayload | None = done_by(
        group_changes.modify_own_group,
        requires=Permission.MODIFY_OWN_GROUP,
        description="Change a group one has made; those of others are EXISTING_GROUP.",
    )
    modify_existing_group: GroupPayload | None = done_by(
        group_changes.modify_existing_group,
        requires=Permission.MODIFY_EXISTING_GROUP,
        description="Change a group, whoever made it.",
    )
    remove_group: GroupPayload | None = done_by(
        group_changes.remove_group,
        requires=MODIFIES,
        description="Remove a group; its learners stop being ones for this reason.",
    )
    enroll_facilitator: FacilitatorPayload | None = done_by(
        group_changes.enroll_facilitator,
        requires=Permission.ENROLL_FACILITATOR,
        description="Name up to 500 people who look after a group; all must be allowed to teach"
        " its course, else NOT_A_TEACHER.",
    )
    remove_facilitator: FacilitatorPayload | None = done_by(
        group_changes.remove_facilitator,
        requires=Permission.ENROLL_FACILITATOR,
        description="People look after a group no longer; their rights stay.",
    )
