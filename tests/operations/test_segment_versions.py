"""Versions of rules: what made them, what differs, and taking one back (S6)."""

import random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from models.segments import SegmentState
from operations import attributes, people, segment_versions, segments
from operations.refusals import Code, Denied, Refused
from sync_engine.rules import Attribute, AttributeType, Owner
from tests.furnishing import furnished
from tests.operations.test_segments import state_of
from tests.world import World, settle

SHOE_SIZE = Attribute("shoeSize", AttributeType.NUMBER, Owner.ADMINISTRATOR)
SALES, SWEDES = 'department eq "Sales"', 'department eq "Sales" and country eq "SE"'


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.member("Sven", department="Sales", country="SE")
    await world.member("Nils", department="Sales", country="NO")
    await world.member("Lena", department="Legal", country="SE")
    await world.segment("Sellers", SALES)
    await world.course("Safety", segments_attached=["Sellers"])
    return world


async def edit(world: World, rule: str, name: str = "Sellers") -> None:
    async with world.edge.transaction() as db:
        await segments.edit(db, by=world.caller("Mona"), segment_id=world.segments[name], rule=rule)


async def roll_back(world: World, to: int, name: str = "Sellers") -> None:
    async with world.edge.transaction() as db:
        await segment_versions.roll_back(
            db, by=world.caller("Mona"), segment_id=world.segments[name], to_version=to
        )


async def versions(world: World, name: str = "Sellers") -> list[tuple[Any, ...]]:
    async with world.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT version, origin, restores, created_by_name FROM segment_version"
                " WHERE segment_id = :id ORDER BY version"
            ),
            {"id": world.segments[name]},
        )
        return [tuple(row) for row in rows]


async def intervals(world: World) -> dict[str, list[tuple[Any, Any]]]:
    """By person: when each membership began, and whether it has ended."""
    names = {id: name for name, id in world.members.items()}
    found: dict[str, list[tuple[Any, Any]]] = {}
    async with world.edge.read() as db:
        rows = await db.execute(
            text("SELECT member_id, since, until FROM membership ORDER BY member_id, since")
        )
        for member_id, since, until in rows:
            found.setdefault(names[member_id], []).append((since, until))
    return found


@pytest.mark.spec("S6")
async def test_every_version_says_what_made_it_and_who(managed: World) -> None:
    await edit(managed, SWEDES)
    await roll_back(managed, 1)

    assert await versions(managed) == [
        (1, "CREATED", None, managed.system.name),
        (2, "EDITED", None, "Mona"),
        (3, "ROLLED_BACK", 1, "Mona"),
    ]
    segment = await state_of(managed, "Sellers")
    assert (segment.version, segment.rule) == (
        3,
        {"attr": "department", "op": "eq", "value": "Sales"},
    )
    assert (await managed.verbs())[-2:] == ["segment.edited", "segment.restored"]


@pytest.mark.spec("S6")
async def test_drafts_have_versions_too_and_stay_drafts(managed: World) -> None:
    await managed.segment("Idea", SALES, is_draft=True)
    await edit(managed, SWEDES, "Idea")
    await roll_back(managed, 1, "Idea")

    assert [each[:3] for each in await versions(managed, "Idea")] == [
        (1, "CREATED", None),
        (2, "EDITED", None),
        (3, "ROLLED_BACK", 1),
    ]
    assert (await state_of(managed, "Idea")).state is SegmentState.DRAFT


