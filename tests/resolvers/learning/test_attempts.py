"""Attempts through the contract: taking, retaking, completing and resetting, and who reads them."""

import datetime as dt
from typing import Any, Final

import pytest

from access.permissions import Principal
from models.catalog import ModuleKind
from models.coordinators import CourseRoleKind
from models.progress import ModuleState
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.learning.attempting import (
    attempts_of,
    configure,
    consist_of,
    dismiss,
    mark_complete,
    open_module,
    read,
    start,
    unenrol,
    work,
)
from tests.resolvers.asking import Ask
from tests.world import World

REFUSAL = "refusal { code message path ... on PlainRefusal { details } }"
TAKE = f"""mutation ($course: ID!, $module: ID, $key: String) {{
  takeCourseTracked(courseId: $course, moduleId: $module, idempotencyKey: $key) {{
    attempt {{ id number state role origin }} {REFUSAL}
    module {{ title kind state revision content {{
      ... on LessonContent {{ markdown }}
      ... on QuizContent {{ points questions {{ text kind }} }} }} }} }} }}"""
RETAKE = f"""mutation ($course: ID!) {{ retakeAfterCompletion(courseId: $course) {{
  attempt {{ number state }} {REFUSAL} }} }}"""
FINISH = f"""mutation ($course: ID!, $module: ID!) {{
  completeLesson(courseId: $course, moduleId: $module) {{
    attempt {{ number state }} module {{ state }} {REFUSAL} }} }}"""
HAND_IN = f"""mutation ($course: ID!) {{ submitAttempt(courseId: $course) {{
  attempt {{ state score maxScore percent }} {REFUSAL} }} }}"""
COMPLETE = f"""mutation ($course: ID!, $people: [ID!]!) {{
  markComplete(courseId: $course, memberIds: $people) {{
    results {{ outcome member {{ displayName }} }} {REFUSAL} }} }}"""
RESET = f"""mutation ($course: ID!, $people: [ID!]!, $reason: String) {{
  resetProgress(courseId: $course, memberIds: $people, reason: $reason) {{
    results {{ outcome member {{ displayName }} }} {REFUSAL} }} }}"""
SUMMARY = """query ($course: ID!) { course(id: $course) {
  myProgress { isLearner state percent attempts retakesMade retakesLeft mayBegin obstacle dueAt }
  myAttempts { totalCount nodes { number state role } } } }"""
