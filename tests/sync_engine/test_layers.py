"""Segments build on segments (S1): inner and outer ones are right at once, whatever happens."""

import itertools
import random
import uuid
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.layers import Circle, Layers, depths
from sync_engine.passes import plan_for_block
from sync_engine.rebuild import expand, rebuild
from sync_engine.rules import STANDARD_ATTRIBUTES, from_document
from sync_engine.state import Rules
from sync_engine.verify import verify
from tests.ground import TODAY, Document, Ground, everyone, sales
from tests.sync_engine.conftest import Meter


def within(*segment_ids: int) -> Document:
    return {"attr": "memberOf", "op": "hasAny", "value": list(segment_ids)}


def outside(segment_id: int) -> Document:
    return {"not": {"attr": "memberOf", "op": "has", "value": segment_id}}


def both(*rules: Document) -> Document:
    return {"all": list(rules)}


def in_city(name: str) -> Document:
    return {"attr": "city", "op": "eq", "value": name}


def people_of(ground: Ground, segment_id: int) -> set[int]:
    return {member for member, segment in ground.stored() if segment == segment_id}


def change_sets(ground: Ground) -> int:
    [(count,)] = ground.rows("SELECT count(*) FROM change_set")
    return int(count)


def test_an_outer_segment_follows_the_inner_one_in_the_same_change_set(ground: Ground) -> None:
    crew = ground.segment(sales())
    abroad = ground.segment(both(within(crew), in_city("Oslo")))
    others = ground.segment(outside(crew))
    person = ground.member(department="Legal", city="Oslo")
    ground.settle()
    assert ground.stored() == {(person, others)}
    before = change_sets(ground)

    ground.change(person, department="Sales", city="Oslo")
    ground.settle()

    assert ground.stored() == {(person, crew), (person, abroad)}
    assert change_sets(ground) == before + 1
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_an_edit_of_an_inner_rule_moves_the_people_of_every_outer_one_in_the_same_transaction(
    ground: Ground,
) -> None:
    crew = ground.segment(sales())
    inside, beyond = ground.segment(within(crew)), ground.segment(outside(crew))
    outermost = ground.segment(both(within(inside), outside(beyond)))
    stays, goes, comes = (
        ground.member(department="Sales", city="Oslo"),
        ground.member(department="Sales", city="Rome"),
        ground.member(department="Legal", city="Oslo"),
    )
    ground.settle()
    before = ground.history(stays, outermost)
    cause = uuid.uuid4()

    ground.edit(crew, rule=in_city("Oslo"), version=2, cause=cause)
    sets = change_sets(ground)
    expand(ground.engine)
    rebuild(ground.engine, ground.rules)

    assert not ground.waiting()
    assert change_sets(ground) == sets + 1
    assert people_of(ground, outermost) == people_of(ground, inside) == {stays, comes}
    assert people_of(ground, beyond) == {goes}
    assert ground.history(stays, outermost) == before
    opened = ground.rows(
        "SELECT segment_id, cause FROM membership WHERE member_id = %s AND until IS NULL", comes
    )
    assert dict(opened) == {crew: cause, inside: cause, outermost: cause}
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_a_frozen_inner_segment_counts_as_what_it_gives(ground: Ground) -> None:
    crew = ground.segment(sales())
    outer = ground.segment(within(crew))
    leaver, joiner = ground.member(department="Sales"), ground.member(department="Legal")
    ground.settle()

    ground.edit(crew, state="PAUSED")
    ground.change(leaver, department="Legal")
    ground.change(joiner, department="Sales")
    ground.settle()
    assert people_of(ground, outer) == {leaver}

    ground.edit(crew, state="ACTIVE")
    ground.settle()
    assert people_of(ground, outer) == {joiner}
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_a_pin_and_a_held_removal_of_an_inner_segment_decide_about_the_outer_one(
    ground: Ground,
) -> None:
    crew = ground.segment(sales())
    outer = ground.segment(both(within(crew), everyone()))
    pinned, held, shut_out = (
        ground.member(department="Legal"),
        ground.member(department="Sales"),
        ground.member(department="Sales"),
    )
    ground.settle()
    for member_id, is_in in ((pinned, True), (shut_out, False)):
        ground.db.execute(
            "INSERT INTO membership_pin"
            " (segment_id, member_id, workspace_id, is_in, origin, reason)"
            " VALUES (%s, %s, %s, %s, 'UNDO', 'because')",
            (crew, member_id, ground.workspace_id, is_in),
        )
    [(hold,)] = ground.db.execute(
        "INSERT INTO hold (workspace_id, most, people, counted) VALUES (%s, 10, 1, 1) RETURNING id",
        (ground.workspace_id,),
    )
    ground.db.execute(
        "INSERT INTO held_removal (segment_id, member_id, workspace_id, hold_id)"
        " VALUES (%s, %s, %s, %s)",
        (crew, held, ground.workspace_id, hold),
    )
    ground.db.commit()

    for each in (pinned, shut_out, held):
        ground.change(each, department="Legal")
    ground.settle()
    assert people_of(ground, outer) == people_of(ground, crew) == {pinned, held}

    ground.edit(crew, version=2)
    ground.edit(outer, version=2)
    ground.settle()
    assert people_of(ground, outer) == people_of(ground, crew) == {pinned, held}
    assert verify(ground.engine, ground.workspace_id).is_clean


