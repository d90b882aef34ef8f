"""Until when people have to be done, who changes it, and what is kept of that."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from models.progress import DueDateChange
from models.workspaces import Workspace
from operations.learning import due_dates
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.operations.learning.enrolling import DAY, assign, due, join, leave, name_of, unassign
from tests.world import MONDAY, World


async def redate(
    world: World, course: str, *names: str, by: str | None = None, **said: Any
) -> dict[str, str]:
    async with world.edge.transaction() as db:
        done = await due_dates.update(
            db,
            by=world.caller(by) if by else world.system,
            course_id=world.courses[course],
            member_ids=[world.members[each] for each in names],
            at=MONDAY,
            **said,
        )
    return {name_of(world, each.member_id): each.outcome.value for each in done}


async def kept(world: World) -> list[tuple[str, dt.datetime | None, dt.datetime | None]]:
    async with world.edge.read() as db:
        found = await db.scalars(select(DueDateChange).order_by(DueDateChange.id))
        return [(each.of.value, each.before, each.after) for each in found]


@pytest.fixture
@furnished
async def safety(world: World) -> World:
    for name in ("Cora", "Lea", "Leo", "Zoe"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.enrol("Safety", "Lea", "Leo")
    return world


@pytest.mark.spec("M8")
async def test_a_coordinator_changes_dates_of_one_and_of_many_and_each_is_answered(
    safety: World,
) -> None:
    safety.members["Nobody"] = 10**15

    first = await redate(safety, "Safety", "Lea", by="Cora", due_at=MONDAY + DAY)
    then = await redate(
        safety, "Safety", "Nobody", "Lea", "Leo", "Zoe", due_at=MONDAY + DAY, reason="Moved."
    )

    assert first == {"Lea": "CHANGED"}
    assert then == {
        "Nobody": "NOT_FOUND",
        "Lea": "UNCHANGED",
        "Leo": "CHANGED",
        "Zoe": "NOT_ENROLLED",
    }
    assert await due(safety, "Safety") == {"Lea": MONDAY + DAY, "Leo": MONDAY + DAY}
    assert await kept(safety) == [("LEARNER", None, MONDAY + DAY)] * 2
    assert (await safety.verbs()).count("due_date.changed") == 2


@pytest.mark.spec("M8")
async def test_a_learner_changes_no_date_and_nobody_their_own(safety: World) -> None:
    await safety.enrol("Safety", "Cora")

    with pytest.raises(Denied):
        await redate(safety, "Safety", "Leo", by="Lea", due_at=MONDAY + DAY)
    with pytest.raises(Refused) as own:
        await redate(safety, "Safety", "Lea", "Cora", by="Cora", due_at=MONDAY + DAY)
    assert own.value.code is Code.SELF_ACTION
    assert await kept(safety) == []

    async with safety.edge.transaction() as db:
        (await db.get_one(Workspace, safety.workspace_id)).allows_self_action = True
    assert await redate(safety, "Safety", "Cora", by="Cora", due_at=MONDAY + DAY) == {
        "Cora": "CHANGED"
    }


@pytest.mark.spec("M8")
async def test_a_date_that_is_over_has_to_be_meant(safety: World) -> None:
    with pytest.raises(Refused) as refused:
        await redate(safety, "Safety", "Lea", due_at=MONDAY - DAY)
    done = await redate(safety, "Safety", "Lea", due_at=MONDAY - DAY, allow_past=True)

    assert refused.value.code is Code.DUE_DATE_IN_PAST
    assert done == {"Lea": "CHANGED"}
    assert await kept(safety) == [("LEARNER", None, MONDAY - DAY)]


async def test_a_date_without_a_time_zone_means_no_moment(safety: World) -> None:
    with pytest.raises(Refused) as refused:
        await redate(safety, "Safety", "Lea", due_at=dt.datetime(2027, 1, 1))  # noqa: DTZ001
    assert refused.value.code is Code.BAD_USER_INPUT


@pytest.mark.spec("M8", "H6")
async def test_one_s_own_date_goes_before_the_latest_of_the_groups(safety: World) -> None:
    for name, days in (("Early", 1), ("Late", 9), ("Whenever", None)):
        date = None if days is None else MONDAY + days * DAY
        await safety.group(name, course="Safety", due_at=date)
    seen = [await due(safety, "Safety")]

    for group in ("Whenever", "Early", "Late"):
        await assign(safety, "Safety", "Lea", group=group)
        seen.append(await due(safety, "Safety"))
    await redate(safety, "Safety", "Lea", due_at=MONDAY + 5 * DAY)
    seen.append(await due(safety, "Safety"))
    await unassign(safety, "Safety", "Lea", group="Late")
    seen.append(await due(safety, "Safety"))
    await redate(safety, "Safety", "Lea", due_at=None)
    seen.append(await due(safety, "Safety"))

    moved = [None if each["Lea"] is None else (each["Lea"] - MONDAY) // DAY for each in seen]
    assert moved == [None, None, 1, 9, 5, 5, 1]


@pytest.mark.spec("M2", "M8")
async def test_a_date_of_one_s_own_is_there_again_for_who_comes_back(safety: World) -> None:
    await redate(safety, "Safety", "Lea", due_at=MONDAY + DAY)
    await unassign(safety, "Safety", "Lea")
    away = await redate(safety, "Safety", "Lea", due_at=MONDAY + 2 * DAY)
    await assign(safety, "Safety", "Lea")

    assert away == {"Lea": "NOT_ENROLLED"}
    assert (await due(safety, "Safety"))["Lea"] == MONDAY + DAY


async def test_joining_and_leaving_a_group_by_oneself_moves_one_s_date(safety: World) -> None:
    await safety.group("Late", course="Safety", due_at=MONDAY + 9 * DAY, allows_self_enrolment=True)

    await join(safety, "Lea", "Safety", "Late")
    joined = await due(safety, "Safety")
    await leave(safety, "Lea", "Safety")

    assert joined["Lea"] == MONDAY + 9 * DAY
    assert (await due(safety, "Safety"))["Lea"] is None
