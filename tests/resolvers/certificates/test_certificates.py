"""Certificates through GraphQL: made, revoked, read and designed."""

from typing import Any

import pytest

from resolvers.ids import encode
from tests.certifying import REASON, School
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

GENERATE = """mutation ($course: ID!, $person: ID!) {
  generateCertificate(courseId: $course, memberId: $person) {
    cursor refusal { code message }
    certificate { id serial code state learnerName courseTitle issuedOn expiresOn pdfUrl verifyUrl
                  templateVersion issuedBy { displayName } member { displayName } course { title } }
  } }"""
REMOVE = """mutation ($id: ID, $course: ID, $person: ID, $reason: String!) {
  removeCertificate(certificateId: $id, courseId: $course, memberId: $person, reason: $reason) {
    refusal { code message } certificate { id state reason endedAt endedBy { displayName } }
  } }"""
MINE = "{ viewer { certificates(first: 2) { totalCount nodes { serial state reason } } } }"
OF_LEARNERS = """query ($course: ID!) { listLearners(courseId: $course) { nodes {
  member { displayName } certificate { serial } certificates { serial state } } } }"""
EDIT = """mutation ($course: ID!, $text: String, $accent: String,
                    $signatures: [CertificateSignatureInput!]) {
  editCertificateTemplate(courseId: $course, text: $text, accent: $accent, signatures: $signatures)
  { refusal { code message ... on PlainRefusal { details } }
    template { version text accent language orientation signatures { name title }
               variables { name } previewUrl } } }"""
PREVIEW = """query ($course: ID!, $text: String) {
  previewCertificate(courseId: $course, text: $text) {
    heading paragraphs serial pdfUrl signatures { name } } }"""


@pytest.fixture
@furnished
async def school(world: World) -> School:
    return await School.open(world)


@pytest.fixture
async def ask(school: School) -> Ask:
    await school.complete("Lea")
    return Ask(school.world)


def selling(ask: Ask, person: str = "Lea") -> dict[str, str]:
    return {"course": ask.id("Course", "Selling"), "person": ask.id("Member", person)}


async def made(ask: Ask, by: str = "Cora", person: str = "Lea") -> dict[str, Any]:
    answer = await ask.one(GENERATE, by=by, **selling(ask, person))
    assert answer["refusal"] is None
    certificate: dict[str, Any] = answer["certificate"]
    return certificate


@pytest.mark.spec("M6")
async def test_a_certificate_says_all_that_is_printed_and_where_it_is(ask: Ask) -> None:
    said = await made(ask)

    id, code = said["id"], said["code"]
    assert said.pop("issuedOn") > "2026"
    assert said == {
        "id": id,
        "serial": "ACME-000001",
        "code": code,
        "state": "ISSUED",
        "learnerName": "Lea",
        "courseTitle": "Selling",
        "expiresOn": None,
        "pdfUrl": f"/certificates/{id}.pdf",
        "verifyUrl": f"/verify/{code}",
        "templateVersion": 0,
        "issuedBy": {"displayName": "Cora"},
        "member": {"displayName": "Lea"},
        "course": {"title": "Selling"},
    }


@pytest.mark.spec("M6", "M38")
@pytest.mark.parametrize(
    ("by", "person", "code"),
    [("Cora", "Kim", "NOT_COMPLETED"), ("Nils", "Lea", "NOT_FOUND")],
)
async def test_refusals_are_data(ask: Ask, by: str, person: str, code: str) -> None:
    answer = await ask.one(GENERATE, by=by, **selling(ask, person))

    assert answer["refusal"]["code"] == code
    assert answer["certificate"] is None


@pytest.mark.spec("M7")
@pytest.mark.parametrize("is_by_id", [True, False])
async def test_it_is_removed_by_its_id_or_by_course_and_person(ask: Ask, is_by_id: bool) -> None:
    certificate = await made(ask)
    named = {"id": certificate["id"]} if is_by_id else selling(ask)

    answer = await ask.one(REMOVE, by="Ingrid", reason=REASON, **named)

    said = answer["certificate"]
    assert said["endedAt"] is not None
    assert (said["state"], said["reason"]) == ("REVOKED", REASON)
    assert said["endedBy"] == {"displayName": "Ingrid"}
    again = await ask.one(REMOVE, by="Ingrid", reason=REASON, **named)
    assert again["refusal"]["code"] == "CERTIFICATE_ENDED"


async def test_what_is_to_be_removed_is_named_in_one_way(ask: Ask) -> None:
    certificate = await made(ask)
    person = selling(ask)["person"]
    for named in ({}, {"person": person}, {"id": certificate["id"], "person": person}):
        answer = await ask.one(REMOVE, by="Cora", reason=REASON, **named)
        assert answer["refusal"]["code"] == "BAD_USER_INPUT"


@pytest.mark.spec("M7", "H4")
async def test_one_reads_one_s_own_newest_first(ask: Ask) -> None:
    for _ in range(3):
        await made(ask)
    await ask.one(REMOVE, by="Cora", reason=REASON, **selling(ask))

    assert (await ask.one(MINE, by="Lea"))["certificates"] == {
        "totalCount": 3,
        "nodes": [
            {"serial": "ACME-000003", "state": "REVOKED", "reason": REASON},
            {"serial": "ACME-000002", "state": "SUPERSEDED", "reason": None},
        ],
    }
    assert (await ask.one(MINE, by="Cora"))["certificates"]["totalCount"] == 0


