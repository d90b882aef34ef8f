"""Modules: who makes them, which courses hold them and in what order (C8, C12, C14)."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select, text

from access.permissions import Permission, Principal
from models.catalog import CourseModule, Module, ModuleKind
from operations import departments, modules
from operations.modules import Arranged
from operations.refusals import Code, Denied, Refused
from operations.team import DepartmentPermission
from tests.furnishing import furnished
from tests.operations.giving import give, manage, may, open_office, stored
from tests.world import World


@pytest.fixture
@furnished
async def office(world: World) -> World:
    await open_office(world)
    for title in ("Ladders", "Ropes", "Knots"):
        await world.module(title)
    await world.module("Statutes", department="Legal")
    return world


async def create(
    world: World,
    by: str,
    title: str,
    *,
    department: str = "Training",
    kind: ModuleKind = ModuleKind.QUIZ,
) -> Module:
    async with world.edge.transaction() as db:
        made = await modules.create(
            db,
            by=world.caller(by),
            department_id=world.departments[department],
            title=title,
            kind=kind,
        )
    world.modules[title] = made.id
    return made


async def arrange(
    world: World,
    by: str,
    course: str = "Safety",
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    order: Sequence[str] | None = None,
) -> Arranged:
    async with world.edge.transaction() as db:
        return await modules.add_remove(
            db,
            by=world.caller(by),
            course_id=world.courses[course],
            add=[world.modules[each] for each in add],
            remove=[world.modules[each] for each in remove],
            order=None if order is None else [world.modules[each] for each in order],
        )


async def held_by(world: World, course: str = "Safety") -> list[str]:
    """The modules of a course, in order."""
    called = {id: title for title, id in world.modules.items()}
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(CourseModule.module_id)
            .where(CourseModule.course_id == world.courses[course])
            .order_by(CourseModule.place)
        )
        return [called[id] for id in rows]


@pytest.mark.parametrize("kind", list(ModuleKind))
async def test_c8_who_may_create_makes_modules_and_edits_those_alone(
    office: World, kind: ModuleKind
) -> None:
    await manage(office, "Tom", give=[DepartmentPermission.CREATE])

    made = await create(office, "Tom", "  Cranes ", kind=kind)

    assert (made.title, made.kind, made.created_by_id) == ("Cranes", kind, office.members["Tom"])
    assert ("Tom", "module_edit") in await stored(office, "Tom")
    office.modules["Cranes"] = made.id
    for permission in (Permission.EDIT_MODULE_CONTENT, Permission.PUBLISH_REVERT_MODULE):
        assert await may(office, "Tom", permission, module="Cranes")
        assert not await may(office, "Tom", permission, module="Ladders")
    assert not await may(office, "Tom", Permission.GRANT_MODULE_PERMISSION, module="Cranes")
    assert (await office.verbs())[-2:] == ["grant.given", "module.created"]


async def test_c8_instructors_of_a_department_make_modules_in_it_without_joining_the_team(
    office: World,
) -> None:
    await office.course("Cranes", instructors=["Lea"])

    await create(office, "Lea", "Hooks")

    assert await stored(office, "Lea") == {("Lea", "module_edit")}


@pytest.mark.parametrize(
    "given", [DepartmentPermission.ENROLL, DepartmentPermission.TEACH], ids=lambda it: it.value
)
async def test_c8_without_create_nobody_makes_a_module(
    office: World, given: DepartmentPermission
) -> None:
    await manage(office, "Tom", give=[given])

    with pytest.raises(Denied) as denied:
        await create(office, "Tom", "Cranes")
    with pytest.raises(Refused) as hidden:
        await create(office, "Tom", "Cranes", department="Legal")

    assert denied.value.permission is Permission.CREATE_MODULE
    assert hidden.value.code is Code.NOT_FOUND


async def test_c12_course_edit_adds_and_removes_modules(office: World) -> None:
    await give(office, "Tom", what=[Principal.COURSE_EDIT], course="Safety")

    added = await arrange(office, "Tom", add=["Ladders", "Ropes"])
    swapped = await arrange(office, "Tom", add=["Knots"], remove=["Ladders"])

    numbers = office.modules
    assert added.added == (numbers["Ladders"], numbers["Ropes"])
    assert (swapped.added, swapped.removed) == ((numbers["Knots"],), (numbers["Ladders"],))
    assert await held_by(office) == ["Ropes", "Knots"]


async def test_c12_course_edit_never_changes_or_publishes_the_modules_themselves(
    office: World,
) -> None:
    await give(office, "Tom", what=[Principal.COURSE_EDIT], course="Safety")
    async with office.edge.read() as db:
        before = (await db.execute(text("SELECT * FROM module ORDER BY id"))).all()

    await arrange(office, "Tom", add=["Ladders"])
    await arrange(office, "Tom", remove=["Ladders"])

    async with office.edge.read() as db:
        assert (await db.execute(text("SELECT * FROM module ORDER BY id"))).all() == before
    for permission in (Permission.EDIT_MODULE_CONTENT, Permission.PUBLISH_REVERT_MODULE):
        assert not await may(office, "Tom", permission, module="Ladders")


async def test_modules_are_put_into_an_order_and_the_journal_says_both(office: World) -> None:
    await arrange(office, "Dora", add=["Ladders", "Ropes", "Knots"])

    done = await arrange(office, "Dora", order=["Knots", "Ladders", "Ropes"])

    titles = ["Knots", "Ladders", "Ropes"]
    assert await held_by(office) == titles
    assert done.order == tuple(office.modules[each] for each in titles)
    async with office.edge.read() as db:
        said = (
            await db.execute(
                text(
                    "SELECT before -> 'modules', after -> 'modules', course_id FROM journal_entry"
                    " WHERE verb = 'course.modules_changed' ORDER BY seq DESC LIMIT 1"
                )
            )
        ).one()
    assert tuple(said) == (
        [office.modules[each] for each in ("Ladders", "Ropes", "Knots")],
        [office.modules[each] for each in titles],
        office.courses["Safety"],
    )


async def test_adding_what_is_there_and_removing_what_is_not_changes_nothing(
    office: World,
) -> None:
    await arrange(office, "Dora", add=["Ladders"])
    before = await office.verbs()

    done = await arrange(office, "Dora", add=["Ladders", "Ladders"], remove=["Knots"])

    assert (done.added, done.removed) == ((), ())
    assert await office.verbs() == before


async def test_an_order_of_anything_but_all_that_is_there_is_refused(office: World) -> None:
    await arrange(office, "Dora", add=["Ladders", "Ropes"])

    for order in (["Ladders"], ["Ladders", "Knots"], ["Ladders", "Ropes", "Ropes"], []):
        with pytest.raises(Refused) as refused:
            await arrange(office, "Dora", order=order)
        assert refused.value.code is Code.BAD_USER_INPUT
    assert await held_by(office) == ["Ladders", "Ropes"]


async def test_modules_of_another_department_are_refused_by_name_where_they_are_seen(
    office: World,
) -> None:
    with pytest.raises(Refused) as refused:
        await arrange(office, "Mona", add=["Ladders", "Statutes"])

    assert refused.value.code is Code.NOT_IN_DEPARTMENT
    assert refused.value.details["moduleIds"] == [office.modules["Statutes"]]
    assert await held_by(office) == []


async def test_modules_that_are_not_seen_do_not_exist(office: World) -> None:
    office.modules["Nil"] = 2_000_000_000

    with pytest.raises(Refused) as refused:
        await arrange(office, "Dora", add=["Ladders", "Statutes", "Nil"])

    assert refused.value.code is Code.NOT_FOUND
    assert refused.value.details["moduleIds"] == [office.modules["Statutes"], 2_000_000_000]


async def test_unclear_and_too_much_is_refused(office: World) -> None:
    office.modules |= {f"M{n}": n for n in range(1, 502)}

    with pytest.raises(Refused) as nothing:
        await arrange(office, "Dora")
    with pytest.raises(Refused) as both:
        await arrange(office, "Dora", add=["Ladders"], remove=["Ladders"])
    with pytest.raises(Refused) as crowd:
        await arrange(office, "Dora", add=[f"M{n}" for n in range(1, 502)])

    assert nothing.value.code is both.value.code is Code.BAD_USER_INPUT
    assert crowd.value.details == {"limit": 500, "count": 501}


async def test_who_may_not_edit_the_course_does_not_touch_its_modules(office: World) -> None:
    await give(
        office,
        "Tom",
        what=[Principal.COURSE_ENROLL, Principal.COURSE_TEACH],
        course="Safety",
    )

    with pytest.raises(Denied) as denied:
        await arrange(office, "Tom", add=["Ladders"])
    with pytest.raises(Refused) as hidden:
        await arrange(office, "Lea", add=["Ladders"])

    assert denied.value.permission is Permission.ADD_REMOVE_MODULES
    assert hidden.value.code is Code.NOT_FOUND
    assert await held_by(office) == []


async def test_two_who_add_at_once_get_places_of_their_own(office: World) -> None:
    await asyncio.gather(
        *(arrange(office, "Dora", add=[title]) for title in ("Ladders", "Ropes", "Knots"))
    )

    assert sorted(await held_by(office)) == ["Knots", "Ladders", "Ropes"]


@pytest.mark.parametrize("count", [1, 50])
async def test_arranging_takes_the_same_statements_for_1_and_for_50_modules(
    office: World, statements: list[str], count: int
) -> None:
    async with office.edge.transaction() as db:
        made = await db.scalars(
            text(
                "INSERT INTO module (workspace_id, department_id, title, kind)"
                " SELECT :workspace, :department, 'M' || n, 'LESSON' FROM generate_series(1, 51) n"
                " RETURNING id"
            ),
            {
                "workspace": office.workspace_id,
                "department": office.departments["Training"],
            },
        )
        numbers = list(made)
    async with office.edge.transaction() as db:
        await modules.add_remove(
            db, by=office.system, course_id=office.courses["Safety"], add=numbers[50:]
        )
    async with office.edge.transaction() as db:
        statements.clear()
        await modules.add_remove(
            db,
            by=office.caller("Dora"),
            course_id=office.courses["Safety"],
            add=numbers[:count],
            remove=numbers[50:],
            order=numbers[:count][::-1],
        )
        assert len(statements) == 7


async def test_departments_are_renamed_by_those_who_make_them_and_both_is_recorded(
    office: World,
) -> None:
    async with office.edge.transaction() as db:
        made = await departments.create(db, by=office.caller("Mona"), name="Cranes")
    async with office.edge.transaction() as db:
        await departments.rename(
            db, by=office.caller("Mona"), department_id=made.id, name=" Hoists "
        )
    with pytest.raises(Denied) as denied:
        async with office.edge.transaction() as db:
            await departments.rename(
                db,
                by=office.caller("Dora"),
                department_id=office.departments["Training"],
                name="Mine",
            )
    with pytest.raises(Refused) as taken:
        async with office.edge.transaction() as db:
            await departments.rename(
                db, by=office.caller("Mona"), department_id=made.id, name="TRAINING"
            )

    assert denied.value.permission is Permission.CREATE_DEPARTMENT
    assert taken.value.code is Code.NAME_TAKEN
    async with office.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT verb, before ->> 'name', after ->> 'name' FROM journal_entry"
                " WHERE department_id = :id ORDER BY seq"
            ),
            {"id": made.id},
        )
        assert [tuple(row) for row in rows] == [
            ("department.created", None, "Cranes"),
            ("department.renamed", "Cranes", "Hoists"),
        ]
