"""How courses follow segments, over the API: asked, changed and told (S8)."""

import pytest

from tests.resolvers.asking import Ask
from tests.resolvers.following import COORDINATORS, MINE, Follow
from tests.resolvers.school import of_courses, settled
from tests.world import World

pytestmark = pytest.mark.spec("S8")

SEGMENTS = "course { segments { segment { name } mode modeSince } } refusal { code message }"
ATTACH = f"""mutation ($course: ID!, $segment: ID!, $mode: AttachmentMode) {{
  attachSegment(courseId: $course, segmentId: $segment, mode: $mode) {{ {SEGMENTS} }} }}"""
CHANGE = f"""mutation ($course: ID!, $segment: ID!, $mode: AttachmentMode!) {{
  changeAttachmentMode(courseId: $course, segmentId: $segment, mode: $mode) {{ {SEGMENTS} }} }}"""
WHY = """query ($course: ID!, $member: ID) {
  explainMembership(courseId: $course, memberId: $member) {
    isCoordinator segments { name isMember gives mode modeSince byMode sentences cause { verb } }
  } }"""


async def test_a_mode_is_said_on_attaching_changed_and_shown(school: World, ask: Ask) -> None:
    about = {"course": ask.id("Course", "Welding"), "segment": ask.id("Segment", "Sales")}
    await school.segment("Leads", 'title eq "Lead"')

    attached = await ask.one(ATTACH, by="Mo", **about, mode="FROZEN")
    other = await ask.one(ATTACH, by="Mo", **about, mode="SYNC")
    changed = await ask.one(CHANGE, by="Mo", **about, mode="REMOVE_ONLY")
    again = await ask.one(CHANGE, by="Mo", **about, mode="REMOVE_ONLY")
    on_safety = about | {"course": ask.id("Course", "Safety")}
    denied = await ask.code(CHANGE, by="Ada", **on_safety, mode="SYNC")
    nowhere = await ask.one(
        CHANGE, by="Mo", **about | {"segment": ask.id("Segment", "Leads")}, mode="SYNC"
    )

    modes = [each["course"]["segments"][0] for each in (attached, changed, again)]
    assert [each["mode"] for each in modes] == ["FROZEN", "REMOVE_ONLY", "REMOVE_ONLY"]
    assert modes[0]["modeSince"] < modes[1]["modeSince"] == modes[2]["modeSince"]
    assert other["refusal"]["code"] == "CONFLICT"
    assert nowhere["refusal"]["code"] == "NOT_FOUND"
    assert denied == "PERMISSION_DENIED"


async def test_who_gains_and_loses_by_a_mode_is_told_and_nobody_else(
    school: World, ask: Ask, follow: Follow
) -> None:
    about = {"course": ask.id("Course", "Safety"), "segment": ask.id("Segment", "Sales")}
    async with (
        follow(MINE, by="Cy") as mine,
        follow(MINE, by="Bo") as of_bo,
        follow(COORDINATORS, by="Mo", course=about["course"]) as of_course,
    ):
        await mine.next()
        await of_bo.next()
        await of_course.next()
        await ask.one(CHANGE, by="Mo", **about, mode="FROZEN")
        told = [await of_course.next()]
        await school.change("Cy", department="Sales")
        await settled(ask)
        told.append(await of_course.next())
        assert await mine.is_silent(), "it was frozen before"
        await ask.one(CHANGE, by="Mo", **about, mode="ADD_ONLY")
        heard = [await mine.next()]
        await school.change("Cy", department="Ops")
        await settled(ask)
        assert await mine.is_silent(), "it takes nobody away"
        await ask.one(CHANGE, by="Mo", **about, mode="REMOVE_ONLY")
        heard.append(await mine.next())
        assert await of_bo.is_silent(), "who was in it all the time keeps what they have"

    assert [each["kind"] for each in told] == ["SEGMENT_MODE_CHANGED", "CHANGED"]
    assert of_courses(heard) == [
        ("SEGMENT_MODE_CHANGED", "Safety", True),
        ("SEGMENT_MODE_CHANGED", None, False),
    ]


async def test_an_explanation_says_what_the_mode_decided(school: World, ask: Ask) -> None:
    about = {"course": ask.id("Course", "Safety"), "segment": ask.id("Segment", "Sales")}
    await ask.one(CHANGE, by="Mo", **about, mode="FROZEN")
    await school.change("Cy", department="Sales")
    ask.settle()

    found = await ask.one(WHY, by="Mo", course=about["course"], member=ask.id("Member", "Cy"))

    [segment] = found["segments"]
    assert found["isCoordinator"] is False
    assert (segment["isMember"], segment["gives"], segment["mode"]) == (True, False, "FROZEN")
    assert segment["byMode"] == segment["sentences"][0]
    assert segment["byMode"].startswith("was not in it when it was frozen on 20")
    assert segment["cause"]["verb"] == "segment.mode_changed"
