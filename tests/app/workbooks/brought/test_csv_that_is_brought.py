"""CSV as people's programs write it is read as it was meant, each row with its line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.workbooks.text import for_csv, from_csv
from operations.imports.planning import MOST_COLUMNS, MOST_ROWS
from tests.app.workbooks.brought.trying import in_csv, refusal_of, rows_of, told
from tests.app.workbooks.hostile import FORMULAS

pytestmark = pytest.mark.spec("X5")

# ruff: noqa: RUF001 - these letters are meant
PEOPLE = {
    "windows-1252": "Name;Ort\nJörg Müller;Köln\nZoë Ångström;Malmö\nJosé Núñez;Cádiz\n",
    "windows-1250": "Jméno;Město\nŽaneta Šťastná;Plzeň\nJiří Dvořák;Brno\n",
    "windows-1251": "Имя;Город\nИванов Пётр;Москва\nСмирнова Ольга;Тверь\n",
    "windows-1253": "Όνομα;Πόλη\nΓιώργος Παπαδόπουλος;Αθήνα\nΜαρία Νικολάου;Πάτρα\n",
    "windows-1254": "Ad;Şehir\nŞükrü Yılmaz;İzmir\nÇağla Öztürk;Muğla\nİbrahim Gülşen;Iğdır\n",
    "shift_jis": "氏名;都市\n山田太郎;東京\n鈴木花子;大阪\n",
    "gb18030": "姓名;城市\n王小明;北京\n李华;上海\n",
    "euc_kr": "이름;도시\n김철수;서울\n이영희;부산\n",
}
"""Words of people, in the encodings that their computers had."""

TITLES = ["Name", "E-mail", "Ort"]
CELLS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30
).filter(lambda text: from_csv(text) == text)
TABLES = st.lists(
    st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))),
    min_size=1,
    max_size=8,
)
SIMPLE = st.text("abc äöß\n,;|'", max_size=12).filter(lambda text: from_csv(text) == text)
LATIN = st.lists(
    st.lists(SIMPLE, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "brought"


@given(
    rows=TABLES,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    blank=st.integers(0, 3),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_whatever_csv_writes_is_read_back(
    path: Path, *, rows: list[list[str]], encoding: str, separator: str, end: str, blank: int
) -> None:
    head = in_csv([TITLES], delimiter=separator, lineterminator=end) + end * blank
    lines, begins = [head], []
    for row in rows:
        begins.append(1 + _ends("".join(lines)))
        lines.append(in_csv([row], delimiter=separator, lineterminator=end, quoting=1))
    found = await rows_of(path, "".join(lines).encode(encoding))

    assert [list(each.cells) for each in found] == rows
    assert [each.line for each in found] == begins


def _ends(text: str) -> int:
    return len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1


@given(rows=LATIN, encoding=st.sampled_from(["utf-16-le", "utf-16-be"]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_utf_16_without_a_mark_is_noticed_by_its_empty_bytes(
    path: Path, rows: list[list[str]], encoding: str
) -> None:
    found = await rows_of(path, in_csv([TITLES, *rows], delimiter=";").encode(encoding))

    assert [list(each.cells) for each in found] == rows


@pytest.mark.parametrize("encoding", PEOPLE)
async def test_old_encodings_are_recognized_by_the_words_people_write(
    path: Path, encoding: str
) -> None:
    text = PEOPLE[encoding]
    recognized, table = await told(path, text.encode(encoding))

    assert table == [tuple(line.split(";")) for line in text.splitlines()]
    assert "its letters look like that" in recognized


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (b"a;b\n1;2\n", "UTF-8 (every byte of it is), cells divided by semicolons"),
        (b"a\tb\n1\t2\n", "UTF-8 (every byte of it is), cells divided by tabs"),
        ("a|b\n1|ü\n".encode("utf-8-sig"), "UTF-8 (its first bytes say so), cells divided by bars"),
        (b"sep=,\na,b\n1,2\n", "cells divided by commas, as its first line says"),
        (b'"sep=^"\r\na^b\r\n1^2\r\n', "cells divided by “^”, as its first line says"),
        (b'"Mail, Work";"b;c"\n1,0;2\n', "cells divided by semicolons"),
        (b'Name, First;b\n"Cole, Ada";2\n', "cells divided by semicolons"),
    ],
)
async def test_it_is_said_how_a_file_was_read(path: Path, data: bytes, how: str) -> None:
    recognized, table = await told(path, data)

    assert how in recognized
    assert [len(each) for each in table] == [2, 2]


async def test_a_line_for_excel_counts_as_a_line(path: Path) -> None:
    assert [each.line for each in await rows_of(path, b"sep=;\na;b\n\n1;2\n")] == [4]


async def test_line_ends_may_be_mixed_and_stand_in_cells(path: Path) -> None:
    found = await rows_of(path, b'a,b\r1,"x\r\ny\nz\r!"\n\r\n2,3')

    assert [(each.line, each.cells) for each in found] == [
        (2, ("1", "x\r\ny\nz\r!")),
        (7, ("2", "3")),
    ]


async def test_rows_are_as_wide_as_their_titles_or_say_why_not(path: Path) -> None:
    short, blank, long, wrong = await rows_of(path, b"a,,b\n1\n2,,3,,  \n4,,5,,6\n7,8,9\n")

    assert (short.cells, short.problem) == (("1", ""), None)
    assert (blank.cells, blank.problem) == (("2", "3"), None)
    assert (long.cells, long.all_cells) == (("4", "5"), ("4", "", "5", "", "6"))
    assert long.problem is not None
    assert "Cell 5 says “6”, and its column has no title" in long.problem
    assert wrong.problem is not None
    assert "Cell 2 says “8”" in wrong.problem


async def test_a_cell_longer_than_excel_s_refuses_its_row_alone(path: Path) -> None:
    first, second = await rows_of(path, b"a,b\n1," + b"x" * 32_768 + b"\n3,4\n")

    assert first.problem == "“b” has 32,768 characters; a cell has at most 32,767."
    assert second.problem is None


@pytest.mark.parametrize("formula", FORMULAS)
async def test_what_we_write_with_an_apostrophe_is_read_without(path: Path, formula: str) -> None:
    [row] = await rows_of(path, in_csv([["a", "b"], [for_csv(formula), "x"]]).encode())

    assert row.cells[0] == formula.replace("\r", "\n")


BROKEN: dict[bytes, Any] = {
    b"": "The file is empty",
    b"\n\r\n \n  \n": "The file is empty",
    b"a,b\n": "no rows below them",
    b"a,b\n1,\x002\n": "In line 2 the character NUL stands",
    b"a,b\n1,2\n3,\xed\xa0\x80\n": "In line 3 a byte means nothing",
    "a,b\nä,ö\nß,".encode() + b"\xff,\n": "In line 3 a byte means nothing",
    b"\xff\xfea\x00,\x00b\x00\n\x00\x00\xd8": "because its first bytes say so; but a byte means",
    b"\xef\xbb\xbfa,b\n\xff,1\n": "so; but a byte means nothing in line 2",
    b'a,b\n1,"2\n3,4\n': "line 2, a quote is opened and never closed",
    b'a,b\n1,"2"x\n3,4\n': "line 2, something stands behind a closing quote",
    b'a,b\n1,"' + b"x" * 100_000 + b'"\n': "begins in line 2 goes on for more than 100,000",
    b'a,b\n"' + b"x,y\n" * 50_000: "begins in line 2 goes on for more than 100,000",
    b"a," * MOST_COLUMNS + b"a\n1\n": "at most 200; this has 201",
    b"a," * 16_383 + b"a\n1\n": "at most 200; this has 16,384",
    b"%PDF-1.7\na,b\n1,2\n": "This is a PDF",
    b"PK\x03\x04" + bytes(100): "called CSV, and is a workbook",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100): "before 2007 (.xls), or one that a password",
    b"\x89PNG\r\n\x1a\n": "This is a picture",
}


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: repr(data[:24]))
async def test_what_is_no_table_is_refused_with_a_way_out(path: Path, data: bytes) -> None:
    refusal = await refusal_of(path, data)

    assert BROKEN[data] in refusal.message


async def test_a_hundred_megabytes_in_one_cell_are_not_read(path: Path) -> None:
    refusal = await refusal_of(path, b'a,b\n1,"' + b"x" * 100_000_000)

    assert refusal.details["limit"] == 100_000


async def test_one_row_too_many_is_said_before_any_is_used(path: Path) -> None:
    refusal = await refusal_of(path, b"a,b\n" + b"1,2\n" * (MOST_ROWS + 1))

    assert refusal.details == {"limit": MOST_ROWS, "actual": MOST_ROWS + 1}
