"""`coordinator who-can` lists everybody who may do something, and why."""

import json

import pytest

from access.permissions import Principal
from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
@furnished
async def world(world: World) -> World:
    for name in ("Ada", "Bo", "[bold]Cy", "Di"):
        await world.member(name)
    await world.course("Safety", instructors=["Ada"], coordinators_by_hand=["[bold]Cy"])
    await world.course("Safety", department="Sales")
    await world.grant("Bo", Principal.WORKSPACE_MANAGER)
    await world.grant("Di", Principal.COURSE_ENROLL, course="Safety")
    return world


def who_can(database_url: str, *arguments: str) -> Answer:
    return run("who-can", *arguments, given={"DATABASE_URL": database_url})


async def test_everybody_who_may_is_listed_with_role_place_and_condition(
    world: World, database_url: str
) -> None:
    of_sales = who_can(database_url, "assignLearner", "--course", str(world.courses["Safety"]))
    of_training = who_can(database_url, "assign-learner", "--course", "1")

    assert of_sales.code == of_training.code == 0, of_sales.err + of_training.err
    lines = of_sales.out.splitlines()
    assert lines[0] == "assign_learner on the course “Safety” (2): 1 person."
    assert [line.split()[:3] for line in lines[2:]] == [
        ["Bo", "yes", "workspace_manager"],
        ["Di", "no", "course_enroll"],
    ]
    assert "only inside groups one has created" in lines[3]
    lines = of_training.out.splitlines()
    assert lines[0] == "assign_learner on the course “Safety” (1): 3 people."
    assert [line.split()[:3] for line in lines[2:]] == [
        ["[bold]Cy", "yes", "coordinator_direct"],
        ["Ada", "yes", "instructor"],
        ["Bo", "yes", "workspace_manager"],
    ]
    assert "workspace “Acme”" in lines[4]


async def test_programs_get_the_same_as_json(world: World, database_url: str) -> None:
    answer = who_can(database_url, "VIEW_BILLING", "--json")
    anyone = who_can(database_url, "verify_certificate_by_code", "--json")

    found = json.loads(answer.out)
    assert (found["operation"], found["scope"], found["name"]) == (
        "view_billing",
        "workspace",
        "Acme",
    )
    [bo] = found["people"]
    assert (bo["memberId"], bo["isAllowed"], bo["how"]) == (world.members["Bo"], True, "GRANT")
    assert json.loads(anyone.out)["anyone"] is True
    assert len(json.loads(anyone.out)["people"]) == 4


async def test_wrong_words_are_answered_with_what_there_is(world: World, database_url: str) -> None:
    answers = [
        who_can(database_url, *arguments)
        for arguments in (
            ("asign_learner",),
            ("assign_learner",),
            ("assign_learner", "--department", "Sales"),
            ("assign_learner", "--course", "Safety"),
            ("assign_learner", "--course", "Welding"),
            ("view_course_info", "--course", "1", "--module", "1"),
        )
    ]

    assert {each.code for each in answers} == {2}
    for answer, words in zip(
        answers,
        (
            "Did you mean assign_learner",
            "is asked of a course; say which with --course",
            "is asked of a course; say which with --course",
            "2 of these are called 'Safety'; say which number: 1, 2.",
            "There is no course 'Welding'; give its name as it is, or its number.",
            "Say one of --course, --department and --module.",
        ),
        strict=True,
    ):
        assert words in " ".join(answer.err.replace("│", " ").split()), answer.err
