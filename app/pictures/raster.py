"""Pictures as PNG, for readers of mail that show no SVG; set by Typst, with the program's fonts."""

from typing import Final

import typst

from app.typesetting import fonts

SHARPNESS: Final = 144
"""Dots per inch: of a page that is shown at half the size, so that fine screens have enough."""

SOURCE: Final = b"""
#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: 480pt)
"""


def png(svg: str) -> bytes:
    """The picture on light ground, 960 dots wide. Takes some milliseconds of one processor,
    outside the interpreter's lock: run it in a thread."""
    compiler = typst.Compiler(
        SOURCE, font_paths=fonts(), ignore_system_fonts=True, sys_inputs={"svg": svg}
    )
    page = compiler.compile(format="png", ppi=SHARPNESS)
    if not isinstance(page, bytes):
        raise TypeError(f"Typst gave a {type(page).__name__} for a PNG.")
    return page
