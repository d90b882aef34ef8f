"""Segments come, change, pause, break and go; their people follow block by block."""

import uuid
from typing import Any
from unittest.mock import patch

import pytest

from sync_engine.markers import BLOCK_BITS
from sync_engine.rebuild import expand, rebuild
from sync_engine.rules import RuleIndex
from sync_engine.state import Rules
from tests.ground import Document, Ground, everyone, insert_workspace, sales
from tests.sync_engine.conftest import Meter

UNKNOWN: Document = {"attr": "shoeSize", "op": "eq", "value": "44"}


def departments(*names: str) -> Document:
    return {"attr": "department", "op": "in", "value": list(names)}


def people_of(ground: Ground, segment_id: int) -> set[int]:
    return {member for member, segment in ground.stored() if segment == segment_id}


def test_a_marker_is_expanded_to_the_blocks_that_hold_people_of_the_workspace(
    ground: Ground,
) -> None:
    ground.member()
    ground.rows("SELECT setval(pg_get_serial_sequence('member', 'id'), %s)", 3 * 4096)
    ground.member()
    ground.rows("SELECT setval(pg_get_serial_sequence('member', 'id'), %s)", 9 * 4096 - 1)
    ground.member()
    other = Ground.new(ground.engine)
    ground.rows("SELECT setval(pg_get_serial_sequence('member', 'id'), %s)", 12 * 4096)
    other.member()
    other.close()
    segment = ground.segment(sales())

    expanded = expand(ground.engine)

    assert (expanded.segments, expanded.blocks, expanded.more) == (1, 3, False)
    assert ground.rows("SELECT segment_id, block FROM dirty_segment ORDER BY block") == [
        (segment, 0),
        (segment, 3),
        (segment, 9),
    ]


def test_a_workspace_without_people_has_no_blocks(ground: Ground) -> None:
    insert_workspace(ground.db)
    ground.segment(sales())

    assert expand(ground.engine).blocks == 0
    assert not ground.waiting()


def test_a_new_segment_fills_with_those_who_match(ground: Ground) -> None:
    ids = ground.people(3, department="Sales")
    ground.people(2, department="Legal")
    ground.settle()

    segment = ground.segment(sales())
    expand(ground.engine)
    rebuilt = rebuild(ground.engine, ground.rules)

    assert people_of(ground, segment) == set(ids)
    assert (rebuilt.blocks, rebuilt.people, rebuilt.added, rebuilt.removed) == (1, 3, 3, 0)


def test_an_edited_rule_changes_the_difference_and_touches_nobody_else(ground: Ground) -> None:
    segment = ground.segment(departments("Sales", "Legal"))
    stays, leaves, joins = (
        ground.member(department="Sales"),
        ground.member(department="Legal"),
        ground.member(department="Human Resources"),
    )
    ground.settle()
    before = ground.history(stays, segment)
    cause = uuid.uuid4()

    ground.edit(segment, rule=departments("Sales", "Human Resources"), version=2, cause=cause)
    ground.settle()

    assert people_of(ground, segment) == {stays, joins}
    assert ground.history(stays, segment) == before
    assert [until is None for _, until in before] == [True]
    assert len(ground.history(leaves, segment)) == 1
    assert ground.rows("SELECT cause FROM membership WHERE member_id = %s", joins) == [(cause,)]
    kind, examined, added, removed = ground.rows(
        "SELECT kind, examined, added, removed FROM change_set ORDER BY id DESC LIMIT 1"
    )[0]
    assert (kind, examined, added, removed) == ("segments", 3, 1, 1)


def test_a_paused_segment_keeps_exactly_its_people_and_a_resumed_one_is_right_again(
    ground: Ground,
) -> None:
    segment = ground.segment(sales())
    leaver, joiner = ground.member(department="Sales"), ground.member(department="Legal")
    ground.settle()
    ground.edit(segment, state="PAUSED")
    ground.change(leaver, department="Legal")
    ground.change(joiner, department="Sales")
    ground.settle()
    assert people_of(ground, segment) == {leaver}

    ground.edit(segment, state="ACTIVE")
    ground.settle()

    assert people_of(ground, segment) == {joiner}
    assert len(ground.history(leaver, segment)) == 1


