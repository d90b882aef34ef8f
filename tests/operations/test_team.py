"""Teams of departments: who joins, what they may do, and what goes with those who leave (C7, C8,
C11, C15)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Principal, Scope
from models.catalog import CourseKind
from models.coordinators import CourseRole
from operations import courses, grants, modules, team
from operations.grant_rows import OnTeam, Right
from operations.refusals import Code, Denied, Refused
from operations.team import DepartmentPermission
from tests.furnishing import furnished
from tests.operations.giving import (
    give,
    ids,
    join,
    leave,
    manage,
    may,
    open_office,
    stored,
    team_of,
    told,
)
from tests.world import MONDAY, World

T = TypeVar("T")

MANAGE, CREATE, ENROLL, TEACH = DepartmentPermission
MANAGER, CREATOR, ENROLLER, TEACHER = (
    Principal.DEPARTMENT_MANAGER,
    Principal.DEPT_CREATE,
    Principal.DEPT_ENROLL,
    Principal.DEPT_TEACH,
)
EDIT = Principal.COURSE_EDIT
STRANGERS = text("""
SELECT count(*) FROM access_grant g LEFT JOIN course c ON c.id = g.course_id
 WHERE coalesce(g.department_id, c.department_id) IS NOT NULL
   AND NOT EXISTS (SELECT FROM team_member t
                    WHERE t.member_id = g.member_id
                      AND t.department_id = coalesce(g.department_id, c.department_id))
