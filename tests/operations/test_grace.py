"""Days of grace for whoever loses the last reason for being coordinator: what people do (M40)."""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from access.permissions import Permission, Principal, Scope
from models.catalog import CourseState
from models.coordinators import CoordinatorOverride, CourseRoleKind, OverrideKind
from models.mail import Mail, MailKind
from models.segments import AttachmentMode, CourseSegment
from operations import (
    attachments,
    coordinators,
    courses,
    explain,
    explain_permission,
    grace,
    grace_mail,
    overrides,
    segments,
    workspaces,
)
from operations.explain import Standing, Turn
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights
from tests.furnishing import furnished
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("M40")

DAY = dt.timedelta(days=1)


@pytest.fixture
@furnished
async def staffed(world: World, sync_database: Engine) -> World:
    """Ada and Bo coordinate Safety through Team, Bo through Crew too; five days of grace."""
    for name in ("Mona", "Ada", "Bo"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"])
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Team", people_named=["Ada", "Bo"])
    await world.segment("Crew", people_named=["Bo"])
    await world.course("Safety", segments_attached=["Team", "Crew"])
    await world.course("Welding", segments_attached=["Team"])
    await grant(world, 5)
    settle(sync_database)
    return world


async def grant(world: World, days: int) -> None:
    async with world.edge.transaction() as db:
        await workspaces.edit_settings(db, by=world.caller("Mona"), grace_days=days)


async def rows(world: World) -> dict[tuple[str, str], CoordinatorOverride]:
    """What is said beside the rules, by course and person."""
    titles = {id: title for title, id in world.courses.items()}
    names = {id: name for name, id in world.members.items()}
    async with world.edge.read() as db:
        found = await db.scalars(select(CoordinatorOverride))
        return {(titles[each.course_id], names[each.member_id]): each for each in found}


async def ending(world: World) -> set[tuple[str, str]]:
    return {at for at, row in (await rows(world)).items() if row.kind is OverrideKind.ENDING}


def on(world: World, title: str, segment: str) -> dict[str, Any]:
    return {
        "by": world.caller("Mona"),
        "course_id": world.courses[title],
        "segment_id": world.segments[segment],
    }


async def detach(world: World, title: str = "Safety", segment: str = "Team") -> None:
    async with world.edge.transaction() as db:
        await attachments.detach(db, **on(world, title, segment))


async def attach(world: World, title: str = "Safety", segment: str = "Team") -> None:
    async with world.edge.transaction() as db:
        await attachments.attach(db, **on(world, title, segment))


def about(world: World, title: str = "Safety", name: str = "Ada") -> dict[str, Any]:
    return {
        "by": world.caller("Mona"),
        "course_id": world.courses[title],
        "member_id": world.members[name],
    }


async def test_detaching_lets_those_stay_whom_nothing_else_gives_the_role(staffed: World) -> None:
    await detach(staffed)

    [(at, row)] = (await rows(staffed)).items()
    assert (at, row.kind) == (("Safety", "Ada"), OverrideKind.ENDING)
    assert row.expires_at == row.created_at + 5 * DAY
    assert row.reason == "“Team” was taken off the course."
    assert await staffed.coordinators_of("Safety") == {"Ada", "Bo"}
    assert (await staffed.verbs())[-2:] == ["coordinator.ending", "segment.detached"]


async def test_attaching_again_ends_the_grace_and_says_so(staffed: World) -> None:
    await detach(staffed)
    await attach(staffed)

    assert await rows(staffed) == {}
    assert (await staffed.verbs())[-2:] == ["segment.attached", "coordinator.regained"]


async def test_a_segment_that_is_deleted_gives_grace_on_each_of_its_courses(
    staffed: World, sync_database: Engine
) -> None:
    async with staffed.edge.transaction() as db:
        segment_id = staffed.segments["Team"]
        by = staffed.caller("Mona")
        await segments.remove(db, by=by, segment_id=segment_id, at=MONDAY, detach=True)
    given = {("Safety", "Ada"), ("Welding", "Ada"), ("Welding", "Bo")}
    assert await ending(staffed) == given

    settle(sync_database)

    assert await ending(staffed) == given


async def test_a_mode_that_leaves_somebody_out_gives_grace_and_one_that_takes_in_ends_it(
    staffed: World, sync_database: Engine
) -> None:
    async with staffed.edge.transaction() as db:
        mode = AttachmentMode.FROZEN
        await attachments.change_mode(db, **on(staffed, "Welding", "Team"), mode=mode)
    async with staffed.edge.transaction() as db:
        segment_id, ids = staffed.segments["Team"], [staffed.members["Ada"]]
        by = staffed.caller("Mona")
        await segments.unname_people(db, by=by, segment_id=segment_id, member_ids=ids)
    settle(sync_database)
    assert await ending(staffed) == {("Safety", "Ada")}

    async with staffed.edge.transaction() as db:
        mode = AttachmentMode.SYNC
        await attachments.change_mode(db, **on(staffed, "Welding", "Team"), mode=mode)

    [row] = [row for (title, _), row in (await rows(staffed)).items() if title == "Welding"]
    assert row.reason == "“Team” is followed otherwise."


async def say(world: World, do: Callable[..., Any]) -> None:
    async with world.edge.transaction() as db:
        await do(db, **about(world), reason="As agreed", expires_at=None, at=MONDAY)


async def test_what_is_said_by_hand_takes_the_place_of_grace(staffed: World) -> None:
    for do, kind in (
        (overrides.keep, OverrideKind.KEEP),
        (overrides.exclude, OverrideKind.EXCLUDE),
    ):
        await detach(staffed)
        await say(staffed, do)
        found = (await rows(staffed))["Safety", "Ada"]
        assert (found.kind, found.reason, found.expires_at) == (kind, "As agreed", None)
        async with staffed.edge.transaction() as db:
            await overrides.lift(db, **about(staffed))
        assert "Ada" not in await staffed.coordinators_of("Safety")
        await attach(staffed)


async def test_a_manager_may_end_grace_at_once_or_give_the_role_by_hand(staffed: World) -> None:
    await detach(staffed)
    async with staffed.edge.transaction() as db:
        by = staffed.caller("Mona")
        wanted: dict[str, Any] = {"course_id": staffed.courses["Safety"], "by": by}
        ids = [staffed.members["Ada"]]
        await coordinators.assign(db, **wanted, coordinators=ids)
    assert await rows(staffed) == {}

    async with staffed.edge.transaction() as db:
        kind = CourseRoleKind.COORDINATOR
        await coordinators.remove(db, **wanted, role=kind, member_ids=ids)
    assert await staffed.coordinators_of("Safety") == {"Bo"}, "by hand it ends at once"

    await attach(staffed)
    await detach(staffed)
    async with staffed.edge.transaction() as db:
        assert await overrides.lift(db, **about(staffed))
    assert await staffed.coordinators_of("Safety") == {"Bo"}


async def test_on_an_archived_course_nobody_stays(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        by, course_id = staffed.caller("Mona"), staffed.courses["Safety"]
        await courses.edit(db, by=by, course_id=course_id, changes={"state": CourseState.ARCHIVED})

    await detach(staffed)

    assert await rows(staffed) == {}


async def test_a_grace_that_is_changed_holds_for_who_loses_the_role_from_then_on(
    staffed: World,
) -> None:
    await detach(staffed)
    [before] = (await rows(staffed)).values()

    await grant(staffed, 0)
    await detach(staffed, "Welding")

    [after] = (await rows(staffed)).values()
    assert (after.course_id, after.expires_at) == (before.course_id, before.expires_at)
    await attach(staffed)
    assert await rows(staffed) == {}, "what gives the role ends grace, whether or not there is any"


@pytest.mark.parametrize("days", [-1, 31])
async def test_grace_is_of_no_more_than_thirty_days(staffed: World, days: int) -> None:
    with pytest.raises(Refused) as refusal:
        await grant(staffed, days)

    assert refusal.value.code is Code.BAD_USER_INPUT
    assert refusal.value.details == {"argument": "graceDays", "limit": 30, "actual": days}


async def test_only_workspace_managers_set_it(staffed: World) -> None:
    with pytest.raises(Denied):
        async with staffed.edge.transaction() as db:
            await workspaces.edit_settings(db, by=staffed.caller("Ada"), grace_days=1)


async def test_why_says_that_it_ends_when_and_because_of_what(staffed: World) -> None:
    await detach(staffed)

    async with staffed.edge.read() as db:
        found = await explain.membership(db, **about(staffed))
        line = await explain.timeline(db, **about(staffed), limit=10)
    assert (found.standing, found.is_coordinator) == (Standing.ENDING, True)
    assert found.override is not None
    assert found.override.expires_at is not None
    until = f"{found.override.expires_at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    assert found.summary == (
        f"Ada is coordinator of “Safety” until {until}, though nothing gives the role any more:"
        " “Team” was taken off the course."
    )
    assert [each.turn for each in line.turns] == [Turn.ENDING, Turn.GAINED]
    assert line.turns[0].cause is not None
    assert (line.turns[0].cause.verb, line.turns[0].cause.by_name) == ("segment.detached", "Mona")


async def test_until_the_end_a_coordinator_may_do_what_coordinators_may(staffed: World) -> None:
    await detach(staffed)

    async with staffed.edge.read() as db:
        rights, course_id = Rights(staffed.caller("Ada")), staffed.courses["Safety"]
        await rights.prepare(db, courses=[course_id])
        decision = rights.decide(Permission.ASSIGN_LEARNER, Scope.COURSE, course_id)
        explained = await explain_permission.explain_permission(
            db,
            by=staffed.caller("Mona"),
            permission=Permission.ASSIGN_LEARNER,
            scope=Scope.COURSE,
            id=course_id,
            member_id=staffed.members["Ada"],
        )
    assert decision.allowed
    assert explained.is_allowed
    assert "nothing gives it any more" in explained.summary


async def tell(world: World, *, after: dt.timedelta) -> list[Mail]:
    async with world.edge.transaction() as db:
        await grace_mail.tell(db, at=dt.datetime.now(dt.UTC) + after, limit=100)
    async with world.edge.read() as db:
        kind = MailKind.COORDINATOR_ENDING
        return list(await db.scalars(select(Mail).where(Mail.kind == kind).order_by(Mail.id)))


async def test_people_are_told_once_of_all_their_courses_a_minute_later(staffed: World) -> None:
    await detach(staffed)
    await detach(staffed, "Welding")
    assert await tell(staffed, after=dt.timedelta(seconds=30)) == []
    await attach(staffed)

    mails = await tell(staffed, after=dt.timedelta(seconds=90))

    assert [each.recipients for each in mails] == [["ada@acme.example"], ["bo@acme.example"]]
    [(title, ends_on)] = mails[0].parameters["rows"]
    assert title == "Welding"
    assert dt.date.fromisoformat(ends_on) - dt.datetime.now(dt.UTC).date() in (5 * DAY, 6 * DAY)
    assert len(await tell(staffed, after=dt.timedelta(seconds=99))) == 2


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "unguarded"])
async def test_two_who_take_the_last_two_reasons_at_once_leave_nobody_without_grace(
    staffed: World, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """As when two segments are deleted: that locks no course, and each sees the other's reason."""
    if not is_guarded:
        monkeypatch.setattr(grace, "GUARD", "SELECT %(workspace_id)s")
    both = asyncio.Barrier(2)
    course_id = staffed.courses["Safety"]

    async def take(segment: str) -> None:
        sync, segment_id = AttachmentMode.SYNC, staffed.segments[segment]
        async with staffed.edge.transaction() as db:
            gone = delete(CourseSegment).where(CourseSegment.segment_id == segment_id)
            await db.execute(gone.where(CourseSegment.course_id == course_id))
            await both.wait()
            followed = grace.Followed(course_id, segment_id, sync, MONDAY, "taken off")
            grace.taken(db, by=staffed.system, followed=followed)
            if not is_guarded:
                await grace.settle(db)
                await both.wait()

    await asyncio.gather(take("Team"), take("Crew"))

    assert (("Safety", "Bo") in await ending(staffed)) is is_guarded
