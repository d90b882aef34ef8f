"""What an identity provider says, in one form for all doors, and what became of it.

An adapter of a door makes `IdentityChange`s; `identity` applies those about people, `directory`
those about groups.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from operations.ordering import OrderKey, key_at


class Kind(StrEnum):
    """What a statement is about."""

    USER_CHANGED = "user.changed"
    USER_DELETED = "user.deleted"
    GROUP_CHANGED = "group.changed"
    GROUP_DELETED = "group.deleted"


class Mode(StrEnum):
    """FULL: what is not said is not so (except `active` and members). PARTIAL: it is untouched."""

    FULL = "full"
    PARTIAL = "partial"


class Status(StrEnum):
    """What became of a statement."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    PARKED = "parked"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what it is about: matched within the connection, by the first of these given."""

    scim_id: uuid.UUID | None = None
    external_id: str | None = None
    user_name: str | None = None

    @property
    def token(self) -> str:
        """What a delivery about somebody unknown waits for."""
        if self.external_id is not None:
            return f"user:{self.external_id}"
        return f"userName:{(self.user_name or '').lower()}"

    def __str__(self) -> str:
        return str(self.external_id or self.user_name or self.scim_id)


@dataclass(frozen=True, slots=True)
class MembersChange:
    """People to add to and remove from a group, or (`replace`) its whole list of members."""

    add: tuple[Subject, ...] = ()
    remove: tuple[Subject, ...] = ()
    replace: tuple[Subject, ...] | None = None


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """One statement of an identity provider.

    `attributes` are raw values by canonical name; None says there is no value. `active` None
    says nothing about it. Without `occurred_at`, the order is the order of commit. `document` is
    kept as the provider's own form of the person, where the door has one.
    """

    kind: Kind
    subject: Subject
    mode: Mode = Mode.FULL
    attributes: Mapping[str, object] = field(default_factory=dict)
    active: bool | None = None
    members: MembersChange | None = None
    sequence: int | None = None
    occurred_at: dt.datetime | None = None
    delivery_id: str = ""
    document: Mapping[str, Any] | None = None

    @property
    def key(self) -> OrderKey | None:
        """Where it stands; None when the order is the order of commit."""
        if self.occurred_at is None:
            return None
        return key_at(self.sequence, self.occurred_at, self.delivery_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one statement, for the inbox, the answer and the connection's health.

    `dropped` are attributes this workspace does not take from a provider; `ties` those spoken of
    differently at the same time. `waits_for` is what a parked statement waits for; `freed` is
    what others may have been waiting for.
    """

    status: Status
    reason: str | None = None
    waits_for: str | None = None
    freed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    ties: tuple[str, ...] = ()
    directory_id: uuid.UUID | None = None
    member_id: int | None = None


def quarantined(reason: str) -> Outcome:
    """Authentic, but it must not be applied as it is."""
    return Outcome(Status.QUARANTINED, reason)


def superseded(what: str) -> Outcome:
    """Something newer has been said already."""
    return Outcome(Status.SUPERSEDED, f"Something newer about {what} has been applied already.")


def parked(waits_for: str, reason: str) -> Outcome:
    """It can be applied as soon as something else is there."""
    return Outcome(Status.PARKED, reason, waits_for=waits_for)
