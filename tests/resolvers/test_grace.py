"""Roles that are ending, over the API: listed with their end, explained and told (M33, M40)."""

import pytest

from tests.resolvers.asking import Ask
from tests.resolvers.following import COORDINATORS, MINE, Follow
from tests.resolvers.school import assign, of_courses, said, settled
from tests.world import World

pytestmark = pytest.mark.spec("M40", "M33")

GRANT = """mutation ($days: Int) { editWorkspaceSettings(graceDays: $days) {
  workspace { graceDays } refusal { code message } } }"""
LISTED = """query ($course: ID!) { course(id: $course) {
  coordinators { nodes { member { displayName } endsAt sources { kind segment { name } } } } } }"""
MANAGED = "{ coursesIManage { nodes { title myRoleEndsAt } } }"
WHY = """query ($course: ID!) { explainMembership(courseId: $course) {
  standing isCoordinator summary override { kind reason expiresAt } overrideCause { verb } } }"""


async def granted(ask: Ask, days: int, by: str = "Mo") -> dict[str, object]:
    found: dict[str, object] = await ask.one(GRANT, by=by, days=days)
    return found


async def test_managers_say_how_long_and_nobody_says_more_than_a_month(
    school: World, ask: Ask
) -> None:
    set_to = await granted(ask, 30)
    refused = await granted(ask, 31)

    assert set_to == {"workspace": {"graceDays": 30}, "refusal": None}
    assert refused["refusal"] == {
        "code": "BAD_USER_INPUT",
        "message": "graceDays is 0 to 30; 31 is outside.",
    }
    assert await ask.code(GRANT, by="Ada", days=1) == "PERMISSION_DENIED"


async def test_who_is_ending_is_listed_with_the_end_and_explained(school: World, ask: Ask) -> None:
    await granted(ask, 5)
    course = ask.id("Course", "Safety")
    assert await ask.one(MANAGED, by="Bo") == {"nodes": [{"title": "Safety", "myRoleEndsAt": None}]}

    await school.change("Bo", department="Ops")
    await settled(ask)

    listed = await ask.one(LISTED, by="Mo", course=course)
    by_name = {each["member"]["displayName"]: each for each in listed["coordinators"]["nodes"]}
    why = await ask.one(WHY, by="Bo", course=course)
    [managed] = (await ask.one(MANAGED, by="Bo"))["nodes"]
    assert by_name["Ada"]["endsAt"] is None
    assert by_name["Bo"]["sources"] == [{"kind": "ENDING", "segment": None}]
    assert by_name["Bo"]["endsAt"] == managed["myRoleEndsAt"] == why["override"]["expiresAt"]
    assert (why["standing"], why["isCoordinator"]) == ("ENDING", True)
    assert why["override"]["reason"] == "No longer in “Sales”."
    assert why["overrideCause"] == {"verb": "coordinator.ending"}
    assert why["summary"].endswith("though nothing gives the role any more: No longer in “Sales”.")


async def test_streams_tell_of_grace_and_its_end(school: World, ask: Ask, follow: Follow) -> None:
    await granted(ask, 5)
    async with (
        follow(MINE, by="Bo") as mine,
        follow(COORDINATORS, by="Mo", course=ask.id("Course", "Safety")) as of_course,
    ):
        await mine.next()
        await of_course.next()
        await school.change("Bo", department="Ops")
        await settled(ask)
        ended = [await mine.next(), await mine.next()]
        told = [await of_course.next(), await of_course.next()]
        await assign(school, "Bo", "coordinators")
        back = [await mine.next(), await mine.next()]

    assert of_courses(ended) == [("CHANGED", "Safety", True)] * 2
    assert [each["verb"] for each in ended] == ["coordinator.ending", "membership.changed"]
    assert said(told) == [("CHANGED", "Bo", True)] * 2
    assert [each["verb"] for each in back] == ["coordinator.assigned", "coordinator.regained"]
