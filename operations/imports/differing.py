"""What a row says of somebody who is there already, and what of it is something else than is
stored. Once it is written, the same row says nothing new any more."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.people import Member
from operations import people
from operations.imports.cells import is_known
from operations.newcomers import Newcomer
from operations.wording import name_of
from sync_engine.rules import Catalog

EMAILS: Final = "emails"
USER_NAME: Final = "userName"
DISPLAY_NAME: Final = "displayName"
GIVEN_NAME: Final = "givenName"
FAMILY_NAME: Final = "familyName"

_CALLED_BY: Final = frozenset({USER_NAME, DISPLAY_NAME, GIVEN_NAME, FAMILY_NAME})


@dataclass(frozen=True, slots=True)
class Person:
    """What one row says of somebody; attributes as values in `newcomer`, as written in `cells`."""

    line: int
    newcomer: Newcomer
    cells: Mapping[str, str]
    user_name: str | None
    address: str | None

    def emails(self) -> list[str]:
        """All addresses, where the row says several; mail goes to the first that can be one."""
        listed: Any = self.newcomer.attributes.get(EMAILS) or []
        if self.address is None or _is_same(self.address, people.email_of({EMAILS: listed})):
            return list(listed)
        return [self.address, *(each for each in listed if not _is_same(each, self.address))]


def changes_of(person: Person, member: Member, catalog: Catalog) -> dict[str, object]:
    """By attribute. Raises Refused for names that cannot be shown."""
    stored = member.attributes
    changes = {
        name: value
        for name, value in person.newcomer.attributes.items()
        if name != EMAILS
        and not is_known(catalog[name], stored.get(name), person.cells[name], value)
    }
    changes |= _addresses(person, member, catalog)
    said = person.user_name
    if said is not None and said.lower() != member.user_name.lower():
        changes[USER_NAME] = said
    changes |= _names(person, member)
    return changes | dict(_called(person, member, changes))


def says_the_same(person: Person, member: Member) -> bool:
    """Whether a row of names and addresses alone says what is stored, whichever of the names it
    was put together from."""
    newcomer = person.newcomer
    said = {
        DISPLAY_NAME: newcomer.display_name,
        GIVEN_NAME: newcomer.given_name,
        FAMILY_NAME: newcomer.family_name,
    }
    called = people.display_name(said, member.display_name)
    return (
        _text(called) == member.display_name
        and (person.address is None or _is_same(person.address, member.email))
        and (person.user_name is None or _is_same(person.user_name, member.user_name))
    )


def _addresses(person: Person, member: Member, catalog: Catalog) -> Iterator[tuple[str, object]]:
    stored = member.attributes.get(EMAILS)
    if EMAILS in person.newcomer.attributes:
        wanted = person.emails()
        is_as_listed = wanted == person.newcomer.attributes[EMAILS]
        cell = person.cells[EMAILS] if is_as_listed else ", ".join(wanted)
        if not is_known(catalog[EMAILS], stored, cell, wanted):
            yield EMAILS, wanted
    elif person.address is not None and not _is_same(person.address, member.email):
        others = [
            each
            for each in (stored if isinstance(stored, list) else [])
            if not _is_same(each, member.email) and not _is_same(each, person.address)
        ]
        yield EMAILS, [person.address, *others]


def _names(person: Person, member: Member) -> Iterator[tuple[str, object]]:
    said = {GIVEN_NAME: person.newcomer.given_name, FAMILY_NAME: person.newcomer.family_name}
    for attribute, name in said.items():
        if name is not None and name_of(name, attribute) != _text(member.attributes.get(attribute)):
            yield attribute, name_of(name, attribute)


def _called(
    person: Person, member: Member, changes: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """What somebody is called is said by more than one attribute; what counts is what they are
    called afterwards."""
    if person.newcomer.display_name is None:
        return
    called = member.display_name
    if changes.keys() & _CALLED_BY:
        user_name = str(changes.get(USER_NAME, member.user_name))
        called = people.display_name({**member.attributes, **changes}, user_name)
    wanted = name_of(person.newcomer.display_name, "display name")
    if wanted != _text(called):
        yield DISPLAY_NAME, wanted


def _is_same(one: object, other: str | None) -> bool:
    return isinstance(one, str) and other is not None and one.casefold() == other.casefold()


def _text(value: object) -> str:
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
