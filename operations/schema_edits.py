"""What an edit of the attribute schema comes to, before anything is read or written."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from operations.refusals import Code, Refused
from sync_engine.rules import Attribute, AttributeType, Catalog, Owner
from sync_engine.rules.attributes import RESERVED, is_attribute_name

MOST: Final = 200
KEPT: Final = frozenset({"userName", "displayName", "givenName", "familyName", "emails", "groups"})
"""What the product itself goes by: whom mail reaches, and what people are called."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an attribute becomes; None stays as it is."""

    name: str
    type: AttributeType | None = None
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Definitions before and after, by name; None: not there."""

    before: Mapping[str, Attribute | None]
    after: Mapping[str, Attribute | None]

    def __iter__(self) -> Iterator[tuple[str, Attribute | None, Attribute | None]]:
        for name in sorted(self.after):
            yield name, self.before[name], self.after[name]

    @property
    def reasons(self) -> dict[str, str]:
        """Why rules that use an attribute no longer work, by its name."""
        found = {}
        for name, before, after in self:
            if before is None:
                continue
            if after is None:
                found[name] = f"There is no attribute {name} any more."
            elif after.type is not before.type:
                found[name] = f"{name} was {before.type.value} and is {after.type.value} now."
            elif after.owner is Owner.MEMBER:
                found[name] = f"Members write {name} themselves now; no rule may follow it."
        return found

    @property
    def forgotten(self) -> list[str]:
        """Whose values go: of what is removed; and of what members wrote themselves, because rules
        may follow it from now on."""
        return [
            name
            for name, before, after in self
            if before is not None
            and (after is None or Owner.MEMBER is before.owner is not after.owner)
        ]

    @property
    def read_anew(self) -> list[str]:
        """Whose values mean something else now."""
        return [
            name
            for name, before, after in self
            if after is not None
            and (before is None or before.type is not after.type)
            and name not in self.forgotten
        ]


def planned(
    catalog: Catalog,
    define: Sequence[Attribute],
    change: Sequence[Change],
    remove: Collection[str],
) -> Plan:
    """What these edits of a schema come to; raises Refused for what cannot be."""
    after: dict[str, Attribute | None] = dict.fromkeys(remove)
    for wish in change:
        now = catalog.get(wish.name)
        after[wish.name] = now and Attribute(
            wish.name, wish.type or now.type, wish.owner or now.owner
        )
    named = [*remove, *(each.name for each in change)]
    _refuse_twice([*named, *(each.name for each in define)])
    refuse_unknown(named, catalog)
    _refuse_kept(named)
    left = {name.lower(): name for name in catalog if after.get(name, catalog[name]) is not None}
    for each in define:
        _refuse_name(each.name, left)
        after[each.name] = each
    if len(left) + len(define) > MOST:
        raise Refused(
            Code.LIMIT_REACHED,
            f"A workspace has at most {MOST} attributes; these would be {len(left) + len(define)}.",
            {"limit": MOST, "count": len(left) + len(define)},
        )
    changed = {name: each for name, each in after.items() if each != catalog.get(name)}
    return Plan({name: catalog.get(name) for name in changed}, changed)


def _refuse_twice(names: Sequence[str]) -> None:
    twice = sorted(
        {name for name in names if [each.lower() for each in names].count(name.lower()) > 1}
    )
    if twice:
        raise Refused(Code.BAD_USER_INPUT, f"{', '.join(twice)[:200]} is named twice in one edit.")


def refuse_unknown(names: Collection[str], catalog: Catalog) -> None:
    """Raises Refused naming the attributes that there are not."""
    unknown = sorted(set(names) - set(catalog))
    if unknown:
        raise Refused(
            Code.UNKNOWN_ATTRIBUTE,
            f"The attribute schema of this workspace has no {', '.join(unknown)[:200]}.",
            {"attributes": [each[:100] for each in unknown[:50]], "known": sorted(catalog)},
        )


def _refuse_kept(names: Sequence[str]) -> None:
    kept = sorted(KEPT & set(names))
    if kept:
        raise Refused(
            Code.CONFLICT,
            f"The product itself goes by {', '.join(kept)}; that stays as it is.",
            {"attributes": kept},
        )


def _refuse_name(name: str, taken: Mapping[str, str]) -> None:
    if not is_attribute_name(name):
        raise Refused(
            Code.BAD_USER_INPUT,
            f"“{name[:100]}” cannot name an attribute: use words of letters, digits, _ and -, "
            f"joined by dots, at most 64 characters, and none of {', '.join(sorted(RESERVED))}.",
        )
    if name.lower() in taken:
        raise Refused(Code.NAME_TAKEN, f"There is an attribute “{taken[name.lower()]}” already.")


def verb_of(before: Attribute | None, after: Attribute | None) -> str:
    """What the journal calls it."""
    if after is None:
        return "attribute.removed"
    return "attribute.defined" if before is None else "attribute.changed"


def told(attribute: Attribute | None) -> dict[str, Any] | None:
    """What the journal says of a definition."""
    if attribute is None:
        return None
    return {"name": attribute.name, "type": attribute.type, "owner": attribute.owner}
