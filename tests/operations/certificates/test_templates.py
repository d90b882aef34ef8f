"""What certificates of a course say: versions are added, never changed, and say every mistake."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from models.certificates import CertificateTemplate
from operations.certificates import templates
from operations.certificates.printing import Facts, printed
from operations.certificates.substitution import VARIABLES
from operations.certificates.templates import DEFAULT, Content, Orientation, Signature, changed
from operations.refusals import Code, Denied, Refused
from tests.certifying import School

SIGNATURES = (Signature("Wilma", "Head of {{workspaceName}}"),)


async def edit(school: School, by: str = "Edda", **changes: Any) -> tuple[int, Content]:
    async with school.world.edge.transaction() as db:
        return await templates.edit(
            db, by=school.who(by), course_id=school.course_id, changes=changes
        )


async def stored(school: School) -> list[tuple[int, str]]:
    async with school.world.edge.read() as db:
        rows = await db.scalars(select(CertificateTemplate).order_by(CertificateTemplate.version))
        return [(row.version, row.content["heading"]) for row in rows]


def problems_of(**changes: Any) -> list[dict[str, Any]]:
    with pytest.raises(Refused) as refused:
        changed(DEFAULT, changes)
    assert refused.value.code is Code.INVALID_TEMPLATE
    problems: list[dict[str, Any]] = refused.value.details["problems"]
    return problems


def facts(**given: Any) -> Facts:
    values: dict[str, Any] = {
        "learner_name": "Lea",
        "course_title": "Selling",
        "workspace_name": "Acme",
        "completed_on": dt.date(2026, 3, 2),
        "issued_on": dt.date(2026, 3, 3),
        "expires_on": None,
        "score": Decimal("87.5"),
        "serial": "ACME-000001",
    }
    return Facts(**{**values, **given})


@pytest.mark.spec("H4")
async def test_every_change_is_a_new_version(school: School) -> None:
    assert (await edit(school, heading="Diploma"))[0] == 1
    assert (await edit(school, signatures=SIGNATURES))[0] == 2
    assert (await edit(school, heading=" Diploma "))[0] == 2

    assert await stored(school) == [(1, "Diploma"), (2, "Diploma")]
    assert (await school.world.verbs())[-2:] == ["certificate_template.edited"] * 2


@pytest.mark.spec("H4")
async def test_what_was_issued_keeps_the_words_it_had(school: School) -> None:
    await school.complete("Lea")
    await school.generate()
    await edit(school, heading="Diploma", text="{{learnerName}} of {{workspaceName}}: {{serial}}")
    await school.generate()

    first, second = await school.certificates()
    assert (first.template_version, second.template_version) == (0, 1)
    assert first.printed["page"]["heading"] == "Certificate of completion"
    assert second.printed["page"]["heading"] == "Diploma"
    assert second.printed["page"]["paragraphs"] == [
        {"style": "plain", "text": "Lea of Acme: ACME-000002"}
    ]


@pytest.mark.parametrize("by", ["Mo", "Dora", "Ingrid", "Edda"])
async def test_whoever_edits_the_course_edits_it(school: School, by: str) -> None:
    assert (await edit(school, by, heading="Diploma"))[0] == 1


@pytest.mark.spec("M14")
@pytest.mark.parametrize("by", ["Cora", "Lea"])
async def test_nobody_else_does(school: School, by: str) -> None:
    with pytest.raises(Denied):
        await edit(school, by, heading="Diploma")
    async with school.world.edge.read() as db:
        with pytest.raises(Denied):
            await templates.drafted(db, by=school.who(by), course_id=school.course_id, changes={})


def test_an_unknown_variable_is_shown_with_all_that_there_are() -> None:
    [problem] = problems_of(text="Dear {{learnerName}}, {{ leanerName }}!")

    assert (problem["argument"], problem["start"], problem["end"]) == ("text", 22, 38)
    assert "“leanerName”" in problem["message"]
    assert all(each in problem["message"] for each in VARIABLES)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("{{learnerName", [(0, 2)]),
        ("learnerName}}", [(11, 13)]),
        ("{{learner{{Name}}", [(0, 2), (9, 17)]),
        ("{{}}", [(0, 4)]),
        ("{{{learnerName}}}", []),
    ],
)
def test_braces_that_open_or_close_nothing_are_shown(
    text: str, places: list[tuple[int, int]]
) -> None:
    if not places:
        assert changed(DEFAULT, {"text": text}).text == text
        return
    assert [(each["start"], each["end"]) for each in problems_of(text=text)] == places


def test_all_problems_are_said_at_once() -> None:
    found = problems_of(
        heading="one\ntwo",
        text="",
        signatures=[Signature("", "x" * 121)],
        accent="yellow",
        language="tlh-QQQQQQQQQQ",
    )

    assert [each["argument"] for each in found] == [
        *("heading", "text", "signatures.0.name", "signatures.0.title", "accent", "language")
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "x" * 1_501},
        {"text": "a\u202eb"},
        {"heading": "{{nothing}}"},
        {"signatures": SIGNATURES * 4},
        {"accent": "#fff"},
        {"accent": "#ffff00"},
        {"accent": "url(x)"},
        {"language": "klingon"},
        {"language": "xx"},
        {"language": "en_US/../../x"},
    ],
)
def test_what_cannot_be_printed_is_refused(changes: dict[str, Any]) -> None:
    assert problems_of(**changes)


@pytest.mark.parametrize("language", ["en", "sv", "pt-BR", "zh-Hant", "ar", "EN-gb"])
def test_languages_that_have_dates_are_taken(language: str) -> None:
    assert changed(DEFAULT, {"language": language}).language == language


@pytest.mark.parametrize(
    ("language", "day", "score"),
    [
        ("en", "March 2, 2026", "87.5%"),
        ("en-GB", "2 March 2026", "87.5%"),
        ("sv", "2 mars 2026", "87,5\xa0%"),
        ("de", "2. März 2026", "87,5\xa0%"),
        ("ja", "2026年3月2日", "87.5%"),
    ],
)
def test_dates_and_numbers_are_in_its_language(language: str, day: str, score: str) -> None:
    content = changed(DEFAULT, {"language": language, "text": "{{completedOn}}\n\n{{score}}"})
    said = [each["text"] for each in printed(content, facts())["page"]["paragraphs"]]

    assert [each.replace("\xa0", " ") for each in said] == [day, score.replace("\xa0", " ")]


def test_every_variable_has_a_value_and_none_is_looked_through_again() -> None:
    text = " ".join(f"{{{{{name}}}}}" for name in VARIABLES)
    content = changed(DEFAULT, {"text": text})

    [said] = printed(content, facts(learner_name="{{serial}}"))["page"]["paragraphs"]

    assert said["text"].startswith("{{serial}} Selling Acme March 2, 2026")
    assert said["text"].count("{{") == 1
    assert said["text"].endswith("– 87.5% ACME-000001")


def test_names_stay_in_one_line_and_turn_nothing_round() -> None:
    name = "Evil\u202e\u2066\r\nName\x00\u2028x\u200d"
    page = printed(DEFAULT, facts(learner_name=name))

    assert page["learnerName"] == "Evil Name x\u200d"
    assert page["page"]["paragraphs"][0] == {"style": "name", "text": "Evil Name x\u200d"}


def test_orientation_is_kept() -> None:
    content = changed(DEFAULT, {"orientation": Orientation.PORTRAIT})

    assert printed(content, facts())["page"]["orientation"] == "PORTRAIT"
