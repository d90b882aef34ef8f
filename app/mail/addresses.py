"""Addresses as they stand in headers and on the wire.

Nothing of a stored address is trusted: what could end a header or a command is no address here,
whatever it was when it was stored.
"""

import re
import unicodedata
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Final

_SEPARATORS: Final = frozenset(' <>()[]\\,;:"')
_CONTROL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_LONGEST: Final = 320
_LABELS: Final = re.compile(r"[\w-]+(\.[\w-]+)*")


class NoAddress(ValueError):
    """A text is not one address. The message does not repeat it."""


def checked(address: str) -> str:
    """The address; raises NoAddress for anything that could mean more than one recipient."""
    local, at, domain = address.rpartition("@")
    is_odd = (
        not local
        or not at
        or "@" in local
        or len(address) > _LONGEST
        or _LABELS.fullmatch(domain) is None
        or any(each in _SEPARATORS or unicodedata.category(each) in _CONTROL for each in address)
    )
    if is_odd:
        raise NoAddress("a recipient has something that is not one address")
    return address


def wire_address(address: str) -> str:
    """The address with its domain in ASCII, as mail servers look it up; raises NoAddress."""
    local, _, domain = checked(address).rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise NoAddress("a recipient has a domain that cannot be looked up") from None


def header_address(address: str, name: str = "") -> Address:
    """The address for a header; raises NoAddress."""
    local, _, domain = wire_address(address).rpartition("@")
    return Address(one_line(name), local, domain)


def sender_in(text: str) -> Address:
    """A sender as settings say it: `LMS <no-reply@example.com>`. Raises NoAddress."""
    found = getaddresses([text])
    if len(found) != 1:
        raise NoAddress("a sender is one address")
    name, address = found[0]
    return header_address(address, name)


def sender_of(message: EmailMessage) -> str:
    """Who a message says it is from, without a name."""
    [sender] = message["From"].addresses
    return str(sender.addr_spec)


def one_line(text: str) -> str:
    """Without line ends, control characters and what turns the direction of writing."""
    plain = "".join(
        each if unicodedata.category(each) not in _CONTROL or each in " \u200d\u200c" else " "
        for each in text
    )
    return " ".join(plain.split())
