"""Reading PDF with a library that has nothing to do with how it was made (PDFium)."""

import unicodedata

import pypdfium2  # type: ignore[import-untyped]
import zxingcpp


def words(pdf: bytes) -> str:
    """The text of a PDF of one page, decomposed, spaces made plain."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    text = unicodedata.normalize("NFKD", document[0].get_textpage().get_text_bounded())
    return " ".join(text.replace("\u200b", "").split())


def title(pdf: bytes) -> str:
    """What the file says it is called."""
    return str(pypdfium2.PdfDocument(pdf).get_metadata_value("Title"))


def ink(pdf: bytes) -> int:
    """How many pixels of the page, at 72 to the inch, are not white."""
    bitmap = pypdfium2.PdfDocument(pdf)[0].render(scale=1, grayscale=True)
    return sum(value < 250 for value in bytes(bitmap.buffer))


def codes(pdf: bytes) -> list[str]:
    """What the square patterns on the page say, read off its picture as a camera would."""
    bitmap = pypdfium2.PdfDocument(pdf)[0].render(scale=3, grayscale=True)
    picture = memoryview(bytes(bitmap.buffer)).cast("B", (bitmap.height, bitmap.stride))
    return [str(each.text) for each in zxingcpp.read_barcodes(picture)]


def size(pdf: bytes) -> tuple[int, int]:
    """Width and height of the page in points."""
    width, height = pypdfium2.PdfDocument(pdf)[0].get_size()
    return round(width), round(height)
