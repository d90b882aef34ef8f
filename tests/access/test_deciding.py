"""What follows from the matrix, for every permission and every combination of facts."""

from dataclasses import fields
from itertools import product

import pytest

from access.permissions import (
    ANYONE,
    CELLS,
    GRANTED_ON,
    NO_FACTS,
    Condition,
    Facts,
    Permission,
    Principal,
    Scope,
    allows,
    conditions_of,
    decide,
    holders_of,
    may_ever,
    requirement,
    scope_of,
)

FACT_NAMES = [each.name for each in fields(Facts)]
ALL_FACTS = [
    Facts(**dict(zip(FACT_NAMES, values, strict=True)))
    for values in product([False, True], repeat=len(FACT_NAMES))
]
EXCEPT_RETAKING = [each for each in Permission if each is not Permission.RETAKE_AFTER_COMPLETION]
COORDINATORS = [Principal.COORDINATOR_DIRECT, Principal.COORDINATOR_DERIVED]


@pytest.mark.spec("M21", "M20")
@pytest.mark.parametrize("coordinator", COORDINATORS)
@pytest.mark.parametrize("permission", EXCEPT_RETAKING)
def test_an_instructor_may_whatever_a_coordinator_of_the_same_course_may(
    permission: Permission, coordinator: Principal
) -> None:
    """Of the same course: what is asked about lies where both of them hold their role."""
    beyond = [
        facts
        for facts in ALL_FACTS
        if facts.is_within_own_scope
        and allows([coordinator], permission, facts)
        and not allows([Principal.INSTRUCTOR], permission, facts)
    ]

    assert beyond == []


@pytest.mark.spec("M21")
@pytest.mark.parametrize("coordinator", COORDINATORS)
def test_retaking_is_the_one_thing_a_coordinator_may_and_an_instructor_may_not(
    coordinator: Principal,
) -> None:
    retaking = Permission.RETAKE_AFTER_COMPLETION

    assert allows([coordinator], retaking, Facts(is_self=True))
    assert not may_ever([Principal.INSTRUCTOR], retaking)


def test_hand_given_and_derived_coordinators_may_the_same() -> None:
    direct, derived = (
        {permission: CELLS[permission, who] for permission in Permission} for who in COORDINATORS
    )

    assert direct == derived


def test_nobody_may_anything_without_a_role() -> None:
    everything = Facts(**dict.fromkeys(FACT_NAMES, True))

    assert not any(allows([], permission, everything) for permission in Permission)


def test_a_stranger_may_only_check_a_certificate() -> None:
    allowed = [permission for permission in Permission if may_ever(ANYONE, permission)]

    assert allowed == [Permission.VERIFY_CERTIFICATE_BY_CODE]


def test_the_identity_provider_may_report_and_nothing_else_of_consequence() -> None:
    allowed = {each for each in Permission if may_ever([Principal.IDP_SERVICE], each)}

    assert allowed == {Permission.INGEST_IDP_EVENT, Permission.VERIFY_CERTIFICATE_BY_CODE}


def test_what_is_not_known_counts_as_not_so() -> None:
    bound = [(each, who, cell.condition) for (each, who), cell in CELLS.items() if cell.condition]

    assert len(bound) == 25 + 42, "conditions of the table, and its cells about oneself"
    for permission, principal, condition in bound:
        assert not allows([principal], permission)
        assert not allows([principal], permission, NO_FACTS)
        assert allows([principal], permission, Facts(**{condition.fact: True}))


def test_every_cell_is_decided_by_its_own_fact_alone() -> None:
    others = {
        condition: Facts(**{name: name != condition.fact for name in FACT_NAMES})
        for condition in Condition
    }
    for (permission, principal), cell in CELLS.items():
        if cell.condition:
            assert not allows([principal], permission, others[cell.condition])
        else:
            assert allows([principal], permission) is cell.allowed


@pytest.mark.spec("C1")
def test_rights_add_up_and_never_take_away() -> None:
    for permission in Permission:
        for facts in (NO_FACTS, Facts(is_self=True), Facts(course_is_active=True)):
            alone = {who: allows([who], permission, facts) for who in Principal}
            for first, second in product(Principal, repeat=2):
                together = allows([first, second], permission, facts)
                assert together is (alone[first] or alone[second])


