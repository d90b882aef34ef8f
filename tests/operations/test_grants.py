"""Rights are given to several people at once, and what they then may do (C1, C4, C7-C11, C13)."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal, Scope
from models.people import MemberState
from operations import grants
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights
from operations.team import DepartmentPermission
from tests.furnishing import furnished
from tests.operations.giving import (
    give,
    ids,
    join,
    manage,
    may,
    on,
    open_office,
    stored,
    take,
    team_of,
    told,
)
from tests.world import MONDAY, World

MANAGER = Principal.WORKSPACE_MANAGER
FINANCE = Principal.FINANCE_MANAGER
COURSE = (Principal.COURSE_EDIT, Principal.COURSE_ENROLL, Principal.COURSE_TEACH)


@pytest.fixture
@furnished
async def office(world: World) -> World:
    await open_office(world)
    return world


async def test_c4_several_members_become_workspace_managers_in_one_call(office: World) -> None:
    done = await give(office, "Tom", "Lea", what=[MANAGER])

    assert told(office, done.given) == {("Tom", MANAGER), ("Lea", MANAGER)}
    assert await may(office, "Lea", Permission.CREATE_DEPARTMENT)
    assert (await office.verbs())[-2:] == ["grant.given", "grant.given"]


async def test_c4_several_members_become_finance_managers_and_inviters_in_one_call(
    office: World,
) -> None:
    done = await give(office, "Tom", "Lea", what=[FINANCE, Principal.INVITE])

    assert len(done.given) == 4
    assert await may(office, "Tom", Permission.VIEW_BILLING)
    assert await may(office, "Lea", Permission.ADD_MEMBER)
    assert not await may(office, "Lea", Permission.DEACTIVATE_MEMBER)


async def test_c4_giving_again_reports_who_held_it_and_records_nothing(office: World) -> None:
    await give(office, "Tom", what=[FINANCE])
    before = await office.verbs()

    done = await give(office, "Tom", "Tom", what=[FINANCE])

    assert (done.given, told(office, done.already)) == ((), {("Tom", FINANCE)})
    assert await office.verbs() == before


async def test_c4_taking_reports_only_what_really_went(office: World) -> None:
    await give(office, "Tom", what=[FINANCE])

    done = await take(office, "Tom", "Lea", what=[FINANCE])

    assert told(office, done.taken) == {("Tom", FINANCE)}
    assert await stored(office, "Tom") == set()
    assert (await office.verbs())[-1] == "grant.removed"


async def test_c4_only_workspace_managers_make_managers(office: World) -> None:
    await give(office, "Tom", what=[FINANCE, Principal.INVITE])

    for name in ("Tom", "Dora", "Lea"):
        for what in (MANAGER, FINANCE, Principal.INVITE):
            with pytest.raises(Denied):
                await give(office, "Tim", what=[what], by=name)
            with pytest.raises(Denied):
                await take(office, "Mona", what=[what], by=name)

    assert await stored(office, "Tim") == set()


async def test_c1_permissions_add_up_over_all_that_was_given(office: World) -> None:
    await manage(office, "Tom", give=[DepartmentPermission.TEACH])
    await give(office, "Tom", what=[Principal.COURSE_ENROLL], course="Safety")
    await give(office, "Tom", what=[Principal.INVITE])

    rights = Rights(office.caller("Tom"))
    async with office.edge.read() as db:
        await rights.prepare(db, courses=[office.courses["Safety"]])
    held = rights.held(Scope.COURSE, office.courses["Safety"])

    assert {Principal.DEPT_TEACH, Principal.COURSE_ENROLL} <= held
    assert await may(office, "Tom", Permission.VIEW_ANSWERS, course="Safety")
    assert await may(office, "Tom", Permission.CREATE_GROUP, course="Safety")
    assert not await may(office, "Tom", Permission.CREATE_GROUP, course="Hygiene")
    assert await may(office, "Tom", Permission.ADD_MEMBER)


async def test_c7_managing_a_department_is_every_right_in_it_and_none_outside(
    office: World,
) -> None:
    for permission in (
        Permission.EDIT_COURSE_INFO,
        Permission.ASSIGN_LEARNER,
        Permission.GRADE_ANSWERS,
        Permission.GRANT_COURSE_PERMISSION,
    ):
        assert await may(office, "Dora", permission, course="Safety"), permission
        assert not await may(office, "Dora", permission, course="Law"), permission
    assert await may(office, "Dora", Permission.CREATE_COURSE, department="Training")
    assert await may(office, "Dora", Permission.MANAGE_DEPARTMENT_TEAM, department="Training")
    assert not await may(office, "Dora", Permission.CREATE_COURSE, department="Legal")
    assert not await may(office, "Dora", Permission.MANAGE_DEPARTMENT_TEAM, department="Legal")


async def test_c9_enroll_on_a_department_is_for_members_and_facilitators_of_its_courses(
    office: World,
) -> None:
    await manage(office, "Tom", give=[DepartmentPermission.ENROLL])

    for permission in (
        Permission.ASSIGN_LEARNER,
        Permission.UNASSIGN_LEARNER,
        Permission.ENROLL_FACILITATOR,
        Permission.MODIFY_EXISTING_GROUP,
    ):
        assert await may(office, "Tom", permission, course="Hygiene"), permission
        assert not await may(office, "Tom", permission, course="Law"), permission
    assert not await may(office, "Tom", Permission.EDIT_COURSE_INFO, course="Hygiene")
    assert not await may(office, "Tom", Permission.VIEW_ANSWERS, course="Hygiene")


async def test_c10_teach_is_for_answers_grades_and_previews_on_a_department_or_one_course(
    office: World,
) -> None:
    await office.module("Ladders", courses=["Safety"])
    await manage(office, "Tom", give=[DepartmentPermission.TEACH])
    await give(office, "Tim", what=[Principal.COURSE_TEACH], course="Safety")

    for permission in (Permission.VIEW_ANSWERS, Permission.GRADE_ANSWERS):
        assert await may(office, "Tom", permission, course="Hygiene")
        assert await may(office, "Tim", permission, course="Safety")
        assert not await may(office, "Tim", permission, course="Hygiene")
    for name in ("Tom", "Tim"):
        assert await may(office, name, Permission.PREVIEW_UNTRACKED, module="Ladders")
        assert not await may(office, name, Permission.ASSIGN_LEARNER, course="Safety")


async def test_c13_enroll_on_a_course_makes_groups_and_leaves_those_of_others_alone(
    office: World,
) -> None:
    await give(office, "Tim", what=[Principal.COURSE_ENROLL], course="Safety")
    await manage(office, "Tom", give=[DepartmentPermission.ENROLL])

    assert await may(office, "Tim", Permission.CREATE_GROUP, course="Safety")
    assert not await may(office, "Tim", Permission.MODIFY_EXISTING_GROUP, course="Safety")
    assert await may(office, "Tom", Permission.MODIFY_EXISTING_GROUP, course="Safety")


async def test_c11_any_number_of_course_permissions_is_combined(office: World) -> None:
    done = await give(office, "Tom", "Tim", what=COURSE, course="Safety", by="Dora")

    assert len(done.given) == 6
    assert await stored(office, "Tim") == {("Tim", each.value) for each in COURSE}


async def test_c11_everybody_who_is_not_on_the_team_is_named_and_nobody_gets_anything(
    office: World,
) -> None:
    await give(office, "Tim", what=[MANAGER])

    with pytest.raises(Refused) as refused:
        await give(office, "Lea", "Tom", "Mona", what=COURSE, course="Safety")

    assert refused.value.code is Code.NOT_ON_DEPARTMENT_TEAM
    assert refused.value.details["memberIds"] == sorted(ids(office, ["Lea", "Mona"]))
    assert await stored(office, "Lea", "Tom") == set()


async def test_c11_being_on_another_department_s_team_does_not_do(office: World) -> None:
    await join(office, "Lea", department="Legal")

    with pytest.raises(Refused) as refused:
        await give(office, "Lea", what=COURSE, course="Safety")

    assert refused.value.code is Code.NOT_ON_DEPARTMENT_TEAM


async def test_a_right_on_a_department_puts_people_on_its_team_in_the_same_call(
    office: World,
) -> None:
    done = await give(
        office, "Lea", "Tom", what=[Principal.DEPT_TEACH], department="Training", by="Dora"
    )

    assert [each.member_id for each in done.joined] == ids(office, ["Lea"])
    assert await team_of(office) == {"Dora", "Tom", "Tim", "Lea"}
    assert (await office.verbs())[-3:] == ["team_member.added", "grant.given", "grant.given"]


async def test_taking_a_right_leaves_people_on_the_team(office: World) -> None:
    await give(office, "Lea", what=[Principal.DEPT_TEACH], department="Training")

    await take(office, "Lea", what=[Principal.DEPT_TEACH], department="Training")

    assert "Lea" in await team_of(office)


async def test_what_was_given_on_one_thing_is_not_taken_on_another(office: World) -> None:
    for course in ("Safety", "Hygiene"):
        await give(office, "Tom", what=[Principal.COURSE_EDIT], course=course)

    done = await take(office, "Tom", what=[Principal.COURSE_EDIT], course="Hygiene")

    assert [(each.scope, each.id) for each in done.taken] == [
        (Scope.COURSE, office.courses["Hygiene"])
    ]
    assert await may(office, "Tom", Permission.EDIT_COURSE_INFO, course="Safety")
    assert not await may(office, "Tom", Permission.EDIT_COURSE_INFO, course="Hygiene")


async def test_the_journal_says_who_got_what_on_what_and_in_whose_department(
    office: World,
) -> None:
    await office.module("Ladders")
    await give(office, "Tom", what=[Principal.COURSE_EDIT], course="Safety")
    await give(office, "Tom", what=[Principal.MODULE_EDIT], module="Ladders")
    await manage(office, "Tom", give=[DepartmentPermission.TEACH])

    async with office.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT after ->> 'principal', department_id, course_id, after ->> 'moduleId'"
                " FROM journal_entry WHERE verb = 'grant.given' AND member_id = :tom ORDER BY seq"
            ),
            {"tom": office.members["Tom"]},
        )
        said = [tuple(row) for row in rows]
    training = office.departments["Training"]
    assert said == [
        ("course_edit", training, office.courses["Safety"], None),
        ("module_edit", training, None, str(office.modules["Ladders"])),
        ("dept_teach", training, None, None),
    ]


async def test_deactivated_people_are_given_nothing_and_all_of_them_are_named(
    office: World,
) -> None:
    await office.set_state("Lea", MemberState.DEACTIVATED)

    with pytest.raises(Refused) as refused:
        await give(office, "Tom", "Gus", "Lea", what=[FINANCE])

    assert refused.value.code is Code.MEMBER_DEACTIVATED
    assert refused.value.details["memberIds"] == sorted(ids(office, ["Lea", "Gus"]))
    assert await stored(office, "Tom") == set()


async def test_rights_of_deactivated_people_can_be_taken(office: World) -> None:
    await give(office, "Lea", what=[FINANCE])
    await office.set_state("Lea", MemberState.DEACTIVATED)

    done = await take(office, "Lea", what=[FINANCE])

    assert told(office, done.taken) == {("Lea", FINANCE)}


async def test_unknown_people_and_those_of_another_workspace_are_named_alike(
    office: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    rival = await World.new(sessions, "rival")
    office.members["Rita"] = await rival.member("Rita")
    office.members["Nil"] = 2_000_000_000

    for act in (give, take):
        with pytest.raises(Refused) as refused:
            await act(office, "Tom", "Rita", "Nil", what=[FINANCE])
        assert refused.value.code is Code.NOT_FOUND
        assert refused.value.details["memberIds"] == sorted(ids(office, ["Rita", "Nil"]))


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ([Principal.INSTRUCTOR], {"course": "Safety"}),
        ([Principal.LEARNER, FINANCE], {}),
        ([Principal.COURSE_EDIT], {}),
        ([FINANCE], {"department": "Training"}),
        ([Principal.DEPT_TEACH], {"course": "Safety"}),
        ([Principal.DEPT_TEACH, Principal.COURSE_EDIT], {"department": "Training"}),
        ([], {"course": "Safety"}),
        ([Principal.COURSE_EDIT], {"course": "Safety", "department": "Training"}),
    ],
)
async def test_what_cannot_be_given_there_is_bad_input(
    office: World, what: list[Principal], where: dict[str, Any]
) -> None:
    for act in (give, take):
        with pytest.raises(Refused) as refused:
            await act(office, "Tom", what=what, **where)
        assert refused.value.code is Code.BAD_USER_INPUT

    assert await stored(office, "Tom") == set()


async def test_naming_nobody_and_naming_501_people_are_refused(office: World) -> None:
    with pytest.raises(Refused) as nobody:
        await give(office, what=[FINANCE])
    async with office.edge.transaction() as db:
        with pytest.raises(Refused) as crowd:
            await grants.give(
                db,
                by=office.caller("Mona"),
                member_ids=range(1, 502),
                principals=[FINANCE],
                at=MONDAY,
            )

    assert nobody.value.code is Code.BAD_USER_INPUT
    assert crowd.value.code is Code.LIMIT_REACHED
    assert crowd.value.details == {"limit": 500, "count": 501}


@pytest.mark.parametrize("by", ["Lea", "Lars"])
async def test_what_one_may_not_see_does_not_exist(office: World, by: str) -> None:
    await office.module("Ladders", courses=["Safety"])

    places: list[tuple[Principal, dict[str, Any]]] = [
        (Principal.DEPT_TEACH, {"department": "Training"}),
        (Principal.COURSE_EDIT, {"course": "Safety"}),
        (Principal.MODULE_EDIT, {"module": "Ladders"}),
    ]
    for what, where in places:
        with pytest.raises(Refused) as refused:
            await give(office, "Tom", what=[what], by=by, **where)
        assert refused.value.code is Code.NOT_FOUND


async def test_c8_nobody_grants_what_is_not_theirs_to_grant(office: World) -> None:
    """Rights to make, edit, enroll and teach are not rights to give them on."""
    for each in (DepartmentPermission.CREATE, DepartmentPermission.ENROLL):
        await manage(office, "Tom", give=[each])
    await give(office, "Tim", what=COURSE, course="Safety")

    for name in ("Tom", "Tim"):
        with pytest.raises(Denied):
            await give(office, "Dora", what=[Principal.COURSE_TEACH], course="Safety", by=name)
        with pytest.raises(Denied):
            await give(office, "Lea", what=[Principal.DEPT_TEACH], department="Training", by=name)


@pytest.mark.parametrize("where", [{}, {"course": "Safety"}, {"department": "Training"}])
async def test_giving_to_one_and_to_fifty_takes_the_same_statements(
    office: World, statements: list[str], where: dict[str, str]
) -> None:
    what = {
        "": [FINANCE, Principal.INVITE],
        "course": list(COURSE),
        "department": [Principal.DEPT_TEACH, Principal.DEPT_CREATE],
    }[next(iter(where), "")]
    for n in range(51):
        await office.member(f"P{n}", state=MemberState.PENDING if n % 2 else MemberState.ACTIVE)
    names = [f"P{n}" for n in range(51)]
    await join(office, *names)
    counts = []

    for some in (names[1:2], names[2:51]):
        async with office.edge.transaction() as db:
            statements.clear()
            await grants.give(
                db,
                by=office.caller("Mona"),
                member_ids=ids(office, some),
                principals=what,
                at=MONDAY,
                **on(office, **where),
            )
            counts.append(len(statements))
    for some in (names[1:2], names[2:51]):
        async with office.edge.transaction() as db:
            statements.clear()
            taken = await grants.take(
                db,
                by=office.caller("Mona"),
                member_ids=ids(office, some),
                principals=what,
                **on(office, **where),
            )
            counts.append(len(statements))
            assert len(taken.taken) == len(some) * len(what)

    assert counts[0] == counts[1]
    assert counts[2] == counts[3]
