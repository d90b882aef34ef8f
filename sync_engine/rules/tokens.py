"""The words of a rule's text, each with its place. Every character of the text is in exactly one
token or is space between two."""

import re
from enum import Enum, auto
from typing import Final, NamedTuple


class Kind(Enum):
    WORD = auto()
    TEXT = auto()
    NUMBER = auto()
    OPEN = auto()
    CLOSE = auto()
    OPEN_LIST = auto()
    CLOSE_LIST = auto()
    COMMA = auto()
    STRANGE = auto()
    END = auto()


class Token(NamedTuple):
    """Offsets in characters; `end` is excluded."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind is Kind.WORD and self.text.lower() in words


_TOKEN: Final = re.compile(
    r"""(?P<TEXT>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<NUMBER>-?[0-9][\w.+-]*)
      | (?P<WORD>[^\W\d][\w.:+-]*)
      | (?P<OPEN>\() | (?P<CLOSE>\)) | (?P<OPEN_LIST>\[) | (?P<CLOSE_LIST>\]) | (?P<COMMA>,)
      | (?P<SPACE>\s+)
      | (?P<STRANGE>"[^\n]*|.)""",
    re.VERBOSE | re.DOTALL,
)


def tokens_of(text: str) -> list[Token]:
    """All tokens, the last of kind END."""
    tokens = [
        Token(Kind[found.lastgroup], found.group(), found.start(), found.end())
        for found in _TOKEN.finditer(text)
        if found.lastgroup is not None and found.lastgroup != "SPACE"
    ]
    return [*tokens, Token(Kind.END, "", len(text), len(text))]
