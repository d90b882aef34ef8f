"""Finds the numbers tests carry, by reading their files."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
_IN_NAME: Final = re.compile(r"test_([a-z]\d+)_")


def carried() -> Mapping[str, Sequence[str]]:
    """By number, the tests that carry it: `path::name`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" not in path.parts:
            name = str(path.relative_to(TESTS))
            for test, number in numbers_in(path.read_text()):
                found[number].append(f"{name}::{test}")
    return found


def numbers_in(source: str) -> Iterator[tuple[str, str]]:
    """Every (test, number) of a file's text."""
    tree = ast.parse(source)
    shared = [number for node in tree.body for number in _of_file(node)]
    for test in _tests(tree):
        numbers = {*shared, *(n for each in test.decorator_list for n in _marked(each))}
        if match := _IN_NAME.match(test.name):
            numbers.add(match[1].upper())
        for number in sorted(numbers):
            yield test.name, number


def _tests(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:

    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test_"
        ):
            yield node


def _of_file(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Assign) and any(
        isinstance(each, ast.Name) and each.id == "pytestmark" for each in node.targets
    ):
        values = node.value.elts if isinstance(node.value, ast.List) else [node.value]
        for each in values:
            yield from _marked(each)


def _marked(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.spec":
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value
