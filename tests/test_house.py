"""The rules of the house, checked on every file; each rule is shown to be able to complain."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath

import pytest
from sqlalchemy.orm import configure_mappers

import models.metadata
from app.actors import MAILING, OPERATIONS
from models.base import Base
from sync_engine.actors import ACTORS
from sync_engine.broker import LATER, NOW
from tests.house import laws
from tests.house.laws import ROOMS, ROOT, Law

SAMPLES: list[tuple[Law, str, str]] = [
    (laws.only_the_edge_commits, "operations/courses.py", "async def f(db):\n await db.commit()\n"),
    (laws.only_the_edge_commits, "app/cli/token.py", "def f(db):\n db.commit()\n"),
    (laws.only_the_app_reads_the_environment, "models/base.py", "import os\nos.environ['A']\n"),
    (laws.only_the_app_reads_the_environment, "models/base.py", "import os\nos.getenv('A')\n"),
    (
        laws.operations_take_db_and_keywords,
        "operations/a.py",
        "async def go(db, x, *, by): record(db, by=by)\n",
    ),
    (laws.operations_take_db_and_keywords, "operations/a.py", "async def go(*, by): record(by)\n"),
    (
        laws.operations_take_db_and_keywords,
        "operations/a.py",
        "async def go(db, *, by=1): record(db)\n",
    ),
    (laws.verbs_follow_their_grammar, "operations/a.py", "record(db, by=1, verb='course.make')\n"),
    (laws.verbs_follow_their_grammar, "operations/a.py", "record(db, by=1, verb='created')\n"),
    (laws.files_are_short, "operations/a.py", "x = 1\n" * 401),
    (laws.files_are_short, "tests/test_a.py", "x = 1\n" * 601),
    (laws.nothing_is_left_for_later, "operations/a.py", "x = 1  # TO" + "DO: more\n"),
    (laws.nothing_is_left_for_later, "tests/test_a.py", "@pytest.mark.sk" + "ip\n"),
    (laws.nothing_is_left_for_later, "tests/test_a.py", "@pytest.mark.xf" + "ail\n"),
    (laws.nothing_names_a_machine, "Makefile", "pip install -i https://py" + "pi.org/simple\n"),
    (laws.nothing_names_a_machine, "README.md", "cd /ro" + "ot/project\n"),
    (laws.files_begin_with_what_they_are, "operations/a.py", "x = 1\n"),
]
LAWS = sorted({law for law, _, _ in SAMPLES}, key=lambda law: law.__name__)
OF_EVERY_FILE = {laws.nothing_names_a_machine}


@cache
def files() -> dict[PurePosixPath, str]:
    """Everything that is, or is about to be, in the repository and is text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            found[PurePosixPath(name)] = path.read_text(encoding="utf-8")
    return found


def python() -> dict[PurePosixPath, str]:
    return {path: text for path, text in files().items() if path.suffix == ".py"}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_law_is_kept(law: Law) -> None:
    looked_at = files() if law in OF_EVERY_FILE else python()

    assert [complaint for path, text in looked_at.items() for complaint in law(path, text)] == []


@pytest.mark.parametrize(("law", "path", "sample"), SAMPLES)
def test_the_law_can_complain(law: Law, path: str, sample: str) -> None:
    assert len(law(PurePosixPath(path), sample)) == 1


def test_there_are_files_to_look_at() -> None:
    rooms = {path.parts[0] for path in python()}

    assert {*ROOMS, "tests"} <= rooms


def test_imports_go_one_way_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    verdict = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert verdict.returncode == 0, verdict.stdout


def test_no_relationship_loads_by_itself() -> None:
    configure_mappers()
    assert models.metadata.metadata.tables

    loading = [
        f"{mapper.class_.__name__}.{relationship.key}"
        for mapper in Base.registry.mappers
        for relationship in mapper.relationships
        if relationship.lazy != "raise"
    ]

    assert loading == []


def test_actors_and_queues_follow_their_grammar() -> None:
    wakes = [
        *(each.wake for each in ACTORS),
        *(each.wake for each in OPERATIONS),
        *(each.wake for each in MAILING),
    ]

    assert [w.actor for w in wakes if not re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)+", w.actor)] == []
    assert {wake.queue for wake in wakes} == {NOW, LATER} == {"now", "later"}
    assert len({wake.actor for wake in wakes}) == len(wakes)


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda it: it.name)
def test_the_lock_pins_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    pins = re.findall(r"^([\w.-]+(?:\[[\w,-]+\])?)==\S+", text, re.MULTILINE)

    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text
    assert not re.search(r"--(index-url|extra-index-url|find-links)", text)


def test_what_developers_and_production_install_is_the_same_version() -> None:
    production, development = (
        dict(
            re.findall(
                r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE
            )
        )
        for name in ("requirements.lock", "requirements-dev.lock")
    )

    assert production.items() <= development.items()


def test_the_npm_lock_pins_by_hash_and_names_no_address() -> None:
    text = (ROOT / "tests/clients/package-lock.json").read_text()

    assert text.count('"integrity"') == text.count('"node_modules/')
    assert "://" not in text


def test_every_exception_from_the_linter_has_a_reason() -> None:
    section = (ROOT / "pyproject.toml").read_text().partition("\nignore = [")[2].partition("]")[0]

    ignored = [line for line in section.splitlines() if line.strip()]

    assert ignored
    assert [line for line in ignored if "#" not in line] == []


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_target_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()

    explained = set(re.findall(r"^([a-z]+):.* ## \S", makefile, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (\w+)$", makefile, re.MULTILINE))

    assert explained == phony == make_targets()


def test_the_readme_speaks_of_commands_that_exist() -> None:
    from typer.main import get_command

    from app.cli.commands import commands

    readme = (ROOT / "README.md").read_text()
    spoken = set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", readme, re.MULTILINE))
    typed = set(
        re.findall(r"(?:^ {4}|`)(?:\.venv/bin/)?coordinator ([a-z][a-z-]*)", readme, re.MULTILINE)
    )

    assert {"demo", "test"} <= spoken <= make_targets()
    assert {"watch", "demo"} <= typed <= set(get_command(commands).commands)  # type: ignore[attr-defined]


def test_continuous_integration_runs_the_tests() -> None:
    script = ROOT / ".ci/run"

    assert script.stat().st_mode & 0o111
    assert script.read_text().rstrip().endswith("exec make test")


def test_rooms_are_installed_and_checked() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

    assert {*ROOMS} <= set(configuration["setuptools"]["packages"]["find"]["include"])
    assert {*ROOMS, "tests"} == set(configuration["mypy"]["files"])
    assert {*ROOMS, "tests"} == set(configuration["importlinter"]["root_packages"])
