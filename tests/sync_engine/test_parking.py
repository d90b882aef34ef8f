"""A person with whom the engine fails stops nobody else, is seen, and is tried again."""

import psycopg
import pytest

from sync_engine import parking
from sync_engine.parking import is_poison, retry_due
from sync_engine.rebuild import expand, rebuild
from sync_engine.reports import follow_reports
from sync_engine.verify import verify
from tests.ground import Document, Ground, everyone, sales

POISON = '{"department": "sales", "groups": [{}]}'
IN_A_GROUP: Document = {"attr": "groups", "op": "has", "value": "Readers"}
SORT = "SELECT member_id, failures, retry_at IS NOT NULL FROM parked_member ORDER BY member_id"


BREAK = """
CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not read block 3 in file "base/16384/2619"' USING ERRCODE = 'XX001';
END $$;
CREATE TRIGGER break BEFORE INSERT ON membership FOR EACH ROW WHEN (new.member_id = {})
EXECUTE FUNCTION break()
"""


def poison(ground: Ground, *member_ids: int) -> None:
    """Facts that no catalog reads."""
    ground.db.execute("UPDATE member SET facts = %s WHERE id = ANY(%s)", (POISON, list(member_ids)))
    ground.db.commit()


def forbid(ground: Ground, member_id: int) -> None:
    """No membership of this person can be written."""
    ground.db.execute(
        f"ALTER TABLE membership ADD CONSTRAINT nobody CHECK (member_id <> {member_id})"
    )
    ground.db.commit()


def allow(ground: Ground) -> None:
    ground.db.execute("ALTER TABLE membership DROP CONSTRAINT nobody")
    ground.db.commit()


@pytest.mark.spec("S13")
def test_everybody_else_of_a_batch_is_looked_at_and_the_one_is_parked(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.settle()
    ids = ground.people(9, department="Sales")
    poison(ground, ids[4])

    drained = ground.drain()

    assert drained.people == 8
    assert ground.stored() == {(id, segment) for id in ids if id != ids[4]}
    assert ground.rows(SORT) == [(ids[4], 1, True)]
    error = ground.one("SELECT error FROM parked_member")
    assert error.startswith("TypeError: ")
    follow_reports(ground.engine)
    assert not ground.waiting()


def test_a_person_for_whom_a_statement_fails_is_parked_alone(ground: Ground) -> None:
    segment = ground.segment(everyone())
    ground.settle()
    ids = ground.people(5)
    forbid(ground, ids[0])

    ground.drain()

    assert ground.stored() == {(id, segment) for id in ids[1:]}
    assert ground.rows(SORT) == [(ids[0], 1, True)]
    assert ground.one("SELECT error FROM parked_member").startswith("CheckViolation: ")


def test_what_is_told_shows_no_row_and_nothing_of_the_server(ground: Ground) -> None:
    ground.segment(everyone())
    ground.settle()
    row, broken = ground.people(2)
    forbid(ground, row)
    ground.db.execute(BREAK.format(broken))
    ground.db.commit()

    ground.drain()

    assert ground.rows("SELECT error FROM parked_member ORDER BY member_id") == [
        ('CheckViolation: new row for relation "membership" violates check constraint "nobody"',),
        ("DataCorrupted: the database reports XX001",),
    ]


def test_a_rule_over_everybody_passes_over_the_one_with_whom_its_block_fails(
    ground: Ground,
) -> None:
    ids = ground.people(5, department="Sales")
    ground.settle()
    poison(ground, ids[2])
    segment = ground.segment({"any": [sales(), IN_A_GROUP]})

    expand(ground.engine)
    rebuild(ground.engine, ground.rules)
    ground.settle()

    assert ground.stored() == {(id, segment) for id in ids if id != ids[2]}
    assert ground.rows(SORT) == [(ids[2], 1, True)]


def test_among_many_blocks_only_the_people_of_the_one_that_fails_are_looked_at_one_by_one(
    ground: Ground,
) -> None:
    ids = ground.scattered(6, department="Sales")
    ground.settle()
    poison(ground, ids[4])
    looked_at = ground.one("SELECT coalesce(max(id), 0) FROM change_set")
    segment = ground.segment({"any": [sales(), IN_A_GROUP]})

    expand(ground.engine)
    rebuild(ground.engine, ground.rules)
    alone = ground.rows("SELECT member_id FROM dirty_member")
    ground.settle()

    assert alone == [(ids[4],)]
    assert ground.stored() == {(id, segment) for id in ids if id != ids[4]}
    assert ground.rows("SELECT sum(added) FROM change_set WHERE id > %s", looked_at) == [(5,)]


def test_what_no_rule_asks_about_harms_nobody(ground: Ground) -> None:
    ids = ground.people(3, department="Sales")
    ground.settle()
    poison(ground, ids[1])
    segment = ground.segment(sales())

    expand(ground.engine)
    rebuild(ground.engine, ground.rules)

    assert ground.stored() == {(id, segment) for id in ids}


def test_who_is_parked_returns_by_itself_when_the_time_has_come(ground: Ground) -> None:
    segment = ground.segment(everyone())
    ground.settle()
    [person] = ground.people(1)
    forbid(ground, person)
    ground.drain()
    assert retry_due(ground.engine) == 0

    allow(ground)
    ground.db.execute("UPDATE parked_member SET retry_at = now()")
    ground.db.commit()

    assert retry_due(ground.engine) == 1
    ground.drain()
    assert ground.stored() == {(person, segment)}
    assert ground.rows(SORT) == []


def test_who_has_failed_too_often_waits_for_somebody_to_say_so(ground: Ground) -> None:
    ground.segment(everyone())
    ground.settle()
    [person] = ground.people(1)
    forbid(ground, person)

    for _ in range(parking.TRIES):
        ground.drain()
        ground.db.execute("UPDATE parked_member SET retry_at = now() WHERE retry_at IS NOT NULL")
        ground.db.commit()
        retry_due(ground.engine)

    assert ground.rows(SORT) == [(person, parking.TRIES, False)]
    follow_reports(ground.engine)
    assert not ground.waiting()


def test_a_change_of_who_is_parked_is_tried_at_once(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.settle()
    [person] = ground.people(1, department="Sales")
    poison(ground, person)
    ground.drain()

    ground.change(person, department="Sales")
    ground.drain()

    assert ground.stored() == {(person, segment)}
    assert ground.rows(SORT) == []


def test_a_marker_that_was_renewed_while_it_failed_is_not_parked(ground: Ground) -> None:
    [person] = ground.people(1)

    version = ground.one("SELECT xmin::text FROM dirty_member")
    ground.change(person, department="Sales")
    with ground.connection() as db:
        parking.park(db, person, version, ValueError("It failed before."))

    assert ground.rows(SORT) == []
    assert ground.waiting()


def test_who_is_parked_is_not_taken_for_drift(ground: Ground) -> None:
    ground.segment(everyone())
    ground.settle()
    [person] = ground.people(1)
    forbid(ground, person)
    ground.drain()

    drift = verify(ground.engine, ground.workspace_id)

    assert (drift.is_clean, drift.pending) == (True, 1)


def test_a_database_that_is_away_and_a_deadlock_are_nobodys_fault() -> None:
    errors = psycopg.errors
    faults = [OSError(), MemoryError(), psycopg.OperationalError()]
    faults += [errors.DeadlockDetected(), errors.UndefinedColumn(), errors.DiskFull()]
    assert [each for each in faults if is_poison(each)] == []
    own = [ValueError(), RecursionError(), errors.CheckViolation(), errors.DivisionByZero()]
    assert [each for each in own if not is_poison(each)] == []
