"""What the events of one journal entry will show: read in one go, and once for all who listen.

A dashboard may be open a hundred times. The first stream that comes to an entry reads for all
whose events look at the same things; rights are never shared, they are each listener's own.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.types.nodes import Selection

from access.permissions import Scope
from resolvers.concerned import Told
from resolvers.context import Context, Question
from resolvers.coordinators import is_coordinator_of, sources_of
from resolvers.learning.learners import learners_told
from resolvers.members import waiting
from resolvers.references import Reference
from resolvers.rows import courses_by_id, members_by_id, segments_by_id
from sync_engine.tail import Following

Info = strawberry.Info[Context, None]

SHARED: Final = 500
"""Readings kept for others; a stream that comes later than all these reads by itself."""

Answers = list[tuple[Question[Any, Any], Mapping[Any, Any]]]
Keys = Callable[[Sequence[Told]], set[Any]]


def _pairs(told: Sequence[Told]) -> set[Any]:
    return {
        (each.course_id, each.member_id)
        for each in told
        if each.course_id is not None and each.member_id is not None
    }


def _people(told: Sequence[Told]) -> set[Any]:
    return {each.member_id for each in told if each.member_id is not None}


def _courses(told: Sequence[Told]) -> set[Any]:
    return {each.course_id for each in told if each.course_id is not None}


QUESTIONS: Final[Sequence[tuple[str, Question[Any, Any], Keys]]] = (
    ("isCoordinator", is_coordinator_of, _pairs),
    ("coordinator", is_coordinator_of, _pairs),
    ("member", members_by_id, _people),
    ("course", courses_by_id, _courses),
    ("isSyncPending", waiting, _people),
    ("sources", sources_of, _pairs),
    ("learner", learners_told, _pairs),
)
"""What a field of this name asks, and for which keys. The answers are the same for everybody in
the workspace who is let through to them."""

NAMES: Final = frozenset({"segment", *(name for name, _, _ in QUESTIONS)})


@dataclass(frozen=True, slots=True)
class _Reading:
    """`head`: everything up to this entry is in it."""

    head: int
    answers: asyncio.Task[Answers]

    def serves(self, seq: int) -> bool:
        """Whether it shows what happened at an entry, and did not fail."""
        if self.head < seq:
            return False
        done = self.answers
        return not done.done() or not (done.cancelled() or done.exception())


class Foresight:
    """Knows by name which fields a subscription selects, at any depth."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = NAMES.intersection(names)

    @classmethod
    def of(cls, info: Info) -> "Foresight":
        return cls(selected(info.selected_fields))

    async def read(
        self, context: Context, following: Following, seq: int, told: Sequence[Told]
    ) -> None:
        """Let the context know what these events of entry `seq` look at. The number of
        statements does not grow with them."""
        courses = [Reference(Scope.COURSE, id) for id in sorted(_courses(told))]
        if not all(context.rights.is_prepared(each.scope, each.id) for each in courses):
            await context.prepare(courses)
        if self._names and told:
            # Whoever waits for a shared reading must not hold the connection it may need.
            await context.rest()
            reading = self._reading(context, following, seq, tuple(told))
            for question, answers in await asyncio.shield(reading.answers):
                context.know(question, answers)

    def _reading(
        self, context: Context, following: Following, seq: int, told: tuple[Told, ...]
    ) -> _Reading:
        shared: dict[Hashable, Any] = following.shared
        key = (self._names, told)
        reading: _Reading | None = shared.get(key)
        if reading is None or not reading.serves(seq):
            shared.pop(key, None)
            reading = _Reading(following.head, asyncio.create_task(self._ask(context, told)))
            reading.answers.add_done_callback(_retrieved)
            shared[key] = reading
            while len(shared) > SHARED:
                del shared[next(iter(shared))]
        return reading

    async def _ask(self, context: Context, told: Sequence[Told]) -> Answers:
        asked = {question: keys(told) for name, question, keys in QUESTIONS if name in self._names}
        async with context.edge.read() as db:
            answers: Answers = [
                (question, await _answers(db, context, question, keys))
                for question, keys in asked.items()
            ]
            if "segment" in self._names:
                segments = {each.segment_id for each in told} | _segments(answers)
                known = await _answers(db, context, segments_by_id, segments - {None})
                answers.append((segments_by_id, known))
        return answers


def _segments(answers: Answers) -> set[Any]:
    """The segments that sources name."""
    found = [given.values() for question, given in answers if question is sources_of]
    return {source.segment_id for given in found for sources in given for source in sources}


async def _answers(
    db: AsyncSession, context: Context, question: Question[Any, Any], keys: Iterable[Any]
) -> dict[Any, Any]:
    wanted = sorted(keys)
    return dict(zip(wanted, await question(db, context, wanted), strict=True)) if wanted else {}


def _retrieved(task: asyncio.Task[Answers]) -> None:
    """Whoever waited has been told; if all have left, nobody needs to know."""
    if not task.cancelled():
        task.exception()


def selected(selections: Iterable[Selection]) -> Iterable[str]:
    """The names of all fields that are selected there, at any depth."""
    for each in selections:
        name = getattr(each, "name", None)
        if name is not None:
            yield name
        yield from selected(each.selections)
