"""What is odd about a rule beside the people and the segments there are (S16)."""

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from operations import linting
from operations.linting import LintedSegment, SegmentLintKind
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.world import World, settle

K = SegmentLintKind


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.member("Sven", department="Sales", country="SE", level=3, skills=["Welding"])
    await world.member("Nils", department="Sales", country="NO", level=3)
    await world.member("Lena", department="Legal", country="SE", remote=True)
    await world.segment("Sellers", 'department eq "Sales"')
    await world.segment("Swedes in sales", 'country eq "SE" and department eq "sales"')
    return world


async def lint(world: World, rule: str | None = None, segment: str | None = None) -> LintedSegment:
    async with world.edge.read() as db:
        return await linting.lint(
            db,
            by=world.caller("Mona"),
            rule=rule,
            segment_id=world.segments[segment] if segment else None,
        )


def told(found: LintedSegment) -> list[tuple[SegmentLintKind, str]]:
    """Each finding about a part of the rule, with that part of the text."""
    return [
        (each.kind, found.text[each.start : each.end])
        for each in found.findings
        if each.segment_id is None
    ]


@pytest.mark.spec("S16")
async def test_values_that_nobody_has_are_named_where_they_stand(managed: World) -> None:
    found = await lint(
        managed,
        'department in ["Sales","Salse"] and level eq 3 and skills has "welding"'
        ' and skills hasNone ["Sewing"] and remote eq false and city eq "Oslo"',
    )

    assert told(found) == [
        (K.UNKNOWN_VALUE, '"Salse"'),
        (K.UNKNOWN_VALUE, '"Sewing"'),
        (K.UNKNOWN_VALUE, "false"),
        (K.NO_VALUES, '"Oslo"'),
    ]


@pytest.mark.spec("S16")
async def test_groups_are_looked_up_where_they_are_kept(managed: World) -> None:
    async with managed.edge.transaction() as db:
        await db.execute(
            text(
                "WITH c AS (INSERT INTO connection (workspace_id, name, kind)"
                " VALUES (:w, 'Entra', 'SCIM') RETURNING id)"
                " INSERT INTO directory_group (workspace_id, connection_id, display_name,"
                " folded_name) SELECT :w, id, 'Team Leads', 'team leads' FROM c"
            ),
            {"w": managed.workspace_id},
        )
        await db.execute(
            text(
                "INSERT INTO directory_group_member (group_id, member_id, workspace_id)"
                " SELECT id, :m, workspace_id FROM directory_group"
            ),
            {"m": managed.members["Sven"]},
        )

    found = await lint(managed, 'groups hasAny ["Team Leads","Nobodies"]')

    assert told(found) == [(K.UNKNOWN_VALUE, '"Nobodies"')]
    assert found.examined == 1


@pytest.mark.spec("S16")
async def test_nobody_deactivated_or_deleted_has_a_value(managed: World) -> None:
    async with managed.edge.transaction() as db:
        await db.execute(
            text("UPDATE member SET state = 'DEACTIVATED' WHERE id = :id"),
            {"id": managed.members["Nils"]},
        )

    assert told(await lint(managed, 'country eq "NO"')) == [(K.UNKNOWN_VALUE, '"NO"')]


@pytest.mark.spec("S16")
async def test_cost_is_what_the_most_selective_equality_leaves(managed: World) -> None:
    assert (await lint(managed, 'department eq "Sales" and country eq "NO"')).examined == 1
    assert (await lint(managed, 'country eq "NO" or country eq "SE"')).examined == 3
    tangled = await lint(managed, 'country eq "NO" or level gt 1')

    assert (tangled.examined, tangled.people) == (4, 4)
    assert K.NOT_FOUND_BY_EQUALITY in [kind for kind, _ in told(tangled)]


@pytest.mark.spec("S16")
async def test_a_rule_that_another_segment_has_is_told_whatever_its_order(managed: World) -> None:
    found = await lint(managed, 'department in ["SALES"] and country eq "se"')

    [same] = [each for each in found.findings if each.segment_id is not None]
    assert (same.kind, same.segment_id) == (
        K.SAME_RULE,
        managed.segments["Swedes in sales"],
    )


@pytest.mark.spec("S16")
async def test_segments_are_compared_by_the_people_they_have_now(
    managed: World, sync_database: Engine
) -> None:
    await managed.segment("Level three", "level eq 3")
    await managed.segment("Nobody", 'city eq "Oslo"')
    await managed.segment("Named", people_named=["Sven"])
    settle(sync_database)

    async def around(name: str) -> list[tuple[SegmentLintKind, str]]:
        found = await lint(managed, segment=name)
        names = {id: name for name, id in managed.segments.items()}
        return [(each.kind, names[each.segment_id]) for each in found.findings if each.segment_id]

    assert await around("Sellers") == [(K.SAME_PEOPLE, "Level three")]
    assert await around("Swedes in sales") == [
        (K.WITHIN, "Level three"),
        (K.SAME_PEOPLE, "Named"),
        (K.WITHIN, "Sellers"),
    ]
    assert await around("Nobody") == []


@pytest.mark.spec("S16")
async def test_it_takes_as_many_statements_however_much_there_is(
    managed: World, statements: list[str]
) -> None:
    rules = [
        'department eq "Sales"',
        " or ".join(f'(city eq "C{n}" and skills has "s{n}")' for n in range(40)),
    ]
    for number in range(5):
        await managed.segment(f"Further {number}", rules[1])
        await managed.member(f"Further {number}", city=f"C{number}")
    counts = []
    for rule in rules:
        statements.clear()
        await lint(managed, rule)
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 5


async def test_what_is_wrong_with_a_rule_is_refused_and_located(managed: World) -> None:
    with pytest.raises(Refused) as refused:
        await lint(managed, 'departmnt eq "Sales"')

    assert refused.value.code is Code.INVALID_RULE
    assert refused.value.details["problems"][0]["start"] == 0


async def test_only_who_may_edit_segments_is_told(managed: World) -> None:
    async with managed.edge.read() as db:
        with pytest.raises(Denied):
            await linting.lint(db, by=managed.caller("Sven"), rule="everyone")


async def test_a_segment_of_another_workspace_is_not_there(managed: World) -> None:
    async with managed.edge.read() as db:
        with pytest.raises(Refused) as refused:
            await linting.lint(db, by=managed.caller("Mona"), segment_id=10**6)

    assert refused.value.code is Code.NOT_FOUND


async def test_a_segment_of_people_has_no_rule_to_look_at(managed: World) -> None:
    await managed.segment("Named", people_named=["Sven"])

    with pytest.raises(Refused) as refused:
        await lint(managed, segment="Named")

    assert refused.value.code is Code.SEGMENT_STATE
