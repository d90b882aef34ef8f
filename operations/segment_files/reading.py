"""Reading a file: everything that is wrong with it at once, each with its line."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from models.segments import AttachmentMode, SegmentState
from operations.refusals import Refused
from operations.segment_files.lines import Block, blocks_of
from operations.segment_files.wanted import (
    FORMAT,
    LIMITS,
    FileProblem,
    WantedCourse,
    WantedPerson,
    WantedSegment,
)
from operations.wording import name_of, text_of

_KEYS: Final = (
    "name",
    "description",
    "state",
    "usableByDepartments",
    "rule",
    "people",
    "courses",
)
_COURSE_KEYS: Final = ("title", "id", "mode")
_KINDS: Final = {str: "a text", bool: "true or false", list: "a list", int: "a number"}
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)")


def read_file(text: str) -> tuple[list[WantedSegment], list[FileProblem]]:
    """The segments a file names, as far as they can be read, and every problem it has."""
    if len(text) > LIMITS.characters:
        return [], [_of_file(f"The file has {len(text):,} characters; {LIMITS.characters:,} fit.")]
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as unreadable:
        return [], [_unreadable(unreadable)]
    reader = _Reader(text)
    segments = reader.document(document)
    return segments, reader.problems


def _of_file(message: str) -> FileProblem:
    return FileProblem(None, None, message)


def _unreadable(problem: Exception) -> FileProblem:
    said = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
    found = _AT_LINE.search(said)
    line = int(found.group(1)) if found else None
    return FileProblem(line, None, f"This is no TOML: {_AT_LINE.sub('', said).rstrip('.')}.")


class _Reader:
    """One reading of one file that is TOML."""

    def __init__(self, text: str) -> None:
        self.problems: list[FileProblem] = []
        self._text = text
        self._names: dict[str, int | None] = {}
        self._block: Block | None = None
        self._segment: str | None = None

    def document(self, document: Mapping[str, Any]) -> list[WantedSegment]:
        self._refuse_unknown(document, ("format", "segment"), "A file")
        if document.get("format") != FORMAT:
            self._note(f"Say format = {FORMAT} in the first line: no other is known.")
        tables = document.get("segment", [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self._note("Segments are written as [[segment]], each with its keys below.")
            return []
        for noun, most, actual in _sizes(tables):
            if actual > most:
                self._note(f"The file names {actual:,} {noun}; {most:,} can be in one.")
                return []
        blocks = blocks_of(self._text)
        places = blocks if len(blocks) == len(tables) else [None] * len(tables)
        found = [self._table(each, place) for each, place in zip(tables, places, strict=True)]
        return [each for each in found if each is not None]

    def _table(self, table: Mapping[str, Any], block: Block | None) -> WantedSegment | None:
        self._block, self._segment = block, None
        name = self._value(table, "name", str)
        if name is None:
            if "name" not in table:
                self._note("A segment needs a name.")
            return None
        self._segment = name = self._worded(name_of, name, "segment's name", "name")
        self._refuse_unknown(table, _KEYS, "A segment")
        self._refuse_second(name)
        if "rule" in table and "people" in table:
            self._note("A segment follows a rule or names people, not both.", "people")
        description = self._value(table, "description", str)
        if description is not None:
            description = self._worded(text_of, description, "description", "description")
        return WantedSegment(
            name,
            block.line if block else None,
            block.keys if block else {},
            description,
            self._state(table),
            self._value(table, "usableByDepartments", bool),
            self._value(table, "rule", str),
            self._people(table),
            self._courses(table),
        )

    def _worded(self, check: Any, said: str, noun: str, key: str) -> str:
        try:
            return str(check(said, noun))
        except Refused as refused:
            self._note(refused.message, key)
            return said

    def _refuse_second(self, name: str) -> None:
        key = name.lower()
        if key in self._names:
            first = self._names[key]
            where = f", in line {first}" if first else ""
            self._note(f"The file names this segment twice{where} for the first time.", "name")
        self._names.setdefault(key, self._block.line if self._block else None)

    def _state(self, table: Mapping[str, Any]) -> SegmentState | None:
        said = self._value(table, "state", str)
        if said is None:
            return None
        if said not in list(SegmentState):
            states = ", ".join(SegmentState)
            self._note(f"There is no state “{said[:50]}”; there are {states}.", "state")
            return None
        return SegmentState(said)

    def _people(self, table: Mapping[str, Any]) -> tuple[WantedPerson, ...] | None:
        said = self._value(table, "people", list)
        if said is None:
            return None
        found: dict[str, WantedPerson] = {}
        for number, each in enumerate(said):
            line = self._line_of_item("people", number)
            if not isinstance(each, str):
                self._note("People are named by their user names, as texts.", line=line)
            elif each.lower() in found:
                self._note(f"“{each[:200]}” is named twice.", line=line)
            else:
                found[each.lower()] = WantedPerson(each, line)
        return tuple(found.values())

    def _courses(self, table: Mapping[str, Any]) -> tuple[WantedCourse, ...] | None:
        said = self._value(table, "courses", list)
        if said is None:
            return None
        found = [
            self._course(each, self._line_of_item("courses", number))
            for number, each in enumerate(said)
        ]
        return tuple(each for each in found if each is not None)

    def _course(self, said: object, line: int | None) -> WantedCourse | None:
        if isinstance(said, str):
            return WantedCourse(said, None, line)
        if not isinstance(said, dict) or not isinstance(said.get("title"), str):
            message = 'A course is written {title = "…"}, with id = … and mode = "…" beside it.'
            self._note(message, line=line)
            return None
        self._refuse_unknown(said, _COURSE_KEYS, "A course", line=line)
        id = said.get("id")
        if id is not None and (not isinstance(id, int) or isinstance(id, bool)):
            self._note("The id of a course is a number.", line=line)
            return None
        return WantedCourse(said["title"], id, line, self._mode(said.get("mode"), line))

    def _mode(self, said: object, line: int | None) -> AttachmentMode | None:
        if said is not None and said not in list(AttachmentMode):
            modes = ", ".join(AttachmentMode)
            self._note(f"There is no mode “{str(said)[:50]}”; there are {modes}.", line=line)
            return None
        return None if said is None else AttachmentMode(str(said))

    def _value(self, table: Mapping[str, Any], key: str, kind: type) -> Any:
        value = table.get(key)
        if value is not None and type(value) is not kind:
            self._note(f"{key} is {_KINDS[kind]}.", key)
            return None
        return value

    def _refuse_unknown(
        self, table: Mapping[str, Any], known: Iterable[str], noun: str, line: int | None = None
    ) -> None:
        for key in sorted(table.keys() - set(known)):
            keys = ", ".join(known)
            message = f"{noun} has no “{key[:50]}”; it has {keys}."
            self._note(message, key, line=line)

    def _line_of_item(self, key: str, number: int) -> int | None:
        lines = self._block.items.get(key, []) if self._block else []
        return lines[number] if number < len(lines) else self._line_of(key)

    def _line_of(self, key: str) -> int | None:
        return self._block.keys.get(key, self._block.line) if self._block else None

    def _note(self, message: str, key: str = "", *, line: int | None = None) -> None:
        if len(self.problems) < LIMITS.problems:
            where = self._line_of(key) if line is None else line
            self.problems.append(FileProblem(where, self._segment, message))


def _sizes(tables: list[Mapping[str, Any]]) -> Iterable[tuple[str, int, int]]:
    yield "segments", LIMITS.segments, len(tables)
    for key, most in (("people", LIMITS.people), ("courses", LIMITS.courses)):
        lists = (each.get(key) for each in tables)
        yield key, most, sum(len(each) for each in lists if isinstance(each, list))
