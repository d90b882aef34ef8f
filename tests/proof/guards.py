"""Every guard of the product, and how to take one of them away.

A guard is a gate of the schema that asks for a permission, a place where an operation asks, or a
statement that leaves out what may not be seen. Without it the product is as it would be had
somebody forgotten it; the proof must notice.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final
from unittest import mock

from graphql import GraphQLObjectType, is_introspection_type

from access.caller import Caller, system
from access.permissions import Decision, Permission
from operations import rights as rights_module
from operations.rights import Rights, asked_in
from resolvers import nodes
from resolvers.catalog import own_right_of_field, right_of_type
from resolvers.declared import Asked, Right
from resolvers.guard import Gate
from schema.schema import schema

ROOT: Final = Path(__file__).parents[2]
OPEN: Final = Decision(True, None, None, "The guard was taken away.")

KINDS = GATE, QUESTION, FILTER = "gate", "question", "filter"


@dataclass(frozen=True)
class Guard:
    """`name`: a coordinate of the schema, a line of a file, or a function of `operations`.

    `asks_for` is what a gate asks for; `place` is the function of a line, which stays when lines
    move.
    """

    kind: str
    name: str
    asks_for: frozenset[Permission] = frozenset()
    place: str = field(default="", compare=False)


STREAMED: Final = re.compile(r"(Learner|LiveSession)?Event")
"""What streams send: its fields are compared where streams are followed."""


def gates() -> Iterator[Guard]:
    """Where the schema itself asks for a permission on a row."""
    roots = {schema._schema.query_type, schema._schema.mutation_type}
    for type_ in schema._schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or is_introspection_type(type_):
            continue
        if STREAMED.fullmatch(type_.name):
            continue
        if (asked := _asked_for(right_of_type(type_))) and type_ not in roots:
            yield Guard(GATE, type_.name, asked)
        for name, declared in type_.fields.items():
            if asked := _asked_for(own_right_of_field(declared)):
                yield Guard(GATE, f"{type_.name}.{name}", asked)


def _asked_for(right: Right | None) -> frozenset[Permission]:
    """What the gate of a right asks for; nothing where somebody else asks."""
    if right is None or right.asked is not Asked.PARENT:
        return frozenset()
    return frozenset(each for group in right.any_of for each in group)


def questions() -> Iterator[Guard]:
    """Where an operation or an answerer asks: every call of `require` and of `decide`."""
    for room in ("operations", "resolvers"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name in MACHINERY or name in ELSEWHERE:
                continue
            tree = ast.parse(path.read_text())
            asking = {"decide", "require"} if _imports_require(tree) else {"decide"}
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    place = f"{name}:{function.name}"
                    if place not in ELSEWHERE:
                        yield from _asked_in(name, place, function, asking)


def _imports_require(tree: ast.Module) -> bool:
    """Whether `require` is the question here, and not a function of the same name."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "operations.rights"
        and any(each.name == "require" for each in node.names)
        for node in tree.body
    )


def _asked_in(name: str, place: str, function: ast.AST, asking: set[str]) -> Iterator[Guard]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _called(node.func) in asking:
            yield Guard(QUESTION, f"{name}:{node.lineno}", place=place)


ELSEWHERE: Final = {
    "operations/identity.py": "behind the doors of providers, which let in nobody else",
    "operations/directory.py": "the same",
    "operations/imports/assignment_rows.py": "rows are done by workers, for whoever brought them:"
    " tests/operations/imports",
    "operations/imports/person_rows.py": "the same",
    "operations/insights/attempt_rows.py": "what workbooks show of whom: tests/app/workbooks",
    "operations/membership_order.py": "the same",
    "resolvers/announcements.py": "streams: proven over sockets, with what ends them",
    "resolvers/course_announcements.py": "the same",
    "resolvers/hold_announcements.py": "the same, in tests/resolvers/test_holds.py",
    "resolvers/insights/following.py": "the same",
    "resolvers/attributes.py": "how much of the attribute schema is shown; told by its own tests",
    "operations/newcomers.py:_may_describe": "what inviters may say of people; the same",
    "operations/billing_mail.py:contacts": "whom mail is for, not who asks: told over HTTP",
    "operations/live_sessions/calendars.py": "files of calendars: proven over HTTP, in tests/app",
    "operations/connections.py:health": "one connection alone; no field asks for it",
    "resolvers/member_search.py:_denied": "words for what has been denied already",
    "resolvers/learning/learner_search.py:_denied": "the same",
    "operations/content/attachments.py:refuse_upload": "sending a file: over HTTP, tests/app",
    "operations/content/attachments.py:add": "the same",
    "operations/learning/facilitators.py:teachers_of": "who can be chosen, not who asks",
    "operations/learning/listing_actions.py": "what rows say can be done: held against trying it in"
    " tests/operations/learning/test_listing_actions.py",
    "resolvers/learning/learners.py:allowed_actions": "the same",
}
"""Files and functions whose questions this proof does not reach, and where they are proven."""

