"""How the text of the permission matrix is read. It is refused whole if it is not whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from access.words import Condition, Permission, Principal, Scope

COLUMNS = {
    "WM": Principal.WORKSPACE_MANAGER,
    "FM": Principal.FINANCE_MANAGER,
    "DM": Principal.DEPARTMENT_MANAGER,
    "DC": Principal.DEPT_CREATE,
    "DE": Principal.DEPT_ENROLL,
    "DT": Principal.DEPT_TEACH,
    "CE": Principal.COURSE_EDIT,
    "CN": Principal.COURSE_ENROLL,
    "CT": Principal.COURSE_TEACH,
    "ME": Principal.MODULE_EDIT,
    "IN": Principal.INSTRUCTOR,
    "CO": Principal.COORDINATOR_DIRECT,
    "CD": Principal.COORDINATOR_DERIVED,
    "IV": Principal.INVITE,
    "LN": Principal.LEARNER,
    "AN": Principal.ANONYMOUS,
    "ID": Principal.IDP_SERVICE,
}


class MatrixIsBroken(Exception):
    """The text of the matrix cannot be read; nothing may run without it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer of the matrix: no, yes, or yes under one condition."""

    allowed: bool
    condition: Condition | None = None


_SIGNS = {"Y": Cell(allowed=True), ".": Cell(allowed=False)} | {
    each.letter: Cell(allowed=True, condition=each) for each in Condition
}


def _columns(line: str) -> list[Principal]:
    names = line.removeprefix("asked of").split()
    unknown = sorted(set(names) - set(COLUMNS))
    missing = sorted(set(COLUMNS) - set(names))
    if unknown or missing or len(names) != len(COLUMNS):
        raise MatrixIsBroken(
            f"The head of the matrix must name each of {len(COLUMNS)} columns once, "
            f"and names {len(names)}; unknown: {unknown}, missing: {missing}."
        )
    return [COLUMNS[name] for name in names]


def _row(line: str, principals: list[Principal]) -> tuple[Permission, Scope, list[Cell]]:
    name, scope, *signs = line.split()
    if name not in set(Permission):
        raise MatrixIsBroken(f"The matrix names {name!r}, which is no permission.")
    if scope not in set(Scope):
        raise MatrixIsBroken(f"{name} is asked of {scope!r}, which is no scope.")
    if len(signs) != len(principals):
        raise MatrixIsBroken(f"{name} has {len(signs)} cells, and needs {len(principals)}.")
    for sign, principal in zip(signs, principals, strict=True):
        if sign not in _SIGNS:
            raise MatrixIsBroken(
                f"{name} for {principal} says {sign!r}, which is not in the legend."
            )
    return Permission(name), Scope(scope), [_SIGNS[sign] for sign in signs]


def _lines(text: str) -> Iterator[str]:
    stripped = (line.strip() for line in text.splitlines())
    return (line for line in stripped if line and not line.startswith("--"))


def read_matrix(
    text: str,
) -> tuple[dict[tuple[Permission, Principal], Cell], dict[Permission, Scope]]:
    """Read a matrix into its cells and the scope of each row.

    Raises MatrixIsBroken if a cell, row or column is missing, unknown or there twice.
    """
    lines = _lines(text)
    principals = _columns(next(lines, ""))
    cells: dict[tuple[Permission, Principal], Cell] = {}
    scopes: dict[Permission, Scope] = {}
    for line in lines:
        permission, scope, row = _row(line, principals)
        if permission in scopes:
            raise MatrixIsBroken(f"{permission} stands in the matrix twice.")
        scopes[permission] = scope
        cells.update({(permission, who): cell for who, cell in zip(principals, row, strict=True)})
    absent = [str(each) for each in Permission if each not in scopes]
    if absent:
        raise MatrixIsBroken(f"The matrix has no row for {', '.join(absent)}.")
    return cells, scopes
