"""`coordinator segment check` shows every problem with its place, or how the rule is written."""

import json
from pathlib import Path

import pytest

from tests.app.cli.program import run

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(180)

RIGHT = 'department eq "Sales" and country in ["SE","NO"]'


def test_a_right_rule_is_printed_as_text_and_as_json(tmp_path: Path) -> None:
    file = tmp_path / "rule.txt"
    file.write_text(RIGHT + "\n")

    answers = [
        run("segment", "check", RIGHT),
        run("segment", "check", f"@{file}"),
        run("segment", "check", "-", stdin=RIGHT),
    ]

    assert [answer.code for answer in answers] == [0, 0, 0]
    assert len({answer.out for answer in answers}) == 1
    text, document = answers[0].out.splitlines()
    assert text == f"Text:  {RIGHT}"
    again = run("segment", "check", document.removeprefix("JSON:").strip())
    assert again.out == answers[0].out
    assert json.loads(document.removeprefix("JSON:"))["all"][0]["attr"] == "department"


def test_problems_come_all_at_once_with_a_mark_under_the_place() -> None:
    answer = run("segment", "check", 'departmant eq "Sales" and\n  country eq 5')

    assert (answer.code, answer.out) == (1, "")
    lines = answer.err.splitlines()
    assert lines[0].startswith("1:1: ")
    assert lines[1:3] == ['    departmant eq "Sales" and', "    ^^^^^^^^^^"]
    assert lines[3].startswith("2:14: ")
    assert lines[4:6] == ["      country eq 5", "                 ^"]
    assert lines[6] == "2 problems."


def test_problems_of_json_are_told_by_path() -> None:
    answer = run("segment", "check", '{"all": [{"attr": "country", "op": "eq", "value": 5}]}')

    assert answer.code == 1
    assert answer.err.splitlines()[0].startswith("/all/0/value: ")
    assert answer.err.splitlines()[-1] == "1 problem."


def test_what_is_no_json_and_what_is_no_file_are_wrong_usage(tmp_path: Path) -> None:
    broken = run("segment", "check", '{"attr": ')
    missing = run("segment", "check", f"@{tmp_path / 'missing'}")

    assert (broken.code, missing.code) == (2, 2)
    assert "looks like JSON and is none" in broken.err
    assert "cannot be read: No such file or directory" in missing.err


def test_an_empty_rule_is_a_problem() -> None:
    answer = run("segment", "check", "")

    assert answer.code == 1
    assert answer.err.splitlines()[-1] == "1 problem."
