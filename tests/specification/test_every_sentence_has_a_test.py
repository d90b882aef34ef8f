"""Sentences of the specification do not lose their tests, and no test carries a made-up number."""

from typing import Final

from tests.specification.carried import carried, numbers_in
from tests.specification.sentences import SENTENCES

PENDING: Final = frozenset({"U5", "A4"})
"""What is not built yet. This list may only shrink."""


def test_every_sentence_that_is_built_has_a_test_that_carries_its_number() -> None:
    tests = carried()

    assert [number for number in SENTENCES if number not in tests and number not in PENDING] == []


def test_what_has_a_test_is_not_pending() -> None:
    assert sorted(PENDING & carried().keys()) == []


def test_no_test_carries_a_number_that_no_sentence_has() -> None:
    assert sorted(carried().keys() - SENTENCES.keys()) == []


def test_a_number_is_found_in_a_name_in_a_mark_and_in_the_mark_of_a_file() -> None:
    in_name = "def test_c16_somebody_invites(): pass"
    in_mark = '@pytest.mark.spec("M5", "H1")\nasync def test_it(): pass'
    in_file = 'pytestmark = [pytest.mark.spec("M8")]\ndef test_it(): pass\ndef helper(): pass'

    assert list(numbers_in(in_name)) == [("test_c16_somebody_invites", "C16")]
    assert list(numbers_in(in_mark)) == [("test_it", "H1"), ("test_it", "M5")]
    assert list(numbers_in(in_file)) == [("test_it", "M8")]
    assert list(numbers_in("def test_it(): pass")) == []
