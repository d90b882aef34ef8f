"""Between a SCIM user and the attributes rules read."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.scim.published import ENTERPRISE, OURS

_PLAIN = (
    "userName",
    "displayName",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
)
_ENTERPRISE = (
    "department",
    "division",
    "organization",
    "costCenter",
    "employeeNumber",
)


def attributes_of(user: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, object]:
    """Canonical attributes of a user document; what it does not say is None.

    `own` maps names in our extension to canonical names. `displayName` falls back to the
    formatted name; country and city are those of the work address, else the primary, else the
    first.
    """
    name = user.get("name") or {}
    enterprise = user.get(ENTERPRISE) or {}
    ours = user.get(OURS) or {}
    address = _preferred(user.get("addresses") or ())
    manager = enterprise.get("manager") or {}
    return {
        **{each: user.get(each) for each in _PLAIN},
        **{each: enterprise.get(each) for each in _ENTERPRISE},
        **{canonical: ours.get(scim) for scim, canonical in own.items()},
        "displayName": user.get("displayName") or name.get("formatted"),
        "givenName": name.get("givenName"),
        "familyName": name.get("familyName"),
        "country": address.get("country"),
        "city": address.get("locality"),
        "manager": manager.get("value"),
        "emails": _emails(user.get("emails") or ()),
    }


def _emails(emails: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """Addresses, the primary one first, then those for work."""
    found = [each for each in emails if each.get("value")]
    found.sort(key=lambda each: (not each.get("primary"), not _is_for_work(each)))
    return [each["value"] for each in found] or None


def _preferred(addresses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    ranked = sorted(addresses, key=lambda each: (not _is_for_work(each), not each.get("primary")))
    return ranked[0] if ranked else {}


def _is_for_work(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("type") or "").lower() == "work"
