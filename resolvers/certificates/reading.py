"""Certificates: found, listed, and what they say; their templates; and what strangers learn."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.certificates import Certificate, CertificateState, CertificateTemplate
from models.people import Member
from operations.certificates import reading, sampling, templates
from operations.certificates.reading import Verified
from operations.certificates.substitution import VARIABLES
from operations.certificates.templates import DEFAULT, Content, Orientation, Signature
from resolvers.certificates.drafts import SignatureToPrint, changes_given
from resolvers.context import Context
from resolvers.ids import encode, number_of
from resolvers.listing import Listing, listed
from resolvers.references import Reference, refer
from resolvers.rows import members_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

MOST_OF_A_LEARNER: Final = 50
NEWEST: Final = ((-Certificate.id).label("newest"),)


@dataclass(frozen=True, slots=True)
class Template:
    """One version of what the certificates of a course say."""

    course_id: int
    version: int
    heading: str
    text: str
    signatures: tuple[Signature, ...]
    accent: str
    orientation: Orientation
    language: str

    @classmethod
    def of(cls, course_id: int, version: int, content: Content) -> "Template":
        return cls(
            course_id,
            version,
            content.heading,
            content.text,
            content.signatures,
            content.accent,
            content.orientation,
            content.language,
        )


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that can stand between double braces."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a certificate would say, with values nobody has."""

    course_id: int
    heading: str
    paragraphs: Sequence[str]
    signatures: tuple[Signature, ...]
    serial: str


def _about(row: Certificate, caller: Caller) -> Reference:
    facts = frozenset({"is_self"}) if row.member_id == caller.member_id else frozenset[str]()
    return Reference(Scope.COURSE, row.course_id, facts)


refer(Certificate, _about)
refer(Template, lambda row, _: Reference(Scope.COURSE, row.course_id))
refer(Preview, lambda row, _: Reference(Scope.COURSE, row.course_id))


async def verify_certificate_by_code(info: Info, *, code: str) -> Verified | None:
    async with info.context.read() as db:
        return await reading.verify(db, code=code, at=dt.datetime.now(dt.UTC))


async def of_viewer(
    root: Parent, info: Info, *, first: int | None = None, after: str | None = None
) -> Listing:
    return await listed(
        info.context,
        reading.own(info.context.signed_in),
        order=NEWEST,
        first=first,
        after=after,
        name="certificates",
    )


def state(root: Parent) -> CertificateState:
    return reading.state_at(root, dt.datetime.now(dt.UTC))


def ended_at(root: Parent) -> dt.datetime | None:
    """When it ended; of one that has expired, whether or not the row says so, when it did."""
    if root.ended_at is None and reading.has_expired(root, dt.datetime.now(dt.UTC)):
        expired_at: dt.datetime = root.expires_at
        return expired_at
    ended: dt.datetime | None = root.ended_at
    return ended


def serial(root: Parent) -> str:
    return str(root.printed["serial"])


def learner_name(root: Parent) -> str:
    return str(root.printed["learnerName"])


def course_title(root: Parent) -> str:
    return str(root.printed["courseTitle"])


def issued_on(root: Parent) -> dt.date:
    return dt.date.fromisoformat(root.printed["issuedDate"])


def expires_on(root: Parent) -> dt.date | None:
    last = root.printed["expiresDate"]
    return None if last is None else dt.date.fromisoformat(last)


def pdf_url(root: Parent) -> str:
    """Below the address of the product; the door asks for a token."""
    return f"/certificates/{encode('Certificate', root.id)}.pdf"


def verify_url(root: Parent) -> str:
    """Below the address of the product, for anybody."""
    return f"/verify/{root.code}"


async def issued_by(root: Parent, info: Info) -> Member | None:
    return await _person(info, root.issued_by_id)


async def ended_by(root: Parent, info: Info) -> Member | None:
    return await _person(info, root.ended_by_id)


async def _person(info: Info, member_id: int | None) -> Member | None:
    return None if member_id is None else await info.context.load(members_by_id, member_id)


async def of_learner(root: Parent, info: Info) -> list[Certificate]:
    key = (root.course_id, root.member_id)
    return await info.context.load(by_course_and_member, key)


async def by_course_and_member(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[list[Certificate]]:
    """The newest of each person and course the caller may see, in one statement."""
    person = tuple_(Certificate.course_id, Certificate.member_id)
    place = func.row_number().over(
        partition_by=(Certificate.course_id, Certificate.member_id), order_by=-Certificate.id
    )
    seen = reading.seen_by(context.signed_in).where(person.in_(keys))
    newest = seen.with_only_columns(Certificate.id, place.label("place")).subquery()
    rows = await db.scalars(
        select(Certificate)
        .join(newest, newest.c.id == Certificate.id)
        .where(newest.c.place <= MOST_OF_A_LEARNER)
        .order_by(Certificate.id.desc())
    )
    found: dict[tuple[int, int], list[Certificate]] = defaultdict(list)
    for row in rows:
        found[row.course_id, row.member_id].append(row)
    return [found[key] for key in keys]


async def visible_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Certificate | None]:
    """Those the caller may see, in one statement."""
    rows = await db.scalars(reading.seen_by(context.signed_in).where(Certificate.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def template_of_course(root: Parent, info: Info) -> Template:
    return await info.context.load(templates_by_course, root.id)


async def templates_by_course(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Template]:
    """The newest version of each course, in one statement."""
    newest: Select[Any] = (
        select(CertificateTemplate)
        .ext(distinct_on(CertificateTemplate.course_id))
        .where(
            CertificateTemplate.workspace_id == context.signed_in.workspace_id,
            CertificateTemplate.course_id.in_(ids),
        )
        .order_by(CertificateTemplate.course_id, CertificateTemplate.version.desc())
    )
    found = {
        row.course_id: Template.of(row.course_id, row.version, Content.of(row.content))
        for row in await db.scalars(newest)
    }
    return [found.get(id) or Template.of(id, 0, DEFAULT) for id in ids]


def variables(root: Parent) -> list[Variable]:
    return [Variable(name, description) for name, description in VARIABLES.items()]


def preview_url(root: Parent) -> str:
    """Below the address of the product; the door asks for a token. GET shows the newest version,
    POST a draft."""
    return f"/certificates/preview/{encode('Course', root.course_id)}.pdf"


async def preview_certificate(
    info: Info,
    *,
    course_id: strawberry.ID,
    heading: str | None = None,
    text: str | None = None,
    signatures: list[SignatureToPrint] | None = None,
    accent: str | None = None,
    orientation: Orientation | None = None,
    language: str | None = None,
) -> Preview:
    number = number_of(course_id, "Course")
    changes = changes_given(
        heading=heading,
        text=text,
        signatures=signatures,
        accent=accent,
        orientation=orientation,
        language=language,
    )
    async with info.context.read() as db:
        course, content = await templates.drafted(
            db, by=info.context.signed_in, course_id=number, changes=changes
        )
        printed = await sampling.sample(
            db, course=course, content=content, at=dt.datetime.now(dt.UTC)
        )
    page = printed["page"]
    return Preview(
        number,
        page["heading"],
        [each["text"] for each in page["paragraphs"]],
        tuple(Signature(**each) for each in page["signatures"]),
        printed["serial"],
    )
