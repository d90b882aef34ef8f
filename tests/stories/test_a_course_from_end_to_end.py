"""A course, end to end and through the API alone: it is written, people are assigned, someone
learns, is graded and certified, and a stranger checks the certificate (M1, M16, H1–H4)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from access.permissions import Principal
from tests.pdf import words
from tests.stories.running import Company, Found, System

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.spec("M1", "M13", "M16", "H1", "H2", "H3", "H4"),
]

QUIZ = {
    "quiz": {
        "passPercent": 60,
        "questions": [
            {
                "kind": "SINGLE_CHOICE",
                "text": "Where is the **assembly point**?",
                "choices": [{"text": "The courtyard", "isCorrect": True}, {"text": "The lift"}],
            },
            {"kind": "ESSAY", "text": "How do you get there?", "points": "3"},
        ],
    }
}

WRITE = """mutation ($module: ID!, $content: ContentToWrite!) {
  editModuleContent(moduleId: $module, version: 0, content: $content) {
    refusal { code message } module { draft { version problems { message } } } }
  publishModule(moduleId: $module, note: "First edition") {
    refusal { code message } module { revisions { nodes { number } } } } }"""
TAKE = """mutation ($course: ID!, $module: ID!) {
  takeCourseTracked(courseId: $course, moduleId: $module) {
    refusal { code } attempt { number state role }
    module { state content {
      ... on LessonContent { html }
      ... on QuizContent { questions { number text choices { number text } } } } } } }"""
ASSIGN = """mutation ($course: ID!, $people: [ID!]!, $dryRun: Boolean!) {
  assignLearner(courseId: $course, memberIds: $people, dryRun: $dryRun) {
    refusal { code } results { outcome member { displayName } } } }"""
ROWS = """query ($course: ID!) { listLearners(courseId: $course) { totalCount nodes {
  member { displayName } state percent certificate { state pdfUrl code }
  allowedActions { operation isAllowed reason } } } }"""
GRADE = """mutation ($id: ID!, $version: Int!, $essay: Int!) {
  gradeAnswers(submissionId: $id, atVersion: $version,
    grades: [{question: $essay, points: "2", feedback: "And the stairs?"}]) {
    refusal { code message } submission { state score isPassed } } }"""
VERIFY = """query ($code: String!) {
  verifyCertificateByCode(code: $code) { learnerName courseTitle state } }"""


class Caller:
    """Somebody who asks; nobody in particular without a token."""

    def __init__(self, client: httpx.AsyncClient, token: str | None = None) -> None:
        self._client = client
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What is answered, which is no error and no refusal."""
        body = await self.ask_all(query, **variables)
        assert "errors" not in body, body
        for each in body["data"].values():
            assert not (isinstance(each, dict) and each.get("refusal")), each
        data: dict[str, Any] = body["data"]
        return data

    async def ask_all(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = await self._client.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self._headers
        )
        body: dict[str, Any] = answer.json()
        return body

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path, headers=self._headers)


@pytest.fixture
async def client(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=system.url, timeout=30) as opened:
        yield opened


async def write(wilma: Caller, company: Company) -> tuple[str, dict[str, str]]:
    """A course of a lesson and a quiz, and who is who on it; the ids of course and modules."""
    made = await wilma.ask('mutation { createDepartment(name: "Safety") { department { id } } }')
    department = made["createDepartment"]["department"]["id"]
    modules = {}
    for title, kind, content in (
        ("Ways out", "LESSON", {"lesson": {"markdown": "# Ways out\n\n<script>alert(1)</script>"}}),
        ("Test", "QUIZ", QUIZ),
    ):
        created = await wilma.ask(
            "mutation ($d: ID!, $t: String!, $k: ModuleKind!) {"
            " createModule(departmentId: $d, title: $t, kind: $k) { module { id } } }",
            d=department,
            t=title,
            k=kind,
        )
        modules[title] = created["createModule"]["module"]["id"]
        written = await wilma.ask(WRITE, module=modules[title], content=content)
        assert written["editModuleContent"]["module"]["draft"]["problems"] == []
    course = await wilma.ask(
        """mutation ($d: ID!, $cora: [ID!]) { createCourse(departmentId: $d, title: "Fire Safety",
             kind: SELF_PACED, state: ACTIVE, coordinatorIds: $cora) { refusal { code }
             course { id } } }""",
        d=department,
        cora=[company.id("Member", "Cora")],
    )
    course_id = course["createCourse"]["course"]["id"]
    await wilma.ask(
        """mutation ($c: ID!, $m: [ID!]!, $d: [ID!]!, $gil: [ID!]!) {
             addRemoveModules(courseId: $c, addModuleIds: $m) { refusal { code } }
             editCourseInfo(courseId: $c, certifiesCompletion: true) { refusal { code } }
             manageDepartmentTeam(departmentIds: $d, memberIds: $gil, give: [TEACH]) {
               refusal { code } } }""",
        c=course_id,
        m=list(modules.values()),
        d=[department],
        gil=[company.id("Member", "Gil")],
    )
    return course_id, modules


