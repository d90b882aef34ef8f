"""`viewer.can`: many questions about what one may do, answered in one batch."""

from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Condition, Permission, Principal, Scope
from models.groups import LearnerGroup
from operations.edge import Edge
from operations.refusals import Code, Refused
from resolvers.context import Context, opened
from resolvers.ids import encode
from resolvers.nodes import SEEN
from resolvers.permissions import Ability, can
from resolvers.references import is_referred
from tests.standing import build, derived, enrolment, grant, member, promise, role

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


@pytest.mark.spec("G5")
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


async def test_a_module_is_asked_about_through_every_course_that_uses_it(
    db: AsyncSession, sessions: Sessions
) -> None:
    await role(db, 1, 1, "INSTRUCTOR")
    await grant(db, 2, "module_edit", module_id=2)
    await grant(db, 3, "course_edit", course_id=1)
    await db.commit()
    edit, put = Permission.EDIT_MODULE_CONTENT, Permission.ADD_REMOVE_MODULES
    view = Permission.VIEW_COURSE_INFO
    closing, contracts = encode("Module", 2), encode("Module", 3)

    instructor = await ask(sessions, member(1), [edit], [closing, contracts])
    author = await ask(sessions, member(2), [edit, view], [closing, contracts, SELLING, LAW])
    editor = await ask(sessions, member(3), [edit, put], [closing, contracts])

    assert instructor[edit, closing].is_allowed
    assert instructor[edit, closing].source_on == SELLING
    assert author[edit, closing].source_on == author[view, SELLING].source_on == closing
    assert author[edit, SELLING].reason == "EDIT_MODULE_CONTENT is asked of a module."
    assert (editor[edit, closing].is_allowed, editor[put, closing].is_allowed) == (False, True)
    for answers in (instructor, author, editor):
        assert answers[edit, contracts].reason == "There is no such thing."
    assert author[view, LAW].reason == "There is no such thing."


async def test_whoever_learns_in_a_course_may_take_it_and_see_who_coordinates_it(
    db: AsyncSession, sessions: Sessions
) -> None:
    await enrolment(db, 1, 1)
    await db.commit()
    take, names = Permission.TAKE_COURSE_TRACKED, Permission.VIEW_COORDINATOR_NAMES
    mark, retake = Permission.MARK_COMPLETE, Permission.RETAKE_AFTER_COMPLETION

    answers = await ask(sessions, member(1), [take, names, mark, retake], [SELLING, LAW])

    assert {each for (each, on), answer in answers.items() if answer.is_allowed} == {take, names}
    assert answers[take, SELLING].source_principal is Principal.LEARNER
    assert answers[retake, SELLING].condition is Condition.RETAKE_POLICY
    assert answers[names, LAW].reason == "There is no such thing."


async def test_a_group_of_a_course_is_no_course_that_can_be_taken_again(
    db: AsyncSession, sessions: Sessions
) -> None:
    await enrolment(db, 1, 1)
    db.add(LearnerGroup(id=1, workspace_id=1, course_id=1, name="Those of May"))
    await db.commit()
    retake, group = Permission.RETAKE_AFTER_COMPLETION, encode("LearnerGroup", 1)

    answers = await ask(sessions, member(1), [retake], [group, SELLING])

    assert [each.condition for each in answers.values()] == [Condition.RETAKE_POLICY] * 2


async def test_billing_mail_goes_to_workspace_managers_until_there_is_a_finance_manager(
    db: AsyncSession, sessions: Sessions
) -> None:
    mail = Permission.RECEIVE_BILLING_MAIL
    workspace = encode("Workspace", 1)
    await grant(db, 1, "workspace_manager")
    await grant(db, 90, "finance_manager")
    await grant(db, 91, "finance_manager")
    await grant(db, 92, "finance_manager")
    await promise(db, 2, "finance_manager")
    await db.commit()

    before = (await ask(sessions, member(1), [mail]))[mail, workspace]
    await grant(db, 3, "finance_manager")
    await db.commit()
    after = (await ask(sessions, member(1), [mail]))[mail, workspace]

    assert (before.is_allowed, before.condition) == (True, Condition.NO_FINANCE_MANAGER)
    assert (after.is_allowed, after.condition) == (False, Condition.NO_FINANCE_MANAGER)


async def test_asked_for_oneself_what_one_may_only_do_so_is_not_hidden_by_a_nearer_condition(
    db: AsyncSession, sessions: Sessions
) -> None:
    await grant(db, 1, "course_enroll", course_id=1)
    await enrolment(db, 1, 1)
    await db.commit()
    learners = Permission.LIST_LEARNERS

    answer = (await ask(sessions, member(1), [learners], [SELLING]))[learners, SELLING]

    assert (answer.is_allowed, answer.condition) == (True, Condition.SELF_ONLY)


@pytest.mark.spec("M21")
async def test_a_coordinator_may_nothing_an_instructor_may_not_except_retaking(
    db: AsyncSession, sessions: Sessions
) -> None:
    await role(db, 1, 1, "INSTRUCTOR")
    await role(db, 2, 1, "COORDINATOR")
    await derived(db, 3, 1)
    await db.commit()
    everything = [
        SELLING,
        LAW,
        *(
            encode(*each)
            for each in (
                ("Workspace", 1),
                ("Department", 1),
                ("Module", 1),
                ("Segment", 1),
                ("Member", 4),
            )
        ),
    ]

    may = []
    for id in (1, 2, 3):
        answers = await ask(sessions, member(id), list(Permission), everything)
        may.append({key for key, each in answers.items() if each.is_allowed})

    instructor, direct, through_a_segment = may
    assert {operation for operation, _ in direct - instructor} == {
        Permission.RETAKE_AFTER_COMPLETION
    }
    assert through_a_segment == direct
    assert len(instructor) > len(direct) > 10


def test_everything_with_an_id_is_about_something_rights_are_held_on() -> None:
    for name, (kind, _) in SEEN.items():
        assert is_referred(kind()), name


@pytest.mark.spec("G5", "G6")
@pytest.mark.parametrize("courses", [1, 3])
async def test_all_68_operations_on_many_things_cost_one_statement_per_kind_and_one_for_rights(
    db: AsyncSession, sessions: Sessions, statements: list[str], courses: int
) -> None:
    await grant(db, 1, "workspace_manager")
    await db.commit()
    kinds = ("Department", "Module", "Segment", "Member")
    on = [*COURSES[:courses], *(encode(each, 1) for each in kinds)]
    statements.clear()

    answers = await ask(sessions, member(1), list(Permission), on)

    assert len(answers) == 68 * (courses + 4)
    assert len(statements) == 6


async def test_more_than_a_hundred_things_at_once_are_refused_with_the_limit(
    db: AsyncSession, sessions: Sessions
) -> None:
    with pytest.raises(Refused, match="At most 100 things") as refused:
        await ask(sessions, member(1), [Permission.VIEW_COURSE_INFO], [SELLING] * 101)

    assert refused.value.code is Code.BAD_USER_INPUT
    assert refused.value.details == {"limit": 100, "actual": 101}
