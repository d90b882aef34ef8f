"""`coordinator learners` does one thing to everybody a file names, and says what became of each."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import text

from models.people import MemberState
from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.operations.learning.enrolling import due, learners
from tests.world import MONDAY, World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("M1", "M2", "M4", "M8")]

MANY = 620
CROWD = """
INSERT INTO member (workspace_id, user_name, display_name, state)
SELECT :w, 'p' || n || '@acme.example', 'Person ' || n, 'ACTIVE' FROM generate_series(1, :many) n
"""


@pytest.fixture
@furnished
async def world(world: World) -> World:
    for name in ("Ada", "Bo", "Dan"):
        await world.member(name)
    await world.set_state("Dan", MemberState.DEACTIVATED)
    await world.course("Safety")
    await world.group("Spring", course="Safety", due_at=MONDAY)
    return world


class Desk:
    """Runs the commands on one database, with files in one directory."""

    def __init__(self, url: str, place: Path) -> None:
        self.url, self.results, self.people = url, place / "results.csv", place / "people.csv"

    def __call__(self, verb: str, people: str, *more: str, course: str = "safety") -> Answer:
        self.people.write_text(people)
        files = ("--file", str(self.people), "--results", str(self.results))
        return run(
            *("learners", verb, "--course", course, *files, *more),
            given={"DATABASE_URL": self.url},
        )

    def outcomes(self) -> list[tuple[str, str]]:
        with self.results.open(newline="") as file:
            return [(row["member"], row["outcome"]) for row in csv.DictReader(file)]


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Desk:
    return Desk(database_url, tmp_path)


async def test_everybody_in_the_file_is_answered_and_a_repeat_finds_it_done(
    world: World, desk: Desk
) -> None:
    people = (
        f"\ufeffuserName,name\nADA@acme.example,Ada\n\n{world.members['Bo']}\nDan@acme.example\nx\n"
    )

    first = desk("assign", people)
    told = desk.outcomes()
    again = desk("assign", people)

    assert (first.code, again.code) == (1, 1), first.err
    assert told == [
        ("ADA@acme.example", "ASSIGNED"),
        (str(world.members["Bo"]), "ASSIGNED"),
        ("Dan@acme.example", "DEACTIVATED"),
        ("x", "NOT_FOUND"),
    ]
    assert [each for _, each in desk.outcomes()][:2] == ["ALREADY_ASSIGNED"] * 2
    assert "4 people: ASSIGNED 2, DEACTIVATED 1, NOT_FOUND 1." in first.err
    assert await learners(world, "Safety") == {"Ada", "Bo"}


async def test_one_after_the_other_they_are_assigned_re_dated_completed_and_unassigned(
    world: World, desk: Desk
) -> None:
    people = "ada@acme.example\n"

    codes = [
        desk("assign", people, "--group", "spring").code,
        desk("re-date", people, "--due", "2099-01-01T00:00:00Z", "--reason", "Moved.").code,
        desk("complete", people).code,
    ]
    completed = desk.outcomes()
    [date] = (await due(world, "Safety")).values()
    codes.append(desk("re-date", people, "--due", "none").code)
    fallen_back = await due(world, "Safety")
    codes.append(desk("unassign", people, "--group", "spring").code)

    assert codes == [0] * 5
    assert completed == [("ada@acme.example", "COMPLETED")]
    assert str(date) == "2099-01-01 00:00:00+00:00"
    assert fallen_back == {"Ada": MONDAY}
    assert await learners(world, "Safety") == set()


async def test_more_than_a_call_takes_go_in_several_and_the_bar_says_how_many(
    world: World, desk: Desk
) -> None:
    async with world.edge.transaction() as db:
        await db.execute(text(CROWD), {"w": world.workspace_id, "many": MANY})
    people = "".join(f"p{n}@acme.example\n" for n in range(1, MANY + 1))

    foretold = desk("assign", people, "--dry-run")
    nobody = await learners(world, "Safety")
    done = desk("assign", people)

    assert (foretold.code, nobody, done.code) == (0, set(), 0), done.err
    assert f"{MANY}/{MANY}" in done.err
    assert len(await learners(world, "Safety")) == MANY


async def test_wrong_words_are_answered_with_what_there_is(world: World, desk: Desk) -> None:
    people = "ada@acme.example\n"
    answers = [
        (desk("assign", people, course="Welding"), 2, "There is no course 'Welding'"),
        (desk("assign", people, "--group", "Autumn"), 2, "there are: Spring."),
        (desk("re-date", people, "--due", "tomorrow"), 2, "is no date and time, nor none"),
        (desk("re-date", people, "--due", "2099-01-01T00:00"), 2, "needs a time zone"),
        (desk("re-date", people, "--due", "2001-01-01T00:00Z"), 1, "say allowPast"),
        (desk("assign", ""), 0, "0 people: nothing to do."),
    ]

    for answer, code, words in answers:
        assert answer.code == code, answer.err
        assert words in " ".join(answer.err.replace("│", " ").split()), answer.err
