"""Two processes at the same thing at the same moment: the limit and the exclusivity hold."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from operations.coordinators import OnConflict
from tests.engine import run_until_idle
from tests.forking import FORKS
from tests.operations import racing
from tests.operations.racing import Track
from tests.sampling import examples
from tests.world import World

ROUNDS = examples(1_000)
BOTH_ROLES = text("""
SELECT count(*) FROM course_coordinator c
  JOIN course_role r USING (course_id, member_id) WHERE r.role = 'INSTRUCTOR'
""")


def race(track: Track, *contestants: tuple[Callable[..., None], object]) -> list[dict[str, int]]:
    """Run both in processes of their own; what became of their attempts, counted."""
    barrier, results = FORKS.Barrier(len(contestants)), FORKS.Queue()
    running = [
        FORKS.Process(target=target, args=(track, barrier, results, argument))
        for target, argument in contestants
    ]
    for process in running:
        process.start()
    counted: list[dict[str, int]] = [results.get(timeout=250) for _ in running]
    for process in running:
        process.join()
    return counted


async def track_of(world: World, url: str, engine: Engine, count: int) -> Track:
    """`count` courses, each with room for one segment."""
    department_id = await world.department()
    with engine.begin() as db:
        rows = db.execute(
            text(
                "INSERT INTO course"
                " (workspace_id, department_id, title, kind, state, segment_limit)"
                " SELECT :workspace, :department, 'Course ' || n, 'SELF_PACED', 'ACTIVE', 1"
                " FROM generate_series(1, :count) AS n RETURNING id"
            ),
            {"workspace": world.workspace_id, "department": department_id, "count": count},
        )
        return Track(url, world.workspace_id, [row[0] for row in rows])


@pytest.mark.timeout(300)
async def test_the_last_free_place_is_taken_once_in_every_race(
    world: World, database_url: str, sync_database: Engine
) -> None:
    one = await world.segment("One", "everyone")
    two = await world.segment("Two", "everyone")
    track = await track_of(world, database_url, sync_database, ROUNDS)

    first, second = race(
        track,
        (racing.attach_each, one),
        (racing.attach_each, two),
    )

    with sync_database.begin() as db:
        attached = db.execute(
            text("SELECT course_id, count(*) FROM course_segment GROUP BY course_id")
        ).all()
    assert [count for _, count in attached] == [1] * ROUNDS
    assert first.get("done", 0) + second.get("done", 0) == ROUNDS
    assert first.get("LIMIT_REACHED", 0) + second.get("LIMIT_REACHED", 0) == ROUNDS
    assert min(first.get("done", 0), second.get("done", 0)) > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("on_conflict", [None, OnConflict.SWITCH])
async def test_nobody_becomes_instructor_and_coordinator_at_once(
    world: World, database_url: str, sync_database: Engine, on_conflict: OnConflict | None
) -> None:
    lea = await world.member("Lea", department="Sales")
    track = await track_of(world, database_url, sync_database, 100)
    choice = {} if on_conflict is None else {"on_conflict": on_conflict}

    outcomes = race(
        track,
        (racing.assign_each, {"instructors": [lea], **choice}),
        (racing.assign_each, {"coordinators": [lea], **choice}),
    )

    with sync_database.begin() as db:
        assert db.scalar(BOTH_ROLES) == 0
        assert db.scalar(text("SELECT count(*) FROM course_role")) == len(track.courses)
    expected = "done" if on_conflict else "ROLE_CONFLICT"
    assert sum(each.get(expected, 0) for each in outcomes) == len(track.courses) * (
        2 if on_conflict else 1
    )


@pytest.mark.timeout(300)
async def test_attaching_a_segment_never_makes_an_instructor_coordinator(
    world: World, database_url: str, sync_database: Engine
) -> None:
    lea = await world.member("Lea", department="Sales")
    sales = await world.segment("Sales", 'department eq "Sales"')
    run_until_idle(sync_database)
    track = await track_of(world, database_url, sync_database, 100)
    roles = {"instructors": [lea], "on_conflict": OnConflict.SWITCH}

    race(
        track,
        (racing.attach_each, sales),
        (racing.assign_each, roles),
    )

    with sync_database.begin() as db:
        assert db.scalar(BOTH_ROLES) == 0
        assert db.scalar(text("SELECT count(*) FROM course_coordinator")) == 0
        assert db.scalar(text("SELECT count(*) FROM course_role")) == len(track.courses)
