"""What happens is told to those whom it concerns: once, in order, with the state it has now."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.catalog import CourseState
from models.coordinators import CourseRoleKind
from models.people import MemberState
from operations import overrides, people
from sync_engine.ticks import expire_overrides
from tests.resolvers.asking import Ask
from tests.resolvers.following import COORDINATORS, MINE, Follow
from tests.resolvers.school import (
    TOMORROW,
    assign,
    detach,
    edit,
    of_courses,
    open_school,
    override,
    remove,
    said,
    settled,
)
from tests.world import World


@pytest.mark.spec("U1", "U2")
async def test_ready_comes_first_and_carries_the_place_of_the_snapshot(
    school: World, ask: Ask, follow: Follow
) -> None:
    snapshot = await ask.one("{ coursesIManage { position } }", by="Ada")

    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        ready = await heard.next()

    assert (ready["kind"], ready["cursor"]) == ("READY", snapshot["position"])
    assert await follow.refused(COORDINATORS, by="Mo", course="Course:1") == "BAD_USER_INPUT"


@pytest.mark.spec("U1")
async def test_roles_given_and_taken_by_hand(school: World, ask: Ask, follow: Follow) -> None:
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        heard_so_far = []
        for do in (
            assign(school, "Cy", "coordinators"),
            assign(school, "Cy", "instructors"),
            remove(school, "Cy", CourseRoleKind.INSTRUCTOR),
            assign(school, "Bo", "instructors"),
            remove(school, "Bo", CourseRoleKind.INSTRUCTOR),
            remove(school, "Ada", CourseRoleKind.COORDINATOR),
        ):
            await do
            heard_so_far.append(await heard.next())
        assert await heard.is_silent()

    assert said(heard_so_far) == [
        ("CHANGED", "Cy", True),
        ("CHANGED", "Cy", False),
        ("CHANGED", "Cy", False),
        ("CHANGED", "Bo", False),
        ("CHANGED", "Bo", True),
        ("CHANGED", "Ada", False),
    ]
    places = [follow.place(each["cursor"]).seq for each in heard_so_far]
    assert places == sorted(set(places))


async def test_a_changed_attribute_makes_and_ends_a_coordinator(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await school.change("Cy", department="Sales")
        assert await heard.is_silent()
        await settled(ask)
        gained = await heard.next()
        await school.change("Cy", department="Ops")
        await settled(ask)
        lost = await heard.next()
        await school.change("Cy", title="Clerk")
        await settled(ask)
        assert await heard.is_silent()

    assert said([gained, lost]) == [("CHANGED", "Cy", True), ("CHANGED", "Cy", False)]


async def test_what_is_said_beside_the_rules_and_its_end(
    school: World, ask: Ask, follow: Follow, sync_database: Engine
) -> None:
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await override(school, "Bo", "exclude", expires_at=TOMORROW)
        await override(school, "Cy", "keep", expires_at=None)
        excluded, kept = await heard.take(2)
        expire_overrides(sync_database, now=TOMORROW)
        expired = await heard.next()
        async with school.edge.transaction() as db:
            await overrides.lift(
                db,
                by=school.system,
                course_id=school.courses["Safety"],
                member_id=school.members["Cy"],
            )
        lifted = await heard.next()

    assert said([excluded, kept, expired, lifted]) == [
        ("CHANGED", "Bo", False),
        ("CHANGED", "Cy", True),
        ("CHANGED", "Bo", True),
        ("CHANGED", "Cy", False),
    ]


async def test_a_segment_comes_and_goes_as_one_event_each(
    school: World, ask: Ask, follow: Follow
) -> None:
    await school.segment("Ops", 'department eq "Ops"')
    await settled(ask)
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await school.attach("Safety", "Ops")
        attached = await heard.next()
        await school.change("Cy", department="Sales")
        await settled(ask)
        moved = await heard.next()
        await detach(school, "Ops")
        detached = await heard.next()
        await school.change("Di", department="Elsewhere")
        await settled(ask)
        assert await heard.is_silent()

    assert [each["kind"] for each in (attached, detached)] == [
        "SEGMENT_ATTACHED",
        "SEGMENT_DETACHED",
    ]
    assert said([moved]) == [("CHANGED", "Cy", True)]


async def test_an_edited_course_and_one_nobody_here_asked_about(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await edit(school, "Welding", title="Welding II")
        await edit(school, "Safety", title="Safety II")
        edited = await heard.next()
        assert await heard.is_silent()

    assert (edited["kind"], edited["course"]["title"]) == ("COURSE_EDITED", "Safety II")


async def test_an_account_that_ends_begins_and_is_of_no_concern(
    school: World, ask: Ask, follow: Follow
) -> None:
    await school.member("Pia", state=MemberState.PENDING, department="Sales")
    await settled(ask)
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        for name, state in (
            ("Cy", MemberState.DEACTIVATED),
            ("Ada", MemberState.DEACTIVATED),
            ("Pia", MemberState.ACTIVE),
            ("Cy", MemberState.ACTIVE),
            ("Ada", MemberState.ACTIVE),
        ):
            await school.set_state(name, state)
        by_hand = [await heard.next() for _ in range(3)]
        assert await heard.is_silent()
        await school.set_state("Bo", MemberState.DEACTIVATED)
        at_once = await heard.next()
        await settled(ask)
        derived_too = await heard.next()

    assert [each["member"]["displayName"] for each in by_hand] == ["Ada", "Pia", "Ada"]
    assert said([at_once, derived_too]) == [("CHANGED", "Bo", False)] * 2


async def test_one_event_for_each_person_of_one_entry_and_a_cursor_between_any_two(
    school: World, ask: Ask, follow: Follow
) -> None:
    safety = ask.id("Course", "Safety")
    async with follow(COORDINATORS, by="Mo", course=safety) as heard:
        await heard.next()
        for name in ("Di", "Cy", "Mo"):
            await school.change(name, department="Sales")
        await settled(ask)
        three = await heard.take(3)
        await edit(school, title="Safety II")
        after_them = await heard.next()

    assert said(three) == [("CHANGED", name, True) for name in ("Mo", "Cy", "Di")]
    assert len({follow.place(each["cursor"]) for each in three}) == 3
    for number, event in enumerate(three, start=1):
        async with follow(COORDINATORS, by="Mo", course=safety, after=event["cursor"]) as again:
            ready, *rest = await again.take(1 + 3 - number + 1)
        assert ready["cursor"] == event["cursor"]
        assert [each["cursor"] for each in rest] == [
            each["cursor"] for each in [*three[number:], after_them]
        ]


async def test_a_place_inside_an_entry_is_a_place_of_its_own_stream_only(
    school: World, ask: Ask, follow: Follow
) -> None:
    await school.attach("Welding", "Sales")
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        for name in ("Cy", "Di"):
            await school.change(name, department="Sales")
        await settled(ask)
        first = await heard.next()

    welding = ask.id("Course", "Welding")
    async with follow(COORDINATORS, by="Mo", course=welding, after=first["cursor"]) as other:
        events = (await other.take(3))[1:]

    assert said(events) == [("CHANGED", "Cy", True), ("CHANGED", "Di", True)]


@pytest.mark.spec("U1", "M33")
async def test_the_courses_i_manage_as_they_come_and_go(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Cy") as heard:
        assert (await heard.next())["kind"] == "READY"
        heard_so_far = []

        async def then(count: int = 1) -> None:
            heard_so_far.extend(await heard.take(count))

        await assign(school, "Cy", "coordinators", "Welding")
        await then()
        await school.change("Cy", department="Sales")
        await settled(ask)
        await then()
        await edit(school, "Welding", state=CourseState.ARCHIVED)
        await then()
        await remove(school, "Cy", CourseRoleKind.COORDINATOR, "Welding")
        await then()
        await edit(school, "Welding", state=CourseState.ACTIVE)
        await school.attach("Welding", "Sales")
        await then()
        await detach(school, "Sales")
        await then()
        await assign(school, "Ada", "coordinators", "Welding")
        await school.change("Cy", department="Ops")
        await settled(ask)
        await then()
        await edit(school, "Welding", title="Welding II")
        assert await heard.is_silent()

    assert of_courses(heard_so_far) == [
        ("CHANGED", "Welding", True),
        ("CHANGED", "Safety", True),
        ("COURSE_EDITED", "Welding", True),
        ("CHANGED", None, False),
        ("SEGMENT_ATTACHED", "Welding", True),
        ("SEGMENT_DETACHED", None, False),
        ("CHANGED", None, False),
    ]
    assert heard_so_far[2]["course"]["state"] == "ARCHIVED"
    assert heard_so_far[4]["segment"] == {"name": "Sales"}


async def test_a_segment_attached_without_people_of_this_stream_costs_it_nothing(
    school: World, ask: Ask, follow: Follow, statements: list[str]
) -> None:
    await school.segment("Leads", 'title eq "Lead"')
    await settled(ask)
    async with (
        follow(MINE, by="Cy") as heard,
        follow(COORDINATORS, by="Mo", course=ask.id("Course", "Welding")) as other,
    ):
        await heard.next()
        await other.next()
        assert await heard.is_silent()
        assert await other.is_silent()
        await school.attach("Safety", "Leads")
        await edit(school, "Safety", title="Safety II")
        await school.change("Bo", department="Ops")
        await settled(ask)
        statements.clear()
        assert await heard.is_silent()
        assert await other.is_silent()

        assert statements == []


@pytest.mark.parametrize("size", [(2, 1), (200, 1), (2, 15)])
async def test_the_statements_of_an_entry_grow_neither_with_its_people_nor_with_who_listens(
    world: World, ask: Ask, follow: Follow, statements: list[str], size: tuple[int, int]
) -> None:
    count, listeners = size
    await world.member("Mo")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    for number in range(count):
        await world.member(f"Person {number}", department="Ops")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sales"])
    await settled(ask)
    everything = COORDINATORS.replace(
        "member {", "segment { name } coordinator { since sources { segment { name } } } member {"
    )
    async with AsyncExitStack() as stack:
        course = ask.id("Course", "Safety")
        heard = [
            await stack.enter_async_context(follow(everything, by="Mo", course=course))
            for _ in range(listeners)
        ]
        for each in heard:
            await each.next()
        await edit(world, title="Safety II")
        for each in heard:
            await each.next()
        await move_all(world, "Sales")
        statements.clear()
        await settled(ask)
        events = await asyncio.gather(*(each.take(count) for each in heard))

    for told in events:
        assert {each["isCoordinator"] for each in told} == {True}
        assert {each["coordinator"]["sources"][0]["segment"]["name"] for each in told} == {"Sales"}
        assert len({each["cursor"] for each in told}) == count
    assert len(statements) == 5, statements


async def move_all(world: World, department: str) -> None:
    """Everybody but Mo moves, in one transaction."""
    async with world.edge.transaction() as db:
        catalog = await people.catalog_of(db, world.workspace_id)
        moving = [id for name, id in world.members.items() if name != "Mo"]
        for member in await people.lock(db, world.workspace_id, moving):
            changes = {"department": department}
            await people.write_attributes(
                db, by=world.system, member=member, changes=changes, catalog=catalog
            )


async def test_no_connection_is_held_while_one_waits_or_reads_slowly(
    school: World, ask: Ask, follow: Follow
) -> None:
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        [context] = follow.opened
        assert context._db is None
        await assign(school, "Cy", "coordinators")
        await assign(school, "Di", "coordinators")
        await heard.next()
        assert context._db is None
        await heard.next()
        assert await heard.is_silent()
        assert context._db is None


async def test_who_may_not_know_the_sources_hears_neither_the_verb_nor_a_reason(
    school: World, ask: Ask, follow: Follow
) -> None:
    document = COORDINATORS.replace("reason", "reason verb")
    safety = ask.id("Course", "Safety")
    async with (
        follow(document, by="Ada", course=safety) as colleague,
        follow(document, by="Mo", course=safety) as manager,
    ):
        ready = await colleague.next()
        await manager.next()
        await override(school, "Bo", "exclude", expires_at=None)
        answer = await colleague.whole()
        about_others = answer["data"]["coordinatorsChanged"]
        seen_by_manager = await manager.next()

    assert ready["verb"] is None
    assert (about_others["verb"], about_others["reason"]) == (None, None)
    assert about_others["isCoordinator"] is False
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["PERMISSION_DENIED"]
    assert seen_by_manager["verb"] == "coordinator.excluded"


async def test_the_last_event_a_browser_saw_counts_more_than_where_it_once_began(
    school: World, ask: Ask, follow: Follow
) -> None:
    safety = ask.id("Course", "Safety")
    async with follow(COORDINATORS, by="Mo", course=safety) as heard:
        began = (await heard.next())["cursor"]
        await assign(school, "Cy", "coordinators")
        await assign(school, "Di", "coordinators")
        first, second = await heard.take(2)

    async with follow(
        COORDINATORS, by="Mo", course=safety, after=began, last_event_id=first["cursor"]
    ) as again:
        ready, event = await again.take(2)

    assert ready["cursor"] == first["cursor"]
    assert event["cursor"] == second["cursor"]


async def test_two_workspaces_never_meet(
    school: World, ask: Ask, follow: Follow, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "beta")
    await open_school(other)
    await settled(ask)
    there = Follow(Ask(other), follow.bus)
    async with follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as heard:
        mine = (await heard.next())["cursor"]
        async with there(MINE, by="Cy") as theirs:
            await theirs.next()
            await assign(other, "Cy", "coordinators")
            await assign(school, "Cy", "coordinators")
            assert said([await heard.next()]) == [("CHANGED", "Cy", True)]
            assert (await theirs.next())["course"]["id"] == there.ask.id("Course", "Safety")
            assert await heard.is_silent()
            assert await theirs.is_silent()

    safety = ask.id("Course", "Safety")
    assert await there.refused(COORDINATORS, by="Mo", course=safety) == "NOT_FOUND"
    assert await there.refused(MINE, by="Mo", after=mine) == "BAD_USER_INPUT"


async def test_a_course_one_does_not_see_does_not_exist_and_others_say_what_is_lacking(
    school: World, ask: Ask, follow: Follow
) -> None:
    await school.grant("Di", Principal.COURSE_EDIT, course="Safety")
    safety = ask.id("Course", "Safety")

    assert await follow.refused(COORDINATORS, by="Cy", course=safety) == "NOT_FOUND"
    assert await follow.refused(COORDINATORS, by="Di", course=safety) == "PERMISSION_DENIED"
    async with follow(COORDINATORS, by="Bo", course=safety) as derived:
        assert (await derived.next())["kind"] == "READY"
