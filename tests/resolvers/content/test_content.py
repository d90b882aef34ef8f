"""Content through the contract: written, published, compared and previewed; and no way for whoever
coordinates or learns to see any of it without an attempt (M13, M16, C2, C22)."""

from typing import Any

import pytest

from operations.content.questions import LessonContent
from operations.content.writing import WrittenQuiz
from resolvers.ids import encode
from tests.content import EVERY_KIND, as_written
from tests.furnishing import furnished
from tests.operations.content.test_attachments import add
from tests.operations.content.writing import (
    MAY_LOOK,
    MAY_NEITHER,
    MAY_WRITE,
    edit,
    open_school,
    publish,
)
from tests.resolvers.asking import Ask
from tests.world import World

pytestmark = pytest.mark.timeout(120)

SECRET = "The rope breaks at nine kilonewtons."

REFUSAL = """refusal { code message path ... on PlainRefusal { details }
  ... on InvalidContent { problems { kind path message limit actual } } }"""
QUESTION = """number kind text html points choices { number text isCorrect } isTrue acceptedTexts
  isCaseSensitive acceptedNumber tolerance"""
CONTENT = f"""content {{ __typename ... on LessonContent {{ markdown html }}
  ... on QuizContent {{ points passPercent submissionCap showsKey questions {{ {QUESTION} }} }}
  ... on AssignmentContent {{ instructions assignmentHtml: html points passPercent }} }}"""
MODULE = f"""query ($id: ID!) {{ module(id: $id) {{ title revision
  draft {{ version editedAt editedBy {{ displayName }} problems {{ kind path }} {CONTENT} }}
  revisions {{ totalCount nodes {{ number title note publishedBy {{ displayName }} {CONTENT} }} }}
  attachments {{ totalCount nodes {{ fileName reference href size uploadedBy {{ displayName }} }} }}
}} }}"""
EDIT = f"""mutation ($id: ID!, $version: Int!, $content: ContentToWrite!) {{
  editModuleContent(moduleId: $id, version: $version, content: $content) {{
    module {{ draft {{ version {CONTENT} problems {{ kind path }} }} }} {REFUSAL} }} }}"""
PUBLISH = f"""mutation ($id: ID!, $version: Int, $note: String! = "") {{
  publishModule(moduleId: $id, version: $version, note: $note) {{
    module {{ revision }} {REFUSAL} }} }}"""
REVERT = f"""mutation ($id: ID!) {{ revertModule(moduleId: $id) {{
  module {{ draft {{ version {CONTENT} }} }} {REFUSAL} }} }}"""
RENAME = f"""mutation ($id: ID!, $title: String!) {{ renameModule(moduleId: $id, title: $title) {{
  module {{ title }} {REFUSAL} }} }}"""
REMOVE = f"""mutation ($id: ID!) {{ removeAttachment(attachmentId: $id) {{
  module {{ attachments {{ totalCount }} }} {REFUSAL} }} }}"""
PREVIEW = f"""query ($id: ID!, $revision: Int) {{
  previewUntracked(moduleId: $id, revision: $revision) {{ number title {CONTENT} }} }}"""
CHANGE = "name before after diff"
COMPARE = f"""query ($id: ID!, $before: Int!, $after: Int) {{
  compareRevisions(moduleId: $id, before: $before, after: $after) {{ isEqual
    changes {{ {CHANGE} }}
    questions {{ number placeBefore placeAfter changes {{ {CHANGE} }} }} }} }}"""
SAID = """content { ... on LessonContent { markdown html }
  ... on QuizContent { questions { text choices { isCorrect } } } }"""
ALL = f"""title draft {{ {SAID} }} revisions(first: 3) {{ nodes {{ note {SAID} }} }}
  attachments(first: 2) {{ nodes {{ fileName }} }}"""
