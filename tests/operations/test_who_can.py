"""Who may do what is found out in three ways that share no statement: what one person holds
(`Rights`), who holds something towards one thing (`who_can`, `explain_permission`), and which rows
the database shows (`visible`). In worlds made at random they agree on everything."""

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin, system
from access.permissions import GRANTED_ON, Permission, Principal, Scope, holders_of, scope_of
from operations import visible
from operations.explain_permission import explain_permission
from operations.refusals import Code, Denied, Refused
from operations.rights import AskedTooWide, Rights
from operations.who_can import who_can
from tests.sampling import examples
from tests.standing import build, derived, enrolment, grant, member, promise, role

PEOPLE = (1, 2, 3, 5, 90, 91)
THINGS = {
    Scope.WORKSPACE: [1],
    Scope.DEPARTMENT: [1, 2],
    Scope.COURSE: [1, 2, 3],
    Scope.MODULE: [1, 2, 3, 5],
}
ROWS: dict[Scope, Callable[[Caller, Permission], Select[Any]]] = {
    Scope.DEPARTMENT: visible.departments_allowing,
    Scope.COURSE: visible.courses,
    Scope.MODULE: visible.modules,
}


@pytest.fixture
async def db(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        await build(session)
        await session.commit()
        yield session


class Given(NamedTuple):
    """One thing that was done; `where` means what `what` needs it to mean."""

    what: str
    who: int
    where: int
    how: str = ""


def grants() -> st.SearchStrategy[Given]:
    right = st.sampled_from(sorted(GRANTED_ON.items()))
    return right.flatmap(
        lambda each: st.builds(
            Given,
            st.sampled_from(["grant", "grant", "grant", "promise"]),
            st.sampled_from(PEOPLE),
            st.sampled_from(THINGS[each[1]]),
            st.just(each[0].value),
        )
    )


def deeds(what: list[str], who: list[int] | tuple[int, ...], where: list[int]) -> Any:
    drawn = (st.sampled_from(what), st.sampled_from(who), st.sampled_from(where), st.just(""))
    return st.builds(Given, *drawn)


COURSES = THINGS[Scope.COURSE]
DEEDS = st.one_of(
    grants(),
    deeds(["instructor", "coordinator", "learner", "was learner"], PEOPLE, COURSES),
    deeds(["kept", "excluded"], PEOPLE, COURSES),
    deeds(["derived"], PEOPLE, [1, 3]),
    deeds(["archive"], [0], COURSES),
    deeds(["maker"], PEOPLE, [2, 3]),
    deeds(["unuse"], [0], COURSES),
    deeds(["use"], [2, 3], [2, 5]),
)

SQL = {
    "was learner": "INSERT INTO enrolment (workspace_id, course_id, member_id, source, ended_at)"
    " VALUES (1, :where, :who, 'DIRECT', now())",
    "kept": "INSERT INTO coordinator_override (course_id, member_id, workspace_id, kind, reason)"
    " VALUES (:where, :who, 1, 'KEEP', 'why') ON CONFLICT DO NOTHING",
    "excluded": "INSERT INTO coordinator_override (course_id, member_id, workspace_id, kind,"
    " reason) VALUES (:where, :who, 1, 'EXCLUDE', 'why') ON CONFLICT DO NOTHING",
    "archive": "UPDATE course SET state = 'ARCHIVED' WHERE id = :where",
    "maker": "UPDATE course SET created_by_id = :who WHERE id = :where",
    "unuse": "DELETE FROM course_module WHERE course_id = :where",
    "use": "INSERT INTO course_module (course_id, module_id, workspace_id, place)"
    " VALUES (:who, :where, 1, 10 + :where) ON CONFLICT (course_id, module_id) DO NOTHING",
}


async def do(db: AsyncSession, deed: Given) -> None:
    match deed.what:
        case "grant" | "promise":
            scope = GRANTED_ON[Principal(deed.how)]
            place = {f"{scope}_id": deed.where} if scope.depth else {}
            give = promise if deed.what == "promise" else grant
            await give(db, deed.who, deed.how, **place)
        case "instructor" | "coordinator":
            await role(db, deed.who, deed.where, deed.what.upper())
        case "learner":
            await enrolment(db, deed.who, deed.where)
        case "derived":
            await derived(db, deed.who, deed.where, segment_id=1 if deed.where == 1 else 2)
        case _:
            said = {"who": deed.who, "where": deed.where}
            await db.execute(text(SQL[deed.what]), said)


async def make(db: AsyncSession, deeds: list[Given]) -> None:
    """What cannot be twice is done the first time only."""
    once = set()
    for deed in deeds:
        key = (
            ("role", deed.who, deed.where)
            if deed.what in {"instructor", "coordinator"}
            else ("grant", deed.who, deed.where, deed.how)
            if deed.what in {"grant", "promise"}
            else deed
        )
        if key not in once:
            once.add(key)
            await do(db, deed)


async def rights_of(db: AsyncSession, member_id: int) -> Rights:
    rights = Rights(member(member_id))
    await rights.prepare(
        db,
        departments=THINGS[Scope.DEPARTMENT],
        courses=THINGS[Scope.COURSE],
        modules=THINGS[Scope.MODULE],
    )
    return rights


async def agree(db: AsyncSession, permissions: list[Permission]) -> set[bool]:
    """Compare all ways for everybody and everything; what the answers were."""
    rights = {id: await rights_of(db, id) for id in PEOPLE}
    answers = set()
    for permission in permissions:
        for scope in Scope:
            if not scope_of(permission).contains(scope):
                continue
            may = {
                (who, id): rights[who].decide(permission, scope, id)
                for who in PEOPLE
                for id in THINGS[scope]
            }
            for id in THINGS[scope]:
                found = await who_can(db, by=system(1), permission=permission, scope=scope, id=id)
                told = {each.member_id: each for each in found.holders if each.member_id in PEOPLE}
                allowed = {who for who, each in told.items() if each.decision.allowed}
                assert allowed == {who for who in PEOPLE if may[who, id].allowed}, (
                    permission,
                    scope,
                    id,
                )
                for who, each in told.items():
                    assert each.decision == may[who, id]
                    source = rights[who].source_of(may[who, id], scope, id)
                    assert source is not None
                    assert (each.role.principal, each.role.scope) == (
                        source.principal,
                        source.scope,
                    )
            if scope in ROWS:
                for who in PEOPLE:
                    rows = await db.scalars(ROWS[scope](member(who), permission))
                    shown = {row.id for row in rows}
                    assert shown == {id for id in THINGS[scope] if may[who, id].allowed}, (
                        permission,
                        scope,
                        who,
                    )
            answers |= {each.allowed for each in may.values()}
    return answers


@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    deeds=st.lists(DEEDS, max_size=14),
    permissions=st.lists(st.sampled_from(Permission), min_size=3, max_size=3, unique=True),
)
async def test_in_any_world_all_ways_to_find_out_agree(
    db: AsyncSession, deeds: list[Given], permissions: list[Permission]
) -> None:
    async with db.begin_nested() as world:
        await make(db, deeds)
        await agree(db, permissions)
        await world.rollback()


