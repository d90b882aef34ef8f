"""A change of a segment is looked at, and then done just so, or not at all."""

from typing import Any

import pytest

from access.permissions import Principal
from models.people import MemberState
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

LOOK = """query ($change: SegmentChangeKind!, $segment: ID, $course: ID, $rule: String,
                 $mode: AttachmentMode) {
  previewSegmentChange(change: $change, segmentId: $segment, courseId: $course, ruleText: $rule,
                       mode: $mode) {
    basedOn isSettled before after people withoutValue { attribute people }
    courseCount emptiedCount gainCount lossCount conflictCount invitationCount
    courses { title gainCount lossCount conflictCount invitationCount isEmptied used most isRefused
      course { title } }
    gains { course { title } member { displayName } }
    losses { course { title } member { displayName } }
    keptCount
    kept { course { title } member { displayName } sources { kind segment { name } } }
    conflicts { course { title } member { displayName } }
    invitations { displayName } } }"""
EDIT = """mutation ($segment: ID!, $rule: String!, $basedOn: String) {
  editSegment(segmentId: $segment, ruleText: $rule, basedOn: $basedOn) { segment { version }
    refusal { code message path ... on PlainRefusal { details } } } }"""
ON_COURSE = """mutation ($course: ID!, $segment: ID!, $basedOn: String) {
  %s(courseId: $course, segmentId: $segment, basedOn: $basedOn) { refusal { code } } }"""
