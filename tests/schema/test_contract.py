"""The contract as a file: printed, described, named after the permissions, and not broken."""

import inspect
import re
from pathlib import Path

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    is_introspection_type,
)
from strawberry.types.base import StrawberryOptional

from access.permissions import Permission
from resolvers.catalog import fields_of
from schema import sdl
from schema.schema import schema

HERE = Path(__file__).parents[2]
GRAPHQL = schema._schema

UNNAMED = {
    "Query.viewer": "who asks, which everybody may know",
    "Query.permissionCatalog": "about the schema itself",
    "Query.node": "anything at all",
    "Query.nodes": "anything at all",
    "Query.course": "view_course_info, as a thing",
    "Query.courses": "view_course_info, as a list",
    "Query.segment": "search_segments_typeahead, as a thing",
    "Query.segments": "search_segments_typeahead, as a list",
    "Query.member": "search_members_picker, as a thing",
    "Query.members": "list_all_members and search_members_picker at once; deprecated",
    "Query.departments": "no operation of the table lists departments",
    "Query.module": "the permissions of modules, as a thing",
    "Query.modules": "the permissions of modules, as a list",
    "Query.coursesIManage": "named by the specification",
    "Query.explainPermission": "about all of them",
    "Query.attributes": "edit_attribute_schema and create_edit_segment, as a list",
    "Query.invitePreview": "named by the specification",
    "Query.checkRule": "create_edit_segment, before anything is stored",
    "Query.lintSegment": "create_edit_segment, before anything is stored",
    "Query.compareSegmentVersions": "part of create_edit_segment",
    "Query.changeSet": "create_edit_segment, of what the engine made of it",
    "Query.changeSets": "create_edit_segment, of what the engine made of it",
    "Mutation.undoChangeSet": "create_edit_segment, of what the engine made of it",
    "Mutation.unpin": "part of create_edit_segment",
    "Query.exportSegments": "create_edit_segment, of all that is made",
    "Query.planSegments": "create_edit_segment, before anything is stored",
    "Query.connections": "no operation of the table speaks of connections",
    "Query.deliveries": "replay_idp_event, as a list",
    "Query.tokens": "no operation of the table speaks of tokens",
    "Mutation.createToken": "no operation of the table speaks of tokens",
    "Mutation.revokeToken": "no operation of the table speaks of tokens",
    "Mutation.createConnection": "no operation of the table speaks of connections",
    "Mutation.createConnectionToken": "no operation of the table speaks of connections",
    "Mutation.rotateConnectionSecret": "no operation of the table speaks of connections",
    "Mutation.setConnectionEnabled": "no operation of the table speaks of connections",
    "Mutation.discardIdpEvent": "the opposite of replay_idp_event",
    "Mutation.revokeWorkspaceManager": "the opposite of grant_workspace_manager",
    "Mutation.revokeFinanceManager": "the opposite of grant_finance_manager",
    "Mutation.revokeInvitePermission": "the opposite of grant_invite_permission",
    "Mutation.revokeCoursePermission": "the opposite of grant_course_permission",
    "Mutation.revokeModulePermission": "the opposite of grant_module_permission",
    "Mutation.renameDepartment": "part of create_department",
    "Mutation.addToDepartmentTeam": "part of manage_department_team",
    "Mutation.removeFromDepartmentTeam": "part of manage_department_team",
    "Mutation.removeInstructor": "the opposite of assign_instructor",
    "Mutation.removeDirectCoordinator": "the opposite of assign_direct_coordinator",
    "Mutation.detachSegment": "the opposite of attach_segment",
    "Mutation.changeAttachmentMode": "part of attach_segment",
    "Mutation.excludeCoordinator": "named by the specification",
    "Mutation.keepCoordinator": "named by the specification",
    "Mutation.liftOverride": "the opposite of exclude_derived_coordinator",
    "Mutation.createSegment": "create_edit_segment names two things at once",
    "Mutation.editSegment": "create_edit_segment names two things at once",
    "Mutation.deleteSegment": "part of create_edit_segment",
    "Mutation.rollBackSegment": "part of create_edit_segment",
    "Mutation.applySegments": "create_edit_segment, of many at once",
    "Mutation.nameSegmentPeople": "part of create_edit_segment",
    "Mutation.unnameSegmentPeople": "part of create_edit_segment",
    "Mutation.pauseSegment": "pause_resume_sync names two things at once",
    "Mutation.resumeSegment": "pause_resume_sync names two things at once",
    "Mutation.recomputeSegment": "part of pause_resume_sync",
    "Mutation.retryParkedPeople": "part of pause_resume_sync",
    "Mutation.setCourseSegmentLimit": "part of create_edit_segment",
    "Query.attempts": "list_learners, of what they have done",
    "Mutation.completeLesson": "part of take_course_tracked",
    "Mutation.submitAttempt": "part of take_course_tracked",
    "Mutation.editWorkspaceSettings": "no operation of the table speaks of them",
    "Mutation.setWorkspaceSegmentLimit": "part of create_edit_segment",
    "Mutation.publishModule": "publish_revert_module names two things at once",
    "Mutation.revertModule": "publish_revert_module names two things at once",
    "Mutation.renameModule": "part of edit_module_content",
    "Mutation.removeAttachment": "part of edit_module_content",
    "Query.compareRevisions": "part of preview_untracked",
    "Query.learner": "list_learners, as a thing",
    "Query.submission": "view_answers, as a thing",
    "Query.submissionsToGrade": "grade_answers, as a list",
    "Query.previewCertificate": "part of edit_course_info",
    "Query.liveSession": "view_course_info, of one thing in it",
    "Query.candidates": "assign_learner, before it is done",
    "Query.openCourses": "no operation of the table lists what one may join",
    "Mutation.startSubmission": "part of take_course_tracked",
    "Mutation.saveAnswers": "part of take_course_tracked",
    "Mutation.submitAnswers": "part of take_course_tracked",
    "Mutation.editCertificateTemplate": "part of edit_course_info",
    "Mutation.createLiveSession": "part of manage_sessions",
    "Mutation.editLiveSession": "part of manage_sessions",
    "Mutation.cancelLiveSession": "part of manage_sessions",
    "Mutation.staffLiveSession": "part of manage_sessions",
    "Mutation.placeLearners": "part of manage_session_roster",
    "Mutation.removeFromRoster": "part of manage_session_roster",
    "Mutation.cancelMyRegistration": "the opposite of self_register_session",
    "Mutation.renewCalendarFeed": "no operation of the table speaks of calendars",
    "Mutation.endCalendarFeed": "no operation of the table speaks of calendars",
    "Mutation.enrolMyself": "no operation of the table enrols oneself",
    "Mutation.leaveCourse": "the opposite of enrolling oneself",
    "Mutation.removeGroup": "part of modify_own_group and modify_existing_group",
    "Mutation.removeFacilitator": "the opposite of enroll_facilitator",
    "Mutation.changeMemberAttributes": "part of edit_attribute_schema",
    "Mutation.reactivateMember": "the opposite of deactivate_member",
    "Mutation.mailCourseInsights": "view_course_insights, by mail",
    "Mutation.exportLearners": "list_learners, as a file",
    "Mutation.exportMembers": "list_all_members, as a file",
    "Mutation.exportAuditLog": "view_audit_log, as a file",
    "Mutation.cancelJob": "no operation of the table speaks of one's own jobs",
    "Mutation.applyImport": "add_member and assign_learner, for all rows of a file",
    "Query.coordinatorTimeline": "explain_membership, over time",
    "Query.job": "no operation of the table speaks of one's own jobs",
    "Query.jobs": "no operation of the table speaks of one's own jobs",
    "Subscription.coordinatorsChanged": "subscribe_course_updates, of one thing in it",
    "Subscription.courseInsightsChanged": "view_course_insights, followed",
    "Subscription.learnersChanged": "subscribe_course_updates, of one thing in it",
    "Subscription.liveSessionsChanged": "subscribe_course_updates, of one thing in it",
    "Query.health": "pause_resume_sync, of what it is about",
    "Query.holds": "create_edit_segment, of what it does",
    "Query.hold": "create_edit_segment, of one thing it does",
    "Mutation.approveHold": "part of create_edit_segment",
    "Mutation.discardHold": "part of create_edit_segment",
    "Subscription.holdsChanged": "create_edit_segment, followed",
    "Subscription.coursesIManageChanged": "named by the specification",
}
"""Operations that are not called as one of permissions.csv is, and why."""


