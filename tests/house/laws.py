"""The house's laws as functions of one file: they return complaints, and none when it is kept.

A law that reads source text is tried on a sample that breaks it (tests/test_house.py), so that no
law can be one that never complains.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

Law = Callable[[PurePosixPath, str], list[str]]

ROOT = Path(__file__).parents[2]
ROOMS = ("access", "models", "sync_engine", "operations", "resolvers", "schema", "app")
_LONGEST_FILE = 400
_LONGEST_TEST_FILE = 600

_VERB = re.compile(r"[a-z]+(_[a-z]+)*\.([a-z]+_)*[a-z]+(ed|en|pt|ut|id|nt|set|done)")
_DRIVER_COMMITS = {"sync_engine", "tests"}
_EDGE = PurePosixPath("operations/edge.py")
# Joined here, so that this file keeps its own law.
_HOSTS = ("py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org")
_REGISTRIES = ("docker" + ".io", "ghcr" + ".io", "quay" + ".io", "gcr" + ".io")
_PLACES = ("/wo" + "rk/", "/ro" + "ot/", "/home" + "/", "/tmp" + "/plan")
_LEFT_OVER = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")))
_NOT_RUN = re.compile(
    "|".join((r"mark\.sk" + "ip", r"pytest\.sk" + "ip", "importor" + "skip", r"\bxf" + r"ail\b"))
)


def only_the_edge_commits(path: PurePosixPath, source: str) -> list[str]:
    """Transactions end in operations/edge.py, in the engine, and in tests' own set-up."""
    if path == _EDGE or path.parts[0] in _DRIVER_COMMITS:
        return []
    return [
        f"{path}:{node.lineno} commits"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]


def only_the_app_reads_the_environment(path: PurePosixPath, source: str) -> list[str]:
    if path.parts[0] in ("app", "tests"):
        return []
    return [
        f"{path}:{node.lineno} reads the environment"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]


def operations_take_db_and_keywords(path: PurePosixPath, source: str) -> list[str]:
    """Verbs, which record what they did, take `db` first and the rest by keyword; `by` and `at`
    are always said."""
    if path.parts[0] != "operations" or path == _EDGE:
        return []
    return [
        complaint
        for node in ast.parse(source).body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
        if _records(node)
        for complaint in _about_the_signature(path, node)
    ]


def _records(function: ast.AsyncFunctionDef) -> bool:
    arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
    return "by" in arguments and any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record"
        for node in ast.walk(function)
    )


def _about_the_signature(path: PurePosixPath, node: ast.AsyncFunctionDef) -> Iterator[str]:
    where = f"{path}:{node.lineno} {node.name}"
    positional = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    if positional[:1] != ["db"]:
        yield f"{where} does not take db first"
    if positional[1:]:
        yield f"{where} takes {', '.join(positional[1:])} by position"
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.arg in ("by", "at") and default is not None:
            yield f"{where} has a default for {argument.arg}"


def verbs_follow_their_grammar(path: PurePosixPath, source: str) -> list[str]:
    """What is recorded is a noun and a past participle: course.created."""
    if path.parts[0] == "tests":
        return []
    return [
        f"{path}:{word.value.lineno} records {word.value.value!r}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "record"
        for word in node.keywords
        if word.arg == "verb" and isinstance(word.value, ast.Constant)
        if not _VERB.fullmatch(str(word.value.value))
    ]


def files_are_short(path: PurePosixPath, source: str) -> list[str]:
    if "versions" in path.parts:
        return []
    limit = _LONGEST_TEST_FILE if path.parts[0] == "tests" else _LONGEST_FILE
    count = source.count("\n")
    return [f"{path} has {count} lines; at most {limit} are read"] if count > limit else []


def nothing_is_left_for_later(path: PurePosixPath, source: str) -> list[str]:
    return [
        f"{path}:{number} {line.strip()}"
        for number, line in enumerate(source.splitlines(), start=1)
        if _LEFT_OVER.search(line) or _NOT_RUN.search(line)
    ]


def nothing_names_a_machine(path: PurePosixPath, text: str) -> list[str]:
    """No registry's address and no path of somebody's machine, in any file."""
    return [
        f"{path}:{number} names {word}"
        for number, line in enumerate(text.splitlines(), start=1)
        for word in (*_HOSTS, *_REGISTRIES, *_PLACES)
        if word in line
    ]


def files_begin_with_what_they_are(path: PurePosixPath, source: str) -> list[str]:
    """Every module says in its docstring what it is; an empty one has nothing to say."""
    tree = ast.parse(source)
    return [] if not tree.body or ast.get_docstring(tree) else [f"{path} has no docstring"]