def test_a_deleted_person_stays_in_nothing_not_even_in_a_paused_segment(ground: Ground) -> None:
    segment = ground.segment(everyone())
    resting, deleted = ground.member(), ground.member()
    ground.settle()
    ground.edit(segment, state="PAUSED")

    ground.set_state(resting, "DEACTIVATED")
    ground.set_state(deleted, "DEACTIVATED", deleted=True)
    ground.settle()

    assert people_of(ground, segment) == {resting}


def test_a_draft_gives_nothing_until_it_is_active(ground: Ground) -> None:
    person = ground.member(department="Sales")
    segment = ground.segment(sales(), state="DRAFT")
    ground.settle()
    assert people_of(ground, segment) == set()

    ground.edit(segment, state="ACTIVE")
    ground.settle()

    assert people_of(ground, segment) == {person}


def test_a_static_segment_is_paused_and_resumed_like_any_other(ground: Ground) -> None:
    ada, bo = ground.member(), ground.member()
    segment = ground.segment(people=[ada])
    ground.settle()
    ground.edit(segment, state="PAUSED")
    ground.name(segment, [bo])
    ground.settle()
    assert people_of(ground, segment) == {ada}

    ground.edit(segment, state="ACTIVE")
    ground.settle()

    assert people_of(ground, segment) == {ada, bo}


@pytest.mark.parametrize("state", ["ACTIVE", "PAUSED"])
def test_nobody_stays_in_a_deleted_segment(ground: Ground, state: str) -> None:
    segment = ground.segment(sales())
    ground.people(3, department="Sales")
    ground.settle()
    ground.edit(segment, state=state)
    ground.settle()

    ground.db.execute("UPDATE segment SET deleted_at = now() WHERE id = %s", (segment,))
    ground.edit(segment)
    ground.settle()

    assert ground.stored() == set()
    ground.member(department="Sales")
    ground.settle()
    assert ground.stored() == set()


def test_a_rule_that_does_not_compile_is_broken_with_a_reason_and_freezes(ground: Ground) -> None:
    broken, healthy = ground.segment(sales()), ground.segment(sales())
    person = ground.member(department="Sales")
    ground.settle()
    ground.edit(broken, rule=UNKNOWN)
    ground.change(person, department="Legal")
    ground.settle()

    assert ground.stored() == {(person, broken)}
    state, reason = ground.rows("SELECT state, broken_reason FROM segment WHERE id = %s", broken)[0]
    assert state == "BROKEN"
    assert "shoeSize" in reason
    assert ground.rows(
        "SELECT segment_id, before, after, reason FROM journal_entry WHERE verb = 'segment.broken'"
    ) == [(broken, {"state": "ACTIVE"}, {"state": "BROKEN"}, reason)]

    ground.change(person, department="Sales")
    ground.edit(broken, rule=sales(), state="ACTIVE", broken_reason=None)
    ground.settle()
    assert ground.stored() == {(person, broken), (person, healthy)}


def test_a_rule_breaks_when_the_attribute_it_names_disappears(ground: Ground) -> None:
    broken = ground.segment({"attr": "nickname", "op": "present"}, state="DRAFT")
    named = ground.segment({"attr": "level", "op": "ge", "value": 3})
    person = ground.member(level=4)
    ground.settle()
    assert ground.stored() == {(person, named)}

    ground.db.execute("DELETE FROM attribute_definition WHERE name = 'level'")
    ground.edit(broken)
    ground.change(person, level=1)
    ground.settle()

    assert ground.stored() == {(person, named)}
    assert ground.rows("SELECT id FROM segment WHERE state = 'BROKEN'") == [(named,)]