""")


@pytest.fixture
@furnished
async def office(world: World) -> World:
    await open_office(world)
    return world


async def strangers(world: World) -> int:
    """How many rights on departments and courses are held by people not on the team."""
    async with world.edge.read() as db:
        return await db.scalar(STRANGERS) or 0


async def create_course(world: World, by: str, title: str, department: str = "Training") -> int:
    async with world.edge.transaction() as db:
        made = await courses.create(
            db,
            by=world.caller(by),
            department_id=world.departments[department],
            title=title,
            kind=CourseKind.SELF_PACED,
        )
    world.courses[title] = made.id
    return made.id


async def test_c7_manage_is_stored_as_all_three(office: World) -> None:
    done = await manage(office, "Tom", give=[MANAGE])

    assert told(office, done.given) == {("Tom", MANAGER), ("Tom", CREATOR), ("Tom", ENROLLER)}


async def test_c7_the_implied_can_be_deselected_and_rights_stay_full(office: World) -> None:
    done = await manage(office, "Tom", give=[MANAGE], without_implied=[CREATE, ENROLL])

    assert told(office, done.given) == {("Tom", MANAGER)}
    assert await may(office, "Tom", Permission.CREATE_COURSE, department="Training")
    assert await may(office, "Tom", Permission.ASSIGN_LEARNER, course="Safety")


async def test_c7_one_of_the_implied_can_be_deselected(office: World) -> None:
    done = await manage(office, "Tom", give=[MANAGE], without_implied=[ENROLL])

    assert told(office, done.given) == {("Tom", MANAGER), ("Tom", CREATOR)}


async def test_c7_revoking_manage_leaves_the_other_two(office: World) -> None:
    await manage(office, "Tom", give=[MANAGE])

    done = await manage(office, "Tom", take=[MANAGE])

    assert told(office, done.taken) == {("Tom", MANAGER)}
    assert await stored(office, "Tom") == {("Tom", "dept_create"), ("Tom", "dept_enroll")}
    assert not await may(office, "Tom", Permission.MANAGE_DEPARTMENT_TEAM, department="Training")


async def test_c7_revoking_manage_and_the_implied_takes_all_three(office: World) -> None:
    await manage(office, "Tom", give=[MANAGE, TEACH])

    done = await manage(office, "Tom", take=[MANAGE], revoke_implied=True)

    assert told(office, done.taken) == {("Tom", MANAGER), ("Tom", CREATOR), ("Tom", ENROLLER)}
    assert await stored(office, "Tom") == {("Tom", "dept_teach")}


async def test_c7_what_is_named_counts_before_what_is_implied(office: World) -> None:
    await manage(office, "Tom", give=[MANAGE, CREATE], without_implied=[CREATE, ENROLL])
    assert await stored(office, "Tom") == {("Tom", "department_manager"), ("Tom", "dept_create")}

    await manage(office, "Tom", give=[CREATE, ENROLL], take=[MANAGE], revoke_implied=True)
    assert await stored(office, "Tom") == {("Tom", "dept_create"), ("Tom", "dept_enroll")}

    await manage(office, "Tom", give=[MANAGE], take=[ENROLL])
    assert await stored(office, "Tom") == {("Tom", "department_manager"), ("Tom", "dept_create")}


async def test_c15_several_rights_for_several_people_in_several_departments_in_one_call(
    office: World,
) -> None:
    done = await manage(
        office, "Tom", "Lea", departments=["Training", "Legal"], give=[CREATE, TEACH]
    )

    assert len(done.given) == 8
    assert set(done.joined) == {
        OnTeam(office.departments["Training"], office.members["Lea"]),
        OnTeam(office.departments["Legal"], office.members["Tom"]),
        OnTeam(office.departments["Legal"], office.members["Lea"]),
    }
    assert await may(office, "Lea", Permission.CREATE_COURSE, department="Legal")


async def test_c15_one_department_that_is_not_the_caller_s_refuses_the_whole_call(
    office: World,
) -> None:
    with pytest.raises(Refused) as hidden:
        await manage(office, "Tom", departments=["Training", "Legal"], give=[TEACH], by="Dora")
    await join(office, "Dora", department="Legal")
    with pytest.raises(Denied) as denied:
        await manage(office, "Tom", departments=["Training", "Legal"], give=[TEACH], by="Dora")

    assert hidden.value.code is Code.NOT_FOUND
    assert hidden.value.details == {"departmentIds": [office.departments["Legal"]]}
    assert denied.value.permission is Permission.MANAGE_DEPARTMENT_TEAM
    assert await stored(office, "Tom") == set()


async def test_c15_managing_1_and_50_people_in_1_and_9_departments_takes_the_same_statements(
    office: World, statements: list[str]
) -> None:
    names = [f"P{n}" for n in range(51)]
    for name in names:
        await office.member(name)
    others = [f"D{n}" for n in range(8)]
    for name in others:
        await office.department(name)
    counts = []

    for some, places in ((names[:1], ["Training"]), (names[1:], ["Training", *others])):
        async with office.edge.transaction() as db:
            statements.clear()
            await team.manage(
                db,
                by=office.caller("Mona"),
                department_ids=[office.departments[each] for each in places],
                member_ids=ids(office, some),
                give=[MANAGE],
                take=[TEACH],
                at=MONDAY,
            )
            counts.append(len(statements))

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("say", "code"),
    [
        ({"give": [], "take": []}, Code.BAD_USER_INPUT),
        ({"give": [TEACH], "take": [TEACH]}, Code.BAD_USER_INPUT),
        ({"give": [MANAGE], "without_implied": [TEACH]}, Code.BAD_USER_INPUT),
        ({"give": [TEACH], "departments": []}, Code.BAD_USER_INPUT),
    ],
)
async def test_unclear_words_change_nothing(
    office: World, say: dict[str, Sequence[DepartmentPermission]], code: Code
) -> None:
    before = await office.verbs()

    with pytest.raises(Refused) as refused:
        await manage(office, "Tom", **say)  # type: ignore[arg-type]

    assert refused.value.code is code
    assert await office.verbs() == before


async def test_one_call_touches_a_thousand_places_at_most(office: World) -> None:
    async with office.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await team.manage(
                db,
                by=office.caller("Mona"),
                department_ids=list(office.departments.values()),
                member_ids=range(1, 502),
                give=[TEACH],
                at=MONDAY,
            )

    assert refused.value.code is Code.LIMIT_REACHED
    assert refused.value.details == {"limit": 1000, "count": 1002}


async def test_c11_being_on_a_team_alone_gives_nothing(office: World) -> None:
    done = await join(office, "Lea", "Tom", by="Dora")

    assert done.joined == (OnTeam(office.departments["Training"], office.members["Lea"]),)
    assert await stored(office, "Lea") == set()
    assert not await may(office, "Lea", Permission.VIEW_COURSE_INFO, course="Safety")
    assert (await office.verbs())[-1] == "team_member.added"


async def test_c11_leaving_takes_all_rights_in_the_department_along_and_lists_them(
    office: World,
) -> None:
    await manage(office, "Tom", departments=["Training", "Legal"], give=[TEACH])
    await give(office, "Tom", "Tim", what=[EDIT], course="Safety")
    await give(office, "Tim", what=[Principal.COURSE_TEACH], course="Hygiene")
    await give(office, "Tom", what=[Principal.INVITE])

    done = await leave(office, "Tom", "Tim", "Lea", by="Dora")

    tom, tim = ids(office, ["Tom", "Tim"])
    assert set(done.taken) == {
        Right(tom, TEACHER, Scope.DEPARTMENT, office.departments["Training"]),
        Right(tom, EDIT, Scope.COURSE, office.courses["Safety"]),
        Right(tim, EDIT, Scope.COURSE, office.courses["Safety"]),
        Right(tim, Principal.COURSE_TEACH, Scope.COURSE, office.courses["Hygiene"]),
    }
    assert [each.member_id for each in done.left] == [tom, tim]
    assert await stored(office, "Tom", "Tim") == {("Tom", "dept_teach"), ("Tom", "invite")}
    assert await team_of(office) == {"Dora"}
    verbs = (await office.verbs())[-6:]
    assert verbs == ["grant.removed"] * 4 + ["team_member.removed"] * 2


async def test_c11_leaving_a_team_ends_no_role_as_instructor_or_coordinator_and_no_module_right(
    office: World,
) -> None:
    await office.module("Ladders")
    await office.course("Cranes", instructors=["Tom"], coordinators_by_hand=["Tim"])
    await give(office, "Tom", what=[Principal.MODULE_EDIT], module="Ladders")

    await leave(office, "Tom", "Tim")

    async with office.edge.read() as db:
        cranes = office.courses["Cranes"]
        for name in ("Tom", "Tim"):
            assert await db.get(CourseRole, (cranes, office.members[name])) is not None
    assert await may(office, "Tom", Permission.EDIT_COURSE_INFO, course="Cranes")
    assert await stored(office, "Tom") == {("Tom", "module_edit")}


async def test_c11_only_who_manages_the_team_changes_it(office: World) -> None:
    await manage(office, "Tom", give=[CREATE, ENROLL, TEACH])

    for act in (join, leave):
        with pytest.raises(Denied):
            await act(office, "Tim", by="Tom")
        with pytest.raises(Refused) as hidden:
            await act(office, "Tim", by="Lars")
        assert hidden.value.code is Code.NOT_FOUND

    assert await team_of(office) == {"Dora", "Tom", "Tim"}


async def test_teams_are_joined_by_people_who_are_there_and_left_by_anybody(
    office: World,
) -> None:
    with pytest.raises(Refused) as gone:
        await join(office, "Gus", "Lea")
    with pytest.raises(Refused) as nobody:
        await join(office)
    done = await leave(office, "Gus")

    assert gone.value.code is Code.MEMBER_DEACTIVATED
    assert nobody.value.code is Code.BAD_USER_INPUT
    assert (done.left, done.taken) == ((), ())
    assert "Lea" not in await team_of(office)


async def test_c8_who_may_create_makes_courses_and_edits_those_alone(office: World) -> None:
    await manage(office, "Tom", give=[CREATE])

    await create_course(office, "Tom", "Cranes")

    assert await stored(office, "Tom") == {("Tom", "dept_create"), ("Tom", "course_edit")}
    assert await may(office, "Tom", Permission.EDIT_COURSE_INFO, course="Cranes")
    for permission in (Permission.GRANT_COURSE_PERMISSION, Permission.ASSIGN_LEARNER):
        assert not await may(office, "Tom", permission, course="Cranes")
    assert not await may(office, "Tom", Permission.EDIT_COURSE_INFO, course="Safety")
    with pytest.raises(Refused):
        await create_course(office, "Tom", "Statute", department="Legal")


@pytest.mark.parametrize("maker", ["Mona", "Dora"])
async def test_c8_managers_who_make_a_course_are_on_its_team_like_everybody_else(
    office: World, maker: str
) -> None:
    await create_course(office, maker, "Cranes")

    assert maker in await team_of(office)
    assert (maker, "course_edit") in await stored(office, maker)
    assert await strangers(office) == 0


async def test_c8_who_makes_a_course_and_leaves_the_team_no_longer_edits_it(
    office: World,
) -> None:
    await manage(office, "Tom", give=[CREATE])
    await create_course(office, "Tom", "Cranes")

    done = await leave(office, "Tom", by="Dora")

    assert told(office, done.taken) == {("Tom", CREATOR), ("Tom", EDIT)}
    assert not await may(office, "Tom", Permission.VIEW_COURSE_INFO, course="Cranes")


async def overlapping(
    world: World, first: Callable[[AsyncSession], Awaitable[object]], second: Awaitable[T]
) -> T:
    """What becomes of `second`, begun while `first` is done and not yet committed."""
    async with world.edge.transaction() as db:
        await first(db)
        other = asyncio.ensure_future(second)
        done, _ = await asyncio.wait([other], timeout=0.3)
        assert not done
    return await other


async def refusal_of(attempt: Awaitable[object]) -> Code | None:
    """Why something was refused, if it was."""
    try:
        await attempt
    except Refused as refused:
        return refused.code
    return None


async def test_c11_whoever_leaves_meanwhile_gets_no_right_on_a_course(office: World) -> None:
    async def leaving(db: AsyncSession) -> None:
        await team.remove(
            db,
            by=office.caller("Dora"),
            department_id=office.departments["Training"],
            member_ids=ids(office, ["Tom"]),
        )

    giving = refusal_of(give(office, "Tom", what=[EDIT], course="Safety"))

    assert await overlapping(office, leaving, giving) is Code.NOT_ON_DEPARTMENT_TEAM
    assert (await stored(office, "Tom"), await strangers(office)) == (set(), 0)


async def test_c11_a_right_given_meanwhile_goes_along_with_whoever_leaves(office: World) -> None:
    async def giving(db: AsyncSession) -> None:
        await grants.give(
            db,
            by=office.caller("Dora"),
            member_ids=ids(office, ["Tom"]),
            principals=[EDIT],
            course_id=office.courses["Safety"],
            at=MONDAY,
        )

    done = await overlapping(office, giving, leave(office, "Tom"))

    assert told(office, done.taken) == {("Tom", EDIT)}
    assert (await stored(office, "Tom"), await strangers(office)) == (set(), 0)


async def test_c11_a_course_made_meanwhile_leaves_no_right_to_whoever_leaves(
    office: World,
) -> None:
    await manage(office, "Tom", give=[CREATE])

    async def making(db: AsyncSession) -> None:
        await courses.create(
            db,
            by=office.caller("Tom"),
            department_id=office.departments["Training"],
            title="Cranes",
            kind=CourseKind.SELF_PACED,
        )

    done = await overlapping(office, making, leave(office, "Tom"))

    assert told(office, done.taken) == {("Tom", CREATOR), ("Tom", EDIT)}
    assert (await stored(office, "Tom"), await strangers(office)) == (set(), 0)


async def test_c11_whoever_leaves_meanwhile_makes_no_course(office: World) -> None:
    await manage(office, "Tom", give=[CREATE])

    async def leaving(db: AsyncSession) -> None:
        await team.remove(
            db,
            by=office.caller("Dora"),
            department_id=office.departments["Training"],
            member_ids=ids(office, ["Tom"]),
        )

    making = refusal_of(create_course(office, "Tom", "Cranes"))

    assert await overlapping(office, leaving, making) is Code.NOT_FOUND
    assert (await stored(office, "Tom"), await strangers(office)) == (set(), 0)


async def test_c11_many_at_once_never_leave_a_right_to_somebody_who_is_not_on_the_team(
    office: World,
) -> None:
    """Forty goes at three people from both sides: none deadlocks, none leaves a stranger."""

    async def go(n: int) -> Code | None:
        acts = (
            give(office, ("Tom", "Tim", "Lea")[n % 3], what=[EDIT], course="Safety"),
            leave(office, "Lea", "Tim", "Tom"),
            join(office, "Tom", "Lea", "Tim"),
            manage(office, "Tim", "Tom", give=[TEACH]),
        )
        for each in acts[: n % 4] + acts[n % 4 + 1 :]:
            each.close()
        return await refusal_of(acts[n % 4])

    outcomes: set[Code | None] = set()
    for start in range(0, 40, 8):
        outcomes |= {*await asyncio.gather(*(go(n) for n in range(start, start + 8)))}

    assert outcomes <= {None, Code.NOT_ON_DEPARTMENT_TEAM}
    assert await strangers(office) == 0


async def test_c14_with_module_edit_alone_one_authors_exactly_that_module(office: World) -> None:
    await office.module("Ladders", courses=["Safety"])
    await office.module("Ropes", courses=["Safety"])

    await give(office, "Lea", what=[Principal.MODULE_EDIT], module="Ladders", by="Dora")

    for permission in (Permission.EDIT_MODULE_CONTENT, Permission.PUBLISH_REVERT_MODULE):
        assert await may(office, "Lea", permission, module="Ladders")
        assert not await may(office, "Lea", permission, module="Ropes")
    assert not await may(office, "Lea", Permission.EDIT_COURSE_INFO, course="Safety")
    assert not await may(office, "Lea", Permission.CREATE_MODULE, department="Training")
    with pytest.raises(Denied):
        async with office.edge.transaction() as db:
            await modules.add_remove(
                db, by=office.caller("Lea"), course_id=office.courses["Safety"], order=[]
            )


@pytest.mark.parametrize("on", ["department_id", "course_id"])
async def test_c11_the_database_itself_refuses_a_right_of_somebody_not_on_the_team(
    office: World, on: str
) -> None:
    where = {"department_id": office.departments, "course_id": office.courses}[on]
    given = text(
        f"INSERT INTO access_grant (workspace_id, member_id, principal, {on})"
        " VALUES (:workspace, :lea, 'dept_teach', :id)"
    )

    with pytest.raises(IntegrityError, match="is not on the team"):
        async with office.edge.transaction() as db:
            await db.execute(
                given,
                {
                    "workspace": office.workspace_id,
                    "lea": office.members["Lea"],
                    "id": next(iter(where.values())),
                },
            )

    assert await strangers(office) == 0


async def test_c11_the_database_itself_refuses_that_somebody_leaves_and_keeps_rights(
    office: World,
) -> None:
    await give(office, "Tom", what=[EDIT], course="Safety")

    with pytest.raises(IntegrityError, match="kept rights there"):
        async with office.edge.transaction() as db:
            await db.execute(
                text("DELETE FROM team_member WHERE member_id = :tom"),
                {"tom": office.members["Tom"]},
            )

    assert "Tom" in await team_of(office)


async def test_a_person_s_row_can_go_with_all_that_hangs_on_it(office: World) -> None:
    await give(office, "Tom", what=[EDIT], course="Safety")

    async with office.edge.transaction() as db:
        await db.execute(text("DELETE FROM member WHERE id = :tom"), {"tom": office.members["Tom"]})

    assert "Tom" not in await team_of(office)