EVERYWHERE = f"""query ($id: ID!, $course: ID!, $file: ID!) {{
  node(id: $id) {{ ... on Module {{ {ALL} }} }}
  file: node(id: $file) {{ ... on Attachment {{ fileName href }} }}
  modules(first: 4) {{ nodes {{ {ALL} }} }}
  course(id: $course) {{ modules(first: 4) {{ nodes {{ {ALL} }} }} }}
  previewUntracked(moduleId: $id) {{ {SAID} }}
  compareRevisions(moduleId: $id, before: 1) {{ changes {{ before after }} }} }}"""


@pytest.fixture
@furnished
async def office(world: World, ask: Ask) -> World:
    await open_school(world)
    ask.settle()
    return world


def id_of(world: World, module: str = "Ropes") -> str:
    return encode("Module", world.modules[module])


@pytest.mark.spec("C22", "H2")
async def test_a_quiz_is_written_published_changed_compared_and_brought_back(
    office: World, ask: Ask
) -> None:
    exam = id_of(office, "Exam")
    quiz = {
        "quiz": {
            "passPercent": 60,
            "questions": [
                {
                    "kind": "SINGLE_CHOICE",
                    "text": "Which *one*?",
                    "choices": [{"text": "This", "isCorrect": True}, {"text": "That"}],
                },
                {"kind": "NUMBER", "text": "Pi?", "acceptedNumber": "3.14", "tolerance": 0.01},
            ],
        }
    }

    written = await ask.one(EDIT, by="Ina", id=exam, version=0, content=quiz)
    published = await ask.one(PUBLISH, by="Ina", id=exam, version=1, note="First.")
    questions = written["module"]["draft"]["content"]["questions"]
    questions[0] |= {"text": "Which?"}
    content = {"quiz": {"passPercent": 60, "questions": [_sent(questions[0])]}}
    changed = await ask.one(EDIT, by="Ina", id=exam, version=1, content=content)
    compared = await ask.one(COMPARE, by="Ina", id=exam, before=1)
    reverted = await ask.one(REVERT, by="Ina", id=exam)

    assert written["refusal"] is published["refusal"] is changed["refusal"] is None
    draft = written["module"]["draft"]
    assert (draft["version"], draft["problems"]) == (1, [])
    assert questions[1] == {
        "number": 4,
        "kind": "NUMBER",
        "text": "Pi?",
        "html": "<p>Pi?</p>\n",
        "points": "1",
        "choices": [],
        "isTrue": None,
        "acceptedTexts": None,
        "isCaseSensitive": None,
        "acceptedNumber": "3.14",
        "tolerance": "0.01",
    }
    assert published["module"]["revision"] == 1
    assert compared == {
        "isEqual": False,
        "changes": [],
        "questions": [
            {
                "number": 1,
                "placeBefore": 1,
                "placeAfter": 1,
                "changes": [
                    {
                        "name": "text",
                        "before": "Which *one*?",
                        "after": "Which?",
                        "diff": "@@ -1 +1 @@\n-Which *one*?\n+Which?",
                    }
                ],
            },
            {"number": 4, "placeBefore": 2, "placeAfter": None}
            | {"changes": compared["questions"][1]["changes"]},
        ],
    }
    assert reverted["module"]["draft"]["version"] == 3
    assert len(reverted["module"]["draft"]["content"]["questions"]) == 2


def _sent(question: dict[str, Any]) -> dict[str, Any]:
    """What a form sends back of a question it was given."""
    kept = ("number", "kind", "text", "points", "choices")
    return {name: question[name] for name in kept}


