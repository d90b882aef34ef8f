"""Files asked for, watched and called off through the schema."""

from typing import Any, Final

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.catalog import CourseState, ModuleKind
from operations import courses
from operations.jobs.asking import LONGEST_SAID, MOST_OF_ALL, MOST_OF_ONE
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

JOB: Final = """{ id kind format state done total percent createdAt finishedAt expiresAt fileName
  size url problem message }"""
PAYLOAD: Final = f"""{{ job {JOB} refusal {{ code message
  ... on LimitReached {{ limit count }} }} }}"""
LEARNERS: Final = f"""mutation ($course: ID!, $filter: LearnerFilter, $search: String) {{
  exportLearners(courseId: $course, filter: $filter, search: $search) {PAYLOAD} }}"""
MEMBERS: Final = f"mutation ($course: ID) {{ exportMembers(courseId: $course) {PAYLOAD} }}"
AUDIT: Final = f"mutation ($verbs: [String!]) {{ exportAuditLog(verbs: $verbs) {PAYLOAD} }}"
QUIZ: Final = f"""mutation ($course: ID!, $quiz: ID!) {{
  exportQuizInsights(courseId: $course, moduleId: $quiz) {PAYLOAD} }}"""
CANCEL: Final = f"mutation ($job: ID!) {{ cancelJob(jobId: $job) {PAYLOAD} }}"
ONE: Final = f"query ($job: ID!) {{ job(id: $job) {JOB} }}"
ALL: Final = "query { jobs(first: 50) { totalCount nodes { id state } } }"
NODE: Final = "query ($id: ID!) { node(id: $id) { id } }"


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Mona manages, Ines instructs Safety, Cora coordinates it; Lea learns."""
    for name in ("Mona", "Ines", "Cora", "Lea", "Nobody"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.module("Quiz", courses=["Safety"], kind=ModuleKind.QUIZ)
    await world.enrol("Safety", "Lea")
    return world


async def asked(ask: Ask, by: str = "Cora", **more: Any) -> dict[str, Any]:
    answer = await ask.one(LEARNERS, by=by, course=ask.id("Course", "Safety"), **more)
    return dict(answer["job"] or answer["refusal"])


@pytest.mark.spec("X5")
async def test_a_file_that_is_asked_for_waits_and_is_its_askers_alone(
    company: World, ask: Ask
) -> None:
    job = await asked(ask)
    node = {who: await ask.one(NODE, by=who, id=job["id"]) for who in company.members}

    assert (job["kind"], job["format"], job["state"]) == ("LEARNERS", "XLSX", "QUEUED")
    assert job["url"] is job["fileName"] is job["percent"] is None
    assert await ask.one(ONE, by="Cora", job=job["id"]) == job
    assert (await ask.one(ALL, by="Cora"))["nodes"] == [{"id": job["id"], "state": "QUEUED"}]
    for who in ("Mona", "Ines", "Lea", "Nobody"):
        assert await ask.code(ONE, by=who, job=job["id"]) == "NOT_FOUND"
        assert (await ask.one(ALL, by=who))["totalCount"] == 0
        refused = await ask.one(CANCEL, by=who, job=job["id"])
        assert refused["refusal"]["code"] == "NOT_FOUND"
        assert node[who] is None
    assert node["Cora"] == {"id": job["id"]}


@pytest.mark.spec("X5", "G9")
async def test_one_person_and_one_workspace_wait_for_so_many_files(
    company: World, ask: Ask
) -> None:
    for _ in range(MOST_OF_ONE):
        await asked(ask)
    refused = await asked(ask)
    others = await asked(ask, by="Ines")
    async with company.edge.transaction() as db:
        await db.execute(
            text("UPDATE job SET requested_by_id = :nobody"),
            {"nobody": company.members["Nobody"]},
        )
        await db.execute(
            text(
                "INSERT INTO job (workspace_id, kind, format, requested_by_id) SELECT workspace_id,"
                " 'MEMBERS', 'CSV', requested_by_id FROM job, generate_series(1, 12) LIMIT :left"
            ),
            {"left": MOST_OF_ALL - MOST_OF_ONE - 1},
        )
    everybodys = await asked(ask)

    assert refused["code"] == everybodys["code"] == "LIMIT_REACHED"
    assert (refused["limit"], refused["count"]) == (MOST_OF_ONE, MOST_OF_ONE)
    assert (everybodys["limit"], everybodys["count"]) == (MOST_OF_ALL, MOST_OF_ALL)
    assert "cancel one" in refused["message"]
    assert others["state"] == "QUEUED"


async def test_what_is_called_off_stays_so_and_what_is_over_is_not_called_off(
    company: World, ask: Ask
) -> None:
    first, second = await asked(ask), await asked(ask)
    canceled = await ask.one(CANCEL, by="Cora", job=first["id"])
    again = await ask.one(CANCEL, by="Cora", job=first["id"])
    async with company.edge.transaction() as db:
        await db.execute(text("UPDATE job SET state = 'DONE' WHERE state = 'QUEUED'"))
    over = await ask.one(CANCEL, by="Cora", job=second["id"])

    assert canceled["job"]["state"] == again["job"]["state"] == "CANCELED"
    assert over["refusal"]["code"] == "CONFLICT"
    assert (await company.verbs()).count("export.canceled") == 1


@pytest.mark.spec("C2", "X5")
async def test_who_may_not_see_it_may_not_have_a_file_of_it(company: World, ask: Ask) -> None:
    await company.course("Hidden", state=CourseState.DRAFT)
    hidden = ask.id("Course", "Hidden")
    before = await company.verbs()
    unknown = await ask.one(LEARNERS, by="Cora", course=encode("Course", 99_999))

    assert await ask.one(LEARNERS, by="Cora", course=hidden) == unknown
    assert unknown["refusal"]["code"] == "NOT_FOUND"
    for document in (MEMBERS, AUDIT):
        assert await ask.code(document, by="Cora") == "PERMISSION_DENIED"
    narrowed = {"memberState": ["ACTIVE"]}
    course = ask.id("Course", "Safety")
    assert await ask.code(LEARNERS, by="Lea", course=course, filter=narrowed) == (
        "PERMISSION_DENIED"
    ), "to narrow by something is to read it"
    assert await company.verbs() == before


@pytest.mark.spec("M10")
async def test_a_coordinator_exports_a_quiz_while_its_course_is_active(
    company: World, ask: Ask
) -> None:
    quiz = {"course": ask.id("Course", "Safety"), "quiz": ask.id("Module", "Quiz")}
    active = await ask.one(QUIZ, by="Cora", **quiz)
    async with company.edge.transaction() as db:
        await courses.edit(
            db,
            by=company.system,
            course_id=company.courses["Safety"],
            changes={"state": CourseState.ARCHIVED},
        )
    archived = await ask.one(QUIZ, by="Cora", **quiz)

    assert active["job"]["kind"] == "QUIZ_INSIGHTS"
    assert archived["refusal"]["code"] == "COURSE_NOT_ACTIVE"
    for who in ("Ines", "Mona"):
        assert (await ask.one(QUIZ, by=who, **quiz))["job"] is not None
    assert await ask.code(QUIZ, by="Lea", **quiz) == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (AUDIT, {"verbs": ["a.b"] * 51}),
        (AUDIT, {"verbs": ["DROP TABLE"]}),
        (MEMBERS, {"course": "nonsense"}),
        (MEMBERS, {"course": encode("Course", 10**30)}),
    ],
)
async def test_what_means_nothing_is_refused_as_it_is_asked_for(
    company: World, ask: Ask, document: str, said: dict[str, Any]
) -> None:
    answer = await ask.one(document, by="Mona", **said)

    assert answer["job"] is None
    assert answer["refusal"]["code"] in {"BAD_USER_INPUT", "NOT_FOUND"}


async def test_a_huge_filter_is_refused_with_how_large_it_may_be(company: World, ask: Ask) -> None:
    refused = await asked(ask, by="Mona", search="x" * 201)
    assert refused["code"] == "BAD_USER_INPUT"

    many = {"state": ["FAILED"] * LONGEST_SAID}
    answer = await ask.whole(LEARNERS, by="Mona", course=ask.id("Course", "Safety"), filter=many)
    assert str(LONGEST_SAID) in str(answer)
