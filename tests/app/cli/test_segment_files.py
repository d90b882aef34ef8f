"""`coordinator segment export`, `plan`, `apply` and `lint`."""

import json
from pathlib import Path

import pytest

from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(300)]


@pytest.fixture
@furnished
async def world(world: World) -> World:
    await world.member("Ada", department="Sales")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety")
    return world


@pytest.mark.spec("S17")
async def test_a_file_is_exported_changed_planned_and_applied_once(
    world: World, database_url: str, tmp_path: Path
) -> None:
    def segment(*arguments: str, stdin: str = "") -> Answer:
        return run("segment", *arguments, given={"DATABASE_URL": database_url}, stdin=stdin)

    file = tmp_path / "segments.toml"
    exported = segment("export")
    file.write_text(
        exported.out.replace("courses = []", 'courses = ["Safety"]').replace('"Sales"', '"HR"')
    )

    planned = segment("plan", str(file))
    machine = json.loads(segment("plan", "-", "--json", stdin=file.read_text()).out)
    refused = segment("apply", str(file), "--plan", "another")
    asked = segment("apply", str(file), stdin="n\n")
    applied = segment("apply", str(file), "--plan", machine["basedOn"])
    again = segment("apply", str(file), "--yes")

    assert exported.code == planned.code == 0, exported.err + planned.err
    assert 'Changed: department eq "Sales" is now department eq "HR".' in planned.out
    assert "attach" in planned.out
    assert f"--plan {machine['basedOn']}" in planned.out
    assert [each["action"] for each in machine["steps"]] == ["CHANGE", "ATTACH"]
    assert (refused.code, asked.code) == (1, 1)
    assert "plan again" in refused.err
    assert (applied.code, applied.out) == (0, "Done: 2 steps.\n")
    assert again.out == "Nothing to do: everything is as the file says.\n"
    assert segment("export").out == file.read_text().replace(
        'courses = ["Safety"]', 'courses = [\n    {title = "Safety", id = 1, mode = "SYNC"},\n]'
    )


@pytest.mark.spec("S17")
async def test_everything_wrong_with_a_file_is_said_with_its_line(
    world: World, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "segments.toml"
    file.write_text('format = 1\n[[segment]]\nname = "A"\nrule = "levl gt 3"\ncourses = ["X"]\n')

    for verb in ("plan", "apply"):
        answer = run("segment", verb, str(file), given={"DATABASE_URL": database_url})

        assert (answer.code, answer.out) == (1, "")
        first, second, count = answer.err.splitlines()
        assert first.startswith(f"{file}:4: “A”: Its rule:")
        assert second == f"{file}:5: “A”: There is no course “X”."
        assert count == "2 problems."


@pytest.mark.spec("S16")
async def test_a_rule_is_linted_with_a_mark_under_the_place(
    world: World, database_url: str
) -> None:
    def lint(*arguments: str) -> Answer:
        return run("segment", "lint", *arguments, given={"DATABASE_URL": database_url})

    odd = lint('department eq "Salse" and level gt 3 and level lt 2')
    fine = lint("--segment", "sellers")

    assert odd.code == 1
    assert odd.out.splitlines() == [
        (
            'NEVER_TRUE: “department eq "Salse" and level gt 3 and level lt 2” is never true of'
            " anybody, because of its parts 2, 3."
        ),
        '    department eq "Salse" and level gt 3 and level lt 2',
        "    " + "^" * 51,
        "UNKNOWN_VALUE: Nobody’s department is “salse” now.",
        '    department eq "Salse" and level gt 3 and level lt 2',
        "                  ^^^^^^^",
        "The rule is never true of anybody.",
        "Its equalities leave 0 of 1 people to look at.",
    ]
    assert (fine.code, fine.out) == (0, "Its equalities leave 1 of 1 people to look at.\n")
    assert lint().code == 2
    assert lint("--segment", "Nobody").code == 2
