"""Mail: what operations want sent is written down with what they did, and sent afterwards.

An operation calls `queue` in its own transaction. A worker then claims one mail at a time, and
that commits; it speaks with the mail server without any transaction; and `sent`, `postponed` or
`given_up` writes down what came of it. Whoever ends in between, however suddenly, leaves a mail
that is claimed again once `LEASE` is over. So nothing is lost, and the one thing that can happen
twice is a mail the server accepted in the very moment the worker died: it goes out again with the
same Message-ID, by which the receiving side may recognize it.

What a kind of mail says stands in `app/mail/templates/<kind>.{txt,html}.jinja`. They are filled
with the parameters, the name of the `workspace`, and `public_url`.
"""

import base64
import datetime as dt
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import system
from models.journal import cause_of, record
from models.mail import Mail, MailKind, MailState
from operations.connections import Seals
from operations.wording import storable

LEASE: Final = dt.timedelta(minutes=2)
"""How long a claimed mail is left alone. Speaking with the server is given up well before."""

ATTEMPTS: Final = 16
FIRST_PAUSE: Final = dt.timedelta(seconds=30)
LONGEST_PAUSE: Final = dt.timedelta(hours=6)
"""Pauses double from the first to the longest: sixteen attempts take a day and a half."""

PENDING: Final = "EXISTS (SELECT FROM mail WHERE state = 'QUEUED' AND next_attempt_at <= now())"
"""SQL: whether there is anything to claim."""

SEALED: Final = "sealed"
"""The parameter that holds what must not be kept readable, until the mail is sent."""

_LONGEST_ERROR: Final = 500

CLAIM: Final = text("""
UPDATE mail SET attempts = attempts + 1, next_attempt_at = :until
 WHERE id = (SELECT id FROM mail WHERE state = 'QUEUED' AND next_attempt_at <= :at
              ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, workspace_id, key, kind, recipients, member_ids, parameters, cause, attempts,
          created_at, (SELECT name FROM workspace w WHERE w.id = mail.workspace_id) AS workspace
""")

SENT: Final = text("""
UPDATE mail SET state = 'SENT', sent_at = :at, last_error = NULL, parameters = parameters - :sealed,
       recipients = :recipients, member_ids = :member_ids
 WHERE id = :id AND state <> 'SENT'
RETURNING id
""")

POSTPONED: Final = text("""
UPDATE mail SET next_attempt_at = :next_at, last_error = :error
 WHERE id = :id AND state = 'QUEUED' AND attempts = :attempt
""")

FAILED: Final = text("""
UPDATE mail SET state = 'FAILED', last_error = :error, parameters = parameters - :sealed
 WHERE id = :id AND state = 'QUEUED' AND attempts = :attempt
RETURNING id
""")

WITHDRAWN: Final = text("""
UPDATE mail SET state = 'FAILED', last_error = :error, parameters = parameters - :sealed
 WHERE workspace_id = :workspace_id AND key = :key AND state = 'QUEUED'
RETURNING id
""")

TO_EACH: Final = text("""
INSERT INTO mail (workspace_id, key, kind, recipients, member_ids, parameters, cause, state)
SELECT :workspace_id, given.key, :kind, ARRAY[m.email], ARRAY[m.id],
       CAST(:parameters AS jsonb) || jsonb_build_object('name', m.display_name)
       || CAST(given.own AS jsonb), :cause, 'QUEUED'
  FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS text[]), CAST(:own AS text[]))
       WITH ORDINALITY AS given(id, key, own, place)
  JOIN member m ON m.id = given.id AND m.workspace_id = :workspace_id
   AND m.state <> 'DEACTIVATED' AND m.deleted_at IS NULL AND m.email IS NOT NULL
 ORDER BY given.place
ON CONFLICT (workspace_id, key) DO NOTHING
""")

