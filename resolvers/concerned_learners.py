"""Which events an entry of the journal is to whoever follows the learners, or the live sessions, of
a course: to those who may follow all of it everything, to a learner what is about themself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from resolvers.concerned import EDITED, Burst, EventKind, Told, rights_on
from sync_engine.entries import Entry, Interest, Key

OF_LEARNERS: Final = ("learner.", "attempt.", "due_date.", "certificate.", "submission.")
MANY: Final = 20
"""So many people at once are still told one by one."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who follows a course: `is_whole`, or only what is about themself."""

    member_id: int | None
    is_whole: bool

    def hears_of(self, member_id: int | None) -> bool:
        """Whether what is about this person, or (None) about everybody, is told."""
        return self.is_whole or member_id in {None, self.member_id}


class _OfOneCourse:
    """What both have in common."""

    def __init__(self, kind: str, course_id: int, listener: Listener) -> None:
        self.course_id = course_id
        self.listener = listener
        whose = "" if listener.is_whole else f":{listener.member_id}"
        self.name = f"{kind}:{course_id}{whose}"

    @property
    def watched(self) -> frozenset[Key]:
        own = self.listener.member_id
        return rights_on(self.course_id, () if own is None else (own,))

    @property
    def interest(self) -> Interest:
        """What is about the listener is looked at for the right alone."""
        mine = frozenset(() if self.listener.member_id is None else (self.listener.member_id,))
        return Interest(courses=frozenset({self.course_id}), members=mine)


class OfLearners(_OfOneCourse):
    """The people who learn in a course, for one listener."""

    def __init__(self, course_id: int, listener: Listener) -> None:
        super().__init__("learners", course_id, listener)

    async def take(self, entry: Entry) -> Sequence[Told]:
        if entry.course_id != self.course_id:
            return ()
        if entry.verb == EDITED:
            return [Told(EventKind.COURSE_EDITED, self.course_id)]
        if not entry.verb.startswith(OF_LEARNERS) or not self.listener.hears_of(entry.member_id):
            return ()
        if entry.member_id is None:
            return [Told(EventKind.LEARNERS_CHANGED, self.course_id)]
        return [Told(EventKind.CHANGED, self.course_id, entry.member_id)]

    def burst(self, entry: Entry) -> Burst | None:
        """Of one cause: a call for many people, not what many do at the same time."""
        if not self.listener.is_whole or not self._is_of_somebody(entry):
            return None
        return Burst(
            Told(EventKind.LEARNERS_CHANGED, self.course_id),
            lambda each: self._is_of_somebody(each) and each.cause == entry.cause,
            least=MANY + 1,
        )

    def _is_of_somebody(self, entry: Entry) -> bool:
        is_meant = entry.course_id == self.course_id and entry.member_id is not None
        return is_meant and entry.verb.startswith(OF_LEARNERS)


class OfLiveSessions(_OfOneCourse):
    """The live sessions of a course and who comes to them, for one listener."""

    def __init__(self, course_id: int, listener: Listener) -> None:
        super().__init__("live_sessions", course_id, listener)

    async def take(self, entry: Entry) -> Sequence[Told]:
        live_session_id = _live_session_of(entry)
        if entry.course_id != self.course_id or live_session_id is None:
            return ()
        if entry.verb.startswith("live_session."):
            return [self._told(live_session_id, None)]
        if entry.verb.startswith("registration.") and self.listener.hears_of(entry.member_id):
            return [self._told(live_session_id, entry.member_id)]
        return ()

    def burst(self, entry: Entry) -> Burst | None:
        """Many people of one live session, by one cause."""
        live_session_id = _live_session_of(entry)
        is_meant = entry.verb.startswith("registration.") and self.listener.is_whole
        if not is_meant or live_session_id is None or entry.course_id != self.course_id:
            return None
        return Burst(
            self._told(live_session_id, None),
            lambda each: (
                each.cause == entry.cause
                and each.verb.startswith("registration.")
                and _live_session_of(each) == live_session_id
            ),
            least=MANY + 1,
        )

    def _told(self, live_session_id: int, member_id: int | None) -> Told:
        return Told(EventKind.CHANGED, self.course_id, member_id, live_session_id=live_session_id)


def _live_session_of(entry: Entry) -> int | None:
    detail: Any = entry.detail or {}
    found: int | None = detail.get("liveSessionId")
    return found
