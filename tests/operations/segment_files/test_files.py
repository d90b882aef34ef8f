"""Segments as a file: exported, planned, applied (S17)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from access.permissions import Principal
from operations import courses, segments
from operations.refusals import Code, Denied, Refused
from operations.segment_files import applying
from operations.segment_files.planning import Action, FilePlan
from tests.furnishing import furnished
from tests.world import MONDAY, World

EXPORTED = """\
# Segments of Acme, and the courses they are attached to.
format = 1

[[segment]]
name = "Friends"
state = "ACTIVE"
people = [
    "lea@acme.example",
    "sven@acme.example",
]
courses = []

[[segment]]
name = "Idea"
state = "DRAFT"
rule = 'level gt 3 or title co "chief"'
courses = []

[[segment]]
name = "Sellers"
description = "Whoever sells.\\nEverywhere."
state = "PAUSED"
usableByDepartments = true
rule = 'department eq "Sales"'
courses = [
    {title = "Safety", id = 1, mode = "SYNC"},
    {title = "Selling", id = 2, mode = "SYNC"},
]
"""


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    for name in ("Mona", "Lea", "Sven"):
        await world.member(name, department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sellers", 'department eq "Sales"', is_usable_by_departments=True)
    await world.segment("Idea", 'level gt 3 or title co "chief"', is_draft=True)
    await world.segment("Friends", people_named=["Lea", "Sven"])
    await world.course("Safety", segments_attached=["Sellers"])
    await world.course("Selling", segments_attached=["Sellers"])
    async with world.edge.transaction() as db:
        seller = world.segments["Sellers"]
        await segments.edit(
            db, by=world.system, segment_id=seller, description="Whoever sells.\nEverywhere."
        )
        await segments.pause(db, by=world.system, segment_id=seller)
    return world


async def export(world: World) -> str:
    async with world.edge.read() as db:
        return await applying.export(db, by=world.caller("Mona"))


async def plan(world: World, document: str, *, prune: bool = False) -> FilePlan:
    async with world.edge.read() as db:
        return await applying.plan(db, by=world.caller("Mona"), document=document, prune=prune)


async def apply(
    world: World, document: str, based_on: str = "", *, prune: bool = False
) -> FilePlan:
    """The plan of this name, or the present one."""
    based_on = based_on or (await plan(world, document, prune=prune)).based_on
    async with world.edge.transaction() as db:
        return await applying.apply(
            db,
            by=world.caller("Mona"),
            document=document,
            based_on=based_on,
            at=MONDAY,
            prune=prune,
        )


def told(found: FilePlan) -> list[tuple[str, ...]]:
    return [
        tuple(each for each in (step.action.value, step.segment, step.course) if each)
        for step in found.steps
    ]


def problems(found: FilePlan) -> list[tuple[int | None, str]]:
    return [(each.line, each.message) for each in found.problems]


@pytest.mark.spec("S17")
async def test_a_workspace_is_one_readable_file(managed: World) -> None:
    assert await export(managed) == EXPORTED


@pytest.mark.spec("S17")
async def test_what_was_exported_plans_nothing_and_applies_nothing(managed: World) -> None:
    before = await managed.verbs()

    assert told(await plan(managed, EXPORTED, prune=True)) == []
    await apply(managed, EXPORTED, prune=True)

    assert await managed.verbs() == before


@pytest.mark.spec("S17")
async def test_a_plan_says_everything_that_differs_and_applying_does_it_once(
    managed: World,
) -> None:
    document = (
        EXPORTED.replace('    {title = "Selling", id = 2, mode = "SYNC"},\n', "")
        .replace(
            "rule = 'department eq \"Sales\"'", "rule = 'department eq \"Sales\" and level gt 1'"
        )
        .replace('"PAUSED"', '"ACTIVE"')
        .replace('    "lea@acme.example",\n', '    "MONA@acme.example",\n')
        .replace('courses = []\n\n[[segment]]\nname = "Idea"', 'courses = ["safety"]\n')
        .split('state = "DRAFT"')[0]
        .rstrip()
        + "\n\n[[segment]]\nname = \"sellers\"\nstate = 'ACTIVE'\n"
        "rule = 'level gt 1 and department eq \"Sales\"'\n"
        'courses = [{title = "Safety"}]\n\n[[segment]]\nname = "New"\nrule = "everyone"\n'
    )

    found = await plan(managed, document, prune=True)

    assert problems(found) == []
    assert told(found) == [
        ("DETACH", "Sellers", "Selling"),
        ("DELETE", "Idea"),
        ("CREATE", "New"),
        ("CHANGE", "Sellers"),
        ("UNNAME_PEOPLE", "Friends"),
        ("NAME_PEOPLE", "Friends"),
        ("ATTACH", "Friends", "Safety"),
    ]
    [change] = [each for each in found.steps if each.action is Action.CHANGE]
    assert change.sentences == ("Added: level gt 1.",)
    assert change.before == {
        "name": "Sellers",
        "state": "PAUSED",
        "rule": 'department eq "Sales"',
    }
    await apply(managed, document, found.based_on, prune=True)
    assert told(await plan(managed, document, prune=True)) == []
    assert "segment_file.applied" in await managed.verbs()


@pytest.mark.spec("S17")
async def test_without_prune_nothing_is_deleted(managed: World) -> None:
    found = await plan(managed, "format = 1\n")

    assert told(found) == []
    assert [each[:2] for each in told(await plan(managed, "format = 1\n", prune=True))] == [
        ("DETACH", "Sellers"),
        ("DETACH", "Sellers"),
        ("DELETE", "Friends"),
        ("DELETE", "Idea"),
        ("DELETE", "Sellers"),
    ]


@pytest.mark.spec("S17")
async def test_a_plan_that_is_out_of_date_is_refused_and_nothing_is_done(managed: World) -> None:
    document = EXPORTED.replace("level gt 3", "level gt 4")
    found = await plan(managed, document)
    async with managed.edge.transaction() as db:
        await segments.edit(
            db, by=managed.system, segment_id=managed.segments["Idea"], rule="level gt 7"
        )
    before = await managed.verbs()

    with pytest.raises(Refused) as refused:
        await apply(managed, document, found.based_on)

    assert refused.value.code is Code.PLAN_OUTDATED
    assert await managed.verbs() == before
    fresh = await plan(managed, document)
    assert refused.value.details["basedOn"] == fresh.based_on != found.based_on
    with pytest.raises(Refused):
        await apply(managed, EXPORTED.replace("level gt 3", "level gt 5"), fresh.based_on)


@pytest.mark.spec("S17")
async def test_what_has_nothing_to_do_with_a_plan_does_not_make_it_old(managed: World) -> None:
    document = EXPORTED.replace("level gt 3", "level gt 4")
    found = await plan(managed, document)
    await managed.member("Newcomer")
    await managed.course("Cooking")

    await apply(managed, document, found.based_on)

    assert told(await plan(managed, document)) == []


@pytest.mark.spec("S17")
async def test_every_problem_is_told_at_once_with_its_line(managed: World) -> None:
    document = """format = 1
