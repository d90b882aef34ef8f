"""The plan is a difference, and nothing else decides."""

from hypothesis import given
from hypothesis import strategies as st

from sync_engine.plan import Plan, difference

memberships = st.dictionaries(st.integers(1, 5), st.frozensets(st.integers(1, 6)))
ids = st.frozensets(st.integers(1, 6))


def pairs(segments: dict[int, frozenset[int]]) -> set[tuple[int, int]]:
    return {(member, segment) for member, held in segments.items() for segment in held}


def test_it_names_what_to_add_and_what_to_remove_in_order() -> None:
    plan = difference({2: {7, 5}, 1: {5}}, {1: {6}, 2: {5}, 3: {9}})

    assert plan == Plan(added=[(1, 5), (2, 7)], removed=[(1, 6), (3, 9)])


def test_an_empty_plan_is_false() -> None:
    assert not difference({1: {5}}, {1: {5}})
    assert difference({1: {5}}, {})


@given(memberships, memberships)
def test_applied_to_what_is_it_gives_what_should_be(
    wanted: dict[int, frozenset[int]], current: dict[int, frozenset[int]]
) -> None:
    plan = difference(wanted, current)

    assert (pairs(current) - set(plan.removed)) | set(plan.added) == pairs(wanted)
    assert set(plan.removed) <= pairs(current)
    assert pairs(current).isdisjoint(plan.added)


@given(memberships, memberships, ids, ids)
def test_a_frozen_segment_keeps_its_people_except_those_who_are_gone(
    wanted: dict[int, frozenset[int]],
    current: dict[int, frozenset[int]],
    frozen: frozenset[int],
    gone: frozenset[int],
) -> None:
    wanted = {member: held for member, held in wanted.items() if member not in gone}

    plan = difference(wanted, current, frozen=frozen, gone=gone)
    after = (pairs(current) - set(plan.removed)) | set(plan.added)

    for member in range(1, 6):
        held = {segment for owner, segment in after if owner == member}
        if member in gone:
            assert held == set()
        else:
            kept = current.get(member, frozenset()) & frozen
            assert held == (wanted.get(member, frozenset()) - frozen) | kept


def test_a_pin_beats_the_rule_and_the_frozen_segment_but_not_deletion_or_deactivation() -> None:
    pins = {member: {5: True, 6: False} for member in (1, 2, 3, 4)}

    plan = difference(
        {1: {6}, 2: set()},
        {1: set(), 2: {6}, 3: {5}, 4: {6}},
        frozen={5, 6},
        gone={4},
        pins=pins,
    )

    assert plan.added == [(1, 5), (2, 5)]
    assert plan.removed == [(2, 6), (4, 6)]


def test_a_held_removal_waits_until_it_is_approved_or_wanted_no_more() -> None:
    held = {1: {5: False}, 2: {5: True}, 3: {5: False}, 4: {5: False}}
    current = {member: {5} for member in held}

    plan = difference({1: set(), 2: set(), 3: {5}}, current, held=held)

    assert plan == Plan(added=[], removed=[(2, 5), (4, 5)], released=[(2, 5), (3, 5), (4, 5)])