def test_the_long_answer_and_the_short_one_agree() -> None:
    for permission, principal in CELLS:
        for facts in ALL_FACTS[:: len(ALL_FACTS) // 16]:
            short = allows([principal], permission, facts)
            assert decide([principal], permission, facts).allowed is short


def test_an_unconditional_role_is_named_before_a_conditional_one() -> None:
    held = [Principal.COORDINATOR_DERIVED, Principal.INSTRUCTOR]

    decision = decide(held, Permission.VIEW_QUIZ_INSIGHTS, Facts(course_is_active=True))

    assert (decision.allowed, decision.principal) == (True, Principal.INSTRUCTOR)
    assert decision.reason == "VIEW_QUIZ_INSIGHTS is allowed to instructor."


def test_a_refusal_names_the_nearest_role_and_the_condition_it_lacks() -> None:
    decision = decide([Principal.COORDINATOR_DERIVED], Permission.VIEW_QUIZ_INSIGHTS)

    assert decision.allowed is False
    assert decision.principal is Principal.COORDINATOR_DERIVED
    assert decision.condition is Condition.COURSE_IS_ACTIVE
    assert decision.reason == (
        "VIEW_QUIZ_INSIGHTS is allowed to coordinator_derived only while the course is active."
    )


def test_a_refusal_without_any_fitting_role_says_so() -> None:
    decision = decide([Principal.LEARNER], Permission.ATTACH_SEGMENT)

    assert (decision.principal, decision.condition) == (None, None)
    assert decision.reason == "No role held here allows ATTACH_SEGMENT."


def test_the_scopes_contain_each_other_in_order() -> None:
    assert [each.depth for each in Scope] == [0, 1, 2, 3]
    assert Scope.WORKSPACE.contains(Scope.MODULE)
    assert Scope.COURSE.contains(Scope.COURSE)
    assert not Scope.COURSE.contains(Scope.DEPARTMENT)


def test_a_permission_is_asked_where_some_role_that_has_it_can_be_held() -> None:
    """A workspace question may be answered by any role, a module question by none held lower."""
    assert scope_of(Permission.CREATE_DEPARTMENT) is Scope.WORKSPACE
    assert scope_of(Permission.CREATE_COURSE) is Scope.DEPARTMENT
    assert scope_of(Permission.VIEW_COURSE_INFO) is Scope.COURSE
    assert scope_of(Permission.EDIT_MODULE_CONTENT) is Scope.MODULE
    for permission in Permission:
        if Principal.MODULE_EDIT in dict(holders_of(permission)):
            assert Scope.COURSE.contains(scope_of(permission)) or permission in {
                Permission.LIST_COURSES_I_MANAGE,
                Permission.VERIFY_CERTIFICATE_BY_CODE,
            }


def test_a_requirement_takes_its_scope_and_conditions_from_the_matrix() -> None:
    asked = requirement(Permission.VIEW_QUIZ_INSIGHTS)

    assert asked.any_of == ((Permission.VIEW_QUIZ_INSIGHTS,),)
    assert asked.scope is Scope.COURSE
    assert asked.conditions == (Condition.COURSE_IS_ACTIVE,)
    assert asked.when is Condition.COURSE_IS_ACTIVE


def test_a_requirement_of_several_is_asked_of_the_narrowest_scope() -> None:
    asked = requirement(
        Permission.LIST_ALL_MEMBERS, (Permission.VIEW_COURSE_INFO, Permission.LIST_LEARNERS)
    )

    assert asked.any_of == (
        (Permission.LIST_ALL_MEMBERS,),
        (Permission.VIEW_COURSE_INFO, Permission.LIST_LEARNERS),
    )
    assert asked.scope is Scope.COURSE
    assert asked.conditions == (Condition.SELF_ONLY, Condition.OWN_GROUPS)
    assert asked.when is Condition.OWN_GROUPS


def test_a_requirement_of_nothing_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="at least one permission"):
        requirement()


def test_only_self_is_printed_where_nothing_else_binds() -> None:
    assert requirement(Permission.LIST_COURSES_I_MANAGE).when is Condition.SELF_ONLY
    assert requirement(Permission.ATTACH_SEGMENT).when is Condition.SEGMENT_IS_USABLE
    assert requirement(Permission.CREATE_EDIT_SEGMENT).when is None
    assert conditions_of() == ()


def test_roles_that_follow_from_something_else_are_never_granted() -> None:
    assert set(Principal) - set(GRANTED_ON) == {
        Principal.INSTRUCTOR,
        Principal.COORDINATOR_DIRECT,
        Principal.COORDINATOR_DERIVED,
        Principal.LEARNER,
        Principal.ANONYMOUS,
        Principal.IDP_SERVICE,
    }
