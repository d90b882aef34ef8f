"""Where in the text the parts of a document stand."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(slots=True)
class Place:
    """Where a value of the document stands in the text, and where its parts stand."""

    start: int
    end: int
    parts: dict[str, "Place"] = field(default_factory=dict)

    def at(self, path: str) -> "Place":
        """The place of what a JSON pointer names, or of the nearest thing around it."""
        place = self
        for key in path.split("/")[1:]:
            if key not in place.parts:
                break
            place = place.parts[key]
        return place


Said: TypeAlias = tuple[object, Place]
"""A value of the document, and its place."""


def joined(kind: str, said: list[Said]) -> Said:
    if len(said) == 1:
        return said[0]
    members, place = listed(said)
    return {kind: members}, Place(place.start, place.end, {kind: place})


def listed(said: list[Said]) -> Said:
    parts = {str(number): place for number, (_, place) in enumerate(said)}
    start, end = (said[0][1].start, said[-1][1].end) if said else (0, 0)
    return [value for value, _ in said], Place(start, end, parts)
