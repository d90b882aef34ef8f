"""`coordinator segment preview` says what a change of a segment would do, and does nothing."""

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.app.cli.program import run
from tests.furnishing import furnished
from tests.proof.ledger import Ledger
from tests.world import World, settle

pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("S9")]


@pytest.fixture
@furnished
async def company(world: World, sync_database: Engine) -> World:
    await world.member("Ada", department="Sales")
    await world.member("=Bo", department="Ops")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sellers"])
    settle(sync_database)
    return world


def test_a_change_is_told_as_a_table_as_json_and_as_a_file(
    company: World, database_url: str, sync_database: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    about = ("edit-rule", 'department eq "Ops" or city present', "--segment", "Sellers")
    untouched = Ledger(sync_database).state()

    told = run(
        "segment", "preview", *about, "--csv", str(file), given={"DATABASE_URL": database_url}
    )
    asked = run("segment", "preview", *about, "--json", given={"DATABASE_URL": database_url})

    assert (told.code, told.err) == (0, "")
    assert "1 gained, 1 lost" in told.out
    assert "2 of 2 people have no city." in told.out
    [course] = json.loads(asked.out)["courses"]
    assert [each["name"] for each in course["gains"]] == ["=Bo"]
    assert [each["name"] for each in course["losses"]] == ["Ada"]
    with file.open(encoding="utf-8-sig", newline="") as rows:
        lines = list(csv.reader(rows))
    assert [line[:1] + line[4:] for line in lines[1:]] == [["GAIN", "'=Bo"], ["LOSE", "Ada"]]
    assert Ledger(sync_database).state() == untouched


def test_a_course_left_without_a_coordinator_is_pointed_out(
    company: World, database_url: str
) -> None:
    about = ("detach", "--segment", "Sellers", "--course", "Safety")
    told = run("segment", "preview", *about, given={"DATABASE_URL": database_url})

    assert "left without a coordinator" in told.out


@pytest.mark.spec("S8")
def test_another_mode_is_told_too(company: World, database_url: str) -> None:
    about = ("change-mode", "--segment", "Sellers", "--course", "Safety", "--mode")
    told = run("segment", "preview", *about, "frozen", given={"DATABASE_URL": database_url})

    assert "0 gained, 0 lost" in told.out
    assert run("segment", "preview", *about, "melted").code == 2


def test_what_is_no_change_is_wrong_usage() -> None:
    assert run("segment", "preview", "mend").code == 2
