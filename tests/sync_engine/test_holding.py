"""More removals than may go unasked wait; additions do not; and few cost little."""

import contextlib
import threading
from typing import Any
from unittest.mock import patch

import pytest

from sync_engine import changes
from sync_engine.drain import drain
from sync_engine.markers import BLOCK_BITS
from sync_engine.plan import difference
from sync_engine.state import Rules
from sync_engine.verify import verify
from sync_engine.withholding import withhold
from tests.ground import Ground, everyone, insert_workspace, sales
from tests.sync_engine.conftest import Meter

LIMIT = 10
SALES: dict[str, Any] = {"department": "Sales"}
LEGAL: dict[str, Any] = {"department": "Legal"}


def legal() -> dict[str, object]:
    return {"attr": "department", "op": "eq", "value": "Legal"}


def held(ground: Ground) -> set[tuple[int, int]]:
    rows = ground.rows("SELECT member_id, segment_id FROM held_removal WHERE NOT is_approved")
    return {(member, segment) for member, segment in rows}


def open_holds(ground: Ground) -> list[tuple[Any, ...]]:
    return ground.rows(
        "SELECT segment_id, most, people, counted, held FROM hold WHERE state = 'OPEN' ORDER BY id"
    )


def limit(ground: Ground, people: int, percent: int = 20, minutes: int = 60) -> None:
    ground.db.execute(
        "UPDATE workspace SET hold_people = %s, hold_percent = %s, hold_minutes = %s WHERE id = %s",
        (people, percent, minutes, ground.workspace_id),
    )
    ground.db.commit()


def later(ground: Ground, minutes: int) -> None:
    """So much later: everything the engine has done lies so much longer back."""
    for statement in (
        """UPDATE membership SET since = since - make_interval(mins => %s),
                                 until = until - make_interval(mins => %s)""",
        "UPDATE change_set SET at = at - make_interval(mins => %s)",
        "UPDATE course_segment SET attached_at = attached_at - make_interval(mins => %s)",
    ):
        ground.db.execute(statement, (minutes,) * statement.count("%s"))
    ground.db.commit()


@pytest.mark.spec("S11")
@pytest.mark.parametrize("leaving", [LIMIT, LIMIT + 1])
def test_a_burst_at_the_limit_goes_and_one_beyond_waits_as_a_whole(
    ground: Ground, leaving: int
) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(30, **SALES)
    ground.settle()
    newcomer = ground.member(**LEGAL)
    ground.settle()

    for id in people[:leaving]:
        ground.change(id, **LEGAL)
    ground.change(newcomer, **SALES)
    ground.settle()

    stay = set(people) if leaving > LIMIT else set(people[leaving:])
    assert ground.stored() == {(id, segment) for id in stay | {newcomer}}
    assert len(held(ground)) == (leaving if leaving > LIMIT else 0)
    assert len(open_holds(ground)) == (1 if leaving > LIMIT else 0)
    assert verify(ground.engine, ground.workspace_id).is_clean


