"""Invitations: sent once, sent again on request, and accepted (C5, C18).

That there is one invitation a person is the primary key of `invitation`, written under the lock
of the person's row together with its mail. Notes of whom to look at are left by
`operations.invitees`.
"""

import datetime as dt
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin, system
from access.permissions import Permission
from models.journal import cause_of, record
from models.mail import MailKind
from models.people import MemberState
from operations import mail, pending, people, sign_in_identities
from operations.connections import Seals
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.sign_in_identities import Identity

GOOD_FOR: Final = dt.timedelta(days=30)
RESENT_AT_MOST_EVERY: Final = dt.timedelta(minutes=1)
CODE_BYTES: Final = 32
PEOPLE_A_PASS: Final = 100

NOTED: Final = text("""
SELECT d.id, d.member_id, m.id IS NOT NULL AS is_there
  FROM (SELECT id, member_id FROM invitation_due ORDER BY id LIMIT :most) AS d
  LEFT JOIN member m ON m.id = d.member_id
""")

LOCK_NOTED: Final = text("""
SELECT id, state FROM member WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
""")

CLAIM: Final = text("""
DELETE FROM invitation_due WHERE id = ANY (ARRAY(
    SELECT id FROM invitation_due WHERE id = ANY(:ids) FOR UPDATE SKIP LOCKED))
RETURNING member_id, cause
""")

IS_GIVEN_SOMETHING: Final = """
(EXISTS (SELECT FROM access_grant g LEFT JOIN course c ON c.id = g.course_id
          WHERE g.member_id = m.id AND (g.pending_until IS NULL OR g.pending_until > :at)
            AND c.state IS DISTINCT FROM 'ARCHIVED')
 OR EXISTS (SELECT FROM course_role r JOIN course c ON c.id = r.course_id
             WHERE r.member_id = m.id AND c.state <> 'ARCHIVED')
 OR EXISTS (SELECT FROM coordinator_source s JOIN course c ON c.id = s.course_id
             WHERE s.member_id = m.id AND c.state <> 'ARCHIVED')
 OR EXISTS (SELECT FROM enrolment e JOIN course c ON c.id = e.course_id
             WHERE e.member_id = m.id AND e.ended_at IS NULL AND c.state <> 'ARCHIVED'))
"""
"""SQL: whether the member `m` holds anything. Archived courses give nothing to be invited for."""

INVITE: Final = text(f"""
WITH invited AS (
    INSERT INTO invitation (member_id, workspace_id, code_sha256, invited_at, last_sent_at,
                            expires_at, cause)
    SELECT m.id, m.workspace_id, n.digest, :at, :at, :expires_at, n.cause
      FROM unnest(CAST(:ids AS bigint[]), CAST(:digests AS bytea[]), CAST(:causes AS uuid[]))
               AS n(id, digest, cause)
      JOIN member m ON m.id = n.id
     WHERE m.state = 'PENDING' AND m.deleted_at IS NULL AND m.email IS NOT NULL
       AND {IS_GIVEN_SOMETHING}
    ON CONFLICT DO NOTHING
    RETURNING member_id
)
SELECT m.id, m.workspace_id, m.email, m.display_name
  FROM invited i JOIN member m ON m.id = i.member_id
 ORDER BY m.id
""")  # noqa: S608 - made of a constant of ours

STANDING: Final = text(f"""
SELECT m.id, m.workspace_id, m.state, m.email, m.display_name,
       i.sent_count, i.last_sent_at, {IS_GIVEN_SOMETHING} AS is_given_something
  FROM member m LEFT JOIN invitation i ON i.member_id = m.id
 WHERE m.workspace_id = :workspace_id AND m.id = :member_id
""")  # noqa: S608 - made of a constant of ours

RENEW: Final = text("""
INSERT INTO invitation (member_id, workspace_id, code_sha256, invited_at, last_sent_at,
                        expires_at, cause)
VALUES (:member_id, :workspace_id, :digest, :at, :at, :expires_at, :cause)
ON CONFLICT (member_id) DO UPDATE
   SET code_sha256 = excluded.code_sha256, last_sent_at = excluded.last_sent_at,
       expires_at = excluded.expires_at, sent_count = invitation.sent_count + 1
RETURNING sent_count
""")

