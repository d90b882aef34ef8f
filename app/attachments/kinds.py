"""Which kinds of files modules can have. The name says which it claims to be, the first bytes
whether it is; nothing is taken that a browser would run."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import puremagic

from operations.refusals import Code, Refused

HEAD: Final = 8_192
"""Bytes that are looked at to know what a file is."""

PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is given out as. `signs` are endings of which one must be recognized in the
    bytes; without any, the bytes must be text. `is_shown`: a browser may show it in a page."""

    media_type: str
    signs: frozenset[str] = frozenset()
    is_shown: bool = False

    @property
    def is_text(self) -> bool:
        return not self.signs


def _kind(media_type: str, *signs: str, is_shown: bool = False) -> FileKind:
    return FileKind(media_type, frozenset(signs), is_shown)


_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_OPEN: Final = "application/vnd.oasis.opendocument"

KINDS: Final[Mapping[str, FileKind]] = {
    ".png": _kind("image/png", ".png", is_shown=True),
    ".jpg": _kind("image/jpeg", ".jpg", is_shown=True),
    ".jpeg": _kind("image/jpeg", ".jpg", is_shown=True),
    ".gif": _kind("image/gif", ".gif", is_shown=True),
    ".webp": _kind("image/webp", ".webp", is_shown=True),
    ".mp4": _kind("video/mp4", ".mp4", is_shown=True),
    ".webm": _kind("video/webm", ".webm", is_shown=True),
    ".mp3": _kind("audio/mpeg", ".mp3", ".mpga", is_shown=True),
    ".m4a": _kind("audio/mp4", ".m4a", ".mp4", is_shown=True),
    ".ogg": _kind("audio/ogg", ".ogg", is_shown=True),
    ".wav": _kind("audio/wav", ".wav", is_shown=True),
    ".pdf": _kind("application/pdf", ".pdf"),
    ".zip": _kind("application/zip", ".zip"),
    ".docx": _kind(f"{_OFFICE}.wordprocessingml.document", ".docx"),
    ".pptx": _kind(f"{_OFFICE}.presentationml.presentation", ".pptx"),
    ".xlsx": _kind(f"{_OFFICE}.spreadsheetml.sheet", ".xlsx"),
    ".odt": _kind(f"{_OPEN}.text", ".odt", ".zip"),
    ".odp": _kind(f"{_OPEN}.presentation", ".odp", ".zip"),
    ".ods": _kind(f"{_OPEN}.spreadsheet", ".ods", ".zip"),
    ".txt": _kind(PLAIN),
    ".md": _kind(PLAIN),
    ".csv": _kind("text/csv; charset=utf-8"),
}

SHOWN: Final = frozenset(each.media_type for each in KINDS.values() if each.is_shown)


def kind_of(file_name: str) -> FileKind:
    """What a file of this name claims to be. Raises UNSUPPORTED_FILE."""
    kind = KINDS.get(PurePath(file_name).suffix.lower())
    if kind is None:
        raise Refused(
            Code.UNSUPPORTED_FILE,
            f"Files like “{file_name[-40:]}” are not taken; there are {' '.join(KINDS)}.",
            {"argument": "name"},
        )
    return kind


class Looking:
    """Looks at the bytes of a file as they come, whether they are what its name says."""

    def __init__(self, kind: FileKind, file_name: str) -> None:
        self._kind = kind
        self._file_name = file_name
        self._head = b""
        self._is_known = False
        self._text = codecs.getincrementaldecoder("utf-8")()

    def see(self, piece: bytes, *, is_last: bool = False) -> None:
        """Raises UNSUPPORTED_FILE as soon as they are not."""
        if self._kind.is_text:
            self._see_text(piece, is_last=is_last)
        elif not self._is_known:
            self._head += piece[: HEAD - len(self._head)]
            if len(self._head) >= HEAD or is_last:
                self._recognize()

    def _see_text(self, piece: bytes, *, is_last: bool) -> None:
        try:
            self._text.decode(piece, final=is_last)
        except UnicodeDecodeError:
            raise self._refused("not text in UTF-8") from None
        if b"\0" in piece:
            raise self._refused("not text: it holds NUL")

    def _recognize(self) -> None:
        try:
            found = {each.extension for each in puremagic.magic_string(self._head)}
        except (puremagic.PureError, ValueError):
            found = set()
        if found.isdisjoint(self._kind.signs):
            raise self._refused(f"no {self._kind.media_type}")
        self._is_known = True

    def _refused(self, what: str) -> Refused:
        return Refused(
            Code.UNSUPPORTED_FILE,
            f"“{self._file_name[-40:]}” is {what}, whatever its name says.",
            {"argument": "name"},
        )