@pytest.mark.spec("S11")
def test_single_removals_from_a_broken_feed_stop_at_the_limit_and_grow_one_hold(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(40, **SALES)
    ground.settle()
    for id in people:
        ground.change(id)
        ground.settle()

    assert ground.stored() == {(id, segment) for id in people[LIMIT:]}
    assert open_holds(ground) == [(segment, LIMIT, 40, LIMIT + 1, 30)]
    verbs = ground.rows(
        "SELECT verb, detail -> 'held' FROM journal_entry WHERE verb LIKE 'hold.%%' ORDER BY seq"
    )
    assert verbs == [("hold.opened", 1), *(("hold.grew", each) for each in (2, 4, 8, 16))]
    assert ground.one("SELECT sum(held) FROM change_set") == 30


@pytest.mark.spec("S11")
def test_the_limit_is_the_larger_of_people_and_percent(ground: Ground) -> None:
    limit(ground, people=2, percent=50)
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(10, **SALES)
    ground.settle()

    for id in people[:5]:
        ground.change(id, **LEGAL)
        ground.settle()
    assert held(ground) == set()
    ground.change(people[5], **LEGAL)
    ground.settle()

    assert held(ground) == {(people[5], segment)}
    assert open_holds(ground) == [(segment, 5, 10, 6, 1)]


@pytest.mark.spec("S11")
def test_a_rule_edit_lets_people_in_at_once_and_holds_those_it_would_take_out(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    before = ground.people(25, **SALES)
    after = ground.people(25, **LEGAL)
    ground.settle()

    ground.edit(segment, rule=legal())
    ground.settle()

    assert ground.stored() == {(id, segment) for id in (*before, *after)}
    assert held(ground) == {(id, segment) for id in before}
    assert verify(ground.engine, ground.workspace_id).is_clean


@pytest.mark.spec("S11")
def test_who_is_wanted_again_waits_no_longer_and_a_hold_without_anybody_is_released(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(20, **SALES)
    ground.settle()
    ground.edit(segment, rule=legal())
    ground.settle()

    ground.change(people[0], **LEGAL)
    ground.settle()
    assert held(ground) == {(id, segment) for id in people[1:]}
    ground.edit(segment, rule=everyone())
    ground.settle()

    assert ground.stored() == {(id, segment) for id in people}
    assert held(ground) == set()
    assert ground.rows("SELECT state, held, ended_at IS NULL FROM hold") == [
        ("RELEASED", 20, False)
    ]
    assert ground.one("SELECT count(*) FROM journal_entry WHERE verb = 'hold.released'") == 1


@pytest.mark.spec("S11")
def test_who_is_approved_is_removed_and_does_not_count_afterwards(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(40, **SALES)
    ground.settle()
    for id in people[:20]:
        ground.change(id, **LEGAL)
    ground.settle()
    assert len(held(ground)) == 20

    ground.db.execute("UPDATE held_removal SET is_approved = true")
    ground.db.execute("UPDATE hold SET state = 'DECIDED', ended_at = now(), approved = 20")
    ground.db.commit()
    for id in people[:20]:
        ground.change(id, **LEGAL)
    ground.settle()
    assert ground.stored() == {(id, segment) for id in people[20:]}
    assert ground.rows("SELECT * FROM held_removal") == []
    for id in people[20:30]:
        ground.change(id, **LEGAL)
    ground.settle()

    assert ground.stored() == {(id, segment) for id in people[30:]}


@pytest.mark.spec("S11")
def test_the_window_rolls_on(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(30, **SALES)
    ground.settle()
    for id in people[:LIMIT]:
        ground.change(id, **LEGAL)
    ground.settle()

    later(ground, 61)
    for id in people[LIMIT : 2 * LIMIT]:
        ground.change(id, **LEGAL)
    ground.settle()
    assert held(ground) == set()
    ground.change(people[2 * LIMIT], **LEGAL)
    ground.settle()

    assert held(ground) == {(people[2 * LIMIT], segment)}


@pytest.mark.spec("S11")
def test_nobody_waits_who_is_deactivated_deleted_or_in_a_segment_no_course_follows(
    ground: Ground,
) -> None:
    followed, loose, kept = (ground.segment(sales()) for _ in range(3))
    ground.course(followed)
    course = ground.course(kept)
    ground.db.execute("UPDATE course_segment SET mode = 'FROZEN' WHERE course_id = %s", (course,))
    ground.db.commit()
    people = ground.people(60, **SALES)
    ground.settle()

    for id in people[:15]:
        ground.set_state(id, "DEACTIVATED")
    for id in people[15:30]:
        ground.set_state(id, "ACTIVE", deleted=True)
    ground.settle()
    for id in people[30:]:
        ground.change(id, **LEGAL)
    ground.settle()

    assert ground.stored() == {(id, followed) for id in people[30:]}
    assert held(ground) == {(id, followed) for id in people[30:]}
    assert {segment for segment, *_ in open_holds(ground)} == {followed}
    assert loose not in {segment for _, segment in ground.stored()}


@pytest.mark.spec("S11")
def test_who_is_deactivated_while_waiting_is_removed_at_once(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    people = ground.people(20, **SALES)
    ground.settle()
    ground.edit(segment, rule=legal())
    ground.settle()

    ground.set_state(people[0], "DEACTIVATED")
    ground.settle()

    assert (people[0], segment) not in ground.stored() | held(ground)
    assert len(held(ground)) == 19


@pytest.mark.spec("S11")
def test_many_small_segments_together_are_held_for_the_workspace(ground: Ground) -> None:
    segments = [
        ground.segment({"attr": "department", "op": "eq", "value": f"D{n}"}) for n in range(8)
    ]
    ground.course(*segments[:4])
    ground.course(*segments[4:])
    people = {n: ground.people(4, department=f"D{n}") for n in range(8)}
    elsewhere = ground.segment({"attr": "title", "op": "eq", "value": "Boss"})
    ground.course(elsewhere)
    ground.settle()

    for ids in people.values():
        for id in ids[:2]:
            ground.change(id, **LEGAL)
            ground.settle()

    assert len(held(ground)) == 16 - LIMIT
    assert open_holds(ground) == [(None, LIMIT, 32, LIMIT + 1, 16 - LIMIT)]


@pytest.mark.spec("S11")
def test_a_share_of_the_workspace_is_of_people_however_many_segments_each_is_in(
    ground: Ground,
) -> None:
    """Twelve of sixty may go, who are in six segments each."""
    limit(ground, people=3, percent=20)
    departments = [f"D{n}" for n in range(12)]
    for name in departments:
        rule = {"attr": "department", "op": "eq", "value": name}
        ground.course(*(ground.segment(rule) for _ in range(6)))
    people = {name: ground.people(5, department=name) for name in departments}
    ground.settle()

    for name in departments:
        ground.change(people[name][0], **LEGAL)
        ground.settle()
    went = open_holds(ground)
    ground.change(people["D5"][1], **LEGAL)
    ground.settle()

    assert went == []
    assert open_holds(ground) == [(None, 12, 60, 13, 6)]


@pytest.mark.spec("S11")
def test_who_moves_from_one_segment_to_another_loses_nothing_and_counts_for_no_workspace(
    ground: Ground,
) -> None:
    limit(ground, people=3, percent=0)
    segments = [
        ground.segment({"attr": "department", "op": "eq", "value": f"D{n}"}) for n in range(4)
    ]
    ground.course(*segments)
    people = {n: ground.people(3, department=f"D{n}") for n in range(4)}
    ground.settle()

    for n, ids in people.items():
        for id in ids:
            ground.change(id, department=f"D{(n + 1) % 4}")
    ground.settle()

    assert held(ground) == set()
    assert ground.stored() == ground.expected()


@pytest.mark.spec("S11")
def test_one_person_who_comes_and_goes_is_counted_once(ground: Ground) -> None:
    limit(ground, people=2, percent=0)
    segment = ground.segment(sales())
    ground.course(segment)
    person, *_ = ground.people(5, **SALES)
    ground.settle()

    for _ in range(5):
        ground.change(person, **LEGAL)
        ground.settle()
        ground.change(person, **SALES)
        ground.settle()

    assert held(ground) == set()


@pytest.mark.parametrize("people", [1, LIMIT])
def test_few_removals_from_a_followed_segment_cost_two_statements_more(
    ground: Ground, meter: Meter, people: int
) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    ids = ground.people(60, **SALES)
    ground.settle()
    for id in ids[:people]:
        ground.change(id, **LEGAL)
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    drained = drain(meter.engine, rules, lanes=(0,))

    assert drained.removed == people
    assert len(meter.statements) == 8
    assert meter.written() == {
        "dirty_member": (0, 0, people),
        "membership": (0, people, 0),
        "change_set": (1, 0, 0),
        "journal_entry": (1, 0, 0),
        "workspace_stream": (0, 1, 0),
    }


@pytest.mark.parametrize("people", [11, 200])
def test_a_hold_costs_the_same_statements_however_many_wait(
    ground: Ground, meter: Meter, people: int
) -> None:
    segment = ground.segment(sales())
    ground.course(segment)
    ids = ground.people(people, **SALES)
    ground.settle()
    for id in ids:
        ground.change(id, **LEGAL)
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    drained = drain(meter.engine, rules, lanes=(0,))

    assert (drained.removed, len(held(ground))) == (0, people)
    assert len(meter.statements) == 11


def two_blocks(ground: Ground) -> tuple[list[int], list[int]]:
    """People of one segment, in each of two blocks."""
    segment = ground.segment(sales())
    ground.course(segment)
    near = ground.people(20, **SALES)
    ground.db.execute(
        "SELECT setval(pg_get_serial_sequence('member', 'id'), %s)", (1 << (BLOCK_BITS + 2),)
    )
    far = ground.people(20, **SALES)
    ground.settle()
    assert near[0] >> BLOCK_BITS != far[0] >> BLOCK_BITS
    return near, far


def race(ground: Ground) -> int:
    """Two runs in different blocks, each with as many removals as may go alone, of which one has
    counted before the other is done; how many went."""
    near, far = two_blocks(ground)
    for id in (*near[:LIMIT], *far[:LIMIT]):
        ground.change(id, **LEGAL)
    meeting = threading.Barrier(2)

    def counted(*arguments: Any) -> Any:
        found = withhold(*arguments)
        # Whoever is alone behind the guard meets nobody.
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.5)
        return found

    with patch("sync_engine.holds.withhold", counted):
        drain(ground.engine, ground.rules, lanes=(0,), hands=2)
    ground.settle()
    return 40 - len(ground.stored())


@pytest.mark.spec("S11")
def test_two_runs_in_different_blocks_together_do_not_take_more_than_one_may(
    ground: Ground,
) -> None:
    assert race(ground) == LIMIT


def test_without_the_guard_they_would(ground: Ground) -> None:
    unguarded = changes.WRITE.replace(
        "(SELECT pg_advisory_xact_lock(%(workspace_id)s, -1)) IS NULL", "true"
    )
    assert unguarded != changes.WRITE
    with patch.object(changes, "WRITE", unguarded):
        assert race(ground) == 2 * LIMIT


@pytest.mark.spec("S11")
def test_a_hold_of_one_workspace_is_nothing_to_another(ground: Ground) -> None:
    other = insert_workspace(ground.db)
    ground.db.commit()
    there = Ground(ground.engine, other, ground.db, ground.rules)
    segments = []
    for each in (ground, there):
        segment = each.segment(sales())
        each.course(segment)
        segments.append((segment, each.people(20, **SALES)))
    ground.settle()
    for segment, _ in segments[:1]:
        ground.edit(segment, rule=legal())
    for id in segments[1][1][:LIMIT]:
        there.change(id, **LEGAL)
    ground.settle()

    assert ground.rows("SELECT DISTINCT workspace_id FROM hold") == [(ground.workspace_id,)]
    assert len(held(ground)) == 20


def test_what_rules_alone_ended_is_told_from_what_somebody_decided() -> None:
    plan = difference(
        {1: set(), 2: set(), 3: set()},
        {1: {5}, 2: {5}, 3: {5}, 4: {5}},
        pins={2: {5: False}},
        held={3: {5: True}},
    )

    assert plan.removed == [(1, 5), (2, 5), (3, 5), (4, 5)]
    assert plan.by_rule == [(1, 5)]