def roots() -> list[str]:
    kinds = (GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type)
    return [f"{kind.name}.{name}" for kind in kinds if kind for name in kind.fields]


def camel(permission: Permission) -> str:
    first, *rest = permission.value.split("_")
    return first + "".join(each.title() for each in rest)


@pytest.mark.spec("G9")
def test_the_committed_schema_is_what_the_code_says() -> None:
    assert (HERE / "schema" / "schema.graphql").read_text() == sdl(), "run `make schema`"


@pytest.mark.spec("G11")
def test_operations_are_named_after_the_table_of_permissions() -> None:
    named = {camel(each) for each in Permission}
    others = {each for each in roots() if each.split(".")[1] not in named}

    assert others == set(UNNAMED)


@pytest.mark.parametrize("type_name", sorted(GRAPHQL.type_map))
def test_every_type_says_what_it_is(type_name: str) -> None:
    type_ = GRAPHQL.type_map[type_name]

    assert is_introspection_type(type_) or type_.description


def test_every_field_with_arguments_or_a_guard_of_its_own_is_described() -> None:
    silent = [
        f"{type_.name}.{name}"
        for type_ in GRAPHQL.type_map.values()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        and not is_introspection_type(type_)
        for name, field in type_.fields.items()
        if field.args and not field.description
    ]

    assert silent == []


