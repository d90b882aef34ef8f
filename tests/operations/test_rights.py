"""What a caller holds, read from the database in batches, against hand-made worlds."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin, system
from access.permissions import Condition, Permission, Principal, Scope
from operations.refusals import Denied
from operations.rights import AskedTooWide, NotPrepared, Rights, require
from operations.standing import Source
from tests.standing import build, derived, enrolment, grant, member, promise, role

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def db(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        await build(session)
        await session.commit()
        yield session


async def prepared(db: AsyncSession, caller: Caller | None) -> Rights:
    rights = Rights(caller)
    await rights.prepare(
        db,
        courses=[1, 2, 3, 4],
        departments=[1, 2, 3],
        modules=[1, 2, 3, 4, 5],
        segments=[1, 2, 3],
    )
    return rights


async def test_a_workspace_grant_counts_everywhere_in_the_workspace_and_nowhere_else(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "workspace_manager")

    rights = await prepared(db, member(1))

    for scope, id in [(Scope.WORKSPACE, 1), (Scope.DEPARTMENT, 2), (Scope.COURSE, 3)]:
        assert Principal.WORKSPACE_MANAGER in rights.held(scope, id)
    for scope, id in [(Scope.WORKSPACE, 2), (Scope.DEPARTMENT, 3), (Scope.COURSE, 4)]:
        assert rights.held(scope, id) == frozenset()


async def test_a_department_grant_counts_on_the_department_and_its_courses(
    db: AsyncSession,
) -> None:
    await grant(db, 2, "dept_enroll", department_id=1)

    rights = await prepared(db, member(2))

    assert rights.held(Scope.DEPARTMENT, 1) == {Principal.DEPT_ENROLL}
    assert rights.held(Scope.COURSE, 1) == rights.held(Scope.COURSE, 2) == {Principal.DEPT_ENROLL}
    assert rights.held(Scope.DEPARTMENT, 2) == rights.held(Scope.COURSE, 3) == frozenset()


async def test_course_grants_and_roles_count_on_that_course_alone(db: AsyncSession) -> None:
    await grant(db, 3, "course_teach", course_id=1)
    await role(db, 3, 2, "INSTRUCTOR")
    await role(db, 3, 3, "COORDINATOR")

    rights = await prepared(db, member(3))

    assert rights.held(Scope.COURSE, 1) == {Principal.COURSE_TEACH}
    assert rights.held(Scope.COURSE, 2) == {Principal.INSTRUCTOR}
    assert rights.held(Scope.COURSE, 3) == {Principal.COORDINATOR_DIRECT}


async def test_a_segment_makes_a_derived_coordinator_and_a_hand_given_role_comes_first(
    db: AsyncSession,
) -> None:
    await derived(db, 4, 1)
    await derived(db, 5, 1)
    await role(db, 5, 1, "COORDINATOR")
    await derived(db, 6, 1)
    await role(db, 6, 1, "INSTRUCTOR")

    held = [(await prepared(db, member(id))).held(Scope.COURSE, 1) for id in (4, 5, 6)]

    assert held == [
        {Principal.COORDINATOR_DERIVED},
        {Principal.COORDINATOR_DIRECT},
        {Principal.INSTRUCTOR},
    ]


async def test_module_edit_counts_on_that_module_and_inside_what_contains_it(
    db: AsyncSession,
) -> None:
    await grant(db, 7, "module_edit", module_id=1)

    rights = await prepared(db, member(7))

    editor = {Principal.MODULE_EDIT}
    assert rights.held(Scope.MODULE, 1) == editor
    assert rights.held(Scope.COURSE, 1) == rights.held(Scope.COURSE, 2) == editor
    assert rights.held(Scope.DEPARTMENT, 1) == editor
    for scope, id in [
        (Scope.MODULE, 2),
        (Scope.MODULE, 5),
        (Scope.COURSE, 3),
        (Scope.DEPARTMENT, 2),
    ]:
        assert rights.held(scope, id) == frozenset()
    assert rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, 2).allowed
    assert not rights.decide(Permission.EDIT_COURSE_INFO, Scope.COURSE, 2).allowed
    assert not rights.decide(Permission.CREATE_MODULE, Scope.DEPARTMENT, 1).allowed


async def test_around_a_module_are_its_department_and_every_course_that_uses_it(
    db: AsyncSession,
) -> None:
    await grant(db, 2, "dept_teach", department_id=1)
    await role(db, 3, 2, "INSTRUCTOR")
    await grant(db, 4, "course_teach", course_id=1)
    await enrolment(db, 6, 1)
    await derived(db, 7, 3)

    held = {
        who: [rights.held(Scope.MODULE, id) for id in (1, 2, 3, 4, 5)]
        for who in (2, 3, 4, 6, 7)
        for rights in [await prepared(db, member(who))]
    }

    none = frozenset[Principal]()
    teaches, instructs = {Principal.DEPT_TEACH}, {Principal.INSTRUCTOR}
    assert held[2] == [teaches, teaches, none, none, teaches]
    assert held[3] == [instructs, none, none, none, none]
    assert held[4] == [{Principal.COURSE_TEACH}] * 2 + [none] * 3
    assert held[6] == [{Principal.LEARNER}] * 2 + [none] * 3
    assert held[7] == [none, none, {Principal.COORDINATOR_DERIVED}, none, none]


async def test_a_module_one_has_made_is_own_content_and_one_in_an_own_course_is_not(
    db: AsyncSession,
) -> None:
    for who in (5, 6):
        await grant(db, who, "dept_create", department_id=1)
    edit = Permission.EDIT_MODULE_CONTENT

    maker, other = await prepared(db, member(5)), await prepared(db, member(6))

    assert maker.decide(edit, Scope.MODULE, 1).allowed
    assert not maker.decide(edit, Scope.MODULE, 2).allowed, "only the course is member 5's"
    assert other.decide(edit, Scope.MODULE, 5).allowed
    denied = other.decide(edit, Scope.MODULE, 1)
    assert (denied.allowed, denied.condition) == (False, Condition.OWN_CONTENT)


async def test_a_learner_is_whoever_is_enrolled_now_beside_what_else_one_is(
    db: AsyncSession,
) -> None:
    await enrolment(db, 7, 1)
    await enrolment(db, 8, 1)
    await derived(db, 8, 1)
    await enrolment(db, 9, 1)
    await db.execute(text("UPDATE enrolment SET ended_at = now() WHERE member_id = 9"))

    held = [(await prepared(db, member(id))).held(Scope.COURSE, 1) for id in (7, 8, 9)]

    assert held == [
        {Principal.LEARNER},
        {Principal.LEARNER, Principal.COORDINATOR_DERIVED},
        frozenset(),
    ]


async def test_what_is_only_promised_gives_nothing_also_to_an_active_member(
    db: AsyncSession,
) -> None:
    await promise(db, 7, "workspace_manager")
    await promise(db, 7, "dept_create", department_id=1)
    await promise(db, 7, "course_edit", course_id=1)
    await promise(db, 7, "module_edit", module_id=1)

    rights = await prepared(db, member(7))

    assert rights.held(Scope.WORKSPACE, 1) == {Principal.LEARNER}
    for scope in (Scope.DEPARTMENT, Scope.COURSE, Scope.MODULE):
        assert rights.held(scope, 1) == frozenset()


async def test_whether_there_is_a_finance_manager_is_read_with_the_person(
    db: AsyncSession, statements: list[str]
) -> None:
    await grant(db, 1, "workspace_manager")
    await grant(db, 90, "finance_manager")
    await promise(db, 91, "finance_manager")
    await grant(db, 92, "finance_manager")
    mail = Permission.RECEIVE_BILLING_MAIL

    alone = await prepared(db, member(1))
    await grant(db, 2, "finance_manager")
    statements.clear()
    beside = await prepared(db, member(1))
    finance = await prepared(db, member(2))

    assert len(statements) == 2
    assert alone.decide(mail, Scope.WORKSPACE, 1).allowed
    denied = beside.decide(mail, Scope.WORKSPACE, 1)
    assert (denied.allowed, denied.condition) == (False, Condition.NO_FINANCE_MANAGER)
    assert finance.decide(mail, Scope.WORKSPACE, 1).allowed


async def test_every_active_member_is_a_learner_of_the_workspace_and_of_no_course_by_that(
    db: AsyncSession,
) -> None:
    rights = await prepared(db, member(7))

    assert rights.held(Scope.WORKSPACE, 1) == {Principal.LEARNER}
    assert rights.held(Scope.COURSE, 1) == frozenset()
    mine = rights.decide(Permission.LIST_COURSES_I_MANAGE, Scope.WORKSPACE, 1, is_self=True)
    assert mine.allowed


@pytest.mark.parametrize("id", [90, 91, 92, 999])
async def test_only_an_active_member_of_the_workspace_holds_anything(
    db: AsyncSession, id: int
) -> None:
    if id < 92:
        await grant(db, id, "workspace_manager")
        await role(db, id, 1, "INSTRUCTOR")

    rights = await prepared(db, member(id))

    assert rights.held(Scope.WORKSPACE, 1) == frozenset()
    assert rights.held(Scope.COURSE, 1) == frozenset()
    assert rights.held(Scope.DEPARTMENT, 1) == frozenset()


@pytest.mark.parametrize(
    ("principal", "on"),
    [
        ("department_manager", {}),
        ("workspace_manager", {"department_id": 1}),
        ("dept_teach", {"course_id": 1}),
        ("course_edit", {"department_id": 1}),
        ("course_edit", {"module_id": 1}),
        ("module_edit", {"course_id": 1}),
        ("coordinator_direct", {"course_id": 1}),
        ("instructor", {"course_id": 1}),
        ("idp_service", {}),
        ("emperor", {}),
    ],
)
async def test_a_grant_on_the_wrong_kind_of_thing_gives_nothing(
    db: AsyncSession, principal: str, on: dict[str, int]
) -> None:
    await grant(db, 8, principal, **on)

    rights = await prepared(db, member(8))

    assert rights.held(Scope.WORKSPACE, 1) == {Principal.LEARNER}
    for scope in (Scope.DEPARTMENT, Scope.COURSE, Scope.MODULE):
        assert rights.held(scope, 1) == frozenset()


async def test_a_role_held_inside_counts_for_the_workspace_wherever_its_column_says_so(
    db: AsyncSession,
) -> None:
    await derived(db, 4, 1)
    await role(db, 9, 1, "INSTRUCTOR")
    await grant(db, 10, "department_manager", department_id=1)
    await grant(db, 11, "course_edit", course_id=1)

    picks = {
        id: (await prepared(db, member(id)))
        .decide(Permission.SEARCH_MEMBERS_PICKER, Scope.WORKSPACE, 1)
        .allowed
        for id in (4, 9, 10, 11, 12)
    }

    assert picks == {4: True, 9: True, 10: True, 11: False, 12: False}


async def test_an_instructor_may_create_modules_in_the_department_of_the_course(
    db: AsyncSession,
) -> None:
    await role(db, 9, 1, "INSTRUCTOR")
    await role(db, 9, 3, "COORDINATOR")

    rights = await prepared(db, member(9))

    assert rights.decide(Permission.CREATE_MODULE, Scope.DEPARTMENT, 1).allowed
    assert not rights.decide(Permission.CREATE_MODULE, Scope.DEPARTMENT, 2).allowed


async def test_every_role_held_inside_a_department_counts_for_what_is_asked_of_it(
    db: AsyncSession,
) -> None:
    await role(db, 2, 1, "COORDINATOR")
    await derived(db, 3, 1)
    await grant(db, 4, "course_enroll", course_id=2)
    await enrolment(db, 5, 1)
    picker = Permission.SEARCH_MEMBERS_PICKER

    picks = {
        who: [rights.decide(picker, Scope.DEPARTMENT, id).allowed for id in (1, 2)]
        for who in (2, 3, 4, 5)
        for rights in [await prepared(db, member(who))]
    }

    assert picks == {2: [True, False], 3: [True, False], 4: [True, False], 5: [False, False]}


async def test_within_own_scope_is_true_below_the_role_and_false_above_it(
    db: AsyncSession,
) -> None:
    await role(db, 9, 1, "INSTRUCTOR")
    await grant(db, 10, "department_manager", department_id=1)
    audit = Permission.VIEW_AUDIT_LOG

    instructor, manager = await prepared(db, member(9)), await prepared(db, member(10))

    assert instructor.decide(audit, Scope.COURSE, 1).allowed
    assert manager.decide(audit, Scope.COURSE, 1).allowed
    assert manager.decide(audit, Scope.DEPARTMENT, 1).allowed
    for decision in [
        instructor.decide(audit, Scope.DEPARTMENT, 1),
        instructor.decide(audit, Scope.WORKSPACE, 1),
        manager.decide(audit, Scope.WORKSPACE, 1),
    ]:
        assert not decision.allowed
        assert decision.condition is Condition.WITHIN_OWN_SCOPE
    assert not manager.decide(audit, Scope.COURSE, 3).allowed


async def test_what_was_read_with_the_course_need_not_be_said(db: AsyncSession) -> None:
    await role(db, 3, 1, "COORDINATOR")
    await role(db, 3, 2, "COORDINATOR")
    await grant(db, 5, "dept_create", department_id=1)

    coordinator, maker = await prepared(db, member(3)), await prepared(db, member(5))

    assert coordinator.decide(Permission.VIEW_QUIZ_INSIGHTS, Scope.COURSE, 1).allowed
    draft = coordinator.decide(Permission.VIEW_QUIZ_INSIGHTS, Scope.COURSE, 2)
    assert (draft.allowed, draft.condition) == (False, Condition.COURSE_IS_ACTIVE)
    assert maker.decide(Permission.EDIT_COURSE_INFO, Scope.COURSE, 1).allowed
    others = maker.decide(Permission.EDIT_COURSE_INFO, Scope.COURSE, 2)
    assert (others.allowed, others.condition) == (False, Condition.OWN_CONTENT)


async def test_asking_more_widely_than_the_permission_is_about_is_a_mistake(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "workspace_manager")
    rights = await prepared(db, member(1))

    with pytest.raises(AskedTooWide, match="EDIT_COURSE_INFO is asked of a course"):
        rights.decide(Permission.EDIT_COURSE_INFO, Scope.DEPARTMENT, 1)


async def test_what_was_not_read_cannot_be_asked_about(db: AsyncSession) -> None:
    rights = Rights(member(1))
    with pytest.raises(NotPrepared, match="workspace 1"):
        rights.held(Scope.WORKSPACE, 1)

    await rights.prepare(db, courses=[1])

    assert rights.held(Scope.COURSE, 1) == frozenset()
    for scope in (Scope.COURSE, Scope.DEPARTMENT, Scope.MODULE):
        with pytest.raises(NotPrepared, match=f"{scope} 2"):
            rights.held(scope, 2)


async def test_a_stranger_an_identity_provider_and_the_product_need_no_reading(
    db: AsyncSession, statements: list[str]
) -> None:
    statements.clear()
    stranger = await prepared(db, None)
    provider = await prepared(db, Caller(1, "Okta", Origin.SCIM, connection_id=1))
    product = await prepared(db, system(1))

    assert stranger.held(Scope.WORKSPACE, 1) == {Principal.ANONYMOUS}
    assert provider.held(Scope.WORKSPACE, 1) == {Principal.IDP_SERVICE}
    assert provider.decide(Permission.INGEST_IDP_EVENT, Scope.WORKSPACE, 1).allowed
    assert not provider.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, 1).allowed
    assert product.decide(Permission.EDIT_COURSE_INFO, Scope.COURSE, 1).allowed
    assert statements == []


@pytest.mark.parametrize("courses", [[1], [1, 2, 3, 4, *range(100, 600)]])
async def test_reading_costs_one_statement_however_much_is_asked_about(
    db: AsyncSession, statements: list[str], courses: list[int]
) -> None:
    rights = Rights(member(1))
    statements.clear()

    await rights.prepare(db, courses=courses, departments=[1, 2], segments=[1])
    await rights.prepare(db, courses=courses, departments=[1], segments=[1])
    await rights.prepare(db)

    assert len(statements) == 1


async def test_ids_no_database_could_hold_are_simply_not_there(db: AsyncSession) -> None:
    rights = Rights(member(1))

    await rights.prepare(db, courses=[0, -1, 2**63, 2**80, 2**40])

    assert rights.held(Scope.COURSE, 2**40) == frozenset()
    assert rights.held(Scope.COURSE, 2**80) == frozenset()
    assert rights.held(Scope.COURSE, -1) == frozenset()


async def test_the_source_of_a_right_is_the_place_where_the_role_is_held(
    db: AsyncSession,
) -> None:
    await grant(db, 10, "department_manager", department_id=1)
    await role(db, 10, 3, "INSTRUCTOR")
    rights = await prepared(db, member(10))

    def source(permission: Permission, scope: Scope, id: int) -> Source | None:
        return rights.source_of(rights.decide(permission, scope, id), scope, id)

    manager = Principal.DEPARTMENT_MANAGER
    assert source(Permission.EDIT_COURSE_INFO, Scope.COURSE, 1) == Source(
        manager, Scope.DEPARTMENT, 1
    )
    assert source(Permission.EDIT_COURSE_INFO, Scope.COURSE, 3) == Source(
        Principal.INSTRUCTOR, Scope.COURSE, 3
    )
    assert source(Permission.SEARCH_MEMBERS_PICKER, Scope.WORKSPACE, 1) == Source(
        manager, Scope.DEPARTMENT, 1
    )
    assert source(Permission.VIEW_BILLING, Scope.WORKSPACE, 1) is None


async def test_an_operation_is_refused_with_what_is_lacking_and_what_is_held(
    db: AsyncSession,
) -> None:
    await role(db, 3, 2, "COORDINATOR")

    with pytest.raises(Denied) as denied:
        await require(db, member(3), Permission.VIEW_QUIZ_INSIGHTS, course_id=2)

    assert denied.value.permission is Permission.VIEW_QUIZ_INSIGHTS
    assert denied.value.scope is Scope.COURSE
    assert denied.value.held == (Principal.COORDINATOR_DIRECT,)
    assert denied.value.reason == (
        "VIEW_QUIZ_INSIGHTS is allowed to coordinator_direct only while the course is active."
    )


async def test_a_department_manager_attaches_only_segments_marked_usable(
    db: AsyncSession,
) -> None:
    await grant(db, 10, "department_manager", department_id=1)
    attach = Permission.ATTACH_SEGMENT

    decision = await require(db, member(10), attach, course_id=1, segment_id=1)

    assert decision.principal is Principal.DEPARTMENT_MANAGER
    for course_id, segment_id in [(1, 2), (1, 3), (1, 999), (3, 1)]:
        with pytest.raises(Denied, match="ATTACH_SEGMENT"):
            await require(db, member(10), attach, course_id=course_id, segment_id=segment_id)


async def test_an_operation_asks_of_the_narrowest_thing_it_names(db: AsyncSession) -> None:
    await grant(db, 10, "department_manager", department_id=1)
    await grant(db, 11, "invite")

    await require(db, member(10), Permission.CREATE_COURSE, department_id=1)
    await require(db, member(11), Permission.ADD_MEMBER)
    await require(db, system(1), Permission.ATTACH_SEGMENT, course_id=4, segment_id=3)
    with pytest.raises(Denied):
        await require(db, member(10), Permission.CREATE_COURSE, department_id=2)
    with pytest.raises(Denied):
        await require(db, member(10), Permission.ADD_MEMBER)


async def test_what_an_operation_knows_itself_is_said_by_it(db: AsyncSession) -> None:
    await role(db, 3, 1, "COORDINATOR")
    sources = Permission.VIEW_COORDINATOR_SOURCES

    await require(db, member(3), sources, course_id=1, is_self=True)

    with pytest.raises(Denied, match="only about oneself"):
        await require(db, member(3), sources, course_id=1)
