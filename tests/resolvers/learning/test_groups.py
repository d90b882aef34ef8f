"""Learner groups and due dates through the contract (C13, H6, M8)."""

from typing import Any

import pytest

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

REFUSAL = "refusal { code message path ... on PlainRefusal { details } }"
GROUP = "{ id name dueAt allowsSelfEnrolment isOwn createdBy { displayName } }"
CREATE = f"""mutation ($course: ID!, $name: String!, $due: DateTime, $past: Boolean! = false) {{
  createGroup(courseId: $course, name: $name, dueAt: $due, allowPast: $past) {{
    group {GROUP} course {{ title }} {REFUSAL} }} }}"""
MODIFY = f"""mutation ($group: ID!, $name: String, $due: DateTime, $open: Boolean) {{
  modifyOwnGroup(groupId: $group, name: $name, dueAt: $due, allowsSelfEnrolment: $open) {{
    group {GROUP} {REFUSAL} }} }}"""
EXISTING = MODIFY.replace("modifyOwnGroup", "modifyExistingGroup")
REMOVE = f"""mutation ($group: ID!) {{ removeGroup(groupId: $group) {{
  group {{ id }} course {{ groups {{ totalCount }} }} {REFUSAL} }} }}"""
FACILITATE = f"""mutation ($group: ID!, $people: [ID!]!) {{
  enrollFacilitator(groupId: $group, memberIds: $people) {{
    group {{ facilitators {{ nodes {{ displayName }} }} }}
    assigned {{ displayName }} already {{ displayName }} {REFUSAL} }} }}"""
STOP = """mutation ($group: ID!, $people: [ID!]!) {
  removeFacilitator(groupId: $group, memberIds: $people) { removed { displayName } } }"""
GROUPS = """query ($course: ID!, $first: Int, $search: String) { course(id: $course) {
  groups(first: $first, search: $search) { totalCount nodes {
    name dueAt learnerCount facilitators { nodes { displayName } }
    dueDateChanges { nodes { before after reason } } } } } }"""
NODE = """query ($id: ID!) { node(id: $id) { ... on LearnerGroup { name course { title } } } }"""
DUE = f"""mutation ($course: ID!, $people: [ID!]!, $due: DateTime, $reason: String,
    $past: Boolean! = false) {{
  updateDueDate(courseId: $course, memberIds: $people, dueAt: $due, reason: $reason,
      allowPast: $past) {{
    results {{ outcome memberId member {{ displayName }} }} {REFUSAL} }} }}"""
UNSAID = """mutation ($course: ID!, $people: [ID!]!) {
  updateDueDate(courseId: $course, memberIds: $people) { refusal { code path } } }"""
HISTORY = """query ($course: ID!, $person: ID!) {
  learner(courseId: $course, memberId: $person) {
    dueAt dueDateChanges { of before after reason changedBy { displayName } } } }"""
SOON, LATER = "2098-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"


