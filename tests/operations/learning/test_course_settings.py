"""The settings of a course, what follows from them, and those of the workspace."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from access.permissions import Permission
from models.catalog import Course, RetakePolicy
from models.journal import JournalEntry
from models.progress import DueDateChange, DueDateOf
from models.workspaces import Workspace
from operations import workspaces
from operations.learning import course_settings
from operations.refusals import Code, Denied, Refused
from tests.operations.learning.attempting import configure
from tests.world import MONDAY, World

FRIDAY = MONDAY + dt.timedelta(days=4)
LIMITED = RetakePolicy.LIMITED


async def edit(
    world: World, by: str, changes: Mapping[str, Any], *, allow_past: bool = False
) -> None:
    async with world.edge.transaction() as db:
        await course_settings.edit(
            db,
            by=world.caller(by),
            course_id=world.courses["Safety"],
            changes=changes,
            at=MONDAY,
            allow_past=allow_past,
            reason="As agreed.",
        )


async def stored(world: World) -> Course:
    async with world.edge.read() as db:
        return await db.get_one(Course, world.courses["Safety"])


@pytest.mark.spec("C12")
async def test_an_instructor_changes_settings_and_the_journal_says_which(school: World) -> None:
    await edit(school, "Ines", {"retake_policy": LIMITED, "retake_limit": 2, "due_at": FRIDAY})

    course = await stored(school)
    assert (course.retake_policy, course.retake_limit, course.due_at) == (LIMITED, 2, FRIDAY)
    async with school.edge.read() as db:
        said = await db.scalar(
            select(JournalEntry.after).where(JournalEntry.verb == "course.edited")
        )
    assert said == {"retake_policy": "LIMITED", "retake_limit": 2, "due_at": str(FRIDAY)}


@pytest.mark.spec("M14")
async def test_a_coordinator_changes_no_setting(school: World) -> None:
    with pytest.raises(Denied) as denied:
        await edit(school, "Cora", {"certifies_completion": True})

    assert denied.value.permission is Permission.EDIT_COURSE_INFO
    assert not (await stored(school)).certifies_completion


@pytest.mark.parametrize(
    "changes",
    [
        {"retake_policy": LIMITED},
        {"retake_limit": 3},
        {"retake_policy": RetakePolicy.UNLIMITED, "retake_limit": 3},
        {"retake_policy": LIMITED, "retake_limit": None},
        {"retake_policy": LIMITED, "retake_limit": 0},
        {"retake_policy": LIMITED, "retake_limit": 1001},
        {"certificate_days": 0},
        {"certificate_days": 36_501},
    ],
)
async def test_settings_that_make_no_sense_are_refused(
    school: World, changes: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        await edit(school, "Ines", changes)

    assert refused.value.code is Code.BAD_USER_INPUT
    assert refused.value.details["argument"] in {"retakeLimit", "certificateDays"}
    assert (await stored(school)).retake_policy is RetakePolicy.NONE


async def test_another_policy_takes_the_number_of_limited_along(school: World) -> None:
    await configure(school, retake_policy=LIMITED, retake_limit=3)
    await configure(school, retake_policy=RetakePolicy.UNLIMITED)
    assert (await stored(school)).retake_limit is None

    await configure(school, retake_policy=LIMITED, retake_limit=1, certificate_days=365)
    await configure(school, certificate_days=None)
    assert (await stored(school)).certificate_days is None


@pytest.mark.spec("M8")
async def test_a_due_date_is_kept_in_the_history_and_lies_in_the_past_only_where_meant(
    school: World,
) -> None:
    sunday = MONDAY - dt.timedelta(days=1)
    with pytest.raises(Refused) as refused:
        await edit(school, "Ines", {"due_at": sunday})
    await edit(school, "Ines", {"due_at": sunday}, allow_past=True)
    await edit(school, "Ines", {"due_at": sunday, "title": "Safety first"})
    await edit(school, "Ines", {"due_at": None})

    assert refused.value.code is Code.DUE_DATE_IN_PAST
    async with school.edge.read() as db:
        rows = (await db.scalars(select(DueDateChange).order_by(DueDateChange.id))).all()
    assert [(row.of, row.before, row.after, row.reason) for row in rows] == [
        (DueDateOf.COURSE, None, sunday, "As agreed."),
        (DueDateOf.COURSE, sunday, None, "As agreed."),
    ]


@pytest.mark.spec("M38", "M36")
async def test_a_manager_changes_the_settings_of_the_workspace(school: World) -> None:
    async with school.edge.transaction() as db:
        await workspaces.edit_settings(
            db,
            by=school.caller("Mona"),
            allows_self_action=True,
            late_placement_days=0,
            smallest_group=12,
            kept_days=30,
        )
    async with school.edge.transaction() as db:
        await workspaces.edit_settings(db, by=school.caller("Mona"), allows_self_action=True)

    async with school.edge.read() as db:
        row = await db.get_one(Workspace, school.workspace_id)
    assert (row.allows_self_action, row.late_placement_days) == (True, 0)
    assert (row.smallest_group, row.kept_days) == (12, 30)
    assert (await school.verbs()).count("workspace.edited") == 1


@pytest.mark.spec("M38", "M36")
@pytest.mark.parametrize(
    ("setting", "argument", "value", "limit"),
    [
        ("late_placement_days", "latePlacementDays", -1, 3650),
        ("late_placement_days", "latePlacementDays", 3651, 3650),
        ("smallest_group", "smallestGroup", 0, 1000),
        ("smallest_group", "smallestGroup", 1001, 1000),
        ("kept_days", "keptDays", 0, 365),
        ("kept_days", "keptDays", 366, 365),
    ],
)
async def test_a_number_beyond_its_limits_is_refused(
    school: World, setting: str, argument: str, value: int, limit: int
) -> None:
    given: dict[str, Any] = {setting: value}
    with pytest.raises(Refused) as refused:
        async with school.edge.transaction() as db:
            await workspaces.edit_settings(db, by=school.caller("Mona"), **given)

    assert refused.value.details == {"argument": argument, "limit": limit, "actual": value}


@pytest.mark.spec("M38")
async def test_instructors_change_no_setting_of_the_workspace(school: World) -> None:
    with pytest.raises(Denied):
        async with school.edge.transaction() as db:
            await workspaces.edit_settings(db, by=school.caller("Ines"), allows_self_action=True)