async def learn(lea: Caller, course: str, modules: dict[str, str]) -> tuple[str, int]:
    """Read the lesson, answer the quiz, hand it in; the submission and its essay."""
    read = await lea.ask(TAKE, course=course, module=modules["Ways out"])
    taken = read["takeCourseTracked"]
    assert taken["attempt"] == {"number": 1, "state": "IN_PROGRESS", "role": "LEARNER"}
    assert "<script" not in taken["module"]["content"]["html"]
    await lea.ask(
        "mutation ($c: ID!, $m: ID!) { completeLesson(courseId: $c, moduleId: $m) {"
        " refusal { code } attempt { state } } }",
        c=course,
        m=modules["Ways out"],
    )
    opened = await lea.ask(TAKE, course=course, module=modules["Test"])
    choice, essay = opened["takeCourseTracked"]["module"]["content"]["questions"]
    [right] = [each["number"] for each in choice["choices"] if each["text"] == "The courtyard"]
    begun = await lea.ask(
        "mutation ($c: ID!, $m: ID!) { startSubmission(courseId: $c, moduleId: $m) {"
        " refusal { code } submission { id } } }",
        c=course,
        m=modules["Test"],
    )
    submission: str = begun["startSubmission"]["submission"]["id"]
    await lea.ask(
        """mutation ($id: ID!, $answers: [AnswerToSave!]!) {
             saveAnswers(submissionId: $id, answers: $answers) { refusal { code message } }
             submitAnswers(submissionId: $id) { refusal { code } submission { state } } }""",
        id=submission,
        answers=[
            {"question": choice["number"], "choices": [right]},
            {"question": essay["number"], "text": "Down."},
        ],
    )
    return submission, essay["number"]


async def test_a_course_is_written_taken_graded_certified_and_checked(
    client: httpx.AsyncClient, found: Found
) -> None:
    company = await found()
    for name in ("Wilma", "Cora", "Gil", "Lea"):
        await company.world.member(name, emails=[f"{name.lower()}@example.com"])
    await company.world.grant("Wilma", Principal.WORKSPACE_MANAGER)
    wilma, cora, gil, lea = (
        Caller(client, company.token(name)) for name in ("Wilma", "Cora", "Gil", "Lea")
    )
    stranger = Caller(client)
    course, modules = await write(wilma, company)

    for dry_run in (True, False):
        assigned = await cora.ask(
            ASSIGN, course=course, people=[company.id("Member", "Lea")], dryRun=dry_run
        )
        assert [each["outcome"] for each in assigned["assignLearner"]["results"]] == ["ASSIGNED"]
    submission, essay = await learn(lea, course, modules)

    [row] = (await cora.ask(ROWS, course=course))["listLearners"]["nodes"]
    assert (row["state"], row["certificate"]) == ("SUBMITTED", None)
    hidden = await cora.ask_all("query ($id: ID!) { node(id: $id) { id } }", id=submission)
    assert hidden["data"]["node"] is None
    denied = await cora.ask_all(GRADE, id=submission, version=1, essay=essay)
    assert denied["data"]["gradeAnswers"] is None or denied["data"]["gradeAnswers"]["refusal"]
    waiting = await gil.ask("{ submissionsToGrade { nodes { id version } } }")
    [to_grade] = waiting["submissionsToGrade"]["nodes"]
    graded = await gil.ask(GRADE, id=to_grade["id"], version=to_grade["version"], essay=essay)
    assert graded["gradeAnswers"]["submission"] == {
        "state": "GRADED",
        "score": "3.00",
        "isPassed": True,
    }

    [row] = (await cora.ask(ROWS, course=course))["listLearners"]["nodes"]
    assert (row["state"], row["certificate"]["state"]) == ("COMPLETED", "ISSUED")
    possible = {each["operation"] for each in row["allowedActions"] if each["isAllowed"]}
    assert {"RESET_PROGRESS", "UNASSIGN_LEARNER", "REMOVE_CERTIFICATE"} <= possible
    pdf = await lea.get(httpx.URL(row["certificate"]["pdfUrl"]).path)
    assert pdf.headers["content-type"] == "application/pdf"
    assert "Fire Safety" in words(pdf.content)
    assert (await stranger.get(httpx.URL(row["certificate"]["pdfUrl"]).path)).status_code == 401

    code = row["certificate"]["code"]
    checked = (await stranger.ask(VERIFY, code=code))["verifyCertificateByCode"]
    assert checked == {"learnerName": "Lea", "courseTitle": "Fire Safety", "state": "ISSUED"}
    await cora.ask(
        """mutation ($c: ID!, $lea: ID!, $people: [ID!]!) {
             unassignLearner(courseId: $c, memberIds: $people) { refusal { code } }
             removeCertificate(reason: "Shared the answers.", courseId: $c, memberId: $lea) {
               refusal { code } } }""",
        c=course,
        lea=company.id("Member", "Lea"),
        people=[company.id("Member", "Lea")],
    )
    page = await stranger.get(f"/verify/{code}")
    assert "revoked" in page.text.lower()
