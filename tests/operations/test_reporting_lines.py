"""Rules about who is above a person, as people write them: by name, explained and previewed."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from operations import explain, freshness, linting, segment_rules
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.previewing import preview
from operations.refusals import Code, Refused
from operations.segment_files import applying
from sync_engine.rules import format as written
from sync_engine.verify import verify
from tests.furnishing import furnished
from tests.operations.test_building_on_segments import document_of, edit, refusal
from tests.world import World, settle


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for name, manager in (("Ada", None), ("Bo", "ada"), ("Cy", "bo"), ("Di", None)):
        said: dict[str, Any] = (
            {} if manager is None else {"manager": f"{manager}@{world.slug}.example"}
        )
        await world.member(name, **said)
    await world.segment("Line", f'reportsTo has "{user_name(world, "Ada")}"')
    await world.course("Safety", segments_attached=["Line"])
    return world


def user_name(world: World, name: str) -> str:
    return f"{name.lower()}@{world.slug}.example"


async def head_of(world: World) -> int:
    async with world.edge.read() as db:
        return int(await db.scalar(text("SELECT head FROM workspace_stream")) or 0)


async def why(world: World, name: str, seq: int | None = None) -> tuple[str, ...]:
    async with world.edge.read() as db:
        found = await explain.membership(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members[name],
            seq=seq,
        )
    [reason] = found.segments
    return reason.sentences


@pytest.mark.spec("S1")
async def test_a_rule_names_a_person_and_keeps_the_number(
    managed: World, sync_database: Engine
) -> None:
    document = await document_of(managed, "Line")
    async with managed.edge.read() as db:
        rule = await segment_rules.rule_of(db, workspace_id=managed.workspace_id, rule=document)

    ada = user_name(managed, "Ada")
    assert document == {"attr": "reportsTo", "op": "has", "value": managed.members["Ada"]}
    assert written(rule) == f'reportsTo has "{ada}"'
    settle(sync_database)
    assert await managed.coordinators_of("Safety") == {"Bo", "Cy"}
    assert verify(sync_database, managed.workspace_id).is_clean


async def test_somebody_who_is_not_there_is_refused(managed: World) -> None:
    [(code, _, message)] = await refusal(managed, "Line", 'reportsDirectlyTo has "zoe"')

    assert code == "UNKNOWN_PERSON"
    assert "zoe" in message


@pytest.mark.spec("S10")
async def test_why_says_through_whom_somebody_reports_and_reported(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    before = await head_of(managed)
    ada, bo = user_name(managed, "Ada"), user_name(managed, "Bo")
    assert await why(managed, "Cy") == (f"reports to “{ada}” through “{bo}”",)

    await managed.change("Bo", manager=user_name(managed, "Di"))
    settle(sync_database)

    assert await managed.coordinators_of("Safety") == set()
    assert await why(managed, "Cy") == (f"does not report to “{ada}”",)
    assert await why(managed, "Cy", before) == (f"reports to “{ada}” through “{bo}”",)
    assert await why(managed, "Bo", before) == (f"reports to “{ada}”",)


@pytest.mark.spec("S10")
async def test_why_does_not_guess_whom_a_name_meant_that_nobody_has_any_more(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    before = await head_of(managed)
    await managed.change("Ada", userName="someone else")
    settle(sync_database)

    async with managed.edge.read() as db:
        found = await explain.membership(
            db,
            by=managed.system,
            course_id=managed.courses["Safety"],
            member_id=managed.members["Bo"],
            seq=before,
        )

    assert found.is_coordinator
    assert "reportsTo" in found.unknown
    assert await managed.coordinators_of("Safety") == set()


@pytest.mark.spec("S13")
async def test_a_course_is_not_current_while_managers_are_looked_at(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    await managed.change("Di", userName="dee")
    with sync_database.begin() as db:
        db.execute(text("DELETE FROM dirty_member"))

    course = managed.courses["Safety"]
    async with managed.edge.read() as db:
        waiting = (await freshness.of_courses(db, managed.workspace_id, [course]))[course]
        reflects = await freshness.has_reflected(db, managed.workspace_id, await head_of(managed))
    settle(sync_database)
    async with managed.edge.read() as db:
        after = (await freshness.of_courses(db, managed.workspace_id, [course]))[course]

    assert (waiting.is_current, reflects, after.is_current) == (False, False, True)


@pytest.mark.spec("S9")
async def test_a_preview_shows_what_then_happens(managed: World, sync_database: Engine) -> None:
    settle(sync_database)
    rules = [
        f'reportsDirectlyTo has "{user_name(managed, "Ada")}"',
        f'not (reportsTo has "{user_name(managed, "Bo")}")',
        f'reportsTo hasAny ["{user_name(managed, "Bo")}", "{user_name(managed, "Di")}"]',
    ]
    for rule in rules:
        before = await managed.coordinators_of("Safety")
        async with managed.edge.read() as db:
            change = SegmentChange(
                SegmentChangeKind.EDIT_RULE, segment_id=managed.segments["Line"], rule=rule
            )
            found = await preview(db, by=managed.caller("Mona"), change=change)
        await edit(managed, "Line", rule)
        settle(sync_database)
        after = await managed.coordinators_of("Safety")

        assert (found.before, found.after) == (len(before), len(after)), rule


@pytest.mark.spec("S16")
async def test_lint_names_people_who_are_gone(managed: World, sync_database: Engine) -> None:
    settle(sync_database)
    async with managed.edge.read() as db:
        rule = f'reportsTo has "{user_name(managed, "Ada")}" and userName sw "b"'
        found = await linting.lint(db, by=managed.caller("Mona"), rule=rule)
        with pytest.raises(Refused) as refused:
            await linting.lint(db, by=managed.caller("Mona"), rule='reportsTo has "zoe"')

    assert found.text == rule
    assert found.findings == []
    assert refused.value.code is Code.INVALID_RULE


async def test_lint_says_of_a_saved_rule_that_the_person_is_gone(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    with sync_database.begin() as db:
        db.execute(
            text("UPDATE member SET deleted_at = now(), state = 'DEACTIVATED' WHERE id = :id"),
            {"id": managed.members["Ada"]},
        )
    settle(sync_database)
    segment_id = managed.segments["Line"]
    async with managed.edge.read() as db:
        found = await linting.lint(db, by=managed.caller("Mona"), segment_id=segment_id)

    number = managed.members["Ada"]
    assert found.text == f"reportsTo has {number}"
    assert [each.message for each in found.findings] == [
        f"There is nobody of number {number} any more; nobody reports to them."
    ]
    assert await managed.coordinators_of("Safety") == set()


@pytest.mark.spec("S17")
async def test_a_file_names_people_and_is_the_same_when_it_is_read_back(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    by = managed.caller("Mona")
    async with managed.edge.read() as db:
        document = await applying.export(db, by=by)
        same = await applying.plan(db, by=by, document=document)

    assert user_name(managed, "Ada") in str(document)
    assert same.steps == ()
