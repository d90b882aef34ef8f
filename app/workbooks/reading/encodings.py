"""Which encoding a text is in, and why it is taken for that: what the first bytes say, else UTF-8
if it is that to the last byte, else UTF-16 if every other byte is empty. Only what is none of
these is guessed, by the detector that Firefox has."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from chardetng_py import EncodingDetector  # type: ignore[import-untyped]

from app.workbooks.reading.limits import AS_CSV, PIECE, unreadable
from operations.refusals import Refused


class Encoding(NamedTuple):
    """`codec` is Python's name, `name` what people call it."""

    codec: str
    name: str
    reason: str


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_WIDER: Final = {
    "Shift_JIS": "cp932",
    "EUC-KR": "cp949",
    "GBK": "gb18030",
    "Big5": "big5hkscs",
    "ISO-8859-8-I": "iso8859-8",
    "windows-874": "cp874",
}
"""Python's codecs for what browsers call so."""

_BY_MARK: Final = "its first bytes say so"
_ALMOST: Final = 3
"""So many letters of UTF-8 for each byte that is none: it is UTF-8 that was damaged."""


def encoding_of(path: Path) -> Encoding:
    """Raises UNREADABLE_FILE for what is no text in any of them."""
    with path.open("rb") as file:
        head = file.read(PIECE)
    for mark, codec, name in _MARKS:
        if head.startswith(mark):
            return _checked(path, Encoding(codec, name, _BY_MARK))
    if (wide := _wide(head)) is not None:
        return _checked(path, wide)
    problem = _problem(path, "utf-8")
    if problem is None:
        return Encoding("utf-8", "UTF-8", "every byte of it is")
    if _problem(path, "utf-8", "surrogatepass") is None or _is_almost_utf_8(path):
        raise problem
    name = _guessed(path)
    return _checked(path, Encoding(_WIDER.get(name, name), name, "its letters look like that"))


def _wide(head: bytes) -> Encoding | None:
    """UTF-16 without a mark, as far as Latin letters show it."""
    even, odd, length = head[0::2].count(0), head[1::2].count(0), len(head)
    if 3 * (even + odd) < length or min(even, odd) > max(even, odd) / 20:
        return None
    codec = "utf-16-le" if odd > even else "utf-16-be"
    return Encoding(codec, "UTF-16", "every other byte of it is empty")


def _checked(path: Path, encoding: Encoding) -> Encoding:
    problem = _problem(path, encoding.codec)
    if problem is None:
        return encoding
    raise unreadable(
        f"The text is taken for {encoding.name}, because {encoding.reason}; but"
        f" {problem.details['what']} in line {problem.details['line']:,}. {AS_CSV}",
        line=problem.details["line"],
    )


def _problem(path: Path, codec: str, errors: str = "strict") -> Refused | None:
    """What is wrong with the text, read so."""
    decoder, line = codecs.getincrementaldecoder(codec)(errors), 1
    for piece, is_last in _pieces(path):
        try:
            text = decoder.decode(piece, final=is_last)
        except UnicodeDecodeError as problem:
            before = problem.object[: problem.start].decode(codec, "ignore")
            return _at(line + _lines(before), "a byte means nothing")
        if "\0" in text:
            return _at(line + _lines(text[: text.index("\0")]), "the character NUL stands")
        line += _lines(text)
    return None


def _at(line: int, what: str) -> Refused:
    message = f"In line {line:,} {what}, so this is no text in UTF-8. {AS_CSV}"
    return unreadable(message, line=line, what=what)


def _lines(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _is_almost_utf_8(path: Path) -> bool:
    """Whether few bytes are wrong among many letters that are right, or it holds NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    bad = good = 0
    for piece, is_last in _pieces(path):
        text = decoder.decode(piece, final=is_last)
        if "\0" in text:
            return True
        wrong = text.count("\ufffd")
        bad, good = bad + wrong, good + _beyond_ascii(text) - wrong
    return good >= _ALMOST * bad


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _guessed(path: Path) -> str:
    detector = EncodingDetector()
    for piece, is_last in _pieces(path):
        detector.feed(piece, last=is_last)
    return str(detector.guess(tld=None, allow_utf8=False))


def _pieces(path: Path) -> Iterator[tuple[bytes, bool]]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece, False
    yield b"", True