UNPROVEN: Final = frozenset(
    {
        "operations/certificates/issuing.py:revoke",
        "operations/learning/groups.py:_require_modifying",
        "resolvers/learning/attempts.py:may_take",
        "resolvers/learning/learner_search.py:_may_look_up",
    }
)
"""Functions with a question that nothing here would miss yet: none is known to let anybody through,
but none is shown to be needed either. Tests of the same rooms ask for what they give; this proof
must learn to. The list may only shrink."""

MACHINERY: Final = frozenset(
    {
        "operations/rights.py",
        "operations/standing.py",
        "operations/holdings.py",
        "operations/explain_permission.py",
        "operations/who_can.py",
        "resolvers/guard.py",
        "resolvers/permissions.py",
    }
)
"""What guards are made of, and what explains them to people."""


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def filters() -> Iterator[Guard]:
    """The statements of `operations` that are made for a caller."""
    for name in _filters():
        if name not in FOR_ONESELF:
            yield Guard(FILTER, name)


FOR_ONESELF: Final = {
    "certificates.reading.own": "one's own, whoever one is",
    "learning.self_enrolment.open_courses": "what is open to everybody who is active",
    "learning.self_enrolment.open_groups": "the same",
    "learning.visible.is_in_group_of": "what one has made; who asks for it filters",
}
"""Statements for a caller that leave out nobody else's rows because of rights."""


def _filters() -> dict[str, Any]:
    """By module and name: public functions that take a caller first, and make SQL of it."""
    return {
        f"{module_name.removeprefix('operations.')}.{name}": each
        for module_name, module in sorted(sys.modules.items())
        if module_name.startswith("operations.")
        for name, each in sorted(vars(module).items())
        if inspect.isfunction(each) and each.__module__ == module_name
        if not name.startswith("_") and _is_filter(each)
    }


def _is_filter(function: Any) -> bool:
    return next(iter(inspect.signature(function).parameters), "") == "by"


def all_guards() -> list[Guard]:
    return list(dict.fromkeys([*gates(), *questions(), *filters()]))


@contextmanager
def without(*guards: Guard) -> Iterator[None]:
    """The product as it would be without these."""
    names = {kind: {each.name for each in guards if each.kind == kind} for kind in KINDS}
    with ExitStack() as stack:
        stack.enter_context(_without_gates(names[GATE]))
        stack.enter_context(watching(lambda line, _: line in names[QUESTION]))
        for name in sorted(names[FILTER]):
            stack.enter_context(_without_filter(name))
        yield


@contextmanager
def _without_gates(names: set[str]) -> Iterator[None]:
    asked = Gate.ask

    def ask(gate: Gate, row: object, context: Any) -> Any:
        if gate.coordinate in names and context.caller is not None:
            return None
        return asked(gate, row, context)

    with mock.patch.object(Gate, "ask", ask):
        yield


Seen = Callable[[str, Permission], bool]
"""Told the line that asks, and for what; whether it is to be let through."""


@contextmanager
def watching(lets_through: Seen) -> Iterator[None]:
    """Every question goes through `lets_through` first."""
    required, decided = rights_module.require, Rights.decide

    def require(db: Any, by: Caller, permission: Any, **given: Any) -> Any:
        if not lets_through(_line(sys._getframe(1)), permission):
            return required(db, by, permission, **given)
        asked_in(db).add(permission)
        return _at_once(OPEN)

    def decide(rights: Rights, permission: Any, scope: Any, id: int, **facts: Any) -> Decision:
        if lets_through(_line(sys._getframe(1)), permission):
            rights._asked.add(permission)
            return OPEN
        return decided(rights, permission, scope, id, **facts)

    with _everywhere(required, require), mock.patch.object(Rights, "decide", decide):
        yield


@contextmanager
def _everywhere(function: Any, other: Any) -> Iterator[None]:
    """Whoever has imported the function meets the other."""
    users = [
        (vars(module), name)
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("operations.", "resolvers."))
        for name, each in list(vars(module).items())
        if each is function
    ]
    for user, name in users:
        user[name] = other
    try:
        yield
    finally:
        for user, name in users:
            user[name] = function


async def _at_once(decision: Decision) -> Decision:
    return decision


def _line(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    number = _starts(path).get(frame.f_lineno, frame.f_lineno)
    return f"{path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path}:{number}"


_STARTS: dict[Path, dict[int, int]] = {}


def _starts(path: Path) -> dict[int, int]:
    """The first line of the call each line of a file belongs to, where it is a question."""
    if path not in _STARTS:
        found = {}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _called(node.func) in ("require", "decide"):
                found.update(
                    dict.fromkeys(range(node.lineno, (node.end_lineno or 0) + 1), node.lineno)
                )
        _STARTS[path] = found
    return _STARTS[path]


@contextmanager
def _without_filter(name: str) -> Iterator[None]:
    function = _filters()[name]

    def everything(by: Caller, *given: Any, **named: Any) -> Any:
        return function(system(by.workspace_id, by.origin), *given, **named)

    seen = dict(nodes.SEEN)
    for kind, (row, rows_of) in seen.items():
        if rows_of is function:
            nodes.SEEN[kind] = (row, everything)  # type: ignore[index]
    with _everywhere(function, everything):
        try:
            yield
        finally:
            nodes.SEEN.update(seen)  # type: ignore[attr-defined]