async def test_what_is_wrong_with_content_is_told_all_at_once_and_where(
    office: World, ask: Ask
) -> None:
    quiz = {
        "quiz": {
            "passPercent": 101,
            "questions": [
                {"kind": "ESSAY", "text": "x" * 10_001, "points": "1E+9999"},
                {"kind": "ESSAY", "text": "a\u202eb"},
            ],
        }
    }

    refused = await ask.one(EDIT, by="Ina", id=id_of(office, "Exam"), version=0, content=quiz)

    assert refused["refusal"]["code"] == "INVALID_CONTENT"
    found = [(each["kind"], each["path"]) for each in refused["refusal"]["problems"]]
    assert found == [
        ("OUT_OF_RANGE", ["passPercent"]),
        ("TOO_LONG", ["questions", "0", "text"]),
        ("OUT_OF_RANGE", ["questions", "0", "points"]),
        ("BAD_CHARACTER", ["questions", "1", "text"]),
    ]
    assert refused["refusal"]["problems"][1]["limit"] == 10_000
    assert refused["refusal"]["problems"][1]["actual"] == 10_001


async def test_a_stale_version_is_a_conflict_that_says_the_present_one(
    office: World, ask: Ask
) -> None:
    await edit(office, "Ina", "Ropes", "One")
    lesson = {"lesson": {"markdown": "Mine"}}

    refused = await ask.one(EDIT, by="Edda", id=id_of(office), version=0, content=lesson)

    assert refused["refusal"]["code"] == "CONFLICT"
    assert refused["refusal"]["path"] == ["version"]
    assert refused["refusal"]["details"]["version"] == 1


async def test_exactly_one_kind_of_content_is_said(office: World, ask: Ask) -> None:
    both = {"lesson": {"markdown": "x"}, "assignment": {"instructions": "y"}}
    for content in ({}, both, {"lesson": None}):
        answer = await ask.whole(EDIT, by="Ina", id=id_of(office), version=0, content=content)

        assert answer["errors"], content
    await edit(office, "Ina", "Ropes", LessonContent("Kept"), 0)


@pytest.mark.spec("C22", "C14")
@pytest.mark.parametrize("name", ["Edda", "Cleo", "Dan"])
async def test_whoever_may_write_a_module_sees_all_of_its_content(
    office: World, ask: Ask, name: str
) -> None:
    assert name in MAY_WRITE
    await _fill(office)

    module = await ask.one(MODULE, by=name, id=id_of(office))

    assert module["revision"] == 2
    assert module["draft"]["content"]["markdown"] == f"# Third\n\n{SECRET}"
    assert module["draft"]["editedBy"]["displayName"] == "Ina"
    assert [each["number"] for each in module["revisions"]["nodes"]] == [2, 1]
    assert [each["note"] for each in module["revisions"]["nodes"]] == ["Two.", "One."]
    assert module["attachments"]["totalCount"] == 1


@pytest.mark.spec("C10")
@pytest.mark.parametrize("name", MAY_LOOK)
async def test_whoever_teaches_sees_what_was_published_and_no_draft(
    office: World, ask: Ask, name: str
) -> None:
    await _fill(office)

    answer = await ask.whole(MODULE, by=name, id=id_of(office))
    preview = await ask.one(PREVIEW, by=name, id=id_of(office))
    older = await ask.one(PREVIEW, by=name, id=id_of(office), revision=1)

    assert answer["data"]["module"]["draft"] is None
    assert answer["data"]["module"]["revisions"]["totalCount"] == 2
    assert (preview["number"], older["number"]) == (2, 1)
    assert SECRET in preview["content"]["markdown"]
    assert await ask.code(COMPARE, by=name, id=id_of(office), before=1) == "PERMISSION_DENIED"
    assert (await ask.one(COMPARE, by=name, id=id_of(office), before=1, after=2))["changes"]


@pytest.mark.spec("M13", "M16", "C2")
@pytest.mark.parametrize("name", MAY_NEITHER)
async def test_coordinators_and_learners_see_content_on_no_path(
    office: World, ask: Ask, name: str
) -> None:
    file = await _fill(office)

    answer = await ask.whole(
        EVERYWHERE,
        by=name,
        id=id_of(office),
        course=encode("Course", office.courses["Safety"]),
        file=encode("Attachment", file),
    )

    assert answer["data"]["course"]["modules"]["nodes"], "there was something to see"
    said = str(answer)
    assert SECRET not in said
    assert "Slides" not in said
    assert "attachments/" not in said
    assert "Two." not in said
    assert answer["data"]["file"] is None
    assert answer["data"]["previewUntracked"] is None
    assert answer["data"]["compareRevisions"] is None
    codes = {each["extensions"]["code"] for each in answer["errors"]}
    assert codes <= {"PERMISSION_DENIED", "NOT_FOUND"}


