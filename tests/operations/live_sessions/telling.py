"""The story of the seats of one live session, told without a database."""

from dataclasses import dataclass, field
from typing import Final

CAPACITIES: Final = (1, 1, 2, 2, 3, None)


@dataclass
class Told:
    """Who has a seat, and who waits, in order; `most` is how many may have one: more than the
    capacity only as somebody said aloud, or after it was lowered."""

    capacity: int | None
    has_waitlist: bool = True
    is_ahead: bool = True
    is_canceled: bool = False
    booked: set[str] = field(default_factory=set)
    waiting: list[str] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)
    said: int = 0

    @property
    def has_room(self) -> bool:
        return self.capacity is None or len(self.booked) < self.capacity

    @property
    def most(self) -> int:
        return 1_000 if self.capacity is None else max(self.capacity, self.said)

    def register(self, name: str) -> None:
        if self.is_ahead and name not in self.outside:
            self._fill()
            self._come(name)

    def place(self, name: str, *, overbook: bool) -> None:
        if self.is_canceled:
            return
        self._fill()
        if name in self.outside or name in self.booked:
            return
        if overbook or (self.has_room and not self.is_ahead):
            self.waiting = [each for each in self.waiting if each != name]
            self.booked.add(name)
            self.said = max(self.said, len(self.booked))
        elif self.is_ahead:
            self._come(name)

    def give_back(self, name: str) -> None:
        if self.is_ahead and name not in self.outside and self._is_coming(name):
            self._leave(name)

    def remove(self, name: str) -> None:
        if not self.is_canceled:
            self._leave(name)

    def release(self) -> None:
        """Whoever has left the course leaves the live session, if it is ahead."""
        gone = {each for each in self.outside if self._is_coming(each)}
        if self.is_ahead and gone:
            self.booked -= gone
            self.waiting = [each for each in self.waiting if each not in gone]
            self._fill()

    def resize(self, capacity: int | None) -> None:
        if self.is_ahead and capacity != self.capacity:
            self.said = max(self.said, len(self.booked))
            self.capacity = capacity
            self._fill()

    def let_wait(self, is_on: bool) -> None:
        if self.is_ahead and is_on is not self.has_waitlist:
            self.has_waitlist = is_on
            self._fill()

    def begin(self) -> None:
        self.is_ahead = False

    def cancel(self) -> None:
        if not self.is_canceled:
            self.is_ahead, self.is_canceled = False, True
            self.booked, self.waiting = set(), []

    def _is_coming(self, name: str) -> bool:
        return name in self.booked or name in self.waiting

    def _come(self, name: str) -> None:
        if name in self.booked:
            return
        if self.has_room:
            self.waiting = [each for each in self.waiting if each != name]
            self.booked.add(name)
        elif self.has_waitlist and name not in self.waiting:
            self.waiting.append(name)

    def _leave(self, name: str) -> None:
        self.booked.discard(name)
        self.waiting = [each for each in self.waiting if each != name]
        self._fill()

    def _fill(self) -> None:
        """Whoever has left is passed over."""
        for name in [each for each in self.waiting if each not in self.outside]:
            if self.is_ahead and self.has_room:
                self.waiting.remove(name)
                self.booked.add(name)
