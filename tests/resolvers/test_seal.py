"""What only we can make: sealed texts."""

import datetime as dt

import pytest

from operations.refusals import Refused
from resolvers.seal import Seal

SEAL = Seal(b"a key")
MOMENT = dt.datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=dt.UTC)


def test_what_is_sealed_comes_back_as_it_was_moments_included() -> None:
    values = ["Ågot", 7, None, MOMENT]

    assert SEAL.open("list", SEAL.close("list", values)) == values


def test_a_text_of_another_kind_or_key_is_not_ours() -> None:
    for foreign in (SEAL.close("other list", [MOMENT]), Seal(b"another").close("list", [MOMENT])):
        with pytest.raises(Refused, match="was not issued here"):
            SEAL.open("list", foreign)


def test_what_no_cursor_can_hold_is_a_mistake_in_the_program() -> None:
    with pytest.raises(TypeError, match="date"):
        SEAL.close("list", [MOMENT.date()])
