"""The codes strangers check certificates by: they cannot be guessed, and can be read aloud.

140 random bits in Crockford's base 32, which has no I, L, O and U, in seven groups of four:
`7K3M-9XQ2-…`. What was typed is brought into this one form and then compared exactly.
"""

import re
import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS: Final = 7
GROUP: Final = 4
LONGEST_TYPED: Final = 100

_LIKE: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN: Final = re.compile(r"[\s\u00ad\u200b\u2010-\u2015\u2212-]+")
_WHOLE: Final = re.compile(f"[{ALPHABET}]{{{GROUPS * GROUP}}}")


def new_code() -> str:
    """A code nobody else has."""
    return _grouped("".join(secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP)))


def code_in(typed: str) -> str | None:
    """The code in what somebody typed or read off a page; None where it can be none.

    Case, spaces and hyphens do not count, and letters that look like digits are those digits.
    """
    if len(typed) > LONGEST_TYPED:
        return None
    plain = _BETWEEN.sub("", typed)
    if not plain.isascii():
        return None
    plain = plain.upper().translate(_LIKE)
    return _grouped(plain) if _WHOLE.fullmatch(plain) else None


def _grouped(plain: str) -> str:
    return "-".join(plain[start : start + GROUP] for start in range(0, len(plain), GROUP))
