"""Pages as PDF, set by Typst from a template of ours.

What is shown goes in as data, which the template puts on the page as text: nothing in it is read
as markup, whoever wrote it. The fonts come with the program, so a page is the same bytes on every
machine, and is PDF/A-2a and PDF/UA-1: archives keep it, and screen readers can read it.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import typst

from operations.wording import storable

_FONTS: Final = ("manimgx_fonts", "manimgx_fonts_cjk")
_ONE_CHARACTER: Final = b"""
#set document(title: "-")
#set text(font: "Noto Sans", lang: "en")
#json(bytes(sys.inputs.data)).character
"""
_LONG_AGO: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

Value = str | None | Sequence["Value"] | Mapping[str, "Value"]
"""What a template is filled with: texts, in lists and under names."""


def typeset(template: Path, data: Mapping[str, Value], *, at: dt.datetime) -> bytes:
    """The PDF of a template (a .typ file) filled with texts; `at` is the date it bears.

    A character that no font has is written as its number, [U+12000]: nothing vanishes. It takes
    some milliseconds of one processor, outside the interpreter's lock: run it in a thread.
    """
    source = template.read_bytes()
    texts = _each(data, storable)
    for spelled_out in (_as_it_is, _without_the_unknown):
        try:
            return _set(source, _each(texts, spelled_out), at)
        except typst.TypstError:
            continue
    return _set(source, _each(texts, _in_ascii), at)


def _set(source: bytes, data: Value, at: dt.datetime) -> bytes:
    compiler = typst.Compiler(
        source,
        root=Path(__file__).parent,
        font_paths=fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data)},
    )
    date = at.astimezone(dt.UTC).replace(microsecond=0)
    page = compiler.compile(format="pdf", pdf_standards=["a-2a", "ua-1"], timestamp=date)
    if not isinstance(page, bytes):
        raise TypeError(f"Typst gave a {type(page).__name__} for a PDF.")
    return page


def _each(value: Value, change: Callable[[str], str]) -> Value:
    """The same with every text changed."""
    match value:
        case None:
            return None
        case str():
            return change(value)
        case Mapping():
            return {name: _each(each, change) for name, each in value.items()}
        case _:
            return [_each(each, change) for each in value]


def _as_it_is(text: str) -> str:
    return text


def _without_the_unknown(text: str) -> str:
    return "".join(each if _can_be_shown(each) else _number_of(each) for each in text)


def _in_ascii(text: str) -> str:
    """For when it depends on its neighbors whether a character can be shown."""
    return "".join(each if " " <= each <= "~" else _number_of(each) for each in text)


def _number_of(character: str) -> str:
    return f"[U+{ord(character):04X}]"


@lru_cache(maxsize=4096)
def _can_be_shown(character: str) -> bool:
    try:
        _set(_ONE_CHARACTER, {"character": f"x{character}x"}, _LONG_AGO)
    except typst.TypstError:
        return False
    return True


@cache
def fonts() -> typst.Fonts:
    """The fonts of the program, and no others."""
    folders = [str(files(package)) for package in _FONTS]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
