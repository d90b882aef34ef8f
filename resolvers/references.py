"""What a row is about, for the guard: the thing on which rights to it are held."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Row

from access.caller import Caller
from access.permissions import Scope
from models.catalog import Course, Department, Module
from models.people import Member
from models.segments import Segment
from models.workspaces import Workspace

T = TypeVar("T")

IS_SELF: Final = frozenset({"is_self"})
IS_USABLE: Final = frozenset({"segment_is_usable"})
NOTHING: Final[frozenset[str]] = frozenset()


class Reference(NamedTuple):
    """A thing rights are held on, and the facts (fields of `Facts`) that are true of the row."""

    scope: Scope
    id: int
    facts: frozenset[str] = NOTHING


class NoReference(Exception):
    """A guarded row of a kind nobody has said what it is about: a mistake in the program."""


_REFERENCES: dict[type, Callable[[Any, Caller], Reference]] = {}
_INHERITED: dict[type, Callable[[Any, Caller], Reference] | None] = {}
"""What was found for each kind that was met."""


def refer(kind: type[T], reference: Callable[[T, Caller], Reference]) -> None:
    """Say, once, what rows of this kind (or of kinds derived from it) are about."""
    _REFERENCES[kind] = reference
    _INHERITED.clear()


def is_referred(row: object) -> bool:
    """Whether it has been said what this row is about."""
    return _reference_of(type(row)) is not None


def reference_to(row: object, caller: Caller) -> Reference:
    """What this row is about, seen by this caller. The root of a document is the workspace."""
    if row is None:
        return Reference(Scope.WORKSPACE, caller.workspace_id)
    reference = _reference_of(type(row))
    if reference is None:
        raise NoReference(f"Say with `refer` what a {type(row).__name__} is about.")
    return reference(row, caller)


def referred_in(value: object) -> list[object]:
    """The rows of an answer that are about something: of a list, of a page (anything with
    `rows`), of one.

    Of a row of several columns the first counts.
    """
    rows = (
        value
        if isinstance(value, list | tuple) and not isinstance(value, Row)
        else getattr(value, "rows", (value,))
    )
    plain = [row[0] if isinstance(row, Row) else row for row in rows]
    return [row for row in plain if row is not None and is_referred(row)]


def _reference_of(kind: type) -> Callable[[Any, Caller], Reference] | None:
    if kind not in _INHERITED:
        _INHERITED[kind] = next(
            (_REFERENCES[each] for each in kind.__mro__ if each in _REFERENCES), None
        )
    return _INHERITED[kind]


refer(Workspace, lambda row, _: Reference(Scope.WORKSPACE, row.id))
refer(Department, lambda row, _: Reference(Scope.DEPARTMENT, row.id))
refer(Course, lambda row, _: Reference(Scope.COURSE, row.id))
refer(Module, lambda row, _: Reference(Scope.MODULE, row.id))
refer(
    Segment,
    lambda row, _: Reference(
        Scope.WORKSPACE, row.workspace_id, IS_USABLE if row.is_usable_by_departments else NOTHING
    ),
)
refer(
    Member,
    lambda row, caller: Reference(
        Scope.WORKSPACE, row.workspace_id, IS_SELF if row.id == caller.member_id else NOTHING
    ),
)
refer(Caller, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id, IS_SELF))