def test_what_may_be_left_out_has_a_value_when_it_is() -> None:
    """An argument that may be null may be left out, so its answerer must not insist on it."""
    insisted = []
    for type_, name, field in fields_of(GRAPHQL):
        declared = field.extensions["strawberry-definition"]
        resolver = declared.base_resolver
        parameters = inspect.signature(resolver.wrapped_func).parameters if resolver else {}
        insisted += [
            f"{type_.name}.{name}({argument.python_name}:)"
            for argument in declared.arguments
            if isinstance(argument.type, StrawberryOptional)
            and parameters[argument.python_name].default is inspect.Parameter.empty
        ]

    assert insisted == []


def test_every_mutation_takes_a_client_mutation_id_and_an_idempotency_key() -> None:
    mutation = GRAPHQL.mutation_type
    assert mutation is not None

    without = {
        name
        for name, field in mutation.fields.items()
        if not {"clientMutationId", "idempotencyKey"} <= field.args.keys()
    }

    assert without == set()


def test_breaking_changes_since_the_last_release_are_named_in_the_changelog() -> None:
    """`schema/released.graphql` is the contract of the last release; before the first, none."""
    released = HERE / "schema" / "released.graphql"
    text = released.read_text() if released.exists() else sdl()
    changelog = (HERE / "CHANGELOG.md").read_text().split("\n## ")[1]

    changes = find_breaking_changes(build_schema(text), build_schema(sdl()))

    assert [each.description for each in changes if each.description not in changelog] == []


def test_a_breaking_change_would_be_seen() -> None:
    smaller = sdl().replace("  checkRule(", "  judgeRule(")

    changes = find_breaking_changes(build_schema(sdl()), build_schema(smaller))

    assert [each.description for each in changes] == ["Field Query.checkRule was removed."]


def test_g9_what_is_deprecated_says_what_to_use_instead_and_until_when_it_stays() -> None:
    reasons = [
        field.deprecation_reason
        for type_ in GRAPHQL.type_map.values()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        for field in type_.fields.values()
        if field.deprecation_reason is not None
    ]

    assert reasons
    for reason in reasons:
        assert re.fullmatch(r"Use \w.*\. It goes on 20\d\d-\d\d-\d\d\.", reason), reason