ATTEMPTS = """query ($course: ID!, $member: ID, $staff: Boolean! = true) {
  attempts(courseId: $course, memberId: $member, includeStaff: $staff) {
    totalCount nodes { id number state reason member { displayName } endedBy { displayName }
      modules { nodes { title state score maxScore content { __typename } } } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { ... on Attempt { number state } } }"
SETTINGS = f"""mutation ($course: ID!, $policy: RetakePolicy, $limit: Int, $due: DateTime,
    $past: Boolean! = false, $days: Int) {{
  editCourseInfo(courseId: $course, retakePolicy: $policy, retakeLimit: $limit, dueAt: $due,
      allowPast: $past, certificateDays: $days) {{
    course {{ retakePolicy retakeLimit dueAt certificateDays }} {REFUSAL} }} }}"""
WORKSPACE = f"""mutation ($own: Boolean, $days: Int, $few: Int, $kept: Int) {{
  editWorkspaceSettings(allowsSelfAction: $own, latePlacementDays: $days, smallestGroup: $few,
      keptDays: $kept) {{
    workspace {{ allowsSelfAction latePlacementDays smallestGroup keptDays }} {REFUSAL} }} }}"""


@pytest.fixture
@furnished
async def school(world: World) -> World:
    """“Safety” is a lesson and a quiz. Mona manages, Ines instructs, Cora coordinates, Lea and Leo
    learn."""
    for name in ("Mona", "Ines", "Cora", "Lea", "Leo", "Nora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await consist_of(world, "Safety", Read=ModuleKind.LESSON, Quiz=ModuleKind.QUIZ)
    await world.enrol("Safety", "Lea", "Leo")
    return world


@pytest.fixture
def safety(school: World, ask: Ask) -> str:
    return ask.id("Course", "Safety")


def people(ask: Ask, *names: str) -> list[str]:
    return [ask.id("Member", name) for name in names]


@pytest.mark.spec("M16", "C22")
async def test_taking_a_module_shows_its_content_and_begins_the_attempt(
    safety: str, ask: Ask
) -> None:
    lesson = await ask.one(TAKE, by="Cora", course=safety, module=ask.id("Module", "Read"))
    quiz = await ask.one(TAKE, by="Cora", course=safety, module=ask.id("Module", "Quiz"))

    assert lesson["attempt"] == quiz["attempt"]
    assert (lesson["attempt"]["number"], lesson["attempt"]["role"]) == (1, "COORDINATOR")
    assert lesson["module"] == {
        "title": "Read",
        "kind": "LESSON",
        "state": "IN_PROGRESS",
        "revision": 1,
        "content": {"markdown": "Read."},
    }
    assert quiz["module"]["content"]["questions"] == [{"text": "?", "kind": "TRUE_FALSE"}]


async def test_the_same_key_begins_one_attempt_and_shows_it_again(safety: str, ask: Ask) -> None:
    module = ask.id("Module", "Read")
    first = await ask.one(TAKE, by="Lea", course=safety, module=module, key="once")
    again = await ask.one(TAKE, by="Lea", course=safety, module=module, key="once")

    assert first == again


@pytest.mark.spec("M16")
async def test_nobody_reads_content_through_an_attempt_but_who_takes_it(
    school: World, safety: str, ask: Ask
) -> None:
    await open_module(school, "Lea", "Read")
    own = await ask.one(ATTEMPTS, by="Lea", course=safety)
    of_others = await ask.one(ATTEMPTS, by="Cora", course=safety)
    await unenrol(school, "Lea")
    afterwards = await ask.one(ATTEMPTS, by="Lea", course=safety)

    def shown(page: Any) -> list[Any]:
        [attempt] = page["nodes"]
        return [each["content"] for each in attempt["modules"]["nodes"]]

    assert shown(own) == [{"__typename": "LessonContent"}, None]
    assert shown(of_others) == shown(afterwards) == [None, None]


@pytest.mark.spec("M17", "M18")
async def test_every_attempt_of_a_coordinator_stands_in_the_summary(
    school: World, safety: str, ask: Ask
) -> None:
    first = await ask.one(RETAKE, by="Cora", course=safety)
    assert first["refusal"]["code"] == "NOT_COMPLETED"
    for score in (7, 9):
        await ask.one(RETAKE if score == 9 else TAKE, by="Cora", course=safety)
        await read(school, "Cora", "Read")
        await work(school, "Cora", "Quiz", ModuleState.COMPLETED, score)
    await ask.one(RETAKE, by="Cora", course=safety)

    summary = await ask.one(SUMMARY, by="Cora", course=safety)

    assert [(each["number"], each["state"]) for each in summary["myAttempts"]["nodes"]] == [
        (1, "COMPLETED"),
        (2, "COMPLETED"),
        (3, "NOT_STARTED"),
    ]
    assert summary["myAttempts"]["totalCount"] == 3
    assert summary["myProgress"] == {
        "isLearner": False,
        "state": "COMPLETED",
        "percent": "90.00",
        "attempts": 3,
        "retakesMade": 1,
        "retakesLeft": None,
        "mayBegin": False,
        "obstacle": None,
        "dueAt": None,
    }


@pytest.mark.spec("M19")
async def test_a_refused_retake_names_the_limit_the_count_and_the_way_out(
    school: World, safety: str, ask: Ask
) -> None:
    await read(school, "Lea", "Read")
    await work(school, "Lea", "Quiz", ModuleState.COMPLETED, 9)

    refused = await ask.one(RETAKE, by="Lea", course=safety)
    denied = await ask.code(RETAKE, by="Ines", course=safety)
    summary = await ask.one(SUMMARY, by="Lea", course=safety)

    assert refused["attempt"] is None
    assert denied == "PERMISSION_DENIED"
    assert refused["refusal"]["code"] == "RETAKE_NOT_ALLOWED"
    assert refused["refusal"]["details"] == {
        "policy": "NONE",
        "limit": 0,
        "made": 0,
        "role": "LEARNER",
        "instead": ["resetProgress"],
    }
    progress = summary["myProgress"]
    assert (progress["mayBegin"], progress["obstacle"]) == (False, "RETAKE_NOT_ALLOWED")
    assert progress["retakesLeft"] == 0


@pytest.mark.spec("H1")
async def test_a_lesson_is_finished_and_an_attempt_handed_in(
    school: World, safety: str, ask: Ask
) -> None:
    finished = await ask.one(FINISH, by="Lea", course=safety, module=ask.id("Module", "Read"))
    handed_in = await ask.one(HAND_IN, by="Lea", course=safety)

    assert (finished["attempt"]["state"], finished["module"]["state"]) == (
        "IN_PROGRESS",
        "COMPLETED",
    )
    assert handed_in["attempt"] == {
        "state": "FAILED",
        "score": "0.00",
        "maxScore": "10.00",
        "percent": "0.00",
    }


@pytest.mark.spec("M4", "M38")
async def test_marking_complete_answers_for_each_person(
    school: World, safety: str, ask: Ask
) -> None:
    named = [*people(ask, "Lea", "Nora", "Cora"), encode("Member", 10**9)]
    done = await ask.one(COMPLETE, by="Cora", course=safety, people=named)
    denied = await ask.code(COMPLETE, by="Lea", course=safety, people=named)

    assert [(each["outcome"], each["member"]) for each in done["results"]] == [
        ("COMPLETED", {"displayName": "Lea"}),
        ("NOT_LEARNER", {"displayName": "Nora"}),
        ("SELF_ACTION", {"displayName": "Cora"}),
        ("NOT_FOUND", None),
    ]
    assert denied == "PERMISSION_DENIED"


@pytest.mark.spec("M5")
async def test_what_was_reset_stays_readable_with_actor_and_reason(
    school: World, safety: str, ask: Ask
) -> None:
    await open_module(school, "Lea", "Read")
    done = await ask.one(
        RESET, by="Cora", course=safety, people=people(ask, "Lea", "Leo"), reason="Mistaken."
    )
    await unenrol(school, "Lea")

    assert [each["outcome"] for each in done["results"]] == ["RESET", "NOTHING_TO_RESET"]
    for by in ("Cora", "Ines", "Mona", "Lea"):
        page = await ask.one(ATTEMPTS, by=by, course=safety, member=ask.id("Member", "Lea"))
        [attempt] = page["nodes"]
        assert (attempt["state"], attempt["reason"]) == ("RESET", "Mistaken.")
        assert attempt["endedBy"] == {"displayName": "Cora"}


@pytest.mark.spec("C2")
async def test_attempts_are_for_oneself_and_for_who_may_list_learners(
    school: World, safety: str, ask: Ask
) -> None:
    await school.member("Edda")
    await school.grant("Edda", Principal.COURSE_EDIT, course="Safety")
    begun = await start(school, "Lea")
    await start(school, "Leo")
    id = encode("Attempt", begun.id)

    seen = {
        by: (await ask.one(ATTEMPTS, by=by, course=safety))["totalCount"]
        for by in ("Mona", "Ines", "Cora", "Lea", "Edda", "Nora")
    }
    found = {by: await ask.one(NODE, by=by, id=id) for by in ("Cora", "Lea", "Leo", "Nora")}

    assert seen == {"Mona": 2, "Ines": 2, "Cora": 2, "Lea": 1, "Edda": 0, "Nora": 0}
    assert [by for by, node in found.items() if node] == ["Cora", "Lea"]


@pytest.mark.spec("M39")
async def test_attempts_of_staff_can_be_left_out(school: World, safety: str, ask: Ask) -> None:
    await start(school, "Lea")
    await start(school, "Cora")
    await start(school, "Ines")
    await dismiss(school, "Cora", CourseRoleKind.COORDINATOR)

    everybody = await ask.one(ATTEMPTS, by="Mona", course=safety)
    learners = await ask.one(ATTEMPTS, by="Mona", course=safety, staff=False)

    states = {each["member"]["displayName"]: each["state"] for each in everybody["nodes"]}
    assert states == {"Lea": "NOT_STARTED", "Cora": "ABANDONED", "Ines": "NOT_STARTED"}
    assert [each["member"]["displayName"] for each in learners["nodes"]] == ["Lea"]


@pytest.mark.spec("M14", "M19")
async def test_the_settings_of_a_course_are_changed_by_who_may_edit_it(
    school: World, safety: str, ask: Ask
) -> None:
    done = await ask.one(SETTINGS, by="Ines", course=safety, policy="LIMITED", limit=3, days=30)
    denied = await ask.code(SETTINGS, by="Cora", course=safety, policy="UNLIMITED")

    assert done["course"] == {
        "retakePolicy": "LIMITED",
        "retakeLimit": 3,
        "dueAt": None,
        "certificateDays": 30,
    }
    assert denied == "PERMISSION_DENIED"


@pytest.mark.spec("M38", "M36")
async def test_managers_alone_change_the_settings_of_the_workspace(school: World, ask: Ask) -> None:
    done = await ask.one(WORKSPACE, by="Mona", own=True, days=30, few=8, kept=3)
    beyond = await ask.one(WORKSPACE, by="Mona", days=4000)
    denied = await ask.code(WORKSPACE, by="Ines", own=False)

    assert done["workspace"] == {
        "allowsSelfAction": True,
        "latePlacementDays": 30,
        "smallestGroup": 8,
        "keptDays": 3,
    }
    assert beyond["refusal"]["path"] == ["latePlacementDays"]
    assert denied == "PERMISSION_DENIED"


@pytest.mark.spec("G6")
async def test_a_page_of_attempts_costs_the_same_however_long_it_is(
    school: World, safety: str, ask: Ask, statements: list[str]
) -> None:
    counts = []
    for number in range(2):
        for each in range(1 + 8 * number):
            name = f"Person {number} {each}"
            await school.member(name)
            await school.enrol("Safety", name)
            await start(school, name)
        statements.clear()
        page = await ask.one(ATTEMPTS, by="Cora", course=safety)
        counts.append((len(statements), page["totalCount"]))

    assert [total for _, total in counts] == [1, 10]
    assert len({count for count, _ in counts}) == 1


async def test_the_due_date_of_a_course_is_kept_in_its_history(
    school: World, safety: str, ask: Ask
) -> None:
    over = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat()
    refused = await ask.one(SETTINGS, by="Ines", course=safety, due=over)
    done = await ask.one(SETTINGS, by="Ines", course=safety, due=over, past=True)
    begun = await start(school, "Lea")

    assert refused["refusal"]["code"] == "DUE_DATE_IN_PAST"
    assert done["course"]["dueAt"] is not None
    assert "due_date.changed" in await school.verbs()
    [attempt] = await attempts_of(school, "Lea")
    assert attempt.id == begun.id
    assert attempt.due_at == dt.datetime.fromisoformat(over)
    await configure(school, due_at=None)
    assert [each.due_at for each in await attempts_of(school, "Lea")] == [attempt.due_at]


CAN: Final = """query ($on: [ID!]!) { viewer {
  can(operations: [RETAKE_AFTER_COMPLETION], on: $on) { isAllowed condition } } }"""
MAY: Final = """{ courses { nodes { title allowedActions { operation isAllowed condition } } } }"""


async def may_retake(ask: Ask, by: str, course: str) -> bool:
    """What the course itself and `viewer.can` answer, alike."""
    answer = await ask.one(CAN, by=by, on=[course])
    page = await ask.one(MAY, by=by)
    [safety] = [each for each in page["nodes"] if each["title"] == "Safety"]
    [action] = [
        each for each in safety["allowedActions"] if each["operation"] == "RETAKE_AFTER_COMPLETION"
    ]
    assert answer["can"] == [{key: action[key] for key in ("isAllowed", "condition")}]
    return bool(action["isAllowed"])


@pytest.mark.spec("M19", "G5")
async def test_a_course_tells_learners_whether_they_may_begin_again_and_is_right(
    school: World, safety: str, ask: Ask
) -> None:
    told, done = [], []
    await mark_complete(school, "Cora", "Lea")
    for policy, limit in (("NONE", None), ("LIMITED", 1), ("UNLIMITED", None)):
        await ask.one(SETTINGS, by="Mona", course=safety, policy=policy, limit=limit)
        for _ in range(2):
            told.append(await may_retake(ask, "Lea", safety))
            done.append((await ask.one(RETAKE, by="Lea", course=safety))["refusal"] is None)
            if done[-1]:
                await read(school, "Lea", "Read")
                await work(school, "Lea", "Quiz", ModuleState.COMPLETED, 5)

    assert told == done == [False, False, True, False, True, True]
    assert not await may_retake(ask, "Ines", safety)
    assert await may_retake(ask, "Cora", safety)


@pytest.mark.spec("G5")
async def test_whether_courses_may_be_begun_again_costs_one_statement_for_all_and_who_learns(
    school: World, ask: Ask, statements: list[str]
) -> None:
    async def cost(by: str) -> int:
        statements.clear()
        await ask.one(MAY, by=by)
        return len(statements)

    alone, instructing = await cost("Lea"), await cost("Ines")
    for n in range(12):
        await school.course(f"Course {n}", instructors=["Ines"])
        await school.enrol(f"Course {n}", "Lea")

    assert (await cost("Lea"), await cost("Ines")) == (alone, instructing)
    assert alone == instructing + 1