def test_an_outer_segment_alone_is_rebuilt_on_what_is_stored_of_the_inner_ones(
    ground: Ground,
) -> None:
    crew, named = ground.segment(sales()), ground.segment()
    ours, other = ground.member(department="Sales"), ground.member(department="Legal")
    ground.name(named, [other])
    ground.settle()

    outer = ground.segment(within(crew, named))
    expand(ground.engine)
    rebuilt = rebuild(ground.engine, ground.rules)

    assert people_of(ground, outer) == {ours, other}
    assert (rebuilt.added, rebuilt.removed) == (2, 0)


def test_what_builds_on_a_segment_that_waits_for_another_pass_waits_with_it(
    ground: Ground,
) -> None:
    first, second = ground.segment(sales()), ground.segment(sales())
    outer = ground.segment({"any": [within(first), within(second)]})
    ids = ground.people(3, department="Sales")
    ground.drain()
    assert people_of(ground, outer) == set(ids)
    legal: Document = {"attr": "department", "op": "eq", "value": "Legal"}
    ground.settle()

    ground.edit(first, rule=legal)
    ground.edit(second, rule=legal)
    expand(ground.engine)
    with patch("sync_engine.passes.CHANGES_A_PASS", 2):
        rebuild(ground.engine, ground.rules, seconds=0)
        assert people_of(ground, first) == set()
        assert people_of(ground, outer) == people_of(ground, second) == set(ids)
        assert verify(ground.engine, ground.workspace_id).is_clean
        rebuild(ground.engine, ground.rules)

    assert people_of(ground, outer) == set()
    assert all(len(ground.history(each, outer)) == 1 for each in ids)


def test_a_workspace_whose_rules_ask_about_no_segment_costs_nothing_more(
    ground: Ground, meter: Meter
) -> None:
    ground.segment(sales())
    ground.people(5, department="Sales")
    ground.settle()
    flat = _statements(ground, meter)

    outer = ground.segment(within(ground.segment(in_city("Oslo"))))
    ground.settle()
    layered = _statements(ground, meter)

    assert people_of(ground, outer) == set()
    assert flat == layered


def _statements(ground: Ground, meter: Meter) -> int:
    """Of a drain of one person and of a rebuild of one segment."""
    [(segment,)] = ground.rows("SELECT min(id) FROM segment")
    [(member,)] = ground.rows("SELECT min(id) FROM member")
    drain_with = Ground(meter.engine, ground.workspace_id, ground.db, ground.rules)
    drain_with.change(member, department="Sales")
    ground.edit(segment, version=2)
    expand(ground.engine)
    ground.rules.of(ground.db, ground.workspace_id, ground.one("SELECT max(epoch) FROM segment"))
    ground.db.rollback()
    meter.clear()
    drain_with.drain()
    rebuild(meter.engine, ground.rules)
    return len(meter.statements)


@pytest.mark.parametrize("first_is_inner", [True, False])
def test_an_edit_of_the_one_while_the_other_is_being_rebuilt_is_not_lost(
    ground: Ground, first_is_inner: bool
) -> None:
    """The edit commits, is expanded, and another worker looks, between the reading and the writing
    of the first worker."""
    crew = ground.segment(sales())
    outer = ground.segment(within(crew))
    stays, goes, comes = (
        ground.member(department="Sales", city="Oslo"),
        ground.member(department="Sales", city="Rome"),
        ground.member(department="Legal", city="Oslo"),
    )
    ground.settle()
    edits = [
        (crew, in_city("Oslo")),
        (outer, {"any": [outside(crew), in_city("Oslo")]}),
    ]
    (first, rule), (second, other) = edits if first_is_inner else edits[::-1]
    ground.edit(first, rule=rule)
    expand(ground.engine)
    came_between: list[int] = []

    def plan(*given: Any) -> Any:
        found = plan_for_block(*given)
        if not came_between:
            came_between.append(second)
            ground.edit(second, rule=other)
            expand(ground.engine)
            rebuild(ground.engine, Rules(), seconds=0)
        return found

    with patch("sync_engine.rebuild.plan_for_block", plan):
        rebuild(ground.engine, ground.rules)
    ground.settle()

    assert came_between == [second]
    assert people_of(ground, crew) == {stays, comes}
    assert people_of(ground, outer) == {stays, comes, goes}
    assert len(ground.history(stays, outer)) == 1
    assert verify(ground.engine, ground.workspace_id).is_clean


