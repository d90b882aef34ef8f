"""What the certificates of a course say and look like. Every change is a new version; a version is
never changed, so what was issued under it stays explainable.

Version 0 is the product's own, for courses nobody has written one for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.certificates import CertificateTemplate
from models.journal import record
from operations import courses
from operations.certificates.substitution import Problem, problems_in
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import text_of

LONGEST_HEADING: Final = 120
LONGEST_TEXT: Final = 1_500
LONGEST_NAME: Final = 120
MOST_SIGNATURES: Final = 3
LEAST_CONTRAST: Final = 3.0
"""Against the white of the paper, for large letters (WCAG 2.2, 1.4.3)."""

_COLOR: Final = re.compile(r"#[0-9a-f]{6}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")


class Orientation(StrEnum):
    """How the page is held."""

    LANDSCAPE = "LANDSCAPE"
    PORTRAIT = "PORTRAIT"


@dataclass(frozen=True, slots=True)
class Signature:
    """Somebody who stands for the certificate, and as what."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Content:
    """One version. `text` has paragraphs, with empty lines between them; one that is nothing but
    the learner's name, or the title of the course, is set large. `accent` is a color as #rrggbb.
    `language` is a BCP 47 tag: of the page, and of the dates on it."""

    heading: str
    text: str
    signatures: tuple[Signature, ...]
    accent: str
    orientation: Orientation
    language: str

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Content":
        """As it was stored."""
        signatures = tuple(Signature(**each) for each in stored["signatures"])
        orientation = Orientation(stored["orientation"])
        return cls(**{**stored, "signatures": signatures, "orientation": orientation})


DEFAULT: Final = Content(
    heading="Certificate of completion",
    text="{{learnerName}}\n\nhas completed\n\n{{courseTitle}}\n\non {{completedOn}}.",
    signatures=(),
    accent="#1257a8",
    orientation=Orientation.LANDSCAPE,
    language="en",
)


async def newest(db: AsyncSession, *, workspace_id: int, course_id: int) -> tuple[int, Content]:
    """The version that is printed now, and its number."""
    row = await db.scalar(
        select(CertificateTemplate)
        .where(
            CertificateTemplate.workspace_id == workspace_id,
            CertificateTemplate.course_id == course_id,
        )
        .order_by(CertificateTemplate.version.desc())
        .limit(1)
    )
    return (0, DEFAULT) if row is None else (row.version, Content.of(row.content))


async def edit(
    db: AsyncSession, *, by: Caller, course_id: int, changes: Mapping[str, Any]
) -> tuple[int, Content]:
    """A new version, with what `changes` (fields of `Content`) say and the rest as before.

    Raises INVALID_TEMPLATE with every problem at once. Where nothing is different there is no new
    version. Certificates that were issued stay as they are.
    """
    course = await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.EDIT_COURSE_INFO, course_id=course_id)
    version, before = await newest(db, workspace_id=by.workspace_id, course_id=course_id)
    after = changed(before, changes)
    if after == before:
        return version, before
    db.add(
        CertificateTemplate(
            course_id=course.id,
            version=version + 1,
            workspace_id=by.workspace_id,
            content=asdict(after),
            created_by_id=by.member_id,
        )
    )
    record(
        db,
        by=by,
        verb="certificate_template.edited",
        course_id=course_id,
        before={"version": version},
        after={"version": version + 1, **_different(before, after)},
    )
    return version + 1, after


async def drafted(
    db: AsyncSession, *, by: Caller, course_id: int, changes: Mapping[str, Any]
) -> tuple[Course, Content]:
    """What `edit` would make of the newest version, for whoever may edit; nothing is stored."""
    course = await courses.seen(db, by=by, course_id=course_id)
    await require(db, by, Permission.EDIT_COURSE_INFO, course_id=course_id)
    _, before = await newest(db, workspace_id=by.workspace_id, course_id=course_id)
    return course, changed(before, changes)


def changed(before: Content, changes: Mapping[str, Any]) -> Content:
    """The content with these fields instead; raises INVALID_TEMPLATE with every problem."""
    after = replace(before, **{**changes, **_tidied(changes)})
    problems = [
        *_of_text("heading", after.heading, LONGEST_HEADING, is_one_line=True),
        *_of_text("text", after.text, LONGEST_TEXT),
        *_of_signatures(after.signatures),
        *_of_accent(after.accent),
        *_of_language(after.language),
    ]
    if problems:
        raise Refused(
            Code.INVALID_TEMPLATE,
            " ".join(each.message for each in problems),
            {"problems": [asdict(each) for each in problems]},
        )
    return after


def _tidied(changes: Mapping[str, Any]) -> dict[str, Any]:
    tidy: dict[str, Any] = {}
    if "accent" in changes:
        tidy["accent"] = changes["accent"].strip().lower()
    if "signatures" in changes:
        tidy["signatures"] = tuple(changes["signatures"])
    for name in ("heading", "text", "language"):
        if name in changes:
            tidy[name] = changes[name].strip()
    return tidy


def _of_text(argument: str, value: str, limit: int, *, is_one_line: bool = False) -> list[Problem]:
    noun = argument.split(".", maxsplit=1)[0]
    if not value:
        return [Problem(argument, f"The {noun} is empty.", 0, 0)]
    try:
        text_of(value, noun, limit)
    except Refused as refused:
        return [Problem(argument, refused.message, 0, len(value))]
    if is_one_line and "\n" in value:
        start = value.index("\n")
        return [Problem(argument, f"The {noun} is one line.", start, start + 1)]
    return problems_in(argument, value)


def _of_signatures(signatures: Sequence[Signature]) -> list[Problem]:
    if len(signatures) > MOST_SIGNATURES:
        message = f"There is room for {MOST_SIGNATURES} signatures; these are {len(signatures)}."
        return [Problem("signatures", message, 0, 0)]
    return [
        problem
        for place, each in enumerate(signatures)
        for part, value in (("name", each.name), ("title", each.title))
        for problem in _of_text(f"signatures.{place}.{part}", value, LONGEST_NAME, is_one_line=True)
    ]


def _of_accent(accent: str) -> list[Problem]:
    if not _COLOR.fullmatch(accent):
        message = f"“{accent[:20]}” is no color; write six digits, such as #1257a8."
        return [Problem("accent", message, 0, len(accent))]
    contrast = contrast_with_white(accent)
    if contrast >= LEAST_CONTRAST:
        return []
    message = (
        f"{accent} is too light to be read on white: its contrast is {contrast:.1f} to 1, and"
        f" {LEAST_CONTRAST:.0f} to 1 are needed. Take a darker color."
    )
    return [Problem("accent", message, 0, len(accent))]


def _of_language(language: str) -> list[Problem]:
    if _LANGUAGE.fullmatch(language) and is_language(language):
        return []
    message = f"“{language[:20]}” is no language dates can be written in; write en, sv or pt-BR."
    return [Problem("language", message, 0, len(language))]


def is_language(tag: str) -> bool:
    """Whether dates can be written in it."""
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


def contrast_with_white(color: str) -> float:
    """The ratio WCAG defines, 1 for white and 21 for black."""
    parts = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _different(before: Content, after: Content) -> dict[str, Any]:
    was, now = asdict(before), asdict(after)
    return {name: now[name] for name in now if now[name] != was[name]}
