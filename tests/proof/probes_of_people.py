"""The operations on people, their rights, money and the log."""

from typing import Any, Final

from tests.proof.probing import (
    MADE,
    OF_A_SCOPE,
    OF_A_THING,
    OF_THE_WORKSPACE,
    Case,
    Probe,
    case,
    mutation,
)
from tests.proof.table import BILLING
from tests.proof.town import ABROAD, MATES, OWN, Town


def nothing(*_: object) -> dict[str, Any]:
    return {}


def somebody_new(town: Town, *_: object) -> dict[str, Any]:
    return {"people": [{"email": f"{town.word()}@new.example"}]}


def spare_people(town: Town, _: str, case: Case) -> dict[str, Any]:
    return {"people": [town.spare(ABROAD if case.place == ABROAD else OWN)]}


def a_card(town: Town, _: str, __: Case) -> dict[str, Any]:
    return {"reference": f"pm_{town.word()}"}


OF_PEOPLE: Final = (
    Probe(
        "view_billing",
        "query { viewBilling { currency price { text } } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "update_payment_method",
        mutation(
            "updatePaymentMethod",
            "$reference: String!",
            'provider: "stripe", reference: $reference, brand: "Visa", lastFour: "1111"',
        ),
        a_card,
        cases=OF_THE_WORKSPACE,
        changes="payment_method.changed",
    ),
    Probe(
        "view_active_members_report",
        "query { viewActiveMembersReport { timeZone } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "add_member",
        "query { invitePreview(count: 1) { membersNow } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "add_member",
        mutation("addMember", "$people: [PersonToAdd!]!", "people: $people"),
        somebody_new,
        cases=OF_THE_WORKSPACE,
        changes="member.added",
    ),
    Probe(
        "deactivate_member",
        mutation("deactivateMember", "$person: ID!", "memberId: $person"),
        lambda town, _, case: {"person": town.spare(case.place)},
        cases=OF_A_THING,
        changes="member.deactivated",
    ),
    *(
        Probe(
            operation,
            mutation(name, "$people: [ID!]!", "memberIds: $people"),
            spare_people,
            cases=OF_A_THING,
            changes="grant.given",
        )
        for operation, name in (
            ("grant_workspace_manager", "grantWorkspaceManager"),
            ("grant_finance_manager", "grantFinanceManager"),
            ("grant_invite_permission", "grantInvitePermission"),
        )
    ),
    Probe(
        "list_all_members",
        "query { listAllMembers { nodes { displayName } } }",
        nothing,
        cases=OF_THE_WORKSPACE,
    ),
    Probe(
        "search_members_picker",
        'query { searchMembersPicker(text: "Cleo") { displayName } }',
        nothing,
        cases=OF_THE_WORKSPACE,
        shown=lambda people, _: people == [{"displayName": "Cleo"}],
    ),
    Probe(
        "create_department",
        mutation("createDepartment", "$name: String!", "name: $name"),
        lambda town, *_: {"name": town.word()},
        cases=OF_THE_WORKSPACE,
        changes="department.created",
    ),
    Probe(
        "manage_department_team",
        mutation(
            "manageDepartmentTeam",
            "$departments: [ID!]!, $people: [ID!]!",
            "departmentIds: $departments, memberIds: $people, give: [TEACH]",
        ),
        lambda town, who, case: {
            "departments": [town.id("Department", case.place)],
            **spare_people(town, who, case),
        },
        changes="grant.given",
    ),
    Probe(
        "grant_course_permission",
        mutation(
            "grantCoursePermission",
            "$course: ID!, $people: [ID!]!",
            "courseId: $course, memberIds: $people, permissions: [TEACH]",
        ),
        lambda town, who, case: {
            "course": town.id("Course", case.place),
            "people": [town.person(f"Mate {town.turn() % MATES}", case.place)],
        },
        changes="grant.given",
    ),
    Probe(
        "grant_module_permission",
        mutation(
            "grantModulePermission",
            "$module: ID!, $people: [ID!]!",
            "moduleId: $module, memberIds: $people",
        ),
        lambda town, who, case: {
            "module": town.id("Module", case.place),
            **spare_people(town, who, case),
        },
        changes="grant.given",
    ),
    Probe(
        "create_module",
        mutation(
            "createModule",
            "$department: ID!, $title: String!",
            "departmentId: $department, title: $title, kind: LESSON",
        ),
        lambda town, _, case: {
            "department": town.id("Department", case.place),
            "title": town.word(),
        },
        changes="module.created",
    ),
    Probe(
        "add_remove_modules",
        mutation(
            "addRemoveModules",
            "$course: ID!, $modules: [ID!]!",
            "courseId: $course, removeModuleIds: $modules",
        ),
        lambda town, who, case: {
            "course": town.id("Course", case.place, case.thing),
            "modules": [town.module_to_move(who, case.place)],
        },
        cases=(*OF_A_SCOPE, MADE),
        changes="course.modules_changed",
    ),
    Probe(
        "view_audit_log",
        "query ($course: ID, $verbs: [String!]) { viewAuditLog(courseId: $course, verbs: $verbs)"
        " { nodes { verb } } }",
        lambda town, who, case: {
            "course": None if BILLING in case.facts else town.id("Course", case.place),
            "verbs": ["payment_method.changed"] if BILLING in case.facts else None,
        },
        cases=(
            *OF_A_SCOPE,
            case("about billing", BILLING, reach=frozenset({"workspace"})),
        ),
        shown=lambda page, _: bool(page and page["nodes"]),
    ),
    Probe(
        "edit_attribute_schema",
        mutation(
            "changeMemberAttributes",
            "$person: ID!, $changes: JSON!",
            "memberId: $person, changes: $changes",
        ),
        lambda town, _, case: {
            "person": town.spare(case.place),
            "changes": {"title": town.word()},
        },
        cases=OF_A_THING,
        changes="member.changed",
    ),
    Probe(
        "resend_invitation",
        mutation("resendInvitation", "$person: ID!", "memberId: $person"),
        lambda town, who, case: {
            "person": town.person(f"Newcomer {who == 'invite':d}", case.place)
        },
        cases=OF_A_THING,
        changes="invitation.resent",
    ),
)
