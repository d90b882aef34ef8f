"""What `make check` looks at before the tests holds, also where only the tests are run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.laws import ROOT

BIN = Path(sys.executable).parent


def verdict(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_the_types_hold() -> None:
    assert verdict("mypy", "--no-error-summary") == (0, "")


def test_the_linter_has_nothing_to_say() -> None:
    assert verdict("ruff", "check", "--quiet", ".") == (0, "")


def test_the_format_is_the_formatters() -> None:
    code, said = verdict("ruff", "format", "--check", ".")

    assert code == 0, said


def test_the_committed_schema_is_what_the_code_says() -> None:
    assert verdict("coordinator", "export-schema", "--check") == (0, "")


def test_the_migrations_make_the_models() -> None:
    code, said = verdict("coordinator", "migrate", "--check")

    assert code == 0, said


def test_check_and_these_tests_look_at_the_same() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck: ")[2].partition("\n\n")[0]
    lines = [line.strip() for line in recipe.splitlines()[1:]]

    assert lines == [
        "$(BIN)/ruff format --check .",
        "$(BIN)/ruff check .",
        "$(BIN)/lint-imports",
        "$(BIN)/mypy",
        "$(BIN)/coordinator export-schema --check",
        "$(BIN)/coordinator migrate --check",
        "$(BIN)/hadolint docker/Dockerfile",
        "$(MAKE) --no-print-directory test",
    ]


def test_make_bench_runs_every_benchmark() -> None:
    from tests.benchmarks.__main__ import BENCHMARKS, OF_THEIR_OWN

    runnable = {
        path.stem
        for path in (ROOT / "tests/benchmarks").glob("[a-z]*.py")
        if "def main() -> None:" in path.read_text()
    }

    assert {*BENCHMARKS, *OF_THEIR_OWN} == runnable