@pytest.mark.spec("S6")
async def test_taking_a_rule_back_gives_and_takes_the_difference_and_nobody_loses_in_between(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    before = await intervals(managed)
    await edit(managed, SWEDES)
    settle(sync_database)
    assert await managed.coordinators_of("Safety") == {"Sven"}

    await roll_back(managed, 1)
    settle(sync_database)

    after = await intervals(managed)
    assert await managed.coordinators_of("Safety") == {"Sven", "Nils"}
    assert after["Sven"] == before["Sven"]
    assert [until is None for _, until in after["Nils"]] == [False, True]
    assert "Lena" not in after


@pytest.mark.spec("S6")
async def test_an_edit_that_is_taken_back_before_the_engine_came_changes_no_interval(
    managed: World, sync_database: Engine
) -> None:
    settle(sync_database)
    before = await intervals(managed)

    await edit(managed, SWEDES)
    await roll_back(managed, 1)
    settle(sync_database)

    assert await intervals(managed) == before


@pytest.mark.spec("S6")
async def test_whoever_is_in_two_rules_that_follow_each_other_keeps_one_interval(
    managed: World, sync_database: Engine
) -> None:
    """Any history of edits and roll-backs, the engine coming now and then."""
    rules = [SALES, SWEDES, 'country eq "SE"', 'department ne "Sales"', "not (everyone)"]
    chosen, history = random.Random(6), [rules[0]]
    is_in = {
        "Sven": {SALES, SWEDES, rules[2]},
        "Nils": {SALES},
        "Lena": {rules[2], rules[3]},
    }
    settle(sync_database)
    seen = [history[0]]
    for _ in range(14):
        if chosen.random() < 0.5:
            rule = chosen.choice(rules)
            await edit(managed, rule)
        else:
            to = chosen.randint(1, len(history))
            rule = history[to - 1]
            await roll_back(managed, to)
        if rule != history[-1]:
            history.append(rule)
        if chosen.random() < 0.7:
            settle(sync_database)
            seen.append(rule)
    settle(sync_database)
    seen.append(history[-1])

    found = await intervals(managed)
    assert [each[0] for each in await versions(managed)] == list(range(1, len(history) + 1))
    for name, its in is_in.items():
        truths = [rule in its for rule in seen]
        entered = sum(
            now and not before for before, now in zip([False, *truths], truths, strict=False)
        )
        assert len(found.get(name, [])) == entered, name


@pytest.mark.spec("S6")
async def test_a_rule_whose_attribute_has_gone_is_not_taken_back_and_the_clause_is_named(
    managed: World,
) -> None:
    async with managed.edge.transaction() as db:
        await attributes.edit(db, by=managed.system, define=[SHOE_SIZE])
    await edit(managed, f"{SALES} and shoeSize gt 40")
    await edit(managed, SALES)
    async with managed.edge.transaction() as db:
        await attributes.edit(db, by=managed.system, remove=["shoeSize"])

    with pytest.raises(Refused) as refused:
        await roll_back(managed, 2)

    [problem] = refused.value.details["problems"]
    assert refused.value.code is Code.INVALID_RULE
    assert (problem["code"], problem["path"]) == ("UNKNOWN_ATTRIBUTE", "/all/1/attr")
    assert (await state_of(managed, "Sellers")).version == 3
    async with managed.edge.read() as db:
        compared = await segment_versions.compare(
            db, by=managed.caller("Mona"), segment_id=managed.segments["Sellers"], before=2
        )
    assert compared.sentences == ["Removed: shoeSize gt 40."]


async def test_only_who_may_edit_segments_takes_back_and_compares(managed: World) -> None:
    await edit(managed, SWEDES)
    by, segment_id = managed.caller("Sven"), managed.segments["Sellers"]

    async with managed.edge.transaction() as db:
        with pytest.raises(Denied):
            await segment_versions.roll_back(db, by=by, segment_id=segment_id, to_version=1)
        with pytest.raises(Denied):
            await segment_versions.compare(db, by=by, segment_id=segment_id, before=1)


@pytest.mark.parametrize("version", [0, -1, 3, 2**31 - 1])
async def test_a_version_there_is_not_is_not_found(managed: World, version: int) -> None:
    await edit(managed, SWEDES)

    with pytest.raises(Refused) as refused:
        await roll_back(managed, version)

    assert refused.value.code is Code.NOT_FOUND
    assert "1 to 2" in refused.value.message


async def test_taking_back_the_rule_that_holds_makes_no_version(managed: World) -> None:
    await roll_back(managed, 1)

    assert len(await versions(managed)) == 1
    assert "segment.restored" not in await managed.verbs()


async def test_taking_back_mends_a_broken_segment(managed: World) -> None:
    await edit(managed, SWEDES)
    async with managed.edge.transaction() as db:
        await db.execute(
            text("UPDATE segment SET state = 'BROKEN', broken_reason = 'gone' WHERE id = :id"),
            {"id": managed.segments["Sellers"]},
        )

    await roll_back(managed, 1)

    assert (await state_of(managed, "Sellers")).state is SegmentState.ACTIVE
    async with managed.edge.read() as db:
        assert await people.catalog_of(db, managed.workspace_id)
