"""Writing what there is as a file: in one order, so that two files of the same differ nowhere."""

import json
from collections.abc import Iterator

from models.segments import SegmentKind
from operations.segment_files.present import Present, PresentSegment
from operations.segment_files.wanted import FORMAT


def written_file(present: Present) -> str:
    """The file of a workspace; reading it names exactly what there is."""
    name = "".join(each if each.isprintable() else " " for each in present.workspace)
    lines = [f"# Segments of {name}, and the courses they are attached to.", f"format = {FORMAT}"]
    for segment in present.segments.values():
        lines += ["", "[[segment]]", *_segment(segment)]
    return "\n".join(lines) + "\n"


def _segment(segment: PresentSegment) -> Iterator[str]:
    yield f"name = {_text(segment.name)}"
    if segment.description:
        yield f"description = {_text(segment.description)}"
    yield f'state = "{segment.state}"'
    if segment.is_usable_by_departments:
        yield "usableByDepartments = true"
    if segment.kind is SegmentKind.RULE:
        yield f"rule = {_literal(segment.rule_text or '')}"
    else:
        yield from _list("people", (_text(name) for name in segment.people.values()))
    yield from _list(
        "courses",
        (
            f'{{title = {_text(title)}, id = {id}, mode = "{segment.modes[id]}"}}'
            for id, title in segment.courses.items()
        ),
    )


def _list(key: str, items: Iterator[str]) -> Iterator[str]:
    found = list(items)
    if not found:
        yield f"{key} = []"
        return
    yield f"{key} = ["
    yield from (f"    {each}," for each in found)
    yield "]"


def _text(text: str) -> str:
    """As a basic string: JSON's escapes are TOML's, but that DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _literal(text: str) -> str:
    """In single quotes, as it is typed, where nothing in it needs an escape."""
    return f"'{text}'" if "'" not in text and text.isprintable() else _text(text)
