"""The certificate as PDF: what it says, in every script, whatever was typed into a name (H4)."""

import datetime as dt
import unicodedata
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.certificates.page import page_of
from models.certificates import CertificateState
from operations.certificates.printing import Facts, printed
from operations.certificates.templates import DEFAULT, Content, Orientation, Signature
from tests.pdf import codes, ink, size, title, words

CODE = "7K3M-9XQ2-ABCD-EFGH-JKMN-PQRS-TVWX"
AT = dt.datetime(2026, 3, 3, 9, 0, 7, 123456, tzinfo=dt.UTC)
SIGNED = replace(
    DEFAULT,
    signatures=(Signature("Wilma Manager", "Head of {{workspaceName}}"), Signature("I. N.", "-")),
)

HOSTILE = [
    '#panic("boom")',
    '#read("/etc/passwd")',
    "$ sum_(k=1)^n k $",
    "*bold* _emph_ `code`",
    "= Heading",
    '"}#set page(fill: red){"',
    "// comment",
    "/* comment",
    "@reference <label>",
    '[#link("https://example.com")]',
    "{{learnerName}} {{ 7*7 }} ${7*7}",
    "()/Type /JavaScript",
]


def page(
    content: Content = DEFAULT,
    *,
    state: CertificateState = CertificateState.ISSUED,
    public_url: str = "https://lms.example.com",
    **given: Any,
) -> bytes:
    values: dict[str, Any] = {
        "learner_name": "Lea Learner",
        "course_title": "Selling in Sweden",
        "workspace_name": "Acme",
        "completed_on": dt.date(2026, 3, 2),
        "issued_on": dt.date(2026, 3, 3),
        "expires_on": None,
        "score": Decimal("87.5"),
        "serial": "ACME-000001",
        **given,
    }
    said = printed(content, Facts(**values))
    return page_of(said, code=CODE, state=state, issued_at=AT, public_url=public_url)


@pytest.mark.spec("H4")
def test_it_says_who_completed_what_and_where_to_check_it() -> None:
    pdf = page(SIGNED)

    assert words(pdf) == (
        "Certificate of completion Lea Learner has completed Selling in Sweden on March 2, 2026."
        " Wilma Manager Head of Acme I. N. - ACME-000001"
        f" lms.example.com/verify/{CODE}"
    )
    assert codes(pdf) == [f"https://lms.example.com/verify/{CODE}"]


@pytest.mark.spec("H4")
@pytest.mark.parametrize("state", [each for each in CertificateState if each != "ISSUED"])
def test_one_that_has_ended_says_so(state: CertificateState) -> None:
    assert words(page(state=state)).startswith(f"{state.value} Certificate of completion")


def test_it_is_a_file_for_archives_that_can_be_read_aloud() -> None:
    pdf = page(SIGNED)

    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"/Lang (en)" in pdf or b"/Lang(en)" in pdf
    assert title(pdf) == "Certificate of completion: Lea Learner, Selling in Sweden"


def test_the_same_certificate_is_the_same_bytes_and_another_is_not() -> None:
    assert page(SIGNED) == page(SIGNED)
    assert page(SIGNED) != page(SIGNED, serial="ACME-000002")


def test_the_paper_is_held_as_the_template_says() -> None:
    assert size(page()) == (842, 595)
    assert size(page(replace(DEFAULT, orientation=Orientation.PORTRAIT))) == (595, 842)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_name_is_taken_for_markup(name: str) -> None:
    said = words(page(learner_name=name, course_title=name)).replace(" ", "")

    assert said.count(name.replace(" ", "")) == 2
    assert f"lms.example.com/verify/{CODE}" in said


@pytest.mark.parametrize(
    "name",
    [
        "Åsa Öberg",
        "Zażółć Gęślą",
        "Ωμέγα",
        "Їжак",
        "学习",
        "まなび",
        "배움",
        "शिक्षा",
        "Ro \U0001f680",
    ],
)
def test_names_in_every_script_are_on_it(name: str) -> None:
    said = words(page(learner_name=name))

    assert unicodedata.normalize("NFKD", name).replace(" ", "") in said.replace(" ", "")
    assert "[U+" not in said


@pytest.mark.parametrize("name", ["مريم العلي", "מרים לוי", "บริษัท"])
def test_names_whose_letters_are_joined_or_reordered_are_on_it(name: str) -> None:
    pdf = page(learner_name=name)

    assert ink(pdf) > ink(page(learner_name="."))
    assert "[U+" not in words(pdf)


def test_a_character_no_font_has_is_written_as_its_number() -> None:
    assert "Ur [U+12000]" in words(page(learner_name="Ur \U00012000"))


@pytest.mark.parametrize("name", ["W" * 300, "Ünï " * 75, "学" * 300, "a" * 299 + " b"])
@pytest.mark.parametrize("orientation", list(Orientation))
def test_the_longest_names_and_texts_are_on_one_page(name: str, orientation: Orientation) -> None:
    text = "{{learnerName}}\n\n" + "word " * 290 + "\n\n{{courseTitle}}"
    content = replace(SIGNED, text=text, orientation=orientation)

    pdf = page(content, learner_name=name, course_title=name)

    said = words(pdf).replace(" ", "")
    plain = unicodedata.normalize("NFKD", name).replace(" ", "")
    assert said.count(plain) == 2
    assert said.count("word") == 290
    assert codes(pdf) == [f"https://lms.example.com/verify/{CODE}"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "https://a-quite-long-name.learning.example.co.uk/lms/"]
)
def test_the_pattern_leads_to_wherever_the_product_is(address: str) -> None:
    assert codes(page(public_url=address)) == [f"{address.rstrip('/')}/verify/{CODE}"]


@settings(max_examples=40, deadline=None)
@given(name=st.text(min_size=1, max_size=40))
def test_no_text_at_all_stops_a_page_from_being_set(name: str) -> None:
    assert f"lms.example.com/verify/{CODE}" in words(page(learner_name=name, course_title=name))
