"""`coordinator audit` verifies the journal and copies it."""

import json
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.tampering import unguarded
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
@furnished
async def world(world: World) -> World:
    await world.member("Ada")
    await world.course("Safety", instructors=["Ada"])
    return world


@pytest.fixture
def around(sync_database: Engine) -> psycopg.Connection:
    made = sync_database.raw_connection().driver_connection
    assert isinstance(made, psycopg.Connection)
    return made


def audit(database_url: str, *arguments: str) -> Answer:
    return run("audit", *arguments, given={"DATABASE_URL": database_url})


async def test_a_whole_journal_verifies_and_says_what_to_note(
    world: World, database_url: str, around: psycopg.Connection
) -> None:
    first = audit(database_url, "verify")
    noted = first.out.strip()
    count = len(await world.verbs())

    assert first == Answer(0, f"{noted}\n", f"{count} entries are what they were.\n")
    assert noted.startswith(f"{count}:")
    await world.member("Bo")
    assert audit(database_url, "verify", "--expect", noted).code == 0

    with unguarded(around) as db:
        db.execute("DELETE FROM journal_entry WHERE seq >= %s", (count,))
        db.execute(
            "UPDATE workspace_stream SET head = %s, hash ="
            " (SELECT hash FROM journal_entry WHERE seq = %s)",
            (count - 1, count - 1),
        )
    assert audit(database_url, "verify").code == 0
    cut = audit(database_url, "verify", "--expect", noted)
    assert cut.code == 1
    assert cut.err == (
        f"Broken at {count} (anchor).\n"
        f"Entry {count} was noted once; the journal ends at {count - 1}. The rest was cut off.\n"
    )


async def test_a_changed_journal_is_named_with_the_place(
    world: World, database_url: str, around: psycopg.Connection
) -> None:
    with unguarded(around) as db:
        db.execute("UPDATE journal_entry SET by_name = 'Nobody' WHERE seq = 2")

    answer = audit(database_url, "verify")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "Broken at 2 (content).\nEntry 2 does not say what it said when it was written.\n"
    )


async def test_what_is_no_anchor_is_asked_for_again(world: World, database_url: str) -> None:
    answer = audit(database_url, "verify", "--expect", "the head")

    assert answer.code == 2
    assert "SEQ:HASH" in answer.err


async def test_a_copy_goes_to_a_new_file_or_to_the_output_and_is_recorded(
    world: World, database_url: str, tmp_path: Path
) -> None:
    before = await world.verbs()
    file = tmp_path / "audit.csv"

    printed = audit(database_url, "export", "--verb", "course.*", "--verb", "instructor.assigned")
    written = audit(database_url, "export", "--format", "csv", "--output", str(file))
    again = audit(database_url, "export", "--output", str(file))
    late = audit(database_url, "export", "--since", "soon")

    entries = [json.loads(line)["entry"] for line in printed.out.splitlines()]
    assert [each["verb"] for each in entries] == ["course.created", "instructor.assigned"]
    assert (written.code, written.out) == (0, "")
    assert file.read_bytes().count(b"\r\n") == len(before) + 2
    assert (again.code, late.code) == (2, 1)
    assert "exists" in again.err
    assert "soon" in late.err
    assert (await world.verbs())[len(before) :] == ["audit.exported", "audit.exported"]


async def test_a_command_says_from_where_it_was_given(world: World, database_url: str) -> None:
    audit(database_url, "export")

    printed = audit(database_url, "export", "--verb", "audit.exported")

    [entry] = [json.loads(line)["entry"] for line in printed.out.splitlines()]
    assert entry["origin"] == "cli"
    assert "@" in entry["client"]
