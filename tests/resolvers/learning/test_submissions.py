"""Quizzes and grading through the contract: who sees whose answers, keys and points (H2, H3)."""

from dataclasses import replace
from typing import Any

import pytest

from access.permissions import Permission, Principal
from operations.content.questions import KeyShown, QuizContent
from operations.learning import facilitators
from resolvers.ids import encode
from tests.content import EVERY_KIND, GRADED_BY_ITSELF
from tests.furnishing import furnished
from tests.operations.learning.attempting import reset, unenrol
from tests.resolvers.asking import Ask
from tests.taking import RIGHT, WRONG, grade, save, start, take, teach
from tests.world import MONDAY, World

REFUSAL = """refusal { __typename code message path ... on InvalidContent { problems {
  kind path message limit actual } } ... on LimitReached { limit count }
  ... on PlainRefusal { details } }"""
ANSWER = """question { number kind text points choices { number text } } isAnswered choices
  isTrue text number points isCorrect feedback key { choices isTrue texts number tolerance }
  grades { points feedback gradedBy { displayName } }"""
SUBMISSION = f"""id number state version score maxScore percent isPassed member {{ displayName }}
  course {{ title }} module {{ title }} answers {{ {ANSWER} }}"""
START = f"""mutation ($course: ID!, $module: ID!) {{ startSubmission(courseId: $course,
  moduleId: $module) {{ submission {{ {SUBMISSION} }} {REFUSAL} }} }}"""
SAVE = f"""mutation ($id: ID!, $answers: [AnswerToSave!]!) {{ saveAnswers(submissionId: $id,
  answers: $answers) {{ submission {{ {SUBMISSION} }} {REFUSAL} }} }}"""
SUBMIT = f"""mutation ($id: ID!) {{ submitAnswers(submissionId: $id) {{
  submission {{ {SUBMISSION} }} {REFUSAL} }} }}"""
GRADE = f"""mutation ($id: ID!, $version: Int!, $grades: [GradeToGive!]!) {{ gradeAnswers(
  submissionId: $id, atVersion: $version, grades: $grades) {{
  submission {{ {SUBMISSION} }} {REFUSAL} }} }}"""
READ = f"query ($id: ID!) {{ submission(id: $id) {{ {SUBMISSION} }} }}"
NODE = "query ($id: ID!) { node(id: $id) { id ... on Submission { answers { text } } } }"
OF_COURSE = """query ($course: ID!, $member: ID, $module: ID, $state: SubmissionState, $group: ID) {
  course(id: $course) { submissions(memberId: $member, moduleId: $module, state: $state,
    groupId: $group) { totalCount nodes { number state member { displayName } } } } }"""
TO_GRADE = """query ($course: ID!, $mine: Boolean!, $group: ID) { course(id: $course) {
  submissionsToGrade(inMyGroups: $mine, groupId: $group) {
    totalCount nodes { member { displayName } } } } }"""
EVERYWHERE = """{ submissionsToGrade { totalCount nodes { course { title }
  member { displayName } } } }"""

ESSAY = {**RIGHT, 6: "I think so."}


