"""Global ids (G8): base64 of "Type:number", the same thing everywhere it appears."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from access.permissions import Scope
from operations.refusals import Code, Refused, not_found

LARGEST_INTEGER: Final = 2**31 - 1
LARGEST_BIGINT: Final = 2**63 - 1
BIG: Final = frozenset(
    {
        *("Attachment", "Certificate", "Delivery", "Invoice", "Job", "LiveSession", "Member"),
        *("LearnerGroup", "ChangeSet", "Hold"),
    }
)
"""Types whose numbers are bigints; those of all others are integers."""

_SHAPE: Final = re.compile(r"([A-Z][A-Za-z]{0,40}):([1-9][0-9]{0,39})")


class GlobalId(NamedTuple):
    """What a global id names; `number` is positive."""

    type_name: str
    number: int

    @property
    def is_storable(self) -> bool:
        """Whether there could be such a row."""
        return self.number <= (LARGEST_BIGINT if self.type_name in BIG else LARGEST_INTEGER)


def encode(type_name: str, number: int) -> str:
    """The global id of a thing."""
    return base64.urlsafe_b64encode(f"{type_name}:{number}".encode()).rstrip(b"=").decode()


def encode_place(scope: Scope, number: int) -> str:
    """The global id of a thing on which rights are held."""
    return encode(scope.name.title(), number)


def decode(text: str) -> GlobalId | None:
    """What an id names, or None where it is not one of ours."""
    if len(text) > 100 or not text.isascii():
        return None
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        match = _SHAPE.fullmatch(plain.decode("ascii"))
    except (binascii.Error, ValueError):
        return None
    return GlobalId(match[1], int(match[2])) if match else None


def storable_in(text: str, type_name: str) -> int | None:
    """The number of an id that names a `type_name`, and that a row can have; else None."""
    found = decode(text)
    if found is None or found.type_name != type_name or not found.is_storable:
        return None
    return found.number


def number_of(text: str, type_name: str) -> int:
    """The number of an id that must name a `type_name`; raises Refused.

    A number no row can have is NOT_FOUND, like one that no row has.
    """
    found = _named(text, type_name)
    if not found.is_storable:
        raise not_found(type_name.lower())
    return found.number


def numbers_of(texts: Iterable[str], type_name: str) -> list[int]:
    """The numbers of ids that must all name a `type_name`, also numbers no row can have: whoever
    takes them says of each that there is no such thing. Raises Refused."""
    return [_named(each, type_name).number for each in texts]


def _named(text: str, type_name: str) -> GlobalId:
    found = decode(text)
    if found is None or found.type_name != type_name:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"“{text[:100]}” is not the id of a {type_name}.",
            {"id": text[:100]},
        )
    return found