@pytest.mark.parametrize("seed", range(3))
def test_random_segments_that_build_on_each_other_equal_a_recomputation_after_every_step(
    ground: Ground, seed: int
) -> None:
    dice = random.Random(seed)
    people = [_person(ground, dice) for _ in range(6)]
    segments: list[int] = [ground.segment(_rule(dice, [])) for _ in range(2)]
    for _ in range(5):
        segments.append(ground.segment(_rule(dice, segments)))
    ground.settle()
    for _ in range(18):
        chosen = dice.choice(segments)
        step = dice.randrange(5)
        if step == 0:
            rule = _rule(dice, segments[: segments.index(chosen)])
            ground.edit(chosen, rule=rule)
        elif step == 1:
            ground.edit(chosen, state=dice.choice(["ACTIVE", "ACTIVE", "PAUSED"]))
        elif step == 2:
            people.append(_person(ground, dice))
        else:
            ground.change(dice.choice(people), **_attributes(dice))
        if dice.random() < 0.6:
            ground.settle()
            _is_right(ground)
    ground.settle()
    _is_right(ground)


def _is_right(ground: Ground) -> None:
    """Every active segment, asked naively over what is stored of the others."""
    stored = ground.stored()
    segments = ground.rows(
        "SELECT id, rule FROM segment WHERE workspace_id = %s AND state = 'ACTIVE'",
        ground.workspace_id,
    )
    people = ground.rows(
        "SELECT id, attributes FROM member WHERE workspace_id = %s", ground.workspace_id
    )
    for (segment_id, rule), (member_id, attributes) in itertools.product(segments, people):
        has = {segment for member, segment in stored if member == member_id}
        assert _holds(rule, attributes, has) is ((member_id, segment_id) in stored), rule
    assert verify(ground.engine, ground.workspace_id).is_clean


def _holds(rule: Document, attributes: dict[str, Any], has: set[int]) -> bool:
    match rule:
        case {"all": rules}:
            return all(_holds(each, attributes, has) for each in rules)
        case {"any": rules}:
            return any(_holds(each, attributes, has) for each in rules)
        case {"not": inner}:
            return not _holds(inner, attributes, has)
        case {"attr": "memberOf", "value": list() as ids}:
            return bool(has & set(ids))
        case {"attr": "memberOf", "value": id}:
            return id in has
        case {"attr": name, "value": value}:
            return bool(attributes.get(name) == value)
    raise AssertionError(rule)


def _attributes(dice: random.Random) -> dict[str, Any]:
    return {"department": dice.choice(["Sales", "Legal"]), "city": dice.choice(["Oslo", "Rome"])}


def _person(ground: Ground, dice: random.Random) -> int:
    return ground.member(**_attributes(dice))


def _rule(dice: random.Random, inner: list[int]) -> Document:
    clause = dice.choice([sales(), in_city("Oslo")])
    if not inner:
        return clause
    about = (within if dice.random() < 0.5 else outside)(dice.choice(inner))
    other = dice.choice([clause, within(dice.choice(inner)), outside(dice.choice(inner))])
    return {dice.choice(["all", "any"]): [about, other]}


# --- Without a database ---------------------------------------------------------------------------


def test_depths_are_counted_from_what_builds_on_nothing() -> None:
    assert depths({4: {3, 1}, 3: {2}, 2: {1}}) == {2: 1, 3: 2, 4: 3}


def test_a_circle_is_named_as_the_path_that_ends_where_it_begins() -> None:
    with pytest.raises(Circle) as circle:
        depths({1: {2}, 2: {3, 4}, 3: {1}})

    assert circle.value.path == [1, 2, 3, 1]


GRAPHS = st.dictionaries(st.integers(1, 8), st.sets(st.integers(1, 8), max_size=3), max_size=8).map(
    lambda graph: {id: {each for each in inner if each < id} for id, inner in graph.items()}
)


@given(graph=GRAPHS, order=st.randoms(use_true_random=False), home=st.integers(1, 8))
def test_layers_answer_alike_however_they_came_to_be(
    graph: dict[int, set[int]], order: random.Random, home: int
) -> None:
    facts = {"city": str(home)}
    documents = {
        id: {
            "any": [
                {"attr": "city", "op": "eq", "value": str(id)},
                *({"attr": "memberOf", "op": "has", "value": each} for each in sorted(inner)),
            ]
        }
        for id, inner in graph.items()
    }
    rules = {id: from_document(each, STANDARD_ATTRIBUTES) for id, each in documents.items()}
    wanted: set[int] = set()
    for id in sorted(graph):
        if id == home or graph[id] & wanted:
            wanted.add(id)
    built, grown = Layers.build(rules), Layers()
    ids = [*rules]
    order.shuffle(ids)
    for id in ids:
        grown.put(id, from_document(everyone(), STANDARD_ATTRIBUTES))
        grown.put(id, rules[id])

    assert built.matches(facts, TODAY) == grown.matches(facts, TODAY) == wanted
    assert grown.among(ids, facts, TODAY) == wanted
    for id in ids:
        grown.remove(id)
    assert len(grown) == 0
    assert grown.matches(facts, TODAY) == set()