@pytest.mark.spec("G6")
async def test_those_of_all_learners_cost_what_those_of_one_cost(
    ask: Ask, school: School, statements: list[str]
) -> None:
    await made(ask)
    await made(ask)
    statements.clear()
    await ask.one(OF_LEARNERS, by="Cora", course=selling(ask)["course"])
    few = len(statements)
    names = [f"Person {number}" for number in range(12)]
    for name in names:
        await school.world.member(name)
    await school.world.enrol("Selling", *names)
    await school.complete(*names)
    for name in names:
        await school.generate(name)
    statements.clear()

    page = await ask.one(OF_LEARNERS, by="Cora", course=selling(ask)["course"])

    assert len(statements) == few
    found = {each["member"]["displayName"]: each for each in page["nodes"]}
    assert [each["state"] for each in found["Lea"]["certificates"]] == ["ISSUED", "SUPERSEDED"]
    assert found["Lea"]["certificate"] == {"serial": "ACME-000002"}
    assert found["Kim"]["certificates"] == []
    assert len(found["Person 11"]["certificates"]) == 1


@pytest.mark.spec("C2")
async def test_node_gives_it_to_whoever_may_see_it(ask: Ask) -> None:
    id = (await made(ask))["id"]
    document = "query ($id: ID!) { node(id: $id) { ... on Certificate { learnerName } } }"

    seen = {
        by: (await ask.one(document, by=by, id=id)) is not None
        for by in ("Mo", "Dora", "Ingrid", "Cora", "Lea", "Kim", "Edda", "Nils")
    }

    assert {by for by, sees in seen.items() if sees} == {"Mo", "Dora", "Ingrid", "Cora", "Lea"}
    assert await ask.one(document, by="Mo", id=encode("Certificate", 2**63)) is None


async def test_who_made_it_is_for_those_who_handle_certificates(ask: Ask) -> None:
    await made(ask)
    document = "{ viewer { certificates { nodes { serial issuedBy { displayName } } } } }"

    [error] = await ask.errors(document, by="Lea")

    assert error["extensions"]["code"] == "PERMISSION_DENIED"
    assert error["extensions"]["coordinate"] == "Certificate.issuedBy"


@pytest.mark.spec("H4")
async def test_a_template_is_edited_a_part_at_a_time(ask: Ask) -> None:
    course = selling(ask)["course"]
    signatures = [{"name": "Wilma", "title": "Head of {{workspaceName}}"}]
    await ask.one(EDIT, by="Edda", course=course, signatures=signatures)

    answer = await ask.one(EDIT, by="Edda", course=course, accent="#7A1F5C")

    template = answer["template"]
    assert "learnerName" in [each["name"] for each in template.pop("variables")]
    assert template == {
        "version": 2,
        "text": "{{learnerName}}\n\nhas completed\n\n{{courseTitle}}\n\non {{completedOn}}.",
        "accent": "#7a1f5c",
        "language": "en",
        "orientation": "LANDSCAPE",
        "signatures": signatures,
        "previewUrl": f"/certificates/preview/{course}.pdf",
    }
    shown = await ask.one(PREVIEW, by="Edda", course=course, text="{{learnerName}}\n\nwell done")
    assert shown["paragraphs"] == ["Alex Example", "well done"]
    assert shown["serial"] == "ACME-000000"
    assert shown["signatures"] == [{"name": "Wilma"}]


@pytest.mark.spec("H4")
async def test_what_is_wrong_with_a_text_is_shown_where_it_stands(ask: Ask) -> None:
    course = selling(ask)["course"]

    answer = await ask.one(EDIT, by="Edda", course=course, text="Hi {{nobody}}", accent="x")

    assert answer["refusal"]["code"] == "INVALID_TEMPLATE"
    text, accent = answer["refusal"]["details"]["problems"]
    assert (text["argument"], text["start"], text["end"]) == ("text", 3, 13)
    assert accent["argument"] == "accent"
    assert answer["template"] is None


@pytest.mark.spec("M14", "C2")
async def test_coordinators_neither_edit_nor_read_templates(ask: Ask) -> None:
    course = selling(ask)["course"]
    reading = "query ($course: ID!) { course(id: $course) { certificateTemplate { text } } }"

    for document in (EDIT, PREVIEW, reading):
        assert await ask.code(document, by="Cora", course=course) == "PERMISSION_DENIED"
    assert await ask.code(PREVIEW, by="Nils", course=course) == "NOT_FOUND"
    assert (await ask.one(reading, by="Edda", course=course))["certificateTemplate"]


@pytest.mark.spec("G8")
async def test_a_repeat_with_the_same_key_makes_no_second_one(ask: Ask, school: School) -> None:
    document = GENERATE.replace("memberId: $person", 'memberId: $person, idempotencyKey: "k"')

    first = await ask.one(document, by="Cora", **selling(ask))
    second = await ask.one(document, by="Cora", **selling(ask))

    assert first == second
    assert len(await school.certificates()) == 1