CROWDED = [
    *(
        Given("grant", PEOPLE[n % 4], THINGS[scope][n % len(THINGS[scope])], principal)
        for n, (principal, scope) in enumerate(sorted(GRANTED_ON.items()))
    ),
    Given("promise", 2, 1, "workspace_manager"),
    Given("grant", 90, 1, "workspace_manager"),
    Given("grant", 91, 2, "department_manager"),
    Given("instructor", 3, 1),
    Given("derived", 3, 1),
    Given("coordinator", 2, 1),
    Given("derived", 5, 3),
    Given("derived", 1, 3),
    Given("excluded", 1, 3),
    Given("kept", 1, 2),
    Given("learner", 2, 3),
    Given("was learner", 3, 3),
    Given("archive", 0, 2),
]


async def test_in_a_crowded_world_they_agree_on_all_68_permissions(db: AsyncSession) -> None:
    await make(db, CROWDED)

    assert await agree(db, list(Permission)) == {True, False}


async def test_explaining_gives_the_same_answer_and_a_way_for_every_role_of_the_matrix(
    db: AsyncSession,
) -> None:
    await make(db, CROWDED)
    rights = {id: await rights_of(db, id) for id in PEOPLE}

    for permission in Permission:
        scope = scope_of(permission)
        for who in PEOPLE:
            for id in THINGS[scope]:
                why = await explain_permission(
                    db, by=system(1), permission=permission, scope=scope, id=id, member_id=who
                )
                told = rights[who].decide(permission, scope, id, is_self=True)
                assert why.is_allowed == told.allowed, why
                assert [each.principal for each in why.ways] == [
                    each for each, _ in holders_of(permission)
                ]
                assert why.is_allowed == any(
                    each.is_held and not each.obstacles for each in why.ways
                ), why


