"""Habits of real SCIM clients, brought into the form of the RFCs before anything is validated.

Attribute names in any case; enterprise attributes without their schema; dotted keys, keys with
whole URNs and keys with filters; "True" and "False" for booleans; one value where a list belongs
and the other way round; null and "" for "no value"; read-only attributes echoed back. What has no
place here is dropped and counted by name; a PATCH path that names nothing known is refused.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scim2_models import (
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    PayloadTooLargeException,
)

from app.scim.published import GROUP, NOT_KEPT, USER, Published

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DEPTH: Final = 32
OPERATIONS: Final = 1_000

_READ_ONLY: Final = frozenset({"id", "meta", "schemas"})
_PATH: Final = re.compile(
    r"(?:(?P<urn>urn:[A-Za-z0-9.:_-]+):)?(?P<name>\$?[A-Za-z][\w$-]*)"
    r"(?P<filter>\[.*\])?(?:\.(?P<sub>\$?[A-Za-z][\w$-]*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as published, with its sub-attributes by lower-case name."""

    name: str
    type: str
    is_list: bool
    is_required: bool
    is_read_only: bool
    parts: Mapping[str, "Attribute"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name leads: an attribute, and the extension it lives in."""

    attribute: Attribute
    urn: str | None

    @property
    def path(self) -> str:
        """The attribute's path in a PATCH or a filter."""
        return f"{self.urn}:{self.attribute.name}" if self.urn else self.attribute.name


@dataclass(slots=True)
class Quirks:
    """The names one resource type knows, and what was dropped while one request was read."""

    base: str
    core: Mapping[str, Attribute]
    extensions: Mapping[str, tuple[str, Mapping[str, Attribute]]]
    dropped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of_users(cls, published: Published) -> "Quirks":
        """The names of users."""
        extensions = {
            urn.lower(): (urn, _attributes(schema["attributes"]))
            for urn, schema in published.extensions.items()
        }
        return cls(USER, {**_attributes(published.user["attributes"]), **_EXTERNAL_ID}, extensions)

    @classmethod
    def of_groups(cls, published: Published) -> "Quirks":
        """The names of groups."""
        return cls(GROUP, {**_attributes(published.group["attributes"]), **_EXTERNAL_ID}, {})

    # --- where names lead ---------------------------------------------------------------------

    def place(self, name: str, urn: str | None = None) -> Place | None:
        """Where a name leads; a name of an extension is found without its URN, too."""
        low = name.lower()
        if urn is not None and urn.lower() != self.base.lower():
            found = self.extensions.get(urn.lower())
            if found is None or low not in found[1]:
                return None
            return Place(found[1][low], found[0])
        if low in self.core:
            return Place(self.core[low], None)
        if urn is None:
            for whole, names in self.extensions.values():
                if low in names:
                    return Place(names[low], whole)
        return None

    def drop(self, name: str) -> None:
        """Count something that is not kept."""
        self.dropped[name[:100]] += 1

    # --- whole resources ----------------------------------------------------------------------

    def resource(self, body: object) -> dict[str, Any]:
        """A POST or PUT body in canonical form."""
        given = _object(body, "a resource")
        read: dict[str, Any] = {}
        for key, value in given.items():
            self._take(read, key, value)
        used = [urn for urn, _ in self.extensions.values() if urn in read]
        return {"schemas": [self.base, *used], **read}

    def _take(self, read: dict[str, Any], key: str, value: object) -> None:
        low = key.lower()
        if low in _READ_ONLY:
            return
        if low in self.extensions:
            urn, _ = self.extensions[low]
            for name, inner in _of_extension(value or {}, urn):
                self._take(read, f"{urn}:{name}", inner)
            return
        found = _PATH.fullmatch(key)
        place = self.place(found["name"], found["urn"]) if found else None
        if found is None or place is None or found["filter"]:
            if value not in (None, "", [], {}):
                self.drop(key)
            return
        if place.attribute.is_read_only:
            return
        target = read.setdefault(place.urn, {}) if place.urn else read
        self._put(target, place.attribute, found["sub"], value)

    def _put(
        self, target: dict[str, Any], attribute: Attribute, sub: str | None, value: object
    ) -> None:
        if sub is not None:
            merged = dict(target.get(attribute.name) or {}) if not attribute.is_list else {}
            value = {**merged, sub: value}
        fitted = self.fit(attribute, value)
        if fitted is not None:
            target[attribute.name] = fitted

    # --- values -------------------------------------------------------------------------------

    def fit(self, attribute: Attribute, value: object) -> Any:
        """A value in the attribute's form; None where it says there is no value."""
        if attribute.is_list:
            values = value if isinstance(value, list) else [value]
            fitted = [self.fit_one(attribute, each) for each in values]
            return [each for each in fitted if each is not None] or None
        if isinstance(value, list) and attribute.type == "complex":
            value = value[0] if value else None
        return self.fit_one(attribute, value)

    def fit_one(self, attribute: Attribute, value: object) -> Any:
        """One value of the attribute."""
        if value is None or (value == "" and not attribute.is_required):
            return None
        if attribute.type == "complex":
            return self._fit_complex(attribute, value)
        if attribute.type == "boolean" and isinstance(value, str):
            return {"true": True, "false": False}.get(value.strip().lower(), value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if attribute.type == "string" and is_number:
            return str(value)
        return value

    def _fit_complex(self, attribute: Attribute, value: object) -> Any:
        if isinstance(value, str) and "value" in attribute.parts:
            value = {"value": value}
        if not isinstance(value, dict):
            return value
        fitted: dict[str, Any] = {}
        for key, inner in value.items():
            part = attribute.parts.get(key.lower())
            if part is None:
                if inner not in (None, "", [], {}):
                    self.drop(f"{attribute.name}.{key}")
                continue
            if part.is_read_only:
                continue
            kept = self.fit(part, inner)
            if kept is not None:
                fitted[part.name] = kept
        return fitted or None

    # --- PATCH --------------------------------------------------------------------------------

    def patch(self, body: object) -> dict[str, Any]:
        """A PATCH body in canonical form: every operation has a path."""
        given = {key.lower(): value for key, value in _object(body, "a PATCH").items()}
        operations = given.get("operations")
        if not isinstance(operations, list) or not operations:
            raise InvalidSyntaxException(detail="A PATCH needs a list of Operations")
        if len(operations) > OPERATIONS:
            raise PayloadTooLargeException(
                detail=f"A PATCH has at most {OPERATIONS} operations; this one has "
                f"{len(operations)}"
            )
        read = [each for operation in operations for each in self._operation(operation)]
        nothing = {"op": "add", "path": "schemas", "value": [self.base]}
        return {"schemas": [PATCH], "Operations": read or [nothing]}

    def _operation(self, operation: object) -> Iterable[dict[str, Any]]:
        given = {key.lower(): value for key, value in _object(operation, "an operation").items()}
        op = str(given.get("op", "")).lower()
        path, value = given.get("path"), given.get("value")
        if not path and op != "remove":
            for key, inner in _object(value, "the value of an operation without path").items():
                yield from self._keyed(op, key, inner)
            return
        if not isinstance(path, str):
            yield {"op": op, **({} if value is None else {"value": value})}
            return
        yield from self._at(op, path.strip(), value)

    def _keyed(self, op: str, key: str, value: object) -> Iterable[dict[str, Any]]:
        """One key of a path-less operation; unknown ones are dropped and counted."""
        low = key.lower()
        if low in _READ_ONLY:
            return
        if low not in self.extensions:
            found = _PATH.fullmatch(key)
            if found is None or self.place(found["name"], found["urn"]) is None:
                self.drop(key)
                return
        yield from self._at(op, key, value)

    def _at(self, op: str, path: str, value: object) -> Iterable[dict[str, Any]]:
        if path.lower() in self.extensions:
            yield from self._at_extension(op, self.extensions[path.lower()][0], value)
            return
        found = _PATH.fullmatch(path)
        if found is None:
            raise InvalidPathException(detail=f"{path[:200]!r} is not an attribute path")
        place = self.place(found["name"], found["urn"])
        if place is None:
            if found["name"].lower() in _KNOWN_NOT_KEPT or found["name"].lower() in _READ_ONLY:
                self.drop(found["name"])
                return
            raise InvalidPathException(detail=f"{path[:200]!r} names no attribute kept here")
        if place.attribute.is_read_only:
            return
        yield self._placed(op, place, found["filter"] or "", found["sub"], value)

    def _at_extension(self, op: str, urn: str, value: object) -> Iterable[dict[str, Any]]:
        if op == "remove":
            yield {"op": op, "path": urn}
            return
        for key, inner in _of_extension(value, urn):
            yield from self._keyed(op, f"{urn}:{key}", inner)

    def _placed(
        self, op: str, place: Place, filter: str, sub: str | None, value: object
    ) -> dict[str, Any]:
        attribute, path = place.attribute, place.path + filter
        if sub is not None:
            part = attribute.parts.get(sub.lower())
            if part is None:
                raise InvalidPathException(detail=f"{path}.{sub} names no attribute kept here")
            fitted, path = self.fit(part, value), f"{path}.{part.name}"
            is_required = part.is_required
        elif filter:
            fitted, is_required = self.fit_one(attribute, value), False
        else:
            fitted, is_required = self.fit(attribute, value), attribute.is_required
        if op == "remove":
            return {"op": op, "path": path, **({} if fitted is None else {"value": fitted})}
        if fitted is None and not is_required:
            if op == "add" and attribute.is_list and not sub:
                return {"op": "add", "path": "schemas", "value": [self.base]}
            return {"op": "remove", "path": path}
        return {"op": op, "path": path, "value": value if fitted is None else fitted}


_KNOWN_NOT_KEPT: Final = frozenset(name.lower() for name in NOT_KEPT)


def check(value: object, depth: int = 0) -> None:
    """Refuse what nothing here can store: NUL, and nesting without end."""
    if depth > DEPTH:
        raise InvalidSyntaxException(detail=f"The body is nested more than {DEPTH} deep")
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidValueException(detail="A text holds the character NUL")
    elif isinstance(value, dict):
        for key, inner in value.items():
            check(key, depth)
            check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check(inner, depth + 1)


def _of_extension(value: object, urn: str) -> Iterable[tuple[str, object]]:
    """What an extension's object says; some clients repeat `schemas` in it."""
    return [each for each in _object(value, urn).items() if each[0].lower() != "schemas"]


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidSyntaxException(detail=f"{what} is not a JSON object")
    return value


def _attributes(described: Iterable[Mapping[str, Any]]) -> dict[str, Attribute]:
    return {each["name"].lower(): _attribute(each) for each in described}


def _attribute(described: Mapping[str, Any]) -> Attribute:
    return Attribute(
        name=described["name"],
        type=described["type"],
        is_list=bool(described.get("multiValued")),
        is_required=bool(described.get("required")),
        is_read_only=described.get("mutability") == "readOnly",
        parts={
            each["name"].lower(): _attribute(each) for each in described.get("subAttributes", ())
        },
    )


_EXTERNAL_ID: Final[Mapping[str, Attribute]] = {
    "externalid": Attribute("externalId", "string", False, False, False, {})
}
