"""Addresses mail can be sent to, and nothing else: they end up in the headers of mail.

Stricter than RFC 5321: no quoted local parts, no comments, no domain literals, and a domain of two
labels or more. What is refused here nobody has ever been given as an address at work.
"""

import re
import unicodedata
from typing import Final

from operations.refusals import Code, Refused

LONGEST: Final = 254
LONGEST_LOCAL: Final = 64
LONGEST_LABEL: Final = 63

_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")


def address_of(value: str) -> str:
    """An address as stored: NFC, trimmed, in the case it came in; raises Refused."""
    address = unicodedata.normalize("NFC", value).strip(" ")
    if len(address) > LONGEST:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"An address has at most {LONGEST} characters; this one has {len(address)}.",
            {"limit": LONGEST, "actual": len(address)},
        )
    local, at, domain = address.rpartition("@")
    if not at or not _is_local(local) or not _is_domain(domain):
        raise Refused(
            Code.BAD_USER_INPUT,
            f"“{_shown(address)}” is not one e-mail address such as ada@example.com.",
        )
    return address


def address_in(value: object) -> str | None:
    """The address in a value of unknown origin, if it is one."""
    if not isinstance(value, str):
        return None
    try:
        return address_of(value)
    except Refused:
        return None


def _is_local(local: str) -> bool:
    return len(local) <= LONGEST_LOCAL and _LOCAL.fullmatch(local) is not None


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) > 1 and all(
        len(label) <= LONGEST_LABEL and _LABEL.fullmatch(label) is not None for label in labels
    )


def _shown(address: str) -> str:
    """At most 80 characters, on one line, whatever was given."""
    return "".join(each if each.isprintable() else "\ufffd" for each in address)[:80]
