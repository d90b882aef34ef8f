"""Rules that build on segments, as people write them: named, refused in circles, kept in use."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from models.segments import Segment
from operations import explain, freshness, linting, segment_rules, segments
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.previewing import preview
from operations.refusals import Code, Refused
from sync_engine.rules import format as written
from sync_engine.verify import verify
from tests.furnishing import furnished
from tests.world import MONDAY, World, settle

CIRCLE = "segments would build on each other in a circle"
CREW, NORTH = 'department eq "Sales"', 'memberOf has "Crew" and country in ["NO","SE"]'


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.member("Sven", department="Sales", country="SE")
    await world.member("Dora", department="Sales", country="DE")
    await world.segment("Crew", CREW)
    await world.segment("North", NORTH)
    return world


async def edit(world: World, name: str, rule: Any) -> None:
    async with world.edge.transaction() as db:
        await segments.edit(db, by=world.caller("Mona"), segment_id=world.segments[name], rule=rule)


async def refusal(world: World, name: str, rule: Any) -> list[tuple[str, str, str]]:
    """Code, place and message of each problem."""
    with pytest.raises(Refused) as refused:
        await edit(world, name, rule)
    assert refused.value.code is Code.INVALID_RULE
    return [
        (each["code"], each["path"], each["message"]) for each in refused.value.details["problems"]
    ]


async def document_of(world: World, name: str) -> Any:
    async with world.edge.read() as db:
        segment = await db.get_one(Segment, world.segments[name])
        return segment.rule


@pytest.mark.spec("S1")
async def test_a_rule_names_a_segment_and_keeps_its_number(
    managed: World, sync_database: Engine
) -> None:
    document = await document_of(managed, "North")
    async with managed.edge.read() as db:
        rule = await segment_rules.rule_of(db, workspace_id=managed.workspace_id, rule=document)

    assert document["all"][0] == {
        "attr": "memberOf",
        "op": "has",
        "value": managed.segments["Crew"],
    }
    assert written(rule) == NORTH
    settle(sync_database)
    await managed.course("Safety", segments_attached=["North"])
    assert await managed.coordinators_of("Safety") == {"Sven"}
    assert verify(sync_database, managed.workspace_id).is_clean


async def test_a_renamed_segment_is_called_by_its_new_name_in_the_rules_that_build_on_it(
    managed: World,
) -> None:
    async with managed.edge.transaction() as db:
        await segments.edit(
            db, by=managed.caller("Mona"), segment_id=managed.segments["Crew"], name="Our “crew”"
        )
    async with managed.edge.read() as db:
        document = await document_of(managed, "North")
        rule = await segment_rules.rule_of(db, workspace_id=managed.workspace_id, rule=document)

    assert written(rule).startswith('memberOf has "Our “crew”" and')


@pytest.mark.spec("S1")
async def test_a_circle_is_refused_where_it_closes_and_named(managed: World) -> None:
    await managed.segment("Far north", 'memberOf has "North"')

    found = await refusal(managed, "Crew", 'country eq "NO" or memberOf has "Far north"')

    assert found == [
        (
            "CIRCULAR",
            "/any/1/value",
            f"Clause 2: {CIRCLE}: “Crew” → “Far north” → “North” → “Crew”.",
        )
    ]
    itself = await refusal(managed, "Crew", {"attr": "memberOf", "op": "hasAny", "value": ["Crew"]})
    assert [each[:2] for each in itself] == [("CIRCULAR", "/value/0")]


@pytest.mark.spec("S1")
async def test_a_chain_longer_than_five_steps_is_refused_wherever_it_is_lengthened(
    managed: World,
) -> None:
    await managed.segment("S2", 'memberOf has "North"')
    await managed.segment("S3", 'memberOf has "S2"')
    await managed.segment("S4", 'memberOf has "S3"')
    await managed.segment("S5", 'memberOf has "S4"')
    await managed.segment("Base", 'country eq "NO"')
    with pytest.raises(Refused) as refused:
        await managed.segment("S6", 'memberOf has "S5"')

    assert refused.value.details["problems"][0]["code"] == "TOO_MANY_STEPS"
    assert "in 6 steps; 5 are allowed" in refused.value.message
    assert [each[0] for each in await refusal(managed, "Crew", 'memberOf has "Base"')] == [
        "TOO_MANY_STEPS"
    ]


async def test_a_segment_that_is_not_there_is_refused(
    managed: World, sync_database: Engine
) -> None:
    other = await World.new(managed.edge.sessions, slug="elsewhere")
    foreign = await other.segment("Theirs", CREW)
    gone = await managed.segment("Gone", CREW)
    async with managed.edge.transaction() as db:
        await segments.remove(db, by=managed.caller("Mona"), segment_id=gone, at=MONDAY)

    unknown: list[Any] = [foreign, gone, 2**31 - 1, 2**40, "Theirs", "Gone", "gone"]
    for value in unknown:
        found = await refusal(managed, "Crew", {"attr": "memberOf", "op": "has", "value": value})
        assert [each[:2] for each in found] == [("UNKNOWN_SEGMENT", "/value")]
    strange: list[Any] = [None, True, [1], {"now": "P0D"}, 1.5, -1, 0]
    for value in strange:
        found = await refusal(managed, "Crew", {"attr": "memberOf", "op": "has", "value": value})
        assert [each[:2] for each in found] == [("TYPE_MISMATCH", "/value")]


@pytest.mark.spec("S7")
async def test_a_segment_that_others_build_on_is_not_deleted(managed: World) -> None:
    with pytest.raises(Refused) as refused:
        async with managed.edge.transaction() as db:
            await segments.remove(
                db, by=managed.caller("Mona"), segment_id=managed.segments["Crew"], at=MONDAY
            )

    assert refused.value.code is Code.SEGMENT_IN_USE
    assert refused.value.details["segments"] == [{"id": managed.segments["North"], "name": "North"}]
    async with managed.edge.transaction() as db:
        by = managed.caller("Mona")
        await segments.remove(db, by=by, segment_id=managed.segments["North"], at=MONDAY)
        await segments.remove(db, by=by, segment_id=managed.segments["Crew"], at=MONDAY)


async def test_two_edits_at_once_never_close_a_circle(managed: World) -> None:
    """Each alone would be right; whoever comes second sees the other."""
    await managed.segment("One", CREW)
    await managed.segment("Two", CREW)
    first = managed.edge.transaction()
    db = await first.__aenter__()
    await segments.edit(
        db,
        by=managed.caller("Mona"),
        segment_id=managed.segments["One"],
        rule='memberOf has "Two"',
    )
    second = asyncio.create_task(refusal(managed, "Two", 'memberOf has "One"'))
    await asyncio.sleep(0.3)
    assert not second.done()
    await first.__aexit__(None, None, None)

    assert [each[0] for each in await second] == ["CIRCULAR"]


async def test_an_inner_segment_does_not_go_while_somebody_builds_on_it(managed: World) -> None:
    await managed.segment("Base", CREW)
    first = managed.edge.transaction()
    db = await first.__aenter__()
    await segments.edit(
        db,
        by=managed.caller("Mona"),
        segment_id=managed.segments["North"],
        rule='memberOf has "Base"',
    )

    async def remove() -> None:
        async with managed.edge.transaction() as other:
            await segments.remove(
                other, by=managed.caller("Mona"), segment_id=managed.segments["Base"], at=MONDAY
            )

    second = asyncio.create_task(remove())
    await asyncio.sleep(0.3)
    assert not second.done()
    await first.__aexit__(None, None, None)

    with pytest.raises(Refused) as refused:
        await second
    assert refused.value.code is Code.SEGMENT_IN_USE


@pytest.mark.spec("S10")
async def test_why_says_which_segments_somebody_is_in_and_was_in(
    managed: World, sync_database: Engine
) -> None:
    await managed.course("Safety", segments_attached=["North"])
    settle(sync_database)
    async with managed.edge.read() as db:
        head = await db.scalar(text("SELECT head FROM workspace_stream"))
    await edit(managed, "Crew", 'department eq "Legal"')
    settle(sync_database)
    async with managed.edge.transaction() as db:
        by, crew = managed.caller("Mona"), managed.segments["Crew"]
        await segments.edit(db, by=by, segment_id=crew, name="Lawyers")

    told = {}
    for seq in (None, head):
        async with managed.edge.read() as db:
            [reason] = (
                await explain.membership(
                    db,
                    by=managed.system,
                    course_id=managed.courses["Safety"],
                    member_id=managed.members["Sven"],
                    seq=seq,
                )
            ).segments
        assert reason.explanation is not None
        told[seq] = (reason.is_member, reason.sentences, reason.explanation.text)

    assert told[None] == (
        False,
        ("is not in “Lawyers”",),
        'memberOf has "Lawyers" and country in ["NO","SE"]',
    )
    assert told[head] == (
        True,
        ("is in “Crew”", "country is “SE”, which is one of “NO”, “SE”"),
        NORTH,
    )


@pytest.mark.spec("S16")
async def test_lint_counts_the_people_of_segments_that_are_named(
    managed: World, sync_database: Engine
) -> None:
    await managed.segment("Nobody’s", 'country eq "FI"')
    settle(sync_database)
    rule = 'memberOf has "Crew" and department eq "Sales" and memberOf hasNone ["Nobody’s"]'
    async with managed.edge.read() as db:
        found = await linting.lint(db, by=managed.caller("Mona"), rule=rule)
        twice = await linting.lint(
            db, by=managed.caller("Mona"), rule='memberOf has "Crew" and not (memberOf has "crew")'
        )

    assert [(each.kind, each.message) for each in found.findings] == [
        ("UNKNOWN_VALUE", "Nobody is in “Nobody’s” now.".replace("“", '"').replace("”", '"'))
    ]
    assert found.text == rule
    assert (found.people, found.examined) == (3, 2)
    assert twice.is_never_true


@pytest.mark.spec("S9")
async def test_a_preview_of_an_inner_segment_shows_what_follows_through_the_outer_ones(
    managed: World, sync_database: Engine
) -> None:
    await managed.member("Lena", department="Legal", country="NO")
    await managed.segment("Rest", 'not (memberOf has "North") and country ne "FI"')
    await managed.segment("Deep", 'memberOf has "North"')
    await managed.course("Safety", segments_attached=["Crew", "Deep"])
    settle(sync_database)
    rule = 'department eq "Legal"'
    change = SegmentChange(
        SegmentChangeKind.EDIT_RULE, segment_id=managed.segments["Crew"], rule=rule
    )
    async with managed.edge.read() as db:
        found = await preview(db, by=managed.caller("Mona"), change=change)
    names = {id: name for name, id in managed.members.items()}
    [course] = found.courses

    assert {names[id] for id in course.gains} == {"Lena"}
    assert {names[id] for id in course.losses} == {"Sven", "Dora"}
    moved = {
        name: (
            {names[id] for id in found.outer[managed.segments[name]].added},
            {names[id] for id in found.outer[managed.segments[name]].removed},
        )
        for name in ("North", "Rest", "Deep")
    }
    assert moved == {
        "North": ({"Lena"}, {"Sven"}),
        "Rest": ({"Sven"}, {"Lena"}),
        "Deep": ({"Lena"}, {"Sven"}),
    }
    before = await managed.coordinators_of("Safety")
    async with managed.edge.transaction() as db:
        await segments.edit(
            db,
            by=managed.caller("Mona"),
            segment_id=managed.segments["Crew"],
            rule=rule,
            based_on=found.basis,
        )
    settle(sync_database)
    assert before - await managed.coordinators_of("Safety") == {"Sven", "Dora"}
    assert await managed.coordinators_of("Safety") - before == {"Lena"}


@pytest.mark.spec("S9")
async def test_a_preview_is_outdated_by_an_edit_of_an_outer_segment(managed: World) -> None:
    change = SegmentChange(
        SegmentChangeKind.EDIT_RULE, segment_id=managed.segments["Crew"], rule='country eq "NO"'
    )
    async with managed.edge.read() as db:
        found = await preview(db, by=managed.caller("Mona"), change=change)
    await edit(managed, "North", 'memberOf has "Crew" and country eq "DK"')

    with pytest.raises(Refused) as refused:
        async with managed.edge.transaction() as db:
            await segments.edit(
                db,
                by=managed.caller("Mona"),
                segment_id=managed.segments["Crew"],
                rule='country eq "NO"',
                based_on=found.basis,
            )
    assert refused.value.code is Code.PREVIEW_OUTDATED


@pytest.mark.spec("S13")
async def test_an_outer_segment_is_as_fresh_as_what_it_builds_on(
    managed: World, sync_database: Engine
) -> None:
    await managed.segment("Far north", 'memberOf has "North" and country eq "NO"')
    settle(sync_database)
    ids = [managed.segments[name] for name in ("Crew", "North", "Far north")]
    await edit(managed, "Crew", 'department eq "Legal"')

    async with managed.edge.read() as db:
        waits = await freshness.of_segments(db, managed.workspace_id, ids)
    settle(sync_database)
    async with managed.edge.read() as db:
        done = await freshness.of_segments(db, managed.workspace_id, ids)

    assert [waits[id].waiting_blocks for id in ids] == [1, 1, 1]
    assert [done[id].is_current for id in ids] == [True, True, True]