@pytest.fixture
@furnished
async def safety(world: World) -> World:
    for name in ("Cora", "Enno", "Ines", "Tess", "Lea", "Zoe"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"], instructors=["Ines"])
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    await world.group("Theirs", course="Safety", by="Cora", due_at=MONDAY)
    await world.enrol("Safety", "Lea", group="Theirs")
    return world


@pytest.mark.spec("C13", "H6")
async def test_a_group_is_made_changed_and_removed_by_whoever_may_enroll(
    safety: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")

    made = await ask.one(CREATE, by="Enno", course=course, name=" Night ", due=SOON)
    group = made["group"]["id"]
    changed = await ask.one(MODIFY, by="Enno", group=group, due=None, open=True)
    same = await ask.one(MODIFY, by="Enno", group=group)
    removed = await ask.one(REMOVE, by="Enno", group=group)
    after = await ask.one(NODE, by="Enno", id=group)

    assert made["group"] | {"id": ""} == {
        "id": "",
        "name": "Night",
        "dueAt": SOON,
        "allowsSelfEnrolment": False,
        "isOwn": True,
        "createdBy": {"displayName": "Enno"},
    }
    assert (changed["group"]["dueAt"], changed["group"]["allowsSelfEnrolment"]) == (None, True)
    assert same["group"] == changed["group"]
    assert removed == {"group": None, "course": {"groups": {"totalCount": 1}}, "refusal": None}
    assert after is None


@pytest.mark.spec("C13")
async def test_groups_of_others_are_existing_ones_for_course_enroll(
    safety: World, ask: Ask
) -> None:
    theirs = ask.id("LearnerGroup", "Theirs")

    own = await ask.one(MODIFY, by="Enno", group=theirs, name="Mine")
    removed = await ask.one(REMOVE, by="Enno", group=theirs)
    existing = await ask.code(EXISTING, by="Enno", group=theirs, name="Mine")
    hidden = await ask.one(EXISTING, by="Zoe", group=theirs, name="Mine")
    by_instructor = await ask.one(EXISTING, by="Ines", group=theirs, name="Ours")

    assert own["refusal"]["code"] == removed["refusal"]["code"] == "EXISTING_GROUP"
    assert own["refusal"]["details"] == {"instead": ["modifyExistingGroup"]}
    assert (existing, hidden["refusal"]["code"]) == ("PERMISSION_DENIED", "NOT_FOUND")
    assert by_instructor["group"]["name"] == "Ours"


async def test_what_is_wrong_with_a_group_is_said(safety: World, ask: Ask) -> None:
    course, theirs = ask.id("Course", "Safety"), ask.id("LearnerGroup", "Theirs")

    async def refused(document: str, **given: Any) -> tuple[str, Any]:
        refusal = (await ask.one(document, by="Cora", **given))["refusal"]
        return refusal["code"], refusal["path"]

    past = "2001-01-01T00:00:00Z"
    assert await refused(CREATE, course=course, name="theirs") == ("NAME_TAKEN", None)
    assert await refused(CREATE, course=course, name=" ") == ("BAD_USER_INPUT", None)
    assert await refused(CREATE, course=course, name="x", due=past) == (
        "DUE_DATE_IN_PAST",
        ["dueAt"],
    )
    assert await refused(MODIFY, group=theirs, name=None) == ("BAD_USER_INPUT", None)
    assert await refused(MODIFY, group=theirs, open=None) == ("BAD_USER_INPUT", None)
    assert await refused(CREATE, course=course, name="x", due="2099-01-01T00:00:00") == (
        "BAD_USER_INPUT",
        None,
    )


@pytest.mark.spec("H6", "C9")
async def test_teachers_look_after_groups_and_others_are_named(safety: World, ask: Ask) -> None:
    theirs = ask.id("LearnerGroup", "Theirs")
    tess, lea = ask.id("Member", "Tess"), ask.id("Member", "Lea")

    refused = await ask.one(FACILITATE, by="Ines", group=theirs, people=[tess, lea])
    named = await ask.one(FACILITATE, by="Ines", group=theirs, people=[tess])
    again = await ask.one(FACILITATE, by="Ines", group=theirs, people=[tess])
    ended = await ask.one(STOP, by="Ines", group=theirs, people=[tess, lea])

    assert refused["refusal"]["code"] == "NOT_A_TEACHER"
    assert refused["refusal"]["details"] == {"memberIds": [lea]}
    assert named["group"] == {"facilitators": {"nodes": [{"displayName": "Tess"}]}}
    assert (named["assigned"], again["already"]) == ([{"displayName": "Tess"}],) * 2
    assert ended == {"removed": [{"displayName": "Tess"}]}


async def test_everybody_on_a_course_sees_its_groups_and_some_how_many_are_in_them(
    safety: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")

    whole = await ask.one(GROUPS, by="Cora", course=course)
    partly = await ask.whole(GROUPS, by="Lea", course=course)
    found = await ask.one(GROUPS, by="Cora", course=course, search="nothing like it")
    hidden = await ask.one(NODE, by="Zoe", id=ask.id("LearnerGroup", "Theirs"))

    [row] = whole["groups"]["nodes"]
    assert (row["name"], row["learnerCount"]) == ("Theirs", 1)
    assert row["dueDateChanges"]["nodes"] == [
        {"before": None, "after": MONDAY.isoformat(), "reason": None}
    ]
    [row] = partly["data"]["course"]["groups"]["nodes"]
    assert (row["name"], row["learnerCount"], row["dueDateChanges"]) == ("Theirs", None, None)
    denied = {each["path"][-1] for each in partly["errors"]}
    assert denied == {"learnerCount", "dueDateChanges"}
    assert (found["groups"]["totalCount"], hidden) == (0, None)


@pytest.mark.parametrize("count", [1, 20])
async def test_a_page_of_groups_costs_the_same_however_many_there_are(
    safety: World, ask: Ask, statements: list[str], count: int
) -> None:
    for number in range(count):
        await safety.group(f"Group {number}", course="Safety", due_at=MONDAY)
    statements.clear()

    page = await ask.one(GROUPS, by="Cora", course=ask.id("Course", "Safety"), first=50)

    assert page["groups"]["totalCount"] == len(page["groups"]["nodes"]) == count + 1
    assert len(statements) == 7


@pytest.mark.spec("M8")
async def test_a_date_is_changed_with_a_reason_and_the_history_is_there_to_read(
    safety: World, ask: Ask
) -> None:
    course, lea = ask.id("Course", "Safety"), ask.id("Member", "Lea")
    both = [lea, ask.id("Member", "Zoe")]

    first = await ask.one(DUE, by="Cora", course=course, people=both, due=LATER, reason="Moved.")
    same = await ask.one(DUE, by="Cora", course=course, people=[lea], due=LATER)
    back = await ask.one(DUE, by="Ines", course=course, people=[lea], due=None)
    history = await ask.one(HISTORY, by="Lea", course=course, person=lea)

    assert [(each["member"]["displayName"], each["outcome"]) for each in first["results"]] == [
        ("Lea", "CHANGED"),
        ("Zoe", "NOT_ENROLLED"),
    ]
    assert same["results"][0]["outcome"] == "UNCHANGED"
    assert back["results"][0]["outcome"] == "CHANGED"
    assert history["dueAt"] == MONDAY.isoformat(), "that of the group holds again"
    assert history["dueDateChanges"] == [
        {
            "of": "LEARNER",
            "before": LATER,
            "after": None,
            "reason": None,
            "changedBy": {"displayName": "Ines"},
        },
        {
            "of": "LEARNER",
            "before": None,
            "after": LATER,
            "reason": "Moved.",
            "changedBy": {"displayName": "Cora"},
        },
    ]


@pytest.mark.spec("M8", "M38")
async def test_what_is_wrong_with_a_date_is_said(safety: World, ask: Ask) -> None:
    course, lea = ask.id("Course", "Safety"), ask.id("Member", "Lea")
    cora = ask.id("Member", "Cora")
    past = {"course": course, "people": [lea], "due": "2001-01-01T00:00:00Z"}

    over = await ask.one(DUE, by="Cora", **past)
    meant = await ask.one(DUE, by="Cora", **past, past=True)
    unsaid = await ask.one(UNSAID, by="Cora", course=course, people=[lea])
    own = await ask.one(DUE, by="Cora", course=course, people=[lea, cora], due=LATER)
    by_learner = await ask.code(DUE, by="Lea", course=course, people=[lea], due=LATER)

    assert (over["refusal"]["code"], over["refusal"]["path"]) == ("DUE_DATE_IN_PAST", ["dueAt"])
    assert meant["results"][0]["outcome"] == "CHANGED"
    assert unsaid["refusal"] == {"code": "BAD_USER_INPUT", "path": ["dueAt"]}
    assert (own["refusal"]["code"], by_learner) == ("SELF_ACTION", "PERMISSION_DENIED")