OPENED_BY: Final = text("""
SELECT m.id, m.workspace_id, m.display_name, w.name AS workspace, w.slug, i.expires_at
  FROM invitation i
  JOIN member m ON m.id = i.member_id
  JOIN workspace w ON w.id = m.workspace_id
 WHERE i.code_sha256 = :digest AND i.expires_at > :at
   AND m.state = 'PENDING' AND m.deleted_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class Code256:
    """The code in a link: shown once, in a mail; kept as its digest."""

    shown: str

    @classmethod
    def new(cls) -> "Code256":
        return cls(secrets.token_urlsafe(CODE_BYTES))

    @property
    def digest(self) -> bytes:
        return digest_of(self.shown)


@dataclass(frozen=True, slots=True)
class Opened:
    """Who is invited by a link, and where to."""

    member_id: int
    workspace_id: int
    display_name: str
    workspace: str
    slug: str
    expires_at: dt.datetime


def digest_of(code: str) -> bytes:
    """What is stored of a code."""
    return hashlib.sha256(code.encode()).digest()


async def invite_due(db: AsyncSession, *, seals: Seals, at: dt.datetime) -> bool:
    """Invite those of the people noted longest who have something and were never invited.

    People whose rows others hold just now are left for the next look, so two workers never wait
    for each other. True when there may be more.
    """
    listed = (await db.execute(NOTED, {"most": PEOPLE_A_PASS})).all()
    locked = (await db.execute(LOCK_NOTED, {"ids": [row.member_id for row in listed]})).all()
    ours = {row.id for row in locked}
    mine = [row.id for row in listed if row.member_id in ours or not row.is_there]
    noted = (await db.execute(CLAIM, {"ids": mine})).all()
    without_account = {row.id for row in locked if row.state == MemberState.PENDING}
    causes = {row.member_id: row.cause for row in noted if row.member_id in without_account}
    if causes:
        await _invite(db, causes, seals, at)
    return len(noted) >= PEOPLE_A_PASS


async def resend(
    db: AsyncSession, *, by: Caller, member_id: int, seals: Seals, at: dt.datetime
) -> None:
    """A new link for somebody who has something and no account yet; links sent before are dead.

    Grants that wait for the account wait as long as the new link; those that have lapsed are not
    revived by it, because sending mail is not the right to give. Refused with NO_ADDRESS,
    NOTHING_GIVEN, ACCOUNT_EXISTS, MEMBER_DEACTIVATED, or TOO_SOON.
    """
    await require(db, by, Permission.RESEND_INVITATION)
    await people.lock_one(db, by.workspace_id, member_id)
    asked = {"workspace_id": by.workspace_id, "member_id": member_id, "at": at}
    person = (await db.execute(STANDING, asked)).one()
    _check(person, at)

    code = Code256.new()
    count = await db.scalar(
        RENEW,
        {
            "member_id": member_id,
            "workspace_id": by.workspace_id,
            "digest": code.digest,
            "at": at,
            "expires_at": at + GOOD_FOR,
            "cause": cause_of(db),
        },
    )
    await pending.renew(db, workspace_id=by.workspace_id, member_id=member_id, at=at)
    await mail.withdraw(
        db,
        workspace_id=by.workspace_id,
        key=mail_key(member_id, count - 1),
        reason="A newer invitation took its place before it was sent.",
    )
    await _queue(db, person, code, number=count, seals=seals, at=at)
    record(
        db,
        by=by,
        verb="invitation.sent" if count == 1 else "invitation.resent",
        member_id=member_id,
        after={"address": person.email, "count": count, "expiresAt": at + GOOD_FOR},
    )


async def look(db: AsyncSession, *, code: str, at: dt.datetime) -> Opened | None:
    """Whom a link invites, changing nothing; None when it opens nothing, whatever the reason."""
    row = (await db.execute(OPENED_BY, {"digest": digest_of(code), "at": at})).one_or_none()
    return None if row is None else Opened(*row)


async def accept(
    db: AsyncSession,
    *,
    code: str,
    at: dt.datetime,
    identity: Identity | None = None,
    client: str | None = None,
) -> Opened:
    """Make the account: what was given before takes effect now (C5), and the link is dead.

    `identity` is who the person has just proved to be to an issuer; it is bound to the account.
    A link that is unknown, used, replaced or expired is NOT_FOUND, one like the other; an identity
    that belongs to somebody else is CONFLICT, and the link stays good.
    """
    opened = await look(db, code=code, at=at)
    if opened is None:
        raise not_found("invitation")
    member = await people.lock_one(db, opened.workspace_id, opened.member_id)
    if await look(db, code=code, at=at) is None:
        raise not_found("invitation")
    by = Caller(
        opened.workspace_id,
        member.display_name,
        Origin.INVITATION,
        member_id=opened.member_id,
        client=client,
    )
    if identity is not None:
        await sign_in_identities.bind(db, by=by, member_id=member.id, identity=identity, at=at)
    await people.set_state(db, by=by, member=member, state=MemberState.ACTIVE, at=at)
    record(db, by=by, verb="invitation.accepted", member_id=member.id)
    return opened


async def _invite(
    db: AsyncSession, causes: dict[int, uuid.UUID | None], seals: Seals, at: dt.datetime
) -> None:
    codes = {member_id: Code256.new() for member_id in causes}
    invited = await db.execute(
        INVITE,
        {
            "ids": list(causes),
            "digests": [codes[member_id].digest for member_id in causes],
            "causes": list(causes.values()),
            "at": at,
            "expires_at": at + GOOD_FOR,
        },
    )
    for person in invited.all():
        await _queue(db, person, codes[person.id], number=1, seals=seals, at=at)
        record(
            db,
            by=system(person.workspace_id),
            verb="invitation.sent",
            member_id=person.id,
            after={"address": person.email, "count": 1, "expiresAt": at + GOOD_FOR},
            detail={"causedBy": causes[person.id]},
        )


async def _queue(
    db: AsyncSession,
    person: Row[Any],
    code: Code256,
    *,
    number: int,
    seals: Seals,
    at: dt.datetime,
) -> None:
    await mail.queue(
        db,
        workspace_id=person.workspace_id,
        key=mail_key(person.id, number),
        kind=MailKind.INVITATION,
        recipients=[(person.id, person.email)],
        parameters={
            "name": person.display_name,
            "expires_on": (at + GOOD_FOR).date().isoformat(),
        },
        secret=code.shown,
        seals=seals,
    )


def mail_key(member_id: int, number: int) -> str:
    """The key of the mail with which somebody is invited for the first, second, … time."""
    return f"invitation:{member_id}:{number}"


def _check(person: Row[Any], at: dt.datetime) -> None:
    """Refuse what sending again would be of no use for."""
    name = person.display_name
    if person.state == MemberState.DEACTIVATED:
        raise Refused(Code.MEMBER_DEACTIVATED, f"{name} is deactivated; reactivate first.")
    if person.state == MemberState.ACTIVE:
        raise Refused(Code.ACCOUNT_EXISTS, f"{name} has an account already and can sign in.")
    if not person.email:
        raise Refused(Code.NO_ADDRESS, f"No e-mail address of {name} is known; add one first.")
    if not person.is_given_something:
        raise Refused(
            Code.NOTHING_GIVEN,
            f"{name} holds no grant, role or enrolment (any more): give something first, then"
            " send the invitation.",
        )
    if person.last_sent_at is not None and person.last_sent_at > at - RESENT_AT_MOST_EVERY:
        left = person.last_sent_at + RESENT_AT_MOST_EVERY - at
        raise Refused(
            Code.TOO_SOON,
            f"{name} was sent an invitation just now; the next can go out in"
            f" {left.total_seconds():.0f} seconds.",
            {"secondsLeft": left.total_seconds()},
        )
