"""Pictures of insights, and mail with them, asked of the schema."""

from dataclasses import replace
from typing import Any, Final

import pytest

from access.permissions import Permission
from tests.content import EVERY_KIND
from tests.furnishing import furnished
from tests.mailing import Outbox
from tests.resolvers.asking import Ask
from tests.taking import teach
from tests.world import World

OF_COURSE: Final = """
query ($course: ID!, $kinds: [PictureKind!], $department: String) {
  viewCourseInsights(courseId: $course, department: $department) {
    pictures(kinds: $kinds) { kind title description svg } } }
"""
OF_QUIZ: Final = """
query ($course: ID!, $quiz: ID!) {
  viewQuizInsights(courseId: $course, moduleId: $quiz) {
    pictures { kind title description svg } } }
"""
MAIL: Final = """
mutation ($course: ID!, $key: String) {
  mailCourseInsights(courseId: $course, idempotencyKey: $key) {
    course { title } refusal { code message } } }
"""

pytestmark = pytest.mark.spec("X2")


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora coordinates Safety, which has a quiz; Lea and Luc learn in it."""
    for name in ("Cora", "Lea", "Luc", "Nobody"):
        await world.member(name, department="Sales", emails=[f"{name.lower()}@acme.example"])
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await teach(world, "Safety", Quiz=EVERY_KIND)
    await world.enrol("Safety", "Lea", "Luc")
    return world


async def pictures(ask: Ask, by: Any = "Cora", **said: Any) -> dict[str, dict[str, str]]:
    found = await ask.one(OF_COURSE, by=by, course=ask.id("Course", "Safety"), **said)
    return {each["kind"]: each for each in found["pictures"]}


async def test_figures_of_a_course_are_shown_as_pictures(company: World, ask: Ask) -> None:
    found = await pictures(ask)

    assert list(found) == ["STATES", "TREND", "DEPARTMENTS", "OVERDUE"]
    assert found["STATES"]["title"] == "Learners by state: Safety"
    assert found["DEPARTMENTS"]["description"] == "Sales: 0 of 2 completed (0 %)."
    for each in found.values():
        assert each["svg"].startswith("<svg ")
        assert f">{each['description']}</desc>" in each["svg"]


async def test_figures_of_a_quiz_are_shown_as_pictures(company: World, ask: Ask) -> None:
    found = await ask.one(
        OF_QUIZ, by="Cora", course=ask.id("Course", "Safety"), quiz=ask.id("Module", "Quiz")
    )

    assert [each["kind"] for each in found["pictures"]] == ["SCORES", "QUESTIONS", "RELIABILITY"]
    assert found["pictures"][0]["description"] == "Nothing has been graded yet."


async def test_only_what_is_wanted_is_drawn(company: World, ask: Ask) -> None:
    assert list(await pictures(ask, kinds=["OVERDUE", "STATES"])) == ["STATES", "OVERDUE"]
    assert await pictures(ask, kinds=["SCORES"]) == {}
    of_nobody = await pictures(ask, kinds=["STATES"], department="Legal")
    assert of_nobody["STATES"]["description"] == "Nobody learns here."


async def test_a_token_that_shows_no_people_is_shown_no_few(company: World, ask: Ask) -> None:
    limited = frozenset({Permission.VIEW_COURSE_INSIGHTS, Permission.VIEW_COURSE_INFO})

    found = await pictures(ask, by=replace(company.caller("Cora"), limited_to=limited))

    for each in found.values():
        assert each["description"] == "The figures are hidden: too few people to show."


async def test_pictures_are_dear_so_that_nobody_asks_for_a_thousand(
    company: World, ask: Ask
) -> None:
    many = " ".join(f"p{number}: pictures {{ svg }}" for number in range(100))
    document = f"query ($course: ID!) {{ viewCourseInsights(courseId: $course) {{ {many} }} }}"

    answer = await ask.whole(document, by="Cora", course=ask.id("Course", "Safety"))

    assert [each["extensions"]["code"] for each in answer["errors"]] == ["QUERY_TOO_COMPLEX"]


@pytest.mark.spec("G7", "G8", "C2")
async def test_one_has_figures_mailed_to_oneself(company: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")

    for _ in range(2):
        done = await ask.one(MAIL, by="Cora", course=course, key="once")
        assert done == {"course": {"title": "Safety"}, "refusal": None}

    assert [each.recipients for each in await Outbox(company).mails()] == [["cora@acme.example"]]
    assert await ask.code(MAIL, by="Lea", course=course) == "PERMISSION_DENIED"
    hidden = await ask.one(MAIL, by="Nobody", course=course)
    assert hidden["refusal"]["code"] == "NOT_FOUND"
