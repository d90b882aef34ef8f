"""Which attributes a statement of an identity provider may set, and in what form."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from models.identity import DirectoryPerson
from operations.ordering import FULL, OrderKey, known, said_at, stamp_full, stored
from operations.refusals import Code, Refused
from operations.statements import IdentityChange, Mode
from sync_engine.rules import Catalog, Owner

TEXT_LENGTH: Final = 1_000
LIST_LENGTH: Final = 1_000
NUMBER_DIGITS: Final = 40
BY_GROUPS: Final = "groups"
"""The attribute that follows the directory's groups; no statement about a person sets it."""


@dataclass(slots=True)
class Accepted:
    """Attributes the statement decides, those nobody here takes, and those tied in time."""

    values: dict[str, object] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    ties: tuple[str, ...] = ()


def owned_names(catalog: Catalog) -> frozenset[str]:
    """The attributes identity providers write."""
    return frozenset(
        name
        for name, attribute in catalog.items()
        if attribute.owner is Owner.IDENTITY_PROVIDER and name != BY_GROUPS
    )


def sort_out(
    given: Mapping[str, object], catalog: Catalog
) -> tuple[dict[str, object], tuple[str, ...]]:
    """(values by canonical name, names that are not taken). Names are found in any case.

    Raises Refused for a value no attribute can hold.
    """
    names = {name.lower(): name for name in owned_names(catalog)}
    taken = {
        names[name.lower()]: fitting(name, value)
        for name, value in given.items()
        if name.lower() in names
    }
    return taken, tuple(name for name in given if name.lower() not in names)


def accept(
    person: DirectoryPerson, change: IdentityChange, key: OrderKey, catalog: Catalog
) -> Accepted:
    """Decide attribute by attribute what the statement sets, and stamp the person's clock."""
    given, dropped = sort_out(change.attributes, catalog)
    clock: dict[str, Any] = dict(person.attribute_clock)
    said = _said(person)
    ties = tuple(name for name in given if _is_tie(clock, name, key, given[name], said))
    if change.mode is Mode.FULL:
        values = _full(clock, given, key, owned_names(catalog))
    else:
        values = {name: value for name, value in given.items() if key > said_at(clock, name)}
        clock.update({name: stored(key) for name in values})
    person.attribute_clock = clock
    return Accepted(values, dropped, ties)


def _full(
    clock: dict[str, Any], given: Mapping[str, object], key: OrderKey, names: frozenset[str]
) -> dict[str, object]:
    if key <= known(clock.get(FULL)):
        return {}
    values = {name: given.get(name) for name in names if key > known(clock.get(name))}
    stamp_full(clock, key, values)
    return values


def _is_tie(
    clock: Mapping[str, Any], name: str, key: OrderKey, value: object, said: Mapping[str, Any]
) -> bool:
    last = said_at(clock, name)
    return last.moment == key.moment and last != key and said.get(name) != value


def _said(person: DirectoryPerson) -> Mapping[str, Any]:
    said: Mapping[str, Any] = person.resource.get("attributes", {})
    return said


def fitting(name: str, value: object) -> object:
    """The value as stored; raises Refused when it is none an attribute can hold."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(name, value)
        case int() | float():
            return _number(name, value)
        case list() | tuple():
            if len(value) > LIST_LENGTH:
                raise _bad(name, f"has {len(value)} values; at most {LIST_LENGTH} are kept")
            kept = [fitting(name, _scalar(name, each)) for each in value]
            return [each for each in kept if each is not None]
        case _:
            raise _bad(name, "is an object; a text, number, boolean or a list of texts is needed")


def _text(name: str, value: str) -> str | None:
    if len(value) > TEXT_LENGTH:
        raise _bad(name, f"has {len(value)} characters; at most {TEXT_LENGTH} are kept")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _bad(name, "holds a character that cannot be stored (NUL or half a surrogate pair)")
    return value if value.strip() else None


def _number(name: str, value: float) -> float:
    if isinstance(value, int):
        if value.bit_length() > NUMBER_DIGITS * 4:
            raise _bad(name, f"is a number of more than {NUMBER_DIGITS} digits")
    elif not math.isfinite(value):
        raise _bad(name, "is not a finite number")
    return value


def _scalar(name: str, value: object) -> object:
    if isinstance(value, list | tuple | dict):
        raise _bad(name, "is a list that holds lists or objects; texts are needed")
    return value


def _bad(name: str, what: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, f"{name[:100]} {what}.", {"attribute": name[:100]})
