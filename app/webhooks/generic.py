"""The generic webhook: Standard Webhooks headers, and this body.

    {"type": "user.changed",
     "timestamp": "2026-03-02T09:15:00.123456Z",     when it happened, with its zone
     "sequence": 4711,                               optional; orders better than the timestamp
     "data": {"externalId": "00u1", "userName": "ada@acme.example",    at least one of them
              "mode": "full",                        or "partial"; full when left out
              "attributes": {"department": "Sales", "emails": ["ada@acme.example"]},
              "active": true}}                       optional

    {"type": "user.deleted",  ..., "data": {"externalId": "00u1"}}
    {"type": "group.changed", ..., "data": {"externalId": "g1", "displayName": "Trainers",
              "members": {"add": [{"externalId": "00u1"}], "remove": [{"userName": "bo@x"}]}}}
    {"type": "group.changed", ..., "data": {"externalId": "g1",
              "members": {"replace": [{"externalId": "00u1"}]}}}
    {"type": "group.deleted", ..., "data": {"externalId": "g1"}}
    {"type": "ping"}

`attributes` are named as in the workspace's attribute schema. In a full statement an attribute
that is not named has no value any more (`active` and a group's members stay); in a partial one it
is left alone, and null takes a value away.
"""

import datetime as dt
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from app.webhooks.adapters import Accepted, Adapter, Headers, Reject
from app.webhooks.signatures import NotSigned, verified_id
from operations.deliveries import NotUnderstood
from operations.ordering import LARGEST_SEQUENCE
from operations.statements import IdentityChange, Kind, MembersChange, Mode, Subject

NAME_LENGTH: Final = 256
_PING: Final = "ping"


def knock(
    headers: Headers, raw: bytes, secrets: Sequence[str], at: dt.datetime
) -> Accepted | Reject:
    """Believe what one of the connection's secrets has signed."""
    try:
        return Accepted(verified_id(headers, raw, secrets, at))
    except NotSigned as reason:
        return Reject(str(reason))


def read(body: bytes, delivery_id: str) -> list[IdentityChange]:
    """What a body says. Raises NotUnderstood."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise NotUnderstood(f"The body is not JSON: {problem}.") from None
    event = _object(event, "the body")
    type = event.get("type")
    if type == _PING:
        return []
    if not isinstance(type, str) or type not in _READERS:
        known = ", ".join([*_READERS, _PING])
        raise NotUnderstood(f"The type {_shown(type)} is none of {known}.")
    data = _object(event.get("data"), "data")
    return [_READERS[type](event, data, delivery_id)]


def _user_changed(event: Mapping[str, Any], data: Mapping[str, Any], id: str) -> IdentityChange:
    subject = _subject(data, "data")
    attributes = dict(_object(data.get("attributes", {}), "data.attributes"))
    if subject.user_name is not None:
        attributes = {
            name: value for name, value in attributes.items() if name.lower() != "username"
        }
        attributes["userName"] = subject.user_name
    return IdentityChange(
        kind=Kind.USER_CHANGED,
        subject=subject,
        mode=_mode(data),
        attributes=attributes,
        active=_active(data),
        **_order(event, id),
    )


def _user_deleted(event: Mapping[str, Any], data: Mapping[str, Any], id: str) -> IdentityChange:
    return IdentityChange(
        kind=Kind.USER_DELETED, subject=_subject(data, "data"), **_order(event, id)
    )


def _group_changed(event: Mapping[str, Any], data: Mapping[str, Any], id: str) -> IdentityChange:
    name = _name(data, "displayName", "data")
    return IdentityChange(
        kind=Kind.GROUP_CHANGED,
        subject=_group(data),
        mode=Mode.FULL,
        attributes={} if name is None else {"displayName": name},
        members=_members(data["members"]) if "members" in data else None,
        **_order(event, id),
    )


def _group_deleted(event: Mapping[str, Any], data: Mapping[str, Any], id: str) -> IdentityChange:
    return IdentityChange(kind=Kind.GROUP_DELETED, subject=_group(data), **_order(event, id))


_READERS: Final[
    Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], str], IdentityChange]]
] = {
    Kind.USER_CHANGED.value: _user_changed,
    Kind.USER_DELETED.value: _user_deleted,
    Kind.GROUP_CHANGED.value: _group_changed,
    Kind.GROUP_DELETED.value: _group_deleted,
}


def _order(event: Mapping[str, Any], delivery_id: str) -> dict[str, Any]:
    sequence = event.get("sequence")
    is_whole = isinstance(sequence, int) and not isinstance(sequence, bool)
    if sequence is not None and not (is_whole and 0 <= sequence <= LARGEST_SEQUENCE):
        raise NotUnderstood(
            f"sequence is {_shown(sequence)}; a whole number from 0 to 2**53 is needed."
        )
    return {
        "sequence": sequence,
        "occurred_at": _time(event.get("timestamp")),
        "delivery_id": delivery_id,
    }


def _time(value: object) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(value if isinstance(value, str) else "")
        if at.tzinfo is not None:
            return at.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise NotUnderstood(
        f"timestamp is {_shown(value)}; an ISO 8601 date and time with its zone is needed."
    )


def _mode(data: Mapping[str, Any]) -> Mode:
    mode = data.get("mode", Mode.FULL)
    if mode not in list(Mode):
        raise NotUnderstood(f"data.mode is {_shown(mode)}; it can be full or partial.")
    return Mode(mode)


def _active(data: Mapping[str, Any]) -> bool | None:
    active = data.get("active")
    if active is not None and not isinstance(active, bool):
        raise NotUnderstood(f"data.active is {_shown(active)}; it can be true or false.")
    return active


def _subject(value: object, where: str) -> Subject:
    named = _object(value, where)
    subject = Subject(
        external_id=_name(named, "externalId", where), user_name=_name(named, "userName", where)
    )
    if subject.external_id is None and subject.user_name is None:
        raise NotUnderstood(f"{where} names nobody: externalId or userName is needed.")
    return subject


def _group(data: Mapping[str, Any]) -> Subject:
    external_id = _name(data, "externalId", "data")
    if external_id is None:
        raise NotUnderstood("data.externalId is missing: it tells which group is meant.")
    return Subject(external_id=external_id)


def _members(value: object) -> MembersChange:
    lists = _object(value, "data.members")
    unknown = sorted(set(lists) - {"add", "remove", "replace"})
    if unknown or ("replace" in lists and len(lists) > 1) or not lists:
        raise NotUnderstood(
            "data.members holds either replace, or add and remove; "
            f"this one holds {', '.join(sorted(lists))[:100] or 'nothing'}."
        )
    replace = _people(lists["replace"], "replace") if "replace" in lists else None
    return MembersChange(
        add=_people(lists.get("add", []), "add"),
        remove=_people(lists.get("remove", []), "remove"),
        replace=replace,
    )


def _people(value: object, name: str) -> tuple[Subject, ...]:
    if not isinstance(value, list):
        raise NotUnderstood(f"data.members.{name} is {_shown(value)}; a list is needed.")
    return tuple(_subject(each, f"data.members.{name}[{n}]") for n, each in enumerate(value))


def _name(named: Mapping[str, Any], key: str, where: str) -> str | None:
    value = named.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value.strip()) <= NAME_LENGTH:
        raise NotUnderstood(
            f"{where}.{key} is {_shown(value)}; a text of 1 to {NAME_LENGTH} characters is needed."
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise NotUnderstood(f"{where}.{key} holds a control character.")
    return value.strip()


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotUnderstood(f"{where} is {_shown(value)}; an object is needed.")
    return value


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


GENERIC: Final = Adapter(knock=knock, read=read)
