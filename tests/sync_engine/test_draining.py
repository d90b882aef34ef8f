"""A drain brings people exactly where the rules say, in a known number of statements."""

import datetime as dt
import itertools
import threading
import time
import uuid

import pytest

from sync_engine.drain import drain
from sync_engine.markers import Lane
from sync_engine.state import Rules
from tests.ground import Ground, everyone, insert_workspace, mark_members, sales
from tests.protocols import DESIGNED
from tests.sync_engine.conftest import Meter


def legal() -> dict[str, object]:
    return {"attr": "department", "op": "eq", "value": "Legal"}


@pytest.mark.spec("M30", "M31")
def test_a_person_who_comes_to_match_is_in_the_segment_and_one_who_ceases_to_is_not(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    ada = ground.member(department="Sales")
    bo = ground.member(department="Legal")
    ground.settle()
    assert ground.stored() == {(ada, segment)} == ground.expected()

    ground.change(ada, department="Legal")
    ground.change(bo, department="sales ")
    ground.settle()

    assert ground.stored() == {(bo, segment)} == ground.expected()


@pytest.mark.parametrize("people", [1, 200])
def test_a_batch_costs_the_same_statements_however_many_people_it_holds(
    ground: Ground, meter: Meter, people: int
) -> None:
    ground.segment(sales())
    ground.segment(legal())
    ids = ground.people(people, department="Sales")
    ground.settle()
    for member_id in ids:
        ground.change(member_id, department="Legal")
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    drained = drain(meter.engine, rules, lanes=(0,))

    assert (drained.people, drained.added, drained.removed) == (people, people, people)
    assert len(meter.statements) == 6
    assert meter.written() == {
        "dirty_member": (0, 0, people),
        "membership": (people, people, 0),
        "change_set": (1, 0, 0),
        "journal_entry": (1, 0, 0),
        "workspace_stream": (0, 1, 0),
    }


def test_a_batch_does_not_look_through_what_has_ended_of_others(
    ground: Ground, meter: Meter
) -> None:
    ground.segment(sales())
    ids = ground.people(1_000, department="Sales")[:50]
    ground.settle()
    # So it is where workers plan their statements in a first load, when nothing has ended.
    ground.db.execute("ANALYZE membership")
    ground.db.commit()
    for department in ("Legal", "Sales"):
        for member_id in ids:
            ground.change(member_id, department=department)
        drain(meter.engine, Rules(), lanes=(0,))

    assert len(ground.stored()) == 1_000
    assert meter.looked_through("ix_membership_ended") == 0


def test_when_nothing_differs_nothing_is_written_but_the_marker_removed(
    ground: Ground, meter: Meter
) -> None:
    ground.segment(sales())
    person = ground.member(department="Sales")
    ground.settle()
    ground.change(person, department="Sales", title="Boss")
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    drained = drain(meter.engine, rules, lanes=(0,))

    assert (drained.people, drained.added, drained.removed) == (1, 0, 0)
    assert len(meter.statements) == 4
    assert meter.written() == {"dirty_member": (0, 0, 1)}


def test_any_number_of_changes_before_a_drain_cost_one_evaluation(ground: Ground) -> None:
    segment = ground.segment(sales())
    person = ground.member(department="Legal")
    ground.settle()
    for department in ("Sales", "Legal") * 5:
        ground.change(person, department=department)
    ground.change(person, department="Sales")

    drained = ground.drain()

    assert (drained.people, drained.added, drained.removed) == (1, 1, 0)
    assert len(ground.history(person, segment)) == 1


def test_a_change_set_and_one_journal_entry_say_what_changed_and_why(ground: Ground) -> None:
    left = ground.segment(sales())
    joined = ground.segment(legal())
    person = ground.member(department="Sales")
    ground.settle()
    cause = uuid.uuid4()
    ground.change(person, department="Legal", cause=cause)
    head = ground.one("SELECT head FROM workspace_stream")
    ground.heads.clear()

    ground.drain()

    assert ground.heads == [head + 1]
    [(change_set, *counts)] = ground.rows(
        "SELECT id, workspace_id, kind, causes, watermark, epoch, today, examined, added, removed,"
        " suppressed FROM change_set ORDER BY id DESC LIMIT 1"
    )
    epoch, today = ground.rows("SELECT epoch, today FROM engine_state")[0]
    causes = {"causes": [str(cause)]}
    assert counts == [ground.workspace_id, "people", causes, head, epoch, today, 1, 1, 1, 0]
    assert ground.rows(
        "SELECT seq, verb, origin, by_name, cause, change_set_id, detail FROM journal_entry"
        " ORDER BY seq DESC LIMIT 1"
    ) == [
        (
            head + 1,
            "membership.changed",
            "engine",
            "LMS Coordinator",
            cause,
            change_set,
            {
                "segments": {
                    str(left): {"added": [], "removed": [person]},
                    str(joined): {"added": [person], "removed": []},
                },
                "causes": [str(cause)],
            },
        )
    ]
    assert ground.rows(
        "SELECT segment_id, opened_by_id, closed_by_id, cause FROM membership"
        " WHERE %s IN (opened_by_id, closed_by_id) ORDER BY segment_id",
        change_set,
    ) == [
        (left, ground.one("SELECT min(id) FROM change_set"), change_set, None),
        (joined, change_set, None, cause),
    ]


def test_a_batch_of_several_causes_names_them_all_and_claims_none(ground: Ground) -> None:
    ground.segment(sales())
    ground.settle()
    causes = sorted(str(uuid.uuid4()) for _ in range(2))
    for cause in causes:
        person = ground.member(department="Legal")
        ground.change(person, department="Sales", cause=uuid.UUID(cause))

    ground.drain()

    assert ground.rows("SELECT cause, detail->'causes' FROM journal_entry") == [(None, causes)]


def test_additions_hidden_behind_an_instructor_role_are_counted(ground: Ground) -> None:
    taught = ground.segment(sales())
    ground.segment(everyone())
    ground.settle()
    course = ground.course(taught)
    instructor, other = ground.member(department="Sales"), ground.member(department="Sales")
    ground.instruct(course, instructor)

    ground.drain()

    assert ground.rows("SELECT added, suppressed FROM change_set") == [(4, 1)]
    assert ground.rows("SELECT member_id FROM course_coordinator") == [(other,)]


def test_who_is_deactivated_or_deleted_leaves_and_who_comes_back_returns(ground: Ground) -> None:
    segment = ground.segment(everyone())
    ada, bo, cy = (
        ground.member(),
        ground.member(state="PENDING"),
        ground.member(state="DEACTIVATED"),
    )
    ground.settle()
    assert ground.stored() == {(ada, segment), (bo, segment)}

    ground.set_state(ada, "DEACTIVATED")
    ground.set_state(bo, "DEACTIVATED", deleted=True)
    ground.set_state(cy, "ACTIVE")
    ground.settle()
    assert ground.stored() == {(cy, segment)} == ground.expected()

    ground.set_state(ada, "ACTIVE")
    ground.settle()
    assert ground.stored() == {(ada, segment), (cy, segment)}
    assert len(ground.history(ada, segment)) == 2


def test_a_static_segment_holds_the_named_who_can_be_in_one(ground: Ground) -> None:
    ada, bo, cy = ground.member(), ground.member(state="DEACTIVATED"), ground.member()
    segment = ground.segment(people=[ada, bo])
    ground.settle()
    assert ground.stored() == {(ada, segment)} == ground.expected()

    ground.db.execute("DELETE FROM segment_person WHERE member_id = %s", (ada,))
    mark_members(ground.db, ground.workspace_id, [ada])
    ground.db.commit()
    ground.name(segment, [cy])
    ground.settle()

    assert ground.stored() == {(cy, segment)} == ground.expected()


def test_directory_groups_are_read_where_they_stand(ground: Ground) -> None:
    segment = ground.segment({"attr": "groups", "op": "has", "value": "LMS Admins"})
    person = ground.member()
    group = ground.group("LMS  Admins", folded="lms admins")
    ground.settle()
    assert ground.stored() == set()

    ground.join(group, person)
    ground.settle()
    assert ground.stored() == {(person, segment)} == ground.expected()

    ground.db.execute("DELETE FROM directory_group")
    mark_members(ground.db, ground.workspace_id, [person])
    ground.db.commit()
    ground.settle()
    assert ground.stored() == set()


def test_a_marker_of_somebody_who_is_not_there_is_removed(ground: Ground) -> None:
    mark_members(ground.db, ground.workspace_id, [123456789])
    ground.db.commit()

    assert ground.drain().people == 1
    assert not ground.waiting()


def test_the_interactive_lane_is_drained_alone_and_the_bulk_lane_takes_it_along_first(
    ground: Ground,
) -> None:
    ground.segment(sales())
    ground.settle()
    bulk = ground.people(5, department="Sales")
    one, other = ground.member(department="Sales"), ground.member(department="Sales")

    assert ground.drain((Lane.INTERACTIVE,), batch=1).people == 2
    assert ground.rows("SELECT member_id FROM dirty_member ORDER BY 1") == [(id,) for id in bulk]

    ground.change(one, department="Legal")
    ground.change(other, department="Legal", lane=Lane.BULK)
    ground.drain((Lane.BULK,), batch=1, seconds=0)
    remaining = {id for (id,) in ground.rows("SELECT member_id FROM dirty_member")}
    assert remaining == {*bulk, other}


def test_a_marker_keeps_its_most_urgent_lane(ground: Ground) -> None:
    person = ground.member()
    ground.change(person, lane=Lane.BULK)

    assert ground.rows("SELECT lane FROM dirty_member") == [(0,)]


def test_a_drain_that_finds_its_block_locked_comes_back_in_a_few_milliseconds(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    ground.settle()
    person = ground.member(department="Sales")
    holder = ground.connection()
    holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", (ground.workspace_id, person >> 12))

    assert ground.drain(seconds=0.02).more
    release = threading.Timer(0.05, holder.rollback)
    release.start()
    started = time.monotonic()
    drained = ground.drain(seconds=10)
    took = time.monotonic() - started
    release.join()

    assert (drained.people, drained.more) == (1, False)
    assert took < 5
    assert ground.stored() == {(person, segment)}


def test_a_locked_block_of_one_workspace_does_not_hold_up_another(ground: Ground) -> None:
    person = ground.member()
    other_workspace = insert_workspace(ground.db)
    ground.db.commit()
    holder = ground.connection()
    holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", (other_workspace, person >> 12))

    assert ground.drain(seconds=0).people == 1
    holder.rollback()


def test_intervals_never_overlap_even_when_the_servers_clock_is_set_back(ground: Ground) -> None:
    segment = ground.segment(sales())
    person = ground.member(department="Sales")
    ground.settle()
    future = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    ground.db.execute("UPDATE membership SET since = %s", (future,))
    ground.db.commit()

    for department in ("Legal", "Sales", "Legal", "Sales"):
        ground.change(person, department=department)
        ground.drain()

    intervals = ground.history(person, segment)
    assert len(intervals) == 3
    for (since, until), (next_since, _) in itertools.pairwise(intervals):
        assert until is not None
        assert since <= until < next_since
    assert intervals[-1][1] is None


def test_several_workers_at_once_end_exact(ground: Ground) -> None:
    segments = [ground.segment(sales()), ground.segment(legal()), ground.segment(everyone())]
    ids = ground.people(300, department="Sales")
    ground.settle()
    for member_id in ids[::2]:
        ground.change(member_id, department="Legal", lane=member_id % 2)
    rules = Rules()
    workers = [
        threading.Thread(
            target=lambda: drain(ground.engine, rules, lanes=(0, 1), batch=7), name=f"worker-{n}"
        )
        for n in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert not ground.waiting()
    assert ground.stored() == ground.expected()
    assert len(ground.expected()) == 600
    assert {segment for _, segment in ground.stored()} == set(segments)


def test_two_hands_do_the_work_of_one(ground: Ground) -> None:
    ground.segment(sales())
    ground.people(20, department="Sales")
    ground.rows("SELECT setval(pg_get_serial_sequence('member', 'id'), 10000)")
    ground.people(20, department="Sales")

    drained = ground.drain(hands=2, batch=5)

    assert (drained.people, drained.added, drained.removed, drained.more) == (40, 40, 0, False)
    assert ground.stored() == ground.expected()
    assert sorted(ground.heads) == list(
        range(1, ground.one("SELECT head FROM workspace_stream") + 1)
    )


@pytest.mark.spec("S15")
def test_an_interactive_change_overtakes_a_bulk_batch_that_is_under_way(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.settle()
    ground.people(5, department="Sales")
    ground.rows("SELECT setval(pg_get_serial_sequence('member', 'id'), 10000)")
    person = ground.member(department="Sales")
    looks: list[str] = []

    def overtake() -> None:
        looks.append("a look")
        if len(looks) == 1:
            assert drain(ground.engine, Rules(), lanes=(Lane.INTERACTIVE,)).people == 1

    with DESIGNED.in_force(overtake):
        ground.drain((Lane.BULK,))

    assert len(looks) == 2
    first = ground.rows("SELECT added FROM change_set ORDER BY id")
    assert first == [(1,), (5,)]
    assert (person, segment) in ground.stored()


def another(ground: Ground) -> Ground:
    """A second workspace on the same database, with the same engine."""
    workspace_id = insert_workspace(ground.db)
    ground.db.commit()
    return Ground(ground.engine, workspace_id, ground.db, ground.rules)


@pytest.mark.spec("S15")
@pytest.mark.parametrize("is_first", [True, False])
def test_bulk_work_of_one_workspace_waits_for_one_batch_of_another_not_for_all(
    ground: Ground, is_first: bool
) -> None:
    other = another(ground)
    busy, single = (other, ground) if is_first else (ground, other)
    busy.segment(everyone())
    single.segment(everyone())
    ground.settle()
    busy.people(20_000)
    [person] = single.people(1)
    batches: list[int] = []

    drain(
        ground.engine,
        ground.rules,
        lanes=(Lane.BULK,),
        seconds=0.5,
        on_commit=lambda workspace_id, _: batches.append(workspace_id),
    )

    assert batches.index(single.workspace_id) <= 1
    assert {member for member, _ in single.stored()} == {person}


@pytest.mark.spec("S15")
def test_two_workspaces_with_bulk_work_take_turns(ground: Ground) -> None:
    other = another(ground)
    for each in (ground, other):
        each.segment(everyone())
    ground.settle()
    ground.people(600)
    other.people(600)
    batches: list[int] = []

    ground.drain((Lane.BULK,), seconds=60, batch=100)
    order = ground.rows("SELECT workspace_id FROM change_set ORDER BY id")
    batches = [workspace_id for (workspace_id,) in order]

    assert batches == [ground.workspace_id, other.workspace_id] * 6
