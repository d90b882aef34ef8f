"""The engine leaves a note about everybody without an account whom it gives something."""

from sync_engine.drain import drain
from sync_engine.rebuild import expand, rebuild
from sync_engine.state import Rules
from tests.ground import Ground, sales
from tests.sync_engine.conftest import Meter


def pending(ground: Ground, people: list[int]) -> None:
    """These people have no account yet."""
    for member_id in people:
        ground.set_state(member_id, "PENDING")


def noted(ground: Ground) -> list[int]:
    return [id for (id,) in ground.rows("SELECT member_id FROM invitation_due ORDER BY member_id")]


def test_a_drain_notes_whom_it_adds_in_one_statement_however_many(
    ground: Ground, meter: Meter
) -> None:
    ground.segment(sales())
    ids = ground.people(50, department="Legal")
    pending(ground, ids[:20])
    ground.settle()
    for member_id in ids:
        ground.change(member_id, department="Sales")
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    drain(meter.engine, rules, lanes=(0,))

    assert noted(ground) == ids[:20]
    assert len(meter.statements) == 7
    assert meter.written()["invitation_due"] == (20, 0, 0)


def test_a_rebuild_notes_whom_it_adds(ground: Ground) -> None:
    ids = ground.people(6, department="Sales")
    pending(ground, ids[:2])
    ground.settle()
    ground.segment(sales())
    expand(ground.engine)

    rebuild(ground.engine, Rules())

    assert noted(ground) == ids[:2]


def test_who_loses_something_is_not_noted(ground: Ground) -> None:
    ids = ground.people(3, department="Sales")
    ground.segment(sales())
    ground.settle()
    pending(ground, ids)
    for member_id in ids:
        ground.change(member_id, department="Legal")

    ground.settle()

    assert noted(ground) == []


def test_who_was_invited_before_is_not_noted(ground: Ground) -> None:
    [member_id] = ground.people(1, department="Legal")
    ground.segment(sales())
    pending(ground, [member_id])
    ground.db.execute(
        "INSERT INTO invitation (member_id, workspace_id, expires_at) VALUES (%s, %s, now())",
        (member_id, ground.workspace_id),
    )
    ground.db.commit()
    ground.change(member_id, department="Sales")

    ground.settle()

    assert noted(ground) == []
