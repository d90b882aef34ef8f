"""What titles mean, and what they do not (X5)."""

import pytest

from operations.imports.planning import (
    MOST_ROWS,
    Field,
    Plan,
    Said,
    plan_assignments,
    plan_members,
    refuse_long,
)
from operations.refusals import Code, Refused
from sync_engine.rules import STANDARD_ATTRIBUTES, Attribute, AttributeType, Owner, catalog_of

pytestmark = pytest.mark.spec("X5")


def meanings(plan: Plan) -> list[object]:
    return [each.field or each.attribute for each in plan.columns]


def members(*titles: str, ignoring: tuple[str, ...] = ()) -> list[object]:
    return meanings(plan_members(titles, STANDARD_ATTRIBUTES, ignoring=ignoring))


def refusal(*titles: str, ignoring: tuple[str, ...] = ()) -> Refused:
    with pytest.raises(Refused) as refused:
        plan_members(titles, STANDARD_ATTRIBUTES, ignoring=ignoring)
    return refused.value


@pytest.mark.parametrize(
    ("title", "field"),
    [
        *((each, Field.USER_NAME) for each in ("userName", "User name", "USER_NAME", " login ")),
        *(
            (each, Field.EMAIL)
            for each in ("E-mail", "email", "Mail", "E-Mail Address", "e\u2011mail")
        ),
        *((each, Field.DISPLAY_NAME) for each in ("Name", "full name", "displayName")),
        *(
            (each, Field.GIVEN_NAME)
            for each in ("First name", "given-name", "\uff26irst\u00a0name")
        ),
        *((each, Field.FAMILY_NAME) for each in ("Surname", "LAST NAME", "familyName")),
    ],
)
def test_a_title_is_found_by_the_words_people_use(title: str, field: Field) -> None:
    says_who = {Field.USER_NAME: "E-mail", Field.EMAIL: "User name"}.get(field, "E-mail")

    assert members(title, says_who)[0] is field


def test_attributes_are_found_whatever_stands_between_their_words() -> None:
    assert members("E-mail", "Cost Center", "hire_date", "DEPARTMENT") == [
        Field.EMAIL,
        "costCenter",
        "hireDate",
        "department",
    ]


def test_what_the_export_of_members_writes_is_understood_as_it_is() -> None:
    known = ("Name", "User name", "E-mail", "Account", "Added", "Account since", "Last signed in")
    further = [
        each for each in sorted(STANDARD_ATTRIBUTES) if each not in {"userName", "displayName"}
    ]

    found = members(*known, *further)

    assert found[:3] == [Field.DISPLAY_NAME, Field.USER_NAME, Field.EMAIL]
    assert set(found[3:]) == {*further, Field.GIVEN_NAME, Field.FAMILY_NAME}


def test_rows_that_were_handed_back_can_be_brought_again() -> None:
    assert members("Line", "E-mail", "Level", "Why not") == [Field.EMAIL, "level"]


def test_attributes_whose_names_are_alike_are_told_apart_as_written() -> None:
    catalog = catalog_of(
        Attribute(name, AttributeType.STRING, Owner.ADMINISTRATOR)
        for name in ("a-b", "a_b", "name")
    )

    plan = plan_members(["User name", "a_b", "a-b", "name", "Name"], catalog, ignoring=[])

    assert meanings(plan) == [Field.USER_NAME, "a_b", "a-b", "name", Field.DISPLAY_NAME]
    with pytest.raises(Refused):
        plan_members(["User name", "A B"], catalog, ignoring=[])


def test_unknown_titles_refuse_the_file_and_name_the_nearest() -> None:
    refused = refusal("E-mail", "Departement", "Shoe size")

    assert refused.code is Code.UNKNOWN_COLUMNS
    assert refused.details["columns"] == [
        {"title": "Departement", "nearest": "department"},
        {"title": "Shoe size", "nearest": None},
    ]
    assert (
        "“Departement” is no column that is read; the nearest is “department”." in refused.message
    )
    assert "ignore=Departement" in refused.message
    assert members("E-mail", "Departement", "Shoe size", ignoring=("departement", "SHOE-SIZE")) == [
        Field.EMAIL
    ]


def test_two_columns_that_say_the_same_refuse_the_file() -> None:
    refused = refusal("E-mail", "Mail", "Department")

    assert refused.code is Code.BAD_USER_INPUT
    assert refused.details == {"columns": ["E-mail", "Mail"]}
    assert members("E-mail", "Mail", ignoring=("Mail",)) == [Field.EMAIL]


@pytest.mark.parametrize("titles", [(), ("",), ("Name",), ("Name", "Department")])
def test_some_column_has_to_say_who_is_meant(titles: tuple[str, ...]) -> None:
    assert refusal(*titles).details == {"anyOf": ["User name", "E-mail"]}


def test_columns_without_a_title_say_nothing() -> None:
    plan = plan_members(["E-mail", "", "Level"], STANDARD_ATTRIBUTES, ignoring=[])

    assert plan.without_title(Said(2, ("a@x.example", "", "3", ""))) is None
    assert plan.without_title(Said(2, ("a@x.example", "x"))) == 2
    assert plan.without_title(Said(2, ("a@x.example", "", "3", "x"))) == 4
    assert plan.said(Said(2, ("a@x.example", "x", "", "y"))) == {"E-mail": "a@x.example"}


def test_lists_of_learners_name_a_person_a_group_and_a_date() -> None:
    titles = [
        "Member ID",
        "Name",
        "User name",
        "E-mail",
        "Group",
        "Due",
        "State",
        "Certified until",
    ]
    plan = plan_assignments(titles, ignoring=[], decode=len)

    assert meanings(plan) == [
        Field.MEMBER,
        Field.USER_NAME,
        Field.EMAIL,
        Field.GROUP,
        Field.DUE,
    ]
    assert plan.decode is not None
    assert plan.decode("abc") == 3
    with pytest.raises(Refused):
        plan_assignments(["Name", "Group"], ignoring=[])


def test_a_file_has_so_many_rows_and_no_more() -> None:
    refuse_long(MOST_ROWS)
    with pytest.raises(Refused) as refused:
        refuse_long(MOST_ROWS + 1)
    assert refused.value.code is Code.LIMIT_REACHED
    assert refused.value.details["limit"] == 200_000


def test_a_file_has_so_many_columns_and_no_more() -> None:
    assert refusal("E-mail", *["x"] * 200).code is Code.LIMIT_REACHED
