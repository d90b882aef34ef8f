"""What was so at any place in the journal: roles by hand, overrides, accounts, attachments and
memberships of one person on one course. Pure, but for `read`.

A later kind of attachment, override or pin joins here: as one more track, or one more verb that
`GIVES` it, and one line in `standing`.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Course
from models.coordinators import CoordinatorOverride, CourseRole, CourseRoleKind, OverrideKind
from models.journal import OF_ACCOUNTS
from models.people import Member, MemberState
from models.segments import CourseSegment
from operations.as_of import ATTACHED, MODE_CHANGED, OF_OVERRIDES, OF_ROLES
from operations.attachment_modes import Mode
from operations.why import entries
from operations.why.answers import OverrideThen, RoleThen, Standing
from operations.why.entries import ADDED, DELETED, Entry, Track

GIVES: Final = {
    "coordinator.excluded": OverrideKind.EXCLUDE,
    "coordinator.kept": OverrideKind.KEEP,
    "coordinator.ending": OverrideKind.ENDING,
    "instructor.assigned": CourseRoleKind.INSTRUCTOR,
    "coordinator.assigned": CourseRoleKind.COORDINATOR,
}
"""What an entry put in place of whatever was there; the others of its track took it away."""

LEADS_TO: Final = {
    "member.activated": MemberState.ACTIVE,
    "member.deactivated": MemberState.DEACTIVATED,
}

INTERVALS: Final = text("""
SELECT m.segment_id, m.since, m.until, m.cause, m.closing_cause,
       (SELECT seq FROM journal_entry j
         WHERE j.workspace_id = :workspace_id AND j.change_set_id = m.opened_by_id LIMIT 1),
       (SELECT seq FROM journal_entry j
         WHERE j.workspace_id = :workspace_id AND j.change_set_id = m.closed_by_id LIMIT 1)
  FROM membership m
 WHERE m.member_id = :member_id AND m.segment_id = ANY (CAST(:segment_ids AS integer[]))
 ORDER BY m.segment_id, m.since
