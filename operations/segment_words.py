"""What is said of a segment: to the journal, and to whom something is refused."""

from models.base import Json
from models.segments import Segment
from operations.refusals import Code, Refused


def said(segment: Segment) -> Json:
    return {
        "name": segment.name,
        "description": segment.description,
        "state": segment.state,
        "version": segment.version,
        "rule": segment.rule,
        "isUsableByDepartments": segment.is_usable_by_departments,
    }


def name_taken(name: str) -> Refused:
    return Refused(Code.NAME_TAKEN, f"There is a segment “{name}” already.")


def wrong_state(segment: Segment, verb: str) -> Refused:
    return Refused(
        Code.SEGMENT_STATE,
        f"“{segment.name}” is {segment.state.value}; it cannot be {verb}.",
        {"state": segment.state},
    )
