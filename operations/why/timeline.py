"""Every change of how a person stood to the coordinator role of a course, newest first."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.segments import Segment
from operations.why import wording
from operations.why.answers import HOLDING, Cause, Standing, holds
from operations.why.causes import Causes, about, causes_of, chosen
from operations.why.entries import Entry
from operations.why.history import History
from operations.why.lost import Lost, found_anew


class Turn(StrEnum):
    """What became of the role. SUPPRESSED: an instructor who follows a segment. CHANGED: stands
    for another reason than before, and is a coordinator, or not, as before."""

    GAINED = "GAINED"
    LOST = "LOST"
    SUPPRESSED = "SUPPRESSED"
    EXCLUDED = "EXCLUDED"
    KEPT = "KEPT"
    ENDING = "ENDING"
    INSTRUCTOR = "INSTRUCTOR"
    ACCOUNT = "ACCOUNT"
    CHANGED = "CHANGED"


NAMED_BY: Final = {
    Standing.INSTRUCTOR: Turn.INSTRUCTOR,
    Standing.ACCOUNT_NOT_ACTIVE: Turn.ACCOUNT,
    Standing.EXCLUDED: Turn.EXCLUDED,
    Standing.KEPT: Turn.KEPT,
    Standing.ENDING: Turn.ENDING,
}
"""Turns that are called by where they lead, whatever was before."""

SAID: Final = {
    Standing.INSTRUCTOR: "became an instructor",
    Standing.ACCOUNT_NOT_ACTIVE: "is no coordinator while the account is not active",
    Standing.DIRECT: "is coordinator by hand",
    Standing.EXCLUDED: "was excluded, although {through} gives the role",
    Standing.DERIVED: "is coordinator through {through}",
    Standing.KEPT: "was kept as coordinator",
    Standing.ENDING: "stays coordinator for some days only: nothing gives the role any more",
    Standing.NO_SOURCE: "is no coordinator: not by hand, and no segment matches",
    Standing.NOT_THERE: "is not there any more",
    Standing.UNKNOWN: "may have been coordinator: what the account was cannot be known",
}


@dataclass(frozen=True, slots=True)
class Turned:
    """One change of standing, at one place in the journal."""

    course_id: int
    member_id: int
    seq: int
    at: dt.datetime
    turn: Turn
    was: Standing
    standing: Standing
    is_coordinator: bool | None
    sentence: str
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class _Happened:
    """Something that may have changed the standing: an entry about it, or the change set that
    opened or closed an interval in a segment because of `cause`."""

    seq: int
    at: dt.datetime
    entry: Entry | None = None
    cause: uuid.UUID | None = None
    segment_id: int | None = None
    is_in: bool = True

    def lost(self, looked_at: frozenset[str]) -> Lost:
        """What to look for where the cause is about something else."""
        return Lost(self.segment_id or 0, self.seq, looked_at, self.is_in)


@dataclass(frozen=True, slots=True)
class _Step:
    happened: _Happened
    was: Standing
    standing: Standing
    through: tuple[int, ...]


def steps_of(past: History) -> list[_Step]:
    """Every change of standing, newest first."""
    found = []
    was = Standing.NOT_THERE
    for each in sorted(_happened(past), key=lambda each: each.seq):
        standing = past.standing(each.seq, each.at)
        if standing is not was and not _is_silent(was, standing):
            attached = past.attached(each.seq)
            through = tuple(
                one.segment_id for one in attached if past.counted(one, each.seq, each.at)
            )
            found.append(_Step(each, was, standing, through))
        was = standing
    return found[::-1]


def _is_silent(was: Standing, standing: Standing) -> bool:
    """Coming to be, without the role, is no change of it."""
    return was is Standing.NOT_THERE and standing in (
        Standing.NO_SOURCE,
        Standing.ACCOUNT_NOT_ACTIVE,
    )


def _happened(past: History) -> Iterator[_Happened]:
    """What may have changed the standing, once for each place in the journal."""
    said = [*past.lives.entries, *past.roles.entries, *past.overrides.entries]
    said += [each for track in past.attachments.values() for each in track.entries]
    found = {each.seq: _Happened(each.seq, each.at, each) for each in said}
    for interval in (each for of_one in past.intervals.values() for each in of_one):
        if interval.opened is not None:
            seq, at = interval.opened, interval.since
            found[seq] = _Happened(seq, at, None, interval.cause, interval.segment_id)
        if interval.closed is not None and interval.until is not None:
            seq, at = interval.closed, interval.until
            cause, segment_id = interval.closing_cause, interval.segment_id
            found[seq] = _Happened(seq, at, None, cause, segment_id, is_in=False)
    yield from found.values()


async def told(db: AsyncSession, past: History, who: str, steps: Sequence[_Step]) -> list[Turned]:
    """These steps with their causes and in words, in as many statements however many they are."""
    workspace_id, member_id = past.member.workspace_id, past.member.id
    ids = past.segment_ids
    rows = await db.execute(
        select(Segment.id, Segment.name, Segment.rule).where(
            Segment.workspace_id == workspace_id, Segment.id.in_(ids)
        )
    )
    segments = {row.id: row for row in rows}
    wanted = [each.happened.cause for each in steps]
    causes = await causes_of(db, workspace_id, wanted, member_id, ids)
    looked_at = frozenset(name for row in segments.values() for name in _attributes(row.rule))
    words = _Words(who, {id: row.name for id, row in segments.items()}, looked_at)
    led = [_cause(each.happened, causes, looked_at) for each in steps]
    lost = [each.happened.lost(looked_at) for each in steps]
    unknown = [each for each, cause in zip(lost, led, strict=True) if cause is None]
    anew = await found_anew(db, past, {}, unknown)
    return [
        _turned(past, each, words, cause or anew[sought])
        for each, cause, sought in zip(steps, led, lost, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Words:
    """Who is spoken of, what segments are called, and which attributes may be named."""

    who: str
    segments: Mapping[int, str]
    looked_at: frozenset[str]


def _cause(happened: _Happened, causes: Causes, looked_at: frozenset[str]) -> Cause | None:
    if happened.entry is not None:
        return happened.entry.as_cause()
    return chosen(causes, happened.cause, happened.segment_id, looked_at)


def _turned(past: History, step: _Step, words: _Words, cause: Cause | None) -> Turned:
    happened = step.happened
    through = ", ".join(f"“{words.segments[id]}”" for id in step.through)
    sentence = SAID[step.standing].format(through=through)
    return Turned(
        course_id=past.course.id,
        member_id=past.member.id,
        seq=happened.seq,
        at=happened.at,
        turn=turn_of(step.was, step.standing, follows=bool(step.through)),
        was=step.was,
        standing=step.standing,
        is_coordinator=holds(step.standing),
        sentence=f"{words.who} {sentence}{wording.changed_by(cause)}.",
        cause=about(cause, words.looked_at, past.member.id),
    )


def turn_of(was: Standing, standing: Standing, *, follows: bool) -> Turn:
    """What a change of standing is called."""
    if standing is Standing.INSTRUCTOR and follows:
        return Turn.SUPPRESSED
    if standing in NAMED_BY:
        return NAMED_BY[standing]
    if (was in HOLDING) is (standing in HOLDING):
        return Turn.CHANGED
    return Turn.GAINED if standing in HOLDING else Turn.LOST


def _attributes(document: Any) -> Iterator[str]:
    """The attributes a stored rule uses, whether or not it can still be understood."""
    if isinstance(document, list):
        for each in document:
            yield from _attributes(each)
    if isinstance(document, dict):
        if isinstance(document.get("attr"), str):
            yield document["attr"]
        for each in document.values():
            yield from _attributes(each)
