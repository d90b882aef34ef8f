"""What a file is by its bytes, where it is not what it is called; with what to do instead."""

from typing import Final

from app.workbooks.reading.limits import AS_XLSX, unreadable, unsupported
from models.jobs import FileFormat
from operations.refusals import Refused

HEAD: Final = 8
"""Bytes that say what a file is."""

_ZIP: Final = b"PK\x03\x04"
_OLD: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_OTHERS: Final = {
    b"%PDF": "a PDF: it shows a table, and has none",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "packed with gzip: unpack it first",
    b"{\\rtf": "a text document",
}


def refusal_of_head(head: bytes, format: FileFormat) -> Refused | None:
    """Why a file that begins so is not read as this; None if it may be."""
    if not head:
        return unreadable("The file is empty: it has no titles and no rows.")
    if head.startswith(_OLD):
        return unsupported(
            "This is an Excel file of before 2007 (.xls), or one that a password protects. Open it"
            f" in Excel, take the password away, and save it anew. {AS_XLSX}"
        )
    for sign, what in _OTHERS.items():
        if head.startswith(sign):
            return unsupported(f"This is {what}. {AS_XLSX}")
    is_zip = head.startswith((_ZIP, _EMPTY_ZIP))
    if format is FileFormat.CSV and is_zip:
        return unsupported(
            "This is called CSV, and is a workbook or an archive. If it is an Excel workbook, bring"
            f" it under a name that ends with .xlsx. {AS_XLSX}"
        )
    if format is FileFormat.XLSX and not is_zip:
        return unsupported(
            "This is called .xlsx, and is no Excel workbook. If it is CSV, bring it under a name"
            f" that ends with .csv. {AS_XLSX}"
        )
    return None


def refusal_of_parts(names: set[str], mimetype: bytes) -> Refused | None:
    """The same of an archive with these parts; `mimetype` is what its part of that name says."""
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        return unsupported(f"This is an OpenDocument file (.ods). {AS_XLSX}")
    if any(each.startswith("Index/") or each == "Index.zip" for each in names):
        return unsupported(f"This is a Numbers file. Export it from there. {AS_XLSX}")
    if "xl/workbook.bin" in names:
        return unsupported(f"This is a binary workbook (.xlsb). {AS_XLSX}")
    if "[Content_Types].xml" not in names or not any(each.startswith("xl/") for each in names):
        return unsupported(f"This is an archive without a workbook in it. {AS_XLSX}")
    return None
