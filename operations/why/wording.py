"""Sentences about why, in the words of the time they are about."""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from models.people import MemberState
from models.segments import AttachmentMode, SegmentKind, SegmentState
from operations.attachment_modes import Mode
from operations.why.answers import Cause, OverrideThen, PinThen, RoleThen, SegmentReason, Standing
from operations.why.places import Place
from operations.why.rules import SegmentThen
from sync_engine.rules import Explanation, deciding

WAITS: Final = "no longer belongs to it, but the removal waits to be approved"
WAITED: Final = "no longer belonged to it, but the removal waited to be approved"

FROZEN: Final = (SegmentState.PAUSED, SegmentState.BROKEN)


def moment(at: dt.datetime) -> str:
    """A moment, to the second, in UTC."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def of_mode(mode: Mode, *, is_member: bool, gives: bool, is_past: bool) -> str | None:
    """What the mode of an attachment decided; None where belonging to the segment did."""
    since = moment(mode.since)
    if mode.mode is AttachmentMode.FROZEN:
        return f"{'was' if gives else 'was not'} in it when it was frozen on {since}"
    if gives and not is_member:
        return f"was in it, and since {since} nobody {'was' if is_past else 'is'} taken off by it"
    if is_member and not gives:
        return f"was not in it all the time since {since}, when it began to add nobody"
    return None


def of_pin(pin: PinThen, *, is_past: bool) -> str:
    """A pin, which decided whatever the rule said."""
    be, where = "was" if is_past else "is", "in it" if pin.is_in else "out of it"
    until = f" until {moment(pin.expires_at)}" if pin.expires_at else ""
    return f"{be} pinned {where}{until} by {pin.by_name} on {moment(pin.created_at)}: {pin.reason}"


def of_segment(
    segment: SegmentThen,
    explanation: Explanation | None,
    unknown: Collection[str],
    *,
    is_member: bool,
    is_past: bool,
) -> tuple[str, ...]:
    """What decided whether the person belongs to it."""
    be, keeps = ("was", "kept") if is_past else ("is", "keeps")
    said = []
    if segment.state in FROZEN:
        said.append(f"“{segment.name}” {be} {segment.state.value} and {keeps} what it gave.")
    said += [f"what {name} was then cannot be known" for name in sorted(unknown)]
    if unknown:
        return tuple(said)
    if explanation is None:
        does, does_not, named = (
            ("belonged to it", "did not belong to it", be)
            if is_past
            else ("belongs to it", "does not belong to it", be)
        )
        if segment.kind is SegmentKind.RULE:
            said.append(does if is_member else does_not)
        else:
            said.append(f"{named} named in it" if is_member else f"{named} not named in it")
    else:
        said.extend(leaf.sentence or leaf.text for leaf in deciding(explanation))
    return tuple(said)


PRESENT: Final = {
    Standing.NOT_THERE: "{who} or {what} is not there",
    Standing.UNKNOWN: "Whether the account of {who} is active cannot be known",
    Standing.INSTRUCTOR: "{who} is an instructor of {what}{beaten}",
    Standing.ACCOUNT_NOT_ACTIVE: "{who} is no coordinator of {what}: the account is {account}",
    Standing.DIRECT: "{who} was made coordinator of {what} by hand{also}",
    Standing.EXCLUDED: "{who} follows {through} but is excluded from {what}",
    Standing.DERIVED: "{who} is coordinator of {what} through {through}",
    Standing.KEPT: "{who} is kept as coordinator of {what} beside its segments",
    Standing.ENDING: "{who} is coordinator of {what} until {until}, though nothing gives the role"
    " any more",
    Standing.NO_SOURCE: "{who} is no coordinator of {what}: not by hand, and no segment {gives}",
}
PAST: Final = {
    Standing.NOT_THERE: "{who} or {what} was not there",
    Standing.UNKNOWN: "Whether the account of {who} was active cannot be known",
    Standing.INSTRUCTOR: "{who} was an instructor of {what}{beaten}",
    Standing.ACCOUNT_NOT_ACTIVE: "{who} was no coordinator of {what}: the account was {account}",
    Standing.DIRECT: "{who} was coordinator of {what} by hand{also}",
    Standing.EXCLUDED: "{who} followed {through} but was excluded from {what}",
    Standing.DERIVED: "{who} was coordinator of {what} through {through}",
    Standing.KEPT: "{who} was kept as coordinator of {what} beside its segments",
    Standing.ENDING: "{who} was still coordinator of {what}, to end at {until}, though nothing gave"
    " the role any more",
    Standing.NO_SOURCE: "{who} was no coordinator of {what}: not by hand, and no segment {gives}",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a summary is made of."""

    who: str
    what: str
    place: Place
    standing: Standing
    account: MemberState | None
    role: RoleThen | None
    override: OverrideThen | None
    reasons: Collection[SegmentReason]


