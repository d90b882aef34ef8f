"""A matrix that is not whole is not read at all."""

import re
from collections.abc import Callable

import pytest

from access import permissions
from access.permissions import CELLS, MATRIX, Condition, MatrixIsBroken, read_matrix

ROW = next(line for line in MATRIX.splitlines() if line.startswith("view_billing"))


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


MUTANTS = {
    "a missing cell": (replaced(ROW, ROW[:-1]), "view_billing has 16 cells, and needs 17"),
    "a doubled cell": (replaced(ROW, ROW + "  ."), "view_billing has 18 cells, and needs 17"),
    "an unknown sign": (replaced(ROW, ROW[:-1] + "?"), "view_billing for idp_service says '?'"),
    "a missing row": (replaced(ROW, ""), "The matrix has no row for view_billing"),
    "a doubled row": (replaced(ROW, f"{ROW}\n{ROW}"), "view_billing stands in the matrix twice"),
    "an unknown row": (replaced("view_billing", "view_bills"), "'view_bills', which is no"),
    "an unknown scope": (replaced("workspace  ", "planet     "), "asked of 'planet'"),
    "a missing column": (replaced(" ID\n", "\n"), r"names 16; unknown: \[\], missing: \['ID'\]"),
    "a doubled column": (replaced(" ID\n", " ID WM\n"), "and names 18"),
    "an unknown column": (replaced(" ID\n", " XX\n"), r"unknown: \['XX'\], missing: \['ID'\]"),
    "nothing at all": (lambda _: "", "names 0"),
}


@pytest.mark.parametrize(("mutate", "complaint"), MUTANTS.values(), ids=MUTANTS)
def test_a_matrix_with_a_fault_is_refused_and_the_fault_is_named(
    mutate: Callable[[str], str], complaint: str
) -> None:
    mutant = mutate(MATRIX)
    assert mutant != MATRIX

    with pytest.raises(MatrixIsBroken, match=complaint):
        read_matrix(mutant)


def test_the_text_reads_into_the_cells_in_force() -> None:
    assert read_matrix(MATRIX)[0] == CELLS


def test_no_line_of_the_matrix_can_be_lost_unnoticed() -> None:
    lines = [line for line in MATRIX.splitlines() if line and not line.startswith("--")]
    for line in lines:
        with pytest.raises(MatrixIsBroken):
            read_matrix(MATRIX.replace(line + "\n", ""))


def test_the_legend_explains_every_letter_once() -> None:
    letters = [each.letter for each in Condition]
    legend = re.findall(r"(?:^| {2})([a-z]) {2}\w", permissions.__doc__ or "", re.MULTILINE)

    assert len(set(letters)) == len(letters)
    assert sorted(legend) == sorted(letters)
