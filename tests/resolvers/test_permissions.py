"""`viewer.can`: many questions about what one may do, answered in one batch."""

from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Condition, Permission, Principal, Scope
from operations.edge import Edge
from operations.refusals import Code, Refused
from resolvers.context import Context, opened
from resolvers.ids import encode
from resolvers.permissions import Ability, can
from tests.standing import build, derived, grant, member, role

Sessions = async_sessionmaker[AsyncSession]

COURSES = [encode("Course", id) for id in range(1, 5)]
SELLING, PRICING, LAW, FOREIGN = COURSES


@pytest.fixture
async def db(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        await build(session)
        await session.commit()
        yield session


async def ask(
    sessions: Sessions, by: Caller, operations: Sequence[Permission], on: Sequence[str] = ()
) -> dict[tuple[Permission, str], Ability]:
    async with opened(Context(by, Edge(sessions))) as context:
        answers = await can(context, by, operations, on)
    return {(each.operation, each.on): each for each in answers}


async def test_each_answer_says_whether_why_and_which_role_held_where(
    db: AsyncSession, sessions: Sessions
) -> None:
    await grant(db, 1, "department_manager", department_id=1)
    await derived(db, 1, 3)
    await db.commit()
    edit, view = Permission.EDIT_COURSE_INFO, Permission.VIEW_COURSE_INFO

    answers = await ask(sessions, member(1), [edit, view], [SELLING, LAW])

    assert answers[edit, SELLING] == Ability(
        edit,
        SELLING,
        is_allowed=True,
        reason="EDIT_COURSE_INFO is allowed to department_manager.",
        source_principal=Principal.DEPARTMENT_MANAGER,
        source_scope=Scope.DEPARTMENT,
        source_on=encode("Department", 1),
    )
    assert answers[view, LAW].source_principal is Principal.COORDINATOR_DERIVED
    assert answers[view, LAW].source_on == LAW
    assert answers[edit, LAW] == Ability(
        edit, LAW, is_allowed=False, reason="No role held here allows EDIT_COURSE_INFO."
    )


async def test_a_condition_that_is_not_met_is_named(db: AsyncSession, sessions: Sessions) -> None:
    await role(db, 1, 2, "COORDINATOR")
    await db.commit()
    insights = Permission.VIEW_QUIZ_INSIGHTS

    answer = (await ask(sessions, member(1), [insights], [PRICING]))[insights, PRICING]

    assert (answer.is_allowed, answer.condition) == (False, Condition.COURSE_IS_ACTIVE)
    assert answer.source_principal is None


async def test_hidden_missing_foreign_and_meaningless_things_are_answered_alike(
    db: AsyncSession, sessions: Sessions
) -> None:
    await grant(db, 1, "finance_manager")
    await db.commit()
    things = [
        LAW,
        FOREIGN,
        encode("Course", 999),
        encode("Course", 10**17),
        encode("Member", 92),
        encode("Department", 3),
        encode("Segment", 1),
        encode("Workspace", 2),
        encode("Starship", 1),
        "not an id",
        "",
    ]

    answers = await ask(
        sessions, member(1), [Permission.EXPLAIN_MEMBERSHIP, Permission.VIEW_BILLING], things
    )

    assert len(answers) == 2 * len(things)
    assert {(each.is_allowed, each.reason) for each in answers.values()} == {
        (False, "There is no such thing.")
    }


async def test_without_things_the_workspace_is_asked_about(
    db: AsyncSession, sessions: Sessions
) -> None:
    await grant(db, 1, "workspace_manager")
    await role(db, 2, 1, "INSTRUCTOR")
    await db.commit()
    add, pick = Permission.ADD_MEMBER, Permission.SEARCH_MEMBERS_PICKER
    workspace = encode("Workspace", 1)

    manager = await ask(sessions, member(1), [add, pick])
    instructor = await ask(sessions, member(2), [add, pick])

    assert manager[add, workspace].is_allowed
    assert manager[add, workspace].source_on == workspace
    assert not instructor[add, workspace].is_allowed
    assert instructor[pick, workspace].is_allowed
    assert instructor[pick, workspace].source_principal is Principal.INSTRUCTOR
    assert instructor[pick, workspace].source_on is None, "any course would do"


async def test_what_one_may_only_do_for_oneself_is_granted_and_said(
    db: AsyncSession, sessions: Sessions
) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await db.commit()
    mine, take = Permission.LIST_COURSES_I_MANAGE, Permission.TAKE_COURSE_TRACKED
    workspace = encode("Workspace", 1)

    answers = await ask(sessions, member(1), [mine, take], [workspace, SELLING])

    for key in [(mine, workspace), (take, SELLING)]:
        assert (answers[key].is_allowed, answers[key].condition) == (True, Condition.SELF_ONLY)


async def test_asked_about_a_person_oneself_is_that_person(
    db: AsyncSession, sessions: Sessions
) -> None:
    await grant(db, 1, "workspace_manager")
    await db.commit()
    mine = Permission.LIST_COURSES_I_MANAGE
    me, other = encode("Member", 1), encode("Member", 2)

    answers = await ask(sessions, member(1), [mine], [me, other])

    assert answers[mine, me].is_allowed
    assert not answers[mine, other].is_allowed


async def test_a_segment_carries_whether_it_is_usable(db: AsyncSession, sessions: Sessions) -> None:
    await grant(db, 1, "department_manager", department_id=1)
    await db.commit()
    search = Permission.SEARCH_SEGMENTS_TYPEAHEAD
    usable, reserved = encode("Segment", 1), encode("Segment", 2)

    answers = await ask(sessions, member(1), [search], [usable, reserved])

    assert answers[search, usable].is_allowed
    assert answers[search, reserved].reason == "There is no such thing."


async def test_a_question_for_something_smaller_is_answered_not_failed(
    db: AsyncSession, sessions: Sessions
) -> None:
    await grant(db, 1, "workspace_manager")
    await db.commit()
    department = encode("Department", 1)
    edit = Permission.EDIT_COURSE_INFO

    answer = (await ask(sessions, member(1), [edit], [department]))[edit, department]

    assert (answer.is_allowed, answer.reason) == (False, "EDIT_COURSE_INFO is asked of a course.")


@pytest.mark.parametrize("courses", [1, 3])
async def test_all_68_operations_on_many_things_cost_one_statement_per_kind_and_one_for_rights(
    db: AsyncSession, sessions: Sessions, statements: list[str], courses: int
) -> None:
    await grant(db, 1, "workspace_manager")
    await db.commit()
    on = [*COURSES[:courses], encode("Department", 1), encode("Segment", 1), encode("Member", 2)]
    statements.clear()

    answers = await ask(sessions, member(1), list(Permission), on)

    assert len(answers) == 68 * (courses + 3)
    assert len(statements) == 5


async def test_more_than_a_hundred_things_at_once_are_refused_with_the_limit(
    db: AsyncSession, sessions: Sessions
) -> None:
    with pytest.raises(Refused, match="At most 100 things") as refused:
        await ask(sessions, member(1), [Permission.VIEW_COURSE_INFO], [SELLING] * 101)

    assert refused.value.code is Code.BAD_USER_INPUT
    assert refused.value.details == {"limit": 100, "actual": 101}
