"""Roles by hand, their exclusivity, and segments on places (M22-M29, M35)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal
from models.catalog import CourseKind
from models.coordinators import CourseRoleKind
from operations import attachments, coordinators, courses, workspaces
from operations.coordinators import OnConflict
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.world import World


async def assign(world: World, by: str, course: str, **lists: Any) -> coordinators.Assigned:
    ids: dict[str, Any] = {
        key: [world.members[name] for name in value] if key != "on_conflict" else value
        for key, value in lists.items()
    }
    async with world.edge.transaction() as db:
        return await coordinators.assign(
            db, by=world.caller(by), course_id=world.courses[course], **ids
        )


@pytest.fixture
@furnished
async def staffed(world: World) -> World:
    for name in ("Mona", "Ines", "Cora", "Lea"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    return world


@pytest.mark.spec("M22")
async def test_an_instructor_may_name_coordinators(staffed: World) -> None:
    done = await assign(staffed, "Ines", "Safety", coordinators=["Lea"])

    assert done.assigned == (staffed.members["Lea"],)
    assert await staffed.coordinators_of("Safety") == {"Cora", "Lea"}
    assert (await staffed.verbs())[-1] == "coordinator.assigned"


@pytest.mark.spec("M22")
async def test_course_edit_alone_may_not_name_coordinators(staffed: World) -> None:
    await staffed.grant("Lea", Principal.COURSE_EDIT, course="Safety")

    with pytest.raises(Denied) as denied:
        await assign(staffed, "Lea", "Safety", coordinators=["Mona"])

    assert denied.value.permission is Permission.ASSIGN_DIRECT_COORDINATOR
    assert await staffed.coordinators_of("Safety") == {"Cora"}


@pytest.mark.spec("M14")
async def test_a_coordinator_may_not_name_anybody(staffed: World) -> None:
    with pytest.raises(Denied):
        await assign(staffed, "Cora", "Safety", coordinators=["Lea"])

    assert await staffed.coordinators_of("Safety") == {"Cora"}


async def test_a_stranger_is_told_that_there_is_no_such_course(staffed: World) -> None:
    with pytest.raises(Refused) as refused:
        await assign(staffed, "Lea", "Safety", coordinators=["Lea"])

    assert refused.value.code is Code.NOT_FOUND


@pytest.mark.spec("M24")
async def test_a_conflict_names_everybody_and_stores_nothing(staffed: World) -> None:
    with pytest.raises(Refused) as refused:
        await assign(staffed, "Mona", "Safety", coordinators=["Ines", "Lea"])

    assert refused.value.code is Code.ROLE_CONFLICT
    assert refused.value.details["conflicts"] == [
        {
            "memberId": staffed.members["Ines"],
            "displayName": "Ines",
            "held": "INSTRUCTOR",
            "wanted": "COORDINATOR",
        }
    ]
    assert refused.value.details["choices"] == ["KEEP_EXISTING", "SWITCH"]
    assert await staffed.coordinators_of("Safety") == {"Cora"}


@pytest.mark.spec("M24")
async def test_keep_existing_leaves_those_in_conflict_as_they_are(staffed: World) -> None:
    done = await assign(
        staffed,
        "Mona",
        "Safety",
        coordinators=["Ines", "Lea"],
        on_conflict=OnConflict.KEEP_EXISTING,
    )

    assert done.kept == (staffed.members["Ines"],)
    assert await staffed.coordinators_of("Safety") == {"Cora", "Lea"}


@pytest.mark.spec("M24")
async def test_switch_moves_those_in_conflict_over(staffed: World) -> None:
    await assign(staffed, "Mona", "Safety", instructors=["Cora"], on_conflict=OnConflict.SWITCH)

    assert await staffed.coordinators_of("Safety") == set()


@pytest.mark.spec("M24")
async def test_overlapping_lists_fail_whole_and_name_all(staffed: World) -> None:
    before = await staffed.verbs()

    with pytest.raises(Refused) as refused:
        await assign(staffed, "Mona", "Safety", instructors=["Lea", "Mona"], coordinators=["Lea"])

    assert refused.value.details["overlap"] == [staffed.members["Lea"]]
    assert await staffed.verbs() == before


@pytest.mark.spec("M25")
async def test_one_person_may_instruct_one_course_and_coordinate_another(staffed: World) -> None:
    await staffed.course("First Aid", coordinators_by_hand=["Ines"])

    assert await staffed.coordinators_of("First Aid") == {"Ines"}


@pytest.mark.spec("M23")
async def test_the_database_itself_refuses_two_roles_by_hand(
    staffed: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as db:
        with pytest.raises(IntegrityError):
            await db.execute(
                text(
                    "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
                    " VALUES (:course, :member, :workspace, 'COORDINATOR')"
                ),
                {
                    "course": staffed.courses["Safety"],
                    "member": staffed.members["Ines"],
                    "workspace": staffed.workspace_id,
                },
            )


async def test_removing_takes_only_the_role_that_was_named(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        removed = await coordinators.remove(
            db,
            by=staffed.caller("Mona"),
            course_id=staffed.courses["Safety"],
            role=CourseRoleKind.COORDINATOR,
            member_ids=[staffed.members["Ines"], staffed.members["Cora"]],
        )

    assert removed == (staffed.members["Cora"],)
    assert (await staffed.verbs())[-1] == "coordinator.removed"


@pytest.mark.spec("M29")
async def test_the_same_segment_twice_is_one_attachment(staffed: World) -> None:
    await staffed.segment("Sales", 'department eq "Sales"')
    await staffed.attach("Safety", "Sales")
    await staffed.attach("Safety", "Sales")

    assert (await staffed.verbs()).count("segment.attached") == 1


@pytest.mark.spec("M29")
async def test_one_segment_too_many_is_refused_with_limit_and_count(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        await workspaces.set_segment_limit(db, by=staffed.caller("Mona"), limit=1)
    await staffed.segment("One", "everyone")
    await staffed.segment("Two", "everyone")
    await staffed.attach("Safety", "One")

    with pytest.raises(Refused) as refused:
        await staffed.attach("Safety", "Two")

    assert refused.value.code is Code.LIMIT_REACHED
    assert refused.value.details == {"limit": 1, "count": 1}


@pytest.mark.spec("M29")
async def test_the_database_itself_refuses_a_place_above_the_limit(
    staffed: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await staffed.segment("One", "everyone")

    async with sessions() as db:
        with pytest.raises(IntegrityError, match="at most 10 segments"):
            await db.execute(
                text(
                    "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
                    " VALUES (:course, :segment, :workspace, 11)"
                ),
                {
                    "course": staffed.courses["Safety"],
                    "segment": staffed.segments["One"],
                    "workspace": staffed.workspace_id,
                },
            )


@pytest.mark.spec("M29")
async def test_a_limit_below_use_is_refused_with_the_courses_unless_forced(staffed: World) -> None:
    for name in ("One", "Two", "Three"):
        await staffed.segment(name, "everyone")
    for name in ("One", "Two"):
        await staffed.attach("Safety", name)
    manager = staffed.caller("Mona")

    async with staffed.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await workspaces.set_segment_limit(db, by=manager, limit=1)
    async with staffed.edge.transaction() as db:
        await workspaces.set_segment_limit(db, by=manager, limit=1, force=True)

    assert [course["title"] for course in refused.value.details["courses"]] == ["Safety"]
    assert (await staffed.verbs()).count("segment.attached") == 2
    with pytest.raises(Refused) as full:
        await staffed.attach("Safety", "Three")
    assert full.value.details == {"limit": 1, "count": 2}


async def test_a_course_may_have_a_limit_of_its_own(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        await courses.set_segment_limit(
            db, by=staffed.caller("Mona"), course_id=staffed.courses["Safety"], limit=2
        )
    for name in ("One", "Two", "Three"):
        await staffed.segment(name, "everyone")
    await staffed.attach("Safety", "One")
    await staffed.attach("Safety", "Two")

    with pytest.raises(Refused) as refused:
        await staffed.attach("Safety", "Three")

    assert refused.value.details == {"limit": 2, "count": 2}


async def test_a_limit_of_its_own_is_not_dropped_below_use(staffed: World) -> None:
    manager, course_id = staffed.caller("Mona"), staffed.courses["Safety"]
    async with staffed.edge.transaction() as db:
        await workspaces.set_segment_limit(db, by=manager, limit=1)
        await courses.set_segment_limit(db, by=manager, course_id=course_id, limit=2)
    for name in ("One", "Two"):
        await staffed.segment(name, "everyone")
        await staffed.attach("Safety", name)

    with pytest.raises(Refused) as refused:
        async with staffed.edge.transaction() as db:
            await courses.set_segment_limit(db, by=manager, course_id=course_id, limit=None)

    assert refused.value.code is Code.LIMIT_BELOW_USE
    assert refused.value.details["limit"] == 1


async def test_a_limit_lowered_meanwhile_is_a_refusal(staffed: World) -> None:
    for name in ("One", "Two"):
        await staffed.segment(name, "everyone")
    await staffed.attach("Safety", "One")
    async with staffed.edge.transaction() as db:
        await workspaces.set_segment_limit(db, by=staffed.caller("Mona"), limit=1)
        await db.flush()
        attaching = asyncio.create_task(staffed.attach("Safety", "Two"))
        await asyncio.wait([attaching], timeout=0.5)

    with pytest.raises(Refused) as refused:
        await attaching

    assert refused.value.code is Code.CONFLICT


@pytest.mark.spec("M29")
async def test_two_at_once_never_take_one_too_many_places(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        await courses.set_segment_limit(
            db, by=staffed.caller("Mona"), course_id=staffed.courses["Safety"], limit=3
        )
    names = [f"Segment {n}" for n in range(8)]
    for name in names:
        await staffed.segment(name, "everyone")

    outcomes = await asyncio.gather(
        *(staffed.attach("Safety", name) for name in names), return_exceptions=True
    )

    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert len(refused) == 5
    assert {each.code for each in refused} == {Code.LIMIT_REACHED}
    assert outcomes.count(None) == 3


async def test_a_department_manager_attaches_only_usable_segments(staffed: World) -> None:
    await staffed.member("Dora")
    await staffed.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await staffed.segment("Private", "everyone")
    await staffed.segment("Shared", "everyone", is_usable_by_departments=True)
    course_id, by = staffed.courses["Safety"], staffed.caller("Dora")

    async with staffed.edge.transaction() as db:
        await attachments.attach(
            db, by=by, course_id=course_id, segment_id=staffed.segments["Shared"]
        )
    async with staffed.edge.transaction() as db:
        with pytest.raises(Refused) as hidden:
            await attachments.attach(
                db, by=by, course_id=course_id, segment_id=staffed.segments["Private"]
            )

    assert hidden.value.code is Code.NOT_FOUND, "what one may not use does not exist"
    assert (await staffed.verbs()).count("segment.attached") == 1


async def test_another_workspace_s_things_do_not_exist(
    staffed: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "rival")
    await other.member("Rita")
    await other.grant("Rita", Principal.WORKSPACE_MANAGER)
    await other.course("Secrets")
    await other.segment("Their people", "everyone")

    with pytest.raises(Refused) as foreign_course:
        async with staffed.edge.transaction() as db:
            await coordinators.assign(
                db,
                by=staffed.caller("Mona"),
                course_id=other.courses["Secrets"],
                coordinators=[staffed.members["Lea"]],
            )
    with pytest.raises(Refused) as foreign_person:
        async with staffed.edge.transaction() as db:
            await coordinators.assign(
                db,
                by=staffed.caller("Mona"),
                course_id=staffed.courses["Safety"],
                coordinators=[other.members["Rita"]],
            )
    with pytest.raises(Refused) as foreign_segment:
        async with staffed.edge.transaction() as db:
            await attachments.attach(
                db,
                by=staffed.caller("Mona"),
                course_id=staffed.courses["Safety"],
                segment_id=other.segments["Their people"],
            )

    codes = [each.value.code for each in (foreign_course, foreign_person, foreign_segment)]
    assert codes == [Code.NOT_FOUND] * 3


async def test_one_call_takes_roles_from_500_people_at_most(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await coordinators.remove(
                db,
                by=staffed.caller("Mona"),
                course_id=staffed.courses["Safety"],
                role=CourseRoleKind.COORDINATOR,
                member_ids=list(range(1, 502)),
            )

    assert refused.value.details == {"limit": 500, "count": 501}
    assert await staffed.coordinators_of("Safety") == {"Cora"}


async def test_a_hidden_department_and_a_missing_one_are_the_same(staffed: World) -> None:
    codes = []
    for department_id in (staffed.departments["Training"], 2_000_000_000):
        async with staffed.edge.transaction() as db:
            with pytest.raises(Refused) as refused:
                await courses.create(
                    db,
                    by=staffed.caller("Lea"),
                    department_id=department_id,
                    title="Mine",
                    kind=CourseKind.SELF_PACED,
                )
        codes.append((refused.value.code, refused.value.message))

    assert codes[0] == codes[1] == (Code.NOT_FOUND, "There is no such department.")
