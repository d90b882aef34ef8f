"""Files of segments that build on each other name them, in whatever order they stand."""

from typing import Any

import pytest

from access.permissions import Principal
from operations.refusals import Refused
from operations.segment_files import applying as segment_files
from tests.furnishing import furnished
from tests.world import MONDAY, World

FILE = """format = 1
[[segment]]
name = "Outermost"
rule = 'memberOf has "north" and country eq "NO"'
[[segment]]
name = "North"
rule = 'memberOf has "Crew" and country in ["NO","SE"]'
[[segment]]
name = "Crew"
rule = 'department eq "Sales"'
"""


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    return world


async def plan(world: World, document: str, *, prune: bool = False) -> Any:
    async with world.edge.read() as db:
        return await segment_files.plan(db, by=world.caller("Mona"), document=document, prune=prune)


async def apply(world: World, document: str, *, prune: bool = False) -> list[tuple[str, str]]:
    planned = await plan(world, document, prune=prune)
    assert not planned.problems
    async with world.edge.transaction() as db:
        await segment_files.apply(
            db,
            by=world.caller("Mona"),
            document=document,
            based_on=planned.based_on,
            at=MONDAY,
            prune=prune,
        )
    return [(step.action, step.segment) for step in planned.steps]


async def export(world: World) -> str:
    async with world.edge.read() as db:
        return await segment_files.export(db, by=world.caller("Mona"))


@pytest.mark.spec("S17")
async def test_inner_segments_are_made_first_and_the_file_comes_out_as_it_went_in(
    managed: World,
) -> None:
    taken = await apply(managed, FILE)
    file = await export(managed)

    assert taken == [("CREATE", "Crew"), ("CREATE", "North"), ("CREATE", "Outermost")]
    assert """rule = 'memberOf has "North" and country eq "NO"'""" in file
    assert (await plan(managed, file)).steps == ()


async def test_outer_segments_go_first_and_one_that_builds_on_what_goes_is_changed_before(
    managed: World,
) -> None:
    await apply(managed, FILE)
    only = FILE.replace('memberOf has "north" and', 'department eq "Sales" and').partition(
        '[[segment]]\nname = "North"'
    )[0]

    assert await apply(managed, only, prune=True) == [
        ("CHANGE", "Outermost"),
        ("DELETE", "North"),
        ("DELETE", "Crew"),
    ]


async def test_circles_chains_and_what_would_be_gone_are_problems_of_the_file(
    managed: World,
) -> None:
    await apply(managed, FILE)
    circle = FILE.replace('department eq "Sales"', 'memberOf has "Outermost"')
    without = FILE.partition('[[segment]]\nname = "Crew"')[0]
    silent = '[[segment]]\nname = "North"\n'
    unknown = FILE.replace('"north"', '"norht"')
    chain = FILE + "".join(
        f'[[segment]]\nname = "S{n}"\nrule = \'memberOf has "{inner}"\'\n'
        for n, inner in enumerate(["Outermost", "S0", "S1", "S2"])
    )

    async def problems(document: str, *, prune: bool = False) -> list[str]:
        return [each.message for each in (await plan(managed, document, prune=prune)).problems]

    [told] = await problems(circle)
    assert told.startswith("Segments would build on each other in a circle: “")
    assert await problems(without, prune=True) == ["It builds on “Crew”, which would be deleted."]
    assert await problems("format = 1\n" + silent, prune=True) == [
        "It builds on “Crew”, which would be deleted."
    ]
    assert [each[:40] for each in await problems(unknown)] == [
        "Its rule: Clause 1: there is no segment "
    ]
    assert await problems(chain) == ["It would build on others in 6 steps; 5 are allowed."]
    with pytest.raises(Refused):
        await apply_unseen(managed, circle)


async def apply_unseen(world: World, document: str) -> None:
    async with world.edge.transaction() as db:
        await segment_files.apply(
            db, by=world.caller("Mona"), document=document, based_on="", at=MONDAY
        )
