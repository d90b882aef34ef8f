"""The page of a certificate. It is made anew whenever it is asked for, from nothing but what was
frozen when it was issued, and always the same; except that one that ended says so."""

import datetime as dt
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import segno

from app.certificates.verifying import address_of
from app.typesetting import typeset
from models.certificates import CertificateState

TEMPLATE: Final = Path(__file__).with_name("certificate.typ")
QUIET_ZONE: Final = 2


def page_of(
    printed: Mapping[str, Any],
    *,
    code: str,
    state: CertificateState,
    issued_at: dt.datetime,
    public_url: str,
) -> bytes:
    """The PDF. Takes some milliseconds: run it in a thread."""
    page = printed["page"]
    address = address_of(public_url, code)
    data = {
        **page,
        "language": page["language"].partition("-")[0].lower(),
        "title": f"{page['heading']}: {printed['learnerName']}, {printed['courseTitle']}",
        "serial": printed["serial"],
        "address": address,
        "address-shown": address.partition("://")[2],
        "qr": _qr(address),
        "qr-says": address,
        "mark": None if state is CertificateState.ISSUED else state.value,
    }
    return typeset(TEMPLATE, data, at=issued_at)


def _qr(address: str) -> str:
    """The address for a camera, as SVG; a quarter of it may be unreadable."""
    drawing = io.BytesIO()
    code = segno.make(address, error="q", micro=False, boost_error=False)
    code.save(drawing, kind="svg", border=QUIET_ZONE, xmldecl=False, svgns=True)
    return drawing.getvalue().decode()