[[segment]]
name = "Sellers"  # [[segment]]
rule = 'departmnt eq "Sales" and level eq "x"'
colour = "red"
courses = [
    {title = "Safety"},
    {title = "Sailing", id = 2}, "Safety",
]

[[segment]]
name = "friends"
description = '''
[[segment]]
name = "no"
'''
state = "SLEEPING"
people = [
  "lea@acme.example",
  "nobody@acme.example",
]
[[segment]]
name = "FRIENDS"
rule = "everyone"
[[segment]]
name = "Idea"
state = "BROKEN"
people = []
"""
    first = await plan(managed, document)
    assert problems(first) == [
        (
            5,
            (
                "A segment has no “colour”; it has name, description, state, usableByDepartments, "
                "rule, people, courses."
            ),
        ),
        (17, "There is no state “SLEEPING”; there are DRAFT, ACTIVE, PAUSED, BROKEN."),
        (23, "The file names this segment twice, in line 11 for the first time."),
    ]

    mended = document.replace('colour = "red"\n', "\n").replace("SLEEPING", "ACTIVE")
    mended = mended.replace('[[segment]]\nname = "FRIENDS"\nrule = "everyone"\n', "")
    second = await plan(managed, mended)

    assert [line for line, _ in problems(second)] == [4, 4, 8, 8, 20, 24, 25]
    said = [message for _, message in problems(second)]
    assert "departmnt" in said[0]
    assert '“"x"”' in said[1]
    assert said[2] == "There is no course “Sailing”; 2 is called “Selling”."
    assert said[3] == "“Safety” is named twice."
    assert said[4] == "There is nobody with the user name “nobody@acme.example”."
    with pytest.raises(Refused) as refused:
        await apply(managed, mended, "0")
    assert refused.value.code is Code.INVALID_FILE
    assert len(refused.value.details["problems"]) == 7


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("format = 1\n[[segment]\n", 2),
        ("format = 2\n", None),
        ("", None),
        ("format = 1\nsegment = 3\n", None),
        ("format = 1\n[[segment]]\nname = 3\n", 3),
        ("format = 1\n[[segment]]\n", 2),
        ("format = 1\n[[segment]]\nname = ' '\nrule = 'everyone'\n", 3),
        ("format = 1\n[[segment]]\nname = 'A'\n", 3),
        ("format = 1\n[[segment]]\nname = 'A'\nrule = 'everyone'\npeople = []\n", 5),
        ("format = 1\n[[segment]]\nname = 'A'\npeople = [3]\n", 4),
        ("format = 1\n[[segment]]\nname = 'A'\npeople = []\ncourses = [{id = 1}]\n", 5),
        (
            "format = 1\n[[segment]]\nname = 'A'\npeople = []\ncourses = [{title='x', id=1.5}]\n",
            5,
        ),
        (
            "format = 1\n[[segment]]\nname = 'A'\npeople = []\ncourses = [\n{title='x', mode=1}]\n",
            6,
        ),
        ("format = 1\nx = " + "[" * 5_000 + "]" * 5_000, None),
        ("format = 1\nx = " + "9" * 5_000, None),
        ("x" * 2_000_001, None),
        ("format = 1\nsegment = [{name = 'A', colour = 1, people = []}]\n", None),
    ],
)
async def test_what_is_no_such_file_is_told(
    managed: World, document: str, line: int | None
) -> None:
    found = await plan(managed, document)

    assert found.problems
    assert found.problems[0].line == line
    assert found.steps == ()


@pytest.mark.spec("S17", "M29")
async def test_one_segment_too_many_on_a_course_is_a_problem_of_the_file(managed: World) -> None:
    async with managed.edge.transaction() as db:
        await courses.set_segment_limit(
            db, by=managed.system, course_id=managed.courses["Safety"], limit=1
        )
    document = EXPORTED.replace("courses = []", 'courses = [\n  "Safety",\n]', 1)

    [(line, message)] = problems(await plan(managed, document))

    assert line == 12
    assert message == "“Safety” would carry 2 segments and may carry 1."


async def test_courses_of_one_title_are_told_apart_by_their_ids(managed: World) -> None:
    other = await managed.course("safety")
    document = "format = 1\n[[segment]]\nname = 'Idea'\ncourses = [{title = 'SAFETY'ID}]\n"

    [(line, message)] = problems(await plan(managed, document.replace("ID", "")))
    [step] = (await plan(managed, document.replace("ID", f", id = {other}"))).steps

    assert (line, "say which id: 1, 3" in message) == (4, True)
    assert step.course_id == other


async def test_a_segment_that_is_broken_is_mended_by_a_rule_or_left_as_it_is(
    managed: World,
) -> None:
    async with managed.edge.transaction() as db:
        await db.execute(
            text(
                "UPDATE segment SET state = 'BROKEN', broken_reason = 'x', "
                'rule = \'{"attr": "shoes", "op": "gt", "value": 4}\' WHERE id = :id'
            ),
            {"id": managed.segments["Idea"]},
        )
    broken = await export(managed)

    assert "state = \"BROKEN\"\nrule = 'shoes gt 4'" in broken
    assert told(await plan(managed, broken, prune=True)) == []
    assert problems(await plan(managed, broken.replace('"BROKEN"', '"ACTIVE"')))
    mended = broken.replace('"BROKEN"', '"ACTIVE"').replace("shoes gt 4", "level gt 4")
    await apply(managed, mended)
    assert await export(managed) == mended


async def test_only_who_may_edit_segments_exports_plans_and_applies(managed: World) -> None:
    by: Any = managed.caller("Lea")

    async with managed.edge.transaction() as db:
        for asked in (
            applying.export(db, by=by),
            applying.plan(db, by=by, document=EXPORTED),
            applying.apply(db, by=by, document=EXPORTED, based_on="", at=MONDAY),
        ):
            with pytest.raises(Denied):
                await asked


@pytest.mark.spec("S17")
async def test_of_two_who_apply_one_plan_at_once_one_does_it(managed: World) -> None:
    document = EXPORTED.replace("level gt 3", "level gt 4") + (
        "\n[[segment]]\nname = 'New'\nrule = 'everyone'\ncourses = ['Safety']\n"
    )
    found = await plan(managed, document)

    both = await asyncio.gather(
        *(apply(managed, document, found.based_on) for _ in range(2)), return_exceptions=True
    )

    [refused] = [each for each in both if isinstance(each, BaseException)]
    assert isinstance(refused, Refused)
    assert refused.code is Code.PLAN_OUTDATED
    assert (await managed.verbs()).count("segment_file.applied") == 1
    assert told(await plan(managed, document, prune=True)) == []


@pytest.mark.spec("S17")
async def test_what_is_refused_on_the_way_undoes_everything_before_it(
    managed: World,
) -> None:
    document = EXPORTED.replace("level gt 3", "level gt 4").replace(
        "courses = []", "courses = ['Safety']"
    )
    async with managed.edge.transaction() as db:
        await db.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN RAISE EXCEPTION 'no more' USING ERRCODE = '23514'; END$$"
            )
        )
        await db.execute(
            text(
                "CREATE TRIGGER refuse AFTER INSERT ON course_segment FOR EACH ROW"
                " WHEN (NEW.place > 1) EXECUTE FUNCTION refuse()"
            )
        )
    before = await export(managed)

    with pytest.raises(IntegrityError):
        await apply(managed, document)

    assert await export(managed) == before
    assert "segment_file.applied" not in await managed.verbs()


@pytest.mark.spec("S8", "S17")
async def test_how_a_course_follows_a_segment_is_said_planned_and_applied(managed: World) -> None:
    document = EXPORTED.replace('id = 1, mode = "SYNC"', 'id = 1, mode = "FROZEN"').replace(
        "courses = []", 'courses = [{title = "Selling", mode = "ADD_ONLY"}]', 1
    )
    found = await plan(managed, document)

    assert told(found) == [("ATTACH", "Friends", "Selling"), ("CHANGE_MODE", "Sellers", "Safety")]
    assert [(each.before, each.after) for each in found.steps] == [
        ({}, {"mode": "ADD_ONLY"}),
        ({"mode": "SYNC"}, {"mode": "FROZEN"}),
    ]
    await apply(managed, document, found.based_on)
    assert 'courses = [\n    {title = "Selling", id = 2, mode = "ADD_ONLY"},\n]' in await export(
        managed
    )
    assert told(await plan(managed, document)) == []
    unsaid = document.replace(', mode = "FROZEN"', "").replace(', mode = "ADD_ONLY"', "")
    assert told(await plan(managed, unsaid)) == [], "what is not spoken of stays"
