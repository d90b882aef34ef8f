"""What the events of one journal entry will show, read in one go and not event by event."""

import asyncio
from collections.abc import Awaitable, Hashable, Iterable, Sequence
from typing import Any

import strawberry
from strawberry.types.nodes import Selection

from access.permissions import Scope
from resolvers.concerned import Told
from resolvers.context import Context, Question
from resolvers.coordinators import Source, is_coordinator_of, sources_of
from resolvers.members import waiting
from resolvers.references import Reference
from resolvers.rows import members_by_id, segments_by_id, visible_courses_by_id

Info = strawberry.Info[Context, None]


class Foresight:
    """Knows by name which fields a subscription selects, at any depth."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    @classmethod
    def of(cls, info: Info) -> "Foresight":
        return cls(_names(info.selected_fields))

    async def read(self, context: Context, told: Sequence[Told]) -> None:
        """Fill the batches of the context. The number of statements does not grow with `told`."""
        if not told:
            return
        courses = {each.course_id for each in told}
        people = {each.member_id for each in told if each.member_id is not None}
        pairs = [(each.course_id, each.member_id) for each in told if each.member_id is not None]
        await context.prepare([Reference(Scope.COURSE, id) for id in courses])
        await _all(
            *self._asked(context, {"isCoordinator", "coordinator"}, is_coordinator_of, pairs),
            *self._asked(context, {"member"}, members_by_id, people),
            *self._asked(context, {"course"}, visible_courses_by_id, courses),
            *self._asked(context, {"isSyncPending"}, waiting, people),
        )
        found = await _all(*self._asked(context, {"sources"}, sources_of, pairs))
        segments = {each.segment_id for each in told}
        segments |= {source.segment_id for sources in found for source in _sources(sources)}
        await _all(*self._asked(context, {"segment"}, segments_by_id, segments - {None}))

    def _asked(
        self,
        context: Context,
        fields: set[str],
        question: Question[Any, Any],
        keys: Iterable[Hashable],
    ) -> Iterable[Awaitable[Any]]:
        if self._names.isdisjoint(fields):
            return ()
        return [context.load(question, key) for key in keys]


async def _all(*waiting: Awaitable[Any]) -> Sequence[Any]:
    return await asyncio.gather(*waiting)


def _sources(found: Any) -> Sequence[Source]:
    sources: Sequence[Source] = found
    return sources


def _names(selections: Iterable[Selection]) -> Iterable[str]:
    for each in selections:
        name = getattr(each, "name", None)
        if name is not None:
            yield name
        yield from _names(each.selections)
