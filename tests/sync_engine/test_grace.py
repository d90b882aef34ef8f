"""Whoever the engine takes the last reason from stays coordinator for the days of grace (M40)."""

import datetime as dt
import threading
import time
from typing import Any

import pytest

from sync_engine import grace
from sync_engine.drain import drain
from sync_engine.rebuild import expand, rebuild
from sync_engine.state import Connection, Rules
from sync_engine.ticks import EXPIRED_A_PASS, expire_overrides
from sync_engine.verify import verify
from tests.ground import Ground, everyone, record, sales
from tests.sync_engine.conftest import Meter
from tests.sync_engine.test_interleavings import is_waiting, wait_until

pytestmark = pytest.mark.spec("M40")

DAY = dt.timedelta(days=1)


@pytest.fixture
def graceful(ground: Ground) -> Ground:
    """A workspace that gives five days, and holds nothing back."""
    write(ground, "UPDATE workspace SET grace_days = 5, hold_people = 1000000")
    return ground


def write(ground: Ground, statement: str, *parameters: object) -> None:
    ground.db.execute(statement, parameters or None)
    ground.db.commit()


def ending(ground: Ground) -> set[tuple[int, int]]:
    """Whose role is ending where."""
    said = "SELECT course_id, member_id FROM coordinator_override WHERE kind = 'ENDING'"
    return set(ground.rows(said))


def coordinators(ground: Ground) -> set[tuple[int, int]]:
    return set(ground.rows("SELECT course_id, member_id FROM course_coordinator"))


def told(ground: Ground, after: int = 0) -> list[str]:
    return [
        verb
        for (verb,) in ground.rows(
            "SELECT verb FROM journal_entry WHERE seq > %s ORDER BY seq", after
        )
    ]


def test_who_leaves_the_last_segment_stays_until_the_days_are_over(graceful: Ground) -> None:
    course = graceful.course(graceful.segment(sales()))
    person = graceful.member(department="Sales")
    graceful.settle()

    graceful.change(person, department="Legal")
    graceful.settle()

    assert ending(graceful) == coordinators(graceful) == {(course, person)}
    [(left,)] = graceful.rows("SELECT expires_at - created_at FROM coordinator_override")
    assert left == 5 * DAY
    assert told(graceful)[-2:] == ["coordinator.ending", "membership.changed"]
    now = dt.datetime.now(dt.UTC)
    assert expire_overrides(graceful.engine, now=now + 4 * DAY) == 0
    assert expire_overrides(graceful.engine, now=now + 5 * DAY) == 1
    assert coordinators(graceful) == set()
    assert told(graceful)[-1] == "override.expired"


def test_verification_finds_a_role_that_ends_although_something_gives_it(graceful: Ground) -> None:
    course = graceful.course(graceful.segment(sales()))
    person = graceful.member(department="Sales")
    graceful.settle()
    assert verify(graceful.engine, graceful.workspace_id).is_clean

    graceful.override(course, person, "ENDING", dt.datetime.now(dt.UTC) + DAY)

    drift = verify(graceful.engine, graceful.workspace_id)
    assert (drift.missing, drift.extra, drift.needless, drift.is_clean) == (0, 0, 1, False)


def test_who_comes_back_has_the_role_without_an_end(graceful: Ground) -> None:
    one, other = graceful.segment(sales()), graceful.segment(sales())
    course = graceful.course(one)
    graceful.course(other)
    person = graceful.member(department="Sales")
    graceful.settle()
    graceful.change(person, department="Legal")
    graceful.settle()
    assert len(ending(graceful)) == 2

    graceful.edit(one, rule=everyone())
    graceful.settle()

    assert {id for id, _ in ending(graceful)} == {id for id, _ in coordinators(graceful)} - {course}
    assert told(graceful)[-2:] == ["membership.changed", "coordinator.regained"]


def test_nobody_stays_who_was_no_coordinator_or_has_the_role_otherwise(graceful: Ground) -> None:
    segment, other = graceful.segment(sales()), graceful.segment(sales())
    left = graceful.segment(people=[])
    course, also = graceful.course(segment), graceful.course(segment, left)
    people = {
        name: graceful.member(department="Sales")
        for name in ("left", "excluded", "kept", "instructor", "by hand", "named", "gone")
    }
    graceful.course(other)
    graceful.name(left, [people["named"]])
    graceful.settle()
    graceful.override(course, people["excluded"], "EXCLUDE")
    graceful.override(course, people["kept"], "KEEP")
    graceful.instruct(course, people["instructor"])
    write(
        graceful,
        "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
        " VALUES (%s, %s, %s, 'COORDINATOR')",
        *(course, people["by hand"], graceful.workspace_id),
    )
    graceful.set_state(people["gone"], "DEACTIVATED")
    archived = "UPDATE course SET state = 'ARCHIVED' WHERE id NOT IN (%s, %s)"
    write(graceful, archived, course, also)

    for person in people.values():
        graceful.change(person, department="Legal")
    graceful.settle()

    stay = {people[name] for name in ("left", "named")}
    assert ending(graceful) == {(course, id) for id in stay} | {
        (also, id) for name, id in people.items() if name not in ("named", "gone")
    }