def test_a_rule_that_raises_for_one_person_does_not_stop_the_others(ground: Ground) -> None:
    poison, healthy = ground.segment(sales()), ground.segment(sales())
    ground.settle()
    matches, among = RuleIndex.matches, RuleIndex.among

    def raising_matches(index: RuleIndex, *arguments: Any) -> set[int]:
        if poison in index:
            raise ZeroDivisionError("poison")
        return matches(index, *arguments)

    def raising_among(index: RuleIndex, ids: Any, *arguments: Any) -> set[int]:
        if poison in index and poison in set(ids):
            raise ZeroDivisionError("poison")
        return among(index, ids, *arguments)

    with (
        patch.object(RuleIndex, "matches", raising_matches),
        patch.object(RuleIndex, "among", raising_among),
    ):
        person = ground.member(department="Sales")
        ground.settle()

    assert ground.stored() == {(person, healthy)}
    assert ground.rows("SELECT broken_reason FROM segment WHERE id = %s", poison) == [
        ("The rule cannot be evaluated: ZeroDivisionError: poison",)
    ]


def test_breaking_loses_against_an_edit_that_came_meanwhile(ground: Ground) -> None:
    segment = ground.segment(sales())
    ground.settle()
    ground.edit(segment, rule=UNKNOWN)
    rules = Rules()
    rules.warm(ground.engine)
    assert [each.segment_id for each in rules.broken()] == [segment]
    ground.edit(segment, rule=sales())
    ground.member(department="Sales")

    ground.rules = rules
    ground.settle()

    assert ground.rows("SELECT state FROM segment WHERE id = %s", segment) == [("ACTIVE",)]
    assert rules.broken() == []


def test_many_segments_share_one_pass_over_a_block(ground: Ground, meter: Meter) -> None:
    ids = ground.people(10, department="Sales")
    ground.settle()
    segments = [ground.segment(sales()) for _ in range(64)]
    expand(ground.engine)
    rules = Rules()
    rules.warm(meter.engine)
    meter.clear()

    rebuilt = rebuild(meter.engine, rules)

    assert (rebuilt.blocks, rebuilt.added) == (1, 640)
    assert len(meter.statements) == 9
    assert meter.written() == {
        "dirty_segment": (0, 0, 64),
        "membership": (640, 0, 0),
        "change_set": (1, 0, 0),
        "journal_entry": (1, 0, 0),
        "workspace_stream": (0, 1, 0),
    }
    assert ground.stored() == {(id, segment) for id in ids for segment in segments}


def test_a_pass_that_would_change_too_much_leaves_whole_segments_for_the_next(
    ground: Ground,
) -> None:
    ids = ground.people(10, department="Sales")
    ground.settle()
    segments = [ground.segment(sales()) for _ in range(5)]
    expand(ground.engine)

    with patch("sync_engine.passes.CHANGES_A_PASS", 15):
        rebuilt = rebuild(ground.engine, ground.rules)

    assert (rebuilt.blocks, rebuilt.added) == (3, 50)
    assert ground.stored() == {(id, segment) for id in ids for segment in segments}
    assert ground.rows("SELECT added FROM change_set ORDER BY id") == [(20,), (20,), (10,)]


def test_a_rebuild_that_finds_its_block_locked_leaves_the_marker(ground: Ground) -> None:
    person = ground.member(department="Sales")
    ground.settle()
    segment = ground.segment(sales())
    expand(ground.engine)
    holder = ground.connection()
    holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", (ground.workspace_id, person >> 12))

    assert rebuild(ground.engine, ground.rules, seconds=0.02).more
    assert ground.waiting()
    holder.rollback()
    ground.settle()

    assert ground.stored() == {(person, segment)}


@pytest.mark.spec("S15")
def test_rebuilding_one_workspace_does_not_wait_for_all_blocks_of_another(ground: Ground) -> None:
    workspace_id = insert_workspace(ground.db)
    ground.db.commit()
    other = Ground(ground.engine, workspace_id, ground.db, ground.rules)
    ground.people(3 << BLOCK_BITS)
    other.people(1)
    ground.settle()
    ground.segment(everyone())
    expand(ground.engine)
    other.segment(everyone())
    expand(ground.engine)
    told: list[int] = []

    rebuild(ground.engine, ground.rules, seconds=60, on_commit=lambda id, _: told.append(id))

    assert told.index(workspace_id) <= 1
    assert len(told) >= 4
