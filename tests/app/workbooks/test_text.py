"""Whatever people write is text that a cell can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workbooks import clean
from app.workbooks.text import (
    MOST_TITLE_UNITS,
    MOST_UNITS,
    for_csv,
    for_excel,
    looks_like_formula,
    sheet_title,
)
from tests.app.workbooks.hostile import EVERYTHING, FORMULAS, LONG, PLAIN, UNWRITABLE

pytestmark = pytest.mark.spec("X4")

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_that_a_cell_can_hold_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(("text", "instead"), UNWRITABLE.items())
def test_what_xml_has_no_word_for_is_shown_as_such(text: str, instead: str) -> None:
    assert clean(text) == instead


@pytest.mark.parametrize("text", LONG[1:4])
def test_a_text_that_is_too_long_is_cut_and_says_so(text: str) -> None:
    cut = clean(text)

    assert units(cut) <= MOST_UNITS
    assert cut.endswith(f"… [cut: {len(text):,} characters]")
    assert text.startswith(cut.split("…")[0])


def test_a_text_as_long_as_a_cell_is_not_cut() -> None:
    assert clean("a" * MOST_UNITS) == "a" * MOST_UNITS
    assert clean("\U0001f600" * (MOST_UNITS // 2)) == "\U0001f600" * (MOST_UNITS // 2)


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_execute_has_an_apostrophe_in_csv(text: str) -> None:
    assert looks_like_formula(text)
    assert for_csv(text) == f"'{clean(text)}"


@pytest.mark.parametrize("text", ["a=1", "1-1", "a@b.example", "Ada", "", "Ünal", "#1"])
def test_what_no_spreadsheet_would_execute_has_none(text: str) -> None:
    assert for_csv(text) == text


@pytest.mark.parametrize("text", EVERYTHING)
def test_no_text_grows_beyond_a_cell_by_being_escaped(text: str) -> None:
    assert units(for_excel(text)) <= MOST_UNITS


@given(ANYTHING)
def test_cleaned_text_can_be_written_and_stays_clean(text: str) -> None:
    cleaned = clean(text)

    cleaned.encode()
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("wished", "title"),
    [
        ("Attempts", "Attempts"),
        ("a/b\\c*d?e:f[g]", "a b c d e f g"),
        ("'quoted'", "quoted"),
        ("", "Sheet"),
        ("History", "History sheet"),
        ("a" * 40, "a" * 31),
        ("\U0001f600" * 20, "\U0001f600" * 15),
        ("\x00\ud800", "\ufffd\ufffd"),
    ],
)
def test_a_sheet_has_a_title_that_excel_takes(wished: str, title: str) -> None:
    assert sheet_title(wished) == title


def test_sheets_have_different_titles_in_whichever_case() -> None:
    assert sheet_title("rows", ["Rows"]) == "rows (2)"
    assert sheet_title("a" * 40, ["A" * 31]) == "a" * 27 + " (2)"


@given(ANYTHING, st.lists(ANYTHING, max_size=3))
def test_any_wish_for_a_title_gives_one_that_excel_takes(wished: str, others: list[str]) -> None:
    taken: list[str] = []
    for each in [*others, wished, wished]:
        title = sheet_title(each, taken)

        assert title.strip()
        assert units(title) <= MOST_TITLE_UNITS
        assert not set(title) & set("[]:*?/\\")
        assert not title.startswith("'")
        assert not title.endswith("'")
        assert title.lower() not in {one.lower() for one in taken}
        taken.append(title)
