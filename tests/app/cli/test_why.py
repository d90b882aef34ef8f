"""`coordinator why` says why somebody is, was, or is not coordinator, and how it came (S10)."""

import json

import pytest
from sqlalchemy import Engine, text

from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.world import World, settle

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("S10")]


@pytest.fixture
@furnished
async def world(world: World, sync_database: Engine) -> World:
    """Maja was in Sales, and is in Finance now."""
    await world.member("Maja", department="Sales", country="SE")
    await world.segment("Sales SE", 'department eq "Sales" and country eq "SE"')
    await world.course("Selling", segments_attached=["Sales SE"])
    settle(sync_database)
    await world.change("Maja", department="Finance")
    settle(sync_database)
    return world


def why(database_url: str, *arguments: str) -> Answer:
    return run("why", *arguments, given={"DATABASE_URL": database_url})


async def moment_of(world: World, verb: str) -> str:
    async with world.edge.read() as db:
        at = await db.scalar(
            text(
                "SELECT max(at) FROM journal_entry WHERE verb = :verb AND at < (SELECT max(at)"
                " FROM journal_entry WHERE verb = 'member.changed')"
            ),
            {"verb": verb},
        )
    return str(at.isoformat())


async def test_the_present_is_a_sentence_and_a_tree_with_every_value(
    world: World, database_url: str
) -> None:
    answer = why(database_url, "maja@acme.example", "Selling")

    assert answer.code == 0, answer.err
    sentence, segment, whole, first, second = answer.out.splitlines()
    assert sentence == ("Maja is no coordinator of “Selling”: not by hand, and no segment matches.")
    assert segment.startswith("✗ “Sales SE”, ACTIVE, version 1, was in it until ")
    assert whole.strip() == '✗ department eq "Sales" and country eq "SE"'
    assert first.strip().startswith(
        '✗ department eq "Sales"   is “Finance” (was “Sales”), changed by LMS Coordinator at '
    )
    assert second.strip().startswith('✓ country eq "SE"   is “SE”, changed by LMS Coordinator at ')


async def test_a_past_moment_is_answered_in_the_words_of_its_time(
    world: World, database_url: str
) -> None:
    at = await moment_of(world, "membership.changed")

    then = why(database_url, "maja@acme.example", "Selling", "--at", at)
    before = why(database_url, "maja@acme.example", "Selling", "--at", "2020-01-01")

    assert then.code == before.code == 0, then.err + before.err
    sentence = then.out.splitlines()[0]
    assert "Maja was coordinator of “Selling” through “Sales SE” since " in sentence
    assert "because department is “Sales”, which equals “Sales”, changed by" in sentence
    assert before.out.splitlines() == ["2020-01-01 00:00:00 UTC: Maja or “Selling” was not there."]


async def test_the_time_line_tells_what_came_and_what_went(world: World, database_url: str) -> None:
    answer = why(database_url, "maja@acme.example", "Selling", "--timeline")
    told = why(database_url, "maja@acme.example", "Selling", "--timeline", "--json")

    lost, gained = answer.out.splitlines()
    assert "LOST" in lost
    assert "Maja is no coordinator: not by hand, and no segment matches, changed by" in lost
    assert "GAINED" in gained
    assert "Maja is coordinator through “Sales SE”, changed by LMS Coordinator at" in gained
    found = json.loads(told.out)
    assert [each["turn"] for each in found["turns"]] == ["LOST", "GAINED"]
    assert found["turns"][0]["cause"]["after"] == {"department": "Finance"}


async def test_programs_get_everything_as_json(world: World, database_url: str) -> None:
    found = json.loads(why(database_url, "1", "Selling", "--json").out)

    assert (found["isCoordinator"], found["isPast"], found["standing"]) == (
        False,
        False,
        "NO_SOURCE",
    )
    [reason] = found["segments"]
    assert reason["explanation"]["children"][0]["actual"] == "“Finance”"
    assert reason["ended"]["verb"] == "member.changed"


async def test_what_cannot_be_asked_is_said(world: World, database_url: str) -> None:
    answers = [
        why(database_url, "maja@acme.example", "Selling", *more)
        for more in (
            ("--at", "yesterday"),
            ("--at", "2999-01-01"),
            ("--at", "2026-01-01", "--timeline"),
        )
    ]

    assert [each.code for each in answers] == [2, 1, 2]
    assert "has not come yet" in answers[1].err
