"""Why, and why not: each clause with the value that decided it."""

import json
from datetime import date

import pytest

from sync_engine.rules import STANDARD_ATTRIBUTES, Explanation, deciding, explain, fold, parse

TODAY = date(2024, 7, 1)
RAW = {
    "department": "Sales",
    "title": "Manager",
    "level": 2.5,
    "hireDate": "2020-02-29",
    "groups": ["LMS Admins", "Staff"],
    "remote": True,
}


def explained(text: str) -> Explanation:
    facts, _ = fold(RAW, STANDARD_ATTRIBUTES)
    return explain(parse(text, STANDARD_ATTRIBUTES), facts, TODAY, attributes=RAW)


@pytest.mark.parametrize(
    ("text", "truth", "sentence"),
    [
        ('department eq "sales"', True, "department is “Sales”, which equals “sales”"),
        ('department eq "HR"', False, "department is “Sales”, which does not equal “HR”"),
        (
            'department ne "sales"',
            False,
            "department is “Sales”, which does not differ from “sales”",
        ),
        ('city eq "Lund"', False, "city has no value, so it does not equal “Lund”"),
        ('city ne "Lund"', True, "city has no value, so it differs from “Lund”"),
        ('title sw "Man"', True, "title is “Manager”, which starts with “Man”"),
        ('title ew "x"', False, "title is “Manager”, which does not end with “x”"),
        ('title co "age"', True, "title is “Manager”, which contains “age”"),
        ('department in ["HR","IT"]', False, "department is “Sales”, which is none of “HR”, “IT”"),
        ('department not in ["HR"]', True, "department is “Sales”, which is none of “HR”"),
        ("level lt 3", True, "level is 2.5, which is less than 3"),
        ("level ge 3", False, "level is 2.5, which is not at least 3"),
        ("level between 1 and 3", True, "level is 2.5, which lies between 1 and 3"),
        ("remote eq false", False, "remote is true, which does not equal false"),
        (
            "hireDate le now-P90D",
            True,
            "hireDate is 2020-02-29, which is on or before 2024-04-02 (now-P90D)",
        ),
        (
            'hireDate gt "2020-02-29"',
            False,
            "hireDate is 2020-02-29, which is not after 2020-02-29",
        ),
        (
            'groups has "staff"',
            True,
            "groups is “LMS Admins”, “Staff”, which includes “staff”",
        ),
        (
            'groups hasAll ["staff","x"]',
            False,
            "groups is “LMS Admins”, “Staff”, which does not include all of “staff”, “x”",
        ),
        ('skills hasAny ["sql"]', False, "skills has no value, so it includes none of “sql”"),
        ('skills hasNone ["sql"]', True, "skills has no value, so it includes none of “sql”"),
        ("title pr", True, "title is “Manager”, so it is present"),
        ("title absent", False, "title is “Manager”, so it is not absent"),
        ("city pr", False, "city has no value, so it is not present"),
        ("city absent", True, "city has no value, so it is absent"),
        ("everyone", True, "everyone belongs"),
    ],
)
def test_a_clause_says_what_it_found_and_what_it_wanted(
    text: str, *, truth: bool, sentence: str
) -> None:
    told = explained(text)

    assert told.sentence == sentence
    assert told.truth is truth
    assert told.text == text


def test_long_lists_are_counted_not_listed() -> None:
    told = explained(f"level in [{','.join(map(str, range(100, 130)))}]")

    assert told.expected == "100, 101, 102, 103, 104, 105, 106, 107, 108, 109 and 20 more"


def test_without_raw_attributes_texts_show_as_they_are_compared() -> None:
    facts, _ = fold(RAW, STANDARD_ATTRIBUTES)
    told = explain(parse('department eq "Sales"', STANDARD_ATTRIBUTES), facts, TODAY)

    assert told.sentence == "department is “sales”, which equals “Sales”"


def test_the_tree_follows_the_rule_and_is_plain_json() -> None:
    told = explained('department eq "Sales" and not (city pr)')
    plain = json.loads(json.dumps(told.to_dict()))

    assert plain == {
        "kind": "all",
        "text": 'department eq "Sales" and not (city pr)',
        "truth": True,
        "sentence": None,
        "children": [
            {
                "kind": "clause",
                "text": 'department eq "Sales"',
                "truth": True,
                "sentence": "department is “Sales”, which equals “Sales”",
                "attribute": "department",
                "operator": "eq",
                "expected": "“Sales”",
                "actual": "“Sales”",
                "children": [],
            },
            {
                "kind": "not",
                "text": "not (city pr)",
                "truth": True,
                "sentence": None,
                "children": [
                    {
                        "kind": "clause",
                        "text": "city pr",
                        "truth": False,
                        "sentence": "city has no value, so it is not present",
                        "attribute": "city",
                        "operator": "present",
                        "expected": None,
                        "actual": None,
                        "children": [],
                    }
                ],
            },
        ],
    }


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ('department eq "Sales" and title pr', ['department eq "Sales"', "title pr"]),
        ('department eq "HR" and title pr and city pr', ['department eq "HR"', "city pr"]),
        ('department eq "HR" or title pr or level pr', ["title pr", "level pr"]),
        ('department eq "HR" or city pr', ['department eq "HR"', "city pr"]),
        ("not (city pr or title pr)", ["title pr"]),
        ("not (city pr and title pr)", ["city pr"]),
        ("everyone", ["everyone"]),
    ],
)
def test_the_clauses_that_decided_are_named(text: str, clauses: list[str]) -> None:
    assert [leaf.text for leaf in deciding(explained(text))] == clauses