async def test_who_can_names_the_role_where_it_is_held_and_the_condition(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "department_manager", department_id=1)
    await role(db, 2, 1, "INSTRUCTOR")
    await grant(db, 3, "course_enroll", course_id=1)
    await promise(db, 4, "dept_enroll", department_id=1)
    await grant(db, 90, "workspace_manager")

    found = await who_can(
        db, by=system(1), permission=Permission.ASSIGN_LEARNER, scope=Scope.COURSE, id=1
    )

    assert found.thing.name == "Selling"
    assert [
        (each.display_name, each.decision.allowed, each.role.principal, each.role.on_name)
        for each in found.holders
    ] == [
        ("Member 1", True, Principal.DEPARTMENT_MANAGER, "Sales"),
        ("Member 2", True, Principal.INSTRUCTOR, "Selling"),
        ("Member 3", False, Principal.COURSE_ENROLL, "Selling"),
    ]
    assert found.holders[2].decision.reason == (
        "ASSIGN_LEARNER is allowed to course_enroll only inside groups one has created."
    )


async def test_only_who_may_give_rights_on_a_thing_may_ask_who_holds_them(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "department_manager", department_id=1)
    await role(db, 2, 1, "INSTRUCTOR")
    view = Permission.VIEW_COURSE_INFO

    async def ask(by: Caller, scope: Scope, id: int) -> None:
        await who_can(db, by=by, permission=view, scope=scope, id=id)

    await ask(member(1), Scope.COURSE, 1)
    await ask(member(1), Scope.MODULE, 1)
    for scope in (Scope.COURSE, Scope.MODULE, Scope.DEPARTMENT):
        with pytest.raises(Denied if scope is not Scope.DEPARTMENT else AskedTooWide):
            await ask(member(2), scope, 1)
    okta = Caller(1, "Okta", Origin.SCIM, connection_id=1)
    for by, id in [(member(1), 3), (member(1), 4), (member(1), 999), (okta, 1), (member(92), 1)]:
        with pytest.raises(Refused) as hidden:
            await ask(by, Scope.COURSE, id)
        assert hidden.value.code is Code.NOT_FOUND
    with pytest.raises(AskedTooWide):
        await ask(system(1), Scope.DEPARTMENT, 1)


@pytest.mark.parametrize("people", [1, 15])
async def test_asking_costs_three_statements_however_many_people_may(
    db: AsyncSession, statements: list[str], people: int
) -> None:
    for id in range(1, people + 1):
        await role(db, id, 1, "COORDINATOR")
        await derived(db, id, 3)
    statements.clear()

    found = await who_can(
        db, by=system(1), permission=Permission.VIEW_COURSE_INFO, scope=Scope.COURSE, id=1
    )

    assert len(found.holders) == people
    assert len(statements) == 3


async def test_one_person_is_one_line_and_a_promise_hides_nothing_that_counts(
    db: AsyncSession,
) -> None:
    await promise(db, 1, "dept_enroll", department_id=1)
    await grant(db, 1, "dept_enroll", department_id=2)
    for course_id in (1, 2, 3):
        await role(db, 2, course_id, "INSTRUCTOR")

    found = await who_can(
        db, by=system(1), permission=Permission.SEARCH_MEMBERS_PICKER, scope=Scope.WORKSPACE, id=1
    )

    assert [
        (each.member_id, each.decision.allowed, each.role.principal, each.role.on_name)
        for each in found.holders
    ] == [
        (1, True, Principal.DEPT_ENROLL, "Legal"),
        (2, True, Principal.INSTRUCTOR, "Law"),
    ]