AGAIN: Final = text("""
INSERT INTO mail (workspace_id, key, kind, recipients, member_ids, parameters, cause, created_at,
                  state, attempts, next_attempt_at, last_error)
SELECT workspace_id, key || :suffix, kind, :recipients, :member_ids, parameters, cause, created_at,
       :state, attempts, :next_at, :error
  FROM mail WHERE id = :id
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it was claimed, for the numbered attempt."""

    id: int
    workspace_id: int
    workspace: str
    key: str
    kind: MailKind
    recipients: tuple[str, ...]
    member_ids: tuple[int, ...]
    parameters: Mapping[str, Any]
    cause: uuid.UUID | None
    attempt: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A server did not take a mail, or not for one recipient; `is_final` when asking again is of
    no use."""

    reason: str
    is_final: bool


async def queue(
    db: AsyncSession,
    *,
    workspace_id: int,
    key: str,
    kind: MailKind,
    recipients: Sequence[tuple[int, str]],
    parameters: Mapping[str, Any],
    secret: str | None = None,
    seals: Seals | None = None,
) -> bool:
    """Have one mail sent, once: false when a mail with this key was queued before.

    `recipients` are (member id, address); without any, nothing is queued. `secret`, with the
    `seals` to keep it under, fills the parameter of that name and is forgotten once sent.
    """
    if not recipients:
        return False
    told = dict(parameters)
    if secret is not None and seals is not None:
        told[SEALED] = _seal(seals, secret, workspace_id, key)
    made = await db.scalar(
        insert(Mail)
        .values(
            workspace_id=workspace_id,
            key=key,
            kind=kind,
            recipients=[address for _, address in recipients],
            member_ids=[member_id for member_id, _ in recipients],
            parameters=told,
            cause=cause_of(db),
            state=MailState.QUEUED,
        )
        .on_conflict_do_nothing()
        .returning(Mail.id)
    )
    return made is not None


async def queue_each(
    db: AsyncSession,
    *,
    workspace_id: int,
    kind: MailKind,
    keys: Mapping[int, str],
    parameters: Mapping[str, Any],
    own: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Have a mail of its own sent to each of these people, once per key, in one statement.

    `keys` are by member id, and so are the parameters of each alone (`own`). Whoever has no
    address, or is deactivated, gets none. The `parameters` are everybody's; `name` is added.
    """
    if keys:
        told = {
            "workspace_id": workspace_id,
            "kind": kind,
            "ids": list(keys),
            "keys": list(keys.values()),
            "parameters": json.dumps(parameters),
            "own": [json.dumps((own or {}).get(id, {})) for id in keys],
            "cause": cause_of(db),
        }
        await db.execute(TO_EACH, told)


async def claim(db: AsyncSession, *, at: dt.datetime) -> Letter | None:
    """The mail that has waited longest, out of everybody's reach until the lease is over."""
    row = (await db.execute(CLAIM, {"at": at, "until": at + LEASE})).one_or_none()
    if row is None:
        return None
    return Letter(
        row.id,
        row.workspace_id,
        row.workspace,
        row.key,
        MailKind(row.kind),
        tuple(row.recipients),
        tuple(row.member_ids),
        row.parameters,
        row.cause,
        row.attempts,
        row.created_at,
    )


def secret_in(letter: Letter, seals: Seals) -> str | None:
    """What `queue` was given to keep sealed; raises what the seals raise."""
    kept = letter.parameters.get(SEALED)
    if kept is None:
        return None
    sealed = base64.b64decode(kept["text"])
    context = _context(letter.workspace_id, letter.key)
    return seals.open(sealed, kept["key"], context=context).decode()


async def sent(
    db: AsyncSession, *, letter: Letter, refused: Mapping[str, NotTaken], at: dt.datetime
) -> None:
    """The server took it, except for the recipients it refused.

    What the row says is true of all its recipients: for those refused there is another row, which
    is tried again, or has failed.
    """
    taken = [pair for pair in _people(letter) if pair[1] not in refused]
    done = await db.scalar(
        SENT,
        {
            "id": letter.id,
            "at": at,
            "sealed": SEALED,
            "recipients": [address for _, address in taken],
            "member_ids": [member_id for member_id, _ in taken],
        },
    )
    if done is None:
        return
    for is_final in (False, True):
        left = [pair for pair in _people(letter) if _is_so(refused.get(pair[1]), is_final)]
        if left:
            await _again(db, letter, left, refused, at)
    _tell(db, letter, "mail.sent", taken)


async def not_taken(
    db: AsyncSession, *, letter: Letter, problem: NotTaken, at: dt.datetime
) -> bool:
    """The server did not take it: tried again after a pause, or given up. True when given up."""
    error = _error(problem)
    if not problem.is_final and letter.attempt < ATTEMPTS:
        next_at = at + pause_after(letter.attempt)
        told = {"id": letter.id, "attempt": letter.attempt, "next_at": next_at, "error": error}
        await db.execute(POSTPONED, told)
        return False
    told = {"id": letter.id, "attempt": letter.attempt, "sealed": SEALED, "error": error}
    if await db.scalar(FAILED, told) is None:
        return False
    _tell(db, letter, "mail.failed", _people(letter), error)
    return True


async def withdraw(db: AsyncSession, *, workspace_id: int, key: str, reason: str) -> bool:
    """Do not send a mail that still waits; false when it is out of the house already."""
    told = {"workspace_id": workspace_id, "key": key, "sealed": SEALED, "error": reason}
    return await db.scalar(WITHDRAWN, told) is not None


def pause_after(attempt: int) -> dt.timedelta:
    """How long a mail waits after its first, second, … attempt has failed."""
    return min(FIRST_PAUSE * (1 << (attempt - 1)), LONGEST_PAUSE)


async def _again(
    db: AsyncSession,
    letter: Letter,
    people: Sequence[tuple[int, str]],
    refused: Mapping[str, NotTaken],
    at: dt.datetime,
) -> None:
    """A row of their own for recipients who were refused while others were not."""
    problem = refused[people[0][1]]
    is_over = problem.is_final or letter.attempt >= ATTEMPTS
    word = "refused" if problem.is_final else "given-up" if is_over else "again"
    await db.execute(
        AGAIN,
        {
            "id": letter.id,
            "suffix": f"/{word}-{letter.attempt}",
            "recipients": [address for _, address in people],
            "member_ids": [member_id for member_id, _ in people],
            "state": MailState.FAILED if is_over else MailState.QUEUED,
            "next_at": at + pause_after(letter.attempt),
            "error": _error(problem),
        },
    )
    if is_over:
        _tell(db, letter, "mail.failed", people, _error(problem))


def _tell(
    db: AsyncSession,
    letter: Letter,
    verb: str,
    people: Collection[tuple[int, str]],
    error: str | None = None,
) -> None:
    """The journal names the recipients. The cause stands in the details: what an entry's own
    cause leads to is why somebody holds a role."""
    detail: dict[str, Any] = {
        "mail": letter.id,
        "kind": letter.kind,
        "key": letter.key,
        "recipients": [address for _, address in people],
        "memberIds": [member_id for member_id, _ in people],
        "attempts": letter.attempt,
        "causedBy": letter.cause,
    }
    record(
        db,
        by=system(letter.workspace_id),
        verb=verb,
        member_id=letter.member_ids[0] if len(letter.member_ids) == 1 else None,
        detail=detail,
        reason=error,
    )


def _people(letter: Letter) -> list[tuple[int, str]]:
    return list(zip(letter.member_ids, letter.recipients, strict=True))


def _is_so(problem: NotTaken | None, is_final: bool) -> bool:
    return problem is not None and problem.is_final is is_final


def _error(problem: NotTaken) -> str:
    return storable(" ".join(problem.reason.split()))[:_LONGEST_ERROR]


def _seal(seals: Seals, secret: str, workspace_id: int, key: str) -> dict[str, str]:
    sealed, key_name = seals.seal(secret.encode(), context=_context(workspace_id, key))
    return {"key": key_name, "text": base64.b64encode(sealed).decode()}


def _context(workspace_id: int, key: str) -> str:
    return f"mail {workspace_id} {key}"
