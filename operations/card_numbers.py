"""Numbers of payment cards, recognized so that they are kept nowhere."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_LENGTHS: Final = range(12, 20)
_DIGITS: Final = re.compile(r"[0-9]+")
_GROUPS: Final = re.compile(r"[0-9]+(?:[^0-9A-Za-z]+[0-9]+)*")


def holds_card_number(text: str) -> bool:
    """Whether 12 to 19 digits of the text, as they stand together, pass the check of ISO/IEC 7812.

    They stand together in one run, or in several with anything but letters between them, and may
    be digits of any script. A longer run is no card number, whatever parts of it would be.
    """
    plain = "".join(_plain(each) for each in unicodedata.normalize("NFKC", text))
    return any(_passes(number) for number in _candidates(plain))


def _plain(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    return "x" if character.isalpha() else character


def _candidates(plain: str) -> Iterator[str]:
    for together in _GROUPS.findall(plain):
        runs = _DIGITS.findall(together)
        for first in range(len(runs)):
            number = ""
            for run in runs[first : first + _LENGTHS[-1]]:
                number += run
                if len(number) in _LENGTHS:
                    yield number


def _passes(number: str) -> bool:
    """The checksum of Luhn: from the right, every second digit is doubled."""
    total = 0
    for place, character in enumerate(reversed(number)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0
