"""Codes cannot be guessed, and are found again however somebody types them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.certificates.codes import ALPHABET, GROUP, GROUPS, code_in, new_code

CODE = "7K3M-9XQ2-ABCD-EFGH-JKMN-PQRS-0V1X"


def test_a_code_has_more_than_128_random_bits_and_letters_nobody_mistakes() -> None:
    codes = {new_code() for _ in range(200)}

    assert len(codes) == 200
    assert len(ALPHABET) ** (GROUPS * GROUP) > 2**128
    assert not set("ILOU") & set("".join(codes))
    assert set("".join(codes)) == {*ALPHABET, "-"}


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.lower(),
        CODE.replace("-", ""),
        CODE.replace("-", " "),
        f"  {CODE}\n",
        CODE.replace("-", "\u2013"),
        CODE.replace("0", "o").replace("1", "l"),
        CODE.replace("0", "O").replace("1", "I"),
    ],
)
def test_it_is_read_however_it_is_typed(typed: str) -> None:
    assert code_in(typed) == CODE


@pytest.mark.parametrize(
    "typed",
    [
        *("", "%", "\0", "-", "7" * 101),
        *(CODE[:-1], CODE + "2"),
        *(CODE.replace("7", each) for each in ("U", "\uff17", "\u0667")),
    ],
)
def test_anything_else_is_no_code(typed: str) -> None:
    assert code_in(typed) is None


@given(typed=st.text(max_size=200))
def test_no_text_at_all_fails(typed: str) -> None:
    found = code_in(typed)

    assert found is None or code_in(found) == found


@given(data=st.data())
def test_every_code_is_found_again(data: st.DataObject) -> None:
    code = new_code()
    typed = "".join(
        data.draw(st.sampled_from([each, each.lower(), f" {each}", f"{each}-"])) for each in code
    )

    assert code_in(typed[:100]) in {code, None}
    assert code_in(code.lower()) == code