OF_SEGMENT = """mutation ($segment: ID!, $basedOn: String) {
  %s(segmentId: $segment, %sbasedOn: $basedOn) { refusal { code } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    for name in ("Mona", "Dora", "Ines", "Sven"):
        await world.member(name, department="Sales")
    await world.member(
        "Pia", state=MemberState.PENDING, department="Ops", emails=["pia@acme.example"]
    )
    await world.member("Olle", department="Ops")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.segment("Sellers", 'department eq "Sales"', is_usable_by_departments=True)
    await world.segment("Hidden", "everyone")
    await world.course("Safety", instructors=["Ines"], segments_attached=["Sellers"])
    await world.course("Law", department="Legal")
    ask.settle()
    return world


def named(rows: list[Any]) -> set[tuple[str, str]]:
    return {(each["course"]["title"], each["member"]["displayName"]) for each in rows}


@pytest.mark.spec("S9")
async def test_a_rule_is_looked_at_and_then_edited_just_so(company: World, ask: Ask) -> None:
    segment, rule = ask.id("Segment", "Sellers"), 'department eq "Ops" or city eq "Oslo"'

    seen = await ask.one(LOOK, by="Mona", change="EDIT_RULE", segment=segment, rule=rule)
    other = await ask.one(
        EDIT, by="Mona", segment=segment, rule="everyone", basedOn=seen["basedOn"]
    )
    done = await ask.one(EDIT, by="Mona", segment=segment, rule=rule, basedOn=seen["basedOn"])
    again = await ask.one(EDIT, by="Mona", segment=segment, rule=rule, basedOn=seen["basedOn"])
    ask.settle()

    assert (seen["before"], seen["after"], seen["people"], seen["isSettled"]) == (4, 2, 6, True)
    assert seen["withoutValue"] == [
        {"attribute": "city", "people": 6},
        {"attribute": "department", "people": 0},
    ]
    assert named(seen["gains"]) == {("Safety", "Olle")}
    assert named(seen["losses"]) == {("Safety", name) for name in ("Mona", "Dora", "Sven")}
    assert seen["invitations"] == [{"displayName": "Pia"}]
    assert (seen["gainCount"], seen["lossCount"], seen["invitationCount"]) == (1, 3, 1)
    assert (other["refusal"]["code"], other["refusal"]["path"]) == ("BAD_USER_INPUT", ["basedOn"])
    assert (done["refusal"], done["segment"]["version"]) == (None, 2)
    assert again["refusal"]["code"] == "PREVIEW_OUTDATED"
    assert [each["verb"] for each in again["refusal"]["details"]["changes"]] == ["segment.edited"]
    assert await company.coordinators_of("Safety") == {"Olle"}


@pytest.mark.spec("S9", "M29")
async def test_attaching_and_detaching_say_who_and_what_is_left(company: World, ask: Ask) -> None:
    about = {"segment": ask.id("Segment", "Sellers"), "course": ask.id("Course", "Safety")}

    off = await ask.one(LOOK, by="Dora", change="DETACH", **about)
    done = await ask.one(ON_COURSE % "detachSegment", by="Dora", **about, basedOn=off["basedOn"])
    on = await ask.one(LOOK, by="Dora", change="ATTACH", **about)
    back = await ask.one(ON_COURSE % "attachSegment", by="Dora", **about, basedOn=on["basedOn"])

    [course] = off["courses"]
    assert (course["isEmptied"], course["lossCount"], course["used"]) == (True, 3, 0)
    assert off["emptiedCount"] == 1
    assert done["refusal"] is None
    assert (on["courses"][0]["used"], on["courses"][0]["most"]) == (1, 10)
    assert named(on["conflicts"]) == {("Safety", "Ines")}
    assert named(on["gains"]) == named(off["losses"])
    assert back["refusal"] is None


@pytest.mark.spec("S8", "S9")
async def test_another_mode_is_looked_at_and_then_begun_just_so(company: World, ask: Ask) -> None:
    await company.segment("Named", people_named=["Dora"])
    await company.attach("Safety", "Named")
    about = {"segment": ask.id("Segment", "Sellers"), "course": ask.id("Course", "Safety")}
    change = """mutation ($course: ID!, $segment: ID!, $mode: AttachmentMode!, $basedOn: String) {
      changeAttachmentMode(courseId: $course, segmentId: $segment, mode: $mode, basedOn: $basedOn) {
        refusal { code } } }"""
    frozen = {**about, "mode": "FROZEN"}
    seen = await ask.one(LOOK, by="Mona", change="CHANGE_MODE", **frozen)
    done = await ask.one(change, by="Mona", **frozen, basedOn=seen["basedOn"])
    for name in ("Mona", "Dora"):
        await company.change(name, department="Ops")
    await company.change("Olle", department="Sales")
    ask.settle()

    sync = {**about, "mode": "SYNC"}
    back = await ask.one(LOOK, by="Mona", change="CHANGE_MODE", **sync)
    other = await ask.one(change, by="Mona", **about, mode="REMOVE_ONLY", basedOn=back["basedOn"])
    followed = await ask.one(change, by="Mona", **sync, basedOn=back["basedOn"])
    again = await ask.one(change, by="Mona", **sync, basedOn=back["basedOn"])

    assert (seen["gainCount"], seen["lossCount"], done["refusal"]) == (0, 0, None)
    assert named(back["gains"]) == {("Safety", "Olle")}
    assert named(back["losses"]) == {("Safety", "Mona")}
    [kept] = back["kept"]
    assert kept["member"]["displayName"] == "Dora"
    assert kept["sources"] == [{"kind": "SEGMENT", "segment": {"name": "Named"}}]
    assert back["keptCount"] == 1
    assert (other["refusal"]["code"], followed["refusal"]) == ("BAD_USER_INPUT", None)
    assert again["refusal"]["code"] == "PREVIEW_OUTDATED"
    assert await company.coordinators_of("Safety") == {"Sven", "Dora", "Olle"}


@pytest.mark.spec("S9")
async def test_life_and_end_of_a_segment_take_a_preview_too(company: World, ask: Ask) -> None:
    segment = ask.id("Segment", "Sellers")
    looks: list[Any] = []
    for change, verb, said in (
        ("PAUSE", "pauseSegment", ""),
        ("RESUME", "resumeSegment", ""),
        ("DELETE", "deleteSegment", "detach: true, "),
    ):
        looks.append(await ask.one(LOOK, by="Mona", change=change, segment=segment))
        seen = looks[-1]
        document = OF_SEGMENT % (verb, said)
        wrong = await ask.one(document, by="Mona", segment=segment, basedOn="x")
        done = await ask.one(document, by="Mona", segment=segment, basedOn=seen["basedOn"])
        ask.settle()

        assert wrong["refusal"]["code"] == "BAD_USER_INPUT"
        assert (done["refusal"], seen["before"]) == (None, 4)
    assert (looks[-1]["after"], looks[-1]["lossCount"]) == (0, 3)


@pytest.mark.spec("S9")
async def test_a_rule_that_is_not_saved_is_looked_at(company: World, ask: Ask) -> None:
    rule = 'department eq "Ops"'

    alone = await ask.one(LOOK, by="Mona", change="CREATE", rule=rule)
    on = await ask.one(
        LOOK, by="Mona", change="CREATE", rule=rule, course=ask.id("Course", "Safety")
    )

    assert (alone["before"], alone["after"], alone["courses"]) == (0, 2, [])
    assert named(on["gains"]) == {("Safety", "Olle")}


@pytest.mark.spec("S9", "S3")
async def test_what_cannot_be_looked_at_is_said(company: World, ask: Ask) -> None:
    segment = ask.id("Segment", "Sellers")
    bad = "BAD_USER_INPUT"

    assert await ask.code(LOOK, by="Mona", change="EDIT_RULE", segment=segment) == bad
    assert await ask.code(LOOK, by="Mona", change="ATTACH", segment=segment) == bad
    on = {"segment": segment, "course": ask.id("Course", "Law")}
    assert await ask.code(LOOK, by="Mona", change="CHANGE_MODE", **on) == bad
    assert await ask.code(LOOK, by="Mona", change="ATTACH", mode="SYNC", **on) == bad
    not_on = await ask.code(LOOK, by="Mona", change="CHANGE_MODE", mode="SYNC", **on)
    assert not_on == "NOT_FOUND"
    assert await ask.code(LOOK, by="Mona", change="PAUSE", segment=segment, rule="everyone") == bad
    assert await ask.code(LOOK, by="Mona", change="CREATE", segment=segment, rule="everyone") == bad
    invalid = {"change": "EDIT_RULE", "segment": segment, "rule": "levl gt 3"}
    assert await ask.code(LOOK, by="Mona", **invalid) == "INVALID_RULE"


@pytest.mark.spec("S9", "C2")
async def test_department_managers_look_at_their_own_courses_alone(
    company: World, ask: Ask
) -> None:
    usable, hidden = ask.id("Segment", "Sellers"), ask.id("Segment", "Hidden")
    own, foreign = ask.id("Course", "Safety"), ask.id("Course", "Law")

    assert await ask.one(LOOK, by="Dora", change="ATTACH", segment=usable, course=own)
    for by, said, code in (
        ("Dora", {"change": "ATTACH", "segment": hidden, "course": own}, "NOT_FOUND"),
        ("Dora", {"change": "ATTACH", "segment": usable, "course": foreign}, "NOT_FOUND"),
        ("Dora", {"change": "PAUSE", "segment": usable}, "PERMISSION_DENIED"),
        ("Dora", {"change": "CREATE", "rule": "everyone"}, "PERMISSION_DENIED"),
        ("Ines", {"change": "DETACH", "segment": usable, "course": own}, "PERMISSION_DENIED"),
        ("Sven", {"change": "DETACH", "segment": usable, "course": foreign}, "NOT_FOUND"),
    ):
        assert await ask.code(LOOK, by=by, **said) == code, (by, said)


@pytest.mark.spec("S9")
async def test_a_preview_takes_as_many_statements_for_many_as_for_few(
    company: World, ask: Ask, statements: list[str]
) -> None:
    async def cost() -> int:
        statements.clear()
        seen = await ask.one(
            LOOK,
            by="Mona",
            change="EDIT_RULE",
            segment=ask.id("Segment", "Sellers"),
            rule='department eq "Ops" and groups absent',
        )
        assert seen["lossCount"] >= 3
        return len(statements)

    async def grow(*numbers: int) -> None:
        for number in numbers:
            await company.member(f"Person {number}", department="Sales" if number % 2 else "Ops")
            await company.course(f"Course {number}", segments_attached=["Sellers", "Hidden"])
        ask.settle()

    await grow(0)
    few = await cost()
    await grow(*range(1, 13))

    assert await cost() <= few + 1
