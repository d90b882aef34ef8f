"""A drain brings people exactly where the rules say, in a known number of statements."""

from tests.ground import Ground, everyone, sales


def test_a_person_who_comes_to_match_is_in_the_segment(ground: Ground) -> None:
    segment = ground.segment(sales())
    ada = ground.member(department="Sales")
    bo = ground.member(department="Legal")
    ground.settle()
    assert ground.stored() == {(ada, segment)} == ground.expected()

    ground.change(ada, department="Legal")
    ground.change(bo, department="sales ")
    ground.settle()

    assert ground.stored() == {(bo, segment)} == ground.expected()
