"""Who sees which certificates, and what strangers learn of one."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.certificates import Certificate, CertificateState
from models.people import Member
from models.progress import Progress
from operations import visible
from operations.certificates.codes import code_in
from operations.learning.visible import learners
from operations.refusals import not_found

NOUN: Final = "certificate"


@dataclass(frozen=True, slots=True)
class Verified:
    """What anybody learns who knows the code, and nothing else (H4)."""

    learner_name: str
    course_title: str
    issued_on: dt.date
    state: CertificateState


def seen_by(by: Caller) -> Select[Certificate]:
    """One's own certificates, and those of the learners one may list."""
    return select(Certificate).where(
        Certificate.workspace_id == by.workspace_id, or_(_of_oneself(by), _of_learners(by))
    )


def own(by: Caller) -> Select[Certificate]:
    """One's own certificates, whatever one is on the course now."""
    return select(Certificate).where(Certificate.workspace_id == by.workspace_id, _of_oneself(by))


async def seen(db: AsyncSession, by: Caller, certificate_id: int) -> Certificate:
    """The certificate; NOT_FOUND alike when it is missing and when it is hidden."""
    found: Certificate | None = await db.scalar(seen_by(by).where(Certificate.id == certificate_id))
    if found is None:
        raise not_found(NOUN)
    return found


def state_at(certificate: Certificate, at: dt.datetime) -> CertificateState:
    """The state everybody sees: EXPIRED from the moment it is, whether or not the row says so."""
    if certificate.state is CertificateState.ISSUED and has_expired(certificate, at):
        return CertificateState.EXPIRED
    return certificate.state


def has_expired(certificate: Certificate, at: dt.datetime) -> bool:
    return certificate.expires_at is not None and certificate.expires_at <= at


async def verify(db: AsyncSession, *, code: str, at: dt.datetime) -> Verified | None:
    """What the public learns by a code, whoever asks, in whatever workspace it is; None where no
    certificate has it."""
    exact = code_in(code)
    if exact is None:
        return None
    found = await db.scalar(select(Certificate).where(Certificate.code == exact))
    if found is None:
        return None
    return Verified(
        learner_name=found.printed["learnerName"],
        course_title=found.printed["courseTitle"],
        issued_on=dt.date.fromisoformat(found.printed["issuedDate"]),
        state=state_at(found, at),
    )


def _of_oneself(by: Caller) -> ColumnElement[bool]:
    me = visible.members(by).where(Member.id == by.member_id).with_only_columns(Member.id)
    return Certificate.member_id.in_(me)


def _of_learners(by: Caller) -> ColumnElement[bool]:
    return (
        learners(by)
        .where(
            Progress.course_id == Certificate.course_id,
            Progress.member_id == Certificate.member_id,
        )
        .with_only_columns(Progress.member_id)
        .correlate(Certificate)
        .exists()
    )