@pytest.mark.spec("M13", "C12", "C13")
@pytest.mark.parametrize("name", [*MAY_NEITHER, *MAY_LOOK])
async def test_nobody_else_changes_content(office: World, ask: Ask, name: str) -> None:
    file = await _fill(office)
    before = await office.verbs()
    lesson = {"lesson": {"markdown": "Mine"}}
    here = id_of(office)

    answers = [
        await ask.whole(EDIT, by=name, id=here, version=3, content=lesson),
        await ask.whole(PUBLISH, by=name, id=here),
        await ask.whole(REVERT, by=name, id=here),
        await ask.whole(RENAME, by=name, id=here, title="Mine"),
        await ask.whole(REMOVE, by=name, id=encode("Attachment", file)),
    ]

    for each in answers[:4]:
        assert [one["extensions"]["code"] for one in each["errors"]] == ["PERMISSION_DENIED"]
    gone = answers[4]["data"]["removeAttachment"]
    assert gone is None or gone["refusal"]["code"] == "NOT_FOUND"
    assert await office.verbs() == before


async def test_a_repeat_with_the_same_key_writes_once(office: World, ask: Ask) -> None:
    document = EDIT.replace("content: $content)", 'content: $content, idempotencyKey: "k")')
    lesson = {"lesson": {"markdown": "One"}}

    first = await ask.one(document, by="Ina", id=id_of(office), version=0, content=lesson)
    second = await ask.one(document, by="Ina", id=id_of(office), version=0, content=lesson)

    assert first == second
    assert (await office.verbs()).count("module.edited") == 1


@pytest.mark.spec("G6")
async def test_content_of_many_modules_costs_as_many_statements_as_of_one(
    office: World, ask: Ask, statements: list[str]
) -> None:
    document = f"""query ($search: String) {{ modules(first: 12, search: $search) {{ nodes {{
      draft {{ version editedBy {{ displayName }} problems {{ kind }} {SAID} }}
      revisions(first: 1) {{ totalCount nodes {{ publishedBy {{ displayName }} {SAID} }} }}
      attachments(first: 1) {{ totalCount nodes {{ uploadedBy {{ displayName }} }} }} }} }} }}"""
    for number in range(12):
        title = f"Knot {number:02}"
        await office.module(title, courses=["Safety"])
        file = await add(office, "Ina", title)
        await edit(office, "Ina", title, f"[x](attachment:{file})")
        await publish(office, "Ina", title)
    counts = []
    for search in ("Knot 00", "Knot"):
        statements.clear()
        page = await ask.one(document, by="Ina", search=search)
        counts.append((len(page["nodes"]), len(statements)))

    assert [rows for rows, _ in counts] == [1, 12]
    assert counts[0][1] == counts[1][1]


async def _fill(office: World) -> int:
    """Two revisions of Ropes, a draft that says something else, and a file."""
    file = await add(office, "Ina", "Ropes", "Slides.pdf")
    for heading, note in (("First", "One."), ("Second", "Two.")):
        text = f"# {heading}\n\n{SECRET} ![x](attachment:{file})"
        await edit(office, "Ina", "Ropes", text)
        await publish(office, "Ina", "Ropes", note=note)
    await edit(office, "Ina", "Ropes", f"# Third\n\n{SECRET}")
    written = as_written(EVERY_KIND)
    assert isinstance(written, WrittenQuiz)
    await edit(office, "Ina", "Exam", written)
    await publish(office, "Ina", "Exam")
    return file
