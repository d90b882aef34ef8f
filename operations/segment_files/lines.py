"""In which line of a TOML text its parts stand; the standard library's reader does not tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}'''
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'"""
    r"""|\#[^\n]*|\n|[\[\]{},=]|[^\s\[\]{},=\#"']+""",
    re.DOTALL,
)
_TABLE: Final = ["[", "[", "segment", "]", "]"]


@dataclass(slots=True)
class Block:
    """One `[[segment]]`: its line, those of its keys, and those of the items of its lists."""

    line: int
    keys: dict[str, int] = field(default_factory=dict)
    items: dict[str, list[int]] = field(default_factory=dict)


def blocks_of(text: str) -> list[Block]:
    """The segments of a text that was read already, in order. A text that writes them otherwise
    than as `[[segment]]` has none."""
    blocks: list[Block] = []
    current: Block | None = None
    for statement in _statements(text):
        words = [word.strip("\"'") for word, _ in statement]
        line = statement[0][1]
        if words[0] == "[":
            current = None
            if words == _TABLE:
                current = Block(line)
                blocks.append(current)
        elif current is not None and "=" in words:
            key = "".join(words[: words.index("=")])
            current.keys[key] = line
            current.items[key] = list(_items(statement[words.index("=") + 1 :]))
    return blocks


def _statements(text: str) -> Iterator[list[tuple[str, int]]]:
    """The words of each header and each key with its value; a value may run over several lines."""
    words: list[tuple[str, int]] = []
    depth, line, has_key = 0, 1, False
    for found in _TOKEN.finditer(text):
        word = found.group()
        if word == "\n":
            if words and (depth == 0 or not has_key):
                yield words
                words, depth, has_key = [], 0, False
        elif not word.startswith("#"):
            words.append((word, line))
            has_key = has_key or word == "="
            depth += (word in "[{") - (word in "]}")
        line += word.count("\n")
    if words:
        yield words


def _items(value: list[tuple[str, int]]) -> Iterator[int]:
    """The lines in which the items of a list begin."""
    depth, is_next = 0, False
    for word, line in value:
        if word in "]}":
            depth -= 1
        elif depth == 1 and is_next:
            yield line
            is_next = False
        if word in "[{":
            depth += 1
            is_next = is_next or depth == 1
        elif word == "," and depth == 1:
            is_next = True