@pytest.mark.parametrize(
    ("mode", "stays"),
    [("SYNC", True), ("REMOVE_ONLY", True), ("ADD_ONLY", False), ("FROZEN", False)],
)
def test_grace_begins_where_the_mode_ends_the_role(
    graceful: Ground, mode: str, stays: bool
) -> None:
    course = graceful.course(graceful.segment(sales()))
    person = graceful.member(department="Sales")
    graceful.settle()
    write(graceful, "UPDATE course_segment SET mode = %s, mode_since = clock_timestamp()", mode)
    late = graceful.member(department="Sales")
    graceful.settle()
    assert ((course, late) in coordinators(graceful)) is (mode in ("SYNC", "ADD_ONLY"))

    for each in (person, late):
        graceful.change(each, department="Legal")
    graceful.settle()

    who = {person, late} if mode == "SYNC" else {person} if stays else set()
    assert ending(graceful) == {(course, each) for each in who}


@pytest.mark.parametrize("grace_days", [0, 5])
def test_a_removal_costs_nothing_more_without_grace_and_two_statements_with_it(
    graceful: Ground, meter: Meter, grace_days: int
) -> None:
    write(graceful, "UPDATE workspace SET grace_days = %s", grace_days)
    segment = graceful.segment(sales())
    graceful.segment({"attr": "department", "op": "eq", "value": "Legal"})
    graceful.course(segment)
    ids = graceful.people(50, department="Sales")
    graceful.settle()
    for member_id in ids:
        graceful.change(member_id, department="Ops")
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    drain(meter.engine, rules, lanes=(0,))

    asked = [each for each in meter.statements if each in (grace.GUARD, grace.GIVE_TO_REMOVED)]
    assert len(asked) == (2 if grace_days else 0)
    assert meter.written().get("coordinator_override") == ((50, 0, 0) if grace_days else None)


def test_five_thousand_who_leave_together_get_their_grace_in_few_statements(
    graceful: Ground, meter: Meter
) -> None:
    segment, other = graceful.segment(sales()), graceful.segment(everyone())
    graceful.course(segment)
    graceful.course(segment)
    graceful.course(segment, other)
    graceful.people(5_000, department="Sales")
    graceful.settle()
    graceful.edit(segment, rule={"attr": "department", "op": "eq", "value": "Legal"})
    expand(graceful.engine)
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()
    begun = time.monotonic()

    rebuilt = rebuild(meter.engine, rules, seconds=60)

    assert rebuilt.removed == 5_000
    assert len(ending(graceful)) == 10_000
    assert len(meter.statements) <= 15 * rebuilt.blocks
    assert time.monotonic() - begun < 20
    later = dt.datetime.now(dt.UTC) + 6 * DAY
    assert expire_overrides(graceful.engine, now=later) == EXPIRED_A_PASS


# --- Two at once ----------------------------------------------------------------------------------


def detach(ground: Ground, db: Connection, course: int, segment: int, *, guard: str) -> None:
    """What the operation does, all but its commit."""
    [(mode, since)] = db.execute(
        "DELETE FROM course_segment WHERE course_id = %s AND segment_id = %s"
        " RETURNING mode, mode_since",
        (course, segment),
    )
    about = {"workspace_id": ground.workspace_id}
    db.execute(guard, about)
    db.execute(
        grace.GIVE_TO_FOLLOWERS,
        about
        | {
            "cause": None,
            "courses": [course],
            "segments": [segment],
            "modes": [mode],
            "moments": [since],
            "reasons": ["taken off"],
        },
    )
    record(db, ground.workspace_id, "segment.detached", course_id=course, segment_id=segment)


GUARDED, UNGUARDED = grace.GUARD, "SELECT %(workspace_id)s"


@pytest.mark.parametrize("guard", [GUARDED, UNGUARDED], ids=["guarded", "unguarded"])
def test_of_two_who_each_take_one_of_the_last_two_reasons_the_second_gives_grace(
    graceful: Ground, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed, named = graceful.segment(sales()), graceful.segment(people=[])
    course = graceful.course(followed, named)
    person = graceful.member(department="Sales")
    graceful.name(named, [person])
    graceful.settle()
    graceful.change(person, department="Legal")
    monkeypatch.setattr(grace, "GUARD", guard)
    other, watcher = graceful.connection(), graceful.connection()
    watcher.autocommit = True
    behind: list[Any] = []

    # The other has read, and given nobody grace, before the engine reads; it commits afterwards.
    detach(graceful, other, course, named, guard=guard)
    engine = threading.Thread(target=lambda: behind.append(graceful.drain(seconds=0)))
    engine.start()
    wait_until(lambda: _is_behind(watcher, other))
    other.commit()
    engine.join(timeout=20)

    assert [each.removed for each in behind] == [1]
    assert coordinators(graceful) == ending(graceful)
    assert ending(graceful) == ({(course, person)} if guard is GUARDED else set())


def _is_behind(watcher: Connection, other: Connection) -> bool:
    """Whether somebody waits for this connection."""
    [(count,)] = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))",
        (other.info.backend_pid,),
    )
    return bool(count) and not is_waiting(watcher, other)
