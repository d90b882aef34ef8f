"""What a file says there should be."""

from dataclasses import dataclass
from typing import Final

from models.segments import AttachmentMode, SegmentState

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class FileLimits:
    characters: int = 2_000_000
    segments: int = 5_000
    people: int = 50_000
    """People named in all segments together."""
    courses: int = 10_000
    """Attachments of all segments together."""
    problems: int = 100
    """Problems told at once."""


LIMITS: Final = FileLimits()


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing that is wrong with a file, and in which line; None where it is of the whole."""

    line: int | None
    segment: str | None
    message: str


@dataclass(frozen=True, slots=True)
class WantedCourse:
    """A course by its title; the id decides among several of that title. Without a mode the one it
    has stays, and what is attached newly is SYNC."""

    title: str
    id: int | None
    line: int | None
    mode: AttachmentMode | None = None


@dataclass(frozen=True, slots=True)
class WantedPerson:
    user_name: str
    line: int | None


@dataclass(frozen=True, slots=True)
class WantedSegment:
    """One segment. What is None is not spoken of, and stays as it is."""

    name: str
    line: int | None
    lines: dict[str, int]
    """Where each key stands."""
    description: str | None
    state: SegmentState | None
    is_usable_by_departments: bool | None
    rule: str | None
    people: tuple[WantedPerson, ...] | None
    courses: tuple[WantedCourse, ...] | None

    def line_of(self, key: str) -> int | None:
        return self.lines.get(key, self.line)
