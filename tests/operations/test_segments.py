"""The life of a segment (S3, S5-S7), whoever evaluates it."""

import pytest
from sqlalchemy import select, text

from access.permissions import Principal
from models.segments import Segment, SegmentState, SegmentVersion
from operations import segments
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.world import MONDAY, World


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    await world.member("Mona")
    await world.member("Lea", department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    return world


async def state_of(world: World, name: str) -> Segment:
    async with world.edge.read() as db:
        found = await db.get(Segment, world.segments[name])
    assert found is not None
    return found


async def waiting_blocks(world: World) -> int:
    async with world.edge.read() as db:
        return int(await db.scalar(text("SELECT count(*) FROM dirty_segment")) or 0)


async def test_a_segment_is_stored_as_canonical_json_with_its_first_version(
    managed: World,
) -> None:
    segment = await state_of(managed, "Sales")

    assert segment.rule == {"attr": "department", "op": "eq", "value": "Sales"}
    assert (segment.version, segment.state) == (1, SegmentState.ACTIVE)
    assert await waiting_blocks(managed) == 1


@pytest.mark.spec("S3")
async def test_every_problem_of_a_rule_is_told_at_once_and_nothing_is_stored(
    managed: World,
) -> None:
    with pytest.raises(Refused) as refused:
        async with managed.edge.transaction() as db:
            await segments.create(
                db,
                by=managed.caller("Mona"),
                name="Wrong",
                rule='departmnt eq "Sales" and nickname eq "Bo" and level eq "high"',
            )

    codes = [problem["code"] for problem in refused.value.details["problems"]]
    assert codes == ["UNKNOWN_ATTRIBUTE", "SELF_EDITABLE_ATTRIBUTE", "TYPE_MISMATCH"]
    async with managed.edge.read() as db:
        assert await db.scalar(select(Segment.id).where(Segment.name == "Wrong")) is None


async def test_editing_a_rule_makes_a_version_and_the_same_rule_none(managed: World) -> None:
    by, segment_id = managed.caller("Mona"), managed.segments["Sales"]
    for rule in ('department eq "Sales" and country eq "SE"',) * 2:
        async with managed.edge.transaction() as db:
            await segments.edit(db, by=by, segment_id=segment_id, rule=rule)

    async with managed.edge.read() as db:
        versions = await db.scalars(
            select(SegmentVersion.version).where(SegmentVersion.segment_id == segment_id)
        )
        assert sorted(versions) == [1, 2]
    assert (await managed.verbs()).count("segment.edited") == 1


@pytest.mark.spec("S5")
async def test_pausing_and_resuming_are_told_once_each(managed: World) -> None:
    by, segment_id = managed.caller("Mona"), managed.segments["Sales"]
    for verb in (segments.pause, segments.pause, segments.resume, segments.resume):
        async with managed.edge.transaction() as db:
            await verb(db, by=by, segment_id=segment_id)

    assert (await managed.verbs())[-2:] == ["segment.paused", "segment.resumed"]
    assert (await state_of(managed, "Sales")).state is SegmentState.ACTIVE


async def test_a_draft_cannot_be_paused_but_started(managed: World) -> None:
    segment_id = await managed.segment("Draft", "everyone", is_draft=True)
    by = managed.caller("Mona")

    async with managed.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await segments.pause(db, by=by, segment_id=segment_id)
    async with managed.edge.transaction() as db:
        started = await segments.resume(db, by=by, segment_id=segment_id)

    assert refused.value.code is Code.SEGMENT_STATE
    assert started.state is SegmentState.ACTIVE


@pytest.mark.spec("S7")
async def test_a_segment_in_use_is_deleted_only_with_detach(managed: World) -> None:
    await managed.course("Safety", segments_attached=["Sales"])
    by, segment_id = managed.caller("Mona"), managed.segments["Sales"]

    async with managed.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await segments.remove(db, by=by, segment_id=segment_id, at=MONDAY)
    async with managed.edge.transaction() as db:
        await segments.remove(db, by=by, segment_id=segment_id, at=MONDAY, detach=True)

    assert refused.value.code is Code.SEGMENT_IN_USE
    assert [each["title"] for each in refused.value.details["courses"]] == ["Safety"]
    assert (await managed.verbs())[-2:] == ["segment.detached", "segment.deleted"]
    async with managed.edge.read() as db:
        assert await db.scalar(text("SELECT count(*) FROM course_segment")) == 0
    assert (await state_of(managed, "Sales")).deleted_at == MONDAY


async def test_the_name_of_a_deleted_segment_is_free_again(managed: World) -> None:
    async with managed.edge.transaction() as db:
        await segments.remove(
            db, by=managed.caller("Mona"), segment_id=managed.segments["Sales"], at=MONDAY
        )

    again = await managed.segment("sales", "everyone")

    assert again != 0


async def test_a_name_is_taken_in_any_case(managed: World) -> None:
    with pytest.raises(Refused) as refused:
        await managed.segment("SALES", "everyone")

    assert refused.value.code is Code.NAME_TAKEN


async def test_only_workspace_managers_make_segments(managed: World) -> None:
    with pytest.raises(Denied):
        async with managed.edge.transaction() as db:
            await segments.create(db, by=managed.caller("Lea"), name="Mine", rule="everyone")

    assert (await managed.verbs()).count("segment.created") == 1


async def test_people_are_named_and_unnamed_in_a_static_segment(managed: World) -> None:
    segment_id = await managed.segment("Named", people_named=["Lea"])
    by = managed.caller("Mona")
    lea, mona = managed.members["Lea"], managed.members["Mona"]

    for _ in range(2):
        async with managed.edge.transaction() as db:
            await segments.name_people(db, by=by, segment_id=segment_id, member_ids=[lea, mona])
    async with managed.edge.transaction() as db:
        await segments.unname_people(db, by=by, segment_id=segment_id, member_ids=[lea])

    async with managed.edge.read() as db:
        assert list(await db.scalars(text("SELECT member_id FROM segment_person"))) == [mona]
    assert (await managed.verbs())[-2:] == ["segment.people_named", "segment.people_unnamed"]


async def test_a_rule_segment_names_nobody(managed: World) -> None:
    async with managed.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await segments.name_people(
                db,
                by=managed.caller("Mona"),
                segment_id=managed.segments["Sales"],
                member_ids=[managed.members["Lea"]],
            )

    assert refused.value.code is Code.SEGMENT_STATE


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "two\nlines", "nul\x00", "over\u202eride"])
async def test_a_name_that_cannot_be_shown_is_refused(managed: World, name: str) -> None:
    with pytest.raises(Refused) as refused:
        await managed.segment(name, "everyone")

    assert refused.value.code is Code.BAD_USER_INPUT