@pytest.fixture
@furnished
async def school(world: World) -> World:
    """“Talk” is a quiz with an essay: Ines instructs, Cora coordinates, Tess teaches, Lea and Leo
    learn. Mona manages; Nora is nobody."""
    for name in ("Mona", "Ines", "Cora", "Tess", "Lea", "Leo", "Nora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Talk", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await teach(world, "Talk", Views=EVERY_KIND)
    await world.grant("Tess", Principal.COURSE_TEACH, course="Talk")
    await world.enrol("Talk", "Lea", "Leo")
    return world


def id_of(submission: Any) -> str:
    return encode("Submission", submission.id)


def names(page: dict[str, Any]) -> list[str]:
    return [each["member"]["displayName"] for each in page["nodes"]]


@pytest.mark.spec("H2", "H3")
async def test_a_quiz_is_taken_handed_in_and_graded(school: World, ask: Ask) -> None:
    begun = await ask.one(
        START, by="Lea", course=ask.id("Course", "Talk"), module=ask.id("Module", "Views")
    )
    submission = begun["submission"]
    assert (submission["state"], submission["number"]) == ("IN_PROGRESS", 1)
    assert [each["question"]["number"] for each in submission["answers"]] == [1, 2, 3, 4, 5, 6]
    assert {each["isAnswered"] for each in submission["answers"]} == {False}

    saved = await ask.one(
        SAVE,
        by="Lea",
        id=submission["id"],
        answers=[
            {"question": 1, "choices": [11]},
            {"question": 2, "choices": [23, 21]},
            {"question": 3, "isTrue": True},
            {"question": 5, "number": "3.15"},
            {"question": 6, "text": "I think so."},
        ],
    )
    answers = saved["submission"]["answers"]
    assert [each["choices"] for each in answers[:2]] == [[11], [21, 23]]
    assert (answers[2]["isTrue"], answers[3]["isAnswered"]) == (True, False)
    assert (answers[4]["number"], answers[5]["text"]) == ("3.15", "I think so.")

    sent = (await ask.one(SUBMIT, by="Lea", id=submission["id"]))["submission"]
    assert (sent["state"], sent["score"]) == ("SUBMITTED", None)
    assert [each["points"] for each in sent["answers"]] == [
        "1.00",
        "2.00",
        "1.00",
        "0.00",
        "1.50",
        None,
    ]

    graded = await ask.one(
        GRADE,
        by="Tess",
        id=submission["id"],
        version=1,
        grades=[{"question": 6, "points": "2.5", "feedback": "Say why."}],
    )
    row = graded["submission"]
    assert (row["state"], row["score"], row["percent"], row["isPassed"], row["version"]) == (
        "GRADED",
        "8.00",
        "80.00",
        True,
        2,
    )
    assert row["answers"][5]["grades"] == [
        {"points": "2.50", "feedback": "Say why.", "gradedBy": {"displayName": "Tess"}}
    ]
    own = await ask.one(READ, by="Lea", id=submission["id"])
    assert own["answers"][5]["feedback"] == "Say why."
    assert own["answers"][5]["grades"][0]["gradedBy"] == {"displayName": "Tess"}


async def test_what_is_wrong_is_said_with_places_limits_and_counts(school: World, ask: Ask) -> None:
    await school.course("Work")
    await teach(school, "Work", Sums=replace(GRADED_BY_ITSELF, submission_cap=1), More=EVERY_KIND)
    await school.enrol("Work", "Lea")
    begun = await start(school, "Lea", "Work", "Sums")

    refused = await ask.one(
        SAVE, by="Lea", id=id_of(begun), answers=[{"question": 3, "text": "yes"}]
    )
    assert refused["refusal"]["__typename"] == "InvalidContent"
    assert refused["refusal"]["code"] == "INVALID_ANSWERS"
    assert [each["path"] for each in refused["refusal"]["problems"]] == [["answers", "0", "text"]]

    await ask.one(SUBMIT, by="Lea", id=id_of(begun))
    again = await ask.one(
        START, by="Lea", course=ask.id("Course", "Work"), module=ask.id("Module", "Sums")
    )
    assert again["refusal"]["code"] == "SUBMISSION_CAP_REACHED"
    assert (again["refusal"]["limit"], again["refusal"]["count"]) == (1, 1)


@pytest.mark.spec("C2", "C10", "H3")
async def test_answers_are_on_no_path_for_who_may_not_view_them(school: World, ask: Ask) -> None:
    await school.grant("Nora", Principal.COURSE_ENROLL, course="Talk")
    waiting = await take(school, "Lea", "Talk", "Views", ESSAY)

    for name in ("Cora", "Leo", "Nora"):
        assert await ask.code(READ, by=name, id=id_of(waiting)) == "NOT_FOUND"
        assert await ask.one(NODE, by=name, id=id_of(waiting)) is None
        page = await ask.one(OF_COURSE, by=name, course=ask.id("Course", "Talk"))
        assert page["submissions"] == {"totalCount": 0, "nodes": []}
        assert await ask.one(EVERYWHERE, by=name) == {"totalCount": 0, "nodes": []}
        queue = {"course": ask.id("Course", "Talk"), "mine": False}
        assert await ask.code(TO_GRADE, by=name, **queue) == "PERMISSION_DENIED"
        refused = await ask.one(GRADE, by=name, id=id_of(waiting), version=1, grades=[])
        assert refused["refusal"]["code"] == "NOT_FOUND"
    for name in ("Ines", "Tess", "Mona"):
        row = await ask.one(READ, by=name, id=id_of(waiting))
        assert row["answers"][5]["text"] == "I think so."


async def test_what_is_not_handed_in_is_its_maker_s_alone(school: World, ask: Ask) -> None:
    begun = await start(school, "Lea", "Talk", "Views")
    await save(school, "Lea", begun.id, ESSAY)

    for name in ("Ines", "Tess", "Mona", "Leo"):
        assert await ask.code(READ, by=name, id=id_of(begun)) == "NOT_FOUND"
        page = await ask.one(OF_COURSE, by=name, course=ask.id("Course", "Talk"))
        assert page["submissions"]["totalCount"] == 0
    page = await ask.one(OF_COURSE, by="Lea", course=ask.id("Course", "Talk"))
    assert page["submissions"]["nodes"] == [
        {"number": 1, "state": "IN_PROGRESS", "member": {"displayName": "Lea"}}
    ]


@pytest.mark.parametrize("shown", KeyShown)
async def test_the_key_is_shown_to_whoever_answered_as_the_quiz_says(
    school: World, ask: Ask, shown: KeyShown
) -> None:
    quiz: QuizContent = replace(GRADED_BY_ITSELF, shows_key=shown)
    await school.course("Work", instructors=["Ines"])
    await teach(school, "Work", Sums=quiz)
    await school.enrol("Work", "Lea", "Leo")
    passed = await take(school, "Lea", "Work", "Sums", RIGHT)
    failed = await take(school, "Leo", "Work", "Sums", WRONG)
    open_one = await start(school, "Leo", "Work", "Sums")

    async def keys(name: str, submission: Any) -> list[Any]:
        row = await ask.one(READ, by=name, id=id_of(submission))
        return [each["key"] for each in row["answers"] if each["key"]]

    assert bool(await keys("Lea", passed)) == (shown is not KeyShown.NEVER)
    assert bool(await keys("Leo", failed)) == (shown is KeyShown.AFTER_SUBMISSION)
    assert await keys("Leo", open_one) == []
    assert [each["choices"] for each in await keys("Ines", passed)][:2] == [[11], [21, 23]]
    assert (await keys("Ines", passed))[4]["number"] == "3.14"


async def test_the_queue_is_narrowed_to_groups_and_to_those_one_looks_after(
    school: World, ask: Ask
) -> None:
    await school.group("North", course="Talk")
    await school.enrol("Talk", "Leo", group="North")
    async with school.edge.transaction() as db:
        await facilitators.enroll(
            db,
            by=school.system,
            group_id=school.groups["North"],
            member_ids=[school.members["Tess"]],
            at=MONDAY,
        )
    for name in ("Lea", "Leo"):
        await take(school, name, "Talk", "Views", ESSAY)
    course = ask.id("Course", "Talk")
    north = encode("LearnerGroup", school.groups["North"])

    whole = await ask.one(TO_GRADE, by="Tess", course=course, mine=False)
    mine = await ask.one(TO_GRADE, by="Tess", course=course, mine=True)
    others = await ask.one(TO_GRADE, by="Ines", course=course, mine=True)
    group = await ask.one(TO_GRADE, by="Ines", course=course, mine=False, group=north)

    assert names(whole["submissionsToGrade"]) == ["Lea", "Leo"]
    assert names(mine["submissionsToGrade"]) == ["Leo"]
    assert others["submissionsToGrade"]["totalCount"] == 0
    assert names(group["submissionsToGrade"]) == ["Leo"]
    assert names(await ask.one(EVERYWHERE, by="Tess")) == ["Lea", "Leo"]


async def test_what_was_graded_or_reset_waits_no_longer_and_is_still_read(
    school: World, ask: Ask
) -> None:
    graded = await take(school, "Lea", "Talk", "Views", ESSAY)
    put_aside = await take(school, "Leo", "Talk", "Views", ESSAY)
    await grade(school, "Ines", graded.id, {6: 3})
    await reset(school, "Ines", "Leo", course="Talk")
    await unenrol(school, "Lea", course="Talk")

    assert await ask.one(EVERYWHERE, by="Tess") == {"totalCount": 0, "nodes": []}
    for submission in (graded, put_aside):
        assert (await ask.one(READ, by="Tess", id=id_of(submission)))["answers"][5]["text"]
    own = await ask.one(READ, by="Lea", id=id_of(graded))
    assert (own["score"], own["course"]) == ("9.50", None)


async def test_a_limited_token_shows_nobody_their_own_answers(school: World, ask: Ask) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", ESSAY)
    caller = replace(school.caller("Lea"), limited_to=frozenset({Permission.LIST_COURSES_I_MANAGE}))

    assert await ask.code(READ, by=caller, id=id_of(waiting)) == "NOT_FOUND"


async def test_submissions_are_listed_by_person_module_and_state(school: World, ask: Ask) -> None:
    for name in ("Lea", "Leo"):
        await take(school, name, "Talk", "Views", ESSAY)
    course = ask.id("Course", "Talk")

    async def count(**to: Any) -> int:
        page = await ask.one(OF_COURSE, by="Tess", course=course, **to)
        return int(page["submissions"]["totalCount"])

    assert await count() == 2
    assert await count(member=ask.id("Member", "Lea")) == 1
    assert await count(module=ask.id("Module", "Views"), state="SUBMITTED") == 2
    assert await count(state="GRADED") == 0
