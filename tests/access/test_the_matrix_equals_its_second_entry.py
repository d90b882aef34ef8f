"""Double entry: the matrix of the program against the table the product was specified with."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from access.permissions import CELLS, Cell, Condition, Permission, Principal

TABLE = Path(__file__).parents[1] / "data" / "permissions.csv"

MEANING = {
    "only while the workspace has no finance manager (our decision)": Condition.NO_FINANCE_MANAGER,
    "own courses only": Condition.OWN_CONTENT,
    "own modules only": Condition.OWN_CONTENT,
    "own content only": Condition.OWN_CONTENT,
    "segment must be marked usable by department managers": Condition.SEGMENT_IS_USABLE,
    "usable segments only": Condition.SEGMENT_IS_USABLE,
    "course retake policy": Condition.RETAKE_POLICY,
    "only inside groups they created": Condition.OWN_GROUPS,
    "only groups they created": Condition.OWN_GROUPS,
    "course must be ACTIVE": Condition.COURSE_IS_ACTIVE,
    "only fields they may read": Condition.READABLE_FIELDS_ONLY,
    "billing events only": Condition.BILLING_EVENTS_ONLY,
    "own department's courses": Condition.WITHIN_OWN_SCOPE,
    "own course": Condition.WITHIN_OWN_SCOPE,
    "own department": Condition.WITHIN_OWN_SCOPE,
}


def cell_of(row: dict[str, str]) -> Cell:
    """The table says yes, no, self, or cond with a text."""
    match row["allow"], row["condition"]:
        case "yes", "":
            return Cell(allowed=True)
        case "no", "":
            return Cell(allowed=False)
        case "self", "":
            return Cell(allowed=True, condition=Condition.SELF_ONLY)
        case "cond", text:
            return Cell(allowed=True, condition=MEANING[text])
        case other:
            raise ValueError(f"The table says {other}.")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.spec("M13", "M14", "M15")
def test_every_one_of_the_1156_cells_is_the_same(rows: list[dict[str, str]]) -> None:
    specified = {
        (Permission(row["operation"]), Principal(row["principal"])): cell_of(row) for row in rows
    }

    assert len(rows) == len(specified) == 68 * 17
    assert specified == CELLS


@pytest.mark.spec("G11")
def test_the_names_are_the_operations_and_principals_of_the_table(
    rows: list[dict[str, str]],
) -> None:
    operations = list(dict.fromkeys(row["operation"] for row in rows))
    principals = list(dict.fromkeys(row["principal"] for row in rows))

    assert [each.value for each in Permission] == operations
    assert [each.name for each in Permission] == [each.upper() for each in operations]
    assert [each.value for each in Principal] == principals


def test_every_condition_of_the_table_means_exactly_one_of_ours(
    rows: list[dict[str, str]],
) -> None:
    texts = Counter(row["condition"] for row in rows if row["condition"])

    assert set(texts) == set(MEANING)
    assert set(MEANING.values()) | {Condition.SELF_ONLY} == set(Condition)
    assert sum(texts.values()) == sum(
        cell.condition not in {None, Condition.SELF_ONLY} for cell in CELLS.values()
    )
