"""A change of a segment that somebody thinks about."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.base import Json
from models.segments import AttachmentMode
from operations.refusals import Code, Refused


class SegmentChangeKind(StrEnum):
    """What would be done. CREATE: a rule is not saved yet; on a course, if one is said."""

    CREATE = "CREATE"
    EDIT_RULE = "EDIT_RULE"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    ATTACH = "ATTACH"
    DETACH = "DETACH"
    CHANGE_MODE = "CHANGE_MODE"
    DELETE = "DELETE"


ON_A_COURSE: Final = frozenset(
    {SegmentChangeKind.ATTACH, SegmentChangeKind.DETACH, SegmentChangeKind.CHANGE_MODE}
)
WITH_A_RULE: Final = frozenset({SegmentChangeKind.CREATE, SegmentChangeKind.EDIT_RULE})


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """One change. `rule` is text or document as it was given; once read, the canonical document.
    `mode` is the one that would begin."""

    kind: SegmentChangeKind
    segment_id: int | None = None
    course_id: int | None = None
    rule: str | Json | None = None
    mode: AttachmentMode | None = None

    @property
    def digest(self) -> str:
        """The same for the same change, of a canonical document."""
        said = [self.kind.value, self.segment_id, self.course_id, self.rule, self.mode]
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self) -> None:
        """Raises Refused where something is missing, or does not belong to such a change."""
        is_creation = self.kind is SegmentChangeKind.CREATE
        is_of_mode = self.kind is SegmentChangeKind.CHANGE_MODE
        for said, name, is_needed, is_possible in (
            (self.segment_id, "segmentId", not is_creation, not is_creation),
            (
                self.course_id,
                "courseId",
                self.kind in ON_A_COURSE,
                is_creation or self.kind in ON_A_COURSE,
            ),
            (self.rule, "rule", self.kind in WITH_A_RULE, self.kind in WITH_A_RULE),
            (self.mode, "mode", is_of_mode, is_of_mode),
        ):
            if said is None and is_needed:
                raise _misfit(f"A change {self.kind} needs {name}.", name)
            if said is not None and not is_possible:
                raise _misfit(f"A change {self.kind} has no {name}.", name)


def _misfit(message: str, argument: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message, {"argument": argument})
