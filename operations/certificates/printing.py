"""What stands on a certificate, word by word, frozen when it is issued."""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_percent

from operations.certificates.substitution import filled, only_variable_in
from operations.certificates.templates import Content

NOTHING: Final = "–"
"""What stands for a value there is none of."""

PLAIN: Final = "plain"
SET_LARGE: Final = {"learnerName": "name", "courseTitle": "course"}

_EMPTY_LINES: Final = re.compile(r"\n\s*\n")
_REORDERING: Final = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate is about. `score` is in percent."""

    learner_name: str
    course_title: str
    workspace_name: str
    completed_on: dt.date
    issued_on: dt.date
    expires_on: dt.date | None
    score: Decimal | None
    serial: str


def serial_text(slug: str, number: int) -> str:
    """A number as people read it: ACME-000123."""
    return f"{slug.upper()}-{number:06}"


def printed(content: Content, facts: Facts) -> dict[str, Any]:
    """All that the page shows, and beside it what the public may learn."""
    values = _values(content.language, facts)
    return {
        **values,
        "issuedDate": facts.issued_on.isoformat(),
        "expiresDate": facts.expires_on.isoformat() if facts.expires_on else None,
        "page": {
            "heading": _one_line(filled(content.heading, values)),
            "paragraphs": _paragraphs(content.text, values),
            "signatures": [
                {name: _one_line(filled(text, values)) for name, text in asdict(each).items()}
                for each in content.signatures
            ],
            "accent": content.accent,
            "orientation": content.orientation.value,
            "language": content.language,
        },
    }


def _values(language: str, facts: Facts) -> dict[str, str]:
    locale = Locale.parse(language, sep="-")

    def day(on: dt.date | None) -> str:
        return NOTHING if on is None else format_date(on, format="long", locale=locale)

    score = NOTHING
    if facts.score is not None:
        score = format_percent(facts.score / 100, locale=locale, decimal_quantization=False)
    values: Mapping[str, str] = {
        "learnerName": facts.learner_name,
        "courseTitle": facts.course_title,
        "workspaceName": facts.workspace_name,
        "completedOn": day(facts.completed_on),
        "issuedOn": day(facts.issued_on),
        "expiresOn": day(facts.expires_on),
        "score": score,
        "serial": facts.serial,
    }
    return {name: _one_line(text) for name, text in values.items()}


def _paragraphs(text: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    paragraphs = [each.strip() for each in _EMPTY_LINES.split(text)]
    return [
        {
            "style": SET_LARGE.get(only_variable_in(each) or "", PLAIN),
            "text": filled(each, values),
        }
        for each in paragraphs
        if each
    ]


def _one_line(text: str) -> str:
    """Without line breaks and other control characters, and without those that would turn round
    what stands beside them."""
    plain = "".join(
        " " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each
        for each in _REORDERING.sub("", text)
    )
    return " ".join(plain.split())
