"""What a query string says is read as what it is, and nothing is passed over."""

import datetime as dt

import pytest
from starlette.datastructures import QueryParams

from app.parameters import Parameter, id_of, moment, read, text, yes
from operations.refusals import Code, Refused
from resolvers.ids import encode

KNOWN = {
    "tags": Parameter("tags", str, is_many=True),
    "memberId": Parameter("member_id", id_of("Member")),
    "courseId": Parameter("course_id", id_of("Course")),
    "since": Parameter("since", moment),
    "isOpen": Parameter("is_open", yes),
    "title": Parameter("title", text),
}


def test_what_is_said_stands_under_its_key_and_nothing_else_does() -> None:
    member = encode("Member", 7)

    found = read(QueryParams(f"tags=a&memberId={member}&isOpen=true&tags=b&title="), KNOWN)

    assert found == {"tags": ("a", "b"), "member_id": 7, "is_open": True, "title": ""}
    assert read(QueryParams(""), KNOWN) == {}


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("colour=blue", "“colour” is no parameter, or was given twice; there are tags, memberId"),
        ("isOpen=true&isOpen=true", "“isOpen” is no parameter, or was given twice"),
        ("isOpen=1", "“1” is neither true nor false"),
        ("since=yesterday", "“yesterday” is no moment"),
        ("title=a%00b", "NUL"),
        ("memberId=7", "is not the id of a Member"),
        (f"courseId={encode('Course', 2**31)}", "There is no such course."),
        ("x" * 1_000 + "=1", "“" + "x" * 80 + "” is no parameter"),
    ],
)
def test_what_means_nothing_is_the_request_s_fault(said: str, part: str) -> None:
    with pytest.raises(Refused, match=part) as refused:
        read(QueryParams(said), KNOWN)

    assert refused.value.code is Code.BAD_USER_INPUT


def test_a_moment_without_a_zone_is_utc() -> None:
    nine = dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)

    assert moment("2026-11-22T09:00:00Z") == moment("2026-11-22T10:00+01:00") == nine
    assert moment("2026-11-22T09:00") == nine
    assert moment("2026-11-22").tzinfo is dt.UTC