def summary(told: Told) -> str:
    """The answer in one sentence; of the past with since when, because of what, and by whom."""
    is_past = told.place.is_past
    through = ", ".join(f"“{each.name}”" for each in told.reasons if each.gives)
    beats, follows = ("beat", "followed") if is_past else ("beats", "follows")
    said = (PAST if is_past else PRESENT)[told.standing].format(
        who=told.who,
        what=told.what,
        through=through,
        gives=_matching(told),
        account=told.account.value if told.account else "",
        beaten=f", which {beats} the coordinator role through {through}" if through else "",
        until=_until(told.override),
        also=f", and also {follows} {through}" if through else "",
    )
    if told.standing in (Standing.EXCLUDED, Standing.KEPT, Standing.ENDING):
        return _at(told.place) + said + (f": {told.override.reason}" if told.override else "")
    return f"{_at(told.place)}{said}{_because(told)}."


def _until(override: OverrideThen | None) -> str:
    return moment(override.expires_at) if override and override.expires_at else ""


def _matching(told: Told) -> str:
    """What no segment does. One may well match, and give nothing by its mode."""
    matches = any(each.by_mode for each in told.reasons)
    gives, gave = ("gives the role", "gave the role") if matches else ("matches", "matched")
    return gave if told.place.is_past else gives


def _at(place: Place) -> str:
    return f"{moment(place.at)}: " if place.is_past and place.at else ""


def _because(told: Told) -> str:
    """Since when, by which values, and who had said them. Of the present, fields beside the
    sentence say it, but for what a mode decided."""
    if told.standing is Standing.NO_SOURCE:
        return "".join(
            f"; of “{each.name}”: {each.by_mode}" for each in told.reasons if each.by_mode
        )
    if told.standing is Standing.DERIVED:
        first = next(each for each in told.reasons if each.gives)
        since = f" since {moment(first.since)}" if first.since and told.place.is_past else ""
        if first.by_mode:
            return f"{since}: {first.by_mode}"
        if first.is_held:
            waits = "waited" if told.place.is_past else "waits"
            return f"{since}, of which the removal {waits} to be approved"
        return f"{since}, because {'; '.join(_clauses(first))}" if told.place.is_past else ""
    if told.standing is Standing.DIRECT and told.role is not None and told.place.is_past:
        return f" since {moment(told.role.since)}"
    return ""


def _clauses(reason: SegmentReason) -> Iterator[str]:
    """What decided it, each with who had set the value."""
    leaves = deciding(reason.explanation) if reason.explanation and not reason.pin else []
    if not leaves:
        yield " ".join(reason.sentences) + changed_by(reason.cause)
    for leaf in leaves:
        change = reason.changes.get(leaf.attribute or "")
        yield (leaf.sentence or leaf.text) + was(change, leaf.attribute) + changed_by(change)


def was(change: Cause | None, attribute: str | None) -> str:
    """The value before, where there was one."""
    before = (change.before or {}).get(attribute or "") if change else None
    return "" if before is None else f" (was {_quoted(before)})"


def changed_by(cause: Cause | None) -> str:
    """Who caused it, and when."""
    return "" if cause is None else f", changed by {cause.by_name} at {moment(cause.at)}"


def _quoted(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_quoted(each) for each in value)
    return f"“{value}”" if isinstance(value, str) else str(value)