""")
"""A change set has one entry. (The greatest of its numbers would be looked for from the journal's
end.)"""


@dataclass(frozen=True, slots=True)
class Interval:
    """A time in a segment, from place `opened` until place `closed`, which is outside of it.

    Where an end has no number, because no change set of it is kept, its clock decides.
    """

    segment_id: int
    since: dt.datetime
    until: dt.datetime | None
    cause: uuid.UUID | None
    closing_cause: uuid.UUID | None
    opened: int | None
    closed: int | None

    def covers(self, seq: int, at: dt.datetime | None) -> bool:
        return self.has_begun(seq, at) and not self.has_ended(seq, at)

    def has_begun(self, seq: int, at: dt.datetime | None) -> bool:
        if self.opened is not None:
            return self.opened <= seq
        return at is not None and self.since <= at

    def has_ended(self, seq: int, at: dt.datetime | None) -> bool:
        if self.until is None:
            return False
        if self.closed is not None:
            return self.closed <= seq
        return at is not None and self.until <= at


@dataclass(frozen=True, slots=True)
class Attached:
    """A segment on the course, and how it was followed; `mode_cause` is of the last change of
    that."""

    segment_id: int
    at: dt.datetime
    cause: uuid.UUID | None
    place: int
    mode: Mode
    mode_cause: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class History:
    """Rows as they are, and the tracks that lead back from them."""

    course: Course
    member: Member
    role_row: CourseRole | None
    override_row: CoordinatorOverride | None
    attached_rows: Mapping[int, CourseSegment]
    entries: Sequence[Entry]
    lives: Track
    roles: Track
    overrides: Track
    attachments: Mapping[int, Track]
    intervals: Mapping[int, Sequence[Interval]]

    def exists(self, seq: int, at: dt.datetime | None) -> bool:
        """Whether there were this person and this course."""
        births = [each for each in self.lives.entries if each.verb == ADDED]
        is_born = not births or births[0].seq <= seq
        ended = [each for each in self.lives.until(seq) if each.verb == DELETED]
        return is_born and not ended and at is not None and self.course.created_at <= at

    def account(self, seq: int) -> MemberState | None:
        """The state of the account; None where it cannot be known."""
        states = [each for each in self.lives.until(seq) if each.verb != DELETED]
        later = [each for each in self.lives.since(seq) if each.verb in OF_ACCOUNTS]
        if states and (state := _state(states[-1].after) or LEADS_TO.get(states[-1].verb)):
            return state
        if later:
            return _state(later[0].before)
        return self.member.state

    def role(self, seq: int) -> RoleThen | None:
        """The role held by hand."""
        if self.roles.next(seq) is None:
            row = self.role_row
            return None if row is None else RoleThen(row.role, row.since)
        if (last := self.roles.last(seq)) is not None:
            given = GIVES.get(last.verb)
            return RoleThen(given, last.at) if isinstance(given, CourseRoleKind) else None
        first = self.roles.entries[0]
        held = str((first.before or {}).get("role", (first.before or {}).get("held")))
        if held not in set(CourseRoleKind):
            return None
        return RoleThen(CourseRoleKind(held), self.course.created_at)

    def override(self, seq: int) -> OverrideThen | None:
        """What was said beside the rules."""
        if self.overrides.next(seq) is None:
            row = self.override_row
            if row is None:
                return None
            return OverrideThen(row.kind, row.reason, row.expires_at, row.created_at)
        if (last := self.overrides.last(seq)) is not None:
            return _override(last, last.after or {}, GIVES.get(last.verb), last.reason)
        before = self.overrides.entries[0].before or {}
        kind = OverrideKind(before["kind"]) if "kind" in before else None
        return _override(self.overrides.entries[0], before, kind, before.get("reason"))

    def attached(self, seq: int) -> list[Attached]:
        """The segments that were on the course, in the order of their places."""
        found = (self._attached(segment_id, seq) for segment_id in sorted(self.segment_ids))
        return sorted((each for each in found if each is not None), key=lambda each: each.place)

    @property
    def segment_ids(self) -> set[int]:
        """Every segment that ever was on the course."""
        return {*self.attached_rows, *self.attachments}

    def _attached(self, segment_id: int, seq: int) -> Attached | None:
        track = self.attachments.get(segment_id, Track(()))
        row, following = self.attached_rows.get(segment_id), track.next(seq)
        last = track.last(seq)
        mode_cause = last.cause if last and last.verb == MODE_CHANGED else None
        if following is None:
            if row is None:
                return None
            mode = Mode(row.mode, row.mode_since)
            return Attached(segment_id, row.attached_at, row.cause, row.place, mode, mode_cause)
        if following.verb == ATTACHED:
            return None
        came = next((each for each in track.until(seq)[::-1] if each.verb == ATTACHED), None)
        at, cause = (came.at, came.cause) if came else (self.course.created_at, None)
        said = following.before or {}
        mode = Mode.said(said, at)
        return Attached(segment_id, at, cause, said.get("place", 0), mode, mode_cause)

    def interval(self, segment_id: int, seq: int, at: dt.datetime | None) -> Interval | None:
        """The time in a segment that covers the place."""
        known = self.intervals.get(segment_id, ())
        return next((each for each in known if each.covers(seq, at)), None)

    def counted(self, attached: Attached, seq: int, at: dt.datetime | None) -> Interval | None:
        """The time in a segment on the course that made the person coordinator, by its mode."""
        known = self.intervals.get(attached.segment_id, ())
        return attached.mode.counted(
            each if each.has_ended(seq, at) else replace(each, until=None)
            for each in known
            if each.has_begun(seq, at)
        )

    def last_ended(self, segment_id: int, seq: int, at: dt.datetime | None) -> Interval | None:
        """The last time in a segment that was over by then."""
        known = self.intervals.get(segment_id, ())
        return next((each for each in reversed(known) if each.has_ended(seq, at)), None)

    def follows(self, seq: int, at: dt.datetime | None) -> bool:
        """Whether any segment on the course gave the person the role; pins and holds are intervals
        like others."""
        return any(self.counted(each, seq, at) for each in self.attached(seq))

    def standing(self, seq: int, at: dt.datetime | None) -> Standing:
        """How the person stood: what the view `course_coordinator` said then."""
        if not self.exists(seq, at):
            return Standing.NOT_THERE
        role, override, account = self.role(seq), self.override(seq), self.account(seq)
        kind, follows = override and override.kind, self.follows(seq, at)
        tests = (
            (Standing.INSTRUCTOR, role is not None and role.role is CourseRoleKind.INSTRUCTOR),
            (Standing.UNKNOWN, account is None),
            (Standing.ACCOUNT_NOT_ACTIVE, account is not MemberState.ACTIVE),
            (Standing.DIRECT, role is not None),
            (Standing.EXCLUDED, follows and kind is OverrideKind.EXCLUDE),
            (Standing.DERIVED, follows),
            (Standing.KEPT, kind is OverrideKind.KEEP),
            (Standing.ENDING, kind is OverrideKind.ENDING),
        )
        return next((standing for standing, holds in tests if holds), Standing.NO_SOURCE)


async def read(db: AsyncSession, course: Course, member: Member) -> History:
    """The history of a person on a course, in as many statements however long it is."""
    workspace_id = course.workspace_id
    said = await entries.of_person(db, workspace_id, member.id, course.id)
    moved = await entries.of_attachments(db, workspace_id, course.id)
    rows = await db.scalars(select(CourseSegment).where(CourseSegment.course_id == course.id))
    attached = {row.segment_id: row for row in rows}
    segment_ids = {*attached, *(each.segment_id for each in moved if each.segment_id)}
    about = {
        "workspace_id": workspace_id,
        "member_id": member.id,
        "segment_ids": sorted(segment_ids),
    }
    intervals = [Interval(*row) for row in await db.execute(INTERVALS, about)]
    return History(
        course=course,
        member=member,
        role_row=await db.get(CourseRole, (course.id, member.id)),
        override_row=await db.get(CoordinatorOverride, (course.id, member.id)),
        attached_rows=attached,
        entries=said,
        lives=Track.of(said, entries.OF_LIVES),
        roles=Track.of(said, OF_ROLES),
        overrides=Track.of(said, OF_OVERRIDES),
        attachments=_by_segment(moved),
        intervals={id: [each for each in intervals if each.segment_id == id] for id in segment_ids},
    )


def _by_segment(moved: Iterable[Entry]) -> dict[int, Track]:
    found: dict[int, list[Entry]] = {}
    for each in moved:
        if each.segment_id is not None:
            found.setdefault(each.segment_id, []).append(each)
    return {id: Track(of_segment) for id, of_segment in found.items()}


def _state(said: Mapping[str, object] | None) -> MemberState | None:
    state = (said or {}).get("state")
    return None if state is None else MemberState(str(state))


def _override(
    entry: Entry, said: Mapping[str, object], kind: object, reason: str | None
) -> OverrideThen | None:
    if not isinstance(kind, OverrideKind):
        return None
    until = said.get("expiresAt")
    expires_at = None if until is None else dt.datetime.fromisoformat(str(until))
    return OverrideThen(kind, reason or "", expires_at, entry.at)
