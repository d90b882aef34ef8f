"""Pictures of any figures can be read, by eye and by ear, and stay on their sheet."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.insights.pictures import lettering, scales
from operations.insights.pictures.drawing import SIZE, Picture, PictureKind
from operations.insights.pictures.inks import INKS
from operations.insights.pictures.of_courses import DRAWN as OF_COURSES
from operations.insights.pictures.of_courses import course_pictures
from operations.insights.pictures.of_quizzes import DRAWN as OF_QUIZZES
from operations.insights.pictures.of_quizzes import quiz_pictures
from operations.insights.statistics import Figure, Undefined
from tests.operations.insights.drawn import (
    TODAY,
    Drawn,
    course,
    figures,
    hidden_course,
    hidden_question,
    hidden_quiz,
    question,
    quiz,
    scores,
)

HOSTILE: Final = (
    "</svg><script>alert(1)</script>",
    "\x00\x1b[31m\ufffe\udc00 & \"quoted\" '<b>'",
    "\u202egnirts desrever\u202c מחלקת כספים",
    "x" * 500,
    "支援部門 😀 ﷽ " * 40,
    'url(#pic-stripes) id="pic-title"',
    "",
)

numbers = st.integers(0, 200_000)
few = st.integers(0, 3)
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))
any_figures = st.builds(figures, numbers, few, numbers, few, few)
days = st.dictionaries(
    st.integers(0, 14_000).map(lambda back: TODAY - dt.timedelta(days=back)),
    st.integers(0, 50_000),
    max_size=12,
)
courses = st.builds(
    course,
    any_figures,
    st.dictionaries(names, st.none() | any_figures, max_size=20),
    started=days,
    completed=days,
    smallest=st.sampled_from([0, 5]),
    title=names,
)
values = st.one_of(
    st.builds(Figure, st.floats(-1, 1)),
    st.builds(Figure, st.none(), st.none() | st.sampled_from(list(Undefined))),
)
quizzes = st.builds(
    quiz,
    st.none()
    | st.builds(scores, st.lists(st.none() | numbers, min_size=10, max_size=10), values, values),
    st.lists(
        st.builds(hidden_question, st.integers(1, 60), names)
        | st.builds(question, st.integers(1, 60), values, values, names),
        max_size=8,
    ),
    names,
)


def stays_readable(picture: Picture) -> None:
    drawn = Drawn(picture)
    root = drawn.root
    assert root.attrib["role"] == "img"
    title, description = (drawn.all(each)[0] for each in ("title", "desc"))
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert (title.text, description.text) == (picture.title, picture.description)
    assert picture.title
    assert picture.description
    assert len(set(drawn.ids)) == len(drawn.ids)
    harms_nobody(drawn)
    stays_on_its_sheet(drawn)


def harms_nobody(drawn: Drawn) -> None:
    """Elements and inks are ours alone, and nothing leads anywhere else."""
    inks = {each.light for each in INKS.values()} | {"none"}
    inks |= {f"url(#{each})" for each in drawn.ids}
    tags = [
        "svg",
        "title",
        "desc",
        "style",
        "defs",
        "pattern",
        "g",
        "rect",
        "line",
        "circle",
        "polyline",
        "text",
    ]
    for each in drawn.root.iter():
        assert each.tag.rpartition("}")[2] in tags
        assert {each.attrib.get("fill", "none"), each.attrib.get("stroke", "none")} <= inks
        assert not [name for name in each.attrib if name.startswith("on") or "href" in name]
    assert "nan" not in "".join(
        value for each in drawn.root.iter() for value in each.attrib.values()
    )


def stays_on_its_sheet(drawn: Drawn) -> None:
    for box in drawn.boxes:
        assert box.width >= 0
        assert box.height >= 0
        assert box.x >= 0
        assert box.x + box.width <= 400.01
        assert box.y >= 0
        assert box.y + box.height <= drawn.height
    for each in drawn.all("polyline"):
        for point in each.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 400
            assert 0 <= y <= drawn.height
    for each in drawn.all("text"):
        shown = (each[0].tail if len(each) else each.text) or ""
        size = float(each.attrib.get("font-size", SIZE))
        wide = lettering.width(shown, size)
        x, y = float(each.attrib["x"]), float(each.attrib["y"])
        start = (
            x
            - {"start": 0, "middle": wide / 2, "end": wide}[each.attrib.get("text-anchor", "start")]
        )
        assert start >= 0
        assert start + wide <= 400
        assert size <= y <= drawn.height


@settings(max_examples=60, deadline=None)
@given(courses)
def test_pictures_of_any_course_stay_readable(insights: object) -> None:
    for picture in course_pictures(insights):  # type: ignore[arg-type]
        stays_readable(picture)


@settings(max_examples=60, deadline=None)
@given(quizzes)
def test_pictures_of_any_quiz_stay_readable(insights: object) -> None:
    for picture in quiz_pictures(insights):  # type: ignore[arg-type]
        stays_readable(picture)


@pytest.mark.parametrize("name", HOSTILE[:-1])
def test_a_hostile_name_is_read_as_text(name: str) -> None:
    for picture in course_pictures(course(figures(1), {name: figures(1, overdue=0)}, title=name)):
        whole = lettering.plain(name)
        assert f": {whole}" in picture.title
        assert [each for each in Drawn(picture).texts if each.startswith(whole[:400])]


def test_many_pictures_stand_in_one_page() -> None:
    all_of_them = [
        *course_pictures(course(figures(5, 4, 3, 2, 1), {"A": None, "B": figures(1, 1, 1, 1, 1)})),
        *course_pictures(course(figures(5, 4, 3, 2, 1), {"A": None}, title="Other")),
        *course_pictures(hidden_course()),
        *quiz_pictures(quiz(scores([1] * 10))),
        *quiz_pictures(hidden_quiz()),
    ]
    ids = [id for each in all_of_them for id in Drawn(each).ids]

    assert len(set(ids)) == len(ids)
    assert len({each.all("style")[0].text for each in map(Drawn, all_of_them)}) == 1


def test_the_same_figures_are_the_same_picture() -> None:
    def drawn() -> list[Picture]:
        of_one = course(figures(5, 4, 3, 2, 1), {"A": None}, started={TODAY: 3})
        return [*course_pictures(of_one), *quiz_pictures(quiz(scores([1] * 10), [question(1)]))]

    assert drawn() == drawn()


def test_only_the_kinds_that_are_wanted_are_drawn() -> None:
    wanted = [PictureKind.OVERDUE, PictureKind.SCORES]

    assert [each.kind for each in course_pictures(hidden_course(), wanted)] == wanted[:1]
    assert [each.kind for each in quiz_pictures(hidden_quiz(), wanted)] == wanted[1:]
    assert [*OF_COURSES, *OF_QUIZZES] == list(PictureKind)


def test_what_is_hidden_is_no_number() -> None:
    for picture in [*course_pictures(hidden_course()), *quiz_pictures(hidden_quiz())]:
        drawn = Drawn(picture)
        assert "too few people to show" in picture.description
        assert [each.fill for each in drawn.boxes] in (["veil"], [])
        assert not any(character.isdigit() for text in drawn.texts for character in text)


def test_a_number_without_a_place_is_refused() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="no place"):
            scales.written(number)
    assert [scales.written(each) for each in (-0.001, 2.0, 1 / 3)] == ["0", "2", "0.33"]


@given(st.integers(0, 10**9))
def test_marks_are_round_few_and_enough(most: int) -> None:
    marks: Sequence[int] = scales.counted(most)

    step = marks[1]
    assert marks == [each * step for each in range(len(marks))]
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert marks[-2] < max(most, 1) <= marks[-1]
    assert len(marks) <= 6
