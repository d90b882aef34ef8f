"""Certificates of completion, what they say, and what anybody learns who knows the code of one."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import certificates as stored
from models.certificates import CertificateState
from operations.certificates import reading, templates
from operations.certificates.templates import Orientation
from resolvers import done
from resolvers.certificates import reading as answered
from schema.member import Member
from schema.node import Node
from schema.requires import (
    INHERITED,
    PUBLIC,
    SIGNED_IN,
    any_of,
    column,
    guarded_type,
    resolved_by,
)

if TYPE_CHECKING:
    from schema.course import Course

SEES = any_of(Permission.LIST_LEARNERS).or_self().by_rows()
HANDLES = any_of(Permission.GENERATE_CERTIFICATE, Permission.REMOVE_CERTIFICATE)
EDITS = Permission.EDIT_COURSE_INFO


@guarded_type(
    requires=SEES,
    description="That somebody completed a course, as it was printed when it was issued. Of a"
    " person and course at most one is ISSUED; none is ever removed.",
    rows=stored.Certificate,
)
class Certificate(Node):
    serial: str = resolved_by(
        answered.serial, requires=SIGNED_IN, description="Its number, for people: ACME-000123."
    )
    code: str = column(
        "code", requires=INHERITED, description="By it anybody can check the certificate."
    )
    state: CertificateState = resolved_by(
        answered.state, requires=SIGNED_IN, description="EXPIRED from the very moment it is."
    )
    issued_at: dt.datetime
    issued_on: dt.date = resolved_by(
        answered.issued_on, requires=SIGNED_IN, description="The day that is printed on it."
    )
    expires_on: dt.date | None = resolved_by(
        answered.expires_on, requires=SIGNED_IN, description="The last day it is valid."
    )
    ended_at: dt.datetime | None = resolved_by(
        answered.ended_at, requires=SIGNED_IN, description="Since when it is not valid any more."
    )
    reason: str | None = column(
        "reason", requires=INHERITED, description="Why it was revoked, where it was."
    )
    template_version: int
    learner_name: str = resolved_by(
        answered.learner_name, requires=SIGNED_IN, description="As it is printed on it."
    )
    course_title: str = resolved_by(
        answered.course_title, requires=SIGNED_IN, description="As it is printed on it."
    )
    pdf_url: str = resolved_by(
        answered.pdf_url,
        requires=SIGNED_IN,
        description="Where it is as PDF, below the address of the product, with a bearer token.",
    )
    verify_url: str = resolved_by(
        answered.verify_url,
        requires=SIGNED_IN,
        description="Where anybody can check it, below the address of the product.",
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="Whose it is.")
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="Of which course, for whoever may see it."
    )
    issued_by: Member | None = resolved_by(
        answered.issued_by,
        requires=HANDLES,
        description="Who made it; null where it was made by itself, at completion.",
    )
    ended_by: Member | None = resolved_by(
        answered.ended_by, requires=HANDLES, description="Who replaced or revoked it."
    )


@guarded_type(
    requires=PUBLIC,
    description="What anybody learns of a certificate who knows its code, and nothing else.",
    rows=reading.Verified,
)
class VerifiedCertificate:
    learner_name: str
    course_title: str
    issued_on: dt.date
    state: CertificateState


@guarded_type(
    requires=SIGNED_IN,
    description="Somebody who stands for certificates, and as what.",
    rows=templates.Signature,
)
class CertificateSignature:
    name: str
    title: str


@guarded_type(
    requires=SIGNED_IN,
    description="Something that can stand in a template, as {{name}}.",
    rows=answered.Variable,
)
class CertificateVariable:
    name: str
    description: str


@guarded_type(
    requires=EDITS,
    description="One version of what the certificates of a course say. Versions are never"
    " changed; 0 is the product's own.",
    rows=answered.Template,
)
class CertificateTemplate:
    version: int
    heading: str
    text: str = column(
        "text",
        requires=INHERITED,
        description="Paragraphs, with empty lines between them. One that is nothing but"
        " {{learnerName}} or {{courseTitle}} is set large.",
    )
    signatures: list[CertificateSignature]
    accent: str
    orientation: Orientation
    language: str = column(
        "language",
        requires=INHERITED,
        description="A BCP 47 tag: of the page, and of the dates and numbers on it.",
    )
    variables: list[CertificateVariable] = resolved_by(
        answered.variables, requires=SIGNED_IN, description="All that can stand between braces."
    )
    preview_url: str = resolved_by(
        answered.preview_url,
        requires=SIGNED_IN,
        description="The page with sample values as PDF, below the address of the product, with a"
        " bearer token: GET shows the newest version, POST a draft.",
    )


@guarded_type(
    requires=EDITS,
    description="What a certificate would say, with values nobody has.",
    rows=answered.Preview,
)
class CertificatePreview:
    heading: str
    paragraphs: list[str]
    signatures: list[CertificateSignature]
    serial: str
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="Of which course."
    )
    pdf_url: str = resolved_by(
        answered.preview_url,
        requires=SIGNED_IN,
        description="As PDF: GET shows the newest version, POST a draft.",
    )


@guarded_type(requires=SIGNED_IN, description="Certificates.")
class CertificateQuery:
    verify_certificate_by_code: VerifiedCertificate | None = resolved_by(
        answered.verify_certificate_by_code,
        requires=PUBLIC,
        description="Whether a certificate is valid, for whoever knows its code, signed in or not;"
        " null where no certificate has it. Capitals, spaces and hyphens do not matter.",
    )
    preview_certificate: CertificatePreview | None = resolved_by(
        answered.preview_certificate,
        requires=any_of(EDITS).by_operation(),
        description="What certificates of a course would say: by the newest template, and by the"
        " draft that the further arguments make of it.",
    )
