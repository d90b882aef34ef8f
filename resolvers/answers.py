"""What a mutation answers: what was done, or the refusal, as data (G7); once per key (G8)."""

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import strawberry
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models import journal
from models.identity import IdempotentAnswer
from models.journal import JournalEntry
from operations.edge import committed
from operations.refusals import Code, Refused
from resolvers.context import Context
from resolvers.ids import encode
from resolvers.seal import Position

LONGEST_KEY: Final = 200
SHOWN_ONCE: Final = "secret"
"""Of what was done, what is told in the first answer only and never stored."""


Info = strawberry.Info[Context, None]

Values = dict[str, Any]
"""What an operation did, under names of the fields of `Answer`: ids, lists of ids, and what is to
be stored with the answer; so it is all JSON."""

Operation = Callable[[AsyncSession, Caller], Awaitable[Values]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as the schema shows it. `path` names the argument it is about, where one is."""

    code: Code
    message: str
    path: Sequence[str] | None
    details: Mapping[str, Any]


class RoleConflict(Refusal):
    """ROLE_CONFLICT"""


class LimitReached(Refusal):
    """LIMIT_REACHED, with the limit and the present count."""


class InUse(Refusal):
    """LIMIT_BELOW_USE and SEGMENT_IN_USE, with the courses."""


class InvalidContent(Refusal):
    """INVALID_CONTENT, with every problem."""


class NotOnDepartmentTeam(Refusal):
    """NOT_ON_DEPARTMENT_TEAM, with everybody who is not, and the department."""


class InvalidRule(Refusal):
    """INVALID_RULE, with every problem."""


class InvalidFile(Refusal):
    """INVALID_FILE, with every problem."""


class UndoContradicted(Refusal):
    """UNDO_CONTRADICTED, with the pairs that cannot be put back."""


class PlainRefusal(Refusal):
    """Every other refusal."""


KINDS: Final[Mapping[Code, type[Refusal]]] = {
    Code.ROLE_CONFLICT: RoleConflict,
    Code.LIMIT_REACHED: LimitReached,
    Code.LIMIT_BELOW_USE: InUse,
    Code.SEGMENT_IN_USE: InUse,
    Code.INVALID_CONTENT: InvalidContent,
    Code.INVALID_ANSWERS: InvalidContent,
    Code.SUBMISSION_CAP_REACHED: LimitReached,
    Code.INVALID_RULE: InvalidRule,
    Code.INVALID_FILE: InvalidFile,
    Code.NOT_ON_DEPARTMENT_TEAM: NotOnDepartmentTeam,
    Code.UNDO_CONTRADICTED: UndoContradicted,
}


NUMBERED: Final = {
    "memberIds": "Member",
    "departmentIds": "Department",
    "moduleIds": "Module",
    "liveSessionIds": "LiveSession",
}
"""Details of refusals that are lists of numbers, and of what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one mutation answers. Exactly one of `refusal` and what was done is there."""

    client_mutation_id: str | None
    cursor: str | None = None
    refusal: Refusal | None = None
    course_id: int | None = None
    segment_id: int | None = None
    member_id: int | None = None
    workspace_id: int | None = None
    module_id: int | None = None
    group_id: int | None = None
    submission_id: int | None = None
    attempt_id: int | None = None
    live_session_id: int | None = None
    certificate_id: int | None = None
    job_id: int | None = None
    hold_id: int | None = None
    connection_id: int | None = None
    delivery_id: int | None = None
    token_id: str | None = None
    secret: str | None = None
    assigned: Sequence[int] = field(default_factory=tuple)
    already: Sequence[int] = field(default_factory=tuple)
    kept: Sequence[int] = field(default_factory=tuple)
    removed: Sequence[int] = field(default_factory=tuple)
    department_ids: Sequence[int] = field(default_factory=tuple)
    added_modules: Sequence[int] = field(default_factory=tuple)
    removed_modules: Sequence[int] = field(default_factory=tuple)
    rights_given: Sequence[Sequence[Any]] = field(default_factory=tuple)
    rights_held: Sequence[Sequence[Any]] = field(default_factory=tuple)
    rights_taken: Sequence[Sequence[Any]] = field(default_factory=tuple)
    joined: Sequence[Sequence[int]] = field(default_factory=tuple)
    left: Sequence[Sequence[int]] = field(default_factory=tuple)
    changed: Sequence[int] = field(default_factory=tuple)
    results: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    people_count: int | None = None
    change_set_id: int | None = None
    pinned_in: int | None = None
    pinned_out: int | None = None
    file_steps: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation did, and where in the journal it stands: as `count` entries of one
    `cause`, or, where it changed nothing, as the `head` it found."""

    values: Values
    cause: str | None = None
    count: int = 0
    head: int | None = None


async def answer(info: Info, operation: Operation) -> Answer:
    """Run the operation of a mutation in a transaction of its own.

    With an `idempotencyKey` a repeat of the same request gives the first answer, also when both
    run at once; the same key with another request is IDEMPOTENCY_CONFLICT. A refusal stores
    nothing, so a repeat of a refused request is tried anew.
    """
    context = info.context
    caller = context.signed_in
    asked = dict(context.arguments)
    client_mutation_id = asked.pop("clientMutationId", None)
    key = asked.pop("idempotencyKey", None)
    try:
        async with context.transaction() as db:
            done = await _claim(db, caller, key, info.field_name, asked)
            if done is None:
                done = await _done(db, caller, await operation(db, caller))
                await _keep(db, caller, key, done)
    except Refused as refused:
        return Answer(client_mutation_id, refusal=_refusal(refused, asked))
    reached = committed(db).heads.get(caller.workspace_id)
    cursor = await _cursor(context, reached, done)
    return Answer(client_mutation_id, cursor, **done.values)


def given(**values: Any) -> Values:
    """The arguments a client gave; those left out are not in it."""
    return {name: value for name, value in values.items() if value is not strawberry.UNSET}


def _refusal(refused: Refused, asked: Mapping[str, Any]) -> Refusal:
    kind = KINDS.get(refused.code, PlainRefusal)
    details = {name: _outward(name, value) for name, value in refused.details.items()}
    named = details.get("argument")
    path = [named] if named else _path_to(details.get("id"), asked)
    return kind(refused.code, refused.message, path, details)


def _outward(name: str, value: Any) -> Any:
    """Numbers of things, which operations speak in, as the ids that clients know."""
    noun = NUMBERED.get(name)
    return value if noun is None else [encode(noun, each) for each in value]


def _path_to(id: str | None, asked: Mapping[str, Any]) -> Sequence[str] | None:
    """The argument in which this id was given, and where in it, if it is a list."""
    for name, value in asked.items() if id is not None else ():
        if value == id:
            return [name]
        if isinstance(value, list) and id in value:
            return [name, str(value.index(id))]
    return None


async def _claim(
    db: AsyncSession,
    caller: Caller,
    key: str | None,
    name: str,
    asked: Mapping[str, Any],
) -> Done | None:
    """The stored answer of an earlier request with this key; None when this is the first.

    The insert waits for a transaction with the same key that is still running.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise Refused(
            Code.BAD_USER_INPUT, f"An idempotency key has 1 to {LONGEST_KEY} printable characters."
        )
    digest = hashlib.sha256(
        json.dumps([name, asked], sort_keys=True, default=str).encode()
    ).digest()
    made = await db.scalar(
        insert(IdempotentAnswer)
        .values(
            workspace_id=caller.workspace_id,
            caller=_who(caller),
            key=key,
            request_sha256=digest,
            answer={},
        )
        .on_conflict_do_nothing()
        .returning(IdempotentAnswer.key)
    )
    if made is not None:
        return None
    stored = await _stored(db, caller, key)
    if stored.request_sha256 != digest:
        raise Refused(
            Code.IDEMPOTENCY_CONFLICT,
            "This idempotency key was used for another request; use a new one.",
        )
    return Done(**stored.answer)


async def _done(db: AsyncSession, caller: Caller, values: Values) -> Done:
    count = journal.position(db).get(caller.workspace_id, 0)
    if count:
        return Done(values, cause=str(journal.cause_of(db)), count=count)
    _, head = await journal.head(db, caller.workspace_id)
    return Done(values, head=head)


async def _keep(db: AsyncSession, caller: Caller, key: str | None, done: Done) -> None:
    """Store what a repeat needs to give the same answer."""
    if key is not None:
        stored = await _stored(db, caller, key)
        told = {name: value for name, value in done.values.items() if name != SHOWN_ONCE}
        stored.answer = asdict(replace(done, values=told))


async def _stored(db: AsyncSession, caller: Caller, key: str) -> IdempotentAnswer:
    return await db.get_one(IdempotentAnswer, (caller.workspace_id, _who(caller), key))


async def _cursor(context: Context, reached: int | None, done: Done) -> str:
    """The place this mutation reached; of a repeated one, the place the first one reached."""
    workspace_id = context.signed_in.workspace_id
    async with context.read() as db:
        epoch, head = await journal.head(db, workspace_id)
        if reached is None:
            reached = await _reached_first(db, workspace_id, done)
    return context.seal.position(Position(epoch, workspace_id, reached or head))


async def _reached_first(db: AsyncSession, workspace_id: int, done: Done) -> int | None:
    """The entries of one transaction stand together, before all that the engine derives."""
    if done.cause is None:
        return done.head
    first = await db.scalar(
        select(func.min(JournalEntry.seq)).where(
            JournalEntry.workspace_id == workspace_id, JournalEntry.cause == uuid.UUID(done.cause)
        )
    )
    return None if first is None else first + done.count - 1


def _who(caller: Caller) -> str:
    return (
        f"member:{caller.member_id}" if caller.member_id else f"connection:{caller.connection_id}"
    )
