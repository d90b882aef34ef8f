"""Filters: as real clients write them, and the part of them the database can answer.

What the database answers is always a superset; the library then matches exactly.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from scim2_models import InvalidFilterException
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    ValuePath,
)
from sqlalchemy import ColumnElement, Text, and_, cast, false, func, select

from app.scim.quirks import Quirks
from models.identity import DirectoryGroup, DirectoryGroupMember, DirectoryPerson

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[()\[\]]|[^\s()\[\]"]+|\s+|"')
_BRACKETED: Final = re.compile(
    r"(?P<head>[\w:.$-]+)\[(?P<inner>[^\[\]]*)\]\.(?P<sub>\$?\w+)\s+"
    r"(?P<op>eq|ne|co|sw|ew|gt|ge|lt|le)\s+(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s()\[\]]+)",
    re.IGNORECASE,
)
_OPERATORS: Final = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
_WORDS: Final = frozenset({"true", "false", "null"})
_BRACKETS: Final = {"[": 1, "]": -1}
_LEVELS: Final = {"(": 1, ")": -1}
LENGTH: Final = 10_000
DEPTH: Final = 20

_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_PROJECTED: Final = re.compile(r"\[[^\[\]]*\]")


def as_written_by_the_rfc(text: str, quirks: Iterable[Quirks]) -> str:
    """A filter with its operands quoted, bare enterprise names placed, and
    `emails[type eq "work"].value eq "x"` said as one value selection. Raises
    InvalidFilterException for a filter larger than any client needs."""
    if len(text) > LENGTH or _deepest(text) > DEPTH:
        raise InvalidFilterException(
            detail=f"A filter has at most {LENGTH} characters and {DEPTH} levels of parentheses"
        )
    text = _BRACKETED.sub(r"\g<head>[\g<inner> and \g<sub> \g<op> \g<value>]", text)
    return "".join(_said(_TOKEN.findall(text), list(quirks)))


def _deepest(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += _LEVELS.get(character, 0)
        deepest = max(deepest, depth)
    return deepest


def without_brackets(names: str) -> str:
    """A list of attributes without the value selections some clients put into it."""
    return _PROJECTED.sub("", names)


def _said(tokens: list[str], quirks: list[Quirks]) -> Iterator[str]:
    words = [token for token in tokens if not token.isspace()]
    position, depth = 0, 0
    for token in tokens:
        if token.isspace():
            yield token
            continue
        before = words[position - 1].lower() if position else ""
        after = words[position + 1].lower() if position + 1 < len(words) else ""
        depth += _BRACKETS.get(token, 0)
        if before in _OPERATORS and _is_bare(token):
            yield json.dumps(token)
        elif depth == 0 and (after in _OPERATORS or after == "pr"):
            yield _placed(token, quirks)
        else:
            yield token
        position += 1


def _is_bare(token: str) -> bool:
    is_literal = token[0] in '"()[]' or token.lower() in _WORDS or _NUMBER.fullmatch(token)
    return not is_literal


def _placed(name: str, quirks: list[Quirks]) -> str:
    """A bare name of an extension with its URN; anything else as it is."""
    if ":" in name or not quirks:
        return name
    head, _, sub = name.partition(".")
    place = quirks[0].place(head)
    if place is None or place.urn is None:
        return name
    if not sub and "value" in place.attribute.parts:
        sub = "value"
    return f"{place.path}.{sub}" if sub else place.path


# --- what the database answers ----------------------------------------------------------------


def people_where(node: FilterNode | None) -> ColumnElement[bool] | None:
    """A condition on `DirectoryPerson` no match can fail; None when there is none to say."""
    match node:
        case LogicalExpr(op=LogicalOperator.and_, terms=terms):
            return _all(people_where(term) for term in terms)
        case ValuePath(attr_path=path, val_filter=inner):
            return None if path.attr.lower() == "groups" else _texts_where(inner)
        case Comparison(op=CompareOperator.eq, value=str() as value):
            return _person_is(node, value)
        case _:
            return None


def groups_where(node: FilterNode | None) -> ColumnElement[bool] | None:
    """The same on `DirectoryGroup`."""
    match node:
        case LogicalExpr(op=LogicalOperator.and_, terms=terms):
            return _all(groups_where(term) for term in terms)
        case ValuePath(attr_path=path, val_filter=Comparison(op=CompareOperator.eq, value=value)):
            return _has_member(value) if path.attr.lower() == "members" else None
        case Comparison(op=CompareOperator.eq, value=str() as value):
            return _group_is(node, value)
        case _:
            return None


def mentions_members(node: FilterNode | None) -> bool:
    """Whether matching needs to know who is in the group."""
    return node is not None and "members" in str(node).lower()


def _all(conditions: Iterable[ColumnElement[bool] | None]) -> ColumnElement[bool] | None:
    said = [each for each in conditions if each is not None]
    return and_(*said) if said else None


def _person_is(node: Comparison, value: str) -> ColumnElement[bool] | None:
    if "\x00" in value:
        return false()
    match node.attr_path.attr.lower():
        case "id":
            return DirectoryPerson.id == uuid_of(value)
        case "username":
            return func.lower(DirectoryPerson.user_name) == value.lower()
        case "externalid":
            return DirectoryPerson.external_id == value
        case "meta" | "groups" | "schemas":
            return None
        case _:
            return _holds(value)


def _texts_where(node: FilterNode) -> ColumnElement[bool] | None:
    match node:
        case LogicalExpr(op=LogicalOperator.and_, terms=terms):
            return _all(_texts_where(term) for term in terms)
        case Comparison(op=CompareOperator.eq, value=str() as value):
            return _holds(value)
        case _:
            return None


def _holds(value: str) -> ColumnElement[bool] | None:
    """The document holds the text somewhere, in any case."""
    if not value.isascii() or "\x00" in value:
        return None
    written = json.dumps(value)[1:-1].lower()
    return func.strpos(func.lower(cast(DirectoryPerson.resource, Text)), written) > 0


def _group_is(node: Comparison, value: str) -> ColumnElement[bool] | None:
    if "\x00" in value:
        return false()
    match node.attr_path.attr.lower():
        case "id":
            return DirectoryGroup.id == uuid_of(value)
        case "displayname":
            return func.lower(DirectoryGroup.display_name) == value.lower()
        case "externalid":
            return DirectoryGroup.external_id == value
        case "members":
            return _has_member(value)
        case _:
            return None


def _has_member(value: Any) -> ColumnElement[bool]:
    return (
        select(DirectoryGroupMember.member_id)
        .join(DirectoryPerson, DirectoryPerson.member_id == DirectoryGroupMember.member_id)
        .where(
            DirectoryGroupMember.group_id == DirectoryGroup.id, DirectoryPerson.id == uuid_of(value)
        )
        .exists()
    )


def uuid_of(value: object) -> uuid.UUID | None:
    """The id in its canonical spelling; None for anything else."""
    try:
        return uuid.UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None
